//! The number of a record.

use std::fmt;

/// The place of a record in its journal: the first is 0, and each is higher than those before.
///
/// In a local directory every number is a record's. In an object store each opening takes one
/// number for itself, which keeps out the journal that was open before.
///
/// ```
/// use headwater_journal::Sequence;
/// assert!(Sequence(7) < Sequence(7).plus(1));
/// assert_eq!(Sequence(7).to_string(), "7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The number `records` further on; the highest there is when that would be too high.
    #[must_use]
    pub fn plus(self, records: u64) -> Sequence {
        Sequence(self.0.saturating_add(records))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
