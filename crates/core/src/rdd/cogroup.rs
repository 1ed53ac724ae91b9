//! Grouping several RDDs by key at once.

use super::Rdd;
use super::co_placed::{CoPlacedStep, Inputs};
use crate::chunk::{Emitter, Push, Sink};
use crate::record::{Key, Record, Wire};
use crate::scheduler::ClosureOf;
use crate::shuffle::{Partitioning, Table};
use crate::site::Site;

#[expect(
    clippy::type_complexity,
    reason = "the tuples are what the reader wants to see"
)]
impl<K: Key, V: Wire> Rdd<(K, V)> {
    /// Gathers, for each key of either RDD, its values in both: Spark's `cogroup`.
    ///
    /// Values come in the order of their arrival; a side that has not the key gives an
    /// empty vector. Within a partition the keys of this RDD come first, as they arrived,
    /// then those that only `other` has. Every value is held in memory: to pair values,
    /// [`Rdd::join`] is lighter.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let visits = ctx.parallelize(vec![(1, "home"), (1, "cart")], 2).map_values(str::to_string);
    /// let orders = ctx.parallelize(vec![(1, 250), (2, 90)], 1);
    /// let mut groups = visits.cogroup(&orders).collect().unwrap();
    /// groups.sort();
    /// assert_eq!(groups[0], (1, (vec!["home".to_string(), "cart".to_string()], vec![250])));
    /// assert_eq!(groups[1], (2, (vec![], vec![90])));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cogroup<W: Wire>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Vec<V>, Vec<W>))> {
        let partitioning = self.meeting_point([other.layout()]);
        self.grouped(Site::here("cogroup"), other, &partitioning)
    }

    /// As [`Rdd::cogroup`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a'), (1, 'b')], 2);
    /// let right = ctx.parallelize(vec![(1, 7)], 1);
    /// let groups = left.cogroup_partitioned(&right, 3);
    /// assert_eq!(groups.collect().unwrap(), [(1, (vec!['a', 'b'], vec![7]))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cogroup_partitioned<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, (Vec<V>, Vec<W>))> {
        self.grouped(Site::here("cogroup"), other, &partitioning.into())
    }

    /// Another name of [`Rdd::cogroup`]: Spark's `groupWith`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let left = ctx.parallelize(vec![(1, 'a')], 1);
    /// let right = ctx.parallelize(vec![(1, 7), (1, 8)], 1);
    /// assert_eq!(left.group_with(&right).collect().unwrap(), [(1, (vec!['a'], vec![7, 8]))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_with<W: Wire>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Vec<V>, Vec<W>))> {
        let partitioning = self.meeting_point([other.layout()]);
        self.grouped(Site::here("group_with"), other, &partitioning)
    }

    /// As [`Rdd::cogroup`], with two other RDDs: Spark's `cogroup(other1, other2)`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let a = ctx.parallelize(vec![(1, 'a')], 1);
    /// let b = ctx.parallelize(vec![(1, 7), (1, 8)], 2);
    /// let c = ctx.parallelize(vec![(1, true)], 1);
    /// let groups = a.cogroup3(&b, &c).collect().unwrap();
    /// assert_eq!(groups, [(1, (vec!['a'], vec![7, 8], vec![true]))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cogroup3<W: Wire, X: Wire>(
        &self,
        other1: &Rdd<(K, W)>,
        other2: &Rdd<(K, X)>,
    ) -> Rdd<(K, (Vec<V>, Vec<W>, Vec<X>))> {
        let partitioning = self.meeting_point([other1.layout(), other2.layout()]);
        self.grouped2(Site::here("cogroup3"), other1, other2, &partitioning)
    }

    /// As [`Rdd::cogroup`], with three other RDDs: Spark's
    /// `cogroup(other1, other2, other3)`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let a = ctx.parallelize(vec![(1, 'a')], 1);
    /// let b = ctx.parallelize(vec![(1, 7), (1, 8)], 2);
    /// let c = ctx.parallelize(vec![(1, true)], 1);
    /// let groups = a.cogroup4(&b, &c, &b).collect().unwrap();
    /// assert_eq!(groups, [(1, (vec!['a'], vec![7, 8], vec![true], vec![7, 8]))]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cogroup4<W: Wire, X: Wire, Y: Wire>(
        &self,
        other1: &Rdd<(K, W)>,
        other2: &Rdd<(K, X)>,
        other3: &Rdd<(K, Y)>,
    ) -> Rdd<(K, (Vec<V>, Vec<W>, Vec<X>, Vec<Y>))> {
        let site = Site::here("cogroup4");
        let partitioning = self.meeting_point([other1.layout(), other2.layout(), other3.layout()]);
        let step = Grouping {
            create: |(v, w, x)| (v, w, x, Vec::new()),
            add: |acc: &mut (Vec<V>, Vec<W>, Vec<X>, _), (v, w, x)| {
                acc.0.extend(v);
                acc.1.extend(w);
                acc.2.extend(x);
            },
            create_right: |y| (Vec::new(), Vec::new(), Vec::new(), vec![y]),
            add_right: |acc: &mut (_, _, _, Vec<Y>), y| acc.3.push(y),
        };
        let first = self.grouped2(site, other1, other2, &partitioning);
        first.co_placed(other3, &partitioning, site, step)
    }

    fn grouped<W: Wire>(
        &self,
        site: Site,
        other: &Rdd<(K, W)>,
        partitioning: &Partitioning<K>,
    ) -> Rdd<(K, (Vec<V>, Vec<W>))> {
        let step = Grouping {
            create: |v| (vec![v], Vec::new()),
            add: |acc: &mut (Vec<V>, _), v| acc.0.push(v),
            create_right: |w| (Vec::new(), vec![w]),
            add_right: |acc: &mut (_, Vec<W>), w| acc.1.push(w),
        };
        self.co_placed(other, partitioning, site, step)
    }

    fn grouped2<W: Wire, X: Wire>(
        &self,
        site: Site,
        other1: &Rdd<(K, W)>,
        other2: &Rdd<(K, X)>,
        partitioning: &Partitioning<K>,
    ) -> Rdd<(K, (Vec<V>, Vec<W>, Vec<X>))> {
        let step = Grouping {
            create: |(v, w)| (v, w, Vec::new()),
            add: |acc: &mut (Vec<V>, Vec<W>, _), (v, w)| {
                acc.0.extend(v);
                acc.1.extend(w);
            },
            create_right: |x| (Vec::new(), Vec::new(), vec![x]),
            add_right: |acc: &mut (_, _, Vec<X>), x| acc.2.push(x),
        };
        self.grouped(site, other1, partitioning)
            .co_placed(other2, partitioning, site, step)
    }
}

