//! Records dealt out evenly, wherever they were.

use std::sync::Arc;

use super::{AnyNode, Node, NodeInfo, Rdd, read, refuse};
use crate::chunk::{Push, Sink, Stop};
use crate::hash::partition_of;
use crate::rdd::by_key::NO_PARTITIONS;
use crate::record::Wire;
use crate::scheduler::TaskContext;
use crate::shuffle::{Bucket, BucketWriter, Exchange, MapSide, Placement};
use crate::site::Site;

impl<T: Wire> Rdd<T> {
    /// Deals the records out over exactly `partitions` partitions: Spark's `repartition`.
    ///
    /// Each input partition deals its records in turn, starting at a place that depends on
    /// its number, so that many small inputs spread too. Every record moves and the order
    /// is lost, but is the same for the same input; to only have fewer partitions,
    /// [`Rdd::coalesce`] moves nothing.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let even = ctx.range(0..12, 1, 1).repartition(3).glom().collect().unwrap();
    /// assert_eq!(even.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 4]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn repartition(&self, partitions: usize) -> Rdd<T> {
        self.dealt(Site::here("repartition"), partitions)
    }

    /// What `repartition` and `coalesce_shuffled` do.
    pub(crate) fn dealt(&self, site: Site, partitions: usize) -> Rdd<T> {
        if partitions == 0 {
            return refuse(&self.ctx, site, NO_PARTITIONS);
        }
        let map_side = RoundRobin {
            parent: self.node.clone(),
            partitions,
        };
        let info = NodeInfo::new(self.ctx.next_rdd_id(), site);
        Rdd::from_node(&self.ctx, Exchange::new(info, Arc::new(map_side)))
    }
}

/// The map side of a shuffle that looks at no key.
///
/// The place of a record depends on its position alone: a task that is tried again deals
/// alike because partitions give their records in the same order each time.
struct RoundRobin<T> {
    parent: Arc<dyn Node<T>>,
    partitions: usize,
}

impl<T: Wire> MapSide<T> for RoundRobin<T> {
    fn parent(&self) -> Arc<dyn AnyNode> {
        self.parent.clone().as_any_node()
    }

    fn partitions(&self) -> usize {
        self.partitions
    }

    fn write(&self, task: &TaskContext, map_partition: usize) -> Result<Vec<Bucket<T>>, Stop> {
        let mut dealer = Dealer {
            writer: BucketWriter::new(self.partitions, task.chunk_records),
            next: partition_of(&map_partition, self.partitions),
        };
        read(&self.parent, task, map_partition, &mut dealer)?;
        Ok(dealer.writer.into_buckets())
    }

    fn placement(&self) -> Option<Placement> {
        None
    }
}

struct Dealer<T> {
    writer: BucketWriter<T>,
    next: usize,
}

impl<T> Dealer<T> {
    fn deal(&mut self, records: impl Iterator<Item = T>) -> Push {
        for record in records {
            let dealt = self.writer.put(self.next, record);
            debug_assert!(dealt, "there is a bucket for each partition");
            self.next += 1;
            if self.next == self.writer.partitions() {
                self.next = 0;
            }
        }
        Ok(())
    }
}

impl<T: Clone> Sink<T> for Dealer<T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.deal(chunk.drain(..))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.deal(chunk.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use crate::Context;

    #[test]
    fn small_partitions_spread() {
        let ctx = Context::local(2).unwrap();
        let sizes = ctx
            .range(0..64, 1, 64)
            .repartition(4)
            .glom()
            .map(|part| part.len());
        let sizes = sizes.collect().unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 64);
        assert!(
            sizes.iter().all(|size| (6..=26).contains(size)),
            "{sizes:?}"
        );
    }

    #[test]
    fn empty_inputs_give_empty_partitions() {
        let ctx = Context::local(1).unwrap();
        assert_eq!(
            ctx.empty::<i64>().repartition(2).glom().collect().unwrap(),
            [[], []]
        );
        assert_eq!(
            ctx.range(0..0, 1, 3)
                .repartition(1)
                .glom()
                .collect()
                .unwrap(),
            [[]]
        );
    }
}
