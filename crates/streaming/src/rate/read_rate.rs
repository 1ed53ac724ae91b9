//! What a source that is asked batch by batch learns about its rate.

use std::time::Duration;

/// How fast an [`InputSource`](crate::InputSource) may be read, for
/// [`InputSource::set_rate`](crate::InputSource::set_rate).
///
/// A source with parts, such as the partitions of a topic, gives each part its share by what
/// waits there: a part that is far behind gets more.
///
/// ```
/// use headwater_streaming::ReadRate;
/// use headwater_streaming::time::millis;
///
/// let rate = ReadRate::new(1000, millis(500));
/// assert_eq!(rate.per_batch(), 500);
/// let waiting = [600, 200, 0, 1];
/// let all: u64 = waiting.iter().sum();
/// let shares = waiting.map(|part| rate.share(part, all));
/// assert_eq!(shares, [374, 124, 0, 1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadRate {
    records_per_second: u64,
    batch: Duration,
}

impl ReadRate {
    /// A rate for batches of a length. The stream makes these; for tests of sources.
    ///
    /// ```
    /// use headwater_streaming::{ReadRate, time::seconds};
    /// assert_eq!(ReadRate::new(100, seconds(2)).per_batch(), 200);
    /// ```
    #[must_use]
    pub fn new(records_per_second: u64, batch: Duration) -> Self {
        ReadRate {
            records_per_second,
            batch,
        }
    }

    /// The rate: Spark's `RateController.getLatestRate`.
    ///
    /// ```
    /// use headwater_streaming::{ReadRate, time::seconds};
    /// assert_eq!(ReadRate::new(100, seconds(2)).records_per_second(), 100);
    /// ```
    #[must_use]
    pub fn records_per_second(self) -> u64 {
        self.records_per_second
    }

    /// How many records one batch may have: the whole ones, but at least one, or a source
    /// would never read again.
    ///
    /// ```
    /// use headwater_streaming::{ReadRate, time::millis};
    /// assert_eq!(ReadRate::new(99, millis(100)).per_batch(), 9);
    /// assert_eq!(ReadRate::new(100, millis(5)).per_batch(), 1);
    /// ```
    #[must_use]
    pub fn per_batch(self) -> u64 {
        self.share(1, 1)
    }

    /// How many records of a batch a part may give in which `waiting` of the source's
    /// `waiting_in_all` records are: its share of the batch, and at least one if any wait. 0
    /// where none do.
    ///
    /// ```
    /// use headwater_streaming::{ReadRate, time::seconds};
    /// let rate = ReadRate::new(100, seconds(1));
    /// assert_eq!(rate.share(30, 120), 25);
    /// assert_eq!(rate.share(1, 1_000_000), 1);
    /// assert_eq!(rate.share(0, 120), 0);
    /// ```
    #[must_use]
    pub fn share(self, waiting: u64, waiting_in_all: u64) -> u64 {
        if waiting == 0 {
            return 0;
        }
        // A part is no more than the whole, whatever the source says.
        let part = waiting as f64 / waiting_in_all.max(waiting) as f64;
        let records = self.records_per_second as f64 * self.batch.as_millis() as f64 / 1000.0;
        ((records * part) as u64).max(1)
    }
}
