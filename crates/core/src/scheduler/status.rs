//! What runs now and what ran lately: Spark's `statusTracker`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use crate::context::Context;
use crate::site::Site;

/// How it goes with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobStatus {
    /// It was called and has not returned.
    Running,
    /// It returned a result.
    Succeeded,
    /// It returned an error, which may be that it was cancelled.
    Failed,
}

/// A job: Spark's `SparkJobInfo`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobInfo {
    /// The job.
    pub job: u64,
    /// The action and its line.
    pub action: Site,
    /// How it goes.
    pub status: JobStatus,
    /// The stages that were planned for it, in the order of their ids.
    pub stages: Vec<u64>,
    /// The group that it was run in (see [`Context::set_job_group`]).
    pub group: Option<Arc<str>>,
    /// What the driver said about it.
    pub description: Option<Arc<str>>,
    /// Its tags (see [`Context::add_job_tag`]).
    pub tags: BTreeSet<Arc<str>>,
    /// When its action was called.
    pub started: SystemTime,
    /// When it ended, if it did.
    pub ended: Option<SystemTime>,
}

/// A stage of a job: Spark's `SparkStageInfo`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StageInfo {
    /// The stage.
    pub stage: u64,
    /// The job that it was planned for.
    pub job: u64,
    /// The operator at the stage's end.
    pub site: Site,
    /// When its tasks could run; `None` while it waits for other stages.
    pub submitted: Option<SystemTime>,
    /// Whether its tasks may run: it was submitted and has not ended.
    pub active: bool,
    /// How many tasks it has, once it is submitted.
    pub tasks: usize,
    /// How many of its tasks are with the executor.
    pub active_tasks: usize,
    /// How many of its tasks succeeded.
    pub completed_tasks: usize,
    /// How many tries of its tasks failed.
    pub failed_tasks: usize,
}

/// Tells which jobs and stages run, and how those went that ran lately: Spark's
/// `SparkStatusTracker`.
///
/// Made by [`Context::status`]. What it tells is of the moment at which it is asked; it
/// remembers the last thousand jobs that ended.
#[derive(Debug, Clone)]
pub struct StatusTracker {
    ctx: Context,
}

impl Context {
    /// Tells which jobs and stages run: Spark's `statusTracker`.
    ///
    /// ```
    /// use headwater_core::{Context, JobStatus};
    /// let ctx = Context::local(2).unwrap();
    /// ctx.range(0..10, 1, 4).count().unwrap();
    /// let status = ctx.status();
    /// assert!(status.active_jobs().is_empty());
    /// let job = status.job(0).unwrap();
    /// assert_eq!(job.status, JobStatus::Succeeded);
    /// let stage = status.stage(job.stages[0]).unwrap();
    /// assert_eq!((stage.tasks, stage.completed_tasks, stage.failed_tasks), (4, 4, 0));
    /// ```
    #[must_use]
    pub fn status(&self) -> StatusTracker {
        StatusTracker { ctx: self.clone() }
    }
}

impl StatusTracker {
    /// The jobs that run, in the order of their ids: Spark's `getActiveJobIds`.
    ///
    /// ```
    /// assert!(headwater_core::Context::local(1).unwrap().status().active_jobs().is_empty());
    /// ```
    #[must_use]
    pub fn active_jobs(&self) -> Vec<u64> {
        self.jobs_where(|job| job.status == JobStatus::Running)
    }

    /// The stages whose tasks may run, in the order of their ids: Spark's
    /// `getActiveStageIds`.
    ///
    /// ```
    /// assert!(headwater_core::Context::local(1).unwrap().status().active_stages().is_empty());
    /// ```
    #[must_use]
    pub fn active_stages(&self) -> Vec<u64> {
        self.ctx.inner.jobs.active_stages()
    }

    /// The known jobs of a group, running or ended, or with `None` those of no group:
    /// Spark's `getJobIdsForGroup`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.range(0..3, 1, 1).count().unwrap();
    /// ctx.with_job_group("nightly", "", || ctx.range(0..3, 1, 1).count()).unwrap();
    /// let status = ctx.status();
    /// assert_eq!((status.jobs_in_group(None), status.jobs_in_group(Some("nightly"))), (vec![0], vec![1]));
    /// ```
    #[must_use]
    pub fn jobs_in_group(&self, group: Option<&str>) -> Vec<u64> {
        self.jobs_where(|job| job.group.as_deref() == group)
    }

    /// The known jobs with a tag, running or ended: Spark's `getJobIdsForTag`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert!(ctx.status().jobs_with_tag("reports").is_empty());
    /// ```
    #[must_use]
    pub fn jobs_with_tag(&self, tag: &str) -> Vec<u64> {
        self.jobs_where(|job| job.tags.contains(tag))
    }

    /// What is known of a job; `None` if there is none or it ended long ago: Spark's
    /// `getJobInfo`.
    ///
    /// ```
    /// assert!(headwater_core::Context::local(1).unwrap().status().job(0).is_none());
    /// ```
    #[must_use]
    pub fn job(&self, job: u64) -> Option<JobInfo> {
        self.ctx.inner.jobs.job(job)
    }

    /// What is known of a stage; `None` if there is none or its job ended long ago: Spark's
    /// `getStageInfo`.
    ///
    /// ```
    /// assert!(headwater_core::Context::local(1).unwrap().status().stage(0).is_none());
    /// ```
    #[must_use]
    pub fn stage(&self, stage: u64) -> Option<StageInfo> {
        self.ctx.inner.jobs.stage(stage)
    }

    fn jobs_where(&self, is_wanted: impl Fn(&JobInfo) -> bool) -> Vec<u64> {
        self.ctx.inner.jobs.jobs_where(is_wanted)
    }
}
