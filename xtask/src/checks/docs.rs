//! Every public operation of the types that users hold shows an example that is run.

use syn::visit::{self, Visit};

use super::{Outcome, Subject};
use crate::finding::Finding;
use crate::source::RustSource;

/// The types whose methods are the programming interface.
const TYPES: &[&str] = &["Rdd", "DStream", "Context", "StreamingContext"];

/// Lists the operations without an example.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let sources = subject.workspace.library_sources();
    let mut operations = 0;
    let mut findings = Vec::new();
    for source in sources {
        let mut visitor = Operations {
            source,
            of: None,
            seen: 0,
            found: Vec::new(),
        };
        visitor.visit_file(&source.syntax);
        operations += visitor.seen;
        findings.extend(visitor.found);
    }
    let report = format!(
        "docs: {operations} public operations, {} without an example",
        findings.len()
    );
    Outcome {
        report: vec![report],
        findings,
    }
}

/// Walks over `impl` blocks and judges the public methods in them.
struct Operations<'a> {
    source: &'a RustSource,
    /// The type of the block being walked, when it is one of [`TYPES`].
    of: Option<String>,
    seen: usize,
    found: Vec<Finding>,
}

impl<'ast> Visit<'ast> for Operations<'_> {
    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        let outer = self.of.take();
        self.of = block
            .trait_
            .is_none()
            .then(|| interface_type(&block.self_ty))
            .flatten();
        visit::visit_item_impl(self, block);
        self.of = outer;
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        let Some(of) = &self.of else { return };
        let line = method.sig.fn_token.span.start().line;
        let public = matches!(method.vis, syn::Visibility::Public(_));
        let text = documentation(&method.attrs);
        let Some(text) = text.filter(|_| public && !self.source.is_test_line(line)) else {
            return;
        };
        self.seen += 1;
        if !has_example(&text) {
            let message = format!("`{of}::{}` has no example that is run", method.sig.ident);
            self.found
                .push(Finding::new(&self.source.path, line, message));
        }
    }
}

/// The last name of the type, when it is one of [`TYPES`].
fn interface_type(of: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = of else {
        return None;
    };
    let name = path.path.segments.last()?.ident.to_string();
    TYPES.contains(&name.as_str()).then_some(name)
}

/// The doc comment as one text; nothing when the item is hidden from the documentation.
fn documentation(attributes: &[syn::Attribute]) -> Option<String> {
    let mut text = String::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
    {
        match &attribute.meta {
            syn::Meta::NameValue(pair) => {
                if let syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Str(line),
                    ..
                }) = &pair.value
                {
                    text.push_str(&line.value());
                    text.push('\n');
                }
            }
            syn::Meta::List(list) if list.tokens.to_string() == "hidden" => return None,
            _ => {}
        }
    }
    Some(text)
}

/// Whether the text has a fenced block that rustdoc compiles.
fn has_example(text: &str) -> bool {
    let fences = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("```"));
    // Fences come in pairs; only the opening one carries the language.
    fences.step_by(2).any(|info| {
        info.split(',').map(str::trim).all(|word| {
            matches!(word, "" | "rust" | "no_run" | "should_panic") || word.starts_with("edition")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn outcome(text: &str) -> Outcome {
        let workspace = Workspace::from_files([("crates/x/src/lib.rs", text)]);
        check(&Subject {
            workspace,
            ..Subject::default()
        })
    }

    #[test]
    fn a_public_operation_needs_an_example() {
        let text = "impl<T: Clone> Rdd<T> {\n    /// Maps.\n    pub fn map(&self) {}\n}";
        let findings = outcome(text).findings;
        assert_eq!(
            findings[0].to_string(),
            "crates/x/src/lib.rs:3: `Rdd::map` has no example that is run"
        );
    }

    #[test]
    fn an_example_is_enough() {
        let text = "impl<K, V> DStream<(K, V)> {\n/// Maps.\n///\n/// ```\n/// a();\n/// ```\n\
                    pub fn map(&self) {}\n}";
        let outcome = outcome(text);
        assert!(outcome.findings.is_empty());
        assert_eq!(
            outcome.report,
            ["docs: 1 public operations, 0 without an example"]
        );
    }

    #[test]
    fn only_public_operations_of_the_interface_count() {
        let text = "impl Rdd<u8> { fn a() {} pub(crate) fn b() {} #[doc(hidden)] pub fn c() {} }\n\
                    impl Other { pub fn d() {} }\nimpl Clone for Context { fn clone() {} }";
        let outcome = outcome(text);
        assert!(outcome.findings.is_empty());
        assert_eq!(
            outcome.report,
            ["docs: 0 public operations, 0 without an example"]
        );
    }

    #[test]
    fn blocks_that_rustdoc_does_not_compile_are_no_examples() {
        assert!(!has_example("```text\na\n```\n"));
        assert!(!has_example("```ignore\na();\n```\n"));
        assert!(has_example("```text\na\n```\n```no_run\na();\n```\n"));
    }
}
