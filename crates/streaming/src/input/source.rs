//! Streams of a source of the user's own, which the driver asks batch by batch.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Context, Rdd, Record, Site, catch_panic};
use parking_lot::Mutex;

use super::{Allocated, Input};
use crate::StreamingContext;
use crate::checkpoint::{InputPast, InputRange, Keeper};
use crate::dstream::DStream;
use crate::error::{PlanError, StreamError};
use crate::events::InputInfo;
use crate::graph::{AnyStream, Stream, StreamInfo};
use crate::rate::{RateController, ReadRate};
use crate::time::Time;

/// A source that the driver asks for the RDD of each batch: what in Spark is a subclass of
/// `InputDStream`. For [`StreamingContext::source_stream`].
///
/// It is the shape for what can say "everything up to here": files, a log with offsets, a
/// table with a sequence number. What has to be listened to is a
/// [`Receiver`](crate::Receiver).
///
/// # Contract
/// - [`InputSource::start`] is called once, before the first batch.
/// - [`InputSource::compute`] is called after that, once for each batch time, in the order
///   of the times, whether or not an output needs the batch. No two calls overlap.
/// - `compute` runs while the batch is cut: it decides what belongs to the batch and leaves
///   the reading to the RDD's tasks. A slow `compute` delays every batch.
/// - The RDD must give the same records each time that it is computed, since tasks are
///   tried again and windows read a batch several times. A batch without data is an empty
///   RDD ([`Context::empty`]).
/// - An error or a panic of `compute` fails the outputs that need the batch. The batch is
///   not asked for again.
/// - [`InputSource::set_rate`] is called before a `compute`, by the same thread, when there is a
///   new rate; each rate holds until the next one comes. Without backpressure it is never
///   called.
/// - [`InputSource::stop`] is called once if `start` was, also after an error of `start`;
///   nothing is called after it.
///
/// The input checks all that is said here of calls, not what is said of RDDs.
///
/// ```
/// use headwater_core::{Context, Rdd};
/// use headwater_streaming::testing::TestStream;
/// use headwater_streaming::time::{Time, seconds};
/// use headwater_streaming::{InputSource, SourceBatch};
///
/// /// The numbers from 0 on, three for each batch.
/// struct Counter { next: i64 }
///
/// impl InputSource<i64> for Counter {
///     fn compute(&mut self, _time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
///         let first = self.next;
///         self.next += 3;
///         let batch = SourceBatch::new(ctx.range(first..self.next, 1, 2));
///         Ok(batch.records(3).description(format!("from {first}")))
///     }
/// }
///
/// let test = TestStream::new(seconds(1));
/// let out = test.collect(&test.context().source_stream(Counter { next: 0 }));
/// test.run(2);
/// assert_eq!(out.batches(), [[0, 1, 2], [3, 4, 5]]);
/// ```
pub trait InputSource<T: Record>: Send + 'static {
    /// Opens what is needed.
    ///
    /// # Errors
    /// What went wrong, as text for the user; the stream does not start then.
    fn start(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// What belongs to the batch of a time.
    ///
    /// # Errors
    /// What went wrong, as text for the user; the batch fails.
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<T>, String>;

    /// Learns what an earlier process took for the batch of a time, from the
    /// [range](SourceBatch::range) that it got with it.
    ///
    /// Called after a restart, between `start` and the first `compute`, for the batches of the
    /// time that the source [reaches back](InputSource::reaches_back) and all later ones, in
    /// the order of the times. `compute` is then asked for what comes after the last of them.
    ///
    /// # Errors
    /// What went wrong, as text for the user; the stream does not start then.
    fn recall(&mut self, time: Time, range: &[u8]) -> Result<(), String> {
        let _ = (time, range);
        Ok(())
    }

    /// How far before the last batch [`InputSource::recall`] has to know what was taken. At
    /// least one batch is always there.
    fn reaches_back(&self) -> Duration {
        Duration::ZERO
    }

    /// Makes the batch of a time once more, for a process that goes on after a restart:
    /// called after all `recall`, for each batch that was not done or that windows and state
    /// still read.
    ///
    /// # Errors
    /// What went wrong, as text for the user; the stream does not start then. That is what
    /// happens unless the source provides this.
    fn restore(
        &mut self,
        time: Time,
        range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<T>, String> {
        let _ = (range, ctx);
        Err(format!(
            "the batch at {time} cannot be made again: the source has no restore()"
        ))
    }

    /// The batch of a time is done, and will not be asked for again, whatever happens. Called
    /// in the order of the times, without a checkpoint directory too.
    fn committed(&mut self, time: Time) {
        let _ = time;
    }

    /// How much of what waits each further batch should have: with backpressure
    /// (`streaming.backpressure.enabled`), what the batches manage to process.
    ///
    /// The first rate comes before the first batch if
    /// `streaming.backpressure.initial_rate` is set. Rates are estimated from the batches for
    /// which the source says how many [`records`](SourceBatch::records) there are: a source that
    /// never does gets none, and one that gives no records gets no new one. Several batches may
    /// be cut between two rates. By default rates are ignored, and the source gives what it
    /// always does. In Spark, only the direct stream of Kafka has rates.
    ///
    /// ```
    /// use headwater_core::{Conf, Context};
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, millis};
    /// use headwater_streaming::{InputSource, ReadRate, SourceBatch};
    ///
    /// /// Numbers without end: 1000 in each batch, unless they are too many.
    /// struct Numbers { next: i64, batch_max: u64 }
    ///
    /// impl InputSource<i64> for Numbers {
    ///     fn set_rate(&mut self, rate: ReadRate) {
    ///         self.batch_max = rate.per_batch();
    ///     }
    ///
    ///     fn compute(&mut self, _time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
    ///         let records = self.batch_max.min(1000);
    ///         let first = self.next;
    ///         self.next += records as i64;
    ///         Ok(SourceBatch::new(ctx.range(first..self.next, 1, 1)).records(records))
    ///     }
    /// }
    ///
    /// let conf = Conf::new()
    ///     .master("local[1]")
    ///     .set("streaming.backpressure.enabled", "true")
    ///     .set("streaming.backpressure.initial_rate", "6");
    /// let test = TestStream::on(&Context::new(conf)?, millis(500))?;
    /// let numbers = Numbers { next: 0, batch_max: u64::MAX };
    /// let out = test.collect(&test.context().source_stream(numbers));
    /// test.run(2);
    /// assert_eq!(out.batches(), [[0, 1, 2], [3, 4, 5]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[expect(unused_variables, reason = "the name is part of the documentation")]
    fn set_rate(&mut self, rate: ReadRate) {}

    /// Closes what is open.
    fn stop(&mut self) {}
}

