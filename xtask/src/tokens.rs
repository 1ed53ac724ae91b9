//! A source file as a flat list of tokens.
//!
//! Checks look for short sequences of tokens instead of text, so that a comment or a string
//! that mentions a banned call is no finding. Doc comments appear as `doc = "..."`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One identifier, literal, punctuation character or bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The token as written.
    pub(crate) text: String,
    /// Line, counted from one.
    pub(crate) line: usize,
    /// How many brackets are open around it; a bracket counts as outside of itself.
    pub(crate) depth: usize,
}

/// Lists the tokens of `stream`, brackets included.
pub(crate) fn flatten(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    flatten_into(stream, 0, &mut tokens);
    tokens
}

fn flatten_into(stream: TokenStream, depth: usize, tokens: &mut Vec<Token>) {
    for tree in stream {
        let TokenTree::Group(group) = tree else {
            let line = tree.span().start().line;
            tokens.push(Token {
                text: tree.to_string(),
                line,
                depth,
            });
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        let opened = group.span_open().start().line;
        tokens.push(Token {
            text: open.to_owned(),
            line: opened,
            depth,
        });
        flatten_into(group.stream(), depth + 1, tokens);
        let closed = group.span_close().start().line;
        tokens.push(Token {
            text: close.to_owned(),
            line: closed,
            depth,
        });
    }
}

/// Whether the tokens from `start` on begin with `pattern`.
pub(crate) fn matches_at(tokens: &[Token], start: usize, pattern: &[&str]) -> bool {
    tokens
        .get(start..start + pattern.len())
        .is_some_and(|window| {
            window
                .iter()
                .zip(pattern)
                .all(|(token, wanted)| token.text == *wanted)
        })
}

/// The positions at which `pattern` occurs.
pub(crate) fn find<'a>(
    tokens: &'a [Token],
    pattern: &'a [&'a str],
) -> impl Iterator<Item = usize> + 'a {
    (0..tokens.len()).filter(move |&start| matches_at(tokens, start, pattern))
}

/// The text of the token before `position`, or nothing at the start of the file.
pub(crate) fn before(tokens: &[Token], position: usize) -> &str {
    position
        .checked_sub(1)
        .and_then(|index| tokens.get(index))
        .map_or("", |token| &token.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        flatten(text.parse().unwrap())
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let tokens = tokens("// dbg!(1)\nlet a = \"dbg!(2)\";\ndbg!(3);");
        let lines: Vec<_> = find(&tokens, &["dbg", "!"])
            .map(|at| tokens[at].line)
            .collect();
        assert_eq!(lines, [3]);
    }

    #[test]
    fn depth_counts_the_open_brackets() {
        let tokens = tokens("a(b[c])");
        let depths: Vec<_> = tokens.iter().map(|t| (t.text.as_str(), t.depth)).collect();
        let expected = [
            ("a", 0),
            ("(", 0),
            ("b", 1),
            ("[", 1),
            ("c", 2),
            ("]", 1),
            (")", 0),
        ];
        assert_eq!(depths, expected);
    }

    #[test]
    fn the_first_token_has_nothing_before_it() {
        let tokens = tokens("a b");
        assert_eq!((before(&tokens, 0), before(&tokens, 1)), ("", "a"));
    }
}
