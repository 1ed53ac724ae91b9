//! What happens to a stream, told to whoever listens.
//!
//! The events travel on the engine's [`EventBus`](headwater_core::events::EventBus),
//! between those of its jobs and tasks; [`StreamingListener`] has one method for each.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use headwater_core::Site;
use headwater_core::events::{Event, LayerEvent, Listener};

use crate::checkpoint::{CheckpointFailure, CheckpointInfo};
use crate::graph::OutputId;
use crate::graph::info::GraphInfo;
use crate::state::StateInfo;
use crate::time::Time;

/// Something that happened to a stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StreamingEvent {
    /// The context was started.
    Started {
        /// When.
        at: SystemTime,
        /// How far apart batches are.
        batch_duration: Duration,
        /// What was started.
        graph: Arc<GraphInfo>,
    },
    /// A receiver began to work.
    ReceiverStarted(ReceiverInfo),
    /// A receiver reported an error, or failed.
    ReceiverError(ReceiverInfo),
    /// A receiver stopped, to be started again or for good.
    ReceiverStopped(ReceiverInfo),
    /// A receiver has stored as much as it may, and waits for the batches. It is told once, not
    /// with each record that waits.
    ReceiverSlowed(ReceiverInfo),
    /// A receiver that has waited stores again. One that is stopped while it waits is told as
    /// stopped alone.
    ReceiverResumed(ReceiverInfo),
    /// A batch was cut and its outputs were queued.
    BatchSubmitted(BatchInfo),
    /// The first output of a batch began.
    BatchStarted(BatchInfo),
    /// An output operation of a batch began.
    OutputStarted(OutputInfo),
    /// An output operation of a batch ended, well or not.
    OutputCompleted(OutputInfo),
    /// All output operations of a batch ended, well or not.
    BatchCompleted(BatchInfo),
    /// A batch that was queued will not be run, as one before it has failed and ends the stream.
    BatchDropped(BatchInfo),
    /// With backpressure, an input has a new rate.
    RateUpdated(RateInfo),
    /// A checkpoint was written.
    CheckpointWritten(CheckpointInfo),
    /// A checkpoint could not be written.
    CheckpointFailed(CheckpointFailure),
    /// The context was stopped.
    Stopped {
        /// When.
        at: SystemTime,
    },
}

impl LayerEvent for StreamingEvent {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A receiver, as events see it: Spark's `ReceiverInfo`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReceiverInfo {
    /// The number of the input stream, in the order of creation.
    pub stream_id: usize,
    /// The receiver's name and the number, such as `SocketReceiver-0`.
    pub name: String,
    /// Whether it works now.
    pub active: bool,
    /// What it said last when it failed; empty if it never did.
    pub last_error: String,
    /// When it failed last.
    pub last_error_at: Option<SystemTime>,
    /// What it has stored that no batch has finished with.
    pub stored: StoredInfo,
}

/// What a receiver has stored that no batch has finished with, and what it may.
///
/// A block that is being written to disk counts at both ends. A block that is larger than the
/// bound of memory goes in alone. Whether a block fits on disk is judged by what it takes in
/// memory, which may be a little less.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredInfo {
    /// How much is in memory.
    pub memory_bytes: u64,
    /// How much may be: `streaming.receiver.memory`.
    pub memory_bytes_max: u64,
    /// How much is on disk alone.
    pub disk_bytes: u64,
    /// How much may be: `streaming.receiver.disk`, or 0 if the storage level does not use it.
    pub disk_bytes_max: u64,
    /// Since when the receiver waits, if it does.
    pub waits_since: Option<SystemTime>,
}

