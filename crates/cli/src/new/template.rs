//! The files of a new program.
//!
//! They are in `templates/program`, as a program called `new-program` that the tests of the
//! library compile and run; here its name and its dependency are put in.

use std::fmt;
use std::path::PathBuf;

/// The files and their texts.
const FILES: [(&str, &str); 6] = [
    (
        "Cargo.toml",
        include_str!("../../templates/program/manifest.toml"),
    ),
    (
        "README.md",
        include_str!("../../templates/program/README.md"),
    ),
    (
        ".gitignore",
        include_str!("../../templates/program/gitignore"),
    ),
    (
        "src/lib.rs",
        include_str!("../../templates/program/src/lib.rs"),
    ),
    (
        "src/main.rs",
        include_str!("../../templates/program/src/main.rs"),
    ),
    (
        "tests/word_counts.rs",
        include_str!("../../templates/program/tests/word_counts.rs"),
    ),
];

const NAME: &str = "new-program";
const IDENT: &str = "new_program";
const DEPENDENCY: &str = "@dependency@";

/// What differs from program to program.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) dependency: Dependency,
    /// It lies in the directory of another package, which it does not belong to.
    pub(super) is_within_package: bool,
}

/// Where a program finds the library.
pub(super) enum Dependency {
    /// In its directory.
    Path(PathBuf),
    /// In a git repository.
    Git(String),
    /// At the registry.
    Version(&'static str),
}

impl Program {
    /// Each file with its text.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, String)> {
        FILES
            .iter()
            .map(|(name, text)| (*name, self.fill(name, text)))
    }

    fn fill(&self, file: &str, text: &str) -> String {
        // An identifier has no hyphen, so that the second does not find what the first put in.
        let text = text.replace(IDENT, &self.name.replace('-', "_"));
        let mut text = text.replace(NAME, &self.name);
        if file == "Cargo.toml" {
            text = text.replace(DEPENDENCY, &self.dependency.in_toml());
            if self.is_within_package {
                text.push_str("\n# It is no part of the package around it.\n[workspace]\n");
            }
        }
        text
    }
}

impl Dependency {
    fn in_toml(&self) -> String {
        match self {
            Dependency::Path(path) => format!("{{ path = {} }}", quoted(&path.to_string_lossy())),
            Dependency::Git(url) => format!("{{ git = {} }}", quoted(url)),
            Dependency::Version(version) => quoted(version),
        }
    }
}

impl Dependency {
    /// What to do if cargo does not find it.
    pub(super) fn advice(&self) -> String {
        let Dependency::Version(version) = self else {
            return String::new();
        };
        format!(
            "\nIf cargo finds no headwater {version} at the registry, put where it is into \
             Cargo.toml:\n  headwater = {{ path = \"CHECKOUT/crates/headwater\" }}\nor remove \
             the directory and begin again with --path CHECKOUT or --git URL.\n"
        )
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dependency::Path(path) => write!(f, "the library in {}", path.display()),
            Dependency::Git(url) => write!(f, "the library at {url}"),
            Dependency::Version(version) => write!(
                f,
                "the published version {version}, as no source tree is known here; --path and \
                 --git name others"
            ),
        }
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(dependency: Dependency) -> Program {
        Program {
            name: "my-words".to_owned(),
            dependency,
            is_within_package: false,
        }
    }

    fn file(program: &Program, name: &str) -> String {
        let mut files = program.files();
        files.find(|(each, _)| *each == name).unwrap().1
    }

    #[test]
    fn a_program_has_its_name_everywhere() {
        let program = program(Dependency::Version("1.2.3"));
        for (name, text) in program.files() {
            assert!(
                !text.contains(NAME) && !text.contains(IDENT),
                "{name}: {text}"
            );
            assert!(!text.contains('@'), "{name}: {text}");
        }
        assert!(file(&program, "src/main.rs").contains("use my_words::"));
        let manifest = file(&program, "Cargo.toml");
        assert!(manifest.contains("name = \"my-words\""), "{manifest}");
        assert!(manifest.contains("headwater = \"1.2.3\""), "{manifest}");
        assert!(!manifest.contains("[workspace]"), "{manifest}");
    }

    #[test]
    fn a_dependency_can_lie_anywhere() {
        let path = Dependency::Path("C:\\a \"b\"\n".into());
        let manifest = file(&program(path), "Cargo.toml");
        let line = r#"headwater = { path = "C:\\a \"b\"\u000A" }"#;
        assert!(manifest.contains(line), "{manifest}");
        let git = program(Dependency::Git("https://example.org/h".to_owned()));
        let line = r#"headwater = { git = "https://example.org/h" }"#;
        assert!(file(&git, "Cargo.toml").contains(line));
        let within = Program {
            is_within_package: true,
            ..git
        };
        assert!(file(&within, "Cargo.toml").ends_with("\n[workspace]\n"));
    }
}
