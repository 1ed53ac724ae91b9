//! What a part of the data says about all of it: an estimate and the bounds around it.

use std::fmt;

use statrs::distribution::{ContinuousCDF, DiscreteCDF, Normal, Poisson, StudentsT};

use crate::rdd::StatCounter;

/// A number that is estimated: Spark's `BoundedDouble`.
///
/// Its text has the bounds, with three digits after the point.
///
/// ```
/// use std::time::Duration;
/// let ctx = headwater_core::Context::local(2).unwrap();
/// let mean = ctx.parallelize(vec![1.0, 2.0, 6.0], 3).mean_approx(Duration::MAX, 0.9).unwrap();
/// assert_eq!((mean.initial_value().mean, mean.initial_value().confidence), (3.0, 1.0));
/// assert_eq!(mean.initial_value().to_string(), "[3.000, 3.000]");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BoundedDouble {
    /// The estimate.
    pub mean: f64,
    /// How likely it is that the number is within the bounds: 1 once it is known, 0 while
    /// nothing is known.
    pub confidence: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl fmt::Display for BoundedDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", Digits(self.low), Digits(self.high))
    }
}

/// A bound as Spark writes it.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            infinite if infinite.is_infinite() => f.write_str(if infinite > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }),
            finite => write!(f, "{finite:.3}"),
        }
    }
}

impl BoundedDouble {
    fn exactly(value: f64) -> Self {
        BoundedDouble {
            mean: value,
            confidence: 1.0,
            low: value,
            high: value,
        }
    }

    fn without_bounds(mean: f64, confidence: f64) -> Self {
        BoundedDouble {
            mean,
            confidence,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
        }
    }

    /// The count of all `parts`, after `seen` of them gave `count`.
    ///
    /// What is left is as if drawn from a Poisson distribution whose mean goes by the rate
    /// that was seen.
    pub(super) fn of_count(count: u64, seen: usize, parts: usize, confidence: f64) -> Self {
        let counted = count as f64;
        if seen == parts {
            return BoundedDouble::exactly(counted);
        }
        if seen == 0 || count == 0 {
            return BoundedDouble {
                mean: 0.0,
                confidence: 0.0,
                low: 0.0,
                high: f64::INFINITY,
            };
        }
        let share = seen as f64 / parts as f64;
        let left = counted * (1.0 - share) / share;
        let (low, high) = poisson_interval(left, confidence);
        BoundedDouble {
            mean: counted + left,
            confidence,
            low: counted + low,
            high: counted + high,
        }
    }

    /// The mean of all, after `seen` of `parts` gave these numbers.
    pub(super) fn of_mean(
        numbers: &StatCounter,
        seen: usize,
        parts: usize,
        confidence: f64,
    ) -> Self {
        let (count, mean) = (numbers.count(), numbers.mean());
        if seen == parts {
            return BoundedDouble::exactly(mean);
        }
        match count {
            0 => BoundedDouble::without_bounds(0.0, 0.0),
            1 => BoundedDouble::without_bounds(mean, confidence),
            _ => {
                let deviation = (numbers.sample_variance() / count as f64).sqrt();
                around(mean, deviation, count, confidence)
            }
        }
    }

    /// The sum of all, after `seen` of `parts` gave these numbers.
    ///
    /// What is left is the product of a count and a mean that are taken to be independent.
    pub(super) fn of_sum(
        numbers: &StatCounter,
        seen: usize,
        parts: usize,
        confidence: f64,
    ) -> Self {
        let (count, mean, sum) = (numbers.count(), numbers.mean(), numbers.sum());
        if seen == parts {
            return BoundedDouble::exactly(sum);
        }
        if count == 0 {
            return BoundedDouble::without_bounds(0.0, 0.0);
        }
        let share = seen as f64 / parts as f64;
        let count_left = count as f64 * (1.0 - share) / share;
        let sum_left = mean * count_left;
        let mean_variance = numbers.sample_variance() / count as f64;
        if count == 1 || mean_variance.is_nan() {
            return BoundedDouble::without_bounds(sum + sum_left, confidence);
        }
        let count_variance = count as f64 * (1.0 - share) / (share * share);
        let variance = mean * mean * count_variance
            + count_left * count_left * mean_variance
            + mean_variance * count_variance;
        around(sum + sum_left, variance.sqrt(), count, confidence)
    }
}

/// The interval around the mean of `count` numbers.
fn around(mean: f64, deviation: f64, count: u64, confidence: f64) -> BoundedDouble {
    let reach = match deviation * factor(count, confidence) {
        // No deviation times a certainty that needs infinitely many of them.
        undefined if undefined.is_nan() => 0.0,
        reach => reach,
    };
    BoundedDouble {
        mean,
        confidence,
        low: mean - reach,
        high: mean + reach,
    }
}

/// How many deviations away the bounds are: by the normal distribution for many numbers, by
/// Student's t for few.
fn factor(count: u64, confidence: f64) -> f64 {
    let quantile = (1.0 + confidence) / 2.0;
    if quantile >= 1.0 {
        return f64::INFINITY;
    }
    if count > 100 {
        return Normal::standard().inverse_cdf(quantile);
    }
    StudentsT::new(0.0, 1.0, count.saturating_sub(1) as f64)
        .map_or(f64::INFINITY, |students| students.inverse_cdf(quantile))
}

