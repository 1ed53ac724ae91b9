//! Runs one job: its stages in order, its tasks on the executor, failures tried again.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::describe::describe;
use super::executor::Work;
use super::plan::PlannedShuffle;
use super::report::Reports;
use super::slot::{Reporter, RunWhat, TaskEnd, TaskName, TaskRun, Unit, run_one};
use super::stage_run::{Kind, StageRun};
use super::{JobRunner, SlotTask, TaskContext, catch_panic, plan};
use crate::context::{ContextInner, LocalProperties};
use crate::error::{Error, JobError, TaskError};
use crate::rdd::AnyNode;
use crate::site::Site;

/// How often output of earlier stages may get lost before a job gives up. Each level of a
/// deep lineage may cost one round, so the bound only has to stop an endless loop.
const LOST_ROUNDS_MAX: u32 = 32;

/// One job under way.
pub(super) struct JobRun<'a> {
    inner: &'a Arc<ContextInner>,
    pub(super) reports: Reports<'a>,
    job: u64,
    action: Site,
    cancelled: Arc<AtomicBool>,
    unit: Unit,
    stages: Vec<StageRun>,
    queue: VecDeque<TaskName>,
    running: usize,
    window: usize,
    ends: Receiver<TaskEnd>,
    report: SyncSender<TaskEnd>,
    failure: Option<Error>,
    lost: bool,
    failures: HashMap<(Option<u64>, usize), u32>,
}

impl<'a> JobRun<'a> {
    pub(super) fn new(
        inner: &'a Arc<ContextInner>,
        job: u64,
        action: Site,
        cancelled: Arc<AtomicBool>,
        unit: Unit,
    ) -> Self {
        // Enough that no slot ever waits for the driver, little enough to stay bounded.
        let window = inner.executor.slots() * 4;
        let (report, ends) = sync_channel(window);
        JobRun {
            inner,
            reports: Reports::new(inner, job),
            job,
            action,
            cancelled,
            unit,
            stages: Vec::new(),
            queue: VecDeque::new(),
            running: 0,
            window,
            ends,
            report,
            failure: None,
            lost: false,
            failures: HashMap::new(),
        }
    }

    pub(super) fn run_to_end(
        &mut self,
        runner: &JobRunner,
        last: &Arc<dyn AnyNode>,
        partitions: Option<Vec<usize>>,
        properties: LocalProperties,
    ) -> Result<Vec<usize>, Error> {
        let runner = &runner.within(self.job);
        let mut planned = plan(last, runner)?;
        let wanted = partitions.unwrap_or_else(|| (0..last.partitions()).collect());
        self.set_stages(planned.shuffles, planned.result_needs, last, wanted.clone());
        let stages = &self.stages;
        let ids = stages.iter().map(|stage| stage.id).collect();
        let plan_of_job = || {
            let outline = |stage: &StageRun| stage.outline(stages);
            describe(stages.iter().map(outline).collect())
        };
        self.reports
            .job_started(self.action, ids, properties, plan_of_job);
        for _ in 0..LOST_ROUNDS_MAX {
            self.run_stages();
            self.close_stages();
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if !self.lost {
                return Ok(wanted);
            }
            // What is left of the last stage is planned again from the lineage.
            self.lost = false;
            // Tasks that ended after the loss may have queued others, of the old plan.
            self.queue.clear();
            let left = self.unfinished_results();
            planned = plan(last, runner)?;
            self.set_stages(planned.shuffles, planned.result_needs, last, left);
        }
        Err(self.job_error(
            self.action,
            0,
            LOST_ROUNDS_MAX,
            TaskError::Input {
                operator: self.action,
                message: "the output of earlier stages was lost again and again; cache what is \
                          read several times"
                    .to_owned(),
            },
        ))
    }

    fn set_stages(
        &mut self,
        shuffles: Vec<PlannedShuffle>,
        result_needs: Vec<usize>,
        last: &Arc<dyn AnyNode>,
        partitions: Vec<usize>,
    ) {
        let inner = self.inner;
        let stage = |site, kind, needs| StageRun::new(inner.next_stage_id(), site, kind, needs);
        self.stages = shuffles
            .into_iter()
            .map(|planned| {
                stage(
                    planned.stage.site(),
                    Kind::Map(planned.stage),
                    planned.needs,
                )
            })
            .collect();
        let kind = Kind::Result {
            last: last.clone(),
            partitions: partitions.into_iter().collect(),
        };
        self.stages.push(stage(self.action, kind, result_needs));
        let planned = self.stages.iter().map(|stage| (stage.id, stage.site));
        self.reports.planned(planned);
    }

