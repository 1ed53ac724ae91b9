//! Combining the values of each key: before a shuffle, after it, or without one.

use std::marker::PhantomData;
use std::sync::Arc;

use super::bucket::{Bucket, BucketWriter};
use super::exchange::{Exchange, MapSide};
use super::partitioner::{Partitioning, Placement};
use super::table::Table;
use crate::chunk::{Push, Sink, Stop};
use crate::error::{Error, TaskError};
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, read};
use crate::record::{Key, Record, Wire};
use crate::scheduler::{ClosureOf, JobRunner, TaskContext};
use crate::site::Site;

/// How values of one key become one result.
pub(crate) trait Aggregator<V, C>: Send + Sync + 'static {
    /// What is kept for a key on the way; crosses the shuffle.
    type Acc: Wire;

    fn create(&self, value: V) -> Self::Acc;

    fn merge_value(&self, acc: &mut Self::Acc, value: V);

    fn merge_acc(&self, acc: &mut Self::Acc, other: Self::Acc);

    fn finish(&self, acc: Self::Acc) -> Option<C>;
}

/// `reduce_by_key`: two values become one. The `Option` lets the closure take the old
/// value without cloning it; it is `None` only while the closure runs.
pub(crate) struct Reducing<F>(pub(crate) F);

impl<V: Wire, F: Fn(V, V) -> V + Send + Sync + 'static> Aggregator<V, V> for Reducing<F> {
    type Acc = Option<V>;

    #[inline]
    fn create(&self, value: V) -> Option<V> {
        Some(value)
    }

    #[inline]
    fn merge_value(&self, acc: &mut Option<V>, value: V) {
        *acc = Some(match acc.take() {
            Some(old) => (self.0)(old, value),
            None => value,
        });
    }

    #[inline]
    fn merge_acc(&self, acc: &mut Option<V>, other: Option<V>) {
        if let Some(value) = other {
            self.merge_value(acc, value);
        }
    }

    fn finish(&self, acc: Option<V>) -> Option<V> {
        acc
    }
}

/// `combine_by_key` and what is built on it.
pub(crate) struct Combined<F, G, H> {
    pub(crate) create: F,
    pub(crate) merge_value: G,
    pub(crate) merge_combiners: H,
}

impl<V, C, F, G, H> Aggregator<V, C> for Combined<F, G, H>
where
    C: Wire,
    F: Fn(V) -> C + Send + Sync + 'static,
    G: Fn(C, V) -> C + Send + Sync + 'static,
    H: Fn(C, C) -> C + Send + Sync + 'static,
{
    type Acc = Option<C>;

    #[inline]
    fn create(&self, value: V) -> Option<C> {
        Some((self.create)(value))
    }

    #[inline]
    fn merge_value(&self, acc: &mut Option<C>, value: V) {
        *acc = Some(match acc.take() {
            Some(old) => (self.merge_value)(old, value),
            None => (self.create)(value),
        });
    }

    #[inline]
    fn merge_acc(&self, acc: &mut Option<C>, other: Option<C>) {
        *acc = match (acc.take(), other) {
            (Some(old), Some(new)) => Some((self.merge_combiners)(old, new)),
            (old, new) => old.or(new),
        };
    }

    fn finish(&self, acc: Option<C>) -> Option<C> {
        acc
    }
}

/// `group_by_key`: values in the order in which they came.
pub(crate) struct Grouping;

impl<V: Wire> Aggregator<V, Vec<V>> for Grouping {
    type Acc = Vec<V>;

    fn create(&self, value: V) -> Vec<V> {
        vec![value]
    }

    fn merge_value(&self, acc: &mut Vec<V>, value: V) {
        acc.push(value);
    }

    fn merge_acc(&self, acc: &mut Vec<V>, other: Vec<V>) {
        acc.extend(other);
    }

    fn finish(&self, acc: Vec<V>) -> Option<Vec<V>> {
        Some(acc)
    }
}

/// Counting, in place.
pub(crate) struct Counting;

impl<V> Aggregator<V, u64> for Counting {
    type Acc = u64;

    #[inline]
    fn create(&self, _value: V) -> u64 {
        1
    }

    #[inline]
    fn merge_value(&self, acc: &mut u64, _value: V) {
        *acc += 1;
    }

    #[inline]
    fn merge_acc(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }

    fn finish(&self, acc: u64) -> Option<u64> {
        Some(acc)
    }
}