/// A batch, as events see it: Spark's `BatchInfo`. Times are those of the wall clock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BatchInfo {
    /// The batch.
    pub time: Time,
    /// What each input stream gave, by its number; only inputs that know.
    pub inputs: BTreeMap<usize, InputInfo>,
    /// When the batch was queued.
    pub submitted: SystemTime,
    /// How long it waited for its first output to begin.
    pub scheduling_delay: Option<Duration>,
    /// How long its outputs took, from the first one's begin to the last one's end.
    pub processing_delay: Option<Duration>,
    /// Its output operations, as far as they have begun.
    pub outputs: BTreeMap<OutputId, OutputInfo>,
    /// Why state that the stream keeps could not be brought to the batch, if it could not: it
    /// is as it was, and the next batch does the work of both.
    pub state_failure: Option<Arc<str>>,
    /// The states that the stream keeps, once the batch has ended.
    pub states: Vec<StateInfo>,
    /// How long it took to write what belongs to the batch to the checkpoint directory; `None`
    /// without one, and if an earlier process has written it.
    pub cut_took: Option<Duration>,
    /// How long it took to write the end of the batch there; `None` until then, and if it is
    /// written with the end of an older batch that still runs.
    pub commit_took: Option<Duration>,
    /// Whether an earlier process has begun the batch, and perhaps run it.
    pub is_rerun: bool,
    /// The oldest batch that was not done when this one was queued, if this one had to wait.
    pub waited_for: Option<Time>,
}

impl BatchInfo {
    /// The property of jobs that tells whose batch they are for, in milliseconds; see
    /// [`JobStarted::properties`](headwater_core::events::JobStarted).
    pub const JOB_PROPERTY: &str = "streaming.batch_time";

    /// The sum of what the inputs gave.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.inputs.values().map(|input| input.records).sum()
    }

    /// From queueing to the end of the last output.
    #[must_use]
    pub fn total_delay(&self) -> Option<Duration> {
        Some(self.scheduling_delay? + self.processing_delay?)
    }

    /// The first failure among the outputs, in their order, or that of the state.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        let mut outputs = self.outputs.values();
        let of_output = outputs.find_map(|output| output.failure.as_deref());
        of_output.or(self.state_failure.as_deref())
    }
}

/// A new rate of an input: how many records a second the batches manage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateInfo {
    /// The number of the input stream, in the order of creation.
    pub stream_id: usize,
    /// The batch whose end gave the rate.
    pub time: Time,
    /// The estimate, in records a second.
    pub rate: u64,
    /// What the input takes at most: less than the rate where
    /// `streaming.receiver.max_rate` is lower.
    pub limit: u64,
}

/// What an input gave for a batch: Spark's `StreamInputInfo`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct InputInfo {
    /// How many records.
    pub records: u64,
    /// What a page should show about it, such as file names.
    pub description: Option<Arc<str>>,
}

/// An output operation of a batch: Spark's `OutputOperationInfo`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutputInfo {
    /// The batch.
    pub time: Time,
    /// Which output operation; the same in every batch.
    pub id: OutputId,
    /// The operator and its line.
    pub site: Site,
    /// When it began.
    pub started: SystemTime,
    /// How long it took, once it has ended.
    pub took: Option<Duration>,
    /// Why it failed, if it did.
    pub failure: Option<Arc<str>>,
    /// How often it was begun in this batch: more than once where it failed and
    /// `streaming.output.attempts` allows it.
    pub attempts: u32,
}

impl OutputInfo {
    /// The property of jobs that tells which output operation calls them, by [`OutputId::index`].
    pub const JOB_PROPERTY: &str = "streaming.output_id";
}

