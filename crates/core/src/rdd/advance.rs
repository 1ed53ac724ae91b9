//! What is computed once and stays with its owner: the engine's side of state that lives
//! longer than an RDD.
//!
//! An RDD may be computed any number of times, by any number of jobs. State must not be: a
//! record counted twice is a wrong count. So the owner of the state says which partitions
//! have been advanced, the engine advances those that have not when somebody reads them, and
//! readers see what the owner shows.

use std::marker::PhantomData;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{AnyNode, Dependency, Node, NodeInfo, Parent, Rdd, read};
use crate::chunk::{Push, Sink, Stop, push_shared_in_chunks};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::record::{Key, Record, Wire};
use crate::scheduler::{ClosureOf, TaskContext};
use crate::shuffle::{Partitioning, Placement};
use crate::site::Site;

/// One step of state that is kept by partition: from what it was to what it is with some
/// input.
///
/// # Contract
/// - [`Advance::advance`] takes effect wholly or not at all. It may be called again after it
///   failed, and, when several jobs read the same RDD, by two tasks at once: only one of
///   them may take effect.
/// - [`Advance::is_done`] says `true` from then on and for ever. It is asked on the driver
///   too, so it must not wait for a partition that is being advanced.
pub trait Advance<T>: Send + Sync + 'static {
    /// Whether a partition has taken this step.
    fn is_done(&self, partition: usize) -> bool;

    /// Takes the step for a partition.
    ///
    /// # Errors
    /// What the input says, or a text that says what failed and what to do about it.
    fn advance(&self, partition: usize, input: &mut StepInput<'_, T>) -> Result<(), StepError>;
}

/// Why a step was not taken: its input could not be read, or what it does failed.
///
/// Made from a text by `?` and `into`.
#[derive(Debug)]
pub struct StepError(Cause);

#[derive(Debug)]
enum Cause {
    Stopped(Stop),
    Failed(String),
}

impl From<String> for StepError {
    fn from(message: String) -> Self {
        StepError(Cause::Failed(message))
    }
}

impl StepError {
    fn into_stop(self, operator: Site) -> Stop {
        match self.0 {
            Cause::Stopped(stop) => stop,
            Cause::Failed(message) => Stop::Failed(TaskError::User { operator, message }),
        }
    }
}

/// The input of a step: one partition of each of its RDDs.
pub struct StepInput<'a, T> {
    task: &'a TaskContext,
    partition: usize,
    rdds: &'a [Parent<T>],
}

impl<T: Record> StepInput<'_, T> {
    /// Hands the records of one of the step's RDDs, by its place in the list, to a function
    /// chunk by chunk. What is left in a chunk is dropped.
    ///
    /// # Errors
    /// When the input cannot be computed; to be handed on.
    pub fn read(&mut self, rdd: usize, f: impl FnMut(&mut Vec<T>)) -> Result<(), StepError> {
        let Some(node) = self.rdds.get(rdd) else {
            return Ok(());
        };
        let mut chunks = Chunks { f };
        read(node, self.task, self.partition, &mut chunks)
            .map_err(|stop| StepError(Cause::Stopped(stop)))
    }
}

struct Chunks<F> {
    f: F,
}

impl<T: Record, F: FnMut(&mut Vec<T>)> Sink<T> for Chunks<F> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        (self.f)(chunk);
        chunk.clear();
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        (self.f)(&mut chunk.to_vec());
        Ok(())
    }
}

/// Takes what a partition shows of itself once it has taken a step.
pub struct Shown<'a, U> {
    task: &'a TaskContext,
    sink: &'a mut dyn Sink<U>,
}

impl<U: Record> Shown<'_, U> {
    /// Shows records, which stay with their owner.
    ///
    /// # Errors
    /// When nobody wants more; to be handed on.
    pub fn show(&mut self, records: &[U]) -> Result<(), StepError> {
        let task = self.task;
        task.count_read(records.len());
        push_shared_in_chunks(records, task.chunk_records, self.sink, || {
            task.check_cancelled()
        })
        .map_err(|stop| StepError(Cause::Stopped(stop)))
    }
}

/// A step that was planned; made by [`Context::step`]. A handle is cheap to clone.
#[derive(Clone)]
pub struct Step {
    ctx: Context,
    node: Arc<dyn AnyStep>,
}

