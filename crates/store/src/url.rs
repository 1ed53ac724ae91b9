//! From what a user writes to the store and the key that are meant.

use crate::error::StoreError;

/// What a URL or path means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Local(&'a str),
    Keyed {
        scheme: Scheme,
        /// The URL up to the key, such as `s3://bucket`.
        base: &'a str,
        key: &'a str,
    },
}

/// The kinds of object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Memory,
    S3,
    Google,
    Azure,
    Hdfs,
    Http,
}

impl Scheme {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "memory" => Scheme::Memory,
            "s3" | "s3a" => Scheme::S3,
            "gs" => Scheme::Google,
            "az" | "azure" | "adl" | "abfs" | "abfss" => Scheme::Azure,
            "hdfs" => Scheme::Hdfs,
            "http" | "https" => Scheme::Http,
            _ => return None,
        })
    }

    /// The cargo feature that brings it; `None` if it is always there.
    pub(crate) fn feature(self) -> Option<&'static str> {
        Some(match self {
            Scheme::Memory => return None,
            Scheme::S3 => "aws",
            Scheme::Google => "gcp",
            Scheme::Azure => "azure",
            Scheme::Hdfs => "hdfs",
            Scheme::Http => "http",
        })
    }
}

/// Takes a URL apart. What has no scheme is a local path.
pub(crate) fn parse(text: &str) -> Result<Parsed<'_>, StoreError> {
    if let Some(path) = text.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return Ok(Parsed::Local(path));
    }
    let Some((name, rest)) = text.split_once("://").filter(|(name, _)| is_scheme(name)) else {
        return Ok(Parsed::Local(text));
    };
    let invalid = |message: String| {
        Err(StoreError::InvalidUrl {
            url: without_secrets(text),
            message,
        })
    };
    let Some(scheme) = Scheme::of(&name.to_ascii_lowercase()) else {
        return invalid(format!(
            "{name}:// is not known; use a path, file://, memory://, s3://, gs://, az://, \
             hdfs:// or http://"
        ));
    };
    let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() {
        return invalid(format!(
            "a bucket, container or host is missing after {name}://"
        ));
    }
    // In Azure's own form the container stands before an `@`; nowhere may a password.
    let may_have_user = scheme == Scheme::Azure;
    if let Some((user, _)) = authority.split_once('@')
        && (!may_have_user || user.contains(':'))
    {
        return invalid("credentials belong into the environment, not into a URL".to_owned());
    }
    if scheme == Scheme::Http && key.contains('?') {
        return invalid("a query is no part of a file's name; leave it out".to_owned());
    }
    let base = &text[..text.len() - rest.len() + authority.len()];
    Ok(Parsed::Keyed {
        scheme,
        base,
        key: key.trim_matches('/'),
    })
}

fn is_scheme(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The text with what may be a password or a signature taken out of the URLs in it.
pub(crate) fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || "\"'<>)".contains(c))
            .unwrap_or(after.len());
        let (url, behind) = after.split_at(end);
        let authority_end = url.find(['/', '?']).unwrap_or(url.len());
        let (authority, path) = url.split_at(authority_end);
        shown.push_str(
            authority
                .split_once('@')
                .filter(|(user, _)| user.contains(':'))
                .map_or(authority, |(_, host)| host),
        );
        shown.push_str(path.split_once('?').map_or(path, |(path, _)| path));
        rest = behind;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(text: &str) -> (Scheme, &str, &str) {
        match parse(text) {
            Ok(Parsed::Keyed { scheme, base, key }) => (scheme, base, key),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn paths_are_local() {
        assert_eq!(parse("a/b").unwrap(), Parsed::Local("a/b"));
        assert_eq!(parse("/a b/c%20").unwrap(), Parsed::Local("/a b/c%20"));
        assert_eq!(parse("file:///a").unwrap(), Parsed::Local("/a"));
        assert_eq!(parse("file:/a").unwrap(), Parsed::Local("/a"));
        assert_eq!(parse("./a://b").unwrap(), Parsed::Local("./a://b"));
    }

    #[test]
    fn urls_are_taken_apart() {
        assert_eq!(keyed("s3://b/x/y/"), (Scheme::S3, "s3://b", "x/y"));
        assert_eq!(keyed("S3A://b"), (Scheme::S3, "S3A://b", ""));
        assert_eq!(keyed("gs://b/part-?"), (Scheme::Google, "gs://b", "part-?"));
        let azure = "abfss://files@account.dfs.core.windows.net";
        assert_eq!(keyed(&format!("{azure}/k")), (Scheme::Azure, azure, "k"));
        let web = "http://localhost:8080";
        assert_eq!(keyed("http://localhost:8080/a"), (Scheme::Http, web, "a"));
        let nodes = "hdfs://namenode:8020";
        assert_eq!(
            keyed("hdfs://namenode:8020/a/b/"),
            (Scheme::Hdfs, nodes, "a/b")
        );
        assert_eq!(keyed("hdfs://service").0, Scheme::Hdfs);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let refused = |text: &str| parse(text).unwrap_err().to_string();
        assert!(refused("ftp://host/x").contains("ftp:// is not known"));
        assert!(refused("hdfs:///x").contains("missing after hdfs://"));
        assert!(refused("s3:///x").contains("missing after s3://"));
        let error = refused("s3://key:secret@bucket/x");
        assert!(error.contains("environment") && error.contains("s3://bucket/x"));
        assert!(!error.contains("secret"));
        let error = refused("https://host/x?sig=secret");
        assert!(error.contains("query") && !error.contains("secret"));
    }

    #[test]
    fn messages_lose_signatures_and_keep_the_rest() {
        let message = "GET https://a.b/c?sig=x%3D&t=1 (retried) at http://u:p@h/k, and more";
        let shown = without_secrets(message);
        assert_eq!(shown, "GET https://a.b/c (retried) at http://h/k, and more");
    }
}
