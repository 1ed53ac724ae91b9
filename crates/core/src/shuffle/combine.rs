//! Combining the values of each key: before a shuffle, after it, or without one.

use std::marker::PhantomData;
use std::sync::Arc;

use super::aggregate::{Aggregator, Merging};
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
    Arc::new(CombineNode {
        info: info(),
        parent,
        aggregator: Arc::new(Merging::new(aggregator)),
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
        Ok(sink.writer.into_buckets())
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
    Ok(writer.into_buckets())
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

/// The results of combining what is in the right partition already: single values, or what
/// map tasks have made of them.
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
