//! Ending jobs before they are done.

use super::Context;

/// Cancelling asks; the tasks of a cancelled job end at their next chunk, and its action
/// then returns an error for which [`crate::Error::is_cancelled`] holds.
impl Context {
    /// Cancels a running job, and those that prepare it, such as the sample of a sort: Spark's
    /// `cancelJob`. `false` if no such job runs.
    ///
    /// ```
    /// assert!(!headwater_core::Context::local(1).unwrap().cancel_job(7));
    /// ```
    pub fn cancel_job(&self, job: u64) -> bool {
        self.inner.jobs.cancel(job)
    }

    /// Cancels the running jobs that a stage is part of: Spark's `cancelStage`. `false` if
    /// no running job has such a stage.
    ///
    /// ```
    /// assert!(!headwater_core::Context::local(1).unwrap().cancel_stage(7));
    /// ```
    pub fn cancel_stage(&self, stage: u64) -> bool {
        self.inner.jobs.cancel_stage(stage)
    }

    /// Cancels the running jobs of a group: Spark's `cancelJobGroup`.
    ///
    /// ```
    /// headwater_core::Context::local(1).unwrap().cancel_job_group("nightly");
    /// ```
    pub fn cancel_job_group(&self, group: &str) {
        self.inner.jobs.cancel_group(group);
    }

    /// Cancels the running jobs of a group, and each job of that group that is run later:
    /// Spark's `cancelJobGroupAndFutureJobs`.
    ///
    /// The context remembers the last thousand groups that were cancelled like this.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.cancel_job_group_and_future_jobs("nightly");
    /// let late = ctx.with_job_group("nightly", "", || ctx.range(0..3, 1, 1).count());
    /// assert!(late.unwrap_err().is_cancelled());
    /// ```
    pub fn cancel_job_group_and_future_jobs(&self, group: &str) {
        self.inner.jobs.cancel_group_for_good(group);
    }

    /// Cancels the running jobs that have a tag: Spark's `cancelJobsWithTag`.
    ///
    /// ```
    /// headwater_core::Context::local(1).unwrap().cancel_jobs_with_tag("reports");
    /// ```
    pub fn cancel_jobs_with_tag(&self, tag: &str) {
        self.inner.jobs.cancel_tag(tag);
    }

    /// Cancels every running job: Spark's `cancelAllJobs`.
    ///
    /// ```
    /// headwater_core::Context::local(1).unwrap().cancel_all_jobs();
    /// ```
    pub fn cancel_all_jobs(&self) {
        self.inner.jobs.cancel_all();
    }
}
