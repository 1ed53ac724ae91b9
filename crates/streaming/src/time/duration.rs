//! Making, checking and writing lengths of time.

use std::time::Duration;

const SECOND_MS: u128 = 1_000;
const MINUTE_MS: u128 = 60 * SECOND_MS;
const HOUR_MS: u128 = 60 * MINUTE_MS;

/// That many milliseconds, as Spark's `Milliseconds(n)`.
///
/// ```
/// use headwater_streaming::time::{millis, seconds};
///
/// assert_eq!(millis(1_000), seconds(1));
/// ```
#[must_use]
pub const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// That many seconds, as Spark's `Seconds(n)`.
///
/// ```
/// use headwater_streaming::time::{minutes, seconds};
///
/// assert_eq!(seconds(120), minutes(2));
/// ```
#[must_use]
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// That many minutes, as Spark's `Minutes(n)`; at most the seconds that fit into a `u64`.
///
/// ```
/// use headwater_streaming::time::{minutes, seconds};
///
/// assert_eq!(minutes(1), seconds(60));
/// ```
#[must_use]
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count.saturating_mul(60))
}

/// The milliseconds of `length`, or `None` when it has a part below one millisecond or more
/// milliseconds than a [`Time`](super::Time) can count.
///
/// Intervals that a user hands in are checked with this before anything starts, so that later
/// arithmetic, which drops such parts, has none to drop.
///
/// ```
/// use headwater_streaming::time::{seconds, whole_millis};
/// use std::time::Duration;
///
/// assert_eq!(whole_millis(seconds(2)), Some(2_000));
/// assert_eq!(whole_millis(Duration::from_micros(1_500)), None);
/// ```
#[must_use]
pub fn whole_millis(length: Duration) -> Option<i64> {
    if !length.subsec_nanos().is_multiple_of(1_000_000) {
        return None;
    }
    i64::try_from(length.as_millis()).ok()
}

/// Whether `length` is a whole number of `step`s, as a window must be of its slide.
///
/// Zero is a multiple of everything, and nothing else is a multiple of zero.
///
/// ```
/// use headwater_streaming::time::{is_multiple, seconds};
///
/// assert!(is_multiple(seconds(30), seconds(10)));
/// assert!(!is_multiple(seconds(30), seconds(20)));
/// ```
#[must_use]
pub fn is_multiple(length: Duration, step: Duration) -> bool {
    length.as_nanos().is_multiple_of(step.as_nanos())
}

