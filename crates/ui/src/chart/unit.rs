//! The unit that several lengths of time are shown in.

use crate::record::Took;

/// A unit of time, by Spark's short names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    micros: u64,
}

/// From small to large.
const UNITS: [Unit; 6] = [
    Unit::new("us", 1),
    Unit::new("ms", 1000),
    Unit::new("sec", 1_000_000),
    Unit::new("min", 60_000_000),
    Unit::new("hrs", 3_600_000_000),
    Unit::new("days", 86_400_000_000),
];

impl Unit {
    const fn new(name: &'static str, micros: u64) -> Self {
        Unit { name, micros }
    }

    /// The largest unit that is not longer than the longest of the lengths; milliseconds if
    /// all are zero.
    pub(crate) fn of(longest: Took) -> Self {
        let fitting = UNITS.into_iter().rev();
        let mut fitting = fitting.filter(|unit| unit.micros <= longest.0);
        fitting.next().unwrap_or(UNITS[1])
    }

    /// The length of time that is so many of it.
    pub(crate) fn took(self, value: f64) -> Took {
        // Only what is not negative is as long as anything.
        Took((value * self.micros as f64).round() as u64)
    }

    pub(crate) fn value(self, took: Took) -> f64 {
        took.0 as f64 / self.micros as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_decides() {
        let names = [
            0,
            1,
            999,
            1000,
            999_999,
            1_000_000,
            60_000_000,
            4_000_000_000,
        ];
        let names = names.map(|micros| Unit::of(Took(micros)).name);
        assert_eq!(names, ["ms", "us", "us", "ms", "ms", "sec", "min", "hrs"]);
        assert_eq!(Unit::of(Took(90_000_000)).value(Took(30_000_000)), 0.5);
    }
}
