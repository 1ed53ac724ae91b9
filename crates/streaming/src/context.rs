//! The streaming context: where every stream begins, and what runs it.

mod checkpoints;
mod describe;
mod info;
mod life;
mod resume;
mod run;
mod signals;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use headwater_core::events::ListenerId;
use headwater_core::{Conf, Context, Rdd, Record, Site};
use parking_lot::Mutex;

use self::resume::CheckpointDirectory;
use crate::batch::{JobGenerator, JobScheduler, Outcome, Policy};
use crate::clock::{Clock, SystemClock};
use crate::conf;
use crate::dstream::DStream;
use crate::error::{PlanError, StreamError};
use crate::events::{Adapter, StreamingListener};
use crate::graph::info::GraphInfo;
use crate::graph::{AnyStream, Graph, Plan, StreamingState};
use crate::input::ReceiverSettings;
use crate::state::StateStore;
use crate::time::{Time, whole_millis};

/// The entry point of streaming: Spark's `StreamingContext`. A handle; clones are the same
/// context.
///
/// Build the graph, end it in an output operation, [`start`](StreamingContext::start) it,
/// [wait](StreamingContext::await_termination). Nothing can be added after the start, and a
/// stopped context cannot be started again.
///
/// ```
/// use headwater_core::{Context, Text};
/// use headwater_streaming::{StreamingContext, time::millis};
///
/// let ctx = Context::local(2)?;
/// let ssc = StreamingContext::new(&ctx, millis(10))?;
/// let (queue, lines) = ssc.queue_stream();
/// queue.push_records(vec![Text::from("to be or not to be")], 1);
/// let counts = lines.flat_map(Text::into_words).map(|w| (w, 1)).reduce_by_key(|a, b| a + b);
/// counts.print();
/// ssc.start()?;
/// ssc.await_termination_or_timeout(millis(50))?;
/// ssc.stop(true, false)?;
/// # Ok::<(), headwater_streaming::StreamError>(())
/// ```
#[derive(Clone)]
pub struct StreamingContext {
    inner: Arc<Inner>,
}

/// A streaming context that does not keep it alive.
pub(crate) struct WeakContext(Weak<Inner>);

impl WeakContext {
    pub(crate) fn upgrade(&self) -> Option<StreamingContext> {
        self.0.upgrade().map(|inner| StreamingContext { inner })
    }
}

struct Inner {
    ctx: Context,
    graph: Arc<Graph>,
    clock: Arc<dyn Clock>,
    outcome: Arc<Outcome>,
    next_input: AtomicUsize,
    /// The graph that was started.
    graph_info: OnceLock<Arc<GraphInfo>>,
    settings: Settings,
    checkpoint: Mutex<Option<CheckpointDirectory>>,
    /// Held through `start` and `stop`, which must not overlap.
    running: Mutex<Option<Running>>,
    /// What a stop that is under way waits for.
    ending: Mutex<Ending>,
}

#[derive(Clone)]
struct Running {
    generator: Arc<JobGenerator>,
    scheduler: Arc<JobScheduler>,
}

/// A stop that is under way.
#[derive(Default)]
struct Ending {
    running: Option<Running>,
    /// Nobody waits for it any more.
    is_cut_short: bool,
}

/// How a stream is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// What runs is cancelled, what waits is dropped.
    AtOnce,
    /// What was received is processed.
    Gracefully,
    /// The same, with nobody there who could be told how it went but those who wait for the
    /// termination.
    OnSignal,
}

/// What the configuration says, read and checked once.
struct Settings {
    policy: Policy,
    graceful_stop_timeout: Duration,
    stop_on_signals: bool,
}

/// The contexts that were started and still exist, for `get_active`.
static ACTIVE: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

impl StreamingContext {
    /// A streaming context on a context, with batches of a length: Spark's
    /// `new StreamingContext(sparkContext, batchDuration)`.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::{millis, seconds}};
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert!(StreamingContext::new(&ctx, seconds(1)).is_ok());
    /// assert!(StreamingContext::new(&ctx, millis(0)).is_err());
    /// ```
    ///
    /// # Errors
    /// [`StreamError::State`] when the batch duration is zero or no whole number of
    /// milliseconds, [`StreamError::Engine`] when a `streaming.` setting is wrong.
    pub fn new(ctx: &Context, batch: Duration) -> Result<Self, StreamError> {
        StreamingContext::with_clock(ctx, batch, Arc::new(SystemClock))
    }

