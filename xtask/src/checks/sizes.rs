//! Files and functions stay short enough to be read in one go.

use std::cmp::Reverse;

use syn::visit::{self, Visit};

use super::{Outcome, Subject};
use crate::finding::Finding;
use crate::source::RustSource;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 100;

/// How many of the largest files and functions are reported.
const REPORTED: usize = 3;

/// Files (`path`) and functions (`path#name`) that may be longer, each with the reason.
const ALLOWED: &[(&str, &str)] = &[];

/// A file or a function and its length.
struct Measured {
    /// `path` for a file, `path#name` for a function.
    key: String,
    path: String,
    line: usize,
    lines: usize,
}

/// Measures everything that is not test code.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let sources = subject
        .workspace
        .sources
        .iter()
        .filter(|source| !source.is_test);
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    for source in sources {
        let (key, path) = (source.path.clone(), source.path.clone());
        files.push(Measured {
            key,
            path,
            line: 1,
            lines: source.code_lines(),
        });
        functions.extend(functions_of(source));
    }
    let mut outcome = Outcome::default();
    judge("file", files, FILE_LINES_MAX, ALLOWED, &mut outcome);
    judge(
        "function",
        functions,
        FUNCTION_LINES_MAX,
        ALLOWED,
        &mut outcome,
    );
    outcome
}

/// Reports the largest and objects to those above `max`.
fn judge(
    what: &str,
    mut measured: Vec<Measured>,
    max: usize,
    allowed: &[(&str, &str)],
    outcome: &mut Outcome,
) {
    measured.sort_by_key(|item| Reverse(item.lines));
    for item in measured.iter().take(REPORTED) {
        outcome.report.push(format!(
            "sizes: {what} of {} lines: {}",
            item.lines, item.key
        ));
    }
    let too_long = measured.iter().filter(|item| item.lines > max);
    for item in too_long.filter(|item| !allowed.iter().any(|(key, _)| *key == item.key)) {
        let message = format!(
            "{what} {} has {} lines of code, more than {max}; split it by what it does",
            item.key, item.lines
        );
        outcome
            .findings
            .push(Finding::new(&item.path, item.line, message));
    }
}

fn functions_of(source: &RustSource) -> Vec<Measured> {
    let mut functions = Functions {
        source,
        found: Vec::new(),
    };
    functions.visit_file(&source.syntax);
    functions.found
}

/// Collects functions, methods and trait methods with a body.
struct Functions<'a> {
    source: &'a RustSource,
    found: Vec<Measured>,
}

impl Functions<'_> {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        if !self.source.is_test_line(line) {
            let path = self.source.path.clone();
            let key = format!("{path}#{}", signature.ident);
            self.found.push(Measured {
                key,
                path,
                line,
                lines: last + 1 - line,
            });
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn outcome(text: &str) -> Outcome {
        let workspace = Workspace::from_files([("crates/x/src/a.rs", text)]);
        check(&Subject {
            workspace,
            ..Subject::default()
        })
    }

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    call();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_at_the_limit_is_fine_and_one_line_more_is_not() {
        assert!(outcome(&function(FUNCTION_LINES_MAX)).findings.is_empty());
        let findings = outcome(&function(FUNCTION_LINES_MAX + 1)).findings;
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .message
                .contains("crates/x/src/a.rs#long has 101 lines")
        );
    }

    #[test]
    fn methods_count_and_tests_do_not() {
        let method = format!("struct A;\nimpl A {{\n{}}}\n", function(120));
        assert_eq!(outcome(&method).findings.len(), 1);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(120));
        assert!(outcome(&test).findings.is_empty());
    }

    #[test]
    fn a_long_file_is_found_unless_it_is_listed() {
        let findings = outcome(&"struct A;\n".repeat(FILE_LINES_MAX + 1)).findings;
        assert_eq!(
            findings[0].to_string().split(':').next(),
            Some("crates/x/src/a.rs")
        );
        let item = Measured {
            key: "a".to_owned(),
            path: "a".to_owned(),
            line: 1,
            lines: 9,
        };
        let mut outcome = Outcome::default();
        judge(
            "file",
            vec![item],
            8,
            &[("a", "a table of facts")],
            &mut outcome,
        );
        assert!(outcome.findings.is_empty());
    }

    #[test]
    fn the_largest_are_reported_first() {
        let report = outcome("fn a() {}\nfn b() {\n}\n").report;
        assert_eq!(report[1], "sizes: function of 2 lines: crates/x/src/a.rs#b");
    }
}
