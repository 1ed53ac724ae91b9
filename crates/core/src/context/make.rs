//! Where lineages begin: collections, ranges and readers.

use std::ops::Range;
use std::sync::Arc;

use super::Context;
use crate::rdd::{Kept, PartitionSource, Rdd};
use crate::record::Record;
use crate::site::Site;

impl Context {
    /// Distributes a collection over `slices` partitions: Spark's `parallelize`.
    ///
    /// Slice `i` of `n` holds the elements from `i * len / n` to before `(i + 1) * len / n`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let parts = ctx.parallelize((0..10).collect::<Vec<_>>(), 4).glom().collect().unwrap();
    /// assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 2, 3]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn parallelize<T: Record>(&self, records: Vec<T>, slices: usize) -> Rdd<T> {
        Kept::parallelize(self, Site::here("parallelize"), records, slices)
    }

    /// An RDD of partitions that are there already and stay shared: nothing is copied.
    ///
    /// ```
    /// use std::sync::Arc;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let block = Arc::new(vec![1, 2, 3]);
    /// let rdd = ctx.from_partitions(vec![block.clone(), block]);
    /// assert_eq!(rdd.count().unwrap(), 6);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_partitions<T: Record>(&self, partitions: Vec<Arc<Vec<T>>>) -> Rdd<T> {
        Kept::from_partitions(self, Site::here("from_partitions"), partitions)
    }

    /// An RDD without partitions: Spark's `emptyRDD`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.empty::<i32>().num_partitions(), 0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn empty<T: Record>(&self) -> Rdd<T> {
        Kept::from_partitions(self, Site::here("empty"), Vec::new())
    }

    /// The numbers from the range's start to before its end, by `step`, in `slices`
    /// partitions: Spark's `range`. They are made when they are read.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..10, 3, 2).collect().unwrap(), [0, 3, 6, 9]);
    /// assert_eq!(ctx.range(3..0, -1, 1).collect().unwrap(), [3, 2, 1]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn range(&self, range: Range<i64>, step: i64, slices: usize) -> Rdd<i64> {
        crate::rdd::range(self, Site::here("range"), range, step, slices)
    }

    /// An RDD of whatever a reader gives (see [`PartitionSource`]).
    ///
    /// ```
    /// # use headwater_core::{Context, Emitter, PartitionSource};
    /// struct Once;
    /// impl PartitionSource<u8> for Once {
    ///     fn partitions(&self) -> usize { 1 }
    ///     fn read(&self, _: usize, out: &mut Emitter<'_, u8>) -> Result<(), String> {
    ///         out.emit(7);
    ///         Ok(())
    ///     }
    /// }
    /// let ctx = Context::local(1).unwrap();
    /// assert_eq!(ctx.from_source(Once).collect().unwrap(), [7]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_source<T: Record>(&self, source: impl PartitionSource<T>) -> Rdd<T> {
        crate::rdd::from_source(self, Site::here("from_source"), source)
    }
}
