//! Runs one job: its stages in order, its tasks on the executor, failures tried again.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

use super::executor::Work;
use super::plan::PlannedShuffle;
use super::slot::{Reporter, RunWhat, TaskEnd, TaskName, TaskRun, Unit, run_one};
use super::{TaskContext, TaskMetrics, catch_panic, in_task, plan};
use crate::accumulator;
use crate::chunk::Stop;
use crate::context::ContextInner;
use crate::error::{Error, JobError, TaskError};
use crate::events::{
    Event, JobEnded, JobStarted, StageCompleted, StageSubmitted, TaskEnded, TaskStarted,
};
use crate::rdd::AnyNode;
use crate::shuffle::ShuffleStage;
use crate::site::Site;

/// How often output of earlier stages may get lost before a job gives up. Each level of a
/// deep lineage may cost one round, so the bound only has to stop an endless loop.
const LOST_ROUNDS_MAX: u32 = 32;

/// Runs jobs of a context.
#[derive(Clone)]
pub(crate) struct JobRunner {
    inner: Arc<ContextInner>,
    keep_shuffles: bool,
}

impl JobRunner {
    pub(crate) fn new(inner: Arc<ContextInner>) -> Self {
        JobRunner {
            inner,
            keep_shuffles: false,
        }
    }

    /// For jobs that look at data which the job they run for reads again: what they
    /// shuffle is kept for it.
    pub(crate) fn ahead_of_another_job(&self) -> Self {
        JobRunner {
            inner: self.inner.clone(),
            keep_shuffles: true,
        }
    }

    pub(super) fn keeps_shuffles(&self) -> bool {
        self.keep_shuffles
    }

    /// Computes `work` for the given partitions (all when `None`) of the lineage that ends
    /// in `last`, and gives the results in the order of the partitions.
    pub(crate) fn run<R: Send + 'static>(
        &self,
        action: Site,
        last: &Arc<dyn AnyNode>,
        partitions: Option<Vec<usize>>,
        work: impl Fn(&TaskContext, usize) -> Result<R, Stop> + Send + Sync + 'static,
    ) -> Result<Vec<R>, Error> {
        let results: Arc<Mutex<Vec<(usize, R)>>> = Arc::default();
        let stored = results.clone();
        let unit: Unit = Arc::new(move |task, partition| {
            let result = work(task, partition)?;
            stored.lock().push((partition, result));
            Ok(())
        });
        let wanted = self.run_units(action, last, partitions, unit)?;
        let mut results = std::mem::take(&mut *results.lock());
        let places: HashMap<usize, usize> = wanted
            .iter()
            .enumerate()
            .map(|(place, partition)| (*partition, place))
            .collect();
        results.sort_unstable_by_key(|(partition, _)| places.get(partition).copied());
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    fn run_units(
        &self,
        action: Site,
        last: &Arc<dyn AnyNode>,
        partitions: Option<Vec<usize>>,
        unit: Unit,
    ) -> Result<Vec<usize>, Error> {
        if in_task() {
            return Err(Error::NestedAction { site: action });
        }
        if self.inner.is_stopped() {
            return Err(Error::Stopped { site: action });
        }
        let started = Instant::now();
        let job = self.inner.next_job_id();
        let properties = self.inner.local_properties();
        let cancelled = self.inner.running.start(job, properties.group);
        let mut run = JobRun::new(&self.inner, job, action, cancelled, unit);
        let result = catch_panic(action, || {
            run.run_to_end(self, last, partitions, properties.description)
        })
        .unwrap_or_else(|cause| {
            run.abandon();
            Err(Error::Driver { cause })
        });
        self.inner.running.end(job);
        if run.announced {
            run.post(|| {
                Event::JobEnded(JobEnded {
                    job,
                    at: SystemTime::now(),
                    took: started.elapsed(),
                    error: result.as_ref().err().cloned(),
                })
            });
        }
        result
    }
}

/// One job under way.
struct JobRun<'a> {
    inner: &'a Arc<ContextInner>,
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
    /// Whether the start of the job was told: one that cannot be planned never starts.
    announced: bool,
    failures: HashMap<(Option<u64>, usize), u32>,
}

struct StageRun {
    id: u64,
    site: Site,
    kind: Kind,
    needs: Vec<usize>,
    started: bool,
    done: bool,
    /// Whether listeners know that it is over, well or not.
    told_end: bool,
    tasks_left: usize,
    metrics: TaskMetrics,
}

#[derive(Clone)]
enum Kind {
    Map(Arc<dyn ShuffleStage>),
    Result {
        last: Arc<dyn AnyNode>,
        partitions: BTreeSet<usize>,
    },
}

impl Kind {
    /// What stays the same when the job is planned again.
    fn key(&self) -> Option<u64> {
        match self {
            Kind::Map(stage) => Some(stage.shuffle_id()),
            Kind::Result { .. } => None,
        }
    }
}

