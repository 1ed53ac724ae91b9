//! RDDs as sets: what is in one but not in the other, or in both.

use foldhash::fast::RandomState;
use hashbrown::HashSet;

use super::Rdd;
use super::co_placed::{CoPlacedStep, Inputs};
use super::map::MapStep;
use crate::chunk::{Emitter, Push, Sink};
use crate::record::{Key, Wire};
use crate::shuffle::{Partitioning, default_partitioning};
use crate::site::Site;

impl<T: Key> Rdd<T> {
    /// The records that another RDD does not have: Spark's `subtract`.
    ///
    /// Duplicates of this RDD stay. There are as many partitions as this RDD has. The
    /// other's records of one partition are held in memory at a time.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let all = ctx.parallelize(vec![1, 1, 2, 3], 2);
    /// let mut left = all.subtract(&ctx.parallelize(vec![3, 4], 1)).collect().unwrap();
    /// left.sort();
    /// assert_eq!(left, [1, 1, 2]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn subtract(&self, other: &Rdd<T>) -> Rdd<T> {
        let partitioning = Partitioning::from(self.node.partitions().max(1));
        self.compared(other, Site::here("subtract"), partitioning, Keep::Missing)
    }

    /// As [`Rdd::subtract`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let all = ctx.parallelize(vec![1, 2, 3], 2);
    /// let left = all.subtract_partitioned(&ctx.parallelize(vec![2], 1), 1);
    /// assert_eq!(left.glom().collect().unwrap(), [[1, 3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn subtract_partitioned(
        &self,
        other: &Rdd<T>,
        partitioning: impl Into<Partitioning<T>>,
    ) -> Rdd<T> {
        self.compared(
            other,
            Site::here("subtract"),
            partitioning.into(),
            Keep::Missing,
        )
    }

    /// The records that both RDDs have, each once: Spark's `intersection`.
    ///
    /// Without `default.parallelism` there are as many partitions as the wider input has.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let one = ctx.parallelize(vec![1, 2, 2, 3], 2);
    /// let mut both = one.intersection(&ctx.parallelize(vec![3, 2, 4], 1)).collect().unwrap();
    /// both.sort();
    /// assert_eq!(both, [2, 3]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn intersection(&self, other: &Rdd<T>) -> Rdd<T> {
        let widest = self.node.partitions().max(other.node.partitions());
        let partitioning = default_partitioning([], widest, self.ctx.configured_parallelism());
        self.compared(
            other,
            Site::here("intersection"),
            partitioning,
            Keep::CommonOnce,
        )
    }

    /// As [`Rdd::intersection`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let one = ctx.parallelize(vec![1, 2], 2);
    /// let both = one.intersection_partitioned(&ctx.parallelize(vec![2, 4], 1), 1);
    /// assert_eq!(both.glom().collect().unwrap(), [[2]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn intersection_partitioned(
        &self,
        other: &Rdd<T>,
        partitioning: impl Into<Partitioning<T>>,
    ) -> Rdd<T> {
        self.compared(
            other,
            Site::here("intersection"),
            partitioning.into(),
            Keep::CommonOnce,
        )
    }

    fn compared(
        &self,
        other: &Rdd<T>,
        site: Site,
        partitioning: Partitioning<T>,
        keep: Keep,
    ) -> Rdd<T> {
        let (keys, others) = (self.as_keys(site), other.as_keys(site));
        let kept = keys.co_placed(&others, &partitioning, site, keep);
        kept.as_records(site)
    }
}

impl<K: Key, V: Wire> Rdd<(K, V)> {
    /// The pairs whose key another RDD does not have: Spark's `subtractByKey`.
    ///
    /// Duplicates of this RDD stay, and so does the placement of its keys; without one
    /// there are as many partitions as this RDD has. The other's values do not move.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let users = ctx.parallelize(vec![(1, "ann"), (2, "bob"), (1, "al")], 2);
    /// let users = users.map_values(str::to_string);
    /// let banned = ctx.parallelize(vec![(2, true)], 1);
    /// let mut names = users.subtract_by_key(&banned).values().collect().unwrap();
    /// names.sort();
    /// assert_eq!(names, ["al", "ann"]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn subtract_by_key<W: Wire>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, V)> {
        let existing = self
            .node
            .placement()
            .and_then(|placement| placement.of::<K>());
        let partitioning =
            existing.unwrap_or_else(|| Partitioning::from(self.node.partitions().max(1)));
        self.without(other, Site::here("subtract_by_key"), partitioning)
    }

    /// As [`Rdd::subtract_by_key`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 2);
    /// let left = pairs.subtract_by_key_partitioned(&ctx.parallelize(vec![(2, ())], 1), 1);
    /// assert_eq!(left.glom().collect().unwrap(), [[(1, 'a')]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn subtract_by_key_partitioned<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, V)> {
        self.without(other, Site::here("subtract_by_key"), partitioning.into())
    }

    fn without<W: Wire>(
        &self,
        other: &Rdd<(K, W)>,
        site: Site,
        partitioning: Partitioning<K>,
    ) -> Rdd<(K, V)> {
        let keys = other.step(
            site,
            other.node.placement(),
            MapStep {
                f: |(key, _)| (key, ()),
            },
        );
        self.co_placed(&keys, &partitioning, site, Keep::Missing)
    }
}