/// Builds the nodes of a combination by key.
///
/// Where the input is placed as asked for already, values are combined inside the task.
/// Otherwise there is a shuffle: of combined values when `map_side_combine`, else of the
/// single ones.
pub(crate) fn combine_by_key<K, V, C, A>(
    parent: Arc<dyn Node<(K, V)>>,
    partitioning: Partitioning<K>,
    map_side_combine: bool,
    aggregator: A,
    site: Site,
    next_id: impl Fn() -> u64,
) -> Arc<dyn Node<(K, C)>>
where
    K: Key,
    V: Wire,
    C: Record,
    A: Aggregator<V, C>,
{
    let info = || NodeInfo::new(next_id(), site);
    let aggregator = Arc::new(aggregator);
    let is_placed = parent
        .placement()
        .and_then(|placement| placement.of::<K>())
        .is_some_and(|existing| existing.is_same_as(&partitioning));
    if is_placed {
        return Arc::new(CombineNode {
            info: info(),
            parent,
            aggregator,
            types: PhantomData,
        });
    }
    if !map_side_combine {
        let map_side = Arc::new(PlaceByKey {
            parent,
            partitioning,
            site,
        });
        let parent = Exchange::new(info(), map_side);
        return Arc::new(CombineNode {
            info: info(),
            parent,
            aggregator,
            types: PhantomData,
        });
    }
    let map_side = Arc::new(CombineThenPlace {
        parent,
        partitioning,
        aggregator: aggregator.clone(),
        site,
        types: PhantomData,
    });
    let parent = Exchange::new(info(), map_side);
    Arc::new(MergeNode {
        info: info(),
        parent,
        aggregator,
        types: PhantomData,
    })
}

/// The map side of a shuffle that combines first.
struct CombineThenPlace<K, V, C, A> {
    parent: Arc<dyn Node<(K, V)>>,
    partitioning: Partitioning<K>,
    aggregator: Arc<A>,
    site: Site,
    types: PhantomData<fn() -> C>,
}

impl<K: Key, V: Wire, C: Record, A: Aggregator<V, C>> MapSide<(K, A::Acc)>
    for CombineThenPlace<K, V, C, A>
{
    fn parent(&self) -> Arc<dyn AnyNode> {
        self.parent.clone().as_any_node()
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        self.partitioning.prepare(runner)
    }

    fn partitions(&self) -> usize {
        self.partitioning.num_partitions()
    }

    fn write(
        &self,
        task: &TaskContext,
        map_partition: usize,
    ) -> Result<Vec<Bucket<(K, A::Acc)>>, Stop> {
        let mut combine = CombineSink::new(&*self.aggregator, self.site);
        read(&self.parent, task, map_partition, &mut combine)?;
        place(combine.into_entries(), &self.partitioning, task, self.site)
    }

    fn placement(&self) -> Option<Placement> {
        Some(Placement::new(self.partitioning.clone()))
    }
}

/// The map side of a shuffle that only moves pairs to where their keys belong.
pub(crate) struct PlaceByKey<K, V> {
    pub(crate) parent: Arc<dyn Node<(K, V)>>,
    pub(crate) partitioning: Partitioning<K>,
    pub(crate) site: Site,
}

impl<K: Key, V: Wire> MapSide<(K, V)> for PlaceByKey<K, V> {
    fn parent(&self) -> Arc<dyn AnyNode> {
        self.parent.clone().as_any_node()
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        self.partitioning.prepare(runner)
    }

    fn partitions(&self) -> usize {
        self.partitioning.num_partitions()
    }

    fn write(&self, task: &TaskContext, map_partition: usize) -> Result<Vec<Bucket<(K, V)>>, Stop> {
        let mut sink = PlaceSink {
            writer: BucketWriter::new(self.partitioning.num_partitions(), task.chunk_records),
            partitioning: &self.partitioning,
            site: self.site,
        };
        read(&self.parent, task, map_partition, &mut sink)?;
        Ok(sink.writer.buckets)
    }

    fn placement(&self) -> Option<Placement> {
        Some(Placement::new(self.partitioning.clone()))
    }
}

fn place<K: Key, A>(
    entries: Vec<(K, A)>,
    partitioning: &Partitioning<K>,
    task: &TaskContext,
    site: Site,
) -> Result<Vec<Bucket<(K, A)>>, Stop> {
    if partitioning.num_partitions() == 1 {
        return Ok(vec![Bucket::from_records(entries)]);
    }
    let mut writer = BucketWriter::new(partitioning.num_partitions(), task.chunk_records);
    let _closure = ClosureOf(site);
    for (key, acc) in entries {
        let partition = partitioning.partition(&key);
        if !writer.put(partition, (key, acc)) {
            return Err(out_of_range(partitioning, partition, site));
        }
    }
    Ok(writer.buckets)
}

fn out_of_range<K: Key>(partitioning: &Partitioning<K>, partition: usize, site: Site) -> Stop {
    let partitions = partitioning.num_partitions();
    let message = format!(
        "the partitioner put a key in partition {partition} of {partitions}; \
         it must answer a number below {partitions}"
    );
    TaskError::Input {
        operator: site,
        message,
    }
    .into()
}

struct PlaceSink<'a, K, V> {
    writer: BucketWriter<(K, V)>,
    partitioning: &'a Partitioning<K>,
    site: Site,
}

impl<K: Key, V: Wire> PlaceSink<'_, K, V> {
    fn put_all(&mut self, pairs: impl Iterator<Item = (K, V)>) -> Push {
        let _closure = ClosureOf(self.site);
        for (key, value) in pairs {
            let partition = self.partitioning.partition(&key);
            if !self.writer.put(partition, (key, value)) {
                return Err(out_of_range(self.partitioning, partition, self.site));
            }
        }
        Ok(())
    }
}

