//! Arrows between crates point down only.
//!
//! The table below is the architecture; a new line or a new name in a line is the third kind
//! of change of CONTRIBUTING.md and needs a decision record.

use super::{Outcome, Subject};
use crate::finding::{Finding, line_where};
use crate::metadata::Package;

/// Each crate of the workspace with the crates of the workspace that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("headwater-store", &[]),
    ("headwater-journal", &["headwater-store"]),
    ("headwater-core", &["headwater-store"]),
    (
        "headwater-streaming",
        &["headwater-core", "headwater-journal", "headwater-store"],
    ),
    (
        "headwater-sqlite",
        &["headwater-core", "headwater-streaming"],
    ),
    (
        "headwater-postgres",
        &["headwater-core", "headwater-streaming"],
    ),
    (
        "headwater-ui",
        &["headwater-core", "headwater-store", "headwater-streaming"],
    ),
    (
        "headwater",
        &[
            "headwater-core",
            "headwater-postgres",
            "headwater-sqlite",
            "headwater-store",
            "headwater-streaming",
            "headwater-ui",
        ],
    ),
    (
        "headwater-cli",
        &[
            "headwater-core",
            "headwater-store",
            "headwater-streaming",
            "headwater-ui",
        ],
    ),
    (
        "headwater-bench",
        &["headwater", "headwater-core", "headwater-streaming"],
    ),
    ("headwater-chaos", &["headwater", "headwater-journal"]),
    ("xtask", &[]),
];

/// Words of an upper layer that must not even be mentioned in a lower one.
const VOCABULARY: &[(&str, &[&str])] = &[("headwater-core", &["DStream", "StreamingContext"])];

/// Compares the manifests and the sources of every member with the table.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let mut findings = Vec::new();
    for package in subject.metadata.members() {
        let manifest = subject.metadata.manifest(package);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            let message = format!(
                "crate `{}` is not listed; say in ARROWS of xtask/src/checks/arrows.rs what it \
                 may use",
                package.name
            );
            findings.push(Finding::new(&manifest, 1, message));
            continue;
        };
        check_manifest(subject, package, &manifest, allowed, &mut findings);
        let home = manifest.trim_end_matches("Cargo.toml");
        check_words(
            subject,
            package,
            &format!("{home}src/"),
            allowed,
            &mut findings,
        );
    }
    findings.into()
}

/// Dependencies of every kind count: a test that looks up is an arrow too.
fn check_manifest(
    subject: &Subject,
    package: &Package,
    manifest: &str,
    allowed: &[&str],
    findings: &mut Vec<Finding>,
) {
    let ours = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some());
    for dependency in ours {
        let name = dependency.name.as_str();
        if name == package.name || allowed.contains(&name) {
            continue;
        }
        let line = line_where(subject.workspace.text(manifest), |line| {
            declares(line, name)
        });
        let message = format!("`{}` must not depend on `{name}`", package.name);
        findings.push(Finding::new(manifest, line, message));
    }
}

/// Whether a manifest line declares the dependency `name`.
pub(super) fn declares(line: &str, name: &str) -> bool {
    let rest = line.trim_start().strip_prefix(name);
    rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
}

/// Looks for names of upper layers in the text of a crate, comments included.
fn check_words(
    subject: &Subject,
    package: &Package,
    home: &str,
    allowed: &[&str],
    findings: &mut Vec<Finding>,
) {
    let words = forbidden_words(&package.name, allowed);
    for (path, text) in subject
        .workspace
        .texts()
        .filter(|(path, _)| path.starts_with(home))
    {
        for (index, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| mentions(line, word)) {
                let message = format!(
                    "`{}` must not know of `{word}`, which is above it",
                    package.name
                );
                findings.push(Finding::new(path, index + 1, message));
            }
        }
    }
}

fn forbidden_words(name: &str, allowed: &[&str]) -> Vec<String> {
    // The workspace's own chores talk about every crate without using any.
    if name == "xtask" {
        return Vec::new();
    }
    let above = ARROWS.iter().map(|(other, _)| *other);
    let above = above.filter(|other| *other != name && !allowed.contains(other));
    let crates = above.map(|other| match other.replace('-', "_") {
        joined if joined.contains('_') => joined,
        // A single word is also the product's name; only a path is a use of the crate.
        single => format!("{single}::"),
    });
    let vocabulary = VOCABULARY.iter().filter(|(of, _)| *of == name);
    let vocabulary = vocabulary.flat_map(|(_, words)| words.iter().map(|word| (*word).to_owned()));
    crates.chain(vocabulary).collect()
}

/// Whether `line` holds `word` as a whole word.
fn mentions(line: &str, word: &str) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(joins) && (word.ends_with("::") || !after.is_some_and(joins))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{Dependency, Metadata};
    use crate::workspace::Workspace;

    fn subject(name: &str, uses: &str, source: &str) -> Subject {
        let dependency = Dependency {
            name: uses.to_owned(),
            path: Some("x".into()),
        };
        let package = Package {
            id: name.to_owned(),
            name: name.to_owned(),
            manifest_path: "crates/x/Cargo.toml".into(),
            dependencies: vec![dependency],
            ..Package::default()
        };
        let manifest = format!("[dependencies]\nserde.workspace = true\n{uses}.workspace = true\n");
        let files = [
            ("crates/x/Cargo.toml", manifest),
            ("crates/x/src/lib.rs", source.to_owned()),
        ];
        Subject {
            workspace: Workspace::from_files(files),
            metadata: Metadata {
                packages: vec![package],
                workspace_members: vec![name.to_owned()],
                ..Metadata::default()
            },
        }
    }

    fn found(name: &str, uses: &str, source: &str) -> Vec<String> {
        check(&subject(name, uses, source))
            .findings
            .iter()
            .map(Finding::to_string)
            .collect()
    }

    #[test]
    fn an_arrow_down_is_fine() {
        let source = "use headwater_core::Rdd;\n/// Headwater's DStream.\nstruct DStream;";
        assert!(found("headwater-streaming", "headwater-core", source).is_empty());
    }

    #[test]
    fn an_arrow_up_is_found_at_its_line() {
        let expected = "crates/x/Cargo.toml:3: `headwater-core` must not depend on \
                        `headwater-streaming`";
        assert_eq!(
            found("headwater-core", "headwater-streaming", ""),
            [expected]
        );
    }

    #[test]
    fn a_crate_that_is_not_listed_is_found() {
        let findings = found("headwater-moon", "headwater-core", "");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].contains("`headwater-moon` is not listed"));
    }

    #[test]
    fn words_of_an_upper_layer_are_found_even_in_comments() {
        let source = "//! Headwater.\n// A DStream uses this.\nuse headwater::prelude;\n";
        let findings = found("headwater-core", "headwater-core", source);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("crates/x/src/lib.rs:2:"));
        assert!(findings[1].starts_with("crates/x/src/lib.rs:3:"));
    }

    #[test]
    fn parts_of_words_do_not_count() {
        assert!(!mentions("DStreams", "DStream"));
        assert!(mentions("`DStream`", "DStream"));
        assert!(!mentions("my_headwater::x", "headwater::"));
    }
}
