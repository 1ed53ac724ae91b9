//! Jobs.

use std::collections::BTreeMap;

use super::call::{Call, Refusal};
use super::called;
use super::date::Date;
use super::described::{choices, reply};
use crate::model::{Job, JobState, caller};
use crate::pages::format;

choices! {
    /// How a job is doing.
    pub(crate) enum JobExecutionStatus {
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Unknown = "UNKNOWN",
    }
}

reply! {
    /// A job: an action that was called.
    pub(crate) struct JobData {
        job_id: u64,
        name: String,
        description: Option<String>,
        submission_time: Option<Date>,
        completion_time: Option<Date>,
        stage_ids: Vec<u64>,
        job_group: Option<String>,
        job_tags: Vec<String>,
        status: JobExecutionStatus,
        num_tasks: usize,
        num_active_tasks: usize,
        num_completed_tasks: usize,
        num_skipped_tasks: usize,
        num_failed_tasks: usize,
        num_killed_tasks: usize,
        num_completed_indices: usize,
        num_active_stages: usize,
        num_completed_stages: usize,
        num_skipped_stages: usize,
        num_failed_stages: usize,
        killed_tasks_summary: BTreeMap<String, usize>,
    }
}

impl From<JobState> for JobExecutionStatus {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Running => JobExecutionStatus::Running,
            JobState::Succeeded => JobExecutionStatus::Succeeded,
            JobState::Failed => JobExecutionStatus::Failed,
        }
    }
}

/// All jobs that are kept, newest first.
pub(super) fn jobs(call: &Call<'_>) -> Result<Vec<JobData>, Refusal> {
    let wanted: Vec<JobExecutionStatus> = call.choices("status")?;
    let jobs = call.model.jobs.jobs.values().rev();
    Ok(jobs
        .filter(|job| wanted.is_empty() || wanted.contains(&job.state().into()))
        .map(|job| data(call, job))
        .collect())
}

pub(super) fn job(call: &Call<'_>) -> Result<JobData, Refusal> {
    let id: u64 = call.number("job-id")?;
    let job = call.model.jobs.jobs.get(&id);
    let job = job.ok_or_else(|| Refusal::unknown(format!("unknown job: {id}")))?;
    Ok(data(call, job))
}

/// What a job is for. A stream says its batch time in milliseconds, and Spark the time of day.
pub(super) fn description(call: &Call<'_>, job: &Job) -> Option<String> {
    let said = job.start.description.as_ref()?;
    let (stream, caller) = (call.model.streaming.as_ref(), caller(&job.start));
    let Some((stream, (time, _))) = stream.zip(caller) else {
        return Some(said.clone());
    };
    let has_millis = format::has_millis(stream.interval);
    let clock = format::clock(format::at_millis(time), call.zone, has_millis);
    let millis = format!("batch time {time} ms");
    Some(said.replace(&millis, &format!("batch time {clock}")))
}

fn data(call: &Call<'_>, job: &Job) -> JobData {
    let start = &job.start;
    let progress = call.model.jobs.progress(job);
    let (stages, tasks) = (progress.stages, progress.tasks);
    JobData {
        job_id: job.id(),
        name: called(&start.action),
        description: description(call, job),
        submission_time: Some(Date(start.at)),
        completion_time: job.end.as_ref().map(|end| Date(end.at)),
        stage_ids: start.stages.iter().map(|plan| plan.stage).collect(),
        job_group: start.group.clone(),
        job_tags: start.tags.clone(),
        status: job.state().into(),
        num_tasks: tasks.total + tasks.skipped,
        num_active_tasks: tasks.active,
        num_completed_tasks: tasks.done,
        num_skipped_tasks: tasks.skipped,
        num_failed_tasks: tasks.failed,
        num_completed_indices: progress.partitions,
        num_active_stages: stages.active,
        num_completed_stages: stages.done,
        num_skipped_stages: stages.skipped,
        num_failed_stages: stages.failed,
        ..JobData::default()
    }
}
