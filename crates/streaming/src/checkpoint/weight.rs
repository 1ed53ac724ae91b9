//! How much was written since state was last written whole, compared to what that takes.

use std::sync::atomic::{AtomicU64, Ordering};

/// State is not written before its time for changes that are less than this.
const CHANGES_MIN_BYTES: u64 = 64 << 20;

/// Sums of bytes.
#[derive(Default)]
pub(super) struct Weight {
    changes: AtomicU64,
    entries: AtomicU64,
    state: AtomicU64,
}

impl Weight {
    /// An entry was appended to the journal.
    pub(super) fn add_entry(&self, bytes: u64) {
        self.entries.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Changes of state were among the entries.
    pub(super) fn add_changes(&self, bytes: u64) {
        self.changes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// State is being written whole: what comes from now on is not in it.
    pub(super) fn start_again(&self) {
        self.changes.store(0, Ordering::Relaxed);
        self.entries.store(0, Ordering::Relaxed);
    }

    /// State was written whole, in so many bytes.
    pub(super) fn set_state(&self, bytes: u64) {
        self.state.store(bytes, Ordering::Relaxed);
    }

    /// A restart would read more changes than state.
    pub(super) fn is_heavy(&self) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        self.changes.load(Ordering::Relaxed) >= state.max(CHANGES_MIN_BYTES)
    }

    /// So much was written that writing the state, too, is no more than twice the work, even
    /// if batches have to wait for it.
    pub(super) fn is_worth_waiting(&self) -> bool {
        self.entries.load(Ordering::Relaxed) >= self.state.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_weighed_against_the_state() {
        let weight = Weight::default();
        assert!(weight.is_worth_waiting() && !weight.is_heavy());
        weight.set_state(2 * CHANGES_MIN_BYTES);
        weight.add_changes(CHANGES_MIN_BYTES);
        weight.add_entry(CHANGES_MIN_BYTES);
        assert!(!weight.is_worth_waiting() && !weight.is_heavy());
        weight.add_changes(CHANGES_MIN_BYTES);
        weight.add_entry(CHANGES_MIN_BYTES);
        assert!(weight.is_worth_waiting() && weight.is_heavy());
        weight.start_again();
        assert!(!weight.is_worth_waiting() && !weight.is_heavy());
    }
}
