//! Comparing and hashing texts.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::Text;

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        match (self.repr.inline_words(), other.repr.inline_words()) {
            // One expression without branches: most keys differ in the first word
            // or not at all, and guessing which costs more than two more words.
            (Some(a), Some(b)) => (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) == 0,
            (None, None) => self.as_str() == other.as_str(),
            // What fits inline is inline.
            _ => false,
        }
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    #[inline]
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    /// The order of `str`: by bytes.
    #[inline]
    fn cmp(&self, other: &Text) -> Ordering {
        match (self.repr.inline_words(), other.repr.inline_words()) {
            // The zeros behind the shorter text sort it first, and if the longer one
            // has zeros there, too, the length in the last byte does.
            (Some(a), Some(b)) => a.map(u64::to_be).cmp(&b.map(u64::to_be)),
            _ => self.as_str().cmp(other.as_str()),
        }
    }
}

impl Hash for Text {
    /// Not the hash of `str`: feeding the three words of an inline text takes a sixth
    /// of the time of feeding its bytes, whose number every hasher has to branch on.
    /// That is why `Text` is no `Borrow<str>`; look a string up in a table by
    /// `&Text::from(..)`.
    ///
    /// What is fed is the same on every machine: three words of the bytes in
    /// little-endian order, filled up with zeros, the last byte being the length; or,
    /// for more than 23 bytes, what `str` feeds.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.repr.inline_words() {
            Some(words) => words
                .map(u64::from_le)
                .iter()
                .for_each(|word| state.write_u64(*word)),
            None => self.as_str().hash(state),
        }
    }
}

macro_rules! compare_with {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for Text {
            #[inline]
            fn eq(&self, other: &$other) -> bool {
                let other: &str = other.as_ref();
                self.as_str() == other
            }
        }

        impl PartialEq<Text> for $other {
            #[inline]
            fn eq(&self, other: &Text) -> bool {
                other == self
            }
        }
    )*};
}

compare_with!(str, &str, String);
