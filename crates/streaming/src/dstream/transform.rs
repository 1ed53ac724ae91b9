//! Any RDD operation on each batch.

use std::fmt::Display;

use headwater_core::{Rdd, Record, Site};

use super::DStream;
use crate::error::PlanError;
use crate::time::Time;

impl<T: Record> DStream<T> {
    /// Makes each batch's RDD by a function of the parent's RDD and the batch time:
    /// Spark's `transform`, the way to every RDD operation and to data at rest.
    ///
    /// The function runs on the driver, once for each batch, before the outputs of that
    /// batch. It must depend on nothing but its arguments: another process may call it
    /// again for the same batch. A panic fails the outputs of this batch that need it;
    /// [`DStream::try_transform`] is for functions that can fail.
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

    /// As [`DStream::transform`], for a function that can fail: because it reads a file,
    /// asks a service, or calls an action.
    ///
    /// An error fails the outputs of this batch that need the stream, with the line of
    /// this operator; the batch's other outputs run. Until one of them has got its RDD the
    /// function is called again for each.
    ///
    /// ```
    /// use headwater_streaming::testing::run_to_failure;
    /// let failed = run_to_failure(vec![vec![4, 2], vec![]], |numbers| {
    ///     numbers.try_transform(|rdd, _time| {
    ///         let least = rdd.min()?;
    ///         Ok::<_, headwater_core::Error>(rdd.map(move |n| n - least))
    ///     })
    /// });
    /// assert_eq!(failed.time_ms(), Some(2000));
    /// assert!(failed.error.to_string().contains("the collection is empty"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn try_transform<U: Record, E: Display>(
        &self,
        f: impl Fn(&Rdd<T>, Time) -> Result<Rdd<U>, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        let site = Site::here("try_transform");
        self.each_rdd(site, move |rdd, time| {
            made(site, Site::uncover(|| f(&rdd, time)))
        })
    }

    /// As [`DStream::transform`], over the RDDs of two streams: Spark's `transformWith`.
    /// For more streams there is
    /// [`StreamingContext::transform_tuple`](crate::StreamingContext::transform_tuple).
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

    /// As [`DStream::transform_with`], for a function that can fail; see
    /// [`DStream::try_transform`].
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let shares = run_batches(vec![vec![1.0, 3.0]], |amounts| {
    ///     amounts.try_transform_with(&amounts.reduce(|a, b| a + b), |each, sum, _time| {
    ///         let sum = sum.first()?;
    ///         Ok::<_, headwater_core::Error>(each.map(move |amount| amount / sum))
    ///     })
    /// });
    /// assert_eq!(shares, [vec![0.25, 0.75]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn try_transform_with<U: Record, W: Record, E: Display>(
        &self,
        other: &DStream<U>,
        f: impl Fn(&Rdd<T>, &Rdd<U>, Time) -> Result<Rdd<W>, E> + Send + Sync + 'static,
    ) -> DStream<W> {
        let site = Site::here("try_transform_with");
        self.each_rdd_with(other, site, move |left, right, time| {
            made(site, Site::uncover(|| f(&left, &right, time)))
        })
    }
}

/// What a closure made, or why the outputs that need it fail.
pub(super) fn made<U, E: Display>(site: Site, result: Result<U, E>) -> Result<U, PlanError> {
    result.map_err(|error| PlanError::new(site, error.to_string()))
}
