//! Files do not mention paths that exist on one machine only.

use super::{Outcome, Subject};
use crate::finding::Finding;

/// The paths, written in two parts so that this file does not find itself.
const MARKERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp/bash", "_jobs"),
    concat!("/tmp/tar", "get-"),
    concat!("/ro", "ot/"),
];

/// Looks at every text file.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let mut findings = Vec::new();
    for (path, text) in subject.workspace.texts() {
        for (index, line) in text.lines().enumerate() {
            if let Some(marker) = MARKERS.iter().find(|marker| names_path(line, marker)) {
                let message = format!("`{marker}` is a path of one machine; leave it out");
                findings.push(Finding::new(path, index + 1, message));
            }
        }
    }
    findings.into()
}

/// Whether the marker starts a path in `line`, instead of being the middle of a longer one.
fn names_path(line: &str, marker: &str) -> bool {
    line.match_indices(marker).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn paths_of_one_machine_are_found_in_any_file() {
        let text = format!("fine\nsee {}main\n", MARKERS[0]);
        let workspace = Workspace::from_files([("docs/a.md", text)]);
        let findings = check(&Subject {
            workspace,
            ..Subject::default()
        })
        .findings;
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].path.as_str(), findings[0].line),
            ("docs/a.md", 2)
        );
    }

    #[test]
    fn the_middle_of_a_longer_path_is_fine() {
        assert!(!names_path(&format!("data{}a", MARKERS[0]), MARKERS[0]));
    }
}
