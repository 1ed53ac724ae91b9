//! Count, mean and spread of numbers, in one pass.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Count, mean, variance, least and greatest of numbers: Spark's `StatCounter`.
///
/// Numbers are added one at a time, and counters merged, by the formulas of Welford and of
/// Chan, Golub and LeVeque, which do not cancel where the spread is small beside the mean.
/// A NaN makes all but the count NaN.
///
/// ```
/// use headwater_core::rdd::StatCounter;
/// let mut stats: StatCounter = [1.0, 2.0].into_iter().collect();
/// stats.merge(&[3.0, 4.0].into_iter().collect());
/// assert_eq!((stats.count(), stats.mean(), stats.variance()), (4, 2.5, 1.25));
/// assert_eq!(
///     stats.to_string(),
///     "(count: 4, mean: 2.500000, stdev: 1.118034, max: 4.000000, min: 1.000000)"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StatCounter {
    count: u64,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
    max: f64,
    min: f64,
}

impl Default for StatCounter {
    fn default() -> Self {
        let (max, min) = (f64::NEG_INFINITY, f64::INFINITY);
        StatCounter {
            count: 0,
            mean: 0.0,
            squares: 0.0,
            max,
            min,
        }
    }
}

impl StatCounter {
    /// A counter of no numbers: the mean and sum are 0, the least number is infinity, the
    /// greatest minus infinity, the variances are NaN.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// assert_eq!(StatCounter::new().min(), f64::INFINITY);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        StatCounter::default()
    }

    /// Adds a number.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let mut stats = StatCounter::new();
    /// stats.add(2.0);
    /// stats.add(4.0);
    /// assert_eq!(stats.mean(), 3.0);
    /// ```
    #[inline]
    pub fn add(&mut self, number: f64) {
        let distance = number - self.mean;
        self.count += 1;
        self.mean += distance / self.count as f64;
        self.squares += distance * (number - self.mean);
        self.max = greater(self.max, number);
        self.min = -greater(-self.min, -number);
    }

    /// Adds all that another counter has seen.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let mut stats = StatCounter::from_iter([1.0]);
    /// stats.merge(&StatCounter::from_iter([3.0]));
    /// assert_eq!((stats.count(), stats.variance()), (2, 1.0));
    /// ```
    pub fn merge(&mut self, other: &StatCounter) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (mine, theirs) = (self.count as f64, other.count as f64);
        let (all, distance) = (mine + theirs, other.mean - self.mean);
        // Where one side has ten times the weight, moving its mean a little is more exact
        // than weighing both.
        self.mean = if theirs * 10.0 < mine {
            self.mean + distance * theirs / all
        } else if mine * 10.0 < theirs {
            other.mean - distance * mine / all
        } else {
            (self.mean * mine + other.mean * theirs) / all
        };
        self.squares += other.squares + distance * distance * mine * theirs / all;
        self.count += other.count;
        self.max = greater(self.max, other.max);
        self.min = -greater(-self.min, -other.min);
    }

    /// How many numbers there were.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.count(), 4);
    /// ```
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, 0 if there were none.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.mean(), 2.5);
    /// ```
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Their sum: the mean times the count, as in Spark.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.sum(), 10.0);
    /// ```
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.count as f64 * self.mean
    }

    /// The greatest, minus infinity if there were none.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.max(), 4.0);
    /// ```
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The least, infinity if there were none.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.min(), 1.0);
    /// ```
    #[must_use]
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The variance of the numbers themselves (divided by their count), NaN if there were
    /// none: Spark's `variance` and `popVariance`.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.variance(), 1.25);
    /// ```
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count == 0 {
            f64::NAN
        } else {
            self.squares / self.count as f64
        }
    }

    /// The variance estimated from a sample (divided by the count less one), NaN below two
    /// numbers.
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.sample_variance(), 5.0 / 3.0);
    /// ```
    #[must_use]
    pub fn sample_variance(&self) -> f64 {
        if self.count < 2 {
            f64::NAN
        } else {
            self.squares / (self.count - 1) as f64
        }
    }

    /// The square root of [`StatCounter::variance`].
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.stdev(), 1.25_f64.sqrt());
    /// ```
    #[must_use]
    pub fn stdev(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The square root of [`StatCounter::sample_variance`].
    ///
    /// ```
    /// use headwater_core::rdd::StatCounter;
    /// let stats = StatCounter::from_iter([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(stats.sample_stdev(), (5.0_f64 / 3.0).sqrt());
    /// ```
    #[must_use]
    pub fn sample_stdev(&self) -> f64 {
        self.sample_variance().sqrt()
    }
}

