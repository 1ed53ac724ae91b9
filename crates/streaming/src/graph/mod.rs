//! The static graph of a program: its streams and output operations.
//!
//! It is built once, then frozen. Every stream has a number, its place in the order of
//! construction; the whole has a fingerprint, so that two processes can tell whether they
//! run the same program.

mod check;
pub(crate) mod info;
mod keeping;
mod node;
mod output;
mod reads;
mod state;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::hash::partition_hash;
use headwater_core::{Context, Rdd, Record, Site};
use parking_lot::{Mutex, ReentrantMutex};

pub use node::NodeId;
pub(crate) use node::{AnyStream, NodeInfo, NodeInfo as StreamInfo, Plan, Stream, remember};
pub(crate) use output::{Output, OutputJob};
pub use output::{OutputId, OutputNumber, OutputResult};

use keeping::{Commits, Keeping};

use crate::batch::Outcome;
use crate::console::Console;
use crate::context::WeakContext;
use crate::error::{Mistake, PlanError, StreamError};
use crate::input::Input;
use crate::state::{AnySteps, taken_in};
use crate::threads::Owner;
use crate::time::Time;

/// Which state a streaming context is in: Spark's `StreamingContextState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamingState {
    /// Streams and outputs can be added.
    Initialized,
    /// Batches are cut; nothing can be added.
    Active,
    /// Stopped for good.
    Stopped,
}

const INITIALIZED: u8 = 0;
const ACTIVE: u8 = 1;
const STOPPED: u8 = 2;

/// The streams and outputs of a streaming context.
pub(crate) struct Graph {
    pub(crate) ctx: Context,
    /// The streaming context of the graph, once that is whole.
    pub(crate) handle: OnceLock<WeakContext>,
    pub(crate) batch: Duration,
    pub(crate) owner: Owner,
    /// Held while RDDs of a batch are made, by one thread at a time.
    pub(crate) generating: ReentrantMutex<()>,
    state: AtomicU8,
    zero_time: OnceLock<Time>,
    /// Batches up to this one may have been run before, by the process before this one.
    reruns_up_to: OnceLock<Time>,
    /// The last batch that the inputs have given their shares to.
    last_cut: Mutex<Option<Time>>,
    streams: Mutex<Vec<Arc<dyn AnyStream>>>,
    inputs: Mutex<Vec<Arc<dyn Input>>>,
    outputs: Mutex<Vec<Output>>,
    /// The streams that keep state.
    stateful: Mutex<Vec<(Arc<dyn AnyStream>, Arc<dyn AnySteps>)>>,
    /// Those of them that outputs depend on, once the graph is whole.
    live_state: Mutex<Vec<(Arc<dyn AnyStream>, Arc<dyn AnySteps>)>>,
    /// Where what happens is written, if anywhere.
    keeping: Mutex<Option<Keeping>>,
    commits: Commits,
    mistakes: Mutex<Vec<Mistake>>,
    user_remember: Mutex<Option<Duration>>,
    unpersist: bool,
    outcome: Arc<Outcome>,
    pub(crate) console: Console,
}

impl Graph {
    pub(crate) fn new(
        ctx: &Context,
        batch: Duration,
        unpersist: bool,
        outcome: Arc<Outcome>,
    ) -> Arc<Self> {
        Arc::new(Graph {
            ctx: ctx.clone(),
            handle: OnceLock::new(),
            batch,
            owner: Owner::new(),
            generating: ReentrantMutex::new(()),
            state: AtomicU8::new(INITIALIZED),
            zero_time: OnceLock::new(),
            reruns_up_to: OnceLock::new(),
            last_cut: Mutex::new(None),
            streams: Mutex::default(),
            inputs: Mutex::default(),
            outputs: Mutex::default(),
            stateful: Mutex::default(),
            live_state: Mutex::default(),
            keeping: Mutex::default(),
            commits: Commits::default(),
            mistakes: Mutex::default(),
            user_remember: Mutex::new(None),
            unpersist,
            outcome,
            console: Console::stdout(),
        })
    }

