//! The lineage: what an RDD is made from, and how one of its partitions is computed.

use std::any::Any;
use std::cell::RefCell;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::RwLock;

use super::checkpoint::{AnyCheckpoint, Checkpoint};
use super::depth::Depth;
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::scope::Scope;
use crate::shuffle::{Placement, ShuffleStage};
use crate::site::Site;
use crate::storage::{Persistence, Registration, StorageLevel};

/// What every node of the lineage has, whatever it computes.
pub(crate) struct NodeInfo {
    pub(crate) id: u64,
    pub(crate) site: Site,
    /// What the layer that made the node calls it.
    pub(crate) scope: Option<Arc<Scope>>,
    shared: Arc<Shared>,
}

/// What a node has in common with the one that takes its place when it is checkpointed.
#[derive(Default)]
struct Shared {
    kept: RwLock<Option<Kept>>,
    name: OnceLock<String>,
    depth: OnceLock<Depth>,
    checkpoint: OnceLock<Arc<dyn AnyCheckpoint>>,
}

/// The level that `persist` assigned, until `unpersist`.
struct Kept {
    level: StorageLevel,
    /// A `Persistence<T>` of the node's record type.
    how: Arc<dyn Any + Send + Sync>,
    /// Frees the partitions when it is dropped.
    registration: Registration,
}

impl NodeInfo {
    pub(crate) fn new(id: u64, site: Site) -> Self {
        NodeInfo {
            id,
            site,
            scope: Scope::current(),
            shared: Arc::default(),
        }
    }

    /// For another node that is the same RDD.
    pub(super) fn alias(&self) -> Self {
        NodeInfo {
            id: self.id,
            site: self.site,
            scope: self.scope.clone(),
            shared: self.shared.clone(),
        }
    }

    /// How the RDD is checkpointed; `mark` begins that, once.
    pub(super) fn mark(
        &self,
        mark: impl FnOnce() -> Arc<dyn AnyCheckpoint>,
    ) -> &Arc<dyn AnyCheckpoint> {
        self.shared.checkpoint.get_or_init(mark)
    }

    pub(super) fn checkpoint(&self) -> Option<&Arc<dyn AnyCheckpoint>> {
        self.shared.checkpoint.get()
    }

    /// Whether the checkpoint is written, so that what the node is made from is not needed.
    pub(crate) fn is_checkpointed(&self) -> bool {
        self.checkpoint()
            .is_some_and(|checkpoint| checkpoint.is_done())
    }

    /// From now on the partitions that are kept are those of `node`.
    pub(super) fn keep_for(&self, node: Weak<dyn AnyNode>) {
        if let Some(kept) = &*self.shared.kept.read() {
            kept.registration.keep_for(node);
        }
    }

    /// Asked once for each partition that is computed.
    pub(crate) fn persistence<T: Record>(&self) -> Option<Arc<Persistence<T>>> {
        let how = self.shared.kept.read().as_ref()?.how.clone();
        how.downcast().ok()
    }

