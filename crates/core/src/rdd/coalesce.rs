//! Fewer partitions without moving records between tasks.

use std::ops::Range;
use std::sync::Arc;

use super::{AnyNode, Dependency, Node, NodeInfo, Rdd, read, refuse};
use crate::chunk::{Push, Sink};
use crate::rdd::by_key::NO_PARTITIONS;
use crate::record::{Record, Wire};
use crate::scheduler::TaskContext;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Puts neighbouring partitions together until there are `partitions`: Spark's
    /// `coalesce` without a shuffle.
    ///
    /// Order stays. One task then reads the partitions of a group one after the other, so
    /// few partitions also mean few tasks for what comes before; where that costs more
    /// than moving the records, use [`Rdd::coalesce_shuffled`]. Asking for more partitions
    /// than there are changes nothing.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let three = ctx.parallelize(vec![1, 2, 3], 3);
    /// assert_eq!(three.coalesce(2).glom().collect().unwrap(), [vec![1], vec![2, 3]]);
    /// assert_eq!(three.coalesce(5).num_partitions(), 3);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn coalesce(&self, partitions: usize) -> Rdd<T> {
        let site = Site::here("coalesce");
        if partitions == 0 {
            return refuse(&self.ctx, site, NO_PARTITIONS);
        }
        let parent = self.node.clone();
        Rdd::new(&self.ctx, site, |info| Coalesced {
            info,
            parent,
            most: partitions,
        })
    }
}

impl<T: Wire> Rdd<T> {
    /// Deals the records out over `partitions` partitions, fewer or more: Spark's
    /// `coalesce` with a shuffle, which is [`Rdd::repartition`].
    ///
    /// What comes before keeps its own number of tasks.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let one = ctx.range(0..8, 1, 4).coalesce_shuffled(1);
    /// assert_eq!((one.num_partitions(), one.count().unwrap()), (1, 8));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn coalesce_shuffled(&self, partitions: usize) -> Rdd<T> {
        self.dealt(Site::here("coalesce_shuffled"), partitions)
    }
}

struct Coalesced<T> {
    info: NodeInfo,
    parent: Arc<dyn Node<T>>,
    most: usize,
}

impl<T: Record> Coalesced<T> {
    /// The parent's partitions that make up one of ours; sizes differ by one at most.
    fn group(&self, partition: usize) -> Range<usize> {
        let groups = self.partitions().max(1) as u128;
        let at =
            |group: usize| (group as u128 * self.parent.partitions() as u128 / groups) as usize;
        at(partition)..at(partition + 1)
    }
}

impl<T: Record> AnyNode for Coalesced<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions().min(self.most)
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.group(partition)
            .all(|at| self.parent.is_known_empty(at))
    }
}

impl<T: Record> Node<T> for Coalesced<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        for at in self.group(partition) {
            task.check_cancelled()?;
            read(&self.parent, task, at, sink)?;
        }
        Ok(())
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Error};

    #[test]
    fn zero_partitions_are_refused_and_none_stay_none() {
        let ctx = Context::local(1).unwrap();
        for wrong in [
            ctx.range(0..3, 1, 2).coalesce(0),
            ctx.range(0..3, 1, 2).coalesce_shuffled(0),
        ] {
            assert!(matches!(wrong.collect(), Err(Error::Build { .. })));
        }
        let none = ctx.empty::<i32>().coalesce(3);
        assert_eq!((none.num_partitions(), none.count().unwrap()), (0, 0));
    }
}
