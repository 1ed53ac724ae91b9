//! Stages.

use std::collections::BTreeMap;

use super::EXECUTOR;
use super::call::{Call, Refusal};
use super::called;
use super::date::Date;
use super::described::{choices, reply};
use super::jobs;
use super::quantiles::{self, TaskMetricDistributions};
use super::tasks::{self, TaskData, TaskStatus};
use crate::model::{Stage, StageState};

/// No answer tells more tasks: it is made in memory, while nothing new is taken in.
pub(super) const TASKS_MAX: usize = 20_000;

choices! {
    /// How a stage is doing.
    pub(crate) enum StageStatus {
        Active = "ACTIVE",
        Complete = "COMPLETE",
        Failed = "FAILED",
        Pending = "PENDING",
        Skipped = "SKIPPED",
    }
}

reply! {
    /// An accumulator and what it has come to.
    pub(crate) struct AccumulableInfo {
        id: usize,
        name: String,
        update: Option<String>,
        value: String,
    }
}

reply! {
    /// What an executor did of a stage.
    pub(crate) struct ExecutorStageSummary {
        /// In milliseconds.
        task_time: u64,
        failed_tasks: usize,
        succeeded_tasks: usize,
        killed_tasks: usize,
        input_bytes: u64,
        input_records: u64,
        output_bytes: u64,
        output_records: u64,
        shuffle_read: u64,
        shuffle_read_records: u64,
        shuffle_write: u64,
        shuffle_write_records: u64,
        memory_bytes_spilled: u64,
        disk_bytes_spilled: u64,
        is_blacklisted_for_stage: bool,
        is_excluded_for_stage: bool,
    }
}

reply! {
    /// A stage. What has no meaning here is zero, as it is for a task.
    pub(crate) struct StageData {
        status: StageStatus,
        stage_id: u64,
        attempt_id: u32,
        num_tasks: usize,
        num_active_tasks: usize,
        num_complete_tasks: usize,
        num_failed_tasks: usize,
        num_killed_tasks: usize,
        num_completed_indices: usize,
        submission_time: Option<Date>,
        first_task_launched_time: Option<Date>,
        completion_time: Option<Date>,
        failure_reason: Option<String>,
        executor_deserialize_time: u64,
        executor_deserialize_cpu_time: u64,
        /// In milliseconds.
        executor_run_time: u64,
        executor_cpu_time: u64,
        result_size: u64,
        jvm_gc_time: u64,
        result_serialization_time: u64,
        memory_bytes_spilled: u64,
        disk_bytes_spilled: u64,
        peak_execution_memory: u64,
        input_bytes: u64,
        input_records: u64,
        output_bytes: u64,
        output_records: u64,
        shuffle_remote_blocks_fetched: u64,
        shuffle_local_blocks_fetched: u64,
        shuffle_fetch_wait_time: u64,
        shuffle_remote_bytes_read: u64,
        shuffle_remote_bytes_read_to_disk: u64,
        shuffle_local_bytes_read: u64,
        shuffle_read_bytes: u64,
        shuffle_read_records: u64,
        shuffle_corrupt_merged_block_chunks: u64,
        shuffle_merged_fetch_fallback_count: u64,
        shuffle_merged_remote_blocks_fetched: u64,
        shuffle_merged_local_blocks_fetched: u64,
        shuffle_merged_remote_chunks_fetched: u64,
        shuffle_merged_local_chunks_fetched: u64,
        shuffle_merged_remote_bytes_read: u64,
        shuffle_merged_local_bytes_read: u64,
        shuffle_remote_reqs_duration: u64,
        shuffle_merged_remote_reqs_duration: u64,
        shuffle_write_bytes: u64,
        shuffle_write_time: u64,
        shuffle_write_records: u64,
        name: String,
        description: Option<String>,
        details: String,
        scheduling_pool: &'static str,
        rdd_ids: Vec<u64>,
        accumulator_updates: Vec<AccumulableInfo>,
        /// By their ids, if details are wanted.
        tasks: Option<BTreeMap<String, TaskData>>,
        executor_summary: Option<BTreeMap<String, ExecutorStageSummary>>,
        killed_tasks_summary: BTreeMap<String, usize>,
        resource_profile_id: u32,
        /// With `withSummaries=true`.
        task_metrics_distributions: Option<TaskMetricDistributions>,
        is_shuffle_push_enabled: bool,
        shuffle_mergers_count: usize,
    }
}

impl From<StageState> for StageStatus {
    fn from(state: StageState) -> Self {
        match state {
            StageState::Pending => StageStatus::Pending,
            StageState::Active => StageStatus::Active,
            StageState::Complete => StageStatus::Complete,
            StageState::Failed => StageStatus::Failed,
            StageState::Skipped => StageStatus::Skipped,
        }
    }
}

/// What the query wants to know of stages.
struct Wanted {
    has_details: bool,
    tasks: Vec<TaskStatus>,
    quantiles: Option<Vec<f64>>,
}

impl Wanted {
    fn of(call: &Call<'_>, has_details: bool) -> Result<Self, Refusal> {
        let quantiles = call.numbers("quantiles", &[0.0, 0.25, 0.5, 0.75, 1.0])?;
        Ok(Wanted {
            has_details: call.is_set("details", has_details),
            tasks: call.choices("taskStatus")?,
            quantiles: call.is_set("withSummaries", false).then_some(quantiles),
        })
    }

