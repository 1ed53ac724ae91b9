//! Text that is cheap to cut, to clone and to compare: the usual record.
//!
//! A [`Text`] is an immutable string of three words. Up to 23 bytes lie in those
//! words, so that keys and words need no allocation and no counter; longer texts
//! are slices of a shared buffer. A receiver's buffer becomes a [`TextBlock`],
//! whose [lines](TextBlock::lines) are slices of it, and whose words are cut from
//! the lines by [`Text::into_words`] without allocating anything per record.
//!
//! ```
//! use headwater_core::text::{Text, TextBlock};
//! let block = TextBlock::from_utf8_lossy(b"to be or not\nto be\n".to_vec());
//! let words: Vec<Text> = block.lines().flat_map(Text::into_words).collect();
//! assert_eq!(words, ["to", "be", "or", "not", "to", "be"]);
//! ```
//!
//! Reading order: this file (what a text can do), `block` and `lines` (where texts
//! come from), `words` (how they are cut), `marks` (how separators are found),
//! `raw` (how a text lies in memory; all unsafe code is there).

mod block;
mod convert;
mod lines;
mod marks;
mod order;
mod raw;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::ops::{Bound, Deref, RangeBounds};

pub use block::TextBlock;
pub use lines::Lines;
use raw::Repr;
pub use words::{Split, Words};

/// An immutable string that is cheap to clone and to cut.
///
/// It dereferences to `str`, so that everything a string slice can do is there.
///
/// ```
/// use headwater_core::text::Text;
/// let line = Text::from("a line that is longer than what fits inline");
/// let copy = line.clone(); // no bytes are copied
/// assert!(copy.starts_with("a line") && copy.len() == 43);
/// ```
///
/// A long text keeps the whole buffer alive that it was cut from; see
/// [`Text::detached`] for texts that are kept much longer than that buffer.
#[derive(Clone)]
pub struct Text {
    repr: Repr,
}

impl Text {
    /// How many bytes fit without a buffer.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// assert!(Text::from("x".repeat(Text::INLINE_MAX)).is_inline());
    /// assert!(!Text::from("x".repeat(Text::INLINE_MAX + 1)).is_inline());
    /// ```
    pub const INLINE_MAX: usize = raw::INLINE_MAX;

    /// The empty text.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// const NOTHING: Text = Text::new();
    /// assert_eq!(NOTHING, "");
    /// ```
    #[inline]
    #[must_use]
    pub const fn new() -> Text {
        Text {
            repr: Repr::empty(),
        }
    }

    /// The string slice.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// assert_eq!(Text::from("word").as_str(), "word");
    /// ```
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.repr.as_str()
    }

    /// Whether the bytes lie in the text itself rather than in a shared buffer.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// assert!(Text::from("word").is_inline());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_inline(&self) -> bool {
        !self.repr.is_shared()
    }

    /// A part of the text; `None` if the range is not within the text or cuts a
    /// character. Long parts share the buffer.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// let text = Text::from("naïve");
    /// assert_eq!(text.slice(..4), Some(Text::from("naï")));
    /// assert_eq!(text.slice(..3), None);
    /// assert_eq!(text.slice(4..9), None);
    /// ```
    #[inline]
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Option<Text> {
        let start = match range.start_bound() {
            Bound::Included(at) => *at,
            Bound::Excluded(at) => at.checked_add(1)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(at) => at.checked_add(1)?,
            Bound::Excluded(at) => *at,
            Bound::Unbounded => self.len(),
        };
        self.repr.slice(start..end).map(Text::from_repr)
    }

    /// The text of a string slice that was borrowed from this text.
    ///
    /// It shares the buffer; a slice of something else is copied.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// let line = Text::from("GET /a/rather/long/path/to/something.html HTTP/1.1");
    /// let path = line.slice_ref(line.split(' ').nth(1).unwrap_or_default());
    /// assert_eq!(path, "/a/rather/long/path/to/something.html");
    /// ```
    #[must_use]
    pub fn slice_ref(&self, part: &str) -> Text {
        // A slice of something else gives a start beyond the text; wrapping turns
        // one that lies before it into such a start, too.
        let start = part.as_ptr().addr().wrapping_sub(self.as_ptr().addr());
        match start.checked_add(part.len()) {
            Some(end) if end <= self.len() => self.slice(start..end).unwrap_or_default(),
            _ => Text::from(part),
        }
    }

    /// This text with a buffer of its own, if it is a small part of a large one.
    ///
    /// For what is kept long after its block: a long key in a state table would
    /// otherwise keep the block that it arrived in.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// let big = Text::from("0123456789".repeat(100));
    /// let part = big.slice(..50).unwrap_or_default().detached();
    /// assert_eq!(part.len(), 50);
    /// ```
    #[inline]
    #[must_use]
    pub fn detached(self) -> Text {
        let kept = self.repr.buffer_len();
        if kept / 2 > self.len() {
            Text::from(self.as_str())
        } else {
            self
        }
    }

    /// The words of the text: what lies between white space, as
    /// [`str::split_whitespace`] finds it.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// let line = Text::from("  to be\tor not ");
    /// assert!(line.words().eq(["to", "be", "or", "not"]));
    /// ```
    #[inline]
    pub fn words(&self) -> impl Iterator<Item = Text> + '_ {
        words::words_of(self)
    }

    /// The words of the text, as an iterator that owns it.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// let lines = vec![Text::from("to be"), Text::from("or not")];
    /// let words: Vec<Text> = lines.into_iter().flat_map(Text::into_words).collect();
    /// assert_eq!(words, ["to", "be", "or", "not"]);
    /// ```
    #[inline]
    #[must_use]
    pub fn into_words(self) -> Words {
        Words::new(self)
    }

    /// What lies between the separators, as [`str::split`] finds it, as an iterator
    /// that owns the text.
    ///
    /// ```
    /// use headwater_core::text::Text;
    /// let fields: Vec<Text> = Text::from("7,,blue").into_split(',').collect();
    /// assert_eq!(fields, ["7", "", "blue"]);
    /// ```
    #[inline]
    #[must_use]
    pub fn into_split(self, separator: char) -> Split {
        Split::new(self, separator)
    }

    #[inline]
    fn from_repr(repr: Repr) -> Text {
        Text { repr }
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Default for Text {
    #[inline]
    fn default() -> Text {
        Text::new()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
