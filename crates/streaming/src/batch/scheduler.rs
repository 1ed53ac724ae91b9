//! Runs the output operations of batches: in their order, a fixed number at a time.

mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use headwater_core::events::{Event, EventBus};
use headwater_core::{Context, Site};
use parking_lot::{Condvar, Mutex};

use super::Outcome;
use crate::clock::Clock;
use crate::conf::OnFailure;
use crate::error::StreamError;
use crate::events::{BatchInfo, InputInfo, StreamingEvent};
use crate::graph::{OutputId, OutputJob};
use crate::rate::BatchTimes;
use crate::state::StateInfo;
use crate::threads::Owner;
use crate::time::Time;

/// The output operations of one batch. Without any, the batch only brings state on, and
/// nobody is told of it.
pub(crate) struct JobSet {
    pub(crate) time: Time,
    pub(crate) inputs: BTreeMap<usize, InputInfo>,
    pub(crate) jobs: Vec<OutputRun>,
    /// Whether all that the batch does to state could be planned.
    pub(crate) state: Result<(), StreamError>,
    pub(crate) cut_took: Option<Duration>,
    pub(crate) is_rerun: bool,
}

/// One output operation of one batch.
pub(crate) struct OutputRun {
    pub(crate) id: OutputId,
    pub(crate) site: Site,
    pub(crate) job: OutputJob,
}

/// Queues batches and runs their outputs on threads of its own.
pub(crate) struct JobScheduler {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How outputs are run.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) concurrent_jobs: usize,
    pub(crate) waiting_batches_max: usize,
    pub(crate) attempts: u32,
    pub(crate) on_failure: OnFailure,
}

type BatchDone = Box<dyn Fn(Time) + Send + Sync>;
type BatchCompleted = Box<dyn Fn(&BatchInfo, BatchTimes) + Send + Sync>;
/// What is kept of how a batch has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BatchEnd {
    /// Why it failed, where streams go on after failures.
    pub(crate) failure: Option<String>,
    /// What it does to some state could not be planned.
    pub(crate) is_unplanned: bool,
}

type Committed = Result<Option<Duration>, StreamError>;
type Commit = Box<dyn Fn(Time, BatchEnd) -> Committed + Send + Sync>;
type States = Box<dyn Fn(bool) -> Vec<StateInfo> + Send + Sync>;
type CompleteState = Box<dyn Fn(Time) -> Result<(), StreamError> + Send + Sync>;

/// What happens at the end of a batch.
pub(crate) struct AtEnd {
    /// Brings state up to date that no output has looked at.
    pub(crate) complete_state: CompleteState,
    /// Makes what the batch has done last; it may have failed, where streams go on after
    /// failures.
    pub(crate) commit: Commit,
    /// Drops what only batches up to this one needed.
    pub(crate) done: BatchDone,
    /// What has become of state since this was asked last, if somebody wants to know.
    pub(crate) states: States,
    /// Adjusts rates to how the batch went.
    pub(crate) completed: BatchCompleted,
    /// What the batch's times for that are read from.
    pub(crate) clock: Arc<dyn Clock>,
}

struct Shared {
    ctx: Context,
    policy: Policy,
    outcome: Arc<Outcome>,
    owner: Owner,
    job_group: String,
    at_end: AtEnd,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Time, Work)>,
    batches: BTreeMap<Time, Batch>,
    /// Batches that are done while an older one is not, so that what they have is still kept.
    ahead: BTreeSet<Time>,
    /// How many threads have something to do.
    busy: usize,
    /// The latest batch that is done, or had nothing to do.
    last_done: Option<Time>,
    /// Set by a failure under `on_failure = stop`: no more batches are begun. Those that
    /// were begun are finished, so that no output is left out of one.
    halted: bool,
    closed: bool,
}

/// What a thread does next.
enum Work {
    Output(OutputRun),
    /// The end of a batch that has no outputs.
    End,
}

struct Batch {
    info: BatchInfo,
    /// How many outputs are not done; the last one is only once the batch has ended.
    left: usize,
    is_silent: bool,
    state: Result<(), StreamError>,
    submitted: Instant,
    started: Option<Instant>,
    /// The same by the stream's clock.
    times: BatchTimes,
}

