//! Actions that wait no longer than they are told.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::{BoundedDouble, PartialResult};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::rdd::actions::Count;
use crate::rdd::{Rdd, StatCounter};
use crate::record::Record;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// The number of records, as far as it is known after `timeout`: Spark's `countApprox`.
    ///
    /// The job goes on after that. The bounds hold the number with the `confidence` asked
    /// for, which is between 0 and 1, provided that the partitions are alike.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..10, 1, 4).count_approx(Duration::from_secs(60), 0.95).unwrap();
    /// assert_eq!(count.initial_value().to_string(), "[10.000, 10.000]");
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when the confidence is none, and as [`Rdd::collect`] where the job
    /// fails before the time is over.
    #[track_caller]
    pub fn count_approx(
        &self,
        timeout: Duration,
        confidence: f64,
    ) -> Result<PartialResult<BoundedDouble>, Error> {
        let evaluate = |parts: &[Arc<Count>], total, confidence| {
            let count = parts.iter().map(|part| part.records).sum();
            BoundedDouble::of_count(count, parts.len(), total, confidence)
        };
        let site = Site::here("count_approx");
        self.approximate(site, timeout, confidence, Count::default, evaluate)
    }
}

impl<T: Record + Hash + Eq> Rdd<T> {
    /// How often each record occurs, as far as it is known after `timeout`: Spark's
    /// `countByValueApprox`.
    ///
    /// Records that were not met so far are not in the map, which is on the driver. See
    /// [`Rdd::count_approx`].
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["to", "be", "to"], 2).map(str::to_owned);
    /// let counts = words.count_by_value_approx(Duration::from_secs(60), 0.95).unwrap();
    /// assert_eq!(counts.initial_value()["to"].mean, 2.0);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::count_approx`].
    #[track_caller]
    pub fn count_by_value_approx(
        &self,
        timeout: Duration,
        confidence: f64,
    ) -> Result<PartialResult<HashMap<T, BoundedDouble>>, Error> {
        let site = Site::here("count_by_value_approx");
        let evaluate = |parts: &[Arc<Counts<T>>], total, confidence| {
            merge_counts(parts.iter().map(|part| &**part), total, confidence)
        };
        self.approximate(site, timeout, confidence, Counts::new, evaluate)
    }
}

impl<K: Record + Hash + Eq, V: Record> Rdd<(K, V)> {
    /// How many pairs each key has, as far as it is known after `timeout`: Spark's
    /// `countByKeyApprox`.
    ///
    /// Keys that were not met so far are not in the map, which is on the driver. See
    /// [`Rdd::count_approx`].
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (1, 'c')], 2);
    /// let counts = pairs.count_by_key_approx(Duration::from_secs(60), 0.95).unwrap();
    /// assert_eq!(counts.initial_value()[&1].mean, 2.0);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::count_approx`].
    #[track_caller]
    pub fn count_by_key_approx(
        &self,
        timeout: Duration,
        confidence: f64,
    ) -> Result<PartialResult<HashMap<K, BoundedDouble>>, Error> {
        let site = Site::here("count_by_key_approx");
        let make = || KeyCounts(Counts::new());
        let evaluate = |parts: &[Arc<KeyCounts<K>>], total, confidence| {
            let parts = parts.iter().map(|part| &part.0);
            merge_counts(parts, total, confidence)
        };
        self.approximate(site, timeout, confidence, make, evaluate)
    }
}

/// For other numbers map them first, as in `numbers.map(f64::from)`.
impl Rdd<f64> {
    /// The sum, as far as it is known after `timeout`: Spark's `sumApprox`. See
    /// [`Rdd::count_approx`].
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sum = ctx.parallelize(vec![1.0, 2.5], 2).sum_approx(Duration::from_secs(60), 0.95);
    /// assert_eq!(sum.unwrap().initial_value().mean, 3.5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::count_approx`].
    #[track_caller]
    pub fn sum_approx(
        &self,
        timeout: Duration,
        confidence: f64,
    ) -> Result<PartialResult<BoundedDouble>, Error> {
        let evaluate = |parts: &[Arc<StatCounter>], total, confidence| {
            BoundedDouble::of_sum(&merged(parts), parts.len(), total, confidence)
        };
        let site = Site::here("sum_approx");
        self.approximate(site, timeout, confidence, StatCounter::new, evaluate)
    }

    /// The mean, as far as it is known after `timeout`: Spark's `meanApprox`. See
    /// [`Rdd::count_approx`].
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let mean = ctx.parallelize(vec![1.0, 2.0], 2).mean_approx(Duration::from_secs(60), 0.95);
    /// assert_eq!(mean.unwrap().initial_value().mean, 1.5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::count_approx`].
    #[track_caller]
    pub fn mean_approx(
        &self,
        timeout: Duration,
        confidence: f64,
    ) -> Result<PartialResult<BoundedDouble>, Error> {
        let evaluate = |parts: &[Arc<StatCounter>], total, confidence| {
            BoundedDouble::of_mean(&merged(parts), parts.len(), total, confidence)
        };
        let site = Site::here("mean_approx");
        self.approximate(site, timeout, confidence, StatCounter::new, evaluate)
    }
}

fn merged(parts: &[Arc<StatCounter>]) -> StatCounter {
    let mut all = StatCounter::new();
    parts.iter().for_each(|part| all.merge(part));
    all
}

/// How often each record of a partition occurs.
struct Counts<K>(HashMap<K, u64>);

impl<K> Counts<K> {
    fn new() -> Self {
        Counts(HashMap::new())
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn take_in(&mut self, records: impl Iterator<Item = K>) -> Push {
        records.for_each(|record| *self.0.entry(record).or_default() += 1);
        Ok(())
    }
}

impl<K: Hash + Eq + Clone> Sink<K> for Counts<K> {
    fn push(&mut self, chunk: &mut Vec<K>) -> Push {
        self.take_in(chunk.drain(..))
    }

    fn push_shared(&mut self, chunk: &[K]) -> Push {
        self.take_in(chunk.iter().cloned())
    }
}

/// How many pairs each key of a partition has.
struct KeyCounts<K>(Counts<K>);

impl<K: Hash + Eq + Clone, V> Sink<(K, V)> for KeyCounts<K> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        self.0.take_in(chunk.drain(..).map(|(key, _)| key))
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        self.0.take_in(chunk.iter().map(|(key, _)| key.clone()))
    }
}

fn merge_counts<'a, K: Hash + Eq + Clone + 'a>(
    parts: impl ExactSizeIterator<Item = &'a Counts<K>>,
    total: usize,
    confidence: f64,
) -> HashMap<K, BoundedDouble> {
    let seen = parts.len();
    let mut counts: HashMap<K, u64> = HashMap::new();
    for (key, count) in parts.flat_map(|part| &part.0) {
        *counts.entry(key.clone()).or_default() += count;
    }
    let bounded = |(key, count)| {
        let bounded = BoundedDouble::of_count(count, seen, total, confidence);
        (key, bounded)
    };
    counts.into_iter().map(bounded).collect()
}
