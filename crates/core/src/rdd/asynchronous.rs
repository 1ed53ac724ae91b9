//! Actions that return at once and run in the background.

use super::{FutureAction, PartitionIter, Rdd};
use crate::record::Record;
use crate::site::Site;

/// The jobs carry the properties that the calling thread has at the time of the call, such
/// as its job group. Errors, also mistakes of building, are in the future's result.
impl<T: Record> Rdd<T> {
    /// As [`Rdd::count`], in the background: Spark's `countAsync`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..10, 1, 3).count_async().wait().unwrap(), 10);
    /// ```
    #[track_caller]
    pub fn count_async(&self) -> FutureAction<u64> {
        let rdd = self.clone();
        let site = Site::here("count_async");
        FutureAction::start(&self.ctx, site, move || rdd.count_at(site))
    }

    /// As [`Rdd::collect`], in the background: Spark's `collectAsync`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..3, 1, 2).collect_async().wait().unwrap(), [0, 1, 2]);
    /// ```
    #[track_caller]
    pub fn collect_async(&self) -> FutureAction<Vec<T>> {
        let rdd = self.clone();
        let site = Site::here("collect_async");
        FutureAction::start(&self.ctx, site, move || rdd.collect_at(site))
    }

    /// As [`Rdd::take`], in the background: Spark's `takeAsync`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..i64::MAX, 1, 2).take_async(2).wait().unwrap(), [0, 1]);
    /// ```
    #[track_caller]
    pub fn take_async(&self, n: usize) -> FutureAction<Vec<T>> {
        let rdd = self.clone();
        let site = Site::here("take_async");
        FutureAction::start(&self.ctx, site, move || rdd.take_at(site, n))
    }

    /// As [`Rdd::for_each`], in the background: Spark's `foreachAsync`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sum = ctx.long_accumulator("sum");
    /// let to = sum.clone();
    /// ctx.range(0..4, 1, 2).for_each_async(move |n| to.add(n)).wait().unwrap();
    /// assert_eq!(sum.value(), 6);
    /// ```
    #[track_caller]
    pub fn for_each_async(&self, f: impl Fn(T) + Send + Sync + 'static) -> FutureAction<()> {
        let rdd = self.clone();
        let site = Site::here("for_each_async");
        FutureAction::start(&self.ctx, site, move || rdd.for_each_at(site, f))
    }

    /// As [`Rdd::for_each_partition`], in the background: Spark's `foreachPartitionAsync`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let partitions = ctx.long_accumulator("partitions");
    /// let to = partitions.clone();
    /// let rdd = ctx.range(0..4, 1, 2);
    /// rdd.for_each_partition_async(move |_| to.add(1)).wait().unwrap();
    /// assert_eq!(partitions.value(), 2);
    /// ```
    #[track_caller]
    pub fn for_each_partition_async(
        &self,
        f: impl Fn(PartitionIter<T>) + Send + Sync + 'static,
    ) -> FutureAction<()> {
        let rdd = self.clone();
        let site = Site::here("for_each_partition_async");
        FutureAction::start(&self.ctx, site, move || rdd.for_each_partition_at(site, f))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, FutureAction};

    #[test]
    fn failures_name_the_action_that_was_called() {
        fn names<R: Send + 'static>(action: &str, failing: FutureAction<R>) {
            let Err(error) = failing.wait() else {
                panic!("{action} cannot succeed")
            };
            let text = error.to_string();
            let by_name = format!("of {action} at {}", file!());
            assert!(text.contains(&by_name), "{text}");
        }
        let ctx = Context::local(1).unwrap();
        let bad = ctx.range(0..3, 1, 1).map(|n| 1 / (n - n));
        names("count_async", bad.count_async());
        names("collect_async", bad.collect_async());
        names("take_async", bad.take_async(2));
        names("for_each_async", bad.for_each_async(drop));
        let whole = bad.for_each_partition_async(drop);
        names("for_each_partition_async", whole);
    }
}
