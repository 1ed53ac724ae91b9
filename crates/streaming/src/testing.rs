//! The test kit: batches in, operators, batches out, on a manual clock.
//!
//! [`run_batches`] tests one operator in one line; [`TestStream`] takes several inputs and
//! outputs. Nothing depends on the wall clock.
//!
//! ```
//! use headwater_streaming::testing::run_batches;
//!
//! let doubled = run_batches(vec![vec![1, 2], vec![3]], |numbers| numbers.map(|n| n * 2));
//! assert_eq!(doubled, [vec![2, 4], vec![6]]);
//! ```

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Context, Record};
use parking_lot::Mutex;

use crate::StreamingContext;
use crate::clock::{Clock, ManualClock};
use crate::dstream::DStream;
use crate::error::StreamError;
use crate::time::{Time, seconds};

/// In how many partitions the batches of [`TestStream::input`] are cut.
const INPUT_PARTITIONS: usize = 2;

/// Runs batches, one second each, through operators and returns what came out of each
/// batch in which the resulting stream had one.
///
/// Batches are cut in two partitions. After the last one the run ends.
///
/// ```
/// use headwater_streaming::testing::run_batches;
/// let lengths = run_batches(vec![vec!["a", "bcd"], vec![]], |words| words.map(str::len));
/// assert_eq!(lengths, [vec![1, 3], vec![]]);
/// ```
///
/// # Panics
/// When the graph has mistakes or a batch fails.
#[track_caller]
#[must_use]
pub fn run_batches<T: Record, U: Record>(
    batches: Vec<Vec<T>>,
    operators: impl FnOnce(&DStream<T>) -> DStream<U>,
) -> Vec<Vec<U>> {
    let test = TestStream::new(seconds(1));
    let count = batches.len();
    let out = test.collect(&operators(&test.input(batches)));
    test.run(count);
    out.batches()
}

/// A streaming context on a manual clock that starts at 0, with inputs that are queues and
/// outputs that are collected.
///
/// ```
/// use headwater_streaming::testing::TestStream;
/// use headwater_streaming::time::seconds;
///
/// let test = TestStream::new(seconds(1));
/// let (a, b) = (test.input(vec![vec![1], vec![2]]), test.input(vec![vec![10]]));
/// let sums = test.collect(&a.union(&b).reduce(|x, y| x + y));
/// test.run(2);
/// assert_eq!(sums.batches(), [vec![11], vec![2]]);
/// ```
pub struct TestStream {
    clock: ManualClock,
    ssc: StreamingContext,
}

impl TestStream {
    /// A stream with batches of a length, on two slots.
    ///
    /// # Panics
    /// When the batch duration is not possible.
    #[track_caller]
    #[must_use]
    #[expect(clippy::panic, reason = "a test that cannot begin has failed")]
    pub fn new(batch: Duration) -> Self {
        match Context::local(2)
            .map_err(StreamError::from)
            .and_then(|ctx| Self::on(&ctx, batch))
        {
            Ok(test) => test,
            Err(error) => panic!("{error}"),
        }
    }

    /// A stream on a context with a configuration of its own.
    ///
    /// # Errors
    /// As [`StreamingContext::new`].
    pub fn on(ctx: &Context, batch: Duration) -> Result<Self, StreamError> {
        let clock = ManualClock::new();
        let ssc = StreamingContext::with_clock(ctx, batch, Arc::new(clock.clone()))?;
        ssc.graph().console.capture();
        Ok(TestStream { clock, ssc })
    }

    /// The context, to build on.
    #[must_use]
    pub fn context(&self) -> &StreamingContext {
        &self.ssc
    }

    /// The clock, which [`TestStream::run`] moves.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// A stream of these batches, each in two partitions; after the last one, batches are
    /// empty and have one partition.
    #[track_caller]
    #[must_use]
    pub fn input<T: Record>(&self, batches: Vec<Vec<T>>) -> DStream<T> {
        self.input_partitioned(batches, INPUT_PARTITIONS)
    }

    /// As [`TestStream::input`], with a number of partitions.
    #[track_caller]
    #[must_use]
    pub fn input_partitioned<T: Record>(
        &self,
        batches: Vec<Vec<T>>,
        partitions: usize,
    ) -> DStream<T> {
        let (queue, stream) = self.ssc.queue_stream();
        for batch in batches {
            queue.push_records(batch, partitions);
        }
        stream
    }

    /// Collects every batch of a stream, partition by partition.
    pub fn collect<T: Record>(&self, stream: &DStream<T>) -> Collected<T> {
        let collected = Collected {
            firings: Arc::default(),
        };
        let to = collected.firings.clone();
        stream.foreach_rdd(move |rdd, time| {
            let partitions = rdd.glom().collect()?;
            to.lock().push(Firing { time, partitions });
            Ok::<_, headwater_core::Error>(())
        });
        collected
    }

    /// Starts the stream if need be, and runs batches, one after the other.
    ///
    /// # Errors
    /// Mistakes of the graph, or what made a batch fail; later batches are not run then.
    pub fn try_run(&self, batches: usize) -> Result<(), StreamError> {
        use crate::graph::StreamingState;
        if self.ssc.state() == StreamingState::Initialized {
            self.ssc.start()?;
        }
        for _ in 0..batches {
            self.clock.advance(self.ssc.batch_duration());
            // The clock need not stand at a batch time.
            let last = self.clock.now().floor(self.ssc.batch_duration());
            self.ssc.await_batch(last);
            self.ssc.await_termination_or_timeout(Duration::ZERO)?;
        }
        Ok(())
    }

    /// As [`TestStream::try_run`].
    ///
    /// # Panics
    /// When the graph has mistakes or a batch fails.
    #[track_caller]
    #[expect(clippy::panic, reason = "a batch that fails fails the test")]
    pub fn run(&self, batches: usize) {
        if let Err(error) = self.try_run(batches) {
            panic!("{error}");
        }
    }

    /// What `print` wrote so far.
    #[must_use]
    pub fn console(&self) -> String {
        self.ssc.graph().console.captured()
    }
}

impl Drop for TestStream {
    fn drop(&mut self) {
        // A test may have stopped it, and then there is nothing to do.
        let _ = self.ssc.stop(true, false);
    }
}

/// The batches that an output gave.
pub struct Collected<T> {
    firings: Arc<Mutex<Vec<Firing<T>>>>,
}

/// One batch of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing<T> {
    /// The batch time.
    pub time: Time,
    /// The records of each partition, in order.
    pub partitions: Vec<Vec<T>>,
}

impl<T: Clone> Collected<T> {
    /// The records of each batch, in the order of the batches.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<T>> {
        self.firings()
            .into_iter()
            .map(|firing| firing.partitions.concat())
            .collect()
    }

    /// Each batch with its time and partitions.
    #[must_use]
    pub fn firings(&self) -> Vec<Firing<T>> {
        self.firings.lock().clone()
    }
}
