//! What a job tells of itself: to the table of jobs, and to listeners if there are any.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::TaskMetrics;
use super::profile::Operators;
use super::slot::{TaskEnd, TaskName};
use crate::accumulator::{self, Touched, Update};
use crate::context::{ContextInner, LocalProperties};
use crate::error::{Error, TaskError};
use crate::events::{
    AccumulatorInfo, Event, JobEnded, JobPlan, JobStarted, StageCompleted, StageSubmitted,
    TaskEnded, TaskStarted,
};
use crate::site::Site;

/// Tells how it goes with one job.
pub(super) struct Reports<'a> {
    inner: &'a Arc<ContextInner>,
    job: u64,
    /// Whether the start of the job was told: one that cannot be planned never starts.
    announced: bool,
    touched: Touched,
}

impl<'a> Reports<'a> {
    pub(super) fn new(inner: &'a Arc<ContextInner>, job: u64) -> Self {
        Reports {
            inner,
            job,
            announced: false,
            touched: Touched::default(),
        }
    }

    fn post(&self, event: impl FnOnce() -> Event) {
        if self.inner.events.is_listened() {
            self.inner.events.post(event());
        }
    }

    pub(super) fn job_started(
        &mut self,
        action: Site,
        stages: Vec<u64>,
        properties: LocalProperties,
        plan: impl FnOnce() -> JobPlan,
    ) {
        self.announced = true;
        self.post(|| {
            Event::JobStarted(JobStarted {
                job: self.job,
                at: SystemTime::now(),
                action,
                stages,
                plan: Arc::new(plan()),
                description: properties.description,
                group: properties.group,
                tags: properties.tags,
                properties: properties.others,
            })
        });
    }

    pub(super) fn job_ended(&self, took: Duration, error: Option<&Error>) {
        self.inner.jobs.end(self.job, error.is_none());
        if !self.announced {
            return;
        }
        self.post(|| {
            Event::JobEnded(JobEnded {
                job: self.job,
                at: SystemTime::now(),
                took,
                error: error.cloned(),
                accumulators: self.touched.infos(),
            })
        });
    }

    /// Notes the stages of the job, when they are planned and when they are planned again.
    pub(super) fn planned(&self, stages: impl Iterator<Item = (u64, Site)>) {
        self.inner.jobs.planned(self.job, stages);
    }

    pub(super) fn stage_submitted(&self, stage: u64, site: Site, tasks: usize) {
        self.inner.jobs.stage_submitted(stage, tasks);
        self.post(|| {
            Event::StageSubmitted(StageSubmitted {
                job: self.job,
                stage,
                at: SystemTime::now(),
                site,
                tasks,
            })
        });
    }

    pub(super) fn stage_ended(
        &mut self,
        stage: u64,
        error: Option<TaskError>,
        metrics: TaskMetrics,
        operators: &Operators,
        touched: Touched,
    ) {
        self.inner.jobs.stage_ended(stage);
        self.post(|| {
            Event::StageCompleted(StageCompleted {
                job: self.job,
                stage,
                at: SystemTime::now(),
                error,
                metrics,
                operators: operators.list(),
                accumulators: touched.infos(),
            })
        });
        self.touched.extend(touched);
    }

    pub(super) fn task_started(&self, stage: u64, task: TaskName) {
        self.inner.jobs.task_started(stage);
        self.post(|| {
            Event::TaskStarted(TaskStarted {
                task: task.id,
                job: self.job,
                stage,
                partition: task.partition,
                attempt: task.attempt,
                at: SystemTime::now(),
            })
        });
    }

    pub(super) fn task_ended(
        &self,
        stage: u64,
        end: &TaskEnd,
        accumulators: Vec<AccumulatorInfo>,
        error: Option<&TaskError>,
    ) {
        self.inner.jobs.task_ended(stage, error.is_none());
        self.post(|| {
            Event::TaskEnded(TaskEnded {
                task: end.task.id,
                job: self.job,
                stage,
                partition: end.task.partition,
                attempt: end.task.attempt,
                at: SystemTime::now(),
                launched: end.launched,
                slot: end.slot,
                metrics: end.metrics,
                operators: end.operators.list(),
                accumulators,
                error: error.cloned(),
            })
        });
    }

    /// Merges what a task has added, and describes it if somebody listens.
    pub(super) fn merge(
        &self,
        updates: Vec<Update>,
        touched: &mut Touched,
    ) -> Vec<AccumulatorInfo> {
        if self.inner.events.is_listened() {
            return accumulator::merge_and_tell(updates, touched);
        }
        accumulator::merge(updates);
        Vec::new()
    }
}