/// The numbers between which a Poisson distribution of this mean lies so likely.
fn poisson_interval(mean: f64, confidence: f64) -> (f64, f64) {
    let (least, most) = ((1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0);
    let Ok(poisson) = Poisson::new(mean) else {
        return (0.0, f64::INFINITY);
    };
    let low = if least <= 0.0 {
        0.0
    } else {
        poisson.inverse_cdf(least) as f64
    };
    let high = if most >= 1.0 {
        f64::INFINITY
    } else {
        poisson.inverse_cdf(most) as f64
    };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(of: impl IntoIterator<Item = f64>) -> StatCounter {
        let mut counter = StatCounter::new();
        of.into_iter().for_each(|x| counter.add(x));
        counter
    }

    fn is_near(seen: f64, expected: f64) -> bool {
        (seen - expected).abs() <= 1e-6 * expected.abs().max(1.0)
    }

    /// Quantiles as the usual tables have them.
    #[test]
    fn factors_are_those_of_the_tables() {
        for (count, confidence, expected) in [
            (101, 0.95, 1.959_963_985),
            (1000, 0.99, 2.575_829_304),
            (1000, 0.0, 0.0),
            (2, 0.95, 12.706_204_736),
            (3, 0.90, 2.919_985_580),
            (11, 0.95, 2.228_138_852),
            (100, 0.99, 2.626_405_457),
        ] {
            let seen = factor(count, confidence);
            assert!(is_near(seen, expected), "{count} {confidence}: {seen}");
        }
        assert_eq!(factor(5, 1.0), f64::INFINITY);
    }

    #[test]
    fn poisson_intervals_are_those_of_the_sums() {
        let naive = |mean: f64, quantile: f64| {
            let (mut at, mut probability) = (0.0, (-mean).exp());
            let mut sum = probability;
            while sum < quantile {
                at += 1.0;
                probability *= mean / at;
                sum += probability;
            }
            at
        };
        for mean in [0.3, 1.0, 7.5, 40.0, 200.0] {
            for confidence in [0.5, 0.9, 0.95, 0.99] {
                let expected = (
                    naive(mean, (1.0 - confidence) / 2.0),
                    naive(mean, (1.0 + confidence) / 2.0),
                );
                let seen = poisson_interval(mean, confidence);
                assert_eq!(seen, expected, "{mean} {confidence}");
            }
        }
        assert_eq!(poisson_interval(3.0, 1.0), (0.0, f64::INFINITY));
        let (low, high) = poisson_interval(1e12, 0.95);
        assert!(is_near(low, 1e12 - 1.959_964e6) && is_near(high, 1e12 + 1.959_964e6));
    }

    #[test]
    fn counts() {
        let of = |count, seen| BoundedDouble::of_count(count, seen, 4, 0.95);
        assert_eq!(of(10, 4), BoundedDouble::exactly(10.0));
        assert_eq!(of(0, 4), BoundedDouble::exactly(0.0));
        for unknown in [of(0, 0), of(0, 3)] {
            assert_eq!((unknown.mean, unknown.confidence), (0.0, 0.0));
            assert_eq!(unknown.to_string(), "[0.000, Infinity]");
        }
        let half = of(100, 2);
        assert_eq!((half.mean, half.confidence), (200.0, 0.95));
        assert_eq!(half.to_string(), "[181.000, 220.000]");
    }

    #[test]
    fn means() {
        let of = |numbers, seen| BoundedDouble::of_mean(&numbers, seen, 4, 0.95);
        assert_eq!(of(numbers([1.0, 3.0]), 4), BoundedDouble::exactly(2.0));
        assert_eq!(of(numbers([]), 0), BoundedDouble::without_bounds(0.0, 0.0));
        assert_eq!(of(numbers([]), 2), BoundedDouble::without_bounds(0.0, 0.0));
        assert_eq!(
            of(numbers([5.0]), 1),
            BoundedDouble::without_bounds(5.0, 0.95)
        );
        let two = of(numbers([1.0, 3.0]), 1);
        assert!(is_near(two.low, 2.0 - 12.706_204_736) && is_near(two.high, 14.706_204_736));
        let equal = BoundedDouble::of_mean(&numbers([2.0, 2.0]), 1, 4, 1.0);
        assert_eq!((equal.low, equal.high), (2.0, 2.0));
    }

    #[test]
    fn sums() {
        let of = |numbers, seen| BoundedDouble::of_sum(&numbers, seen, 4, 0.95);
        assert_eq!(of(numbers([1.0, 3.0]), 4), BoundedDouble::exactly(4.0));
        assert_eq!(of(numbers([]), 1), BoundedDouble::without_bounds(0.0, 0.0));
        let one = of(numbers([5.0]), 1);
        assert_eq!(one, BoundedDouble::without_bounds(20.0, 0.95));
        // Two numbers of one part in four: 6 more, a mean of 2 with variance 1, a count
        // with variance 24.
        let two = of(numbers([1.0, 3.0]), 1);
        let reach = (4.0_f64 * 24.0 + 36.0 + 24.0).sqrt() * 12.706_204_736;
        assert_eq!(two.mean, 16.0);
        assert!(is_near(two.low, 16.0 - reach) && is_near(two.high, 16.0 + reach));
    }
}
