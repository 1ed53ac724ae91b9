//! Jobs, stages and tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{JobProgress, Limits, forget_first};
use crate::record::{
    At, JobEnd, JobStart, OperatorCount, Place, StageEnd, StageStart, TaskCounts, TaskEnd,
    TaskStart, Took,
};

/// What the engine has run.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) jobs: BTreeMap<u64, Job>,
    pub(crate) stages: BTreeMap<u64, Stage>,
    /// How many stages were known once and are not kept.
    pub(crate) stages_forgotten: u64,
    /// All that ever ended, also those that are forgotten.
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Those whose end was dropped.
    pub(crate) lost: u64,
    pub(crate) tasks: TaskTotals,
}

/// All tasks that ever ran, also those that are forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct TaskTotals {
    /// Those of stages that are known.
    pub(crate) active: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Sums over all that ended, well or not.
    pub(crate) counts: TaskCounts,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) start: Arc<JobStart>,
    pub(crate) end: Option<JobEnd>,
    /// How far it came, once it has ended.
    pub(super) progress: Option<JobProgress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    Running,
    Succeeded,
    Failed,
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) id: u64,
    pub(crate) job: u64,
    pub(crate) place: Place,
    pub(crate) state: StageState,
    pub(crate) submitted: Option<At>,
    pub(crate) completed: Option<At>,
    pub(crate) error: Option<String>,
    /// How many tasks it has.
    pub(crate) tasks_len: usize,
    pub(crate) active: usize,
    pub(crate) succeeded: usize,
    pub(crate) failed: usize,
    /// By partition and attempt; the first ones, if there are very many.
    pub(crate) tasks: BTreeMap<(usize, u32), Task>,
    /// Sums over the tasks that succeeded.
    pub(crate) counts: TaskCounts,
    pub(crate) accumulators: Vec<(String, String)>,
    pub(crate) operators: Vec<OperatorCount>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StageState {
    Pending,
    Active,
    Complete,
    Failed,
    /// Its output was there already.
    Skipped,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) partition: usize,
    pub(crate) attempt: u32,
    /// When it was handed to the executor.
    pub(crate) submitted: At,
    pub(crate) end: Option<Arc<TaskEnd>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TaskState {
    Running,
    Success,
    Failed,
}

impl Jobs {
    pub(super) fn job_started(&mut self, start: &Arc<JobStart>, limits: Limits) {
        for plan in &start.stages {
            let state = match plan.is_skipped {
                true => StageState::Skipped,
                false => StageState::Pending,
            };
            let stage = Stage {
                tasks_len: plan.tasks,
                place: plan.at.clone(),
                ..Stage::new(plan.stage, start.job, state)
            };
            // One that another job has run keeps what is known of it.
            self.stages.entry(plan.stage).or_insert(stage);
        }
        let job = Job {
            start: start.clone(),
            end: None,
            progress: None,
        };
        self.jobs.insert(start.job, job);
        self.forget(limits);
    }

    /// Notes the end of a job, and tells which one it was, if it is known.
    pub(super) fn job_ended(&mut self, end: &JobEnd) -> Option<&Job> {
        match end.error {
            None => self.succeeded += 1,
            Some(_) => self.failed += 1,
        }
        let job = self.jobs.get_mut(&end.job)?;
        job.end = Some(end.clone());
        for plan in &job.start.stages {
            if let Some(stage) = self.stages.get_mut(&plan.stage) {
                self.tasks.forget(stage.end_with(job));
            }
        }
        let progress = self.jobs.get(&end.job).map(|job| self.count(job));
        let job = self.jobs.get_mut(&end.job)?;
        job.progress = progress;
        Some(job)
    }

    pub(super) fn stage_submitted(&mut self, start: &StageStart) {
        let new = || Stage::new(start.stage, start.job, StageState::Pending);
        let stage = self.stages.entry(start.stage).or_insert_with(new);
        stage.job = start.job;
        stage.place = start.place.clone();
        stage.state = StageState::Active;
        stage.submitted = stage.submitted.or(Some(start.at));
        stage.tasks_len = start.tasks;
    }

    pub(super) fn stage_completed(&mut self, end: &StageEnd) {
        let Some(stage) = self.stages.get_mut(&end.stage) else {
            return;
        };
        stage.state = match end.error {
            None => StageState::Complete,
            Some(_) => StageState::Failed,
        };
        if end.error.is_none() {
            // Also those whose ends were dropped.
            self.tasks.forget(std::mem::take(&mut stage.active));
            stage.succeeded = stage.succeeded.max(stage.tasks_len);
        }
        stage.completed = Some(end.at);
        stage.error.clone_from(&end.error);
        stage.counts = end.counts;
        stage.accumulators.clone_from(&end.accumulators);
        stage.operators.clone_from(&end.operators);
    }

    pub(super) fn task_started(&mut self, start: &TaskStart, limits: Limits) {
        let Some(stage) = self.stages.get_mut(&start.stage) else {
            return;
        };
        self.tasks.active += 1;
        stage.active += 1;
        let task = Task {
            id: start.task,
            partition: start.partition,
            attempt: start.attempt,
            submitted: start.at,
            end: None,
        };
        stage.keep(task, limits);
    }

