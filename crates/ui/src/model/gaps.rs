//! What is over though nobody was told so: its end was among the events that were dropped.
//!
//! Batches begin in the order of their times. So when one completes, those before it are done, but
//! for as many as may run beside it, and so are their jobs. Nothing of this is looked at before
//! an event was dropped.

use super::{BatchState, Jobs, Model, Streaming, caller};

impl Model {
    /// Forgets what has lost its end, as far as that is known once this batch has completed.
    pub(super) fn forget_lost(&mut self, completed: i64) {
        let Some(streaming) = self.streaming.as_mut().filter(|_| self.dropped > 0) else {
            return;
        };
        streaming.forget_lost(completed);
        let streaming = &*streaming;
        let is_over = |time| time <= completed && !streaming.open.contains_key(&time);
        let called = streaming.completed.back();
        let called = called.and_then(|batch| batch.jobs.iter().map(|called| called.job).max());
        self.jobs.forget_lost(called, is_over);
    }
}

impl Streaming {
    fn forget_lost(&mut self, completed: i64) {
        let older = self.open.range(..completed).rev();
        let running = older.filter(|(_, batch)| batch.state == BatchState::Processing);
        let beside = self.concurrent_jobs.saturating_sub(1);
        let beside: Vec<_> = running.take(beside).map(|(time, _)| *time).collect();
        let is_lost = |time: &i64| !beside.contains(time);
        let lost = self.open.extract_if(..completed, |time, _| is_lost(time));
        self.lost_total += lost.count() as u64;
    }
}

impl Jobs {
    /// Forgets jobs that go on though their batch is over, and open stages that no known job has
    /// and that are not newer than those jobs, or than one that a batch has called.
    fn forget_lost(&mut self, called: Option<u64>, is_over: impl Fn(i64) -> bool) {
        let is_lost = |job: &super::Job| {
            let caller = caller(&job.start).filter(|_| job.end.is_none());
            caller.is_some_and(|(time, _)| is_over(time))
        };
        let lost = self.jobs.extract_if(.., |_, job| is_lost(job));
        let lost: Vec<u64> = lost.map(|(job, _)| job).collect();
        self.lost += lost.len() as u64;
        let Some(newest) = lost.into_iter().chain(called).max() else {
            return;
        };
        let (jobs, tasks) = (&self.jobs, &mut self.tasks);
        self.stages.retain(|_, stage| {
            let is_lost = stage.job <= newest && !jobs.contains_key(&stage.job);
            if is_lost {
                tasks.forget(std::mem::take(&mut stage.active));
            }
            !(is_lost && stage.is_open())
        });
    }
}
