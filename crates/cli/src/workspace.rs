//! The source tree of Headwater, where this program finds examples and the library.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The manifest by which a source tree is known.
pub(crate) const FACADE: &str = "crates/headwater/Cargo.toml";

/// The variable that names a source tree.
const HOME: &str = "HEADWATER_HOME";

/// A checkout of Headwater.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

/// A program of `crates/headwater/examples`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) name: String,
    /// Its first sentence about itself.
    pub(crate) about: String,
}

impl Workspace {
    /// The source tree around a directory, or that of `HEADWATER_HOME`.
    pub(crate) fn find(from: &Path) -> Result<Option<Self>, CliError> {
        Workspace::find_with(from, std::env::var_os(HOME))
    }

    fn find_with(from: &Path, home: Option<OsString>) -> Result<Option<Self>, CliError> {
        let around = from.ancestors().find(|dir| is_checkout(dir));
        match (around, home.filter(|home| !home.is_empty())) {
            (Some(root), _) => Ok(Some(Workspace {
                root: root.to_owned(),
            })),
            (None, Some(home)) => Workspace::at(HOME, Path::new(&home)).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The source tree at a directory, which may also be that of the library in it.
    pub(crate) fn at(named: &'static str, path: &Path) -> Result<Self, CliError> {
        let full = std::path::absolute(path).map_err(CliError::io("find", path))?;
        let above = full.ancestors().nth(2).filter(|root| is_checkout(root));
        let root = match above {
            _ if is_checkout(&full) => full,
            Some(root) => root.to_owned(),
            None => return Err(CliError::NotACheckout { named, path: full }),
        };
        Ok(Workspace { root })
    }

    /// The directory of the library that programs depend on.
    pub(crate) fn library(&self) -> PathBuf {
        self.root.join("crates").join("headwater")
    }

    /// The examples, by name.
    pub(crate) fn examples(&self) -> Result<Vec<Example>, CliError> {
        let directory = self.library().join("examples");
        let failed = || CliError::io("list", &directory);
        let mut examples = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            let main = match path.extension() {
                Some(extension) if extension == "rs" => path.clone(),
                _ => path.join("main.rs"),
            };
            // A directory without one is shared by the others.
            if let (Ok(text), Some(name)) = (fs::read_to_string(main), path.file_stem()) {
                examples.push(Example {
                    name: name.to_string_lossy().into_owned(),
                    about: about(&text),
                });
            }
        }
        examples.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(examples)
    }
}

fn is_checkout(directory: &Path) -> bool {
    directory.join(FACADE).is_file() && directory.join("Cargo.toml").is_file()
}

/// The first paragraph of a program's documentation.
fn about(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    let lines = lines.map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this() -> Workspace {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Workspace::find_with(manifest, None).unwrap().unwrap()
    }

    #[test]
    fn a_checkout_is_found_from_within_or_by_its_variable() {
        let elsewhere = tempfile::tempdir().unwrap();
        let root = this().root;
        assert!(root.join("crates/cli").is_dir());
        let outside = Workspace::find_with(elsewhere.path(), None).unwrap();
        assert_eq!(outside, None);
        let home = Some(root.clone().into_os_string());
        let found = Workspace::find_with(elsewhere.path(), home).unwrap();
        assert_eq!(found, Some(this()));
        let wrong = Some(elsewhere.path().as_os_str().to_owned());
        let error = Workspace::find_with(elsewhere.path(), wrong).unwrap_err();
        assert!(
            error.to_string().starts_with("HEADWATER_HOME is"),
            "{error}"
        );
    }

    #[test]
    fn a_checkout_is_named_by_its_top_or_by_the_library() {
        let this = this();
        assert_eq!(Workspace::at("--path", &this.root).unwrap(), this);
        assert_eq!(Workspace::at("--path", &this.library()).unwrap(), this);
        assert!(Workspace::at("--path", &this.root.join("crates")).is_err());
    }

    #[test]
    fn examples_say_what_they_do() {
        let examples = this().examples().unwrap();
        let names: Vec<_> = examples.iter().map(|one| one.name.as_str()).collect();
        assert!(names.contains(&"log_analyzer") && names.contains(&"network_word_count"));
        assert!(!names.contains(&"program"), "{names:?}");
        assert!(
            examples.iter().all(|one| one.about.ends_with('.')),
            "{examples:?}"
        );
    }
}