impl<K: Key, V: Wire> Sink<(K, V)> for PlaceSink<'_, K, V> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        self.put_all(chunk.drain(..))
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        self.put_all(chunk.iter().cloned())
    }
}

/// Combines the single values that it gets.
pub(crate) struct CombineSink<'a, K, V, C, A: Aggregator<V, C>> {
    table: Table<K, A::Acc>,
    aggregator: &'a A,
    site: Site,
    types: PhantomData<fn(V) -> C>,
}

impl<'a, K: Key, V: Wire, C, A: Aggregator<V, C>> CombineSink<'a, K, V, C, A> {
    pub(crate) fn new(aggregator: &'a A, site: Site) -> Self {
        CombineSink {
            table: Table::new(),
            aggregator,
            site,
            types: PhantomData,
        }
    }

    pub(crate) fn into_entries(self) -> Vec<(K, A::Acc)> {
        self.table.into_entries()
    }
}

impl<K: Key, V: Wire, C, A: Aggregator<V, C>> Sink<(K, V)> for CombineSink<'_, K, V, C, A> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let _closure = ClosureOf(self.site);
        let aggregator = self.aggregator;
        self.table.merge(
            chunk,
            |value| aggregator.create(value),
            |acc, value| aggregator.merge_value(acc, value),
        );
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let _closure = ClosureOf(self.site);
        let aggregator = self.aggregator;
        self.table.merge_shared(
            chunk,
            |value| aggregator.create(value),
            |acc, value| aggregator.merge_value(acc, value),
        );
        Ok(())
    }
}

/// Merges what map tasks combined.
struct MergeSink<'a, K, V, C, A: Aggregator<V, C>> {
    table: Table<K, A::Acc>,
    aggregator: &'a A,
    site: Site,
    types: PhantomData<fn(V) -> C>,
}

impl<K: Key, V: Wire, C, A: Aggregator<V, C>> Sink<(K, A::Acc)> for MergeSink<'_, K, V, C, A> {
    fn push(&mut self, chunk: &mut Vec<(K, A::Acc)>) -> Push {
        let _closure = ClosureOf(self.site);
        let aggregator = self.aggregator;
        self.table.merge(
            chunk,
            |acc| acc,
            |acc, other| aggregator.merge_acc(acc, other),
        );
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, A::Acc)]) -> Push {
        let _closure = ClosureOf(self.site);
        let aggregator = self.aggregator;
        self.table.merge_shared(
            chunk,
            |acc| acc,
            |acc, other| aggregator.merge_acc(acc, other),
        );
        Ok(())
    }
}

/// Hands the results on, in chunks.
fn emit<K: Key, A, C>(
    entries: Vec<(K, A)>,
    finish: impl Fn(A) -> Option<C>,
    task: &TaskContext,
    sink: &mut dyn Sink<(K, C)>,
) -> Push {
    let mut results = entries
        .into_iter()
        .filter_map(|(key, acc)| Some((key, finish(acc)?)));
    let mut chunk = Vec::new();
    loop {
        chunk.extend(results.by_ref().take(task.chunk_records));
        if chunk.is_empty() {
            return Ok(());
        }
        task.check_cancelled()?;
        sink.push(&mut chunk)?;
        chunk.clear();
    }
}

/// The results of a shuffle whose map side combined.
struct MergeNode<K, V, C, A: Aggregator<V, C>> {
    info: NodeInfo,
    parent: Arc<Exchange<(K, A::Acc)>>,
    aggregator: Arc<A>,
    types: PhantomData<fn(V) -> C>,
}

impl<K: Key, V: Wire, C: Record, A: Aggregator<V, C>> AnyNode for MergeNode<K, V, C, A> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.parent.is_known_empty(partition)
    }
}

impl<K: Key, V: Wire, C: Record, A: Aggregator<V, C>> Node<(K, C)> for MergeNode<K, V, C, A> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(K, C)>) -> Push {
        let mut merge = MergeSink {
            table: Table::new(),
            aggregator: &*self.aggregator,
            site: self.info.site,
            types: PhantomData::<fn(V) -> C>,
        };
        self.parent.compute(task, partition, &mut merge)?;
        emit(
            merge.table.into_entries(),
            |acc| self.aggregator.finish(acc),
            task,
            sink,
        )
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

/// The results of combining single values that are in the right partition already.
struct CombineNode<K, V, C, A> {
    info: NodeInfo,
    parent: Arc<dyn Node<(K, V)>>,
    aggregator: Arc<A>,
    types: PhantomData<fn() -> C>,
}

impl<K: Key, V: Wire, C: Record, A: Aggregator<V, C>> AnyNode for CombineNode<K, V, C, A> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.parent.is_known_empty(partition)
    }
}

impl<K: Key, V: Wire, C: Record, A: Aggregator<V, C>> Node<(K, C)> for CombineNode<K, V, C, A> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(K, C)>) -> Push {
        let mut combine = CombineSink::new(&*self.aggregator, self.info.site);
        read(&self.parent, task, partition, &mut combine)?;
        emit(
            combine.into_entries(),
            |acc| self.aggregator.finish(acc),
            task,
            sink,
        )
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
