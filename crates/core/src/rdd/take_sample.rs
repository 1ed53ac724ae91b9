//! A sample of a given size, on the driver.

use super::Rdd;
use super::sample::MEAN_MAX;
use crate::error::Error;
use crate::record::Record;
use crate::site::Site;

/// How often a sample that came out too small is drawn again. Each one is too small about
/// once in ten thousand times, so only an RDD that gives other records each time gets there.
const TRIES_MAX: u32 = 32;

impl<T: Record> Rdd<T> {
    /// A random sample of `n` records, in random order: Spark's `takeSample`.
    ///
    /// Without replacement these are `n` different ones, or all if there are not more than
    /// that; with replacement any of them may come several times, so that there are always
    /// `n` if there is one. The same seed gives the same sample, as long as the partitions
    /// stay the same. The records are counted first, so that the RDD is read twice.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..100, 1, 4);
    /// assert_eq!(numbers.take_sample(false, 10, 42).unwrap().len(), 10);
    /// assert_eq!(numbers.take_sample(false, 1000, 42).unwrap().len(), 100);
    /// assert_eq!(numbers.take_sample(true, 1000, 42).unwrap().len(), 1000);
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when with replacement more than a million records are asked for of each
    /// that there is, or when the RDD gives far fewer records than it did when they were
    /// counted, and as [`Rdd::collect`].
    #[track_caller]
    pub fn take_sample(
        &self,
        with_replacement: bool,
        n: usize,
        seed: u64,
    ) -> Result<Vec<T>, Error> {
        let site = Site::here("take_sample");
        if n == 0 {
            // Nothing is read, but mistakes of building are told.
            return self.prepared_partitions(site).map(|_| Vec::new());
        }
        let total = site.cover(|| self.count())?;
        if total == 0 {
            return Ok(Vec::new());
        }
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sample = if !with_replacement && n as u64 >= total {
            self.gather(site, None)?.into_iter().flatten().collect()
        } else {
            self.oversample(site, with_replacement, n, total, &mut random)?
        };
        random.shuffle(&mut sample);
        sample.truncate(n);
        Ok(sample)
    }

    /// A sample of at least `n` records.
    fn oversample(
        &self,
        site: Site,
        with_replacement: bool,
        n: usize,
        total: u64,
        random: &mut fastrand::Rng,
    ) -> Result<Vec<T>, Error> {
        let fraction = fraction_for(n, total, with_replacement);
        if fraction > MEAN_MAX {
            let message = format!(
                "{n} of {total} records were asked for with replacement; the most is a million \
                 for each record"
            );
            return Err(Error::Build { site, message });
        }
        for _ in 0..TRIES_MAX {
            let sampled = self.sampled(site, with_replacement, fraction, random.u64(..));
            let parts = sampled.gather(site, None)?;
            if parts.iter().map(Vec::len).sum::<usize>() >= n {
                return Ok(parts.into_iter().flatten().collect());
            }
        }
        let message = format!(
            "{TRIES_MAX} samples of {total} records had fewer than {n}; does the RDD give other \
             records each time that it is read? cache it"
        );
        Err(Error::Build { site, message })
    }
}

/// The fraction with which a sample has at least `n` of `total` records nearly always.
///
/// Spark's bounds: some deviations above the mean of a Poisson distribution, or the bound of
/// the binomial distribution's tail that fails once in ten thousand times.
fn fraction_for(n: usize, total: u64, with_replacement: bool) -> f64 {
    let (wanted, total) = (n as f64, total as f64);
    if with_replacement {
        let deviations = match wanted {
            few if few < 6.0 => 12.0,
            some if some < 16.0 => 9.0,
            _ => 6.0,
        };
        return (wanted + deviations * wanted.sqrt()) / total;
    }
    let fraction = wanted / total;
    let gamma = -(1e-4_f64).ln() / total;
    (fraction + gamma + (gamma * gamma + 2.0 * gamma * fraction).sqrt()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::fraction_for;
    use crate::Context;

    #[test]
    fn absurd_sizes_are_refused() {
        let numbers = Context::local(1).unwrap().range(0..3, 1, 1);
        let error = numbers
            .take_sample(true, usize::MAX, 1)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("take_sample at ") && error.contains("a million"),
            "{error}"
        );
        assert_eq!(numbers.take_sample(false, usize::MAX, 1).unwrap().len(), 3);
    }

    #[test]
    fn fractions_are_spark_s() {
        let near = |seen: f64, expected: f64| (seen - expected).abs() < 1e-12;
        assert!(near(fraction_for(4, 100, true), 0.28));
        assert!(near(fraction_for(9, 100, true), 0.36));
        assert!(near(fraction_for(100, 1000, true), 0.16));
        let gamma = 1e4_f64.ln() / 1000.0;
        let expected = 0.1 + gamma + (gamma * gamma + 0.2 * gamma).sqrt();
        assert!(near(fraction_for(100, 1000, false), expected));
        assert_eq!(fraction_for(99, 100, false), 1.0);
    }
}
