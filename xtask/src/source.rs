//! One Rust file: its syntax, its tokens, and which of its lines are test code.

use std::ops::RangeInclusive;

use crate::finding::Finding;
use crate::tokens::{Token, find, flatten, matches_at};

/// How an attribute that makes the next item test code begins.
const TEST_ATTRIBUTES: &[&[&str]] = &[
    &["#", "[", "test", "]"],
    &["#", "[", "cfg", "(", "test", ")"],
    &["#", "[", "cfg", "(", "all", "(", "test"],
];

/// A parsed source file.
pub(crate) struct RustSource {
    /// Path below the workspace root, with `/` between its parts.
    pub(crate) path: String,
    /// The file's text.
    pub(crate) text: String,
    /// The syntax tree.
    pub(crate) syntax: syn::File,
    /// The same as a flat list.
    pub(crate) tokens: Vec<Token>,
    /// Set when the whole file is test code, which only its parent module may know.
    pub(crate) is_test: bool,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl RustSource {
    /// Parses a file; one that cannot be parsed is a finding at the place of the error.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Finding> {
        let unreadable = |span: proc_macro2::Span, message: String| {
            Finding::new(
                path,
                span.start().line,
                format!("not valid Rust: {message}"),
            )
        };
        let syntax =
            syn::parse_file(text).map_err(|error| unreadable(error.span(), error.to_string()))?;
        // `parse_file` drops a shebang and a byte order mark; no file here has one.
        let stream: proc_macro2::TokenStream = text
            .parse()
            .map_err(|error: proc_macro2::LexError| unreadable(error.span(), error.to_string()))?;
        let tokens = flatten(stream);
        let whole = find(&tokens, &["#", "!", "[", "cfg", "(", "test", ")"])
            .next()
            .is_some();
        let test_lines = test_items(&tokens)
            .filter_map(|item| {
                Some(tokens.get(*item.start())?.line..=tokens.get(*item.end())?.line)
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            syntax,
            is_test: whole || lies_in_test_directory(path),
            test_lines,
            tokens,
        })
    }

    /// Whether the line is compiled for tests only.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// The number of lines that are not test code.
    pub(crate) fn code_lines(&self) -> usize {
        (1..=self.text.lines().count())
            .filter(|&line| !self.is_test_line(line))
            .count()
    }

    /// The paths (without `.rs`) of modules that this file declares for tests only.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let home = self.module_directory();
        test_items(&self.tokens)
            .filter_map(|item| {
                let item = self.tokens.get(item)?;
                let at = find(item, &["mod"]).next()?;
                matches_at(item, at + 2, &[";"])
                    .then(|| item.get(at + 1))
                    .flatten()
            })
            .map(|name| format!("{home}/{}", name.text))
            .collect()
    }

    /// The directory in which the modules of this file are looked for.
    fn module_directory(&self) -> &str {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        match stem.rsplit_once('/') {
            Some((directory, "lib" | "main" | "mod")) => directory,
            _ => stem,
        }
    }
}

/// Token ranges of the items that carry a test attribute, attribute included.
fn test_items(tokens: &[Token]) -> impl Iterator<Item = RangeInclusive<usize>> + '_ {
    let starts = (0..tokens.len()).filter(|&at| {
        TEST_ATTRIBUTES
            .iter()
            .any(|pattern| matches_at(tokens, at, pattern))
    });
    starts.map(|start| start..=item_end(tokens, start))
}

/// The last token of the item whose attribute starts at `start`: its `;` or its closing brace,
/// else (a field, say) the last token of what it stands in.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let depth = tokens.get(start).map_or(0, |token| token.depth);
    let mut end = start;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        if token.depth < depth {
            break;
        }
        end = index;
        if token.depth == depth && matches!(token.text.as_str(), ";" | "}") {
            break;
        }
    }
    end
}

fn lies_in_test_directory(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "benches")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str =
        "fn a() {\n}\n\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\n\nfn c() {}\n";

    #[test]
    fn a_test_module_is_test_code_and_the_rest_is_not() {
        let source = RustSource::parse("crates/x/src/a.rs", MIXED).unwrap();
        let test: Vec<_> = (1..=10).filter(|&line| source.is_test_line(line)).collect();
        assert_eq!(test, [4, 5, 6, 7, 8]);
        assert_eq!(source.code_lines(), 5);
    }

    #[test]
    fn code_that_is_left_out_of_tests_is_not_test_code() {
        let source = RustSource::parse("crates/x/src/a.rs", "#[cfg(not(test))]\nfn a() {}");
        assert!(!source.unwrap().is_test_line(2));
    }

    #[test]
    fn a_test_only_field_ends_with_its_struct() {
        let text = "struct A {\n    #[cfg(test)]\n    b: u8,\n}\nfn c() {}";
        let source = RustSource::parse("crates/x/src/a.rs", text).unwrap();
        assert!(source.is_test_line(3) && !source.is_test_line(5));
    }

    #[test]
    fn files_below_a_tests_directory_are_test_code() {
        assert!(
            RustSource::parse("crates/x/tests/a.rs", "fn a() {}")
                .unwrap()
                .is_test_line(1)
        );
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_named() {
        let declare = "#[cfg(test)]\nmod tests;\nmod other;";
        let modules = |path| RustSource::parse(path, declare).unwrap().test_modules();
        assert_eq!(modules("crates/x/src/lib.rs"), ["crates/x/src/tests"]);
        assert_eq!(modules("crates/x/src/a.rs"), ["crates/x/src/a/tests"]);
    }

    #[test]
    fn a_file_that_does_not_parse_is_a_finding() {
        let finding = RustSource::parse("a.rs", "fn a() {}\nfn (").err().unwrap();
        assert_eq!((finding.path.as_str(), finding.line), ("a.rs", 2));
    }
}
