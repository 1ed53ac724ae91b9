//! Two inputs whose keys lie alike, read side by side: joins and groupings need no more.

use std::marker::PhantomData;
use std::sync::Arc;

use super::union::OTHER_CONTEXT;
use super::{AnyNode, Dependency, Node, NodeInfo, Rdd, read, refuse};
use crate::chunk::{Emitter, Push, Sink};
use crate::record::{Key, Record, Wire};
use crate::scheduler::TaskContext;
use crate::shuffle::{Partitioning, Placement, default_partitioning};
use crate::site::Site;

/// What is done with a partition of the left input and the same one of the right input.
pub(crate) trait CoPlacedStep<A, B, U>: Send + Sync + 'static {
    /// Whether nothing can come out, by which of the inputs have no records.
    fn is_empty_when(&self, left_is_empty: bool, right_is_empty: bool) -> bool;

    fn compute(&self, inputs: &Inputs<'_, A, B>, out: &mut Emitter<'_, U>) -> Push;
}

/// The two inputs of one task.
pub(crate) struct Inputs<'a, A, B> {
    pub(crate) task: &'a TaskContext,
    pub(crate) site: Site,
    partition: usize,
    left: &'a Arc<dyn Node<A>>,
    right: &'a Arc<dyn Node<B>>,
}

impl<A: Record, B: Record> Inputs<'_, A, B> {
    pub(crate) fn read_left(&self, sink: &mut dyn Sink<A>) -> Push {
        read(self.left, self.task, self.partition, sink)
    }

    pub(crate) fn read_right(&self, sink: &mut dyn Sink<B>) -> Push {
        read(self.right, self.task, self.partition, sink)
    }
}

impl<K: Key, V: Wire> Rdd<(K, V)> {
    /// Brings both inputs to `partitioning`, moving only what is elsewhere, and runs `step`
    /// on each pair of partitions. The results have to keep the keys where they are.
    pub(crate) fn co_placed<W: Wire, U: Record>(
        &self,
        other: &Rdd<(K, W)>,
        partitioning: &Partitioning<K>,
        site: Site,
        step: impl CoPlacedStep<(K, V), (K, W), (K, U)>,
    ) -> Rdd<(K, U)> {
        if !self.ctx.is_same_as(&other.ctx) {
            return refuse(&self.ctx, site, OTHER_CONTEXT);
        }
        let left = self.placed(site, partitioning).node;
        let right = other.placed(site, partitioning).node;
        let placement = left.placement();
        Rdd::new(&self.ctx, site, |info| CoPlaced {
            info,
            left,
            right,
            placement,
            step,
            to: PhantomData,
        })
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout {
            placement: self.node.placement(),
            partitions: self.node.partitions(),
        }
    }

    /// The partitioning at which this RDD and others meet when the caller has no wish.
    pub(crate) fn meeting_point<const N: usize>(&self, others: [Layout; N]) -> Partitioning<K> {
        let all: Vec<Layout> = std::iter::once(self.layout()).chain(others).collect();
        let widest = all
            .iter()
            .map(|layout| layout.partitions)
            .max()
            .unwrap_or(1);
        let existing = all.into_iter().map(|layout| layout.placement);
        default_partitioning(existing, widest, self.ctx.configured_parallelism())
    }
}

/// How an RDD lies, as far as the choice of a partitioning asks.
pub(crate) struct Layout {
    placement: Option<Placement>,
    partitions: usize,
}

struct CoPlaced<A, B, U, S> {
    info: NodeInfo,
    left: Arc<dyn Node<A>>,
    right: Arc<dyn Node<B>>,
    placement: Option<Placement>,
    step: S,
    to: PhantomData<fn() -> U>,
}

impl<A, B, U, S> AnyNode for CoPlaced<A, B, U, S>
where
    A: Record,
    B: Record,
    U: Record,
    S: CoPlacedStep<A, B, U>,
{
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![
            Dependency::Narrow(self.left.clone().as_any_node()),
            Dependency::Narrow(self.right.clone().as_any_node()),
        ]
    }

    fn partitions(&self) -> usize {
        self.left.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        let left = self.left.is_known_empty(partition);
        self.step
            .is_empty_when(left, self.right.is_known_empty(partition))
    }
}

impl<A, B, U, S> Node<U> for CoPlaced<A, B, U, S>
where
    A: Record,
    B: Record,
    U: Record,
    S: CoPlacedStep<A, B, U>,
{
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<U>) -> Push {
        let inputs = Inputs {
            task,
            site: self.info.site,
            partition,
            left: &self.left,
            right: &self.right,
        };
        let mut out = Emitter::new(task, sink);
        self.step.compute(&inputs, &mut out)?;
        out.finish()
    }

    fn placement(&self) -> Option<Placement> {
        self.placement.clone()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
