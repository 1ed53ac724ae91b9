//! Keeping the pairs whose keys lie in a range.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{AnyNode, Dependency, Node, NodeInfo, Rdd, read};
use crate::chunk::{Push, Sink};
use crate::record::{Key, Record};
use crate::scheduler::{ClosureOf, TaskContext};
use crate::shuffle::{How, Placement, RangePartitioner};
use crate::site::Site;

impl<K: Key + Ord, V: Record> Rdd<(K, V)> {
    /// Keeps the pairs whose key is from `low` to `high`, both included: Spark's
    /// `filterByRange`.
    ///
    /// Order, partitions and placement stay. On an RDD that is sorted or placed by ranges
    /// the partitions that cannot hold such a key are not computed.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(3, 'c'), (1, 'a'), (2, 'b'), (4, 'd')], 2);
    /// let some = pairs.sort_by_key(true).filter_by_range(2, 3);
    /// assert_eq!(some.collect().unwrap(), [(2, 'b'), (3, 'c')]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn filter_by_range(&self, low: K, high: K) -> Rdd<(K, V)> {
        let parent = self.node.clone();
        let ranges = parent
            .placement()
            .and_then(|placement| match placement.of::<K>()?.how {
                How::Range(ranges) => Some(ranges),
                How::Hash(_) | How::Custom(_) => None,
            });
        Rdd::new(&self.ctx, Site::here("filter_by_range"), |info| {
            InKeyRange {
                info,
                parent,
                range: low..=high,
                ranges,
            }
        })
    }
}

struct InKeyRange<K, V> {
    info: NodeInfo,
    parent: Arc<dyn Node<(K, V)>>,
    range: RangeInclusive<K>,
    /// How the parent is placed, if by ranges.
    ranges: Option<Arc<RangePartitioner<K>>>,
}

impl<K: Key + Ord, V: Record> InKeyRange<K, V> {
    fn is_out_of_reach(&self, partition: usize) -> bool {
        self.ranges.as_ref().is_some_and(|ranges| {
            let (low, high) = (self.range.start(), self.range.end());
            let (one, other) = (ranges.partition(low), ranges.partition(high));
            // In descending order the high end lies in the lower partition.
            !(one.min(other)..=one.max(other)).contains(&partition)
        })
    }
}

impl<K: Key + Ord, V: Record> AnyNode for InKeyRange<K, V> {
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
        self.is_out_of_reach(partition) || self.parent.is_known_empty(partition)
    }
}

impl<K: Key + Ord, V: Record> Node<(K, V)> for InKeyRange<K, V> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(K, V)>) -> Push {
        if self.is_out_of_reach(partition) {
            return Ok(());
        }
        let (range, site) = (&self.range, self.info.site);
        read(
            &self.parent,
            task,
            partition,
            &mut KeepRange {
                range,
                site,
                kept: Vec::new(),
                sink,
            },
        )
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

struct KeepRange<'a, K, V> {
    range: &'a RangeInclusive<K>,
    site: Site,
    kept: Vec<(K, V)>,
    sink: &'a mut dyn Sink<(K, V)>,
}

impl<K: Key + Ord, V: Record> Sink<(K, V)> for KeepRange<'_, K, V> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        {
            let _closure = ClosureOf(self.site);
            chunk.retain(|(key, _)| self.range.contains(key));
        }
        if chunk.is_empty() {
            Ok(())
        } else {
            self.sink.push(chunk)
        }
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        {
            let _closure = ClosureOf(self.site);
            self.kept.clear();
            let kept = chunk.iter().filter(|(key, _)| self.range.contains(key));
            self.kept.extend(kept.cloned());
        }
        if self.kept.is_empty() {
            Ok(())
        } else {
            self.sink.push(&mut self.kept)
        }
    }
}
