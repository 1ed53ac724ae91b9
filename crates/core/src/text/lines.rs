//! Cutting a block into lines.

use std::fmt;

use memchr::memchr2;

use super::Text;
use super::raw::Shared;

/// The lines of a block; see [`TextBlock::lines`](super::TextBlock::lines).
///
/// ```
/// use headwater_core::text::TextBlock;
/// let mut lines = TextBlock::from(String::from("one\ntwo")).lines();
/// assert_eq!(lines.next().as_deref(), Some("one"));
/// ```
#[derive(Clone)]
pub struct Lines {
    shared: Shared,
    /// Where the next line begins.
    at: usize,
}

impl Lines {
    pub(super) fn new(shared: Shared) -> Lines {
        Lines { shared, at: 0 }
    }
}

impl Iterator for Lines {
    type Item = Text;

    #[inline]
    fn next(&mut self) -> Option<Text> {
        let bytes = self.shared.as_str().as_bytes();
        let start = self.at;
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = start + memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let is_pair = bytes.get(end..end + 2) == Some(b"\r\n");
        self.at = end + 1 + usize::from(is_pair);
        self.shared.cut(start..end).map(Text::from_repr)
    }
}

impl std::iter::FusedIterator for Lines {}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
