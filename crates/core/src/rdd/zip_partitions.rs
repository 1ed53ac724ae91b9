//! Two to four RDDs partition by partition.

use super::partitions::{Gather, PartitionIter};
use super::side_by_side::side_by_side;
use super::{Parent, Rdd, read};
use crate::chunk::{Emitter, Push, Sink, Stop};
use crate::record::Record;
use crate::scheduler::{ClosureOf, TaskContext};
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Makes a partition of the same partition of this RDD and of another: Spark's
    /// `zipPartitions`.
    ///
    /// Both must have as many partitions, but not as many records. The closure is called
    /// once for each partition, also for an empty one, and both are gathered before the
    /// call. The action reports [`Error::Build`](crate::Error::Build) when the numbers of
    /// partitions differ. The placement of keys is forgotten.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..5, 1, 2);
    /// let weights = ctx.parallelize(vec![10, 100], 2);
    /// let scaled = numbers.zip_partitions(&weights, |numbers, weights| {
    ///     let weight: i64 = weights.sum();
    ///     numbers.map(move |n| n * weight)
    /// });
    /// assert_eq!(scaled.collect().unwrap(), [0, 10, 200, 300, 400]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn zip_partitions<U, R, I>(
        &self,
        other: &Rdd<U>,
        f: impl Fn(PartitionIter<T>, PartitionIter<U>) -> I + Send + Sync + 'static,
    ) -> Rdd<R>
    where
        U: Record,
        R: Record,
        I: IntoIterator<Item = R>,
    {
        let site = Site::here("zip_partitions");
        let (one, two) = (self.as_parent(), other.as_parent());
        let inputs = [self.as_input(), other.as_input()];
        side_by_side(&self.ctx, site, &inputs, move |task, at, sink| {
            let (a, b) = (all(&one, task, at)?, all(&two, task, at)?);
            emit(site, task, sink, || f(a, b))
        })
    }

    /// As [`Rdd::zip_partitions`], of three RDDs.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let (a, b) = (ctx.range(0..4, 1, 2), ctx.range(4..7, 1, 2));
    /// let counts = a.zip_partitions3(&b, &a, |a, b, c| [a.len() + b.len() + c.len()]);
    /// assert_eq!(counts.collect().unwrap(), [5, 6]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn zip_partitions3<U, V, R, I, F>(&self, other1: &Rdd<U>, other2: &Rdd<V>, f: F) -> Rdd<R>
    where
        F: Fn(PartitionIter<T>, PartitionIter<U>, PartitionIter<V>) -> I + Send + Sync + 'static,
        U: Record,
        V: Record,
        R: Record,
        I: IntoIterator<Item = R>,
    {
        let site = Site::here("zip_partitions3");
        let (one, two, three) = (self.as_parent(), other1.as_parent(), other2.as_parent());
        let inputs = [self.as_input(), other1.as_input(), other2.as_input()];
        side_by_side(&self.ctx, site, &inputs, move |task, at, sink| {
            let (a, b) = (all(&one, task, at)?, all(&two, task, at)?);
            let c = all(&three, task, at)?;
            emit(site, task, sink, || f(a, b, c))
        })
    }

    /// As [`Rdd::zip_partitions`], of four RDDs.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let a = ctx.range(0..4, 1, 2);
    /// let firsts = a.zip_partitions4(&a, &a, &a, |mut a, mut b, mut c, mut d| {
    ///     [a.next(), b.next(), c.next(), d.next()].map(Option::unwrap)
    /// });
    /// assert_eq!(firsts.collect().unwrap(), [0, 0, 0, 0, 2, 2, 2, 2]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn zip_partitions4<U, V, W, R, I>(
        &self,
        other1: &Rdd<U>,
        other2: &Rdd<V>,
        other3: &Rdd<W>,
        f: impl Fn(PartitionIter<T>, PartitionIter<U>, PartitionIter<V>, PartitionIter<W>) -> I
        + Send
        + Sync
        + 'static,
    ) -> Rdd<R>
    where
        U: Record,
        V: Record,
        W: Record,
        R: Record,
        I: IntoIterator<Item = R>,
    {
        let site = Site::here("zip_partitions4");
        let (one, two) = (self.as_parent(), other1.as_parent());
        let (three, four) = (other2.as_parent(), other3.as_parent());
        let inputs = [
            self.as_input(),
            other1.as_input(),
            other2.as_input(),
            other3.as_input(),
        ];
        side_by_side(&self.ctx, site, &inputs, move |task, at, sink| {
            let (a, b) = (all(&one, task, at)?, all(&two, task, at)?);
            let (c, d) = (all(&three, task, at)?, all(&four, task, at)?);
            emit(site, task, sink, || f(a, b, c, d))
        })
    }
}

fn all<T: Record>(
    parent: &Parent<T>,
    task: &TaskContext,
    partition: usize,
) -> Result<PartitionIter<T>, Stop> {
    let mut gather = Gather::new();
    read(parent, task, partition, &mut gather)?;
    Ok(gather.into_records())
}

fn emit<R: Record, I: IntoIterator<Item = R>>(
    site: Site,
    task: &TaskContext,
    sink: &mut dyn Sink<R>,
    make: impl FnOnce() -> I,
) -> Push {
    let _closure = ClosureOf(site);
    let mut out = Emitter::new(task, sink);
    out.extend(make());
    out.finish()
}
