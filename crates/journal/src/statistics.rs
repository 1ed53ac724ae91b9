//! How much a journal has written, and how long that took.

use std::time::Duration;

/// What an open journal has written; see [`Journal::statistics`](crate::Journal::statistics).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many records.
    pub records: u64,
    /// How long they are, with what tells them apart.
    pub bytes: u64,
    /// How long that took.
    pub syncs: Syncs,
}

/// How long it took to make groups of records durable: each was written and synced, or in an
/// object store put.
///
/// ```
/// use headwater_journal::Syncs;
/// let syncs = Syncs::default();
/// assert_eq!((syncs.count, syncs.last), (0, None));
/// assert_eq!(syncs.histogram.len(), Syncs::LIMITS.len() + 1);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Syncs {
    /// How many groups.
    pub count: u64,
    /// How long they took together.
    pub total: Duration,
    /// How long the last one took; `None` before the first.
    pub last: Option<Duration>,
    /// How long the slowest one took.
    pub max: Duration,
    /// How many took at most as long as each of [`Syncs::LIMITS`], and longer than the limit
    /// before; in the last place those that took longer than all of them.
    pub histogram: [u64; Syncs::LIMITS.len() + 1],
}

impl Syncs {
    /// The limits of the histogram, the shortest first.
    pub const LIMITS: [Duration; 12] = [
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
    ];

    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total = self.total.saturating_add(took);
        self.last = Some(took);
        self.max = self.max.max(took);
        let place = Syncs::LIMITS.partition_point(|limit| *limit < took);
        if let Some(count) = self.histogram.get_mut(place) {
            *count += 1;
        }
    }
}

impl Statistics {
    /// A group of records was made durable.
    pub(crate) fn add(&mut self, records: u32, bytes: usize, took: Duration) {
        self.records += u64::from(records);
        self.bytes += bytes as u64;
        self.syncs.add(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_counts_in_one_place_of_the_histogram() {
        let mut statistics = Statistics::default();
        let millis = [0, 1, 2, 1_000, 5_000].map(Duration::from_millis);
        for took in millis {
            statistics.add(2, 10, took);
        }
        let syncs = statistics.syncs;
        assert_eq!((statistics.records, statistics.bytes), (10, 50));
        assert_eq!((syncs.count, syncs.last), (5, Some(millis[4])));
        assert_eq!((syncs.total, syncs.max), (millis.iter().sum(), millis[4]));
        assert_eq!(syncs.histogram, [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    }
}
