//! Floating numbers as the cases write them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that may be `"NaN"`, `"Infinity"` or `"-Infinity"`, for which JSON has no word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Float(pub(crate) f64);

/// How a number is written that JSON cannot write.
const WORDS: [(&str, f64); 3] = [
    ("NaN", f64::NAN),
    ("Infinity", f64::INFINITY),
    ("-Infinity", f64::NEG_INFINITY),
];

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let same = |value: f64| value == self.0 || (value.is_nan() && self.0.is_nan());
        let word = WORDS.iter().find(|(_, value)| same(*value));
        match word {
            Some((word, _)) => to.serialize_str(word),
            None => to.serialize_f64(self.0),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = match Written::deserialize(from)? {
            Written::Number(number) => return Ok(Float(number)),
            Written::Word(word) => word,
        };
        let known = WORDS.iter().find(|(known, _)| *known == word);
        let unknown = || serde::de::Error::custom(format!("{word} is no number"));
        known.map(|(_, value)| Float(*value)).ok_or_else(unknown)
    }
}
