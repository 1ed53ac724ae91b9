//! Transformations whose result is one record: an action's value that stays an RDD.

use std::sync::Arc;

use super::actions::Count;
use super::narrow::Keeps;
use super::partitions::Gather;
use super::{AnyNode, Node, NodeInfo, Parent, Rdd, read};
use crate::chunk::{Push, Sink, Stop};
use crate::record::{Record, Wire};
use crate::scheduler::{ClosureOf, TaskContext};
use crate::shuffle::{Bucket, Exchange, MapSide, Placement};
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// The aggregate of all records as an RDD of one partition and one record.
    ///
    /// What [`Rdd::aggregate`] gives, but lazily: streams build on it. The zero is used
    /// once for each partition and once more at the end; an RDD without records gives the
    /// zero.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sum = ctx.range(0..5, 1, 2).aggregate_into_rdd(0, |a, b| a + b, |a, b| a + b);
    /// assert_eq!(sum.collect().unwrap(), [10]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn aggregate_into_rdd<A: Wire>(
        &self,
        zero: A,
        add: impl Fn(A, T) -> A + Send + Sync + 'static,
        merge: impl Fn(A, A) -> A + Send + Sync + 'static,
    ) -> Rdd<A> {
        let site = Site::here("aggregate_into_rdd");
        self.aggregated_each(site, zero.clone(), add)
            .brought_together(site, 1)
            .whole(site, move |_, parts, out| {
                out.emit(parts.fold(zero.clone(), &merge))
            })
    }

    /// The records reduced to one as an RDD of one partition, with no record where there
    /// was none.
    ///
    /// What [`Rdd::reduce`] gives, but lazily: streams build on it.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..5, 1, 2).reduce_into_rdd(i64::max).collect().unwrap(), [4]);
    /// assert!(ctx.range(0..0, 1, 2).reduce_into_rdd(i64::max).collect().unwrap().is_empty());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_into_rdd(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> Rdd<T>
    where
        T: Wire,
    {
        let site = Site::here("reduce_into_rdd");
        let f = Arc::new(f);
        let last = f.clone();
        self.reduced_each(site, move |a, b| f(a, b))
            .brought_together(site, 1)
            .whole(site, move |_, parts, out| {
                out.extend(parts.reduce(|a, b| last(a, b)))
            })
    }

    /// How many records there are, as an RDD of one partition and one record.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..5, 1, 2).count_into_rdd().collect().unwrap(), [5]);
    /// assert_eq!(ctx.empty::<i32>().count_into_rdd().collect().unwrap(), [0]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_into_rdd(&self) -> Rdd<u64> {
        let site = Site::here("count_into_rdd");
        let count = |parent: &Parent<T>, task: &TaskContext, partition| {
            let mut count = Count::default();
            read(parent, task, partition, &mut count)?;
            Ok(Some(count.records))
        };
        self.one_each(site, true, count)
            .brought_together(site, 1)
            .whole(site, |_, counts, out| out.emit(counts.sum()))
    }

    /// The aggregate of each partition, also of an empty one, as a record in its place.
    pub(super) fn aggregated_each<A: Record>(
        &self,
        site: Site,
        zero: A,
        add: impl Fn(A, T) -> A + Send + Sync + 'static,
    ) -> Rdd<A> {
        let add = move |acc: Option<A>, record| acc.map(|acc| add(acc, record));
        self.folded_each(site, Some(zero), add)
    }

    /// The records of each partition reduced to one in their place.
    pub(super) fn reduced_each(
        &self,
        site: Site,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
    ) -> Rdd<T> {
        self.folded_each(site, None, move |acc, record| match acc {
            Some(acc) => Some(f(acc, record)),
            None => Some(record),
        })
    }

    fn folded_each<A: Record>(
        &self,
        site: Site,
        start: Option<A>,
        add: impl Fn(Option<A>, T) -> Option<A> + Send + Sync + 'static,
    ) -> Rdd<A> {
        let skips_empty = start.is_none();
        self.one_each(site, skips_empty, move |parent, task, partition| {
            let acc = start.clone();
            let add = &add;
            let mut sink = FoldSink { acc, add, site };
            read(parent, task, partition, &mut sink)?;
            Ok(sink.acc)
        })
    }

    /// An RDD with at most one record in each partition, which `make` makes of the records of
    /// that partition. With `skips_empty` nothing is lost if it is not called for empty ones.
    fn one_each<A: Record>(
        &self,
        site: Site,
        skips_empty: bool,
        make: impl Fn(&Parent<T>, &TaskContext, usize) -> Result<Option<A>, Stop>
        + Send
        + Sync
        + 'static,
    ) -> Rdd<A> {
        let keeps = Keeps {
            placement: None,
            emptiness: skips_empty,
        };
        self.narrow(
            site,
            keeps,
            move |parent, task, partition, sink| match make(parent, task, partition)? {
                Some(record) => sink.push(&mut vec![record]),
                None => Ok(()),
            },
        )
    }
}

impl<T: Wire> Rdd<T> {
    /// The records of neighbouring partitions together in one of `partitions` partitions.
    ///
    /// As [`Rdd::coalesce`], but the tasks of what comes before stay as many as they were.
    pub(super) fn brought_together(&self, site: Site, partitions: usize) -> Rdd<T> {
        let parent = self.node.clone();
        let map_side = Neighbours { parent, partitions };
        let info = NodeInfo::new(self.ctx.next_rdd_id(), site);
        Rdd::from_node(&self.ctx, Exchange::new(info, Arc::new(map_side)))
    }
}

struct Neighbours<T> {
    parent: Arc<dyn Node<T>>,
    partitions: usize,
}

impl<T: Wire> MapSide<T> for Neighbours<T> {
    fn parent(&self) -> Arc<dyn AnyNode> {
        self.parent.clone().as_any_node()
    }

    fn partitions(&self) -> usize {
        self.partitions
    }

    fn write(&self, task: &TaskContext, map_partition: usize) -> Result<Vec<Bucket<T>>, Stop> {
        let mut gather = Gather::new();
        read(&self.parent, task, map_partition, &mut gather)?;
        let to = map_partition * self.partitions / self.parent.partitions().max(1);
        let mut records = Some(gather.into_vec());
        let bucket = |at| match records.take_if(|_| at == to) {
            Some(records) => Bucket::from_records(records),
            None => Bucket::default(),
        };
        Ok((0..self.partitions).map(bucket).collect())
    }

    fn placement(&self) -> Option<Placement> {
        None
    }
}

struct FoldSink<'a, A, F> {
    acc: Option<A>,
    add: &'a F,
    site: Site,
}

impl<T: Clone, A, F: Fn(Option<A>, T) -> Option<A>> Sink<T> for FoldSink<'_, A, F> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let _closure = ClosureOf(self.site);
        self.acc = chunk.drain(..).fold(self.acc.take(), self.add);
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let _closure = ClosureOf(self.site);
        self.acc = chunk.iter().cloned().fold(self.acc.take(), self.add);
        Ok(())
    }
}
