//! Streams of a source of the user's own, which the driver asks batch by batch.

mod asked;
mod input;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use asked::in_source;
use headwater_core::{Context, Rdd, Record, Site};
use input::{Cut, Phase, SourceInput, SourceRates};
use parking_lot::Mutex;

use crate::StreamingContext;
use crate::dstream::DStream;
use crate::rate::ReadRate;
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
/// - Its functions may not stop a stream: that would wait for their own end, and is refused.
/// - An error or a panic of `compute` fails the outputs that need the batch. The batch is
///   not asked for again, and with `streaming.on_failure=continue` what waits belongs to the next
///   one. Otherwise, with a checkpoint directory, the batch is not begun: the stream stops with
///   [`StreamError::Source`](crate::StreamError::Source), and the next process asks again.
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

    /// Where the source begins, if it leaves out what was there before: the end of a log, say.
    ///
    /// Called once after the first `start` with a checkpoint directory, and written there before
    /// the first batch: what comes from then on is not left out by a later process, which learns of
    /// it by [`InputSource::recall_origin`], even if no batch was cut before this one died. `None`,
    /// the default, says that there is nothing to know.
    fn origin(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Why an origin of the checkpoint directory is none of this source's, if it is none: inputs
    /// without names are found by their order, and what goes on from another source would read some
    /// records again and skip others. Asked before `start`, unless a name or the user says that
    /// the source is the same; an error keeps the stream from starting and becomes part of the
    /// message. By default every origin is.
    ///
    /// # Errors
    /// What that source and this one are, such as "that one read topic a, and this one reads b".
    fn check_origin(&self, origin: &[u8]) -> Result<(), String> {
        let _ = origin;
        Ok(())
    }

    /// Learns where the source has begun in its first process. Called after a restart, between
    /// `start` and the first [`InputSource::recall`].
    ///
    /// # Errors
    /// What went wrong, as text for the user; the stream does not start then.
    fn recall_origin(&mut self, origin: &[u8]) -> Result<(), String> {
        let _ = origin;
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
    /// [`InputSource::restore`] makes the batch from it. Without one a batch that was not done,
    /// or that windows and state still read, is computed afresh after a restart, which is right
    /// for sources that depend on nothing but the time.
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
        let (ctx, waiting) = (self.context().clone(), cut.clone());
        let stream = self.input_stream(site, move |time| waiting.rdd(&ctx, (site, time)));
        let input = SourceInput {
            id: self.next_input_id(),
            site,
            ctx: self.context().clone(),
            phase: Mutex::new(Phase::New(Box::new(source))),
            cut,
            restored: Mutex::default(),
            restored_at: Mutex::default(),
            rates,
            on_failure: self.receiver_settings().on_failure,
            kept: OnceLock::new(),
            origin: Mutex::default(),
            stream: stream.stream.clone(),
        };
        self.graph().add_input(site, Arc::new(input));
        stream
    }
}
