//! The DStream: a stream as a sequence of RDDs, one for each batch.
//!
//! [`narrow`] shows the pattern: every operator is an operator of [`Rdd`], applied to the
//! RDD of each batch.

mod batch_run;
mod by_key;
mod for_each_partition;
mod info;
mod inverse;
mod join;
mod map_with_state;
mod narrow;
mod output;
mod save;
mod several;
mod stateful;
mod transform;
mod update_state;
mod window;

pub(crate) use batch_run::Attempts;
pub use batch_run::{BatchId, BatchRun};
pub use for_each_partition::PartitionKey;
pub(crate) use for_each_partition::write_partitions;
pub use inverse::InverseWindow;
pub use map_with_state::MapWithState;
pub use several::StreamTuple;

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Rdd, Record, Site, StorageLevel, Wire, in_task};

use crate::error::{PlanError, StreamError};
use crate::graph::{AnyStream, Graph, Plan, Stream, StreamingState};
use crate::time::{Time, length_text};

/// A stream of `T`: one [`Rdd`] for each batch, made by the same operators every time.
///
/// Operators build a new stream and compute nothing; an output operation such as
/// [`DStream::print`] or [`DStream::foreach_rdd`] makes the stream run once the
/// [`StreamingContext`](crate::StreamingContext) is started. A handle is cheap to clone.
/// Building never fails: mistakes are kept with their lines and reported by `start`.
///
/// ```
/// use headwater_streaming::testing::run_batches;
///
/// let batches = vec![vec!["to be", "or not"], vec![], vec!["to be"]];
/// let counts = run_batches(batches, |lines| {
///     lines
///         .flat_map(|line| line.split(' '))
///         .map(|word| (word.to_string(), 1))
///         .reduce_by_key(|a, b| a + b)
/// });
/// assert_eq!(counts[2].len(), 2);
/// ```
pub struct DStream<T> {
    pub(crate) stream: Arc<Stream<T>>,
}

impl<T> Clone for DStream<T> {
    fn clone(&self) -> Self {
        DStream {
            stream: self.stream.clone(),
        }
    }
}

impl<T: Record> DStream<T> {
    pub(crate) fn graph(&self) -> &Arc<Graph> {
        self.stream.graph()
    }

    pub(crate) fn erased(&self) -> Arc<dyn AnyStream> {
        self.stream.clone()
    }

    /// A stream whose RDD of a batch is made from this one's RDD of the same batch.
    pub(crate) fn each_rdd<U: Record>(
        &self,
        site: Site,
        f: impl Fn(Rdd<T>, Time) -> Result<Rdd<U>, PlanError> + Send + Sync + 'static,
    ) -> DStream<U> {
        let plan = Plan {
            site,
            slide: self.slide(),
            looks_back: Duration::ZERO,
            parents: vec![self.erased()],
        };
        let parent = self.stream.clone();
        let compute = move |time| f(parent.rdd_or_fail(time, site)?, time);
        DStream {
            stream: self.graph().add(plan, compute),
        }
    }

    /// As [`DStream::each_rdd`], with another stream of the same slide.
    pub(crate) fn each_rdd_with<U: Record, W: Record>(
        &self,
        other: &DStream<U>,
        site: Site,
        f: impl Fn(Rdd<T>, Rdd<U>, Time) -> Result<Rdd<W>, PlanError> + Send + Sync + 'static,
    ) -> DStream<W> {
        let (graph, partner) = (self.graph(), other.erased());
        check_alike(graph, self.slide(), site, &*partner, other.graph());
        let plan = Plan {
            site,
            slide: self.slide(),
            looks_back: Duration::ZERO,
            parents: vec![self.erased(), partner],
        };
        let (left, right) = (self.stream.clone(), other.stream.clone());
        let compute = move |time| {
            f(
                left.rdd_or_fail(time, site)?,
                right.rdd_or_fail(time, site)?,
                time,
            )
        };
        DStream {
            stream: self.graph().add(plan, compute),
        }
    }

    /// Keeps the RDDs of every batch in storage while they are remembered, so that several
    /// outputs compute them once: Spark's `persist(level)`. The last level that is set
    /// before the start holds. For a window this is its parent's level, since windows have
    /// batches in common; a stream that shows state has it anyway.
    ///
    /// ```
    /// use headwater_core::StorageLevel;
    /// use headwater_streaming::testing::run_batches;
    /// let sums = run_batches(vec![vec![1, 2], vec![3]], |numbers| {
    ///     numbers.map(|n| n * 10).persist(StorageLevel::MEMORY_ONLY).reduce(|a, b| a + b)
    /// });
    /// assert_eq!(sums, [vec![30], vec![30]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn persist(&self, level: StorageLevel) -> DStream<T>
    where
        T: Wire,
    {
        if self.graph().state() != StreamingState::Initialized {
            let message = "the storage level of a stream cannot be changed after start()";
            self.graph().mistake(Site::here("persist"), message);
            return self.clone();
        }
        let keeper = self.stream.keeper();
        keeper.allow_persist(|rdd, level| rdd.persist(level));
        keeper.set_level(level);
        self.clone()
    }

