//! Where in the user's program something was written.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use headwater_core::Site;
use serde::{Deserialize, Serialize, Serializer};

/// An operator and the user's line that called it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) operator: Text,
    /// File and line.
    pub(crate) line: Text,
}

/// A text of which there are many copies and few kinds: copies share it.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Text(Arc<str>);

thread_local! {
    /// The places that this thread has made, by their operators and the addresses of their lines,
    /// of which a program has as many as it was written with.
    static KNOWN: RefCell<HashMap<(&'static str, usize), Place>> = RefCell::default();
}

impl From<Site> for Place {
    fn from(site: Site) -> Self {
        let (operator, location) = (site.operator(), site.location());
        let place = || Place {
            operator: operator.into(),
            line: format!("{}:{}", location.file(), location.line()).into(),
        };
        let key = (operator, std::ptr::from_ref(location).addr());
        KNOWN.with_borrow_mut(|known| known.entry(key).or_insert_with(place).clone())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_made_once() {
        let site = Site::here("map");
        let [place, again] = [Place::from(site), Place::from(site)];
        assert!(Arc::ptr_eq(&place.line.0, &again.line.0));
        assert_eq!(
            format!("{} at {}", place.operator, place.line),
            site.to_string()
        );
        let other = Place::from(Site::here("map"));
        assert_ne!(place, other, "it is on another line");
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
    }
}
