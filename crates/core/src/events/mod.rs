//! What happens in the engine, told to whoever listens.
//!
//! Jobs, stages and tasks post [`Event`]s to the [`EventBus`]; listeners get them in
//! order on a thread of their own. A slow or panicking listener never delays a job:
//! the bus has a bound, and what does not fit is dropped and counted.

mod bus;
mod plan;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use bus::{EventBus, Listener, ListenerId};
pub(crate) use plan::OPERATORS_MAX;
pub use plan::{JobPlan, OperatorInfo, StagePlan};

use crate::error::{Error, TaskError};
use crate::scheduler::{OperatorMetrics, TaskMetrics};
use crate::site::Site;

/// Something that happened.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event {
    /// An action was called and its job planned.
    JobStarted(JobStarted),
    /// A job ended, well or not.
    JobEnded(JobEnded),
    /// The tasks of a stage may run from now on.
    StageSubmitted(StageSubmitted),
    /// A stage ended, well or not.
    StageCompleted(StageCompleted),
    /// A task was handed to the executor.
    TaskStarted(TaskStarted),
    /// A task ended, well or not.
    TaskEnded(TaskEnded),
    /// An event of a layer above the engine, such as a batch of a stream.
    Layer(Arc<dyn LayerEvent>),
    /// Events are missing here, as the queue of the bus was full.
    Dropped(EventsDropped),
}

/// An event that a layer above the engine posts; listeners of that layer downcast it.
pub trait LayerEvent: Any + Send + Sync + fmt::Debug {
    /// The event as `Any`, for downcasting.
    fn as_any(&self) -> &dyn Any;
}

/// See [`Event::JobStarted`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobStarted {
    /// The job.
    pub job: u64,
    /// When.
    pub at: SystemTime,
    /// The action and its line.
    pub action: Site,
    /// The stages of its plan, also those whose output exists already, which will not run.
    pub stages: Vec<u64>,
    /// What its stages do. A stage whose output is lost is planned again, which is not told.
    pub plan: Arc<JobPlan>,
    /// What the driver said about the job (see `Context::set_job_description`).
    pub description: Option<Arc<str>>,
    /// The group that the job belongs to (see `Context::set_job_group`).
    pub group: Option<Arc<str>>,
    /// The job's tags (see `Context::add_job_tag`).
    pub tags: BTreeSet<Arc<str>>,
    /// What else the driver's thread has set (see `Context::set_local_property`).
    pub properties: Arc<BTreeMap<String, String>>,
}

/// See [`Event::JobEnded`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobEnded {
    /// The job.
    pub job: u64,
    /// When.
    pub at: SystemTime,
    /// From the action's call to its end.
    pub took: Duration,
    /// Why the job failed, if it did.
    pub error: Option<Error>,
    /// The named accumulators that the job's tasks added to, with their values at its end.
    pub accumulators: Vec<AccumulatorInfo>,
}

/// See [`Event::StageSubmitted`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StageSubmitted {
    /// The job.
    pub job: u64,
    /// The stage.
    pub stage: u64,
    /// When.
    pub at: SystemTime,
    /// The operator at the stage's end.
    pub site: Site,
    /// How many tasks the stage has.
    pub tasks: usize,
}

/// See [`Event::StageCompleted`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StageCompleted {
    /// The job.
    pub job: u64,
    /// The stage.
    pub stage: u64,
    /// When.
    pub at: SystemTime,
    /// Why the stage failed, if it did.
    pub error: Option<TaskError>,
    /// The sums over the stage's successful tasks; `run_time` is the sum of theirs.
    pub metrics: TaskMetrics,
    /// What each operator did in the stage's successful tasks, in the order of
    /// [`StagePlan::operators`] and without those that no task has read. Empty if it was not
    /// measured (see `events.operators`, and tasks that began before anybody listened).
    pub operators: Vec<OperatorMetrics>,
    /// The named accumulators that the stage's tasks added to, with their values at its end.
    pub accumulators: Vec<AccumulatorInfo>,
}

/// See [`Event::TaskStarted`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskStarted {
    /// The task, numbered in the order of planning; each try has its own number. Spark's
    /// `taskId`.
    pub task: u64,
    /// The job.
    pub job: u64,
    /// The stage.
    pub stage: u64,
    /// The partition that the task computes.
    pub partition: usize,
    /// 1 for the first try.
    pub attempt: u32,
    /// When.
    pub at: SystemTime,
}

/// See [`Event::TaskEnded`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskEnded {
    /// The task, as in [`TaskStarted`].
    pub task: u64,
    /// The job.
    pub job: u64,
    /// The stage.
    pub stage: u64,
    /// The partition that the task computed.
    pub partition: usize,
    /// 1 for the first try.
    pub attempt: u32,
    /// When.
    pub at: SystemTime,
    /// When it began to run. From [`TaskStarted::at`] to here it waited for a slot.
    pub launched: SystemTime,
    /// The slot that ran it; `None` for a partition that is known to be empty, which takes no
    /// slot, and for a task that was given up before it began.
    pub slot: Option<usize>,
    /// What the task counted.
    pub metrics: TaskMetrics,
    /// What each operator did in it (see [`StageCompleted::operators`]).
    pub operators: Vec<OperatorMetrics>,
    /// The named accumulators that the task added to; none if it failed.
    pub accumulators: Vec<AccumulatorInfo>,
    /// Why the task failed, if it did.
    pub error: Option<TaskError>,
}

/// See [`Event::Dropped`]. Between the event before this one and the one after it others have
/// happened that no listener is told of: what a listener has seen begin may have ended there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EventsDropped {
    /// When that was noticed.
    pub at: SystemTime,
    /// How many.
    pub events: u64,
}

/// A named accumulator as events carry it: Spark's `AccumulableInfo`. Long texts are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccumulatorInfo {
    /// The accumulator's number.
    pub id: u64,
    /// Its name.
    pub name: Arc<str>,
    /// What the task added, as text; `None` in the events of stages and jobs.
    pub update: Option<String>,
    /// The value right after that, as text.
    pub value: String,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::JobStarted(event) => event.fmt(f),
            Event::JobEnded(event) => event.fmt(f),
            Event::StageSubmitted(event) => event.fmt(f),
            Event::StageCompleted(event) => event.fmt(f),
            Event::TaskStarted(event) => event.fmt(f),
            Event::TaskEnded(event) => event.fmt(f),
            Event::Layer(event) => event.fmt(f),
            Event::Dropped(event) => event.fmt(f),
        }
    }
}