impl Context {
    /// Plans a step of state in `partitions` partitions, to be taken after another one.
    ///
    /// Every RDD of the input must have that many partitions.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
    /// use std::sync::Arc;
    /// use headwater_core::rdd::{Advance, StepError, StepInput};
    /// use headwater_core::{Context, Site};
    ///
    /// /// A total in one partition.
    /// #[derive(Default)]
    /// struct Total {
    ///     version: AtomicUsize,
    ///     sum: AtomicI64,
    /// }
    ///
    /// struct Add(Arc<Total>, usize);
    ///
    /// impl Advance<i64> for Add {
    ///     fn is_done(&self, _partition: usize) -> bool {
    ///         self.0.version.load(Ordering::Acquire) >= self.1
    ///     }
    ///     fn advance(&self, _: usize, input: &mut StepInput<'_, i64>) -> Result<(), StepError> {
    ///         let mut added = 0;
    ///         input.read(0, |chunk| added += chunk.drain(..).sum::<i64>())?;
    ///         self.0.sum.fetch_add(added, Ordering::Relaxed);
    ///         self.0.version.store(self.1, Ordering::Release);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let ctx = Context::local(2).unwrap();
    /// let total = Arc::new(Total::default());
    /// let site = Site::here("add");
    /// let one = ctx.step(site, 1, &[ctx.range(0..4, 1, 1)], None, Add(total.clone(), 1));
    /// let two = ctx.step(site, 1, &[ctx.range(0..3, 1, 1)], Some(&one), Add(total.clone(), 2));
    /// // Reading the second takes both, each once.
    /// let of = total.clone();
    /// let sums = two.rdd(move |_, to| to.show(&[of.sum.load(Ordering::Relaxed)]));
    /// assert_eq!(sums.collect().unwrap(), [9]);
    /// assert_eq!(sums.collect().unwrap(), [9]);
    /// ```
    pub fn step<T: Record>(
        &self,
        site: Site,
        partitions: usize,
        input: &[Rdd<T>],
        after: Option<&Step>,
        work: impl Advance<T>,
    ) -> Step {
        let input = input.iter().map(|rdd| Parent::new(rdd.node.clone()));
        let pending = Pending {
            input: Arc::new(input.collect()),
            after: after.map(|step| step.node.clone()),
        };
        Step {
            ctx: self.clone(),
            node: Arc::new(StepNode {
                info: NodeInfo::new(self.next_rdd_id(), site),
                partitions,
                pending: Mutex::new(Some(pending)),
                work,
            }),
        }
    }
}

