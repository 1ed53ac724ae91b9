//! Calls that do not belong in finished code.

use std::collections::BTreeSet;

use super::{Outcome, Subject};
use crate::finding::Finding;
use crate::source::RustSource;
use crate::tokens::{before, find};

/// Where a ban holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everywhere,
    OutsideTests,
    Libraries,
}

/// Something that must not be written.
struct Ban {
    /// How it is called in messages and in [`ALLOWED`].
    name: &'static str,
    /// Token sequences that are it.
    patterns: &'static [&'static [&'static str]],
    scope: Scope,
    /// What to do about it.
    advice: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        name: "todo",
        patterns: &[&["todo", "!"], &["unimplemented", "!"]],
        scope: Scope::OutsideTests,
        advice: "finish it, or return an error that says what is not supported",
    },
    Ban {
        name: "dbg",
        patterns: &[&["dbg", "!"]],
        scope: Scope::OutsideTests,
        advice: "remove it, or use `tracing`",
    },
    Ban {
        name: "ignore",
        patterns: &[&["#", "[", "ignore", "]"], &["#", "[", "ignore", "="]],
        scope: Scope::Everywhere,
        advice: "a test runs or does not exist",
    },
    Ban {
        name: "sleep",
        patterns: &[&["thread", ":", ":", "sleep"], &["sleep", "("]],
        scope: Scope::Everywhere,
        advice: "wait for the event itself, or move a manual clock",
    },
    Ban {
        name: "print",
        patterns: &[
            &["println", "!"],
            &["eprintln", "!"],
            &["print", "!"],
            &["eprint", "!"],
        ],
        scope: Scope::Libraries,
        advice: "a library logs through `tracing` and writes to a writer that it is given",
    },
];

/// Files in which a ban does not hold: (ban, path, reason).
const ALLOWED: &[(&str, &str, &str)] = &[(
    "sleep",
    "crates/headwater/examples/log_analyzer/generator/server.rs",
    "it stands for a live site: lines at a given rate of the wall clock are its purpose",
)];

/// Looks for banned calls outside the files that are allowed to have them.
pub(crate) fn check(subject: &Subject) -> Outcome {
    judge(subject, ALLOWED).into()
}

fn judge(subject: &Subject, allowed: &[(&str, &str, &str)]) -> Vec<Finding> {
    let libraries: BTreeSet<&str> = subject
        .workspace
        .library_sources()
        .map(|source| source.path.as_str())
        .collect();
    let mut findings = BTreeSet::new();
    let mut used = BTreeSet::new();
    for source in &subject.workspace.sources {
        let in_library = libraries.contains(source.path.as_str());
        for ban in BANS
            .iter()
            .filter(|ban| ban.scope != Scope::Libraries || in_library)
        {
            let lines = lines_with(ban, source);
            let allowance = (ban.name, source.path.as_str());
            if allowed
                .iter()
                .any(|(name, path, _)| (*name, *path) == allowance)
            {
                used.extend((!lines.is_empty()).then_some(allowance));
                continue;
            }
            let message = format!("`{}` is banned here; {}", ban.name, ban.advice);
            findings.extend(
                lines
                    .iter()
                    .map(|&line| Finding::new(&source.path, line, &*message)),
            );
        }
    }
    let stale = allowed
        .iter()
        .filter(|(name, path, _)| !used.contains(&(*name, *path)));
    findings.extend(stale.map(|(name, path, _)| {
        Finding::new(
            path,
            1,
            format!("no longer needs `{name}`; drop it from ALLOWED"),
        )
    }));
    findings.into_iter().collect()
}

