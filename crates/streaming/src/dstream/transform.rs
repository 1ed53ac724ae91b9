//! Any RDD operation on each batch.

use headwater_core::{Rdd, Record, Site};

use super::DStream;
use crate::time::Time;

impl<T: Record> DStream<T> {
    /// Makes each batch's RDD by a function of the parent's RDD and the batch time:
    /// Spark's `transform`, the way to every RDD operation and to data at rest.
    ///
    /// The function runs on the driver, once for each batch, before the outputs of that
    /// batch. It must depend on nothing but its arguments: another process may call it
    /// again for the same batch. A panic fails the outputs of this batch that need it.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let sorted = run_batches(vec![vec![3, 1, 2], vec![5, 4]], |numbers| {
    ///     numbers.transform(|rdd, _time| rdd.sort_by_partitioned(|n| *n, true, 1))
    /// });
    /// assert_eq!(sorted, [vec![1, 2, 3], vec![4, 5]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn transform<U: Record>(
        &self,
        f: impl Fn(&Rdd<T>, Time) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.each_rdd(Site::here("transform"), move |rdd, time| {
            Ok(Site::uncover(|| f(&rdd, time)))
        })
    }

    /// As [`DStream::transform`], over the RDDs of two streams: Spark's `transformWith`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let common = run_batches(vec![vec![1, 2, 3]], |numbers| {
    ///     numbers.transform_with(&numbers.map(|n| n * 2), |a, b, _time| a.intersection(b))
    /// });
    /// assert_eq!(common, [vec![2]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn transform_with<U: Record, W: Record>(
        &self,
        other: &DStream<U>,
        f: impl Fn(&Rdd<T>, &Rdd<U>, Time) -> Rdd<W> + Send + Sync + 'static,
    ) -> DStream<W> {
        self.each_rdd_with(
            other,
            Site::here("transform_with"),
            move |left, right, time| Ok(Site::uncover(|| f(&left, &right, time))),
        )
    }
}
