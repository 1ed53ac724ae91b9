//! Joining two streams of pairs, batch by batch.

use headwater_core::{Key, Partitioning, Site, Wire};

use super::DStream;

impl<K: Key, V: Wire> DStream<(K, V)> {
    /// The pairs of values that have a key in common in a batch: Spark's `join`. Each
    /// value of one side meets each value of the other.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')], vec![]], |pairs| {
    ///     pairs.join(&pairs.map_values(|c| c.to_ascii_uppercase()))
    /// });
    /// assert_eq!(joined, [vec![(1, ('a', 'A'))], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn join<W: Wire>(&self, other: &DStream<(K, W)>) -> DStream<(K, (V, W))> {
        self.joined(Site::here("join"), other, self.default_partitioning())
    }

    /// As [`DStream::join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |pairs| pairs.join_partitioned(pairs, 1));
    /// assert_eq!(joined, [vec![(1, ('a', 'a'))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn join_partitioned<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, (V, W))> {
        self.joined(Site::here("join"), other, partitioning.into())
    }

    fn joined<W: Wire>(
        &self,
        site: Site,
        other: &DStream<(K, W)>,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, (V, W))> {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd_with(other, site, move |left, right, _| {
            Ok(left.join_partitioned(&right, partitioning.clone()))
        })
    }

    /// As [`DStream::join`], keeping the left side's pairs without a partner: Spark's
    /// `leftOuterJoin`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |pairs| {
    ///     pairs.left_outer_join(&pairs.filter(|_| false))
    /// });
    /// assert_eq!(joined, [vec![(1, ('a', None))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn left_outer_join<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
    ) -> DStream<(K, (V, Option<W>))> {
        self.left_joined(
            Site::here("left_outer_join"),
            other,
            self.default_partitioning(),
        )
    }

    /// As [`DStream::left_outer_join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |p| p.left_outer_join_partitioned(p, 1));
    /// assert_eq!(joined, [vec![(1, ('a', Some('a')))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn left_outer_join_partitioned<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, (V, Option<W>))> {
        self.left_joined(Site::here("left_outer_join"), other, partitioning.into())
    }

    fn left_joined<W: Wire>(
        &self,
        site: Site,
        other: &DStream<(K, W)>,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, (V, Option<W>))> {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd_with(other, site, move |left, right, _| {
            Ok(left.left_outer_join_partitioned(&right, partitioning.clone()))
        })
    }

    /// As [`DStream::join`], keeping the right side's pairs without a partner: Spark's
    /// `rightOuterJoin`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |pairs| {
    ///     pairs.filter(|_| false).right_outer_join(pairs)
    /// });
    /// assert_eq!(joined, [vec![(1, (None, 'a'))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn right_outer_join<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
    ) -> DStream<(K, (Option<V>, W))> {
        self.right_joined(
            Site::here("right_outer_join"),
            other,
            self.default_partitioning(),
        )
    }

    /// As [`DStream::right_outer_join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |p| p.right_outer_join_partitioned(p, 3));
    /// assert_eq!(joined, [vec![(1, (Some('a'), 'a'))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn right_outer_join_partitioned<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, (Option<V>, W))> {
        self.right_joined(Site::here("right_outer_join"), other, partitioning.into())
    }

    fn right_joined<W: Wire>(
        &self,
        site: Site,
        other: &DStream<(K, W)>,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, (Option<V>, W))> {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd_with(other, site, move |left, right, _| {
            Ok(left.right_outer_join_partitioned(&right, partitioning.clone()))
        })
    }

    /// As [`DStream::join`], keeping the pairs of both sides that have no partner: Spark's
    /// `fullOuterJoin`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |pairs| {
    ///     pairs.full_outer_join(&pairs.map(|(k, v)| (k + 1, v)))
    /// });
    /// assert_eq!(joined[0].len(), 2);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn full_outer_join<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
    ) -> DStream<(K, (Option<V>, Option<W>))> {
        self.full_joined(
            Site::here("full_outer_join"),
            other,
            self.default_partitioning(),
        )
    }

    /// As [`DStream::full_outer_join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let joined = run_batches(vec![vec![(1, 'a')]], |p| p.full_outer_join_partitioned(p, 1));
    /// assert_eq!(joined, [vec![(1, (Some('a'), Some('a')))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn full_outer_join_partitioned<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, (Option<V>, Option<W>))> {
        self.full_joined(Site::here("full_outer_join"), other, partitioning.into())
    }

    fn full_joined<W: Wire>(
        &self,
        site: Site,
        other: &DStream<(K, W)>,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, (Option<V>, Option<W>))> {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd_with(other, site, move |left, right, _| {
            Ok(left.full_outer_join_partitioned(&right, partitioning.clone()))
        })
    }

    /// For each key of either side, the values of both: Spark's `cogroup`. A side without
    /// the key gives an empty group.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let groups = run_batches(vec![vec![(1, 'a'), (1, 'b')]], |pairs| {
    ///     pairs.cogroup(&pairs.filter(|(_, v)| *v == 'b'))
    /// });
    /// assert_eq!(groups, [vec![(1, (vec!['a', 'b'], vec!['b']))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cogroup<W: Wire>(&self, other: &DStream<(K, W)>) -> DStream<(K, (Vec<V>, Vec<W>))> {
        self.cogrouped(Site::here("cogroup"), other, self.default_partitioning())
    }

    /// As [`DStream::cogroup`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let groups = run_batches(vec![vec![(1, 'a')]], |pairs| pairs.cogroup_partitioned(pairs, 2));
    /// assert_eq!(groups, [vec![(1, (vec!['a'], vec!['a']))]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cogroup_partitioned<W: Wire>(
        &self,
        other: &DStream<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, (Vec<V>, Vec<W>))> {
        self.cogrouped(Site::here("cogroup"), other, partitioning.into())
    }

    fn cogrouped<W: Wire>(
        &self,
        site: Site,
        other: &DStream<(K, W)>,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, (Vec<V>, Vec<W>))> {
        self.check_partitions(site, partitioning.num_partitions());
        self.each_rdd_with(other, site, move |left, right, _| {
            Ok(left.cogroup_partitioned(&right, partitioning.clone()))
        })
    }
}
