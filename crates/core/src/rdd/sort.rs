//! Sorting: ranges of keys found by a sample, then each range on its own.

use std::sync::Arc;

use super::map::MapStep;
use super::{AnyNode, Dependency, Node, NodeInfo, Pile, Rdd, read};
use crate::chunk::{Emitter, Push, Sink, Stop};
use crate::record::{Key, Record, Wire};
use crate::scheduler::{ClosureOf, TaskContext};
use crate::shuffle::{Bucket, Partitioning, Placement, RangePartitioner};
use crate::site::Site;

impl<K: Key + Ord, V: Wire> Rdd<(K, V)> {
    /// Sorts by key, over as many partitions as there are: Spark's `sortByKey`.
    ///
    /// Each partition of the result is sorted, and its keys come before those of the next
    /// one (after them when `ascending` is false). Pairs with equal keys stay in the order
    /// of their arrival. To cut the keys in ranges, a job of its own takes a sample of the
    /// input first; what is expensive to compute should be persisted before. With a single
    /// partition no sample is taken. Floating-point keys have to be wrapped in
    /// [`TotalF64`](super::TotalF64).
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(3, 'c'), (1, 'a'), (2, 'b')], 2);
    /// let sorted = pairs.sort_by_key(true).collect().unwrap();
    /// assert_eq!(sorted, [(1, 'a'), (2, 'b'), (3, 'c')]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sort_by_key(&self, ascending: bool) -> Rdd<(K, V)> {
        self.range_sorted(
            Site::here("sort_by_key"),
            ascending,
            self.num_partitions().max(1),
        )
    }

    /// As [`Rdd::sort_by_key`], over `partitions` partitions, or fewer where keys repeat
    /// much or records are few.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(3, 'c'), (1, 'a'), (2, 'b')], 2);
    /// let sorted = pairs.sort_by_key_partitioned(false, 1);
    /// assert_eq!(sorted.collect().unwrap(), [(3, 'c'), (2, 'b'), (1, 'a')]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sort_by_key_partitioned(&self, ascending: bool, partitions: usize) -> Rdd<(K, V)> {
        self.range_sorted(Site::here("sort_by_key"), ascending, partitions)
    }

    /// Moves every pair to the partition of its key and sorts each partition by key:
    /// Spark's `repartitionAndSortWithinPartitions`.
    ///
    /// Keys ascend within a partition, and pairs with equal keys stay in the order of their
    /// arrival. The result is placed by `partitioning`: later operations by key need no
    /// shuffle.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(3, 'c'), (1, 'a'), (2, 'b')], 2);
    /// let parts = pairs.repartition_and_sort_within_partitions(2).keys().glom();
    /// assert!(parts.collect().unwrap().iter().all(|keys| keys.is_sorted()));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn repartition_and_sort_within_partitions(
        &self,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, V)> {
        let site = Site::here("repartition_and_sort_within_partitions");
        self.placed_and_sorted(site, &partitioning.into(), true)
    }

    #[track_caller]
    fn range_sorted(&self, site: Site, ascending: bool, partitions: usize) -> Rdd<(K, V)> {
        let ranges = RangePartitioner::new(self, partitions, ascending);
        self.placed_and_sorted(site, &ranges.into(), ascending)
    }

    fn placed_and_sorted(
        &self,
        site: Site,
        partitioning: &Partitioning<K>,
        ascending: bool,
    ) -> Rdd<(K, V)> {
        let parent = self.placed(site, partitioning).node;
        Rdd::new(&self.ctx, site, |info| SortedPartitions {
            info,
            parent,
            ascending,
        })
    }
}

impl<T: Wire> Rdd<T> {
    /// Sorts by a key that a closure makes of each record: Spark's `sortBy`.
    ///
    /// As [`Rdd::sort_by_key`] otherwise. The closure is called once for each record, and
    /// once more for the sample that finds the ranges. Floating-point keys have to be
    /// wrapped in [`TotalF64`](super::TotalF64); a part of a key that runs the other way
    /// than the rest goes into a [`std::cmp::Reverse`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["three", "a", "to"], 2).map(str::to_string);
    /// let longest_first = words.sort_by(|word| word.len(), false);
    /// assert_eq!(longest_first.collect().unwrap(), ["three", "to", "a"]);
    /// use std::cmp::Reverse;
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (1, 'b'), (0, 'c')], 2);
    /// let mixed = pairs.sort_by(|(number, letter)| (*number, Reverse(*letter)), true);
    /// assert_eq!(mixed.collect().unwrap(), [(0, 'c'), (1, 'b'), (1, 'a')]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sort_by<K: Key + Ord>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        ascending: bool,
    ) -> Rdd<T> {
        self.sorted_by(
            Site::here("sort_by"),
            key,
            ascending,
            self.num_partitions().max(1),
        )
    }

    /// As [`Rdd::sort_by`], over `partitions` partitions, or fewer where keys repeat much or
    /// records are few.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![3, -5, 4], 2);
    /// let sorted = numbers.sort_by_partitioned(|n: &i32| n.abs(), true, 1);
    /// assert_eq!(sorted.collect().unwrap(), [3, 4, -5]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sort_by_partitioned<K: Key + Ord>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        ascending: bool,
        partitions: usize,
    ) -> Rdd<T> {
        self.sorted_by(Site::here("sort_by"), key, ascending, partitions)
    }

    #[track_caller]
    fn sorted_by<K: Key + Ord>(
        &self,
        site: Site,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        ascending: bool,
        partitions: usize,
    ) -> Rdd<T> {
        let keyed = self.step(
            site,
            None,
            MapStep {
                f: move |record| (key(&record), record),
            },
        );
        let sorted = keyed.range_sorted(site, ascending, partitions);
        sorted.step(
            site,
            None,
            MapStep {
                f: |(_, record)| record,
            },
        )
    }
}

