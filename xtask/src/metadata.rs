//! What `cargo metadata` knows about the packages of this build.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::Error;

/// The answer of `cargo metadata`, cut down to what the checks read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    /// All packages of the build.
    pub(crate) packages: Vec<Package>,
    /// Ids of the packages that live in this workspace.
    pub(crate) workspace_members: Vec<String>,
    /// Which package uses which, after features and versions were chosen.
    pub(crate) resolve: Resolve,
    /// Where cargo puts what it builds.
    pub(crate) target_directory: PathBuf,
    /// The workspace root as cargo sees it.
    pub(crate) workspace_root: PathBuf,
}

/// One package.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression, when the package gives one.
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
    /// Dependencies as the manifest declares them.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One declared dependency.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Set for a dependency that is a directory, which here means a crate of the workspace.
    pub(crate) path: Option<PathBuf>,
}

/// The graph of packages.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// The outgoing edges of one package.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) deps: Vec<Edge>,
}

/// One edge of the graph.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Edge {
    pub(crate) pkg: String,
    pub(crate) dep_kinds: Vec<EdgeKind>,
}

/// What an edge is for: nothing for normal code, else `build` or `dev`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct EdgeKind {
    pub(crate) kind: Option<String>,
}

impl Metadata {
    /// Asks cargo about the workspace at `root`, for the platform that cargo runs on: asking
    /// for all platforms would download packages that this build never uses.
    pub(crate) fn load(root: &Path) -> Result<Self, Error> {
        let host = host_platform()?;
        let arguments = [
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            &host,
        ];
        let answer = output(cargo().args(arguments).current_dir(root))?;
        serde_json::from_slice(&answer).map_err(|error| Error::Metadata {
            reason: error.to_string(),
        })
    }

    /// The packages that live in this workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// A member's manifest, as a path below the workspace root.
    pub(crate) fn manifest(&self, package: &Package) -> String {
        let path = &package.manifest_path;
        path.strip_prefix(&self.workspace_root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned()
    }
}

/// The cargo that started this program, else the one on the path.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn host_platform() -> Result<String, Error> {
    let answer = output(cargo().arg("-vV"))?;
    let text = String::from_utf8_lossy(&answer);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Error::Metadata {
        reason: "`cargo -vV` names no host".to_owned(),
    })
}

/// Runs a command and returns what it printed.
fn output(command: &mut Command) -> Result<Vec<u8>, Error> {
    let result = command.output().map_err(|error| Error::Metadata {
        reason: error.to_string(),
    })?;
    if result.status.success() {
        Ok(result.stdout)
    } else {
        let reason = String::from_utf8_lossy(&result.stderr).trim().to_owned();
        Err(Error::Metadata { reason })
    }
}