    /// Assigns a level; a different one that is assigned already stays and is returned.
    pub(crate) fn persist<T: Record>(
        &self,
        level: StorageLevel,
        register: impl FnOnce() -> (Arc<Persistence<T>>, Registration),
    ) -> Result<(), StorageLevel> {
        let mut kept = self.shared.kept.write();
        match &*kept {
            Some(kept) if kept.level != level => return Err(kept.level),
            None if level != StorageLevel::NONE => {
                let (how, registration) = register();
                *kept = Some(Kept {
                    level,
                    how,
                    registration,
                });
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn unpersist(&self) {
        let kept = self.shared.kept.write().take();
        drop(kept);
    }

    pub(crate) fn level(&self) -> StorageLevel {
        self.shared
            .kept
            .read()
            .as_ref()
            .map_or(StorageLevel::NONE, |kept| kept.level)
    }

    /// Whether every partition is kept, so that what the node is made from is not needed.
    pub(crate) fn is_all_kept(&self, partitions: impl FnOnce() -> usize) -> bool {
        self.shared
            .kept
            .read()
            .as_ref()
            .is_some_and(|kept| kept.registration.keeps_all(partitions))
    }

    /// How long the lineage of the node was when it was built.
    pub(crate) fn depth(&self, node: &dyn AnyNode) -> Depth {
        *self.shared.depth.get_or_init(|| Depth::of(node))
    }

    /// Notes a depth that is known better than from what the parents had noted.
    pub(super) fn set_depth(&self, depth: Depth) {
        // The first one stays, and is no less than this one.
        let _ = self.shared.depth.set(depth);
    }

    pub(crate) fn set_name(&self, name: String) {
        // A second name is ignored: events may already carry the first one.
        let _ = self.shared.name.set(name);
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.shared.name.get().map(String::as_str)
    }
}

/// What a node reads: partitions of the same stage, or the output of a shuffle.
pub(crate) enum Dependency {
    /// Computed inside the same task.
    Narrow(Arc<dyn AnyNode>),
    /// Computed by an earlier stage.
    Shuffle(Arc<dyn ShuffleStage>),
}

impl Dependency {
    /// The node that is computed inside the same task, if it is one.
    pub(crate) fn narrow(self) -> Option<Arc<dyn AnyNode>> {
        match self {
            Dependency::Narrow(node) => Some(node),
            Dependency::Shuffle(_) => None,
        }
    }
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

    /// Looks for the files that the node reads, where it reads any.
    fn find_inputs(&self) -> Result<(), Error> {
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

/// The node that another one is made from.
///
/// A lineage is freed one node after the other. If each node freed its parent inside its own
/// drop, that would take as much stack as the lineage is long, and one that is kept step by
/// step may be very long.
pub(crate) struct Parent<T>(Option<Arc<dyn Node<T>>>);

impl<T> Parent<T> {
    pub(crate) fn new(node: Arc<dyn Node<T>>) -> Self {
        Parent(Some(node))
    }
}

impl<T> Deref for Parent<T> {
    type Target = Arc<dyn Node<T>>;

    #[inline]
    fn deref(&self) -> &Arc<dyn Node<T>> {
        self.0.as_ref().expect("only dropping takes the node out")
    }
}

impl<T> Drop for Parent<T> {
    fn drop(&mut self) {
        if let Some(node) = self.0.take() {
            let node: Arc<dyn AnyNode> = node;
            free(node);
        }
    }
}

thread_local! {
    /// The nodes to free after the one that this thread is freeing, if it is.
    static TO_FREE: RefCell<Option<Vec<Arc<dyn AnyNode>>>> = const { RefCell::new(None) };
}

/// Drops a node now, or after the one whose drop this is called in.
fn free(node: Arc<dyn AnyNode>) {
    let outermost = TO_FREE.try_with(|to_free| match &mut *to_free.borrow_mut() {
        Some(waiting) => {
            waiting.push(node);
            None
        }
        nobody => {
            *nobody = Some(Vec::new());
            Some(node)
        }
    });
    let Ok(Some(node)) = outermost else { return };
    let _done = Freeing;
    drop(node);
    while let Some(next) = TO_FREE.with_borrow_mut(|waiting| waiting.as_mut()?.pop()) {
        drop(next);
    }
}

/// Ends the freeing, also when something of the user panics as it is dropped.
struct Freeing;

impl Drop for Freeing {
    fn drop(&mut self) {
        let left = TO_FREE.take();
        drop(left);
    }
}

/// What a node needs so that its partitions can be read.
pub(crate) fn needs(node: &dyn AnyNode) -> Vec<Dependency> {
    match node.info().is_checkpointed() {
        true => Vec::new(),
        false => node.dependencies(),
    }
}

/// Pushes the records of a partition, from the checkpoint where there is one.
pub(crate) fn produce<T: Record>(
    node: &Arc<dyn Node<T>>,
    task: &TaskContext,
    partition: usize,
    sink: &mut dyn Sink<T>,
) -> Push {
    let checkpoint = node.info().checkpoint();
    match checkpoint.and_then(Checkpoint::<T>::finished) {
        None => node.compute(task, partition, sink),
        Some(checkpoint) => checkpoint.read(task, partition, sink),
    }
}

/// Pushes the records of a partition, from storage where they are kept there.
///
/// Everything that a task reads passes through here, so here it is measured.
pub(crate) fn read<T: Record>(
    node: &Arc<dyn Node<T>>,
    task: &TaskContext,
    partition: usize,
    sink: &mut dyn Sink<T>,
) -> Push {
    match &task.profile {
        None => find_or_produce(node, task, partition, sink),
        Some(profile) => profile.read(node.info().id, sink, |sink| {
            find_or_produce(node, task, partition, sink)
        }),
    }
}

fn find_or_produce<T: Record>(
    node: &Arc<dyn Node<T>>,
    task: &TaskContext,
    partition: usize,
    sink: &mut dyn Sink<T>,
) -> Push {
    match node.info().persistence::<T>() {
        None => produce(node, task, partition, sink),
        Some(how) => task.cache.read_through(node, &how, task, partition, sink),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Context, Rdd};

    /// Most of the steps are narrow; the lineage is cut in stages that are not too long.
    fn chain(start: Rdd<i64>, steps: usize) -> Rdd<i64> {
        (1..=steps).fold(start, |rdd, step| match step % 1000 {
            0 => rdd.repartition(1),
            _ => rdd.map(|n| n),
        })
    }

    #[test]
    fn a_long_lineage_is_freed_without_much_stack() {
        let ctx = Context::local(1).unwrap();
        let mark = Arc::new(());
        let held = mark.clone();
        let start = ctx.range(0..3, 1, 1).map(move |n| {
            let _ = &held;
            n
        });
        let middle = chain(start, 50_000);
        let end = chain(middle.clone(), 50_000);
        drop(middle);
        assert_eq!(Arc::strong_count(&mark), 2);
        drop(end);
        assert_eq!(Arc::strong_count(&mark), 1);
    }
}