    pub(crate) fn state(&self) -> StreamingState {
        match self.state.load(Ordering::Acquire) {
            INITIALIZED => StreamingState::Initialized,
            ACTIVE => StreamingState::Active,
            _ => StreamingState::Stopped,
        }
    }

    pub(crate) fn set_state(&self, state: StreamingState) {
        let number = match state {
            StreamingState::Initialized => INITIALIZED,
            StreamingState::Active => ACTIVE,
            StreamingState::Stopped => STOPPED,
        };
        self.state.store(number, Ordering::Release);
    }

    /// Adds a stream. After the start this is a mistake, and the stream is no part of the
    /// graph.
    pub(crate) fn add<T: Record>(
        self: &Arc<Self>,
        plan: Plan,
        compute: impl Fn(Time) -> Result<Rdd<T>, PlanError> + Send + Sync + 'static,
    ) -> Arc<Stream<T>> {
        let is_frozen = self.refuse_when_frozen(plan.site);
        let mut streams = self.streams.lock();
        let id = NodeId(streams.len());
        let stream = Arc::new(Stream::new(self, id, plan, compute));
        if !is_frozen {
            streams.push(stream.clone());
        }
        stream
    }

    pub(crate) fn add_input(&self, site: Site, input: Arc<dyn Input>) {
        if !self.refuse_when_frozen(site) {
            self.inputs.lock().push(input);
        }
    }

    /// Ends the stream because of an error outside the outputs.
    pub(crate) fn halt(&self, error: StreamError) {
        self.outcome.halt(error);
    }

    pub(crate) fn add_output(
        &self,
        site: Site,
        make: impl Fn(Time, OutputNumber) -> Result<Option<OutputJob>, PlanError>
        + Send
        + Sync
        + 'static,
        stream: Arc<dyn AnyStream>,
    ) -> OutputId {
        let is_frozen = self.refuse_when_frozen(site);
        let mut outputs = self.outputs.lock();
        let id = OutputId(outputs.len());
        if !is_frozen {
            outputs.push(Output {
                id,
                number: OutputNumber::first(id),
                name: None,
                site,
                stream,
                make: Arc::new(make),
            });
        }
        id
    }

    /// Freezes the graph: time begins at `zero`, exclusive.
    pub(crate) fn begin(&self, zero: Time) {
        let _ = self.zero_time.set(zero);
        let how_long = self.user_remember.lock().unwrap_or_default();
        let outputs = self.outputs();
        for output in &outputs {
            remember(&*output.stream, how_long);
        }
        *self.live_state.lock() = self.state_in_use();
        self.set_state(StreamingState::Active);
    }

    /// What will be [`Graph::live_state`] when the graph is frozen as it is now.
    pub(crate) fn state_in_use(&self) -> Vec<(Arc<dyn AnyStream>, Arc<dyn AnySteps>)> {
        let outputs = self.outputs();
        let needed = needed_for(outputs.iter().map(|output| &output.stream));
        let mut live = self.stateful();
        live.retain(|(stream, steps)| {
            let is_of_state = |needed: &Arc<dyn AnyStream>| {
                needed.info().is_of_state(stream.info(), steps.store())
            };
            needed.iter().any(is_of_state)
        });
        live
    }

    pub(crate) fn zero_time(&self) -> Option<Time> {
        self.zero_time.get().copied()
    }

    /// Notes that batches up to this one may have been run before a restart. The first call
    /// holds.
    pub(crate) fn set_reruns_up_to(&self, time: Time) {
        let _ = self.reruns_up_to.set(time);
    }

    /// Whether the process before this one may have run a batch.
    pub(crate) fn may_have_run(&self, time: Time) -> bool {
        self.reruns_up_to.get().is_some_and(|last| time <= *last)
    }