    /// As [`StreamingContext::new`], with a context of its own: Spark's
    /// `new StreamingContext(conf, batchDuration)`.
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// let conf = Conf::new().master("local[2]").set("streaming.block_interval", "fast");
    /// let error = StreamingContext::from_conf(conf, seconds(1)).unwrap_err().to_string();
    /// assert!(error.contains("streaming.block_interval") && error.contains("fast"));
    /// ```
    ///
    /// # Errors
    /// As [`StreamingContext::new`] and [`Context::new`].
    pub fn from_conf(conf: Conf, batch: Duration) -> Result<Self, StreamError> {
        conf.validate(&[conf::STREAMING_KEYS])?;
        StreamingContext::new(&Context::new(conf)?, batch)
    }

    /// As [`StreamingContext::new`], with a clock that is not the system's, such as
    /// [`ManualClock`](crate::clock::ManualClock).
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, clock::ManualClock, time::seconds};
    /// use std::sync::Arc;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let clock = Arc::new(ManualClock::new());
    /// assert!(StreamingContext::with_clock(&ctx, seconds(1), clock).is_ok());
    /// ```
    ///
    /// # Errors
    /// As [`StreamingContext::new`].
    pub fn with_clock(
        ctx: &Context,
        batch: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StreamError> {
        if batch.is_zero() || whole_millis(batch).is_none() {
            return Err(StreamError::State(format!(
                "a batch duration of {batch:?} is not possible; it must be at least 1 ms and a \
                 whole number of milliseconds"
            )));
        }
        let conf = ctx.conf();
        conf.validate(&[conf::STREAMING_KEYS])?;
        let settings = Settings {
            policy: Policy {
                concurrent_jobs: conf.get(&conf::CONCURRENT_JOBS)?,
                waiting_batches_max: conf.get(&conf::WAITING_BATCHES_MAX)?,
                attempts: conf.get(&conf::OUTPUT_ATTEMPTS)?,
                on_failure: conf.get(&conf::ON_FAILURE)?,
            },
            graceful_stop_timeout: conf
                .get_optional(&conf::GRACEFUL_STOP_TIMEOUT)?
                .unwrap_or_else(|| (batch * 10).max(Duration::from_secs(10))),
            stop_on_signals: conf.get(&conf::STOP_GRACEFULLY_ON_SHUTDOWN)?,
        };
        ReceiverSettings::read(conf)?;
        let directory = CheckpointDirectory::configured(conf)?;
        let outcome = Arc::new(Outcome::default());
        let graph = Graph::new(ctx, batch, conf.get(&conf::UNPERSIST)?, outcome.clone());
        let inner = Inner {
            ctx: ctx.clone(),
            graph,
            clock,
            outcome,
            next_input: AtomicUsize::new(0),
            graph_info: OnceLock::new(),
            settings,
            checkpoint: Mutex::new(directory),
            running: Mutex::new(None),
            ending: Mutex::default(),
        };
        let inner = Arc::new(inner);
        // Nobody else has the graph yet.
        let _ = inner.graph.handle.set(WeakContext(Arc::downgrade(&inner)));
        Ok(StreamingContext { inner })
    }

    /// The engine's context: Spark's `sparkContext`.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// assert_eq!(ssc.context().app_id(), ctx.app_id());
    /// ```
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.inner.ctx
    }

    /// How far apart batches are.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(StreamingContext::new(&ctx, seconds(2)).unwrap().batch_duration(), seconds(2));
    /// ```
    #[must_use]
    pub fn batch_duration(&self) -> Duration {
        self.inner.graph.batch
    }

    /// Which state the context is in: Spark's `getState`.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, StreamingState, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(2)).unwrap();
    /// assert_eq!(ssc.state(), StreamingState::Initialized);
    /// ```
    #[must_use]
    pub fn state(&self) -> StreamingState {
        self.inner.graph.state()
    }

    /// The context of this process that was started last and not stopped: Spark's
    /// `getActive`. Unlike in Spark several may run at a time.
    ///
    /// ```
    /// use headwater_streaming::StreamingContext;
    /// assert!(StreamingContext::get_active().is_none());
    /// ```
    #[must_use]
    pub fn get_active() -> Option<StreamingContext> {
        // Copied first: dropping the last handle of a context must not happen under the lock.
        let started = ACTIVE.lock().clone();
        let mut alive = started.iter().rev().filter_map(Weak::upgrade);
        alive
            .find(|inner| inner.graph.state() == StreamingState::Active)
            .map(|inner| StreamingContext { inner })
    }

    /// Makes every stream remember its RDDs for at least this long: Spark's `remember`.
    /// For [`DStream::slice`] and the like. Only the first call counts; another is a
    /// mistake.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// StreamingContext::new(&ctx, seconds(2)).unwrap().remember(seconds(60));
    /// ```
    #[track_caller]
    pub fn remember(&self, how_long: Duration) {
        let graph = &self.inner.graph;
        if graph.state() != StreamingState::Initialized {
            graph.mistake(
                Site::here("remember"),
                "remember() is too late after start()",
            );
        }
        if !self.inner.graph.remember_all(how_long) {
            self.inner.graph.mistake(
                Site::here("remember"),
                "the remember duration is set already",
            );
        }
    }

    /// Adds a listener for the stream's events: Spark's `addStreamingListener`.
    ///
    /// Listeners of all events, those of jobs and tasks included, are added to
    /// [`Context::events`].
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, StreamingListener, time::seconds};
    /// struct Deaf;
    /// impl StreamingListener for Deaf {}
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(2)).unwrap();
    /// let id = ssc.add_listener(Deaf);
    /// assert!(ssc.remove_listener(id));
    /// ```
    pub fn add_listener(&self, listener: impl StreamingListener + 'static) -> ListenerId {
        self.inner.ctx.events().add(Adapter(listener))
    }

    /// Removes a listener: Spark's `removeStreamingListener`. `false` if it is not there.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, StreamingListener, time::seconds};
    /// # struct Deaf;
    /// # impl StreamingListener for Deaf {}
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(2)).unwrap();
    /// let id = ssc.add_listener(Deaf);
    /// assert!(ssc.remove_listener(id) && !ssc.remove_listener(id));
    /// ```
    pub fn remove_listener(&self, id: ListenerId) -> bool {
        self.inner.ctx.events().remove(id)
    }

    /// The state that the stream keeps, one for each operator that keeps some, in the order in
    /// which they were built; none once the stream was stopped.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.stream_by_time(|_| vec![1]).count_by_window(seconds(60), None).print();
    /// let stores = ssc.state_stores();
    /// assert_eq!(stores[0].site().operator(), "count_by_window");
    /// assert_eq!(stores[0].size().keys, 0);
    /// ```
    #[must_use]
    pub fn state_stores(&self) -> Vec<StateStore> {
        let graph = self.graph();
        let stateful = graph.stateful().into_iter();
        let store = |(stream, steps): (Arc<dyn AnyStream>, _)| {
            let info = stream.info();
            StateStore::new(graph, info.id, info.name().map(str::to_owned), steps)
        };
        stateful.map(store).collect()
    }

    /// The number that tells graphs apart: equal in every process that built the same one.
    ///
    /// It covers operators, record types, durations, names and their wiring, not closures.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let graph = |slide| {
    ///     let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    ///     ssc.stream_by_time(|_| vec![1]).window(seconds(4), seconds(slide)).print();
    ///     ssc.fingerprint()
    /// };
    /// assert_eq!(graph(2), graph(2));
    /// assert_ne!(graph(2), graph(4));
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.inner.graph.fingerprint()
    }

    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.inner.graph
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn outcome(&self) -> &Arc<Outcome> {
        &self.inner.outcome
    }

    pub(crate) fn next_input_id(&self) -> usize {
        self.inner.next_input.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn receiver_settings(&self) -> ReceiverSettings {
        // The same configuration was read when the context was made.
        #[expect(clippy::expect_used, reason = "checked by the constructor")]
        ReceiverSettings::read(self.inner.ctx.conf()).expect("settings were checked before")
    }

    /// A stream without parents that slides with the batches.
    pub(crate) fn input_stream<T: Record>(
        &self,
        site: Site,
        compute: impl Fn(Time) -> Result<Rdd<T>, PlanError> + Send + Sync + 'static,
    ) -> DStream<T> {
        let plan = Plan {
            site,
            slide: self.batch_duration(),
            looks_back: Duration::ZERO,
            parents: Vec::new(),
        };
        DStream {
            stream: self.inner.graph.add(plan, compute),
        }
    }

    /// Waits until the batch of a time is done, and those before it, or the stream has
    /// failed.
    pub(crate) fn await_batch(&self, time: Time) {
        let parts = self
            .inner
            .running
            .lock()
            .as_ref()
            .map(|running| (running.generator.clone(), running.scheduler.clone()));
        if let Some((generator, scheduler)) = parts {
            generator.await_generated(time);
            scheduler.wait_idle(None);
        }
    }
}

impl fmt::Debug for StreamingContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingContext")
            .field("context", &self.inner.ctx)
            .field("batch_duration", &self.inner.graph.batch)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
