//! Operators that bring the values of a key together.

use std::sync::Arc;

use super::{Rdd, refuse};
use crate::record::{Key, Record, Wire};
use crate::shuffle::{
    Aggregator, Combined, Counting, Exchange, GroupNode, Partitioning, PlaceByKey, Reducing,
    combine_by_key, default_partitioning,
};
use crate::site::Site;

impl<K: Key, V: Wire> Rdd<(K, V)> {
    /// Merges the values of each key by a function: Spark's `reduceByKey`.
    ///
    /// Values are merged inside each partition first, so that few records move. The
    /// function must be associative; a key with one value passes unchanged. Keys come in
    /// no particular order, but in the same one for the same input.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 10), (2, 20), (1, 30)], 2);
    /// let mut sums = pairs.reduce_by_key(|a, b| a + b).collect().unwrap();
    /// sums.sort();
    /// assert_eq!(sums, [(1, 40), (2, 20)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> Rdd<(K, V)> {
        let site = Site::here("reduce_by_key");
        self.combined(site, self.default_partitioning(), true, Reducing(f))
    }

    /// As [`Rdd::reduce_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 10), (1, 30)], 2);
    /// let sums = pairs.reduce_by_key_partitioned(|a, b| a + b, 1);
    /// assert_eq!(sums.collect().unwrap(), [(1, 40)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key_partitioned(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, V)> {
        self.combined(
            Site::here("reduce_by_key"),
            partitioning.into(),
            true,
            Reducing(f),
        )
    }

    /// Combines the values of each key into something of another type: Spark's
    /// `combineByKey`, on which the other operators by key are built.
    ///
    /// `create` makes a combiner of a key's first value, `merge_value` adds a value to it,
    /// `merge_combiners` merges the combiners of two partitions.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![("a", 1), ("b", 5), ("a", 3)], 2);
    /// let pairs = pairs.map(|(k, v)| (k.to_string(), v));
    /// let mut sums_and_counts = pairs
    ///     .combine_by_key(|v| (v, 1), |(s, n), v| (s + v, n + 1), |(s, n), (t, m)| (s + t, n + m))
    ///     .collect()
    ///     .unwrap();
    /// sums_and_counts.sort();
    /// assert_eq!(sums_and_counts, [("a".to_string(), (4, 2)), ("b".to_string(), (5, 1))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn combine_by_key<C: Wire>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(C, V) -> C + Send + Sync + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let site = Site::here("combine_by_key");
        let combined = Combined {
            create,
            merge_value,
            merge_combiners,
        };
        self.combined(site, self.default_partitioning(), true, combined)
    }

    /// As [`Rdd::combine_by_key`], with a number of partitions or a partitioner, and with a
    /// choice whether values are combined before they move. Without map-side combining
    /// `merge_combiners` is never called.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 4), (1, 2)], 2);
    /// let widest = pairs.combine_by_key_partitioned(
    ///     |v| (v, v),
    ///     |(lo, hi): (i32, i32), v| (lo.min(v), hi.max(v)),
    ///     |(a, b), (c, d)| (a.min(c), b.max(d)),
    ///     3,
    ///     false,
    /// );
    /// assert_eq!(widest.collect().unwrap(), [(1, (2, 4))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn combine_by_key_partitioned<C: Wire>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(C, V) -> C + Send + Sync + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
        partitioning: impl Into<Partitioning<K>>,
        map_side_combine: bool,
    ) -> Rdd<(K, C)> {
        let site = Site::here("combine_by_key");
        let combined = Combined {
            create,
            merge_value,
            merge_combiners,
        };
        self.combined(site, partitioning.into(), map_side_combine, combined)
    }

    /// Folds the values of each key, starting with a zero: Spark's `foldByKey`.
    ///
    /// The zero is used once for each partition in which the key appears.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![("a", 1), ("a", 1)], 2).map(|(k, v)| (k.to_string(), v));
    /// let folded = pairs.fold_by_key(10, |a, b| a + b);
    /// assert_eq!(folded.collect().unwrap(), [("a".to_string(), 22)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn fold_by_key(
        &self,
        zero: V,
        f: impl Fn(V, V) -> V + Send + Sync + Clone + 'static,
    ) -> Rdd<(K, V)> {
        self.aggregated(
            Site::here("fold_by_key"),
            self.default_partitioning(),
            zero,
            f.clone(),
            f,
        )
    }

    /// As [`Rdd::fold_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let folded = ctx.parallelize(vec![(1, 2), (1, 3)], 1).fold_by_key_partitioned(0, |a, b| a + b, 2);
    /// assert_eq!(folded.collect().unwrap(), [(1, 5)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn fold_by_key_partitioned(
        &self,
        zero: V,
        f: impl Fn(V, V) -> V + Send + Sync + Clone + 'static,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, V)> {
        self.aggregated(
            Site::here("fold_by_key"),
            partitioning.into(),
            zero,
            f.clone(),
            f,
        )
    }

    /// Aggregates the values of each key into something of another type, starting with a
    /// zero: Spark's `aggregateByKey`.
    ///
    /// The zero is used once for each partition in which the key appears.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, "ab"), (1, "c")], 2).map_values(str::to_string);
    /// let lengths = pairs.aggregate_by_key(0, |n, s| n + s.len(), |a, b| a + b);
    /// assert_eq!(lengths.collect().unwrap(), [(1, 3)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn aggregate_by_key<C: Wire>(
        &self,
        zero: C,
        merge_value: impl Fn(C, V) -> C + Send + Sync + Clone + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let site = Site::here("aggregate_by_key");
        self.aggregated(
            site,
            self.default_partitioning(),
            zero,
            merge_value,
            merge_combiners,
        )
    }

    /// As [`Rdd::aggregate_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 4), (1, 5)], 2);
    /// let counts = pairs.aggregate_by_key_partitioned(0, |n, _| n + 1, |a, b| a + b, 1);
    /// assert_eq!(counts.collect().unwrap(), [(1, 2)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn aggregate_by_key_partitioned<C: Wire>(
        &self,
        zero: C,
        merge_value: impl Fn(C, V) -> C + Send + Sync + Clone + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, C)> {
        let site = Site::here("aggregate_by_key");
        self.aggregated(
            site,
            partitioning.into(),
            zero,
            merge_value,
            merge_combiners,
        )
    }

    /// Gathers the values of each key, in the order in which they came: Spark's
    /// `groupByKey`.
    ///
    /// Every value moves and is held in memory. Keys come in no particular order, but in the
    /// same one for the same input. Where values are reduced anyway,
    /// [`Rdd::reduce_by_key`] or [`Rdd::aggregate_by_key`] moves far less.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (1, 'c')], 2);
    /// let mut groups = pairs.group_by_key().collect().unwrap();
    /// groups.sort();
    /// assert_eq!(groups, [(1, vec!['a', 'c']), (2, vec!['b'])]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_key(&self) -> Rdd<(K, Vec<V>)> {
        self.values_by_key(Site::here("group_by_key"), &self.default_partitioning())
    }

    /// As [`Rdd::group_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let groups = ctx.parallelize(vec![(1, 'a'), (1, 'c')], 2).group_by_key_partitioned(3);
    /// assert_eq!(groups.collect().unwrap(), [(1, vec!['a', 'c'])]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_key_partitioned(
        &self,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, Vec<V>)> {
        self.values_by_key(Site::here("group_by_key"), &partitioning.into())
    }

    /// Moves every pair to the partition of its key: Spark's `partitionBy`.
    ///
    /// Operators by key on the result need no shuffle. An RDD that is placed so already is
    /// returned as it is.
    ///
    /// ```
    /// use headwater_core::HashPartitioner;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let placed = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 1).partition_by(HashPartitioner::new(4));
    /// assert_eq!(placed.num_partitions(), 4);
    /// assert_eq!(placed.group_by_key().num_partitions(), 4);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn partition_by(&self, partitioning: impl Into<Partitioning<K>>) -> Rdd<(K, V)> {
        self.placed(Site::here("partition_by"), &partitioning.into())
    }

    /// The pairs where `partitioning` wants them, moved only if they are elsewhere.
    pub(crate) fn placed(&self, site: Site, partitioning: &Partitioning<K>) -> Rdd<(K, V)> {
        if partitioning.num_partitions() == 0 {
            return refuse(&self.ctx, site, NO_PARTITIONS);
        }
        let existing = self
            .node
            .placement()
            .and_then(|placement| placement.of::<K>());
        if existing.is_some_and(|existing| existing.is_same_as(partitioning)) {
            return self.clone();
        }
        let map_side = PlaceByKey {
            parent: self.node.clone(),
            partitioning: partitioning.clone(),
            site,
        };
        let info = super::NodeInfo::new(self.ctx.next_rdd_id(), site);
        Rdd::from_node(&self.ctx, Exchange::new(info, Arc::new(map_side)))
    }

    /// The values of each key, in the order in which they came.
    pub(crate) fn values_by_key(
        &self,
        site: Site,
        partitioning: &Partitioning<K>,
    ) -> Rdd<(K, Vec<V>)> {
        let parent = self.placed(site, partitioning).node;
        Rdd::new(&self.ctx, site, |info| GroupNode { info, parent })
    }

    pub(crate) fn default_partitioning(&self) -> Partitioning<K> {
        let configured = self.ctx.configured_parallelism();
        default_partitioning([self.node.placement()], self.node.partitions(), configured)
    }

    pub(crate) fn combined<C: Record, A: Aggregator<V, C>>(
        &self,
        site: Site,
        partitioning: Partitioning<K>,
        map_side_combine: bool,
        aggregator: A,
    ) -> Rdd<(K, C)> {
        if partitioning.num_partitions() == 0 {
            return refuse(&self.ctx, site, NO_PARTITIONS);
        }
        let next_id = || self.ctx.next_rdd_id();
        let parent = self.node.clone();
        let node = combine_by_key(
            parent,
            partitioning,
            map_side_combine,
            aggregator,
            site,
            next_id,
        );
        Rdd::from_node(&self.ctx, node)
    }

    fn aggregated<C: Wire>(
        &self,
        site: Site,
        partitioning: Partitioning<K>,
        zero: C,
        merge_value: impl Fn(C, V) -> C + Send + Sync + Clone + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let add = merge_value.clone();
        let create = move |value| add(zero.clone(), value);
        let combined = Combined {
            create,
            merge_value,
            merge_combiners,
        };
        self.combined(site, partitioning, true, combined)
    }

    /// How many values each key has, as an RDD; the action is [`Rdd::count_by_key`].
    pub(crate) fn counted(&self, site: Site, partitioning: Partitioning<K>) -> Rdd<(K, u64)> {
        self.combined(site, partitioning, true, Counting)
    }
}

pub(crate) const NO_PARTITIONS: &str = "0 partitions asked for; at least 1 is needed";