/// A length of time for people to read, exactly as Spark's user interface writes it.
///
/// Below a second in whole milliseconds, below a minute in seconds and below an hour in
/// minutes with one decimal, then in hours with two.
///
/// ```
/// use headwater_streaming::time::{millis, minutes, pretty_duration, seconds};
///
/// assert_eq!(pretty_duration(millis(5)), "5 ms");
/// assert_eq!(pretty_duration(millis(59_999)), "60.0 s");
/// assert_eq!(pretty_duration(seconds(90)), "1.5 m");
/// assert_eq!(pretty_duration(minutes(90)), "1.50 h");
/// ```
#[must_use]
pub fn pretty_duration(length: Duration) -> String {
    let length_ms = length.as_millis();
    if length_ms < SECOND_MS {
        format!("{length_ms} ms")
    } else if length_ms < MINUTE_MS {
        let tenths = rounded_parts(length_ms, SECOND_MS, 10);
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if length_ms < HOUR_MS {
        let tenths = rounded_parts(length_ms, MINUTE_MS, 10);
        format!("{}.{} m", tenths / 10, tenths % 10)
    } else {
        let hundredths = rounded_parts(length_ms, HOUR_MS, 100);
        format!("{}.{:02} h", hundredths / 100, hundredths % 100)
    }
}

/// How many `1 / parts` of a unit `length_ms` is, rounded as Spark rounds.
///
/// Spark divides in single precision and then rounds halves up, which Rust's formatting does
/// not: 1250 ms is `1.3 s` there. A single-precision value times ten or a hundred is exact in
/// double precision, so that the only rounding is the one at the end.
fn rounded_parts(length_ms: u128, unit_ms: u128, parts: u32) -> u64 {
    let units = length_ms as f32 / unit_ms as f32;
    (f64::from(units) * f64::from(parts)).round() as u64
}

/// Which lengths could be meant by one that is no multiple of `step`, for an error; `None`
/// when it is one, and not zero.
pub(crate) fn nearest_multiples(length: Duration, step: Duration) -> Option<String> {
    if !length.is_zero() && whole_millis(length).is_some() && is_multiple(length, step) {
        return None;
    }
    let step_ms = step.as_millis().max(1);
    let below_ms = length.as_millis() / step_ms * step_ms;
    Some(if below_ms == 0 {
        format!("the nearest is {step_ms} ms")
    } else {
        format!("the nearest are {below_ms} ms or {} ms", below_ms + step_ms)
    })
}

/// A length for messages: all of it, in milliseconds.
pub(crate) fn length_text(length: Duration) -> String {
    let (whole, rest_ns) = (length.as_millis(), length.subsec_nanos() % 1_000_000);
    if rest_ns == 0 {
        return format!("{whole} ms");
    }
    let fraction = format!("{rest_ns:06}");
    format!("{whole}.{} ms", fraction.trim_end_matches('0'))
}

/// The whole milliseconds of `length`, or the most that a time can count.
pub(super) fn truncated_millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// The whole milliseconds of `step`, and one for less, because times are no finer than that.
pub(super) fn step_millis(step: Duration) -> i64 {
    truncated_millis(step).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_lengths() {
        assert_eq!(millis(2_000), seconds(2));
        assert_eq!(seconds(180), minutes(3));
        assert_eq!(minutes(u64::MAX), seconds(u64::MAX));
    }

    #[test]
    fn tells_whole_milliseconds() {
        assert_eq!(whole_millis(Duration::ZERO), Some(0));
        assert_eq!(whole_millis(millis(1_005)), Some(1_005));
        assert_eq!(whole_millis(Duration::from_nanos(1_000_001)), None);
        assert_eq!(whole_millis(millis(i64::MAX as u64)), Some(i64::MAX));
        assert_eq!(whole_millis(millis(i64::MAX as u64 + 1)), None);
        assert_eq!(whole_millis(Duration::MAX), None);
    }

    #[test]
    fn tells_multiples() {
        assert!(is_multiple(seconds(6), seconds(2)));
        assert!(!is_multiple(seconds(6), seconds(4)));
        assert!(is_multiple(Duration::ZERO, seconds(4)));
        assert!(is_multiple(Duration::ZERO, Duration::ZERO));
        assert!(!is_multiple(seconds(4), Duration::ZERO));
    }

    #[test]
    fn names_the_nearest_multiples() {
        let nearest = |length, step| nearest_multiples(length, seconds(step));
        assert_eq!(nearest(seconds(6), 2), None);
        let text = nearest(millis(4_500), 2).unwrap();
        assert_eq!(text, "the nearest are 4000 ms or 6000 ms");
        for length in [Duration::ZERO, millis(1_999)] {
            assert_eq!(nearest(length, 2).unwrap(), "the nearest is 2000 ms");
        }
        let text = nearest_multiples(Duration::from_micros(2_500), millis(1)).unwrap();
        assert_eq!(text, "the nearest are 2 ms or 3 ms");
    }

    #[test]
    fn writes_the_whole_of_a_length() {
        assert_eq!(length_text(millis(1_001)), "1001 ms");
        assert_eq!(length_text(Duration::from_micros(1_500)), "1.5 ms");
        assert_eq!(length_text(Duration::from_nanos(1)), "0.000001 ms");
    }

    #[test]
    fn writes_lengths_as_spark_does() {
        let cases = [
            (0, "0 ms"),
            (5, "5 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (1_050, "1.0 s"), // 1.05 is a little less in single precision
            (1_250, "1.3 s"),
            (59_949, "59.9 s"),
            (59_999, "60.0 s"),
            (60_000, "1.0 m"),
            (90_000, "1.5 m"),
            (3_599_999, "60.0 m"),
            (3_600_000, "1.00 h"),
            (5_400_000, "1.50 h"),
            (90_000_000, "25.00 h"),
        ];
        for (length_ms, text) in cases {
            assert_eq!(pretty_duration(millis(length_ms)), text);
        }
        assert_eq!(pretty_duration(Duration::from_micros(999)), "0 ms");
        assert!(pretty_duration(Duration::MAX).ends_with(" h"));
    }
}
