//! What of a setting must not be shown.

use std::borrow::Cow;

/// What is shown in place of a secret value.
pub const REDACTED: &str = "(redacted)";

/// What the name of a secret holds, in small letters.
const PARTS: [&str; 6] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
];

/// What it holds once everything but letters and digits is left out.
const JOINED: [&str; 3] = ["accesskey", "apikey", "privatekey"];

/// What is a secret only as a word of its own: an author is none.
const WORDS: [&str; 3] = ["auth", "authorization", "pwd"];

/// What ends a value within a text, as in `user=ada password=x` or `?sig=x&part=1`.
const ENDS: [char; 5] = ['&', ';', ',', '"', '\''];

/// Whether the value of a key must not be shown: its name holds `password`, `passwd`,
/// `passphrase`, `secret`, `token`, `credential`, `access key`, `api key` or `private key`, or
/// one of its words is `auth`, `authorization` or `pwd`; in any case, and with whatever between
/// two words.
///
/// ```
/// use headwater_core::conf::is_secret;
/// assert!(is_secret("app.db.Password"));
/// assert!(is_secret("app.s3.access_key") && is_secret("app.s3.accessKey"));
/// assert!(is_secret("app.apiKey") && is_secret("app.basic-auth"));
/// assert!(!is_secret("app.db.user") && !is_secret("app.author"));
/// ```
pub fn is_secret(key: &str) -> bool {
    let small = key.to_ascii_lowercase();
    let mut joined = small.clone();
    joined.retain(char::is_alphanumeric);
    PARTS.iter().any(|part| small.contains(part))
        || JOINED.iter().any(|part| joined.contains(part))
        || words(key).any(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// The words of a key: between other signs, and from one large letter after a small one.
fn words(key: &str) -> impl Iterator<Item = &str> {
    let parts = key.split(|letter: char| !letter.is_alphanumeric());
    parts.flat_map(|part| {
        let letters = part.char_indices().zip(part.chars().skip(1));
        let borders = letters.filter(|((_, one), next)| one.is_lowercase() && next.is_uppercase());
        let ends = borders.map(|((at, one), _)| at + one.len_utf8());
        let mut from = 0;
        ends.chain([part.len()])
            .map(move |end| &part[std::mem::replace(&mut from, end)..end])
    })
}

/// The value of a key as it may be shown. Of a secret ([`is_secret`]) that is [`REDACTED`]; in
/// any other value it stands in place of the password of a URL, and of values within the text
/// whose names are those of secrets.
///
/// ```
/// use headwater_core::conf::shown;
/// assert_eq!(shown("app.password", "hunter2"), "(redacted)");
/// assert_eq!(shown("app.db.url", "postgres://u:hunter2@h/db"), "postgres://u:(redacted)@h/db");
/// assert_eq!(shown("app.db", "host=h password=hunter2"), "host=h password=(redacted)");
/// assert_eq!(shown("app.url", "http://h:80/?page=2"), "http://h:80/?page=2");
/// ```
pub fn shown<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(key) {
        return Cow::Borrowed(REDACTED);
    }
    let mut secrets = passwords(value);
    secrets.extend(named(value));
    if secrets.is_empty() {
        return Cow::Borrowed(value);
    }
    secrets.sort_unstable();
    let (mut text, mut from) = (String::with_capacity(value.len()), 0);
    for (start, end) in secrets {
        // One may lie within another one.
        if start >= from {
            text.push_str(&value[from..start]);
            text.push_str(REDACTED);
        }
        from = from.max(end);
    }
    text.push_str(&value[from..]);
    Cow::Owned(text)
}

/// Where the passwords of URLs are: between the first colon and the last `@` of what names the
/// server.
fn passwords(value: &str) -> Vec<(usize, usize)> {
    let urls = value.match_indices("://").map(|(at, sign)| at + sign.len());
    urls.filter_map(|start| {
        let rest = &value[start..];
        let url = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
        let server = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
        let (colon, end) = match (server.find(':')?, server.rfind('@')) {
            (colon, Some(end)) if colon < end => (colon, end),
            (_, Some(_)) => return None,
            // What follows is no port: a password that should have been escaped.
            (colon, None) if !is_port(&server[colon + 1..]) => (colon, url.find('@')?),
            _ => return None,
        };
        (end > colon + 1).then_some((start + colon + 1, start + end))
    })
    .collect()
}

/// Whether this is a port, or several servers with theirs.
fn is_port(text: &str) -> bool {
    let port = text.split(',').next().unwrap_or_default();
    let port = port.rsplit(']').next().unwrap_or_default();
    port.trim_start_matches(':')
        .bytes()
        .all(|byte| byte.is_ascii_digit())
}

/// Where values are that stand within the text after names of secrets and `=`.
fn named(value: &str) -> impl Iterator<Item = (usize, usize)> {
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    value.match_indices('=').filter_map(move |(at, _)| {
        let before = value[..at].trim_end();
        let name = before
            .rfind(|letter| !is_name(letter))
            .map_or(before, |border| {
                before[border..].trim_start_matches(|letter| !is_name(letter))
            });
        let rest = &value[at + 1..];
        let trimmed = rest.trim_start();
        let quote = trimmed
            .chars()
            .next()
            .filter(|first| matches!(*first, '"' | '\''));
        let text = &trimmed[quote.map_or(0, char::len_utf8)..];
        let length = match quote {
            Some(quote) => text.find(quote),
            None => text.find(|letter: char| letter.is_whitespace() || ENDS.contains(&letter)),
        };
        let start = value.len() - text.len();
        let end = start + length.unwrap_or(text.len());
        (is_secret(name) && end > start).then_some((start, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for secret in [
            "app.db.passwd",
            "app.api_key",
            "app.apiKey",
            "API-KEY",
            "app.private_key",
            "app.privateKey",
            "app.auth",
            "app.basic_auth",
            "app.httpAuth",
            "app.Authorization",
            "app.db.pwd",
            "ui.token",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for other in ["app.author", "app.key", "app.authority", "app.monkey", ""] {
            assert!(!is_secret(other), "{other}");
        }
    }

    #[test]
    fn passwords_of_urls_are_left_out() {
        for (value, text) in [
            ("postgres://u:hunter2@h/db", "postgres://u:(redacted)@h/db"),
            ("redis://:hunter2@h:1", "redis://:(redacted)@h:1"),
            ("a://u:p@ss@h", "a://u:(redacted)@h"),
            ("a://u:hun/ter2@h/db", "a://u:(redacted)@h/db"),
            (
                "x a://u:p@h,b://v:q@i y",
                "x a://u:(redacted)@h,b://v:(redacted)@i y",
            ),
            (
                "a://u:p@h b://v:q@i",
                "a://u:(redacted)@h b://v:(redacted)@i",
            ),
        ] {
            assert_eq!(shown("app.x", value), text);
        }
        for same in [
            "ssh://git@h/x",
            "http://h:80/a@b",
            "http://[::1]:80/a@b",
            "a://h:80,i:90/a@b",
            "a@b",
            "://",
            "a://u:@h",
            "a://\u{e4}:",
        ] {
            assert_eq!(shown("app.x", same), same);
        }
    }

    #[test]
    fn values_after_names_of_secrets_are_left_out() {
        for (value, text) in [
            (
                "user=u password=x host=h",
                "user=u password=(redacted) host=h",
            ),
            ("password = 'a b' host=h", "password = '(redacted)' host=h"),
            ("a://h/?api_key=x&n=1", "a://h/?api_key=(redacted)&n=1"),
            ("a://u:x@h/?token=y", "a://u:(redacted)@h/?token=(redacted)"),
            ("Password=\u{e4};n=1", "Password=(redacted);n=1"),
        ] {
            assert_eq!(shown("app.x", value), text);
        }
        for same in ["=", "password=", "a=b", "=token", "\u{e4}=\u{e4}"] {
            assert_eq!(shown("app.x", same), same);
        }
    }
}
