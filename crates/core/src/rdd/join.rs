//! Joins: the values of two RDDs, paired by key.

use super::Rdd;
use super::join_step::{FullOuter, Inner, Join, JoinKind, LeftOuter, RightOuter};
use crate::record::{Key, Wire};
use crate::shuffle::Partitioning;
use crate::site::Site;

#[expect(
    clippy::type_complexity,
    reason = "the tuples are what the reader wants to see"
)]
impl<K: Key, V: Wire> Rdd<(K, V)> {
    /// Pairs each value with each value of the same key in `other`: Spark's `join`.
    ///
    /// A key that has `m` values here and `n` there gives `m * n` records; one that only
    /// one side has gives none. An input whose keys are placed already as the join wants
    /// them is not moved. Within a partition, results come in the order of this RDD. The
    /// table that is held in memory is made of `other`: let it be the smaller one.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let prices = ctx.parallelize(vec![(1, 20), (2, 30), (2, 40)], 2);
    /// let names = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (3, 'c')], 2);
    /// let mut joined = prices.join(&names).collect().unwrap();
    /// joined.sort();
    /// assert_eq!(joined, [(1, (20, 'a')), (2, (30, 'b')), (2, (40, 'b'))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn join<W: Wire>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, W))> {
        self.joined(
            Site::here("join"),
            other,
            &self.meeting_point([other.layout()]),
            Inner,
        )
    }

    /// As [`Rdd::join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 2);
    /// let right = ctx.parallelize(vec![(2, 'x')], 1);
    /// assert_eq!(left.join_partitioned(&right, 3).collect().unwrap(), [(2, ('b', 'x'))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn join_partitioned<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, (V, W))> {
        self.joined(Site::here("join"), other, &partitioning.into(), Inner)
    }

    /// As [`Rdd::join`], and keeps the values here whose key `other` has not: Spark's
    /// `leftOuterJoin`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 2);
    /// let right = ctx.parallelize(vec![(2, 'x'), (3, 'y')], 1);
    /// let mut joined = left.left_outer_join(&right).collect().unwrap();
    /// joined.sort();
    /// assert_eq!(joined, [(1, ('a', None)), (2, ('b', Some('x')))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn left_outer_join<W: Wire>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, Option<W>))> {
        let site = Site::here("left_outer_join");
        self.joined(
            site,
            other,
            &self.meeting_point([other.layout()]),
            LeftOuter,
        )
    }

    /// As [`Rdd::left_outer_join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a')], 1);
    /// let right = ctx.parallelize(vec![(2, 'x')], 1);
    /// let joined = left.left_outer_join_partitioned(&right, 2);
    /// assert_eq!(joined.collect().unwrap(), [(1, ('a', None))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn left_outer_join_partitioned<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, (V, Option<W>))> {
        self.joined(
            Site::here("left_outer_join"),
            other,
            &partitioning.into(),
            LeftOuter,
        )
    }

    /// As [`Rdd::join`], and keeps the values of `other` whose key is not here: Spark's
    /// `rightOuterJoin`.
    ///
    /// Within a partition, the values without a match come last.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 2);
    /// let right = ctx.parallelize(vec![(2, 'x'), (3, 'y')], 1);
    /// let mut joined = left.right_outer_join(&right).collect().unwrap();
    /// joined.sort();
    /// assert_eq!(joined, [(2, (Some('b'), 'x')), (3, (None, 'y'))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn right_outer_join<W: Wire>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Option<V>, W))> {
        let site = Site::here("right_outer_join");
        self.joined(
            site,
            other,
            &self.meeting_point([other.layout()]),
            RightOuter,
        )
    }

    /// As [`Rdd::right_outer_join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a')], 1);
    /// let right = ctx.parallelize(vec![(2, 'x')], 1);
    /// let joined = left.right_outer_join_partitioned(&right, 2);
    /// assert_eq!(joined.collect().unwrap(), [(2, (None, 'x'))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn right_outer_join_partitioned<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, (Option<V>, W))> {
        self.joined(
            Site::here("right_outer_join"),
            other,
            &partitioning.into(),
            RightOuter,
        )
    }

    /// As [`Rdd::join`], and keeps the values of both sides whose key the other side has
    /// not: Spark's `fullOuterJoin`.
    ///
    /// Within a partition, the values of `other` without a match come last.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 2);
    /// let right = ctx.parallelize(vec![(2, 'x'), (3, 'y')], 1);
    /// let mut joined = left.full_outer_join(&right).collect().unwrap();
    /// joined.sort();
    /// assert_eq!(joined[0], (1, (Some('a'), None)));
    /// assert_eq!(joined[1], (2, (Some('b'), Some('x'))));
    /// assert_eq!(joined[2], (3, (None, Some('y'))));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn full_outer_join<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
    ) -> Rdd<(K, (Option<V>, Option<W>))> {
        let site = Site::here("full_outer_join");
        self.joined(
            site,
            other,
            &self.meeting_point([other.layout()]),
            FullOuter,
        )
    }

    /// As [`Rdd::full_outer_join`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a')], 1);
    /// let right = ctx.parallelize(vec![(1, 'x')], 1);
    /// let joined = left.full_outer_join_partitioned(&right, 2);
    /// assert_eq!(joined.collect().unwrap(), [(1, (Some('a'), Some('x')))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn full_outer_join_partitioned<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, (Option<V>, Option<W>))> {
        self.joined(
            Site::here("full_outer_join"),
            other,
            &partitioning.into(),
            FullOuter,
        )
    }

    fn joined<W: Wire, J: JoinKind<V, W>>(
        &self,
        site: Site,
        other: &Rdd<(K, W)>,
        partitioning: &Partitioning<K>,
        kind: J,
    ) -> Rdd<(K, J::Out)> {
        self.co_placed(other, partitioning, site, Join(kind))
    }
}
