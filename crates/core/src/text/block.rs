//! Shared buffers of text.

use std::fmt;

use super::raw::Shared;
use super::{Lines, Text};

/// A buffer of valid UTF-8 that many texts share.
///
/// A receiver fills a buffer, turns it into a block once, and hands out its
/// lines: long lines are slices of the block, short ones carry their own bytes.
/// The buffer is freed when the block and the last slice of it are gone.
///
/// ```
/// use headwater_core::text::TextBlock;
/// let block = TextBlock::from_utf8_lossy(b"to be\nor not to be\n".to_vec());
/// let lines: Vec<_> = block.lines().collect();
/// assert_eq!(lines, ["to be", "or not to be"]);
/// ```
#[derive(Clone)]
pub struct TextBlock {
    shared: Shared,
}

impl TextBlock {
    /// A block of these bytes. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// Valid bytes are not copied.
    ///
    /// ```
    /// use headwater_core::text::TextBlock;
    /// assert_eq!(TextBlock::from_utf8_lossy(b"caf\xc3\xa9".to_vec()).as_str(), "café");
    /// assert_eq!(TextBlock::from_utf8_lossy(b"caf\xe9".to_vec()).as_str(), "caf\u{fffd}");
    /// ```
    #[must_use]
    pub fn from_utf8_lossy(bytes: Vec<u8>) -> TextBlock {
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        TextBlock::from(text)
    }

    /// The whole text of the block.
    ///
    /// ```
    /// use headwater_core::text::TextBlock;
    /// assert_eq!(TextBlock::from(String::from("a\nb")).as_str(), "a\nb");
    /// ```
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.shared.as_str()
    }

    /// The number of bytes.
    ///
    /// ```
    /// use headwater_core::text::TextBlock;
    /// assert_eq!(TextBlock::from(String::from("été")).len(), 5);
    /// ```
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_str().len()
    }

    /// Whether there is nothing in the block.
    ///
    /// ```
    /// use headwater_core::text::TextBlock;
    /// assert!(TextBlock::from(String::new()).is_empty());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lines of the block, without their ends.
    ///
    /// A line ends at `\n`, `\r\n` or a lone `\r`, as for Java's `readLine`, or at
    /// the end of the block. An end of line at the end of the block is not followed
    /// by another, empty line. The iterator keeps the buffer, not this block.
    ///
    /// ```
    /// use headwater_core::text::TextBlock;
    /// let block = TextBlock::from(String::from("one\r\n\ntwo\rthree"));
    /// assert!(block.lines().eq(["one", "", "two", "three"]));
    /// ```
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines::new(self.shared.clone())
    }

    /// Appends the [lines](TextBlock::lines) to `lines`.
    ///
    /// ```
    /// use headwater_core::text::TextBlock;
    /// let mut lines = Vec::new();
    /// TextBlock::from(String::from("a\nb\n")).lines_into(&mut lines);
    /// assert_eq!(lines, ["a", "b"]);
    /// ```
    pub fn lines_into(&self, lines: &mut Vec<Text>) {
        lines.extend(self.lines());
    }
}

impl From<String> for TextBlock {
    /// The string becomes the block; nothing is copied.
    fn from(text: String) -> TextBlock {
        TextBlock {
            shared: Shared::new(text),
        }
    }
}

impl fmt::Debug for TextBlock {
    /// Only the size: a block is often megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextBlock")
            .field("len", &self.len())
            .finish()
    }
}
