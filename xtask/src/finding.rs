//! One thing that a check objects to, at one place.

use std::fmt;

/// A finding; prints as `path:line: message`, which editors turn into a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path below the workspace root, with `/` between its parts.
    pub(crate) path: String,
    /// Line, counted from one.
    pub(crate) line: usize,
    /// What is wrong and what to do about it.
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// The number (from one) of the first line that `wanted` accepts, or 1 when none does.
pub(crate) fn line_where(text: &str, wanted: impl FnMut(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_path_line_message() {
        let finding = Finding::new("crates/core/src/lib.rs", 7, "too long");
        assert_eq!(finding.to_string(), "crates/core/src/lib.rs:7: too long");
    }

    #[test]
    fn finds_the_line_that_is_wanted() {
        assert_eq!(line_where("a\nb\nc", |line| line == "b"), 2);
        assert_eq!(line_where("a\nb\nc", |line| line == "z"), 1);
    }
}
