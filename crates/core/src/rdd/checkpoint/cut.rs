//! A marked RDD without what it was made from.

use std::sync::Arc;

use parking_lot::RwLock;

use super::written::{AnyCheckpoint, Checkpoint, Done};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, Parent};
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::shuffle::Placement;

/// A marked RDD that lets go of its lineage once the checkpoint is written.
pub(super) struct Cut<T> {
    info: NodeInfo,
    checkpoint: Arc<Checkpoint<T>>,
    lineage: RwLock<Option<Parent<T>>>,
}

impl<T: Record> Cut<T> {
    pub(super) fn new(marked: &Arc<dyn Node<T>>, checkpoint: Arc<Checkpoint<T>>) -> Self {
        let lineage = match checkpoint.is_done() {
            true => None,
            false => Some(Parent::new(marked.clone())),
        };
        Cut {
            info: marked.info().alias(),
            checkpoint,
            lineage: RwLock::new(lineage),
        }
    }

    fn lineage(&self) -> Option<Arc<dyn Node<T>>> {
        self.lineage
            .read()
            .as_ref()
            .map(|lineage| Arc::clone(lineage))
    }

    pub(super) fn let_go(&self) {
        let lineage = self.lineage.write().take();
        drop(lineage);
    }

    /// What `ask` says of the lineage, or else what is left of it.
    fn ask<R>(
        &self,
        ask: impl FnOnce(&Arc<dyn Node<T>>) -> R,
        left: impl FnOnce(&Done) -> R,
    ) -> Option<R> {
        match self.lineage() {
            Some(lineage) => Some(ask(&lineage)),
            None => self.checkpoint.done().map(left),
        }
    }
}

impl<T: Record> AnyNode for Cut<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let dependencies = self.ask(|lineage| lineage.dependencies(), |_| Vec::new());
        dependencies.unwrap_or_default()
    }

    fn partitions(&self) -> usize {
        let partitions = self.ask(|lineage| lineage.partitions(), |done| done.partitions);
        partitions.unwrap_or_default()
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        self.ask(|lineage| lineage.prepare(runner), |_| Ok(()))
            .unwrap_or(Ok(()))
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.ask(|lineage| lineage.is_known_empty(partition), |_| false)
            .unwrap_or_default()
    }
}

impl<T: Record> Node<T> for Cut<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        match self.lineage() {
            Some(lineage) => lineage.compute(task, partition, sink),
            None => self.checkpoint.read(task, partition, sink),
        }
    }

    fn placement(&self) -> Option<Placement> {
        self.ask(|lineage| lineage.placement(), |done| done.placement.clone())
            .flatten()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
