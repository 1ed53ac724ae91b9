//! How far jobs have come.

use super::{Job, Jobs, StageState};

/// How far something has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Not counted in the total.
    pub(crate) skipped: usize,
    pub(crate) active: usize,
    pub(crate) total: usize,
}

/// How far a job has come. Stages that it found done are skipped, with their tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JobProgress {
    pub(crate) stages: Progress,
    pub(crate) tasks: Progress,
    /// Partitions that are done, however often they were tried.
    pub(crate) partitions: usize,
}

impl Jobs {
    /// How far a job has come: what was counted at its end, as stages are forgotten before it is.
    pub(crate) fn progress(&self, job: &Job) -> JobProgress {
        job.progress.unwrap_or_else(|| self.count(job))
    }

    pub(super) fn count(&self, job: &Job) -> JobProgress {
        let mut progress = JobProgress::default();
        for plan in &job.start.stages {
            let known = self.stages.get(&plan.stage);
            let state = match known {
                Some(stage) => job.state_of(stage),
                None if plan.is_skipped => StageState::Skipped,
                None => StageState::Pending,
            };
            let tasks = known.map_or(plan.tasks, |stage| stage.tasks_len);
            if state == StageState::Skipped {
                progress.stages.skipped += 1;
                progress.tasks.skipped += tasks;
                continue;
            }
            progress.stages.add(state);
            progress.tasks.total += tasks;
            if let Some(stage) = known {
                progress.tasks.done += stage.succeeded;
                progress.tasks.failed += stage.failed;
                progress.tasks.active += stage.active;
                progress.partitions += stage.succeeded.min(stage.tasks_len);
            }
        }
        progress
    }
}

impl Progress {
    /// Counts a stage in that is not skipped.
    fn add(&mut self, state: StageState) {
        self.total += 1;
        match state {
            StageState::Complete => self.done += 1,
            StageState::Failed => self.failed += 1,
            StageState::Active => self.active += 1,
            StageState::Pending | StageState::Skipped => {}
        }
    }
}