    fn run_stages(&mut self) {
        self.start_ready_stages();
        loop {
            self.fill_window();
            if self.running == 0 {
                return;
            }
            // The job holds a sender, so the channel cannot be closed.
            let Ok(end) = self.ends.recv() else { return };
            self.running -= 1;
            self.task_ended(end);
        }
    }

    /// Ends the tasks that still run, after a panic on the driver.
    pub(super) fn abandon(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        self.queue.clear();
        while self.running > 0 && self.ends.recv().is_ok() {
            self.running -= 1;
        }
    }

    fn start_ready_stages(&mut self) {
        while let Some(ready) = self.stages.iter().position(|stage| {
            !stage.started && stage.needs.iter().all(|need| self.stages[*need].done)
        }) {
            self.start_stage(ready);
        }
    }

    fn start_stage(&mut self, at: usize) {
        let kind = self.stages[at].kind.clone();
        let mut idle = Vec::new();
        let partitions = match &kind {
            Kind::Map(stage) => {
                let map_side = stage.map_side();
                let mut missing = stage.missing();
                missing.retain(|partition| {
                    let empty = map_side.is_known_empty(*partition);
                    if empty {
                        stage.store_empty(*partition);
                    }
                    !empty
                });
                missing
            }
            Kind::Result { last, partitions } => {
                let (empty, full) = partitions
                    .iter()
                    .partition(|partition| last.is_known_empty(**partition));
                idle = empty;
                full
            }
        };
        let stage = &mut self.stages[at];
        stage.started = true;
        stage.tasks_left = partitions.len() + idle.len();
        let (id, site, tasks) = (stage.id, stage.site, stage.tasks_left);
        if tasks > 0 {
            self.reports.stage_submitted(id, site, tasks);
        }
        let of = kind.key();
        let (failures, inner) = (&self.failures, self.inner);
        let name = |partition| TaskName {
            stage: at,
            partition,
            attempt: 1 + failures.get(&(of, partition)).copied().unwrap_or(0),
            id: inner.next_task_id(),
        };
        let idle: Vec<TaskName> = idle.into_iter().map(name).collect();
        self.queue.extend(partitions.into_iter().map(name));
        if tasks == 0 {
            self.stages[at].done = true;
        }
        // An empty partition is not worth a hand-over to another thread.
        for task in idle {
            self.reports.task_started(id, task);
            let end = run_one(&self.make_run(task), task);
            self.task_ended(end);
        }
    }

    fn fill_window(&mut self) {
        while self.running < self.window
            && self.failure.is_none()
            && !self.lost
            && let Some(task) = self.queue.pop_front()
        {
            self.submit(task);
        }
    }

    fn submit(&mut self, task: TaskName) {
        let stage = self.stages[task.stage].id;
        self.reports.task_started(stage, task);
        let run = self.make_run(task);
        let reporter = Reporter {
            report: self.report.clone(),
            end: None,
            task,
        };
        let slots = self.inner.slots.clone();
        let shown = SlotTask {
            task: task.id,
            job: self.job,
            stage,
            partition: task.partition,
            attempt: task.attempt,
        };
        self.running += 1;
        self.inner.executor.submit(Work {
            run: Box::new(move |slot| {
                let mut reporter = reporter;
                slots.began(slot, shown);
                let mut end = run_one(&run, task);
                end.slot = Some(slot);
                // Once an action has returned, no task of it holds on to an RDD: dropping
                // the last handle frees what is kept at once.
                drop(run);
                slots.ended(slot, &end);
                reporter.end = Some(end);
            }),
        });
    }

    fn make_run(&self, task: TaskName) -> TaskRun {
        TaskRun {
            work: match &self.stages[task.stage].kind {
                Kind::Map(stage) => RunWhat::Map(stage.clone()),
                Kind::Result { .. } => RunWhat::Result(self.unit.clone()),
            },
            context: TaskContext::new(
                task.attempt,
                self.inner.chunk_records,
                self.inner.cache.clone(),
                self.cancelled.clone(),
            )
            .measured(self.inner.measure_operators && self.inner.events.is_listened()),
        }
    }

