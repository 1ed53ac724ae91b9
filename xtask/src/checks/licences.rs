//! What we ship is free to use, and each dependency that we chose is explained.

use std::collections::{BTreeMap, BTreeSet};

use super::{Outcome, Subject, arrows, spdx};
use crate::finding::{Finding, line_where};
use crate::metadata::{Metadata, Package};

const EXPLAINED_IN: &str = "DEPENDENCIES.md";

/// Checks licences of everything that is linked, and the page that explains the direct ones.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let mut findings = licence_findings(subject);
    findings.extend(explanation_findings(subject));
    findings.into()
}

fn licence_findings(subject: &Subject) -> Vec<Finding> {
    let shipped = shipped(&subject.metadata);
    let packages = subject
        .metadata
        .packages
        .iter()
        .filter(|p| shipped.contains(p.id.as_str()));
    let refused = packages.filter(|p| !p.license.as_deref().is_some_and(spdx::is_acceptable));
    refused
        .map(|package| {
            let licence = package
                .license
                .as_deref()
                .unwrap_or("no licence expression");
            let message = format!(
                "{} {} is under `{licence}`, which is not on the list of accepted licences",
                package.name, package.version
            );
            Finding::new("Cargo.lock", lock_line(subject, package), message)
        })
        .collect()
}

/// Ids of the packages that normal and build dependencies reach; test-only ones are not shipped.
fn shipped(metadata: &Metadata) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, _> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), &node.deps))
        .collect();
    let mut waiting: Vec<&str> = metadata
        .workspace_members
        .iter()
        .map(String::as_str)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let edges = nodes.get(id).into_iter().flat_map(|deps| deps.iter());
        let shipped = edges.filter(|edge| {
            edge.dep_kinds
                .iter()
                .any(|kind| kind.kind.as_deref() != Some("dev"))
        });
        waiting.extend(shipped.map(|edge| edge.pkg.as_str()));
    }
    seen
}

/// The line of the lock file that names the package.
fn lock_line(subject: &Subject, package: &Package) -> usize {
    let text = subject.workspace.text("Cargo.lock");
    let name = format!("name = \"{}\"", package.name);
    let version = format!("version = \"{}\"", package.version);
    // Runs one line ahead: a version stands below the name that it belongs to.
    let mut following = text.lines().skip(1);
    line_where(text, |line| {
        let next = following.next();
        line == name && next == Some(version.as_str())
    })
}

/// Every direct dependency has a row; every row is one, or is at least offered to the members
/// by the root manifest.
fn explanation_findings(subject: &Subject) -> Vec<Finding> {
    let page = subject.workspace.text(EXPLAINED_IN);
    let rows: BTreeMap<&str, usize> = page
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((explained(line)?, index + 1)))
        .collect();
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for package in subject.metadata.members() {
        let manifest = subject.metadata.manifest(package);
        for dependency in package.dependencies.iter().filter(|d| d.path.is_none()) {
            let name = dependency.name.as_str();
            used.insert(name);
            if !rows.contains_key(name) {
                let text = subject.workspace.text(&manifest);
                let line = line_where(text, |line| arrows::declares(line, name));
                let message = format!("`{name}` needs a row in {EXPLAINED_IN}");
                findings.push(Finding::new(&manifest, line, message));
            }
        }
    }
    let root = subject.workspace.text("Cargo.toml");
    let offered = |name: &str| root.lines().any(|line| arrows::declares(line, name));
    let stale = rows
        .iter()
        .filter(|(name, _)| !used.contains(*name) && !offered(name));
    findings.extend(stale.map(|(name, line)| {
        Finding::new(
            EXPLAINED_IN,
            *line,
            format!("`{name}` is no direct dependency any more"),
        )
    }));
    findings
}

/// The crate that a row of the table explains.
fn explained(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?
        .split_once("` |")
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Edge, EdgeKind, Node, Resolve};
    use crate::workspace::Workspace;

    fn package(name: &str, license: Option<&str>) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            manifest_path: format!("crates/{name}/Cargo.toml").into(),
            ..Package::default()
        }
    }

    fn edge(to: &str, kind: Option<&str>) -> Edge {
        let kinds = vec![EdgeKind {
            kind: kind.map(str::to_owned),
        }];
        Edge {
            pkg: to.to_owned(),
            dep_kinds: kinds,
        }
    }

    fn metadata(edges: Vec<Edge>, packages: Vec<Package>) -> Metadata {
        Metadata {
            packages,
            workspace_members: vec!["ours".to_owned()],
            resolve: Resolve {
                nodes: vec![Node {
                    id: "ours".to_owned(),
                    deps: edges,
                }],
            },
            ..Metadata::default()
        }
    }

    #[test]
    fn a_refused_licence_is_found_where_the_lock_file_names_it() {
        let lock = "name = \"viral\"\nversion = \"0.9.0\"\n\nname = \"viral\"\nversion = \"1.0.0\"";
        let packages = vec![
            package("ours", Some("MIT")),
            package("viral", Some("GPL-3.0-only")),
        ];
        let subject = Subject {
            workspace: Workspace::from_files([("Cargo.lock", lock)]),
            metadata: metadata(vec![edge("viral", None)], packages),
        };
        let findings = licence_findings(&subject);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .to_string()
                .starts_with("Cargo.lock:4: viral 1.0.0 is under `GPL")
        );
    }

    #[test]
    fn build_dependencies_count_and_test_only_ones_do_not() {
        let packages = vec![
            package("ours", Some("MIT")),
            package("builds", None),
            package("tests", None),
        ];
        let edges = vec![edge("builds", Some("build")), edge("tests", Some("dev"))];
        let subject = Subject {
            metadata: metadata(edges, packages),
            ..Subject::default()
        };
        let findings = licence_findings(&subject);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .message
                .starts_with("builds 1.0.0 is under `no licence")
        );
    }

    #[test]
    fn the_page_and_the_manifests_name_the_same_crates() {
        let mut ours = package("ours", Some("MIT"));
        let named = |name: &str| Dependency {
            name: name.to_owned(),
            path: None,
        };
        ours.dependencies = vec![named("known"), named("new")];
        let files = [
            (
                "DEPENDENCIES.md",
                "| `known` | core |\n| `gone` | core |\n| `offered` | core |\n",
            ),
            ("Cargo.toml", "[workspace.dependencies]\noffered = \"1\"\n"),
            (
                "crates/ours/Cargo.toml",
                "[dependencies]\nknown = \"1\"\nnew = \"1\"\n",
            ),
        ];
        let subject = Subject {
            workspace: Workspace::from_files(files),
            metadata: metadata(Vec::new(), vec![ours]),
        };
        let findings: Vec<_> = explanation_findings(&subject)
            .iter()
            .map(Finding::to_string)
            .collect();
        assert_eq!(
            findings,
            [
                "crates/ours/Cargo.toml:3: `new` needs a row in DEPENDENCIES.md",
                "DEPENDENCIES.md:2: `gone` is no direct dependency any more",
            ]
        );
    }
}
