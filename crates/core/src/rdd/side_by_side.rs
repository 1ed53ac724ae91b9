//! The same partition of several inputs in one task: what zipping is built on.

use std::marker::PhantomData;
use std::sync::Arc;

use super::union::OTHER_CONTEXT;
use super::{AnyNode, Dependency, Node, NodeInfo, Parent, Rdd, refuse};
use crate::chunk::{Push, Sink};
use crate::context::Context;
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::site::Site;

/// An input without its record type.
pub(super) struct Input<'a> {
    ctx: &'a Context,
    node: Arc<dyn AnyNode>,
}

impl<T: Record> Rdd<T> {
    pub(super) fn as_input(&self) -> Input<'_> {
        Input {
            ctx: &self.ctx,
            node: self.node.clone().as_any_node(),
        }
    }

    /// What a closure that reads this RDD keeps of it.
    pub(super) fn as_parent(&self) -> Parent<T> {
        Parent::new(self.node.clone())
    }
}

/// An RDD whose partition `i` is what `compute` makes of partition `i` of every input, which
/// it reads itself through a [`Parent`] of each.
pub(super) fn side_by_side<U: Record>(
    ctx: &Context,
    site: Site,
    inputs: &[Input<'_>],
    compute: impl Fn(&TaskContext, usize, &mut dyn Sink<U>) -> Push + Send + Sync + 'static,
) -> Rdd<U> {
    if inputs.iter().any(|input| !input.ctx.is_same_as(ctx)) {
        return refuse(ctx, site, OTHER_CONTEXT);
    }
    let inputs = inputs.iter().map(|input| input.node.clone()).collect();
    Rdd::new(ctx, site, |info| SideBySide {
        info,
        inputs,
        compute,
        to: PhantomData,
    })
}

struct SideBySide<U, C> {
    info: NodeInfo,
    /// Stands before the closure, and so is dropped before it: it is then the closure's
    /// parents that free the inputs, which they do without much stack.
    inputs: Vec<Arc<dyn AnyNode>>,
    compute: C,
    to: PhantomData<fn() -> U>,
}

impl<U: Record, C: Send + Sync> AnyNode for SideBySide<U, C> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let inputs = self.inputs.iter().cloned();
        inputs.map(Dependency::Narrow).collect()
    }

    fn partitions(&self) -> usize {
        self.inputs.first().map_or(0, |input| input.partitions())
    }

    /// Sorted inputs know their number of partitions only now.
    fn prepare(&self, _runner: &JobRunner) -> Result<(), Error> {
        let counts: Vec<usize> = self.inputs.iter().map(|node| node.partitions()).collect();
        if counts.iter().all(|count| Some(count) == counts.first()) {
            return Ok(());
        }
        Err(Error::Build {
            site: self.info.site,
            message: format!(
                "the RDDs have different numbers of partitions, {counts:?}, and cannot be put \
                 side by side; repartition them alike, or join them by zip_with_index"
            ),
        })
    }
}

impl<U, C> Node<U> for SideBySide<U, C>
where
    U: Record,
    C: Fn(&TaskContext, usize, &mut dyn Sink<U>) -> Push + Send + Sync + 'static,
{
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<U>) -> Push {
        (self.compute)(task, partition, sink)
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
