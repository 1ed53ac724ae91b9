//! What follows the question mark of an address.

use axum::http::Uri;

/// Names and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn of(uri: &Uri) -> Self {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        Query {
            path: uri.path().to_owned(),
            // What cannot be read is as if it were not there.
            pairs: pairs.map(|query| query.0).unwrap_or_default(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs.find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.pairs.iter();
        pairs.filter_map(move |(known, value)| (known == name).then_some(value.as_str()))
    }

    /// A number; `Err` if it is there and is none.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, String> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = text.parse().map(Some);
        number.map_err(|_| format!("`{text}` is not accepted as {name}"))
    }

    /// The address of the same page with other values; those that are empty are left out.
    pub(crate) fn with(&self, changes: &[(&str, &str)]) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| {
            let mut changed = changes.iter().map(|(name, _)| name);
            name != "token" && !changed.any(|changed| changed == name)
        });
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = kept.chain(changes.iter().copied());
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        match pairs.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, pairs.join("&")),
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_written_again() {
        let uri = "/jobs/?a=1&a=2&name=x%20y%26z&token=secret"
            .parse()
            .unwrap();
        let query = Query::of(&uri);
        assert_eq!(query.get("name"), Some("x y&z"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.number::<u32>("a"), Ok(Some(1)));
        assert!(query.number::<u32>("name").is_err());
        let other = query.with(&[("a", ""), ("page", "3")]);
        assert_eq!(other, "/jobs/?name=x%20y%26z&page=3");
    }
}
