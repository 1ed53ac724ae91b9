//! Grouping the values of each key.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::bucket::Bucket;
use super::index::Index;
use super::partitioner::Placement;
use crate::chunk::{Emitter, Push, Sink};
use crate::hash::partition_hash;
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, Pile, read};
use crate::record::{Key, Record};
use crate::scheduler::{ClosureOf, TaskContext};

/// The values of each key, of pairs that lie where their keys belong.
///
/// A large partition is cut by a hash of the keys in parts, which are grouped and handed on
/// one after the other. So the table stays in the caches, and only the groups of one part are
/// held beside the pairs. The cut depends on the pairs alone: keys come part by part, and
/// within a part in the order in which they came.
pub(crate) struct GroupNode<K, V> {
    pub(crate) info: NodeInfo,
    pub(crate) parent: Arc<dyn Node<(K, V)>>,
}

impl<K: Key, V: Record> AnyNode for GroupNode<K, V> {
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

impl<K: Key, V: Record> Node<(K, Vec<V>)> for GroupNode<K, V> {
    fn compute(
        &self,
        task: &TaskContext,
        partition: usize,
        sink: &mut dyn Sink<(K, Vec<V>)>,
    ) -> Push {
        let mut pile = Pile::new();
        read(&self.parent, task, partition, &mut pile)?;
        let parts = pile.parts();
        let parts = {
            let _closure = ClosureOf(self.info.site);
            // The high half of the hash has chosen the partition: here it is much alike.
            let part_of = |(key, _): &(K, V)| partition_hash(key) as usize & (parts - 1);
            pile.into_parts(
                parts,
                task.chunk_records,
                || task.check_cancelled(),
                part_of,
            )?
        };
        let mut out = Emitter::new(task, sink);
        let mut grouping = Grouping::default();
        for part in parts {
            let groups = {
                let _closure = ClosureOf(self.info.site);
                grouping.groups_of(part)
            };
            out.extend(groups);
            out.check()?;
        }
        out.finish()
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

/// Goes over a part twice: to find the group of each pair and the size of each group, then
/// to move the values where they belong. So no vector grows, and none is larger than needed.
#[derive(Default)]
struct Grouping {
    hasher: RandomState,
    index: Index,
    /// The group of each pair.
    groups: Vec<u32>,
    sizes: Vec<usize>,
}

impl Grouping {
    fn groups_of<K: Key, V>(&mut self, part: Bucket<(K, V)>) -> Vec<(K, Vec<V>)> {
        self.find_groups(&part);
        let mut of_pairs = self.groups.iter();
        let mut groups: Vec<(K, Vec<V>)> = Vec::with_capacity(self.sizes.len());
        for chunk in part.chunks {
            for ((key, value), group) in chunk.into_iter().zip(&mut of_pairs) {
                match groups.get_mut(*group as usize) {
                    Some((_, values)) => values.push(value),
                    // Groups are numbered as they come, so that this is the next one.
                    None => {
                        let size = self.sizes.get(groups.len()).copied().unwrap_or(1);
                        let mut values = Vec::with_capacity(size);
                        values.push(value);
                        groups.push((key, values));
                    }
                }
            }
        }
        groups
    }

    fn find_groups<K: Key, V>(&mut self, part: &Bucket<(K, V)>) {
        self.index.clear();
        self.groups.clear();
        self.groups.reserve(part.records);
        self.sizes.clear();
        let mut keys: Vec<&K> = Vec::new();
        for (key, _) in part.chunks.iter().flatten() {
            let hash = (self.hasher.hash_one(key) >> 32) as u32;
            let is_it = |group: u32| keys.get(group as usize).is_some_and(|there| *there == key);
            let group = self.index.find(hash, is_it).unwrap_or_else(|| {
                // Four thousand million groups in one partition would not fit in memory.
                let next = keys.len() as u32;
                self.index.insert(hash, next);
                keys.push(key);
                self.sizes.push(0);
                next
            });
            if let Some(size) = self.sizes.get_mut(group as usize) {
                *size += 1;
            }
            self.groups.push(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;
    use crate::conf::Conf;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn groups_come_in_the_order_of_their_first_values(
            parts in prop::collection::vec(
                prop::collection::vec(prop::collection::vec((0_u8..20, 0_i64..99), 1..30), 0..5),
                0..4,
            )
        ) {
            let mut grouping = Grouping::default();
            for chunks in parts {
                let mut naive: Vec<(u8, Vec<i64>)> = Vec::new();
                for (key, value) in chunks.iter().flatten() {
                    match naive.iter_mut().find(|(there, _)| there == key) {
                        Some((_, values)) => values.push(*value),
                        None => naive.push((*key, vec![*value])),
                    }
                }
                let groups = grouping.groups_of(Bucket::from_chunks(chunks));
                prop_assert!(groups.iter().all(|(_, values)| values.len() == values.capacity()));
                prop_assert_eq!(groups, naive);
            }
        }
    }

    #[test]
    fn large_partitions_are_grouped_alike_however_they_are_read() {
        let grouped = |master: &str, keep: &str| {
            let conf = Conf::new().master(master).set("shuffle.keep", keep);
            let ctx = Context::new(conf).unwrap();
            let pairs = ctx.range(0..70_000, 1, 3).map(|n| (n * n % 5_003, n));
            pairs.group_by_key_partitioned(2).collect().unwrap()
        };
        let groups = grouped("local[1]", "0b");
        assert_eq!(groups, grouped("local[2]", "64m"));
        let mut naive: HashMap<i64, Vec<i64>> = HashMap::new();
        (0..70_000_i64).for_each(|n| naive.entry(n * n % 5_003).or_default().push(n));
        assert_eq!(groups.len(), naive.len());
        assert!(
            groups
                .iter()
                .all(|(key, values)| naive.get(key) == Some(values))
        );
    }
}
