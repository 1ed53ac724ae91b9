//! Every channel has a bound; a queue without one turns a slow consumer into a full memory.

use std::collections::BTreeSet;

use super::{Outcome, Subject};
use crate::finding::Finding;
use crate::source::RustSource;
use crate::tokens::{Token, before, matches_at};

/// Looks for calls that make an unbounded channel, in tests too.
pub(crate) fn check(subject: &Subject) -> Outcome {
    let mut findings = Vec::new();
    for source in &subject.workspace.sources {
        findings.extend(unbounded_lines(source).into_iter().map(|line| {
            let message = "an unbounded channel; use `sync_channel` or `bounded` and say what \
                           happens when it is full";
            Finding::new(&source.path, line, message)
        }));
    }
    findings.into()
}

fn unbounded_lines(source: &RustSource) -> BTreeSet<usize> {
    let tokens = &source.tokens;
    let calls = tokens
        .iter()
        .enumerate()
        .filter(|(at, token)| match token.text.as_str() {
            "unbounded" | "unbounded_channel" => is_call(tokens, *at),
            // `channel()` has no bound; `channel(8)` of an async runtime has one.
            "channel" => {
                let open = arguments_start(tokens, at + 1);
                is_call(tokens, *at) && matches_at(tokens, open, &["(", ")"])
            }
            _ => false,
        });
    calls.map(|(_, token)| token.line).collect()
}

/// Whether the name at `at` is called as a free function.
fn is_call(tokens: &[Token], at: usize) -> bool {
    !matches!(before(tokens, at), "fn" | "." | "mod")
        && matches_at(tokens, arguments_start(tokens, at + 1), &["("])
}

/// The position after `::<...>` when that stands at `at`, else `at` itself.
fn arguments_start(tokens: &[Token], at: usize) -> usize {
    if !matches_at(tokens, at, &[":", ":", "<"]) {
        return at;
    }
    let mut open = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at + 2) {
        match token.text.as_str() {
            "<" => open += 1,
            ">" if before(tokens, index) != "-" => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return index + 1;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let source = RustSource::parse("crates/x/src/a.rs", text).unwrap();
        unbounded_lines(&source).into_iter().collect()
    }

    #[test]
    fn channels_without_a_bound_are_found() {
        let text = "fn a() {\n let c = mpsc::channel();\n let c = channel::<Vec<(u8, u8)>>();\n \
                    let c = unbounded();\n let c = mpsc::unbounded_channel::<u8>();\n}";
        assert_eq!(lines(text), [2, 3, 4, 5]);
    }

    #[test]
    fn a_channel_of_functions_is_found_too() {
        assert_eq!(lines("fn a() { channel::<Box<dyn Fn() -> u8>>(); }"), [1]);
    }

    #[test]
    fn channels_with_a_bound_are_fine() {
        let text = "fn a() { sync_channel::<u8>(8); bounded(8); mpsc::channel(8); }\n\
                    fn channel() {} fn b() { self.channel(); }";
        assert!(lines(text).is_empty());
    }
}
