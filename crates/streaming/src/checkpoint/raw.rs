//! Bytes inside of entries, written in one piece: serde would take a vector for a list of
//! numbers and write them one by one. Both give the same bytes.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

#[expect(clippy::ptr_arg, reason = "serde hands over the field as it is")]
pub(super) fn serialize<S: Serializer>(bytes: &Vec<u8>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    from.deserialize_byte_buf(Bytes)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Raw(#[serde(with = "super")] Vec<u8>);

    #[test]
    fn the_bytes_are_those_of_a_list_of_numbers() {
        for length in [0, 1, 127, 128, 70_000] {
            let bytes: Vec<u8> = (0..length).map(|n: u32| n as u8).collect();
            let listed = postcard::to_stdvec(&bytes).unwrap();
            let raw = Raw(bytes);
            assert_eq!(postcard::to_stdvec(&raw).unwrap(), listed);
            assert_eq!(postcard::from_bytes::<Raw>(&listed).unwrap(), raw);
        }
    }
}