/// Puts what both sides have for a key into one accumulator.
///
/// More than two sides are grouped one after the other: the left side then holds groups
/// already, and each step only moves them from table to table.
struct Grouping<C, A, D, B> {
    create: C,
    add: A,
    create_right: D,
    add_right: B,
}

impl<K, V, W, G, C, A, D, B> CoPlacedStep<(K, V), (K, W), (K, G)> for Grouping<C, A, D, B>
where
    K: Key,
    V: Wire,
    W: Wire,
    G: Record,
    C: Fn(V) -> G + Send + Sync + 'static,
    A: Fn(&mut G, V) + Send + Sync + 'static,
    D: Fn(W) -> G + Send + Sync + 'static,
    B: Fn(&mut G, W) + Send + Sync + 'static,
{
    fn is_empty_when(&self, left_is_empty: bool, right_is_empty: bool) -> bool {
        left_is_empty && right_is_empty
    }

    fn compute(&self, inputs: &Inputs<'_, (K, V), (K, W)>, out: &mut Emitter<'_, (K, G)>) -> Push {
        let site = inputs.site;
        let mut table = Table::new();
        let mut left = AddTo {
            table: &mut table,
            create: &self.create,
            add: &self.add,
            site,
        };
        inputs.read_left(&mut left)?;
        let (create, add) = (&self.create_right, &self.add_right);
        let mut right = AddTo {
            table: &mut table,
            create,
            add,
            site,
        };
        inputs.read_right(&mut right)?;
        out.extend(table.into_entries());
        Ok(())
    }
}

/// Adds the values of one side to a table that both share.
struct AddTo<'a, K, G, C, A> {
    table: &'a mut Table<K, G>,
    create: &'a C,
    add: &'a A,
    site: Site,
}

impl<K: Key, V: Wire, G, C, A> Sink<(K, V)> for AddTo<'_, K, G, C, A>
where
    C: Fn(V) -> G,
    A: Fn(&mut G, V),
{
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let _closure = ClosureOf(self.site);
        self.table.merge(chunk, self.create, self.add);
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let _closure = ClosureOf(self.site);
        self.table.merge_shared(chunk, self.create, self.add);
        Ok(())
    }
}
