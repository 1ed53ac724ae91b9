//! Texts from other strings, other strings from texts, and serde.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Text;
use super::raw::Repr;

impl From<&str> for Text {
    #[inline]
    fn from(text: &str) -> Text {
        Text::from_repr(Repr::from_str(text))
    }
}

impl From<String> for Text {
    /// A long string is not copied.
    #[inline]
    fn from(text: String) -> Text {
        Text::from_repr(Repr::from_string(text))
    }
}

impl From<&String> for Text {
    #[inline]
    fn from(text: &String) -> Text {
        Text::from(text.as_str())
    }
}

impl From<Cow<'_, str>> for Text {
    #[inline]
    fn from(text: Cow<'_, str>) -> Text {
        match text {
            Cow::Borrowed(text) => Text::from(text),
            Cow::Owned(text) => Text::from(text),
        }
    }
}

impl From<char> for Text {
    #[inline]
    fn from(character: char) -> Text {
        Text::from(&*character.encode_utf8(&mut [0; 4]))
    }
}

impl FromStr for Text {
    type Err = Infallible;

    #[inline]
    fn from_str(text: &str) -> Result<Text, Infallible> {
        Ok(Text::from(text))
    }
}

impl From<Text> for String {
    #[inline]
    fn from(text: Text) -> String {
        String::from(text.as_str())
    }
}

impl From<&Text> for String {
    #[inline]
    fn from(text: &Text) -> String {
        String::from(text.as_str())
    }
}

impl AsRef<str> for Text {
    #[inline]
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Text {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Serialize for Text {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Text {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    #[inline]
    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text::from(text))
    }

    #[inline]
    fn visit_string<E: Error>(self, text: String) -> Result<Text, E> {
        Ok(Text::from(text))
    }
}
