//! The time between two points in time.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Time;

/// The time from `begin` to `end`, such as a batch or a window.
///
/// Intervals are ordered by their ends as long as that order is beyond doubt: when they have
/// the same length, or when one is over before the other begins. Overlapping intervals of
/// different lengths, for which Spark throws an exception, have no order: every comparison
/// other than `!=` is false and `partial_cmp` gives `None`.
///
/// ```
/// use headwater_streaming::time::{Interval, Time, seconds};
///
/// let window = Interval::new(Time::from_millis(1_000), Time::from_millis(4_000));
/// assert_eq!(window.duration(), seconds(3));
/// assert!(window < window + seconds(1));
/// assert_eq!(window.to_string(), "[1000 ms, 4000 ms]");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// Where the interval begins.
    pub begin: Time,
    /// Where it ends; an interval that ends before it begins is empty and has no order.
    pub end: Time,
}

impl Interval {
    /// The interval from `begin` to `end`.
    ///
    /// ```
    /// use headwater_streaming::time::{Interval, Time};
    ///
    /// let batch = Interval::new(Time::ZERO, Time::from_millis(500));
    /// assert_eq!(batch.end, Time::from_millis(500));
    /// ```
    #[must_use]
    pub const fn new(begin: Time, end: Time) -> Self {
        Self { begin, end }
    }

    /// How long the interval is; zero when it ends before it begins.
    ///
    /// ```
    /// use headwater_streaming::time::{Interval, Time, millis};
    ///
    /// let batch = Interval::new(Time::ZERO, Time::from_millis(500));
    /// assert_eq!(batch.duration(), millis(500));
    /// ```
    #[must_use]
    pub fn duration(self) -> Duration {
        self.end.since(self.begin)
    }
}

impl Add<Duration> for Interval {
    type Output = Interval;

    fn add(self, length: Duration) -> Interval {
        Interval::new(self.begin + length, self.end + length)
    }
}

impl Sub<Duration> for Interval {
    type Output = Interval;

    fn sub(self, length: Duration) -> Interval {
        Interval::new(self.begin - length, self.end - length)
    }
}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Interval) -> Option<Ordering> {
        if self == other {
            return Some(Ordering::Equal);
        }
        let lengths = (
            self.end.checked_since(self.begin)?,
            other.end.checked_since(other.begin)?,
        );
        if lengths.0 == lengths.1 {
            Some(self.end.cmp(&other.end))
        } else if self.end <= other.begin {
            Some(Ordering::Less)
        } else if other.end <= self.begin {
            Some(Ordering::Greater)
        } else {
            None
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.begin, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{millis, seconds};

    fn from_to(begin: i64, end: i64) -> Interval {
        Interval::new(Time::from_millis(begin), Time::from_millis(end))
    }

    #[test]
    fn has_a_length_and_moves() {
        let interval = from_to(1_000, 4_000);
        assert_eq!(interval.duration(), seconds(3));
        assert_eq!(interval + seconds(1), from_to(2_000, 5_000));
        assert_eq!(interval - seconds(1), from_to(0, 3_000));
        assert_eq!(from_to(2, 1).duration(), millis(0));
    }

    #[test]
    fn is_written_as_spark_writes_it() {
        assert_eq!(from_to(1_000, 4_000).to_string(), "[1000 ms, 4000 ms]");
    }

    #[test]
    fn same_lengths_are_ordered_by_their_ends() {
        assert!(from_to(0, 10) < from_to(5, 15));
        assert!(from_to(5, 15) >= from_to(0, 10));
        assert!(from_to(0, 10) <= from_to(0, 10));
    }

    #[test]
    fn different_lengths_are_ordered_only_when_apart() {
        assert!(from_to(0, 10) < from_to(10, 11));
        assert!(from_to(10, 11) > from_to(0, 10));
        assert_eq!(from_to(0, 10).partial_cmp(&from_to(9, 11)), None);
        assert_eq!(from_to(0, 10).partial_cmp(&from_to(5, 10)), None);
        assert!(from_to(3, 5) < from_to(5, 5));
    }

    #[test]
    fn reversed_intervals_have_no_order() {
        assert_eq!(from_to(5, 4).partial_cmp(&from_to(9, 10)), None);
        assert_eq!(
            from_to(5, 4).partial_cmp(&from_to(5, 4)),
            Some(Ordering::Equal)
        );
    }
}