    /// Refuses an answer about these stages that would have too many tasks in it.
    fn check<'a>(&self, stages: impl IntoIterator<Item = &'a Stage>) -> Result<(), Refusal> {
        let tasks: usize = stages.into_iter().map(|stage| stage.tasks.len()).sum();
        if self.has_details && tasks > TASKS_MAX {
            return Err(Refusal::bad(format!(
                "the details of {tasks} tasks are more than the {TASKS_MAX} of one answer; ask \
                 with details=false, or for parts of a taskList"
            )));
        }
        Ok(())
    }
}

/// All stages that are kept, newest first.
pub(super) fn stages(call: &Call<'_>) -> Result<Vec<StageData>, Refusal> {
    let states: Vec<StageStatus> = call.choices("status")?;
    let wanted = Wanted::of(call, false)?;
    let stages = call.model.jobs.stages.values().rev();
    let stages = stages.filter(|stage| states.is_empty() || states.contains(&stage.state.into()));
    wanted.check(stages.clone())?;
    Ok(stages.map(|stage| data(call, stage, &wanted)).collect())
}

/// All attempts of a stage, of which there is one: tasks are tried again within it.
pub(super) fn stage(call: &Call<'_>) -> Result<Vec<StageData>, Refusal> {
    let (stage, wanted) = (of_id(call)?, Wanted::of(call, true)?);
    wanted.check([stage])?;
    Ok(vec![data(call, stage, &wanted)])
}

pub(super) fn attempt(call: &Call<'_>) -> Result<StageData, Refusal> {
    let (stage, wanted) = (find(call)?, Wanted::of(call, true)?);
    wanted.check([stage])?;
    Ok(data(call, stage, &wanted))
}

fn of_id<'a>(call: &Call<'a>) -> Result<&'a Stage, Refusal> {
    let id: u64 = call.number("stage-id")?;
    let stage = call.model.jobs.stages.get(&id);
    stage.ok_or_else(|| Refusal::unknown(format!("unknown stage: {id}")))
}

/// The stage that the address names, if it names its only attempt.
pub(super) fn find<'a>(call: &Call<'a>) -> Result<&'a Stage, Refusal> {
    let stage = of_id(call)?;
    match call.number::<u32>("stage-attempt-id")? {
        0 => Ok(stage),
        _ => {
            let id = stage.id;
            let text = format!("unknown attempt for stage {id}.  Found attempts: [0]");
            Err(Refusal::unknown(text))
        }
    }
}

pub(super) fn accumulables(all: &[(String, String)]) -> Vec<AccumulableInfo> {
    let info = |(id, (name, value)): (usize, &(String, String))| AccumulableInfo {
        id,
        name: name.clone(),
        update: None,
        value: value.clone(),
    };
    all.iter().enumerate().map(info).collect()
}

fn data(call: &Call<'_>, stage: &Stage, wanted: &Wanted) -> StageData {
    let counts = stage.counts;
    let job = call.model.jobs.jobs.get(&stage.job);
    let plan = job.and_then(|job| {
        let mut plans = job.start.stages.iter();
        plans.find(|plan| plan.stage == stage.id)
    });
    let ends = stage.tasks.values().filter_map(|task| task.end.as_ref());
    StageData {
        status: stage.state.into(),
        stage_id: stage.id,
        num_tasks: stage.tasks_len,
        num_active_tasks: stage.active,
        num_complete_tasks: stage.succeeded,
        num_failed_tasks: stage.failed,
        num_completed_indices: stage.succeeded.min(stage.tasks_len),
        submission_time: stage.submitted.map(Date),
        first_task_launched_time: ends.map(|end| end.launched).min().map(Date),
        completion_time: stage.completed.map(Date),
        failure_reason: stage.error.clone(),
        executor_run_time: counts.run_time.millis(),
        input_bytes: counts.bytes_read,
        input_records: counts.records_read,
        output_bytes: counts.bytes_written,
        shuffle_read_records: counts.shuffle_records_read,
        shuffle_write_records: counts.shuffle_records_written,
        name: called(&stage.place),
        description: job.and_then(|job| jobs::description(call, job)),
        details: called(&stage.place),
        scheduling_pool: "default",
        rdd_ids: plan.map_or_else(Vec::new, |plan| plan.operators.clone()),
        accumulator_updates: accumulables(&stage.accumulators),
        tasks: wanted.has_details.then(|| details(call, stage, wanted)),
        executor_summary: wanted.has_details.then(|| summary(stage)),
        task_metrics_distributions: wanted
            .quantiles
            .as_ref()
            .and_then(|at| quantiles::of(stage, at)),
        ..StageData::default()
    }
}

fn details(call: &Call<'_>, stage: &Stage, wanted: &Wanted) -> BTreeMap<String, TaskData> {
    let tasks = stage.tasks.values().map(|task| tasks::data(call, task));
    tasks
        .filter(|task| wanted.tasks.is_empty() || wanted.tasks.contains(&task.status))
        .map(|task| (task.task_id.to_string(), task))
        .collect()
}

fn summary(stage: &Stage) -> BTreeMap<String, ExecutorStageSummary> {
    let counts = stage.counts;
    let summary = ExecutorStageSummary {
        task_time: counts.run_time.millis(),
        failed_tasks: stage.failed,
        succeeded_tasks: stage.succeeded,
        input_bytes: counts.bytes_read,
        input_records: counts.records_read,
        output_bytes: counts.bytes_written,
        shuffle_read_records: counts.shuffle_records_read,
        shuffle_write_records: counts.shuffle_records_written,
        ..ExecutorStageSummary::default()
    };
    BTreeMap::from([(EXECUTOR.to_owned(), summary)])
}
