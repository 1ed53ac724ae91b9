//! Operators on streams of pairs, each batch on its own.

use std::sync::Arc;

use headwater_core::{HashPartitioner, Key, Partitioning, Record, Site, Wire};

use super::DStream;

impl<K: Record, V: Record> DStream<(K, V)> {
    /// Changes the values only: Spark's `mapValues`. The placement of keys stays.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let out = run_batches(vec![vec![("a", 1)]], |pairs| pairs.map_values(|v| format!("v{v}")));
    /// assert_eq!(out, [vec![("a", "v1".to_string())]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map_values<U: Record>(
        &self,
        f: impl Fn(V) -> U + Send + Sync + 'static,
    ) -> DStream<(K, U)> {
        let f = Arc::new(f);
        self.each_rdd(Site::here("map_values"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.map_values(move |value| f(value)))
        })
    }

    /// Turns each value into any number of values of the same key: Spark's
    /// `flatMapValues`. The placement of keys stays.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let out = run_batches(vec![vec![("a", 2), ("b", 0)]], |pairs| pairs.flat_map_values(|n| 0..n));
    /// assert_eq!(out, [vec![("a", 0), ("a", 1)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn flat_map_values<U, I>(
        &self,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> DStream<(K, U)>
    where
        U: Record,
        I: IntoIterator<Item = U>,
    {
        let f = Arc::new(f);
        self.each_rdd(Site::here("flat_map_values"), move |rdd, _| {
            let f = f.clone();
            Ok(rdd.flat_map_values(move |value| f(value)))
        })
    }
}

impl<K: Key, V: Wire> DStream<(K, V)> {
    /// Gathers the values of each key of each batch: Spark's `groupByKey`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let groups = run_batches(vec![vec![(1, 'a'), (1, 'b')], vec![]], |pairs| pairs.group_by_key());
    /// assert_eq!(groups, [vec![(1, vec!['a', 'b'])], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_key(&self) -> DStream<(K, Vec<V>)> {
        self.grouped(Site::here("group_by_key"), self.default_partitioning())
    }

    /// As [`DStream::group_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let groups = run_batches(vec![vec![(1, 'a')]], |pairs| pairs.group_by_key_partitioned(3));
    /// assert_eq!(groups, [vec![(1, vec!['a'])]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_key_partitioned(
        &self,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, Vec<V>)> {
        self.grouped(Site::here("group_by_key"), partitioning.into())
    }

    fn grouped(&self, site: Site, partitioning: Partitioning<K>) -> DStream<(K, Vec<V>)> {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd(site, move |rdd, _| {
            Ok(rdd.group_by_key_partitioned(partitioning.clone()))
        })
    }

    /// Merges the values of each key of each batch: Spark's `reduceByKey`.
    ///
    /// The function must be associative; it is used inside each partition first. A key
    /// with one value passes unchanged.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let sums = run_batches(vec![vec![("a", 1), ("a", 2)], vec![]], |pairs| {
    ///     pairs.map(|(k, v)| (k.to_string(), v)).reduce_by_key(|a, b| a + b)
    /// });
    /// assert_eq!(sums, [vec![("a".to_string(), 3)], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> DStream<(K, V)> {
        self.reduced(
            Site::here("reduce_by_key"),
            Arc::new(f),
            self.default_partitioning(),
        )
    }

    /// As [`DStream::reduce_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let sums = run_batches(vec![vec![(1, 1), (1, 2)]], |pairs| {
    ///     pairs.reduce_by_key_partitioned(|a, b| a + b, 1)
    /// });
    /// assert_eq!(sums, [vec![(1, 3)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key_partitioned(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, V)> {
        self.reduced(
            Site::here("reduce_by_key"),
            Arc::new(f),
            partitioning.into(),
        )
    }

    pub(super) fn reduced<F>(
        &self,
        site: Site,
        f: Arc<F>,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, V)>
    where
        F: Fn(V, V) -> V + Send + Sync + 'static,
    {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd(site, move |rdd, _| {
            let f = f.clone();
            Ok(rdd.reduce_by_key_partitioned(move |a, b| f(a, b), partitioning.clone()))
        })
    }

    /// Combines the values of each key of each batch into something of another type:
    /// Spark's `combineByKey`, with values combined before they move.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let out = run_batches(vec![vec![(1, 5), (1, 7)]], |pairs| {
    ///     pairs.combine_by_key(|v| (v, 1), |(s, n), v| (s + v, n + 1), |a, b| (a.0 + b.0, a.1 + b.1))
    /// });
    /// assert_eq!(out, [vec![(1, (12, 2))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn combine_by_key<C: Wire>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(C, V) -> C + Send + Sync + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
    ) -> DStream<(K, C)> {
        let site = Site::here("combine_by_key");
        let partitioning = self.default_partitioning();
        self.combined(
            site,
            create,
            merge_value,
            merge_combiners,
            partitioning,
            true,
        )
    }

    /// As [`DStream::combine_by_key`], with a number of partitions or a partitioner, and
    /// with a choice whether values are combined before they move.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let out = run_batches(vec![vec![(1, 5), (1, 7)]], |pairs| {
    ///     pairs.combine_by_key_partitioned(|v| v, i32::max, i32::max, 2, false)
    /// });
    /// assert_eq!(out, [vec![(1, 7)]]);
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
    ) -> DStream<(K, C)> {
        let site = Site::here("combine_by_key");
        let partitioning = partitioning.into();
        self.combined(
            site,
            create,
            merge_value,
            merge_combiners,
            partitioning,
            map_side_combine,
        )
    }

    fn combined<C: Wire>(
        &self,
        site: Site,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(C, V) -> C + Send + Sync + 'static,
        merge_combiners: impl Fn(C, C) -> C + Send + Sync + 'static,
        partitioning: Partitioning<K>,
        map_side_combine: bool,
    ) -> DStream<(K, C)> {
        self.check_partitions(site, partitioning.num_partitions());
        let functions = Arc::new((create, merge_value, merge_combiners));
        self.each_rdd(site, move |rdd, _| {
            let (create, merge, combine) =
                (functions.clone(), functions.clone(), functions.clone());
            Ok(rdd.combine_by_key_partitioned(
                move |value| create.0(value),
                move |combiner, value| merge.1(combiner, value),
                move |a, b| combine.2(a, b),
                partitioning.clone(),
                map_side_combine,
            ))
        })
    }

    /// Moves every pair of each batch to the partition of its key: Python's `partitionBy`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let parts = run_batches(vec![vec![(1, 'a')]], |pairs| pairs.partition_by(4).glom());
    /// assert_eq!(parts[0].len(), 4);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn partition_by(&self, partitioning: impl Into<Partitioning<K>>) -> DStream<(K, V)> {
        let site = Site::here("partition_by");
        let partitioning = partitioning.into();
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd(site, move |rdd, _| {
            Ok(rdd.partition_by(partitioning.clone()))
        })
    }

    /// Spark's default for streams: by hash, over the default parallelism.
    pub(super) fn default_partitioning(&self) -> Partitioning<K> {
        HashPartitioner::new(self.default_partitions()).into()
    }
}
