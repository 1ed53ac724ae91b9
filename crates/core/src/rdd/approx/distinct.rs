//! How many different records there are, by a sketch of them.

use std::hash::Hash;
use std::marker::PhantomData;

use super::sketch::{Precision, Sketch};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::rdd::{Rdd, refuse};
use crate::record::{Key, Record, Wire};
use crate::shuffle::{Aggregator, Partitioning};
use crate::site::Site;

impl<T: Record + Hash> Rdd<T> {
    /// About how many different records there are: Spark's `countApproxDistinct`.
    ///
    /// `relative_sd` is the standard deviation of the answer, relative to the answer; Spark
    /// takes 0.05 where none is given. Nothing moves but a sketch of each partition, which
    /// takes about `(1.05 / relative_sd)^2` bytes. The same records give the same answer in
    /// every process, in any order and any partitions; Spark's answer is another one.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let about = ctx.range(0..10_000, 1, 4).map(|n| n % 1000).count_approx_distinct(0.05);
    /// assert!((900..1100).contains(&about.unwrap()));
    /// assert!(ctx.range(0..3, 1, 1).count_approx_distinct(0.0).is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when `relative_sd` is less than 0.0000322, for which a sketch would
    /// be larger than 1 GiB, and as [`Rdd::collect`].
    #[track_caller]
    pub fn count_approx_distinct(&self, relative_sd: f64) -> Result<u64, Error> {
        let site = Site::here("count_approx_distinct");
        self.count_by_sketch(site, Precision::for_deviation(relative_sd))
    }

    /// As [`Rdd::count_approx_distinct`], with the precisions of the sketch: Spark's
    /// `countApproxDistinct(p, sp)`.
    ///
    /// The sketch has `2^precision` registers of a byte, for `precision` from 4 to 30. While
    /// it holds few records it is a list of places of `sparse_precision` bits, which is
    /// smaller and more exact; that is from `precision` to 32, or 0 for no such list.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let about = ctx.range(0..100, 1, 4).count_approx_distinct_with(12, 25);
    /// assert_eq!(about.unwrap(), 100);
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when a precision is out of its range, and as [`Rdd::collect`].
    #[track_caller]
    pub fn count_approx_distinct_with(
        &self,
        precision: u8,
        sparse_precision: u8,
    ) -> Result<u64, Error> {
        let site = Site::here("count_approx_distinct");
        self.count_by_sketch(site, Precision::new(precision, sparse_precision))
    }

    fn count_by_sketch(
        &self,
        site: Site,
        precision: Result<Precision, String>,
    ) -> Result<u64, Error> {
        let precision = precision.map_err(|message| Error::Build { site, message })?;
        let parts = self.run_sinks(site, None, move || Sketch::new(precision))?;
        let whole = parts.into_iter().reduce(|mut whole, part| {
            whole.merge(&part);
            whole
        });
        Ok(whole.map_or(0, |whole| whole.estimate()))
    }
}

impl<T: Hash> Sink<T> for Sketch {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        chunk.drain(..).for_each(|record| self.add(&record));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        chunk.iter().for_each(|record| self.add(record));
        Ok(())
    }
}

impl<K: Key, V: Wire + Hash> Rdd<(K, V)> {
    /// About how many different values each key has: Spark's `countApproxDistinctByKey`.
    ///
    /// See [`Rdd::count_approx_distinct`]; there is a sketch for each key.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.range(0..3000, 1, 4).map(|n| (n % 2, n % 600));
    /// let about = pairs.count_approx_distinct_by_key(0.05).collect_as_map().unwrap();
    /// assert!((250..350).contains(&about[&0]) && (250..350).contains(&about[&1]));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_approx_distinct_by_key(&self, relative_sd: f64) -> Rdd<(K, u64)> {
        let precision = Precision::for_deviation(relative_sd);
        self.count_keys_by_sketch(
            Site::here("count_approx_distinct_by_key"),
            precision,
            self.default_partitioning(),
        )
    }

    /// As [`Rdd::count_approx_distinct_by_key`], with a number of partitions or a
    /// partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (1, 'b'), (1, 'a')], 2);
    /// let about = pairs.count_approx_distinct_by_key_partitioned(0.05, 1);
    /// assert_eq!(about.collect().unwrap(), [(1, 2)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_approx_distinct_by_key_partitioned(
        &self,
        relative_sd: f64,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, u64)> {
        let precision = Precision::for_deviation(relative_sd);
        self.count_keys_by_sketch(
            Site::here("count_approx_distinct_by_key"),
            precision,
            partitioning.into(),
        )
    }

    /// As [`Rdd::count_approx_distinct_by_key`], with the precisions of the sketches (see
    /// [`Rdd::count_approx_distinct_with`]) and a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (1, 'b'), (1, 'a')], 2);
    /// let about = pairs.count_approx_distinct_by_key_with(9, 20, 1);
    /// assert_eq!(about.collect().unwrap(), [(1, 2)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_approx_distinct_by_key_with(
        &self,
        precision: u8,
        sparse_precision: u8,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, u64)> {
        self.count_keys_by_sketch(
            Site::here("count_approx_distinct_by_key"),
            Precision::new(precision, sparse_precision),
            partitioning.into(),
        )
    }

    fn count_keys_by_sketch(
        &self,
        site: Site,
        precision: Result<Precision, String>,
        partitioning: Partitioning<K>,
    ) -> Rdd<(K, u64)> {
        match precision {
            Ok(precision) => {
                let sketching = Sketching {
                    precision,
                    values: PhantomData,
                };
                self.combined(site, partitioning, true, sketching)
            }
            Err(wrong) => refuse(&self.ctx, site, wrong),
        }
    }
}

/// Makes a sketch of the values of a key.
struct Sketching<V> {
    precision: Precision,
    values: PhantomData<fn(V)>,
}

impl<V: Hash + 'static> Aggregator<V, u64> for Sketching<V> {
    type Acc = Sketch;

    fn create(&self, value: V) -> Sketch {
        let mut sketch = Sketch::new(self.precision);
        sketch.add(&value);
        sketch
    }

    fn merge_value(&self, sketch: &mut Sketch, value: V) {
        sketch.add(&value);
    }

    fn merge_acc(&self, sketch: &mut Sketch, other: Sketch) {
        sketch.merge(&other);
    }

    fn finish(&self, sketch: Sketch) -> Option<u64> {
        Some(sketch.estimate())
    }
}