impl JobScheduler {
    pub(crate) fn start(
        ctx: &Context,
        policy: Policy,
        outcome: Arc<Outcome>,
        owner: Owner,
        at_end: AtEnd,
    ) -> Result<Self, StreamError> {
        let count = policy.concurrent_jobs;
        let shared = Arc::new(Shared {
            ctx: ctx.clone(),
            policy,
            outcome,
            owner,
            job_group: owner.job_group(),
            at_end,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let scheduler = JobScheduler {
            shared,
            threads: Mutex::default(),
        };
        for number in 0..count {
            let shared = scheduler.shared.clone();
            let name = format!("hw-output-{number}");
            let thread = owner.spawn(name, move || work::work_on(&shared))?;
            scheduler.threads.lock().push(thread);
        }
        Ok(scheduler)
    }

    /// Queues a batch, once there is room; `false` if no more batches are taken.
    pub(crate) fn submit(&self, set: JobSet) -> bool {
        let shared = &self.shared;
        let mut state = shared.state.lock();
        while state.kept() >= shared.policy.waiting_batches_max && !state.is_over() {
            shared.changed.wait(&mut state);
        }
        if state.is_over() {
            return false;
        }
        let info = BatchInfo {
            time: set.time,
            inputs: set.inputs,
            submitted: SystemTime::now(),
            scheduling_delay: None,
            processing_delay: None,
            outputs: BTreeMap::new(),
            state_failure: None,
            states: Vec::new(),
            cut_took: set.cut_took,
            commit_took: None,
            is_rerun: set.is_rerun,
            waited_for: state.in_the_way(shared.policy.concurrent_jobs),
        };
        let is_silent = set.jobs.is_empty();
        if !is_silent {
            shared.post(|| StreamingEvent::BatchSubmitted(info.clone()));
        }
        let left = set.jobs.len().max(1);
        let submitted = Instant::now();
        let times = BatchTimes::of(shared.at_end.clock.now());
        state.batches.insert(
            set.time,
            Batch {
                info,
                left,
                is_silent,
                state: set.state,
                submitted,
                started: is_silent.then_some(submitted),
                times,
            },
        );
        let outputs = set.jobs.into_iter().map(Work::Output);
        let end = is_silent.then_some(Work::End);
        let work = outputs.chain(end).map(|work| (set.time, work));
        state.queue.extend(work);
        drop(state);
        shared.changed.notify_all();
        true
    }

    /// Notes that there is nothing to do at a time, once what came before it is done.
    pub(crate) fn skip(&self, time: Time) {
        let mut state = self.shared.state.lock();
        state.last_done = state.last_done.max(Some(time));
        let done = state.done_up_to();
        drop(state);
        if let Some(done) = done {
            (self.shared.at_end.done)(done);
        }
    }

    /// How many batches are queued or running.
    pub(crate) fn unfinished(&self) -> usize {
        self.shared.state.lock().batches.len()
    }

    /// Waits until every batch is done that was or will be begun; `false` when the deadline
    /// comes before that.
    pub(crate) fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.shared.state.lock();
        while !state.batches.is_empty() && !state.closed {
            match deadline {
                Some(deadline) => {
                    if self
                        .shared
                        .changed
                        .wait_until(&mut state, deadline)
                        .timed_out()
                    {
                        return false;
                    }
                }
                None => self.shared.changed.wait(&mut state),
            }
        }
        true
    }

    /// Drops what is queued and cancels what runs, without waiting for its end.
    pub(crate) fn close(&self) {
        {
            let mut state = self.shared.state.lock();
            state.closed = true;
            state.queue.clear();
        }
        self.shared.changed.notify_all();
        // Those too that an output is about to begin: a stop waits for their ends.
        let (ctx, group) = (&self.shared.ctx, &self.shared.job_group);
        ctx.cancel_job_group_and_future_jobs(group);
    }

    /// Ends the threads; what is queued is dropped, what runs is cancelled.
    pub(crate) fn stop(&self) {
        self.close();
        let threads = std::mem::take(&mut *self.threads.lock());
        // A part of the stream may stop it: others may wait for what that part holds.
        if !self.shared.owner.owns_this_thread() {
            for thread in threads {
                // Outputs are run behind a catch, so there is nothing to learn here.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for JobScheduler {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.closed || self.halted
    }

    /// How many batches have something that is needed or not let go of yet.
    fn kept(&self) -> usize {
        self.batches.len() + self.ahead.len()
    }

    /// Lets a batch go that is done, with those that only waited for it.
    fn remove(&mut self, time: Time) {
        self.batches.remove(&time);
        self.ahead.insert(time);
        self.ahead = match self.batches.first_key_value() {
            Some((oldest, _)) => self.ahead.split_off(oldest),
            None => BTreeSet::new(),
        };
    }

    /// The batch that one which is queued now has to wait for.
    fn in_the_way(&self, concurrent_jobs: usize) -> Option<Time> {
        let is_free = self.queue.is_empty() && self.busy < concurrent_jobs;
        let (oldest, _) = self.batches.first_key_value().filter(|_| !is_free)?;
        Some(*oldest)
    }

    /// The time up to which every batch is done.
    fn done_up_to(&self) -> Option<Time> {
        let last = self.last_done?;
        match self.batches.iter().find(|(_, batch)| batch.left > 0) {
            Some((oldest, _)) if *oldest <= last => Some(*oldest - Duration::from_millis(1)),
            _ => Some(last),
        }
    }

    /// Drops the batches that were not begun, and returns them.
    fn halt(&mut self) -> Vec<BatchInfo> {
        self.halted = true;
        let waiting = self
            .batches
            .extract_if(.., |_, batch| batch.started.is_none());
        let dropped: Vec<_> = waiting.map(|(_, batch)| batch.info).collect();
        let begun = &self.batches;
        self.queue.retain(|(time, _)| begun.contains_key(time));
        dropped
    }
}

impl Shared {
    /// Deals with a failure in a batch as configured.
    fn fail(&self, state: &mut State, error: StreamError) {
        match self.policy.on_failure {
            OnFailure::Continue if !matches!(error, StreamError::StateBehind { .. }) => {
                tracing::error!("{error}");
            }
            _ => self.halt(state, error),
        }
    }

    /// Ends the stream: what was not begun is dropped.
    fn halt(&self, state: &mut State, error: StreamError) {
        let dropped = state.halt();
        if !dropped.is_empty() {
            let dropped = dropped.len();
            tracing::error!(dropped, "batches that wait are dropped after a failure");
        }
        for batch in dropped {
            self.post(|| StreamingEvent::BatchDropped(batch));
        }
        // Those who wait for room wait for nothing any more.
        self.changed.notify_all();
        // Whoever awaits the termination is told.
        self.outcome.halt(error);
    }

    fn post(&self, event: impl FnOnce() -> StreamingEvent) {
        post(self.ctx.events(), event);
    }
}

/// Posts an event of this layer, which is not even made when nobody listens.
pub(crate) fn post(events: &EventBus, event: impl FnOnce() -> StreamingEvent) {
    if events.is_listened() {
        events.post(Event::Layer(Arc::new(event())));
    }
}
