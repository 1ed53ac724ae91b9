//! Transformations whose result is one record: an action's value that stays an RDD.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{AnyNode, Node, NodeInfo, Rdd, read};
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
        let start = zero.clone();
        self.folded(
            site,
            move || Some(start.clone()),
            move |acc, record| acc.map(|acc| add(acc, record)),
        )
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
        self.folded(
            site,
            || None,
            move |acc, record| match acc {
                Some(acc) => Some(f(acc, record)),
                None => Some(record),
            },
        )
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
        let parent = self.node.clone();
        let map_side = FoldSide {
            parent,
            fold: CountPartition,
            to: PhantomData,
        };
        self.exchange(site, map_side)
            .whole(site, |_, counts, out| out.emit(counts.sum()))
    }

    fn folded<A: Wire>(
        &self,
        site: Site,
        start: impl Fn() -> Option<A> + Send + Sync + 'static,
        add: impl Fn(Option<A>, T) -> Option<A> + Send + Sync + 'static,
    ) -> Rdd<A> {
        let fold = FoldPartition { start, add, site };
        let parent = self.node.clone();
        self.exchange(
            site,
            FoldSide {
                parent,
                fold,
                to: PhantomData,
            },
        )
    }

    fn exchange<A: Wire>(&self, site: Site, map_side: impl MapSide<A> + 'static) -> Rdd<A> {
        let info = NodeInfo::new(self.ctx.next_rdd_id(), site);
        Rdd::from_node(&self.ctx, Exchange::new(info, Arc::new(map_side)))
    }
}

/// Makes at most one record of a partition.
trait Fold<T, A>: Send + Sync {
    fn fold(
        &self,
        parent: &Arc<dyn Node<T>>,
        task: &TaskContext,
        partition: usize,
    ) -> Result<Option<A>, Stop>;
}

struct FoldSide<T, F, A> {
    parent: Arc<dyn Node<T>>,
    fold: F,
    to: PhantomData<fn() -> A>,
}

impl<T: Record, A: Wire, F: Fold<T, A>> MapSide<A> for FoldSide<T, F, A> {
    fn parent(&self) -> Arc<dyn AnyNode> {
        self.parent.clone().as_any_node()
    }

    fn partitions(&self) -> usize {
        1
    }

    fn write(&self, task: &TaskContext, map_partition: usize) -> Result<Vec<Bucket<A>>, Stop> {
        let folded = self.fold.fold(&self.parent, task, map_partition)?;
        Ok(vec![Bucket::from_records(folded.into_iter().collect())])
    }

    fn placement(&self) -> Option<Placement> {
        None
    }
}

struct FoldPartition<S, F> {
    start: S,
    add: F,
    site: Site,
}

impl<T, A, S, F> Fold<T, A> for FoldPartition<S, F>
where
    T: Record,
    S: Fn() -> Option<A> + Send + Sync,
    F: Fn(Option<A>, T) -> Option<A> + Send + Sync,
{
    fn fold(
        &self,
        parent: &Arc<dyn Node<T>>,
        task: &TaskContext,
        partition: usize,
    ) -> Result<Option<A>, Stop> {
        let mut sink = FoldSink {
            acc: (self.start)(),
            add: &self.add,
            site: self.site,
        };
        read(parent, task, partition, &mut sink)?;
        Ok(sink.acc)
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

struct CountPartition;

impl<T: Record> Fold<T, u64> for CountPartition {
    fn fold(
        &self,
        parent: &Arc<dyn Node<T>>,
        task: &TaskContext,
        partition: usize,
    ) -> Result<Option<u64>, Stop> {
        let mut count = super::actions::Count::default();
        read(parent, task, partition, &mut count)?;
        Ok(Some(count.records))
    }
}