impl Step {
    /// Whether every partition has taken the step.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.node.is_complete()
    }

    /// Takes the step where it was not taken yet, by a job.
    ///
    /// # Errors
    /// [`Error::Job`] when a task fails.
    pub fn complete(&self) -> Result<(), Error> {
        if self.is_complete() {
            return Ok(());
        }
        let step = self.node.clone();
        let left = (0..step.partitions()).filter(|partition| !step.is_done(*partition));
        let left = left.collect();
        let node: Arc<dyn AnyNode> = self.node.clone();
        let site = node.info().site;
        let work = move |task: &TaskContext, partition| ensure(&step, task, partition);
        self.ctx.runner().run(site, &node, Some(left), work)?;
        Ok(())
    }

    /// The RDD of what the partitions show once they have taken the step.
    #[must_use]
    pub fn rdd<U: Record>(
        &self,
        show: impl Fn(usize, &mut Shown<'_, U>) -> Result<(), StepError> + Send + Sync + 'static,
    ) -> Rdd<U> {
        self.view(None, show)
    }

    /// As [`Step::rdd`], of pairs whose keys lie as `partitioning` places them.
    #[must_use]
    pub fn pair_rdd<K: Key, S: Wire>(
        &self,
        partitioning: Partitioning<K>,
        show: impl Fn(usize, &mut Shown<'_, (K, S)>) -> Result<(), StepError> + Send + Sync + 'static,
    ) -> Rdd<(K, S)> {
        self.view(Some(Placement::new(partitioning)), show)
    }

    fn view<U: Record>(
        &self,
        placement: Option<Placement>,
        show: impl Fn(usize, &mut Shown<'_, U>) -> Result<(), StepError> + Send + Sync + 'static,
    ) -> Rdd<U> {
        Rdd::new(&self.ctx, self.node.info().site, |info| View {
            info,
            step: self.node.clone(),
            placement,
            show,
            of: PhantomData,
        })
    }
}

/// A step without its record type.
trait AnyStep: AnyNode {
    fn is_done(&self, partition: usize) -> bool;

    fn is_complete(&self) -> bool {
        (0..self.partitions()).all(|partition| self.is_done(partition))
    }

    /// The step before, unless this one was taken by every partition.
    fn after(&self) -> Option<Arc<dyn AnyStep>>;

    fn input(&self) -> Vec<Dependency>;

    /// Takes the step for one partition, which has taken the one before.
    fn take(&self, task: &TaskContext, partition: usize) -> Push;
}

struct StepNode<T, A> {
    info: NodeInfo,
    partitions: usize,
    /// Let go of once every partition has taken the step, so that lineages end here.
    pending: Mutex<Option<Pending<T>>>,
    work: A,
}

struct Pending<T> {
    input: Arc<Vec<Parent<T>>>,
    after: Option<Arc<dyn AnyStep>>,
}

impl<T: Record, A: Advance<T>> AnyStep for StepNode<T, A> {
    fn is_done(&self, partition: usize) -> bool {
        self.work.is_done(partition)
    }

    fn after(&self) -> Option<Arc<dyn AnyStep>> {
        self.pending.lock().as_ref()?.after.clone()
    }

    fn input(&self) -> Vec<Dependency> {
        let pending = self.pending.lock();
        let input = pending.iter().flat_map(|pending| pending.input.iter());
        input
            .map(|node| Dependency::Narrow((**node).clone().as_any_node()))
            .collect()
    }

    fn take(&self, task: &TaskContext, partition: usize) -> Push {
        let input = self
            .pending
            .lock()
            .as_ref()
            .map(|pending| pending.input.clone());
        // Without an input every partition is done by now.
        let Some(input) = input else { return Ok(()) };
        let site = self.info.site;
        let taken = {
            let _closure = ClosureOf(site);
            let mut input = StepInput {
                task,
                partition,
                rdds: &input,
            };
            self.work.advance(partition, &mut input)
        };
        taken.map_err(|error| error.into_stop(site))?;
        if self.is_complete() {
            let pending = self.pending.lock().take();
            drop(pending);
        }
        Ok(())
    }
}

impl<T: Record, A: Advance<T>> AnyNode for StepNode<T, A> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    /// What this step and those before it read that are not taken yet.
    fn dependencies(&self) -> Vec<Dependency> {
        if self.is_complete() {
            return Vec::new();
        }
        let mut dependencies = self.input();
        let mut before = self.after();
        while let Some(step) = before.filter(|step| !step.is_complete()) {
            dependencies.extend(step.input());
            before = step.after();
        }
        dependencies
    }

    fn partitions(&self) -> usize {
        self.partitions
    }
}

/// Takes all steps up to one that a partition has not taken yet, the oldest first.
fn ensure(step: &Arc<dyn AnyStep>, task: &TaskContext, partition: usize) -> Push {
    let mut to_take = Vec::new();
    let mut next = Some(step.clone());
    while let Some(step) = next.filter(|step| !step.is_done(partition)) {
        next = step.after();
        to_take.push(step);
    }
    to_take
        .iter()
        .rev()
        .try_for_each(|step| step.take(task, partition))
}

/// The RDD of a step.
struct View<U, F> {
    info: NodeInfo,
    step: Arc<dyn AnyStep>,
    placement: Option<Placement>,
    show: F,
    of: PhantomData<fn() -> U>,
}

impl<U, F> AnyNode for View<U, F>
where
    U: Record,
    F: Fn(usize, &mut Shown<'_, U>) -> Result<(), StepError> + Send + Sync + 'static,
{
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.step.clone())]
    }

    fn partitions(&self) -> usize {
        self.step.partitions()
    }
}

impl<U, F> Node<U> for View<U, F>
where
    U: Record,
    F: Fn(usize, &mut Shown<'_, U>) -> Result<(), StepError> + Send + Sync + 'static,
{
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<U>) -> Push {
        ensure(&self.step, task, partition)?;
        let mut shown = Shown { task, sink };
        (self.show)(partition, &mut shown).map_err(|error| error.into_stop(self.info.site))
    }

    fn placement(&self) -> Option<Placement> {
        self.placement.clone()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