/// Gets the events of a stream, one method each: Spark's `StreamingListener`.
///
/// # Contract
/// That of [`Listener`]: one event at a time, in order, on the bus's thread; a panic is
/// logged; no batch ever waits for a listener; a listener must not stop the context.
///
/// ```
/// use headwater_streaming::testing::TestStream;
/// use headwater_streaming::time::seconds;
/// use headwater_streaming::{BatchInfo, StreamingListener};
/// use std::sync::{Arc, Mutex};
///
/// struct Times(Arc<Mutex<Vec<i64>>>);
///
/// impl StreamingListener for Times {
///     fn on_batch_completed(&mut self, batch: &BatchInfo) {
///         self.0.lock().unwrap().push(batch.time.as_millis());
///     }
/// }
///
/// let test = TestStream::new(seconds(1));
/// let times = Arc::new(Mutex::new(Vec::new()));
/// test.context().add_listener(Times(times.clone()));
/// test.collect(&test.input(vec![vec![1], vec![2]]));
/// test.run(2);
/// test.context().context().events().flush();
/// assert_eq!(*times.lock().unwrap(), [1000, 2000]);
/// ```
#[expect(unused_variables, reason = "the names are part of the documentation")]
pub trait StreamingListener: Send {
    /// The context was started.
    fn on_streaming_started(&mut self, at: SystemTime, batch_duration: Duration) {}
    /// The context was started, with this graph.
    fn on_graph_built(&mut self, graph: &GraphInfo) {}
    /// A receiver began to work.
    fn on_receiver_started(&mut self, receiver: &ReceiverInfo) {}
    /// A receiver reported an error, or failed.
    fn on_receiver_error(&mut self, receiver: &ReceiverInfo) {}
    /// A receiver stopped, to be started again or for good.
    fn on_receiver_stopped(&mut self, receiver: &ReceiverInfo) {}
    /// A receiver has stored as much as it may, and waits for the batches.
    fn on_receiver_slowed(&mut self, receiver: &ReceiverInfo) {}
    /// A receiver that has waited stores again.
    fn on_receiver_resumed(&mut self, receiver: &ReceiverInfo) {}
    /// A batch was cut and its outputs were queued.
    fn on_batch_submitted(&mut self, batch: &BatchInfo) {}
    /// The first output of a batch began.
    fn on_batch_started(&mut self, batch: &BatchInfo) {}
    /// An output operation of a batch began.
    fn on_output_started(&mut self, output: &OutputInfo) {}
    /// An output operation of a batch ended, well or not.
    fn on_output_completed(&mut self, output: &OutputInfo) {}
    /// All output operations of a batch ended, well or not.
    fn on_batch_completed(&mut self, batch: &BatchInfo) {}
    /// A batch that was queued will not be run, as one before it has failed and ends the stream.
    fn on_batch_dropped(&mut self, batch: &BatchInfo) {}
    /// With backpressure, an input has a new rate.
    fn on_rate_updated(&mut self, rate: &RateInfo) {}
    /// A checkpoint was written.
    fn on_checkpoint_written(&mut self, checkpoint: &CheckpointInfo) {}
    /// A checkpoint could not be written; the stream goes on.
    fn on_checkpoint_failed(&mut self, failure: &CheckpointFailure) {}
    /// The context was stopped.
    fn on_streaming_stopped(&mut self, at: SystemTime) {}
}

/// Takes the stream's events out of the bus and calls the method of each.
pub(crate) struct Adapter<L>(pub(crate) L);

impl<L: StreamingListener> Listener for Adapter<L> {
    fn on_event(&mut self, event: &Event) {
        let Event::Layer(event) = event else { return };
        let Some(event) = event.as_any().downcast_ref::<StreamingEvent>() else {
            return;
        };
        let listener = &mut self.0;
        match event {
            StreamingEvent::Started {
                at,
                batch_duration,
                graph,
            } => {
                listener.on_streaming_started(*at, *batch_duration);
                listener.on_graph_built(graph);
            }
            StreamingEvent::ReceiverStarted(receiver) => listener.on_receiver_started(receiver),
            StreamingEvent::ReceiverError(receiver) => listener.on_receiver_error(receiver),
            StreamingEvent::ReceiverStopped(receiver) => listener.on_receiver_stopped(receiver),
            StreamingEvent::ReceiverSlowed(receiver) => listener.on_receiver_slowed(receiver),
            StreamingEvent::ReceiverResumed(receiver) => listener.on_receiver_resumed(receiver),
            StreamingEvent::BatchSubmitted(batch) => listener.on_batch_submitted(batch),
            StreamingEvent::BatchStarted(batch) => listener.on_batch_started(batch),
            StreamingEvent::OutputStarted(output) => listener.on_output_started(output),
            StreamingEvent::OutputCompleted(output) => listener.on_output_completed(output),
            StreamingEvent::BatchCompleted(batch) => listener.on_batch_completed(batch),
            StreamingEvent::BatchDropped(batch) => listener.on_batch_dropped(batch),
            StreamingEvent::RateUpdated(rate) => listener.on_rate_updated(rate),
            StreamingEvent::CheckpointWritten(info) => listener.on_checkpoint_written(info),
            StreamingEvent::CheckpointFailed(failure) => listener.on_checkpoint_failed(failure),
            StreamingEvent::Stopped { at } => listener.on_streaming_stopped(*at),
        }
    }
}
