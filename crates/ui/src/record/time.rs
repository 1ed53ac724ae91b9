//! Times as records keep them: whole microseconds.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment of the wall clock, in microseconds since 1970.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct At(pub(crate) i64);

/// A length of time, in microseconds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct Took(pub(crate) u64);

impl At {
    pub(crate) fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How much later this is; zero if it is not.
    pub(crate) fn since(self, earlier: At) -> Took {
        Took(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

impl From<SystemTime> for At {
    fn from(at: SystemTime) -> Self {
        let micros = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        At(match at.duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        })
    }
}

impl Took {
    /// Whole milliseconds, as REST tells lengths of time.
    pub(crate) fn millis(self) -> u64 {
        self.0 / 1000
    }

    pub(crate) fn millis_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    pub(crate) fn seconds_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl From<Duration> for Took {
    fn from(length: Duration) -> Self {
        Took(u64::try_from(length.as_micros()).unwrap_or(u64::MAX))
    }
}

impl std::ops::Add for Took {
    type Output = Took;

    fn add(self, other: Took) -> Took {
        Took(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for Took {
    fn sum<I: Iterator<Item = Took>>(all: I) -> Took {
        all.fold(Took::default(), |sum, one| sum + one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_microseconds_also_before_1970() {
        let at = UNIX_EPOCH + Duration::from_nanos(1_500_999);
        assert_eq!((At::from(at), At::from(at).millis()), (At(1500), 1));
        let before = UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(
            (At::from(before), At::from(before).millis()),
            (At(-1000), -1)
        );
        assert_eq!(At(7).since(At(5)), Took(2));
        assert_eq!(At(5).since(At(7)), Took(0));
        assert_eq!(Took(2500).millis_f64(), 2.5);
    }
}