/// One batch of an [`InputSource`]: its RDD, and what events and pages may show of it.
/// An RDD alone becomes one by [`From`].
///
/// ```
/// use headwater_streaming::SourceBatch;
/// let ctx = headwater_core::Context::local(1).unwrap();
/// let rdd = ctx.parallelize(vec!["a", "b"], 1);
/// let known = SourceBatch::new(rdd.clone()).records(2).description("offsets 7 to 9");
/// let unknown = SourceBatch::from(rdd);
/// # drop((known, unknown));
/// ```
pub struct SourceBatch<T> {
    pub(super) rdd: Rdd<T>,
    records: Option<u64>,
    description: Option<Arc<str>>,
    range: Option<Vec<u8>>,
}

impl<T> SourceBatch<T> {
    /// A batch of which nothing but the RDD is known.
    #[must_use]
    pub fn new(rdd: Rdd<T>) -> Self {
        SourceBatch {
            rdd,
            records: None,
            description: None,
            range: None,
        }
    }

    /// What tells the source which records these are, such as offsets: after a restart
    /// [`InputSource::restore`] makes the batch from it. Without one a batch that was not done
    /// is computed afresh, which is right for sources that depend on nothing but the time.
    #[must_use]
    pub fn range(mut self, range: impl Into<Vec<u8>>) -> Self {
        self.range = Some(range.into());
        self
    }

    /// How many records there are, if that is known before they are read: Spark's
    /// `StreamInputInfo`. Only then does the input show up in
    /// [`BatchInfo`](crate::BatchInfo).
    #[must_use]
    pub fn records(mut self, records: u64) -> Self {
        self.records = Some(records);
        self
    }

    /// What the batch is, such as a range of offsets.
    #[must_use]
    pub fn description(mut self, description: impl Into<Arc<str>>) -> Self {
        self.description = Some(description.into());
        self
    }
}

impl<T> From<Rdd<T>> for SourceBatch<T> {
    fn from(rdd: Rdd<T>) -> Self {
        SourceBatch::new(rdd)
    }
}

