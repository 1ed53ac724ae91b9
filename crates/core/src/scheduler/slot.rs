//! The part of a job that runs on a slot: one task, and the report of its end.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Instant, SystemTime};

use super::panics::run_task;
use super::profile::Operators;
use super::{TaskContext, TaskMetrics};
use crate::accumulator::{self, Update};
use crate::chunk::{Push, Stop};
use crate::error::TaskError;
use crate::shuffle::ShuffleStage;

/// The work of one task, its result stored on the side: keeps the scheduler free of types.
pub(super) type Unit = Arc<dyn Fn(&TaskContext, usize) -> Push + Send + Sync>;

#[derive(Clone, Copy)]
pub(super) struct TaskName {
    pub(super) stage: usize,
    pub(super) partition: usize,
    pub(super) attempt: u32,
    /// Tells it from every other task and try of the context.
    pub(super) id: u64,
}

pub(super) struct TaskEnd {
    pub(super) task: TaskName,
    pub(super) outcome: Result<Vec<Update>, TaskError>,
    pub(super) metrics: TaskMetrics,
    pub(super) operators: Operators,
    /// When it began to run, or was given up before that.
    pub(super) launched: SystemTime,
    /// Where it ran, if it did and was worth a slot.
    pub(super) slot: Option<usize>,
}

/// What a slot runs.
pub(super) struct TaskRun {
    pub(super) work: RunWhat,
    pub(super) context: TaskContext,
}

pub(super) enum RunWhat {
    Map(Arc<dyn ShuffleStage>),
    Result(Unit),
}

pub(super) fn run_one(run: &TaskRun, task: TaskName) -> TaskEnd {
    let (launched, started) = (SystemTime::now(), Instant::now());
    accumulator::begin_task();
    let outcome = run_task(|| {
        run.context.check_cancelled()?;
        match &run.work {
            RunWhat::Map(stage) => stage.run_map(&run.context, task.partition),
            RunWhat::Result(unit) => unit(&run.context, task.partition),
        }
    });
    let updates = accumulator::end_task();
    let outcome = match outcome {
        Ok(()) | Err(Stop::Enough) => Ok(updates),
        Err(Stop::Failed(error)) => Err(error),
    };
    TaskEnd {
        task,
        outcome,
        metrics: run.context.metrics(started.elapsed()),
        operators: run.context.operators(),
        launched,
        slot: None,
    }
}

/// Reports the end of a task in any case, also when the executor drops the task unrun.
pub(super) struct Reporter {
    pub(super) report: SyncSender<TaskEnd>,
    pub(super) end: Option<TaskEnd>,
    pub(super) task: TaskName,
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let task = self.task;
        let end = self.end.take().unwrap_or_else(|| TaskEnd {
            task,
            outcome: Err(TaskError::Cancelled),
            metrics: TaskMetrics::default(),
            operators: Operators::default(),
            launched: SystemTime::now(),
            slot: None,
        });
        // The channel has room for every running task; its job may be gone after a panic.
        let _ = self.report.send(end);
    }
}