/// The keys of the right input sift the pairs of the left one.
#[derive(Clone, Copy)]
enum Keep {
    /// Pairs whose key the right side does not have.
    Missing,
    /// The first pair of each key that the right side has.
    CommonOnce,
}

impl Keep {
    #[inline]
    fn takes<K: Key>(self, key: &K, keys: &mut HashSet<K, RandomState>) -> bool {
        match self {
            Keep::Missing => !keys.contains(key),
            // Taken out, so that the next pair with this key finds nothing.
            Keep::CommonOnce => keys.remove(key),
        }
    }
}

impl<K: Key, V: Wire> CoPlacedStep<(K, V), (K, ()), (K, V)> for Keep {
    fn is_empty_when(&self, left_is_empty: bool, right_is_empty: bool) -> bool {
        left_is_empty || (right_is_empty && matches!(self, Keep::CommonOnce))
    }

    fn compute(&self, inputs: &Inputs<'_, (K, V), (K, ())>, out: &mut Emitter<'_, (K, V)>) -> Push {
        let mut keys = Keys {
            set: HashSet::default(),
        };
        inputs.read_right(&mut keys)?;
        inputs.read_left(&mut Sieve {
            keys: keys.set,
            keep: *self,
            out,
        })
    }
}

/// Gathers keys. They are only looked up, so that their order does not matter.
struct Keys<K> {
    set: HashSet<K, RandomState>,
}

impl<K: Key> Sink<(K, ())> for Keys<K> {
    fn push(&mut self, chunk: &mut Vec<(K, ())>) -> Push {
        self.set.extend(chunk.drain(..).map(|(key, ())| key));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, ())]) -> Push {
        for (key, ()) in chunk {
            self.set.get_or_insert_with(key, K::clone);
        }
        Ok(())
    }
}

struct Sieve<'a, 'b, K, V> {
    keys: HashSet<K, RandomState>,
    keep: Keep,
    out: &'a mut Emitter<'b, (K, V)>,
}

impl<K: Key, V: Wire> Sink<(K, V)> for Sieve<'_, '_, K, V> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let pairs = chunk.drain(..);
        self.out
            .extend(pairs.filter(|(key, _)| self.keep.takes(key, &mut self.keys)));
        self.out.check()
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let kept = chunk
            .iter()
            .filter(|(key, _)| self.keep.takes(key, &mut self.keys));
        self.out.extend(kept.cloned());
        self.out.check()
    }
}

#[cfg(test)]
mod tests {
    use crate::rdd::Dependency;
    use crate::{Context, Error, RangePartitioner};

    #[test]
    fn inputs_that_are_placed_alike_do_not_move() {
        let ctx = Context::local(2).unwrap();
        let left = ctx.range(0..20, 1, 3).map(|n| (n % 10, n)).partition_by(4);
        let right = ctx.range(0..5, 1, 2).map(|n| (n, ())).partition_by(4);
        let rest = left.subtract_by_key(&right);
        let parents = rest.node.clone().as_any_node().dependencies();
        let Some(Dependency::Narrow(first)) = parents.first() else {
            panic!("not narrow")
        };
        assert_eq!(first.info().id, left.id());
        assert!(rest.node.placement().is_some());
        let mut keys = rest.keys().collect().unwrap();
        keys.sort();
        assert_eq!(keys, [5, 5, 6, 6, 7, 7, 8, 8, 9, 9]);
    }

    #[test]
    fn ranges_are_a_partitioning_too() {
        let ctx = Context::local(2).unwrap();
        let left = ctx.range(0..40, 1, 3).map(|n| (n, n));
        let ranges = RangePartitioner::new(&left, 3, true);
        let right = ctx.range(10..40, 1, 2).map(|n| (n, ()));
        let rest = left.subtract_by_key_partitioned(&right, ranges);
        assert_eq!(rest.keys().collect().unwrap(), (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn mistakes_are_reported() {
        let (one, two) = (Context::local(1).unwrap(), Context::local(1).unwrap());
        let numbers = one.range(0..3, 1, 1);
        for wrong in [
            numbers.subtract(&two.range(0..3, 1, 1)),
            numbers.subtract_partitioned(&numbers, 0),
            numbers.intersection_partitioned(&numbers, 0),
        ] {
            assert!(matches!(wrong.collect(), Err(Error::Build { .. })));
        }
        assert_eq!(
            one.empty::<i32>().subtract(&one.empty()).count().unwrap(),
            0
        );
        assert_eq!(
            one.empty::<i32>()
                .intersection(&one.empty())
                .count()
                .unwrap(),
            0
        );
    }
}
