//! Decides whether a licence expression can be satisfied with acceptable licences.

/// Licences under which this project may ship somebody's code inside its own.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Whether one of the choices that `expression` offers is accepted as a whole. An expression
/// that cannot be read is not.
pub(super) fn is_acceptable(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    // Old manifests write `MIT/Apache-2.0` and mean a choice.
    let spaced = spaced.replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser {
        words: &words,
        at: 0,
    };
    parser.any() == Some(true) && parser.at == words.len()
}

/// Reads `OR` over `AND` over single licences; nothing means that a word was out of place.
struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut accepted = self.all()?;
        while self.take("OR") {
            accepted |= self.all()?;
        }
        Some(accepted)
    }

    fn all(&mut self) -> Option<bool> {
        let mut accepted = self.one()?;
        while self.take("AND") {
            accepted &= self.one()?;
        }
        Some(accepted)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let inner = self.any()?;
            return self.take(")").then_some(inner);
        }
        let name = self.word()?;
        if self.take("WITH") {
            let exception = self.word()?;
            return Some(ACCEPTED.contains(&format!("{name} WITH {exception}").as_str()));
        }
        Some(ACCEPTED.contains(&name))
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = *self.words.get(self.at)?;
        let operator = matches!(word, "OR" | "AND" | "WITH" | "(" | ")");
        (!operator).then(|| {
            self.at += 1;
            word
        })
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.words.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_needs_one_accepted_side() {
        assert!(is_acceptable("MIT"));
        assert!(is_acceptable("GPL-3.0-only OR MIT"));
        assert!(is_acceptable("MIT/Apache-2.0"));
        assert!(!is_acceptable("GPL-3.0-only OR AGPL-3.0-only"));
    }

    #[test]
    fn a_sum_needs_every_part() {
        assert!(is_acceptable("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!is_acceptable("MIT AND MPL-2.0"));
        assert!(is_acceptable("MIT AND MPL-2.0 OR ISC"));
    }

    #[test]
    fn an_exception_is_part_of_the_licence() {
        assert!(is_acceptable("Apache-2.0 WITH LLVM-exception"));
        assert!(!is_acceptable("MIT WITH Surprise-exception"));
    }

    #[test]
    fn what_cannot_be_read_is_not_accepted() {
        for broken in ["", "MIT Apache-2.0", "(MIT", "MIT OR", "AND"] {
            assert!(!is_acceptable(broken), "{broken}");
        }
    }
}