    /// [`DStream::persist`] in memory, as bytes: Spark's `cache`.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// let cached = run_batches(vec![vec![1, 2]], |numbers| numbers.map(|n| n + 1).cache());
    /// assert_eq!(cached, [vec![2, 3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cache(&self) -> DStream<T>
    where
        T: Wire,
    {
        self.persist(StorageLevel::MEMORY_ONLY_SER)
    }

    /// How often the state of the stream is saved to the checkpoint directory: Spark's
    /// `checkpoint(interval)`. The last interval that is set before the start holds.
    ///
    /// It must be a multiple of the stream's slide; `start` reports what is not, with the
    /// nearest that are. Only streams that keep state look at it: any other is made anew
    /// from its inputs. All state is saved together, as often as the shortest interval says, or
    /// else `streaming.checkpoint.interval`. Without a checkpoint directory nothing is saved.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::{millis, seconds}};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.stream_by_time(|_| vec![1]).checkpoint(millis(2500)).print();
    /// let error = ssc.start().unwrap_err().to_string();
    /// assert!(error.contains("the nearest are 2000 ms or 3000 ms"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn checkpoint(&self, interval: Duration) -> DStream<T> {
        let site = Site::here("checkpoint");
        if self.graph().state() == StreamingState::Initialized {
            self.stream.as_any().set_checkpoint(site, interval);
        } else {
            let message = "the checkpoint interval of a stream cannot be changed after start()";
            self.graph().mistake(site, message);
        }
        self.clone()
    }

    /// The RDDs of the batches from one time to another, both included, oldest first:
    /// Spark's `slice`.
    ///
    /// Times between batches are rounded down, and batches that were not cut yet are left out:
    /// what belongs to them is not decided. What is not remembered any more is made anew, which
    /// only inputs allow that depend on the time alone; see
    /// [`StreamingContext::remember`](crate::StreamingContext::remember).
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    ///
    /// let test = TestStream::new(seconds(1));
    /// test.context().remember(seconds(60));
    /// let numbers = test.input(vec![vec![1], vec![2], vec![3]]);
    /// let out = test.collect(&numbers);
    /// test.run(3);
    /// let slice = numbers.slice(Time::from_millis(1500), Time::from_millis(3000)).unwrap();
    /// let records: Vec<_> = slice.iter().map(|rdd| rdd.collect().unwrap()).collect();
    /// assert_eq!(records, [vec![1], vec![2], vec![3]]);
    /// # drop(out);
    /// ```
    ///
    /// # Errors
    /// [`StreamError::State`] before the start or inside a task, where a source or a receiver is
    /// asked for a batch that it has forgotten, and what an operator says that fails.
    pub fn slice(&self, from: Time, to: Time) -> Result<Vec<Rdd<T>>, StreamError> {
        if in_task() {
            let message = format!("{}: slice() was called inside a task", self.site());
            return Err(StreamError::State(message));
        }
        let zero = self.graph().zero_time().ok_or_else(|| {
            StreamError::State(format!(
                "{}: slice() before start() has no batches",
                self.site()
            ))
        })?;
        let slide = self.slide();
        // Asked for now, the RDD of a later batch would lack what the cut gives to it, for all.
        let to = to.min(self.graph().last_cut().unwrap_or(zero));
        let (from, to) = (from.floor_from(slide, zero), to.floor_from(slide, zero));
        let rdds = from
            .to(to, slide)
            .filter(|time| *time > zero)
            .map(|time| self.stream.rdd(time));
        let present = rdds
            .filter_map(Result::transpose)
            .collect::<Result<Vec<_>, _>>();
        present.map_err(|error| StreamError::State(error.to_string()))
    }

    /// The number of partitions of shuffles that say nothing else.
    pub(crate) fn default_partitions(&self) -> usize {
        self.graph().ctx.default_parallelism()
    }
}

/// Keeps a mistake when a stream cannot be combined with others of a graph that slide by
/// `slide`.
fn check_alike(
    graph: &Arc<Graph>,
    slide: Duration,
    site: Site,
    other: &dyn AnyStream,
    others_graph: &Arc<Graph>,
) {
    if !Arc::ptr_eq(graph, others_graph) {
        graph.mistake(site, "the streams belong to different streaming contexts");
    } else if other.info().slide != slide {
        let message = format!(
            "the streams have different slide durations, {} and {}; \
             window one of them so that both slide alike",
            length_text(slide),
            length_text(other.info().slide),
        );
        graph.mistake(site, message);
    }
}

impl<T: Record> Stream<T> {
    fn as_any(&self) -> &crate::graph::StreamInfo {
        AnyStream::info(self)
    }
}
