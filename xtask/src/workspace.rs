//! The workspace's text files, read once and handed to every check.

use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::finding::Finding;
use crate::source::RustSource;

/// Hidden directories that belong to the workspace; others belong to tools and editors.
const HIDDEN: &[&str] = &[".cargo", ".ci", ".github"];

/// A text file that is no Rust source.
pub(crate) struct TextFile {
    /// Path below the workspace root, with `/` between its parts.
    pub(crate) path: String,
    /// The file's text.
    pub(crate) text: String,
}

/// All text files of the workspace in path order.
#[derive(Default)]
pub(crate) struct Workspace {
    /// Rust sources.
    pub(crate) sources: Vec<RustSource>,
    /// Everything else that is UTF-8.
    pub(crate) others: Vec<TextFile>,
    /// Sources that could not be parsed.
    pub(crate) unreadable: Vec<Finding>,
}

impl Workspace {
    /// Reads every text file below `root`, except build output.
    pub(crate) fn load(root: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        collect(root, "", &mut files)?;
        files.sort();
        Ok(Self::from_files(files))
    }

    /// Makes a workspace of (path, text) pairs.
    pub(crate) fn from_files<P, T>(files: impl IntoIterator<Item = (P, T)>) -> Self
    where
        P: Into<String>,
        T: Into<String>,
    {
        let mut workspace = Self::default();
        for (path, text) in files {
            let (path, text) = (path.into(), text.into());
            if !path.ends_with(".rs") {
                workspace.others.push(TextFile { path, text });
                continue;
            }
            match RustSource::parse(&path, &text) {
                Ok(source) => workspace.sources.push(source),
                Err(finding) => {
                    workspace.unreadable.push(finding);
                    workspace.others.push(TextFile { path, text });
                }
            }
        }
        workspace.mark_test_modules();
        workspace
    }

    /// The text of the file at `path`, or nothing when there is no such file.
    pub(crate) fn text(&self, path: &str) -> &str {
        self.texts()
            .find(|(name, _)| *name == path)
            .map_or("", |(_, text)| text)
    }

    /// Path and text of every file.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let sources = self
            .sources
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_str()));
        let others = self
            .others
            .iter()
            .map(|file| (file.path.as_str(), file.text.as_str()));
        sources.chain(others)
    }

    /// Sources of crates that other crates link: below `src/` beside a `lib.rs`, no binaries.
    pub(crate) fn library_sources(&self) -> impl Iterator<Item = &RustSource> {
        self.sources.iter().filter(|source| {
            let Some((home, rest)) = source.path.split_once("/src/") else {
                return false;
            };
            let library = format!("{home}/src/lib.rs");
            rest != "main.rs"
                && !rest.starts_with("bin/")
                && self.sources.iter().any(|other| other.path == library)
        })
    }

    /// `#[cfg(test)] mod tests;` makes a file, and all below it, test code.
    fn mark_test_modules(&mut self) {
        let modules: Vec<String> = self
            .sources
            .iter()
            .flat_map(|source| source.test_modules())
            .collect();
        for source in &mut self.sources {
            source.is_test |= modules.iter().any(|module| {
                let rest = source.path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            });
        }
    }
}

/// Adds the text files of `directory`, whose path below the root is `prefix`.
fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, String)>) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: directory.to_path_buf(),
        source,
    };
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if kind.is_dir() {
            let foreign = name.starts_with('.') && !HIDDEN.contains(&name.as_str());
            if !foreign && name != "target" {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).map_err(|source| Error::Read {
                path: entry.path(),
                source,
            })?;
            // Binary fixtures have no lines to point at.
            if let Ok(text) = String::from_utf8(bytes) {
                files.push((path, text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_output_tools_and_binary_files_are_left_out() {
        let root = tempfile::tempdir().unwrap();
        for directory in ["target", ".git", ".ci", "crates/x/src"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        for file in [
            "target/a.rs",
            ".git/config",
            ".ci/run",
            "crates/x/src/lib.rs",
        ] {
            fs::write(root.path().join(file), "").unwrap();
        }
        fs::write(root.path().join("frame.bin"), [0xff, 0xfe]).unwrap();
        let workspace = Workspace::load(root.path()).unwrap();
        let paths: Vec<_> = workspace.texts().map(|(path, _)| path).collect();
        assert_eq!(paths, ["crates/x/src/lib.rs", ".ci/run"]);
    }

    #[test]
    fn a_test_module_marks_its_file_and_what_lies_below() {
        let workspace = Workspace::from_files([
            ("crates/x/src/a.rs", "#[cfg(test)] mod tests;"),
            ("crates/x/src/a/tests.rs", "mod cases;"),
            ("crates/x/src/a/tests/cases.rs", ""),
            ("crates/x/src/a/testsuite.rs", ""),
        ]);
        let marks: Vec<_> = workspace
            .sources
            .iter()
            .map(|source| source.is_test)
            .collect();
        assert_eq!(marks, [false, true, true, false]);
    }

    #[test]
    fn a_binary_is_no_library() {
        let workspace = Workspace::from_files([
            ("crates/x/src/lib.rs", ""),
            ("crates/x/src/bin/tool.rs", ""),
            ("crates/x/examples/show.rs", ""),
            ("crates/y/src/main.rs", ""),
            ("crates/y/src/part.rs", ""),
        ]);
        let paths: Vec<_> = workspace
            .library_sources()
            .map(|s| s.path.as_str())
            .collect();
        assert_eq!(paths, ["crates/x/src/lib.rs"]);
    }
}
