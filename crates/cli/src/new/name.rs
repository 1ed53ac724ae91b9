//! What a program can be called: as `cargo new` has it.

use crate::error::CliError;

/// Words of the language, which no crate can be called.
const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Crates that the program uses, or has anyway, and directories that cargo makes.
const TAKEN: &[&str] = &[
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "headwater",
    "incremental",
    "proc_macro",
    "std",
    "test",
];

/// Files that Windows keeps for itself.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];

/// Refuses names that the compiler or cargo would stumble over.
pub(crate) fn check(name: &str) -> Result<(), CliError> {
    let refused = |reason: String| {
        Err(CliError::Name {
            name: name.to_owned(),
            reason,
        })
    };
    let Some(first) = name.chars().next() else {
        return refused("it is empty".to_owned());
    };
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if let Some(wrong) = name.chars().find(|c| !is_allowed(c)) {
        let reason = format!("`{wrong}` is none of a-z, A-Z, 0-9, - and _");
        return refused(reason);
    }
    if !first.is_ascii_alphabetic() && first != '_' {
        return refused(format!("it begins with `{first}` and not with a letter"));
    }
    if name.chars().all(|c| matches!(c, '-' | '_')) {
        return refused("it has no letter".to_owned());
    }
    let ident = name.replace('-', "_");
    let is_device = DEVICES.contains(&ident.to_ascii_lowercase().as_str());
    match ident.as_str() {
        ident if KEYWORDS.contains(&ident) => refused("it is a word of the language".to_owned()),
        ident if TAKEN.contains(&ident) => refused("another crate is called so".to_owned()),
        _ if is_device => refused("Windows keeps it for a device".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_cargo_takes() {
        for good in ["demo", "word-count", "_a", "Demo2", "headwater-demo"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let reasons = [
            ("", "it is empty"),
            ("2fast", "begins with `2`"),
            ("-a", "begins with `-`"),
            ("a b", "` ` is none"),
            ("wörter", "`ö` is none"),
            ("a/b", "`/` is none"),
            ("match", "a word of the language"),
            ("proc-macro", "another crate"),
            ("headwater", "another crate"),
            ("Con", "a device"),
            ("__", "no letter"),
        ];
        for (bad, reason) in reasons {
            let error = check(bad).unwrap_err().to_string();
            assert!(error.contains(reason), "{bad}: {error}");
            assert!(error.contains("--name"), "{error}");
        }
    }
}