/// The lines of `source` on which the ban is broken.
fn lines_with(ban: &Ban, source: &RustSource) -> BTreeSet<usize> {
    let tokens = &source.tokens;
    let found = ban
        .patterns
        .iter()
        .flat_map(|pattern| find(tokens, pattern));
    let calls = found.filter(|&at| {
        // A method or a function of that name is somebody else's.
        let is_sleep = tokens.get(at).is_some_and(|token| token.text == "sleep");
        !(is_sleep && matches!(before(tokens, at), "." | "fn"))
    });
    let calls = calls.filter_map(|at| Some(tokens.get(at)?.line));
    let examples = if ban.name == "sleep" {
        sleeping_examples(source)
    } else {
        Vec::new()
    };
    calls
        .chain(examples)
        .filter(|&line| ban.scope == Scope::Everywhere || !source.is_test_line(line))
        .collect()
}

/// Examples in doc comments are tests too, and must not sleep either.
fn sleeping_examples(source: &RustSource) -> Vec<usize> {
    let docs = find(&source.tokens, &["doc", "="]).filter_map(|at| source.tokens.get(at + 2));
    docs.filter(|text| text.text.contains("thread::sleep("))
        .map(|text| text.line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn subject(path: &str, text: &str) -> Subject {
        let files = [("crates/x/src/lib.rs", "//! A library."), (path, text)];
        Subject {
            workspace: Workspace::from_files(files),
            ..Subject::default()
        }
    }

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let findings = judge(&subject(path, text), &[]).into_iter();
        let name = |message: String| message.split('`').nth(1).unwrap_or_default().to_owned();
        findings
            .map(|finding| (finding.line, name(finding.message)))
            .collect()
    }

    #[test]
    fn unfinished_code_is_found_outside_tests() {
        let text = "fn a() { todo!() }\nfn b() { dbg!(1); }\n#[test]\nfn c() { todo!() }";
        assert_eq!(
            found("crates/x/src/a.rs", text),
            [(1, "todo".to_owned()), (2, "dbg".to_owned())]
        );
    }

    #[test]
    fn ignored_tests_are_found_with_and_without_a_reason() {
        let text = "#[test]\n#[ignore]\nfn a() {}\n#[test]\n#[ignore = \"slow\"]\nfn b() {}";
        let lines: Vec<_> = found("crates/x/tests/a.rs", text)
            .into_iter()
            .map(|f| f.0)
            .collect();
        assert_eq!(lines, [2, 5]);
    }

    #[test]
    fn tests_and_examples_must_not_sleep() {
        let call = "fn a() {\n    std::thread::sleep(t);\n}";
        assert_eq!(
            found("crates/x/tests/a.rs", call),
            [(2, "sleep".to_owned())]
        );
        assert_eq!(found("crates/x/src/a.rs", call).len(), 1);
        let example = "/// ```\n/// std::thread::sleep(t);\n/// ```\nfn a() {}";
        assert_eq!(
            found("crates/x/src/a.rs", example),
            [(2, "sleep".to_owned())]
        );
        let imported = "use std::thread::sleep;\nfn a() { sleep(t) }";
        assert_eq!(found("crates/x/src/a.rs", imported).len(), 2);
    }

    #[test]
    fn a_method_called_sleep_is_not_the_threads_sleep() {
        assert!(
            found(
                "crates/x/src/a.rs",
                "fn sleep() {}\nfn a() { clock.sleep(t) }"
            )
            .is_empty()
        );
    }

    #[test]
    fn only_libraries_may_not_print() {
        let text = "fn a() { println!(\"a\") }";
        assert_eq!(found("crates/x/src/a.rs", text), [(1, "print".to_owned())]);
        assert!(found("crates/x/src/main.rs", text).is_empty());
        assert!(found("crates/x/examples/a.rs", text).is_empty());
    }

    #[test]
    fn an_allowance_holds_until_it_is_not_needed() {
        let allowed = [("print", "crates/x/src/a.rs", "the console is its purpose")];
        let printing = subject("crates/x/src/a.rs", "fn a() { println!(\"a\") }");
        assert!(judge(&printing, &allowed).is_empty());
        let silent = judge(&subject("crates/x/src/a.rs", "fn a() {}"), &allowed);
        assert!(silent[0].message.contains("no longer needs"));
    }
}
