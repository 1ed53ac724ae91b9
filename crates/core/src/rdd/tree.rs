//! Reducing many partitions in a tree, so that the driver merges few results.

use std::sync::Arc;

use super::Rdd;
use super::actions::on_driver;
use crate::error::Error;
use crate::record::{Record, Wire};
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Makes one record of all by a function of two, as [`Rdd::reduce`], with the results of
    /// the partitions merged in a tree: Spark's `treeReduce`.
    ///
    /// For RDDs of very many partitions, or results that are large: tasks merge those of
    /// neighbouring partitions over about `depth` levels (Spark's default is 2), and the
    /// driver merges few. The function must be associative, but unlike Spark's need not be
    /// commutative.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..100, 1, 50).tree_reduce(|a, b| a + b, 3).unwrap(), 4950);
    /// assert!(ctx.empty::<i64>().tree_reduce(|a, b| a + b, 2).is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::EmptyCollection`] when there is no record, [`Error::Build`] when `depth` is
    /// 0, and as [`Rdd::collect`].
    #[track_caller]
    pub fn tree_reduce(
        &self,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        depth: usize,
    ) -> Result<T, Error>
    where
        T: Wire,
    {
        let site = Site::here("tree_reduce");
        let levels = levels(self.prepared_partitions(site)?, depth, site)?;
        let f = Arc::new(f);
        let add = f.clone();
        let reduced = self.reduced_each(site, move |a, b| add(a, b));
        let reduced = reduced.merged_in_tree(site, levels, f)?;
        reduced.ok_or(Error::EmptyCollection { site })
    }

    /// Makes one value of another type of all records, as [`Rdd::aggregate`], with the
    /// results of the partitions merged in a tree: Spark's `treeAggregate`.
    ///
    /// For RDDs of very many partitions, or results that are large: tasks merge those of
    /// neighbouring partitions over about `depth` levels (Spark's default is 2), and the
    /// driver merges few. The zero is used once for each partition, also for an empty one,
    /// and is the result where there is no partition. (Spark's Python does likewise; its
    /// Scala adds the zero at each level once more, which shows if it is not neutral.)
    /// `merge` must be associative, but need not be commutative.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..100, 1, 50);
    /// let widest = numbers.tree_aggregate(
    ///     (i64::MAX, i64::MIN),
    ///     |(low, high), n| (low.min(n), high.max(n)),
    ///     |(a, b), (c, d)| (a.min(c), b.max(d)),
    ///     2,
    /// );
    /// assert_eq!(widest.unwrap(), (0, 99));
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when `depth` is 0, and as [`Rdd::collect`].
    #[track_caller]
    pub fn tree_aggregate<A: Wire>(
        &self,
        zero: A,
        add: impl Fn(A, T) -> A + Send + Sync + 'static,
        merge: impl Fn(A, A) -> A + Send + Sync + 'static,
        depth: usize,
    ) -> Result<A, Error> {
        let site = Site::here("tree_aggregate");
        let levels = levels(self.prepared_partitions(site)?, depth, site)?;
        let aggregated = self.aggregated_each(site, zero.clone(), add);
        let merged = aggregated.merged_in_tree(site, levels, Arc::new(merge))?;
        Ok(merged.unwrap_or(zero))
    }
}

impl<A: Wire> Rdd<A> {
    /// Merges all records, of which each partition has one at most.
    fn merged_in_tree(
        &self,
        site: Site,
        levels: Vec<usize>,
        merge: Arc<impl Fn(A, A) -> A + Send + Sync + 'static>,
    ) -> Result<Option<A>, Error> {
        let merged = levels.into_iter().fold(self.clone(), |rdd, partitions| {
            let merge = merge.clone();
            rdd.brought_together(site, partitions)
                .reduced_each(site, move |a, b| merge(a, b))
        });
        let parts = merged.gather(site, None)?;
        on_driver(site, move || {
            parts.into_iter().flatten().reduce(|a, b| merge(a, b))
        })
    }
}

/// How many partitions the levels of the tree have between the input and the driver.
fn levels(partitions: usize, depth: usize, site: Site) -> Result<Vec<usize>, Error> {
    if depth == 0 {
        return Err(Error::Build {
            site,
            message: "a tree of depth 0 was asked for; at least 1 is needed".to_owned(),
        });
    }
    let depth = u32::try_from(depth).unwrap_or(u32::MAX);
    // The least number of branches for which `depth` levels are enough.
    let branches = (2..partitions)
        .find(|branches: &usize| branches.saturating_pow(depth) >= partitions)
        .unwrap_or(partitions.max(2));
    let mut levels = Vec::new();
    let mut left = partitions;
    // A level pays as long as it leaves fewer results to merge, itself included.
    while left > branches + left.div_ceil(branches) {
        left /= branches;
        levels.push(left);
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_as_many_levels_as_pay() {
        let levels = |partitions, depth| levels(partitions, depth, Site::here("test")).unwrap();
        assert!(levels(0, 2).is_empty() && levels(1, 2).is_empty() && levels(4, 2).is_empty());
        assert_eq!(levels(6, 5), [3], "two branches at least");
        assert_eq!(levels(100, 2), [10]);
        assert_eq!(levels(1000, 3), [100, 10]);
        assert!(levels(1000, 1).is_empty(), "the driver merges all");
        assert_eq!(levels(64, usize::MAX), [32, 16, 8, 4]);
    }
}
