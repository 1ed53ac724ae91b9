//! Statistics of floating numbers.

use super::{Rdd, StatCounter};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::site::Site;

/// For other numbers map them first, as in `numbers.map(f64::from)`.
impl Rdd<f64> {
    /// Count, mean, variance, least and greatest in one pass: Spark's `stats`.
    ///
    /// The partitions are merged in order, so that the same partitions always give the same
    /// digits. Without records the counter is that of [`StatCounter::new`], also where
    /// there are no partitions (for which Spark has an error).
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let stats = ctx.parallelize(vec![1, 2, 3, 4], 2).map(f64::from).stats().unwrap();
    /// assert_eq!(
    ///     stats.to_string(),
    ///     "(count: 4, mean: 2.500000, stdev: 1.118034, max: 4.000000, min: 1.000000)"
    /// );
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn stats(&self) -> Result<StatCounter, Error> {
        self.stats_at(Site::here("stats"))
    }

    /// The mean, 0 when there is none: Spark's `mean`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![1.0, 2.0, 3.0, 4.0], 2);
    /// assert_eq!(numbers.mean().unwrap(), 2.5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn mean(&self) -> Result<f64, Error> {
        Ok(self.stats_at(Site::here("mean"))?.mean())
    }

    /// The variance of the numbers themselves, NaN when there is none: Spark's `variance`
    /// and `popVariance`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![1.0, 2.0, 3.0, 4.0], 2);
    /// assert_eq!(numbers.variance().unwrap(), 1.25);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn variance(&self) -> Result<f64, Error> {
        Ok(self.stats_at(Site::here("variance"))?.variance())
    }

    /// The variance estimated from a sample, NaN below two numbers: Spark's
    /// `sampleVariance`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![1.0, 2.0, 3.0, 4.0], 2);
    /// assert_eq!(numbers.sample_variance().unwrap(), 5.0 / 3.0);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn sample_variance(&self) -> Result<f64, Error> {
        Ok(self
            .stats_at(Site::here("sample_variance"))?
            .sample_variance())
    }

    /// The square root of [`Rdd::variance`]: Spark's `stdev` and `popStdev`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![1.0, 2.0, 3.0, 4.0], 2);
    /// assert_eq!(numbers.stdev().unwrap(), 1.25_f64.sqrt());
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn stdev(&self) -> Result<f64, Error> {
        Ok(self.stats_at(Site::here("stdev"))?.stdev())
    }

    /// The square root of [`Rdd::sample_variance`]: Spark's `sampleStdev`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![1.0, 2.0, 3.0, 4.0], 2);
    /// assert_eq!(numbers.sample_stdev().unwrap(), (5.0_f64 / 3.0).sqrt());
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn sample_stdev(&self) -> Result<f64, Error> {
        Ok(self.stats_at(Site::here("sample_stdev"))?.sample_stdev())
    }

    pub(super) fn stats_at(&self, site: Site) -> Result<StatCounter, Error> {
        let mut all = StatCounter::new();
        for part in self.run_sinks(site, None, StatCounter::new)? {
            all.merge(&part);
        }
        Ok(all)
    }
}

impl Sink<f64> for StatCounter {
    fn push(&mut self, chunk: &mut Vec<f64>) -> Push {
        self.extend(chunk.drain(..));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[f64]) -> Push {
        self.extend(chunk.iter().copied());
        Ok(())
    }
}
