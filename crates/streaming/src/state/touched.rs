//! How many keys batches have touched: counted once for each change, not for each key.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many keys a change says that it touches, which is cheaper to know than what comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// It puts so many, new ones among them, and removes so many.
    Some { put: u64, removed: u64 },
    /// It visits every key, and adds so many.
    Every { added: u64 },
}

/// How many keys were touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) updated: u64,
    pub(crate) added: u64,
    /// Those that timed out among them.
    pub(crate) removed: u64,
    pub(crate) timed_out: u64,
}

impl Extent {
    /// What a change has done to a partition that had so many keys before and after it.
    fn between(self, before: u64, after: u64) -> Touched {
        let (updated, added, removed) = match self {
            Extent::Some { put, removed } => {
                let added = (after + removed).saturating_sub(before);
                (put.saturating_sub(added), added, removed)
            }
            Extent::Every { added } => {
                let removed = (before + added).saturating_sub(after);
                (before.saturating_sub(removed), added, removed)
            }
        };
        Touched {
            updated,
            added,
            removed,
            timed_out: 0,
        }
    }
}

/// Sums over the partitions of a state, since they were taken last.
#[derive(Default)]
pub(crate) struct Sums {
    updated: AtomicU64,
    added: AtomicU64,
    removed: AtomicU64,
    timed_out: AtomicU64,
}

impl Sums {
    pub(crate) fn add(&self, extent: Extent, before: usize, after: usize) {
        let touched = extent.between(before as u64, after as u64);
        self.updated.fetch_add(touched.updated, Ordering::Relaxed);
        self.added.fetch_add(touched.added, Ordering::Relaxed);
        self.removed.fetch_add(touched.removed, Ordering::Relaxed);
    }

    /// So many of those that were removed had timed out.
    pub(crate) fn add_timed_out(&self, keys: usize) {
        self.timed_out.fetch_add(keys as u64, Ordering::Relaxed);
    }

    pub(crate) fn take(&self) -> Touched {
        Touched {
            updated: self.updated.swap(0, Ordering::Relaxed),
            added: self.added.swap(0, Ordering::Relaxed),
            removed: self.removed.swap(0, Ordering::Relaxed),
            timed_out: self.timed_out.swap(0, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(extent: Extent, before: u64, after: u64) -> (u64, u64, u64) {
        let touched = extent.between(before, after);
        (touched.updated, touched.added, touched.removed)
    }

    #[test]
    fn what_became_of_keys_follows_from_how_many_there_are() {
        let some = Extent::Some { put: 5, removed: 2 };
        assert_eq!(touched(some, 10, 11), (2, 3, 2));
        let every = Extent::Every { added: 3 };
        assert_eq!(touched(every, 10, 9), (6, 3, 4));
    }

    #[test]
    fn sums_are_taken_once() {
        let sums = Sums::default();
        let (put, removed) = (4, 1);
        sums.add(Extent::Some { put, removed }, 2, 3);
        sums.add(Extent::Every { added: 1 }, 3, 4);
        sums.add_timed_out(1);
        let touched = Touched {
            updated: 5,
            added: 3,
            removed: 1,
            timed_out: 1,
        };
        assert_eq!(sums.take(), touched);
        assert_eq!(sums.take(), Touched::default());
    }
}
