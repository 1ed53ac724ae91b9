//! The RDD: an immutable, partitioned, lazily computed collection.
//!
//! Read [`node`] first: it says what a step of the lineage is. [`source`] begins a
//! lineage, [`map`] is the pattern that the other narrow operators follow, the pair
//! operators are in [`by_key`] and [`join`], the actions in [`actions`].

mod actions;
mod advance;
mod approx;
mod asynchronous;
mod by_key;
mod cartesian;
mod checkpoint;
mod co_placed;
mod coalesce;
mod cogroup;
mod depth;
mod distinct;
mod fold;
mod future_action;
mod histogram;
mod join;
mod join_step;
mod join_table;
mod key_range;
mod keyed;
mod lineage;
mod local_iterator;
mod map;
mod map_values;
mod maps;
mod narrow;
mod node;
mod numeric;
mod one;
mod ordered;
mod partitioner;
mod partitions;
mod persist;
mod pile;
mod pipe;
mod random_split;
mod repartition;
mod run_job;
mod sample;
mod sample_by_key;
mod sample_by_key_exact;
mod set;
mod side_by_side;
mod sort;
mod source;
mod stages;
mod stat_counter;
mod sum;
mod take;
mod take_sample;
mod total_f64;
mod tree;
mod union;
mod zip;
mod zip_partitions;
mod zip_with_index;

use std::sync::Arc;

pub use advance::{Advance, Shown, Step, StepError, StepInput};
pub use approx::{BoundedDouble, PartialResult};
pub(crate) use checkpoint::{Checkpoints, write_marked};
pub(crate) use future_action::ActionJobs;
pub use future_action::FutureAction;
pub use local_iterator::LocalIterator;
pub(crate) use node::{AnyNode, Dependency, Node, NodeInfo, Parent, needs, produce, read};
pub(crate) use partitions::Gather;
pub use partitions::PartitionIter;
pub(crate) use pile::Pile;
pub use pipe::Pipe;
pub use source::PartitionSource;
pub(crate) use source::{Kept, from_source, range, refuse};
pub use stages::Stages;
pub use stat_counter::StatCounter;
pub use sum::Number;
pub use total_f64::TotalF64;

use crate::context::Context;
use crate::record::Record;
use crate::scope::Scope;
use crate::site::Site;

/// A typed, partitioned, immutable collection that remembers how it is made.
///
/// Transformations such as [`Rdd::map`] build a new RDD and compute nothing; actions such
/// as [`Rdd::collect`] run a job. A handle is cheap to clone. Building never fails: a
/// mistake, such as zero partitions, is kept with its line and reported by the action.
///
/// ```
/// use headwater_core::Context;
/// let ctx = Context::local(2).unwrap();
/// let words = ctx.parallelize(vec!["to", "be", "or", "not", "to", "be"], 2);
/// let mut counts =
///     words.map(|w| (w.to_string(), 1)).reduce_by_key(|a, b| a + b).collect().unwrap();
/// counts.sort();
/// assert_eq!(counts[0], ("be".to_string(), 2));
/// ```
pub struct Rdd<T> {
    pub(crate) ctx: Context,
    pub(crate) node: Arc<dyn Node<T>>,
}

impl<T> Clone for Rdd<T> {
    fn clone(&self) -> Self {
        Rdd {
            ctx: self.ctx.clone(),
            node: self.node.clone(),
        }
    }
}

impl<T: Record> Rdd<T> {
    /// A handle of the node that `make` builds from its info.
    pub(crate) fn new<N: Node<T> + 'static>(
        ctx: &Context,
        site: Site,
        make: impl FnOnce(NodeInfo) -> N,
    ) -> Self {
        let node = Arc::new(make(NodeInfo::new(ctx.next_rdd_id(), site)));
        Self::from_node(ctx, node)
    }

    pub(crate) fn from_node(ctx: &Context, node: Arc<dyn Node<T>>) -> Self {
        if depth::is_too_long(&node.clone().as_any_node()) {
            return refuse(ctx, node.info().site, depth::too_long());
        }
        Rdd {
            ctx: ctx.clone(),
            node,
        }
    }

    /// The context that the RDD belongs to: Spark's `context`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1], 1).context().app_name(), ctx.app_name());
    /// ```
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.ctx
    }

    /// The RDD's number within its context: Spark's `id`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let first = ctx.parallelize(vec![1], 1);
    /// assert!(first.map(|x| x).id() > first.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.node.info().id
    }

    /// The operator that made the RDD and the line that called it.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1], 1).site().operator(), "parallelize");
    /// ```
    #[must_use]
    pub fn site(&self) -> Site {
        self.node.info().site
    }

    /// How many partitions the RDD has: Spark's `getNumPartitions`.
    ///
    /// For an RDD that is sorted or placed by range this is how many were asked for until
    /// a job has looked at the data, which may show that fewer are enough.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1, 2, 3], 2).num_partitions(), 2);
    /// ```
    #[must_use]
    pub fn num_partitions(&self) -> usize {
        self.node.partitions()
    }

    /// Gives the RDD a name, which events and lineage texts show: Spark's `setName`.
    ///
    /// The first name stays.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let users = ctx.parallelize(vec![1], 1).named("users");
    /// assert_eq!(users.name(), Some("users"));
    /// ```
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.node.info().set_name(name.into());
        self
    }

    /// The name that [`Rdd::named`] gave.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1], 1).name(), None);
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.node.info().name()
    }

    /// The scope that the RDD was made in, if it was made in one (see [`Scope::within`]).
    ///
    /// ```
    /// use headwater_core::{Context, Scope};
    /// let ctx = Context::local(1).unwrap();
    /// assert!(ctx.empty::<u8>().scope().is_none());
    /// let numbers = Scope::new(0, "numbers").within(|| ctx.range(0..3, 1, 1));
    /// assert_eq!(&*numbers.scope().unwrap().name, "numbers");
    /// ```
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.node.info().scope.as_deref()
    }
}