    /// Notes that what belongs to the batches up to this one is decided.
    pub(crate) fn note_cut(&self, time: Time) {
        *self.last_cut.lock() = Some(time);
    }

    /// The last batch of which it is decided what belongs to it.
    pub(crate) fn last_cut(&self) -> Option<Time> {
        *self.last_cut.lock()
    }

    /// Whether a stream with this slide has a batch at `time`.
    pub(crate) fn is_time_of(&self, time: Time, slide: Duration) -> bool {
        self.zero_time()
            .and_then(|zero| time.checked_since(zero))
            .is_some_and(|since| !since.is_zero() && crate::time::is_multiple(since, slide))
    }

    pub(crate) fn inputs(&self) -> Vec<Arc<dyn Input>> {
        self.inputs.lock().clone()
    }

    pub(crate) fn streams(&self) -> Vec<Arc<dyn AnyStream>> {
        self.streams.lock().clone()
    }

    pub(crate) fn outputs(&self) -> Vec<Output> {
        self.outputs.lock().clone()
    }

    /// Makes every stream remember for at least `how_long`; `false` if that is set already.
    pub(crate) fn remember_all(&self, how_long: Duration) -> bool {
        self.user_remember.lock().replace(how_long).is_none()
    }

    /// Called when a batch is done: drops what nothing needs any more. What state has not
    /// taken in stays, with all that it is made from.
    pub(crate) fn end_batch(&self, time: Time) {
        let zero = self.zero_time().unwrap_or(time);
        let state = self.live_state();
        let taken_in = taken_in(state.iter().map(|(_, steps)| steps), zero);
        let time = taken_in.map_or(time, |taken_in| time.min(taken_in));
        for stream in self.streams.lock().iter() {
            stream.forget(time, self.unpersist);
        }
        for input in self.inputs.lock().iter() {
            input.end_batch(time);
        }
    }

    /// Lets go of everything, so that closures that hold streams are freed.
    pub(crate) fn dismantle(&self) {
        let streams = std::mem::take(&mut *self.streams.lock());
        let outputs = std::mem::take(&mut *self.outputs.lock());
        let inputs = std::mem::take(&mut *self.inputs.lock());
        let stateful = std::mem::take(&mut *self.stateful.lock());
        let live_state = std::mem::take(&mut *self.live_state.lock());
        // Freed without a lock held: closures may own anything.
        drop((streams, outputs, inputs, stateful, live_state));
    }

    /// A number that two processes share exactly when they built the same graph.
    ///
    /// It covers each stream's operator, record type, slide, name and parents, and each
    /// output operation; not the closures, which cannot be compared.
    pub(crate) fn fingerprint(&self) -> u64 {
        let streams: Vec<_> = self
            .streams
            .lock()
            .iter()
            .map(|stream| {
                let info = stream.info();
                let parents: Vec<usize> = stream
                    .parents()
                    .iter()
                    .map(|parent| parent.info().id.0)
                    .collect();
                (
                    info.site.operator(),
                    info.record_type,
                    info.slide.as_millis(),
                    info.name().map(str::to_owned),
                    parents,
                )
            })
            .collect();
        let outputs: Vec<_> = self
            .outputs
            .lock()
            .iter()
            .map(|output| (output.site.operator(), output.stream.info().id.0))
            .collect();
        partition_hash(&(self.batch.as_millis(), streams, outputs))
    }
}

/// The streams that others are made from, and these themselves.
fn needed_for<'a>(
    outputs: impl Iterator<Item = &'a Arc<dyn AnyStream>>,
) -> Vec<Arc<dyn AnyStream>> {
    let (mut seen, mut needed) = (HashSet::new(), Vec::new());
    let mut to_visit: Vec<_> = outputs.cloned().collect();
    while let Some(stream) = to_visit.pop() {
        if seen.insert(stream.info().id) {
            to_visit.extend(stream.parents().iter().cloned());
            needed.push(stream);
        }
    }
    needed
}