    fn task_ended(&mut self, mut end: TaskEnd) {
        let task = end.task;
        let stage = &mut self.stages[task.stage];
        let outcome = std::mem::replace(&mut end.outcome, Ok(Vec::new()));
        // How values are merged is the user's code, and runs here on the driver.
        let merged = outcome.map(|updates| {
            catch_panic(self.action, || {
                self.reports.merge(updates, &mut stage.touched)
            })
        });
        let (accumulators, error) = match merged {
            Ok(Ok(accumulators)) => (accumulators, None),
            Ok(Err(panic)) => {
                self.reports
                    .task_ended(stage.id, &end, Vec::new(), Some(&panic));
                return self.fail(
                    task.stage,
                    Error::Driver {
                        cause: panic.clone(),
                    },
                    panic,
                );
            }
            Err(error) => (Vec::new(), Some(error)),
        };
        self.reports
            .task_ended(stage.id, &end, accumulators, error.as_ref());
        match error {
            None => {
                stage.metrics.add(&end.metrics);
                stage.operators.add(&end.operators);
                stage.tasks_left -= 1;
                if let Kind::Result { partitions, .. } = &mut stage.kind {
                    partitions.remove(&task.partition);
                }
                if stage.tasks_left == 0 {
                    self.stage_ended(task.stage, None);
                    self.start_ready_stages();
                }
            }
            Some(TaskError::ShuffleLost { shuffle, .. }) => {
                self.lost = true;
                self.queue.clear();
                for stage in &self.stages {
                    if let Kind::Map(stage) = &stage.kind
                        && stage.shuffle_id() == shuffle
                    {
                        stage.forget_taken();
                    }
                }
            }
            Some(error) => self.task_failed(task, error),
        }
    }

    fn task_failed(&mut self, task: TaskName, error: TaskError) {
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        let last_try = task.attempt >= self.inner.max_failures;
        let of = self.stages[task.stage].kind.key();
        self.failures.insert((of, task.partition), task.attempt);
        if !cancelled && !last_try && self.failure.is_none() {
            tracing::warn!(%error, partition = task.partition, attempt = task.attempt,
                "a task failed and is tried again");
            self.queue.push_back(TaskName {
                attempt: task.attempt + 1,
                id: self.inner.next_task_id(),
                ..task
            });
            return;
        }
        let site = self.stages[task.stage].site;
        let failure = self.job_error(site, task.partition, task.attempt, error.clone());
        self.fail(task.stage, failure, error);
    }

    /// Ends the job; the first failure is the one that it ends with.
    fn fail(&mut self, stage: usize, failure: Error, cause: TaskError) {
        if self.failure.is_none() {
            self.failure = Some(failure);
            self.queue.clear();
            // The other tasks of the job work for nothing now.
            self.cancelled.store(true, Ordering::Relaxed);
            self.stage_ended(stage, Some(cause));
        }
    }

    fn job_error(&self, stage: Site, partition: usize, attempts: u32, cause: TaskError) -> Error {
        let (action, job) = (self.action, self.job);
        Error::Job(Arc::new(JobError {
            action,
            job,
            stage,
            partition,
            attempts,
            cause,
        }))
    }

    fn stage_ended(&mut self, at: usize, error: Option<TaskError>) {
        let stage = &mut self.stages[at];
        stage.done = error.is_none();
        stage.told_end = true;
        if let Kind::Map(stage) = &stage.kind
            && error.is_none()
        {
            stage.completed(self.inner.shuffle_keep_bytes);
        }
        self.tell_stage_ended(at, error);
    }

    fn tell_stage_ended(&mut self, at: usize, error: Option<TaskError>) {
        let stage = &mut self.stages[at];
        let touched = std::mem::take(&mut stage.touched);
        self.reports
            .stage_ended(stage.id, error, stage.metrics, &stage.operators, touched);
    }

    /// Tells the end of stages that began and will not be finished as they are.
    fn close_stages(&mut self) {
        for at in 0..self.stages.len() {
            let stage = &mut self.stages[at];
            if stage.started && !stage.done && !std::mem::replace(&mut stage.told_end, true) {
                self.tell_stage_ended(at, Some(TaskError::Cancelled));
            }
        }
    }

    fn unfinished_results(&self) -> Vec<usize> {
        self.stages
            .iter()
            .find_map(|stage| match &stage.kind {
                Kind::Result { partitions, .. } => Some(partitions.iter().copied().collect()),
                Kind::Map(_) => None,
            })
            .unwrap_or_default()
    }
}
