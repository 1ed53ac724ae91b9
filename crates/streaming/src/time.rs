//! Points in time, spans between them, and how both are written.
//!
//! A stream is cut at whole milliseconds: a [`Time`] counts the milliseconds since the epoch, an
//! [`Interval`] lies between two of them, and every length of time is a
//! [`std::time::Duration`], which [`millis`], [`seconds`] and [`minutes`] make. Nothing here
//! reads a clock: that is what the [`clock`](crate::clock) module is for.
//!
//! Arithmetic never panics. It saturates at the ends of the range, counts the whole
//! milliseconds of a duration and drops the rest; [`whole_millis`] tells beforehand whether
//! there is a rest.
//!
//! ```
//! use headwater_streaming::time::{Time, seconds};
//!
//! let now = Time::from_millis(12_345);
//! let batch = now.floor(seconds(2));
//! assert_eq!(batch, Time::from_millis(12_000));
//! assert_eq!((batch + seconds(2)).to_string(), "14000 ms");
//! ```

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

mod duration;
mod interval;
mod times;

pub use duration::{is_multiple, millis, minutes, pretty_duration, seconds, whole_millis};
pub use interval::Interval;
pub use times::Times;

pub(crate) use duration::{length_text, nearest_multiples};
use duration::{step_millis, truncated_millis};