impl StreamingContext {
    /// A stream of what a source of the user's own gives for each batch; see
    /// [`InputSource`].
    ///
    /// ```
    /// use headwater_core::Context;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// use headwater_streaming::{InputSource, SourceBatch};
    ///
    /// struct Ticks;
    /// impl InputSource<i64> for Ticks {
    ///     fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
    ///         Ok(ctx.parallelize(vec![time.as_millis()], 1).into())
    ///     }
    /// }
    ///
    /// let test = TestStream::new(seconds(1));
    /// let out = test.collect(&test.context().source_stream(Ticks));
    /// test.run(2);
    /// assert_eq!(out.batches(), [[1000], [2000]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn source_stream<T: Record>(&self, source: impl InputSource<T>) -> DStream<T> {
        let rates = SourceRates::new(self);
        self.add_source(Site::here("source_stream"), source, rates)
    }

    /// As [`StreamingContext::source_stream`], on behalf of an operator of ours that knows no
    /// rates.
    pub(super) fn source_stream_at<T: Record>(
        &self,
        site: Site,
        source: impl InputSource<T>,
    ) -> DStream<T> {
        self.add_source(site, source, None)
    }

    fn add_source<T: Record>(
        &self,
        site: Site,
        source: impl InputSource<T>,
        rates: Option<SourceRates>,
    ) -> DStream<T> {
        let cut = Arc::new(Cut::default());
        let waiting = cut.clone();
        let stream = self.input_stream(site, move |time| waiting.rdd(site, time));
        let input = SourceInput {
            id: self.next_input_id(),
            site,
            ctx: self.context().clone(),
            phase: Mutex::new(Phase::New(Box::new(source))),
            cut,
            restored: Mutex::default(),
            restored_at: Mutex::default(),
            rates,
            stream: stream.stream.clone(),
        };
        self.graph().add_input(site, Arc::new(input));
        stream
    }
}

/// What the source gave for the batches that the stream remembers, errors included: it is
/// asked only once.
struct Cut<T> {
    batches: Mutex<BTreeMap<Time, Result<Rdd<T>, PlanError>>>,
}

impl<T> Default for Cut<T> {
    fn default() -> Self {
        Cut {
            batches: Mutex::default(),
        }
    }
}

impl<T> Cut<T> {
    fn rdd(&self, site: Site, time: Time) -> Result<Rdd<T>, PlanError> {
        let known = self.batches.lock().get(&time).cloned();
        known.unwrap_or_else(|| {
            let message = format!(
                "the batch at {time} is not remembered, and a source is asked only once; \
                 StreamingContext::remember keeps batches longer"
            );
            Err(PlanError::new(site, message))
        })
    }
}

/// The rates of a source: published at the end of batches, told before the next one is cut.
struct SourceRates {
    batch: Duration,
    controller: RateController,
    /// The rate that the source was not told yet.
    news: Arc<Mutex<Option<u64>>>,
}

impl SourceRates {
    /// `None` without backpressure.
    fn new(ssc: &StreamingContext) -> Option<Self> {
        let settings = ssc.receiver_settings().rates;
        let batch = ssc.batch_duration();
        let news = Arc::new(Mutex::new(settings.first_read_rate()));
        let published = news.clone();
        let controller = settings.controller(batch, move |rate| {
            *published.lock() = Some(rate);
            rate
        })?;
        Some(SourceRates {
            batch,
            controller,
            news,
        })
    }

    fn news(&self) -> Option<ReadRate> {
        let rate = self.news.lock().take()?;
        Some(ReadRate::new(rate, self.batch))
    }
}

/// The life of a source.
enum Phase<T> {
    New(Box<dyn InputSource<T>>),
    Running(Box<dyn InputSource<T>>),
    Stopped,
}

struct SourceInput<T> {
    id: usize,
    site: Site,
    ctx: Context,
    phase: Mutex<Phase<T>>,
    cut: Arc<Cut<T>>,
    /// The batches of an earlier process.
    restored: Mutex<Vec<(Time, Vec<u8>)>>,
    /// The last one of them that was done.
    restored_at: Mutex<Option<Time>>,
    rates: Option<SourceRates>,
    stream: Arc<Stream<T>>,
}

impl<T: Record> SourceInput<T> {
    /// Asks the source; nothing comes from one that has stopped.
    fn compute(&self, time: Time) -> Result<SourceBatch<T>, PlanError> {
        let mut phase = self.phase.lock();
        let Phase::Running(source) = &mut *phase else {
            return Ok(self.ctx.empty().into());
        };
        let news = self.rates.as_ref().and_then(SourceRates::news);
        let asked = catch_panic(self.site, || {
            if let Some(rate) = news {
                source.set_rate(rate);
            }
            Site::uncover(|| source.compute(time, &self.ctx))
        });
        let given = asked.map_err(|panic| PlanError::from_panic(self.site, &panic))?;
        given.map_err(|message| PlanError::new(self.site, message))
    }
}

