//! Cuts batches: at each batch time every output operation gives its job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::{JobScheduler, JobSet, Outcome, OutputRun, Schedule, tell_batch};
use crate::checkpoint::{Share, cut_batch};
use crate::clock::{Clock, Signal, Woken};
use crate::error::StreamError;
use crate::graph::{Graph, OutputJob};
use crate::input::{Allocated, stop_all};
use crate::time::Time;

/// The thread that waits for batch times.
pub(crate) struct JobGenerator {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    graph: Arc<Graph>,
    scheduler: Arc<JobScheduler>,
    clock: Arc<dyn Clock>,
    outcome: Arc<Outcome>,
    /// Notified by who wants it to end, and when the stream is halted.
    signal: Signal,
    /// End without the batch that is being cut.
    stop_now: AtomicBool,
    /// End as soon as everything that was received belongs to a batch.
    stop_when_all_is_cut: AtomicBool,
    first: Time,
    progress: Mutex<Progress>,
    progressed: Condvar,
}

#[derive(Default)]
struct Progress {
    /// The last batch that was cut.
    last: Option<Time>,
    ended: bool,
}

impl JobGenerator {
    /// Starts cutting batches, the first one at `first`.
    pub(crate) fn start(
        graph: &Arc<Graph>,
        scheduler: &Arc<JobScheduler>,
        clock: &Arc<dyn Clock>,
        outcome: &Arc<Outcome>,
        first: Time,
    ) -> Result<Self, StreamError> {
        let shared = Arc::new(Shared {
            graph: graph.clone(),
            scheduler: scheduler.clone(),
            clock: clock.clone(),
            outcome: outcome.clone(),
            signal: outcome.halting(),
            stop_now: AtomicBool::new(false),
            stop_when_all_is_cut: AtomicBool::new(false),
            first,
            progress: Mutex::default(),
            progressed: Condvar::new(),
        });
        let work = shared.clone();
        let name = "hw-generator".to_owned();
        let thread = graph.owner.spawn(name, move || {
            generate_from(&work);
            if work.outcome.halted().is_some() {
                // Nobody will process what is received from now on.
                stop_all(&work.graph.inputs());
            }
            work.progress.lock().ended = true;
            work.progressed.notify_all();
        })?;
        Ok(JobGenerator {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits until the batch of a time has been cut, or no more will be.
    pub(crate) fn await_generated(&self, time: Time) {
        let mut progress = self.shared.progress.lock();
        while !progress.ended && progress.last.is_none_or(|last| last < time) {
            self.shared.progressed.wait(&mut progress);
        }
    }

    /// Ends after the batch that is being cut, or after those that take what was received last;
    /// `false` when the deadline comes before that.
    pub(crate) fn finish(&self, deadline: Option<Instant>) -> bool {
        let shared = &self.shared;
        shared.stop_when_all_is_cut.store(true, Ordering::Release);
        shared.signal.notify();
        let mut progress = shared.progress.lock();
        while !progress.ended {
            let Some(deadline) = deadline else {
                shared.progressed.wait(&mut progress);
                continue;
            };
            let waited = shared.progressed.wait_until(&mut progress, deadline);
            if waited.timed_out() {
                break;
            }
        }
        progress.ended
    }

    /// Has the thread end as soon as it looks, without waiting for that.
    pub(crate) fn close(&self) {
        self.shared.stop_now.store(true, Ordering::Release);
        self.shared.signal.notify();
    }

    /// Ends at once.
    pub(crate) fn stop(&self) {
        self.close();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && !self.shared.graph.owner.owns_this_thread()
        {
            // It catches the panics of what it calls, so there is nothing to learn here.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Whether something that was received waits for the batch of a time, or a later one.
    fn is_awaited(&self, time: Time) -> bool {
        // What an earlier process cut belongs to its batch, and takes nothing else.
        let keeper = self.graph.keeper();
        let is_cut = keeper.is_some_and(|keeper| keeper.has_cut_since(time));
        is_cut
            || self
                .graph
                .inputs()
                .iter()
                .any(|input| input.has_unallocated())
    }
}

fn generate_from(shared: &Shared) {
    let mut schedule = Schedule::from(shared.first, shared.graph.batch);
    let mut warned = false;
    loop {
        if shared.stop_now.load(Ordering::Acquire) || shared.outcome.halted().is_some() {
            return;
        }
        // Decided here, between two batches: what the inputs have given to a batch is in none as
        // long as that is being cut, and nobody else could tell.
        if shared.stop_when_all_is_cut.load(Ordering::Acquire)
            && !shared.is_awaited(schedule.next())
        {
            return;
        }
        let (now, next) = (shared.clock.now(), schedule.next());
        if schedule.is_far(now) && !std::mem::replace(&mut warned, true) {
            tracing::warn!(%now, %next, "the clock was set back; the next batch waits for its time");
        }
        if !schedule.is_due(now)
            && shared.clock.wait_until(next, &shared.signal) == Woken::Signalled
        {
            continue;
        }
        let (graph, group) = (&shared.graph, shared.graph.owner.job_group());
        // A `transform` may run jobs of its own, which a stop has to find.
        let wanted = graph.ctx.with_job_group(&group, "planning", || {
            tell_batch(&graph.ctx, next);
            generate(shared, next)
        });
        if !wanted {
            return;
        }
        shared.progress.lock().last = Some(next);
        shared.progressed.notify_all();
        schedule.cut();
    }
}

/// Cuts the batch of a time; `false` if no more batches are wanted.
fn generate(shared: &Shared, time: Time) -> bool {
    let (graph, scheduler) = (&shared.graph, &shared.scheduler);
    let inputs = graph.inputs();
    let keeper = graph.keeper();
    let known = keeper.as_ref().and_then(|keeper| keeper.cut_of(time));
    let mut input_infos = BTreeMap::new();
    let named = cut_batch(known.as_ref(), inputs.len(), |number, share| {
        if share == Share::Nothing {
            return Ok(None);
        }
        let input = &inputs[number];
        let Allocated { info, range } = input.allocate(time)?;
        let records = info.as_ref().map_or(0, |info| info.records);
        input_infos.extend(info.map(|info| (input.id(), info)));
        Ok(range.map(|range| (range, records)))
    });
    // A stop from a thread of the stream waits for nobody. A source that it has stopped gave
    // nothing, and the batch would stay without it for good.
    if shared.stop_now.load(Ordering::Acquire) {
        return false;
    }
    let cut = named.and_then(|named| match &keeper {
        Some(keeper) => keeper.cut(time, named),
        None => Ok(None),
    });
    let cut_took = match cut {
        Ok(took) => took,
        // A stop at once takes the directory away from a batch that is being cut.
        Err(_) if shared.stop_now.load(Ordering::Acquire) => return false,
        Err(error) => {
            graph.halt(error);
            return false;
        }
    };
    graph.note_cut(time);
    let jobs: Vec<_> = graph
        .outputs()
        .into_iter()
        .filter_map(|output| {
            // What cannot be planned fails alone; the other outputs of the batch run.
            let job = match output.job(time) {
                Ok(job) => job?,
                Err(error) => failed(error.to_string()),
            };
            Some(OutputRun {
                id: output.id,
                site: output.site,
                job,
            })
        })
        .collect();
    let state = graph.plan_state(time);
    if jobs.is_empty() && state.is_none() && keeper.is_none() {
        // Nothing happens at this time, but time goes on for those that remember.
        scheduler.skip(time);
        return true;
    }
    graph.begins_batch(time);
    scheduler.submit(JobSet {
        time,
        inputs: input_infos,
        jobs,
        state: state.unwrap_or(Ok(())),
        cut_took,
        is_rerun: graph.may_have_run(time),
    })
}

fn failed(message: String) -> OutputJob {
    Box::new(move || Err(message.clone()))
}
