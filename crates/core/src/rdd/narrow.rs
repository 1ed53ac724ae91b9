//! The node of most narrow operators: a partition is made of the same one of one parent.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{AnyNode, Dependency, Node, NodeInfo, Parent, Rdd};
use crate::chunk::{Push, Sink};
use crate::record::Record;
use crate::scheduler::TaskContext;
use crate::shuffle::Placement;
use crate::site::Site;

/// What an operator leaves as it is in the parent.
#[derive(Default)]
pub(super) struct Keeps {
    /// How keys are placed afterwards, where that is known.
    pub(super) placement: Option<Placement>,
    /// Whether nothing comes of an empty partition, so that it needs no task.
    pub(super) emptiness: bool,
}

impl<T: Record> Rdd<T> {
    /// An RDD whose partitions `compute` makes, each by reading the same one of this RDD.
    pub(super) fn narrow<U: Record>(
        &self,
        site: Site,
        keeps: Keeps,
        compute: impl Fn(&Parent<T>, &TaskContext, usize, &mut dyn Sink<U>) -> Push
        + Send
        + Sync
        + 'static,
    ) -> Rdd<U> {
        let parent = Parent::new(self.node.clone());
        Rdd::new(&self.ctx, site, |info| Narrow {
            info,
            parent,
            keeps,
            compute,
            to: PhantomData,
        })
    }
}

struct Narrow<T, U, F> {
    info: NodeInfo,
    parent: Parent<T>,
    keeps: Keeps,
    compute: F,
    to: PhantomData<fn() -> U>,
}

impl<T: Record, U: Record, F: Send + Sync> AnyNode for Narrow<T, U, F> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.keeps.emptiness && self.parent.is_known_empty(partition)
    }
}

impl<T, U, F> Node<U> for Narrow<T, U, F>
where
    T: Record,
    U: Record,
    F: Fn(&Parent<T>, &TaskContext, usize, &mut dyn Sink<U>) -> Push + Send + Sync + 'static,
{
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<U>) -> Push {
        (self.compute)(&self.parent, task, partition, sink)
    }

    fn placement(&self) -> Option<Placement> {
        self.keeps.placement.clone()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