    pub(super) fn task_ended(&mut self, end: &Arc<TaskEnd>, limits: Limits) {
        self.tasks.ended(end);
        let Some(stage) = self.stages.get_mut(&end.stage) else {
            return;
        };
        if stage.active > 0 {
            stage.active -= 1;
            self.tasks.forget(1);
        }
        match end.error {
            None => stage.succeeded += 1,
            Some(_) => stage.failed += 1,
        }
        if stage.state == StageState::Active && end.error.is_none() {
            stage.counts += end.counts;
        }
        let known = stage.tasks.get(&(end.partition, end.attempt));
        let task = Task {
            id: end.task,
            partition: end.partition,
            attempt: end.attempt,
            submitted: known.map_or(end.launched, |task| task.submitted),
            end: Some(end.clone()),
        };
        stage.keep(task, limits);
    }

    /// Forgets the oldest jobs that have ended, and stages of jobs that are forgotten.
    pub(super) fn forget(&mut self, limits: Limits) {
        let is_over = |job: &Job| job.end.is_some();
        forget_first(&mut self.jobs, limits.jobs, limits.going_on, is_over, drop);
        let is_over = |stage: &Stage| !stage.is_open();
        let (tasks, forgotten) = (&mut self.tasks, &mut self.stages_forgotten);
        let forget = |stage: Stage| {
            tasks.forget(stage.active);
            *forgotten += 1;
        };
        forget_first(
            &mut self.stages,
            limits.stages,
            limits.going_on,
            is_over,
            forget,
        );
    }

    /// The stages of a job, as far as they are known.
    pub(crate) fn stages_of<'a>(&'a self, job: &'a Job) -> impl Iterator<Item = &'a Stage> {
        let plans = job.start.stages.iter();
        plans.filter_map(|plan| self.stages.get(&plan.stage))
    }
}

impl TaskTotals {
    /// Notes that some of those that go on do so no more, or are not known any more.
    pub(super) fn forget(&mut self, active: usize) {
        self.active = self.active.saturating_sub(active as u64);
    }

    fn ended(&mut self, end: &TaskEnd) {
        match end.error {
            None => self.succeeded += 1,
            Some(_) => self.failed += 1,
        }
        self.counts += end.counts;
    }
}

impl Job {
    pub(crate) fn id(&self) -> u64 {
        self.start.job
    }

    pub(crate) fn state(&self) -> JobState {
        match &self.end {
            None => JobState::Running,
            Some(JobEnd { error: None, .. }) => JobState::Succeeded,
            Some(_) => JobState::Failed,
        }
    }

    /// Why it failed, if it did.
    pub(crate) fn error(&self) -> Option<&str> {
        self.end.as_ref()?.error.as_deref()
    }

    pub(crate) fn took(&self) -> Option<Took> {
        Some(self.end.as_ref()?.took)
    }

    /// How a stage is in this job: skipped, if it was an earlier one that ran it.
    pub(crate) fn state_of(&self, stage: &Stage) -> StageState {
        let mut plans = self.start.stages.iter();
        let is_skipped = plans.any(|plan| plan.stage == stage.id && plan.is_skipped);
        match is_skipped || stage.job < self.id() {
            true => StageState::Skipped,
            false => stage.state,
        }
    }
}

impl Stage {
    fn new(id: u64, job: u64, state: StageState) -> Self {
        Stage {
            id,
            job,
            place: Place::default(),
            state,
            submitted: None,
            completed: None,
            error: None,
            tasks_len: 0,
            active: 0,
            succeeded: 0,
            failed: 0,
            tasks: BTreeMap::new(),
            counts: TaskCounts::default(),
            accumulators: Vec::new(),
            operators: Vec::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, StageState::Active | StageState::Pending)
    }

    /// Ends it with a job that needed it, and tells how many of its tasks nothing was told of.
    fn end_with(&mut self, job: &Job) -> usize {
        match self.state {
            // What was never submitted was not needed, or the job failed before.
            StageState::Pending => self.state = StageState::Skipped,
            // A job ends after its stages, so the end of this one was dropped.
            StageState::Active if self.job == job.id() => {
                self.state = match job.error() {
                    None => StageState::Complete,
                    Some(_) => StageState::Failed,
                };
            }
            _ => {}
        }
        match self.job == job.id() {
            true => std::mem::take(&mut self.active),
            false => 0,
        }
    }

    fn keep(&mut self, task: Task, limits: Limits) {
        let name = (task.partition, task.attempt);
        if self.tasks.len() < limits.tasks || self.tasks.contains_key(&name) {
            self.tasks.insert(name, task);
        }
    }

    pub(crate) fn took(&self) -> Option<Took> {
        Some(self.completed?.since(self.submitted?))
    }
}

impl Task {
    pub(crate) fn state(&self) -> TaskState {
        match self.end.as_deref() {
            None => TaskState::Running,
            Some(TaskEnd { error: None, .. }) => TaskState::Success,
            Some(_) => TaskState::Failed,
        }
    }

    /// How long it waited for a slot.
    pub(crate) fn scheduler_delay(&self) -> Took {
        let end = self.end.as_ref();
        end.map_or(Took::default(), |end| end.launched.since(self.submitted))
    }
}