/// A point in time: milliseconds since midnight, 1 January 1970 UTC.
///
/// It is written as Spark writes it, for example `1000 ms`, and serialised as the bare number.
///
/// ```
/// use headwater_streaming::time::{Time, millis};
///
/// let time = Time::from_millis(1_000);
/// assert!(time < time + millis(1));
/// assert_eq!(time.to_string(), "1000 ms");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The epoch, where multiples of every batch interval start.
    pub const ZERO: Time = Time(0);

    /// The latest time there is; waiting for it means waiting for something else.
    pub const MAX: Time = Time(i64::MAX);

    /// The earliest time there is.
    pub const MIN: Time = Time(i64::MIN);

    /// The time that many milliseconds after the epoch, or before it when negative.
    ///
    /// ```
    /// use headwater_streaming::time::Time;
    ///
    /// assert_eq!(Time::from_millis(0), Time::ZERO);
    /// ```
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The milliseconds since the epoch.
    ///
    /// ```
    /// use headwater_streaming::time::Time;
    ///
    /// assert_eq!(Time::from_millis(250).as_millis(), 250);
    /// ```
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is, or zero when it is not after it at all.
    ///
    /// `self - earlier` is the same. A `Duration` has no sign, and code that asks "how long
    /// since" wants no more than zero when a clock went backwards;
    /// [`checked_since`](Self::checked_since) tells the two apart.
    ///
    /// ```
    /// use headwater_streaming::time::{Time, millis};
    ///
    /// let (early, late) = (Time::from_millis(100), Time::from_millis(350));
    /// assert_eq!(late.since(early), millis(250));
    /// assert_eq!(early.since(late), millis(0));
    /// ```
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        self.checked_since(earlier).unwrap_or_default()
    }

    /// How long after `earlier` this is, or `None` when it is before it.
    ///
    /// ```
    /// use headwater_streaming::time::{Time, millis};
    ///
    /// let (early, late) = (Time::from_millis(100), Time::from_millis(350));
    /// assert_eq!(late.checked_since(early), Some(millis(250)));
    /// assert_eq!(early.checked_since(late), None);
    /// ```
    #[must_use]
    pub fn checked_since(self, earlier: Time) -> Option<Duration> {
        (self >= earlier).then(|| Duration::from_millis(self.0.abs_diff(earlier.0)))
    }

    /// The last multiple of `step`, counted from the epoch, that is not after this time.
    ///
    /// A step below one millisecond counts as one millisecond, so the time stays as it is.
    /// Times before the epoch go down too, where Spark would cut them towards zero.
    ///
    /// ```
    /// use headwater_streaming::time::{Time, seconds};
    ///
    /// assert_eq!(Time::from_millis(12_345).floor(seconds(2)), Time::from_millis(12_000));
    /// ```
    #[must_use]
    pub fn floor(self, step: Duration) -> Time {
        self.floor_from(step, Time::ZERO)
    }

    /// The last time that is a multiple of `step` after `zero` and not after this time.
    ///
    /// A stream that started at `zero` is cut there. Steps are treated as in
    /// [`floor`](Self::floor).
    ///
    /// ```
    /// use headwater_streaming::time::{Time, seconds};
    ///
    /// let zero = Time::from_millis(500);
    /// let time = Time::from_millis(12_345);
    /// assert_eq!(time.floor_from(seconds(2), zero), Time::from_millis(10_500));
    /// ```
    #[must_use]
    pub fn floor_from(self, step: Duration, zero: Time) -> Time {
        let step = i128::from(step_millis(step));
        let past = i128::from(self.0) - i128::from(zero.0);
        Time::clamped(past.div_euclid(step) * step + i128::from(zero.0))
    }

    /// Whether this time lies a whole number of `step`s from the epoch.
    ///
    /// The epoch is a multiple of everything, and nothing else is a multiple of zero. The test
    /// is exact, also for a step with a part below one millisecond.
    ///
    /// ```
    /// use headwater_streaming::time::{Time, millis, seconds};
    ///
    /// assert!(Time::from_millis(4_000).is_multiple_of(seconds(2)));
    /// assert!(!Time::from_millis(4_001).is_multiple_of(seconds(2)));
    /// assert!(!Time::from_millis(4_000).is_multiple_of(millis(0)));
    /// ```
    #[must_use]
    pub fn is_multiple_of(self, step: Duration) -> bool {
        is_multiple(Duration::from_millis(self.0.unsigned_abs()), step)
    }

    /// The times from this one on, `step` apart, as long as they are before `end`.
    ///
    /// A step below one millisecond counts as one millisecond.
    ///
    /// ```
    /// use headwater_streaming::time::{Time, seconds};
    ///
    /// let times = Time::ZERO.until(Time::from_millis(2_000), seconds(1));
    /// assert!(times.eq([Time::ZERO, Time::from_millis(1_000)]));
    /// ```
    #[must_use]
    pub fn until(self, end: Time, step: Duration) -> Times {
        Times::new(self, i128::from(end.0) - 1, step_millis(step))
    }

    /// The times from this one on, `step` apart, as long as they are not after `end`.
    ///
    /// A step below one millisecond counts as one millisecond.
    ///
    /// ```
    /// use headwater_streaming::time::{Time, seconds};
    ///
    /// let times = Time::ZERO.to(Time::from_millis(1_000), seconds(1));
    /// assert!(times.eq([Time::ZERO, Time::from_millis(1_000)]));
    /// ```
    #[must_use]
    pub fn to(self, end: Time, step: Duration) -> Times {
        Times::new(self, i128::from(end.0), step_millis(step))
    }

    /// The time at `millis`, or the end of the range that it lies beyond.
    fn clamped(millis: i128) -> Time {
        let limits = (i128::from(i64::MIN), i128::from(i64::MAX));
        Time(millis.clamp(limits.0, limits.1) as i64)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, length: Duration) -> Time {
        Time(self.0.saturating_add(truncated_millis(length)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    fn sub(self, length: Duration) -> Time {
        Time(self.0.saturating_sub(truncated_millis(length)))
    }
}

/// The same as [`Time::since`]: zero when the right side is the later one.
impl Sub<Time> for Time {
    type Output = Duration;

    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, length: Duration) {
        *self = *self + length;
    }
}

impl SubAssign<Duration> for Time {
    fn sub_assign(&mut self, length: Duration) {
        *self = *self - length;
    }
}

/// The millisecond in which a wall clock reading lies.
impl From<SystemTime> for Time {
    fn from(reading: SystemTime) -> Time {
        Time::clamped(epoch_nanos(reading).div_euclid(1_000_000))
    }
}

/// The nanoseconds from the epoch to a wall clock reading, negative before the epoch.
pub(crate) fn epoch_nanos(reading: SystemTime) -> i128 {
    // A Duration's nanoseconds need 94 bits, so that the cast keeps every value.
    match reading.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_nanos() as i128,
        Err(error) => -(error.duration().as_nanos() as i128),
    }
}

#[cfg(test)]
mod tests;
