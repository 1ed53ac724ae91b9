//! Tasks of a stage.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::EXECUTOR;
use super::call::{Call, Refusal};
use super::date::Date;
use super::described::{choices, reply};
use super::stages::{self, AccumulableInfo, accumulables};
use super::task_metrics::TaskMetrics;
use crate::model::{Task, TaskState};

const PAGE_ROWS: usize = 20;

choices! {
    /// How a task is doing.
    pub(crate) enum TaskStatus {
        Running = "RUNNING",
        Killed = "KILLED",
        Failed = "FAILED",
        Success = "SUCCESS",
        Unknown = "UNKNOWN",
    }
}

choices! {
    /// What tasks are sorted by.
    pub(crate) enum TaskSorting {
        Id = "ID",
        IncreasingRuntime = "INCREASING_RUNTIME",
        DecreasingRuntime = "DECREASING_RUNTIME",
        Runtime = "runtime",
        RuntimeDown = "-runtime",
    }
}

reply! {
    /// An attempt of a task. Lengths of time are in milliseconds.
    pub(crate) struct TaskData {
        task_id: u64,
        index: usize,
        attempt: u32,
        partition_id: usize,
        launch_time: Date,
        result_fetch_start: Option<Date>,
        duration: Option<u64>,
        executor_id: &'static str,
        host: String,
        status: TaskStatus,
        task_locality: &'static str,
        speculative: bool,
        accumulator_updates: Vec<AccumulableInfo>,
        error_message: Option<String>,
        task_metrics: Option<TaskMetrics>,
        executor_logs: BTreeMap<String, String>,
        /// How long it waited for a slot.
        scheduler_delay: u64,
        getting_result_time: u64,
    }
}

impl From<TaskState> for TaskStatus {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Running => TaskStatus::Running,
            TaskState::Success => TaskStatus::Success,
            TaskState::Failed => TaskStatus::Failed,
        }
    }
}

pub(super) fn task_list(call: &Call<'_>) -> Result<Vec<TaskData>, Refusal> {
    let stage = stages::find(call)?;
    let (offset, length) = (call.count("offset", 0)?, call.count("length", PAGE_ROWS)?);
    let length = length.min(stages::TASKS_MAX);
    let sorting: Vec<TaskSorting> = call.choices("sortBy")?;
    let wanted: Vec<TaskStatus> = call.choices("status")?;
    let tasks = stage.tasks.values();
    let tasks = tasks.filter(|task| wanted.is_empty() || wanted.contains(&task.state().into()));
    let mut tasks: Vec<_> = tasks.map(|task| data(call, task)).collect();
    match sorting.first().copied().unwrap_or_default() {
        TaskSorting::Id => tasks.sort_by_key(|task| task.task_id),
        TaskSorting::IncreasingRuntime | TaskSorting::Runtime => {
            tasks.sort_by_key(|task| task.duration);
        }
        TaskSorting::DecreasingRuntime | TaskSorting::RuntimeDown => {
            tasks.sort_by_key(|task| Reverse(task.duration));
        }
    }
    Ok(tasks.into_iter().skip(offset).take(length).collect())
}

pub(super) fn data(call: &Call<'_>, task: &Task) -> TaskData {
    let end = task.end.as_ref();
    TaskData {
        task_id: task.id,
        index: task.partition,
        attempt: task.attempt,
        partition_id: task.partition,
        launch_time: Date(end.map_or(task.submitted, |end| end.launched)),
        result_fetch_start: None,
        duration: end.map(|end| end.at.since(end.launched).millis()),
        executor_id: EXECUTOR,
        host: call.model.application.host.clone(),
        status: task.state().into(),
        task_locality: "PROCESS_LOCAL",
        speculative: false,
        accumulator_updates: end.map_or_else(Vec::new, |end| accumulables(&end.accumulators)),
        error_message: end.and_then(|end| end.error.clone()),
        task_metrics: end.map(|end| end.counts.into()),
        executor_logs: BTreeMap::new(),
        scheduler_delay: task.scheduler_delay().millis(),
        getting_result_time: 0,
    }
}
