//! The lineage: what an RDD is made from, and how one of its partitions is computed.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::shuffle::{Placement, ShuffleStage};
use crate::site::Site;
use crate::storage::{Persistence, StorageLevel};

/// What every node of the lineage has, whatever it computes.
pub(crate) struct NodeInfo {
    pub(crate) id: u64,
    pub(crate) site: Site,
    /// Set once by `persist`; holds a `Persistence<T>` of the node's record type.
    persistence: OnceLock<Box<dyn Any + Send + Sync>>,
    level: OnceLock<StorageLevel>,
    name: OnceLock<String>,
}

impl NodeInfo {
    pub(crate) fn new(id: u64, site: Site) -> Self {
        NodeInfo {
            id,
            site,
            persistence: OnceLock::new(),
            level: OnceLock::new(),
            name: OnceLock::new(),
        }
    }

    pub(crate) fn persistence<T: Record>(&self) -> Option<&Persistence<T>> {
        self.persistence.get()?.downcast_ref()
    }

    /// The first level that is assigned stays; a different one later is refused.
    pub(crate) fn persist<T: Record>(&self, how: Persistence<T>) -> Result<(), StorageLevel> {
        let level = how.level;
        let assigned = *self.level.get_or_init(|| level);
        if assigned != level {
            return Err(assigned);
        }
        self.persistence.get_or_init(|| Box::new(how));
        Ok(())
    }

    pub(crate) fn level(&self) -> StorageLevel {
        self.level.get().copied().unwrap_or(StorageLevel::NONE)
    }

    pub(crate) fn set_name(&self, name: String) {
        // A second name is ignored: events may already carry the first one.
        let _ = self.name.set(name);
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.get().map(String::as_str)
    }
}

/// What a node reads: partitions of the same stage, or the output of a shuffle.
pub(crate) enum Dependency {
    /// Computed inside the same task.
    Narrow(Arc<dyn AnyNode>),
    /// Computed by an earlier stage.
    Shuffle(Arc<dyn ShuffleStage>),
}

/// A node without its record type: what planning needs.
pub(crate) trait AnyNode: Send + Sync {
    fn info(&self) -> &NodeInfo;

    fn dependencies(&self) -> Vec<Dependency>;

    /// How many partitions there are. Only asked after [`AnyNode::prepare`].
    fn partitions(&self) -> usize;

    /// Runs what has to be known before planning, such as the sample of a sort.
    ///
    /// The nodes that this one depends on are prepared already.
    fn prepare(&self, _runner: &JobRunner) -> Result<(), Error> {
        Ok(())
    }

    /// Whether a partition is sure to be empty, so that no task is needed for it.
    fn is_known_empty(&self, _partition: usize) -> bool {
        false
    }
}

/// A node of the lineage of `Rdd<T>`.
pub(crate) trait Node<T: Record>: AnyNode {
    /// Pushes the records of a partition into `sink`.
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push;

    /// How keys are placed, where that is known; co-placed inputs need no shuffle.
    fn placement(&self) -> Option<Placement> {
        None
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode>;
}

/// Pushes the records of a partition, from storage where they are kept there.
pub(crate) fn read<T: Record>(
    node: &Arc<dyn Node<T>>,
    task: &TaskContext,
    partition: usize,
    sink: &mut dyn Sink<T>,
) -> Push {
    match node.info().persistence::<T>() {
        None => node.compute(task, partition, sink),
        Some(how) => task.cache.clone().read_through(node, how, task, partition, sink),
    }
}