impl<T: Record> SourceInput<T> {
    /// Makes the batches of an earlier process again.
    fn restore(&self, source: &mut dyn InputSource<T>) -> Result<(), String> {
        let restored = mem::take(&mut *self.restored.lock());
        for (time, range) in &restored {
            let recalled = catch_panic(self.site, || source.recall(*time, range));
            recalled.map_err(|panic| panic.to_string())??;
        }
        let ended = self.restored_at.lock().unwrap_or(Time::ZERO);
        let needed_after = ended - self.stream.info().remembered();
        for (time, range) in restored
            .into_iter()
            .filter(|(time, _)| *time > needed_after)
        {
            let made = catch_panic(self.site, || {
                Site::uncover(|| source.restore(time, &range, &self.ctx))
            });
            let batch = made.map_err(|panic| panic.to_string())??;
            self.cut.batches.lock().insert(time, Ok(batch.rdd));
            // As when it was cut: a window may ask for it when the batch is long over.
            self.stream.rdd(time).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl<T: Record> Input for SourceInput<T> {
    fn id(&self) -> usize {
        self.id
    }

    fn stream(&self) -> &StreamInfo {
        self.stream.info()
    }

    fn keep(
        &self,
        _: &Arc<Keeper>,
        _: usize,
        past: Option<&InputPast<'_>>,
    ) -> Result<(), StreamError> {
        let cuts = past.iter().flat_map(|past| &past.cuts);
        let ranges = cuts.filter_map(|(time, range)| match range {
            InputRange::Source(range) => Some((*time, range.clone())),
            InputRange::Blocks { .. } => None,
        });
        *self.restored.lock() = ranges.collect();
        *self.restored_at.lock() = past.map(|past| past.ended);
        Ok(())
    }

    fn reaches_back(&self) -> Duration {
        match &*self.phase.lock() {
            Phase::New(source) | Phase::Running(source) => source.reaches_back(),
            Phase::Stopped => Duration::ZERO,
        }
    }

    fn start(&self) -> Result<(), StreamError> {
        let mut phase = self.phase.lock();
        let Phase::New(mut source) = mem::replace(&mut *phase, Phase::Stopped) else {
            return Ok(());
        };
        let started = catch_panic(self.site, || source.start());
        let started = started.map_err(|panic| panic.to_string()).flatten();
        let started = started.and_then(|()| self.restore(&mut *source));
        *phase = Phase::Running(source);
        started.map_err(|message| {
            StreamError::State(format!("{}: the source cannot start: {message}", self.site))
        })
    }

    fn stop(&self, _limit: Duration) {
        let mut phase = self.phase.lock();
        if let Phase::Running(mut source) = mem::replace(&mut *phase, Phase::Stopped)
            && let Err(panic) = catch_panic(self.site, || source.stop())
        {
            tracing::error!("{}: the source stopped badly: {panic}", self.site);
        }
    }

    fn allocate(&self, time: Time) -> Allocated {
        if self.cut.batches.lock().contains_key(&time) {
            return Allocated::default();
        }
        let given = self.compute(time);
        let info = given.as_ref().ok().and_then(|batch| {
            Some(InputInfo {
                records: batch.records?,
                description: batch.description.clone(),
            })
        });
        let range = given.as_ref().ok().and_then(|batch| batch.range.clone());
        let rdd = given.map(|batch| batch.rdd);
        self.cut.batches.lock().insert(time, rdd);
        // Made now, not when a window asks for it later: by then the batch may be done.
        if let Err(error) = self.stream.rdd(time) {
            tracing::error!(batch = %time, "{error}");
        }
        Allocated {
            info,
            range: range.map(InputRange::Source),
        }
    }

    fn committed(&self, time: Time) {
        if let Phase::Running(source) = &mut *self.phase.lock()
            && let Err(panic) = catch_panic(self.site, || source.committed(time))
        {
            tracing::error!("{}: committed() of the source failed: {panic}", self.site);
        }
    }

    fn end_batch(&self, time: Time) {
        let last_kept = time - self.stream.info().remembered();
        let mut batches = self.cut.batches.lock();
        let kept = batches.split_off(&(last_kept + Duration::from_millis(1)));
        let forgotten = mem::replace(&mut *batches, kept);
        drop(batches);
        // Freed without the lock: RDDs may hold anything.
        drop(forgotten);
    }

    fn rate_controller(&self) -> Option<&RateController> {
        self.rates.as_ref().map(|rates| &rates.controller)
    }
}