impl<'a> JobRun<'a> {
    fn new(
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
            announced: false,
            failures: HashMap::new(),
        }
    }

    fn run_to_end(
        &mut self,
        runner: &JobRunner,
        last: &Arc<dyn AnyNode>,
        partitions: Option<Vec<usize>>,
        description: Option<Arc<str>>,
    ) -> Result<Vec<usize>, Error> {
        let mut planned = plan(last, runner)?;
        let wanted = partitions.unwrap_or_else(|| (0..last.partitions()).collect());
        self.set_stages(planned.shuffles, planned.result_needs, last, wanted.clone());
        self.announced = true;
        self.post_started(description);
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
        let stage = |site, kind, needs| StageRun {
            id: inner.next_stage_id(),
            site,
            kind,
            needs,
            started: false,
            done: false,
            told_end: false,
            tasks_left: 0,
            metrics: TaskMetrics::default(),
        };
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
    fn abandon(&mut self) {
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
            self.post(|| {
                let job = self.job;
                let at = SystemTime::now();
                Event::StageSubmitted(StageSubmitted {
                    job,
                    stage: id,
                    at,
                    site,
                    tasks,
                })
            });
        }
        let of = kind.key();
        let failures = &self.failures;
        let name = |partition| TaskName {
            stage: at,
            partition,
            attempt: 1 + failures.get(&(of, partition)).copied().unwrap_or(0),
        };
        let idle: Vec<TaskName> = idle.into_iter().map(name).collect();
        self.queue.extend(partitions.into_iter().map(name));
        if tasks == 0 {
            self.stages[at].done = true;
        }
        // An empty partition is not worth a hand-over to another thread.
        for task in idle {
            self.post_task_started(task);
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
        self.post_task_started(task);
        let run = self.make_run(task);
        let reporter = Reporter {
            report: self.report.clone(),
            end: None,
            task,
        };
        self.running += 1;
        self.inner.executor.submit(Work {
            run: Box::new(move || {
                let mut reporter = reporter;
                let end = run_one(&run, task);
                // Once an action has returned, no task of it holds on to an RDD: dropping
                // the last handle frees what is kept at once.
                drop(run);
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
            ),
        }
    }

    fn task_ended(&mut self, end: TaskEnd) {
        let task = end.task;
        self.post_task_ended(&end);
        match end.outcome {
            Ok(updates) => {
                accumulator::merge(updates);
                let stage = &mut self.stages[task.stage];
                stage.metrics.add(&end.metrics);
                stage.tasks_left -= 1;
                if let Kind::Result { partitions, .. } = &mut stage.kind {
                    partitions.remove(&task.partition);
                }
                if stage.tasks_left == 0 {
                    self.stage_ended(task.stage, None);
                    self.start_ready_stages();
                }
            }
            Err(TaskError::ShuffleLost { shuffle, .. }) => {
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
            Err(error) => self.task_failed(task, error),
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
                ..task
            });
            return;
        }
        if self.failure.is_none() {
            let site = self.stages[task.stage].site;
            let failure = self.job_error(site, task.partition, task.attempt, error.clone());
            self.failure = Some(failure);
            self.queue.clear();
            // The other tasks of the job work for nothing now.
            self.cancelled.store(true, Ordering::Relaxed);
            self.stage_ended(task.stage, Some(error));
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
        self.post_stage_ended(at, error);
    }

    fn post_stage_ended(&self, at: usize, error: Option<TaskError>) {
        self.post(|| {
            Event::StageCompleted(StageCompleted {
                job: self.job,
                stage: self.stages[at].id,
                at: SystemTime::now(),
                error,
                metrics: self.stages[at].metrics,
            })
        });
    }

    /// Tells the end of stages that began and will not be finished as they are.
    fn close_stages(&mut self) {
        for at in 0..self.stages.len() {
            let stage = &mut self.stages[at];
            if stage.started && !stage.done && !std::mem::replace(&mut stage.told_end, true) {
                self.post_stage_ended(at, Some(TaskError::Cancelled));
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

    fn post(&self, event: impl FnOnce() -> Event) {
        if self.inner.events.is_listened() {
            self.inner.events.post(event());
        }
    }

    fn post_started(&self, description: Option<Arc<str>>) {
        self.post(|| {
            Event::JobStarted(JobStarted {
                job: self.job,
                at: SystemTime::now(),
                action: self.action,
                stages: self.stages.iter().map(|stage| stage.id).collect(),
                description,
            })
        });
    }

    fn post_task_started(&self, task: TaskName) {
        self.post(|| {
            Event::TaskStarted(TaskStarted {
                job: self.job,
                stage: self.stages[task.stage].id,
                partition: task.partition,
                attempt: task.attempt,
                at: SystemTime::now(),
            })
        });
    }

    fn post_task_ended(&self, end: &TaskEnd) {
        self.post(|| {
            Event::TaskEnded(TaskEnded {
                job: self.job,
                stage: self.stages[end.task.stage].id,
                partition: end.task.partition,
                attempt: end.task.attempt,
                at: SystemTime::now(),
                metrics: end.metrics,
                accumulators: end
                    .outcome
                    .as_ref()
                    .map(|updates| accumulator::describe(updates))
                    .unwrap_or_default(),
                error: end.outcome.as_ref().err().cloned(),
            })
        });
    }
}