/// The greater number, NaN if one is; `f64::max` would hide it.
#[inline]
fn greater(a: f64, b: f64) -> f64 {
    if b.is_nan() || b > a { b } else { a }
}

impl Extend<f64> for StatCounter {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, numbers: I) {
        for number in numbers {
            self.add(number);
        }
    }
}

impl FromIterator<f64> for StatCounter {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut stats = StatCounter::new();
        stats.extend(numbers);
        stats
    }
}

/// Spark's text, with six places each.
impl fmt::Display for StatCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "(count: {}, mean: {}, stdev: {}, max: {}, min: {})",
            self.count,
            six_places(self.mean),
            six_places(self.stdev()),
            six_places(self.max),
            six_places(self.min)
        )
    }
}

/// A number as Java's `%f` writes it: the shortest decimal that reads back as the number,
/// rounded half up at the sixth place, and infinity in full.
fn six_places(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    if number.is_infinite() {
        return format!("{sign}Infinity");
    }
    let shortest = number.abs().to_string();
    let (whole, places) = shortest.split_once('.').unwrap_or((&shortest, ""));
    let kept = places.get(..6).unwrap_or(places);
    let mut digits: Vec<u8> = format!("{whole}{kept:0<6}").into_bytes();
    if places.as_bytes().get(6).is_some_and(|next| *next >= b'5') {
        let nines = digits
            .iter()
            .rev()
            .take_while(|digit| **digit == b'9')
            .count();
        let rest = digits.len() - nines;
        digits.iter_mut().skip(rest).for_each(|digit| *digit = b'0');
        match digits.iter_mut().take(rest).next_back() {
            Some(digit) => *digit += 1,
            None => digits.insert(0, b'1'),
        }
    }
    let text = String::from_utf8_lossy(&digits);
    let (whole, places) = text.split_at(text.len() - 6);
    format!("{sign}{whole}.{places}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_numbers() {
        let none = StatCounter::new();
        assert_eq!((none.count(), none.mean(), none.sum()), (0, 0.0, 0.0));
        assert!(none.variance().is_nan() && none.sample_variance().is_nan());
        assert_eq!(
            none.to_string(),
            "(count: 0, mean: 0.000000, stdev: NaN, max: -Infinity, min: Infinity)"
        );
        let mut one = StatCounter::from_iter([2.0]);
        one.merge(&none);
        assert_eq!((one.count(), one.variance()), (1, 0.0));
        assert!(one.sample_stdev().is_nan());
    }

    #[test]
    fn nan_is_not_hidden() {
        for numbers in [[f64::NAN, 1.0], [1.0, f64::NAN]] {
            let stats = StatCounter::from_iter(numbers);
            assert!(stats.max().is_nan() && stats.min().is_nan() && stats.mean().is_nan());
            let mut merged = StatCounter::from_iter([3.0]);
            merged.merge(&stats);
            assert!(merged.max().is_nan() && merged.min().is_nan());
        }
    }

    #[test]
    fn six_places_round_half_up_on_the_decimal_digits() {
        let cases = [
            (0.0, "0.000000"),
            (-0.0, "-0.000000"),
            (2.5, "2.500000"),
            (0.000_000_5, "0.000001"),
            (0.000_000_4, "0.000000"),
            (1.000_000_5, "1.000001"),
            (9.999_999_5, "10.000000"),
            (-1.25e-7, "-0.000000"),
            (1e21, "1000000000000000000000.000000"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (number, text) in cases {
            assert_eq!(six_places(number), text);
        }
    }

    proptest! {
        #[test]
        fn merging_parts_is_counting_all(parts in prop::collection::vec(
            prop::collection::vec(-1e3..1e3_f64, 0..40), 0..6,
        )) {
            let mut merged = StatCounter::new();
            for part in &parts {
                merged.merge(&part.iter().copied().collect());
            }
            let all: Vec<f64> = parts.concat();
            prop_assert_eq!(merged.count(), all.len() as u64);
            if !all.is_empty() {
                let mean = all.iter().sum::<f64>() / all.len() as f64;
                let spread = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
                prop_assert!((merged.mean() - mean).abs() < 1e-9);
                prop_assert!((merged.variance() - spread / all.len() as f64).abs() < 1e-6);
                prop_assert_eq!(merged.max(), all.iter().copied().fold(f64::MIN, f64::max));
                prop_assert_eq!(merged.min(), all.iter().copied().fold(f64::MAX, f64::min));
            }
        }
    }
}
