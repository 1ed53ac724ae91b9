//! A module is named by what it holds; a drawer for anything holds everything in the end.

use std::collections::BTreeSet;

use super::{Outcome, Subject};
use crate::finding::Finding;
use crate::tokens::find;

const BANNED: &[&str] = &["utils", "util", "helpers", "helper", "misc", "common"];

/// Looks at the names of files, directories and inline modules.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let mut findings = BTreeSet::new();
    for source in &subject.workspace.sources {
        let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
        if let Some(name) = stem.split('/').find(|part| BANNED.contains(part)) {
            findings.insert(Finding::new(&source.path, 1, objection(name)));
        }
        for at in find(&source.tokens, &["mod"]) {
            let Some(name) = source.tokens.get(at + 1) else {
                continue;
            };
            if BANNED.contains(&name.text.as_str()) {
                findings.insert(Finding::new(&source.path, name.line, objection(&name.text)));
            }
        }
    }
    findings.into_iter().collect::<Vec<_>>().into()
}

fn objection(name: &str) -> String {
    format!("`{name}` says nothing; name the module by what it holds")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let workspace = Workspace::from_files([(path, text)]);
        let findings = check(&Subject {
            workspace,
            ..Subject::default()
        })
        .findings;
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn files_directories_and_modules_are_found() {
        assert_eq!(lines("crates/x/src/utils.rs", ""), [1]);
        assert_eq!(lines("crates/x/tests/common/mod.rs", ""), [1]);
        assert_eq!(lines("crates/x/src/lib.rs", "mod a;\nmod helpers {}"), [2]);
    }

    #[test]
    fn names_that_only_contain_such_a_word_are_fine() {
        assert!(lines("crates/x/src/commons_log.rs", "mod utilisation {}").is_empty());
    }
}
