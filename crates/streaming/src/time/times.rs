//! The iterator behind [`Time::until`] and [`Time::to`].

use std::iter::FusedIterator;

use super::Time;

/// Times that lie a fixed step apart; made by [`Time::until`] and [`Time::to`].
///
/// ```
/// use headwater_streaming::time::{Time, millis};
///
/// let mut times = Time::ZERO.to(Time::from_millis(20), millis(10));
/// assert_eq!(times.next_back(), Some(Time::from_millis(20)));
/// assert_eq!(times.next(), Some(Time::ZERO));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    // Wider than a time, because the step past the last time and the number of all
    // milliseconds there are do not fit into one.
    next: i128,
    left: i128,
    step: i64,
}

impl Times {
    /// The times from `first` to at most `last`; `step` is at least one.
    pub(super) fn new(first: Time, last: i128, step: i64) -> Self {
        let next = i128::from(first.as_millis());
        let left = if last < next {
            0
        } else {
            (last - next) / i128::from(step) + 1
        };
        Self { next, left, step }
    }
}

impl Iterator for Times {
    type Item = Time;

    fn next(&mut self) -> Option<Time> {
        if self.left == 0 {
            return None;
        }
        let time = Time::clamped(self.next);
        self.next += i128::from(self.step);
        self.left -= 1;
        Some(time)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}

impl DoubleEndedIterator for Times {
    fn next_back(&mut self) -> Option<Time> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(Time::clamped(self.next + self.left * i128::from(self.step)))
    }
}

impl FusedIterator for Times {}