/// How many keys are looked at to find the end of each of the ranges that a partition is cut in.
const SAMPLE_PER_PART: usize = 8;

/// Pairs sorted by key within each partition.
struct SortedPartitions<K, V> {
    info: NodeInfo,
    parent: Arc<dyn Node<(K, V)>>,
    ascending: bool,
}

impl<K: Key + Ord, V: Record> SortedPartitions<K, V> {
    /// Cuts a large partition in ranges of keys, in ascending order.
    ///
    /// Each range is so small that it is sorted within the caches, and only one at a time is
    /// held beside the pairs.
    fn cut(&self, pile: Pile<(K, V)>, task: &TaskContext) -> Result<Vec<Bucket<(K, V)>>, Stop> {
        let _closure = ClosureOf(self.info.site);
        let parts = pile.parts();
        let mut bounds = Vec::new();
        if parts > 1 {
            let sample = pile.sample(parts * SAMPLE_PER_PART);
            let mut keys: Vec<K> = sample.map(|(key, _)| key.clone()).collect();
            keys.sort_unstable();
            let step = keys.len().div_ceil(parts);
            bounds.extend(keys.into_iter().skip(step).step_by(step));
        }
        let part_of = |(key, _): &(K, V)| bounds.partition_point(|bound| bound <= key);
        let check = || task.check_cancelled();
        pile.into_parts(bounds.len() + 1, task.chunk_records, check, part_of)
    }

    fn sort(&self, pairs: &mut [(K, V)]) {
        let _closure = ClosureOf(self.info.site);
        if self.ascending {
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        } else {
            pairs.sort_by(|(a, _), (b, _)| b.cmp(a));
        }
    }
}

impl<K: Key + Ord, V: Record> AnyNode for SortedPartitions<K, V> {
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

impl<K: Key + Ord, V: Record> Node<(K, V)> for SortedPartitions<K, V> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(K, V)>) -> Push {
        let mut pile = Pile::new();
        read(&self.parent, task, partition, &mut pile)?;
        let mut parts = self.cut(pile, task)?;
        if !self.ascending {
            parts.reverse();
        }
        let mut out = Emitter::new(task, sink);
        let mut pairs = Vec::new();
        for part in parts {
            part.append_to(&mut pairs);
            self.sort(&mut pairs);
            out.extend(pairs.drain(..));
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

#[cfg(test)]
mod tests {
    use crate::{Context, Rdd};

    /// So many that each partition is cut in ranges.
    const COUNT: i64 = 70_000;

    fn pairs(ctx: &Context, keys: i64) -> Rdd<(i64, i64)> {
        let key = move |n: i64| n.wrapping_mul(0x5851_f42d_4c95_7f2d).rem_euclid(keys);
        ctx.range(0..COUNT, 1, 3).map(move |n| (key(n), n))
    }

    #[test]
    fn large_partitions_are_sorted_and_equal_keys_stay_in_their_order() {
        let ctx = Context::local(2).unwrap();
        for keys in [1, 2, 1_000, i64::MAX] {
            let pairs = pairs(&ctx, keys);
            let mut expected = pairs.collect().unwrap();
            expected.sort_by_key(|(key, _)| *key);
            for partitions in [1, 3] {
                let sorted = pairs.sort_by_key_partitioned(true, partitions);
                assert!(sorted.collect().unwrap() == expected, "{keys} {partitions}");
            }
            expected.sort_by_key(|(key, _)| std::cmp::Reverse(*key));
            let sorted = pairs.sort_by_key_partitioned(false, 1);
            assert!(sorted.collect().unwrap() == expected, "{keys} descending");
        }
    }

    #[test]
    fn the_first_of_a_large_partition_are_taken() {
        let ctx = Context::local(2).unwrap();
        let sorted = pairs(&ctx, i64::MAX)
            .keys()
            .sort_by_partitioned(|n| *n, true, 1);
        let all = sorted.collect().unwrap();
        assert_eq!(sorted.take(20).unwrap(), all[..20]);
    }
}
