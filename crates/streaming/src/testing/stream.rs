//! A streaming context that a test drives.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Context, Record};

use super::{Collected, Failed};
use crate::StreamingContext;
use crate::clock::{Clock, ManualClock};
use crate::dstream::DStream;
use crate::error::StreamError;
use crate::graph::StreamingState;
use crate::input::Queue;
use crate::time::Time;

/// In how many partitions the batches of [`TestStream::input`] are cut.
const INPUT_PARTITIONS: usize = 2;

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
/// sums.assert_batches([[11], [2]]);
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
        TestStream::with_clock(ctx, batch, ManualClock::new())
    }

    /// A stream whose clock stands where the test wants it to.
    ///
    /// ```
    /// use headwater_streaming::clock::ManualClock;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let clock = ManualClock::at(Time::from_millis(8500));
    /// let test = TestStream::with_clock(&ctx, seconds(1), clock).unwrap();
    /// let out = test.collect(&test.input(vec![vec!['a']]));
    /// test.run(1);
    /// assert_eq!(out.times(), [Time::from_millis(9000)]);
    /// ```
    ///
    /// # Errors
    /// As [`StreamingContext::new`].
    pub fn with_clock(
        ctx: &Context,
        batch: Duration,
        clock: ManualClock,
    ) -> Result<Self, StreamError> {
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

    /// A stream whose batches come while the test runs: each push to the queue is one
    /// batch. While the queue is empty, batches are empty.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let (queue, numbers) = test.input_queue();
    /// let out = test.collect(&numbers.map(|n| n + 1));
    /// test.run(1);
    /// queue.push_records(vec![1, 2], 2);
    /// test.run(1);
    /// out.assert_batches([vec![], vec![2, 3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn input_queue<T: Record>(&self) -> (Queue<T>, DStream<T>) {
        self.ssc.queue_stream()
    }

    /// Collects every batch of a stream, partition by partition.
    #[track_caller]
    pub fn collect<T: Record>(&self, stream: &DStream<T>) -> Collected<T> {
        Collected::of(stream)
    }

    /// Starts the stream if need be, and runs batches, one after the other.
    ///
    /// # Errors
    /// Mistakes of the graph, or what made a batch fail; later batches are not run then.
    pub fn try_run(&self, batches: usize) -> Result<(), StreamError> {
        self.start_once()?;
        (0..batches).try_for_each(|_| self.run_next())
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

    /// As [`TestStream::try_run`], with every batch up to a time, that of the time itself
    /// included. Nothing runs when the clock is there already.
    ///
    /// # Errors
    /// As [`TestStream::try_run`].
    pub fn try_run_until(&self, time: Time) -> Result<(), StreamError> {
        self.start_once()?;
        while self.clock.now().floor(self.ssc.batch_duration()) + self.ssc.batch_duration() <= time
        {
            self.run_next()?;
        }
        Ok(())
    }

    /// As [`TestStream::try_run_until`].
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// let test = TestStream::new(seconds(2));
    /// let out = test.collect(&test.input(vec![vec!['a'], vec!['b']]));
    /// test.run_until(Time::from_millis(4999));
    /// out.assert_batches([['a'], ['b']]);
    /// ```
    ///
    /// # Panics
    /// As [`TestStream::run`].
    #[track_caller]
    #[expect(clippy::panic, reason = "a batch that fails fails the test")]
    pub fn run_until(&self, time: Time) {
        if let Err(error) = self.try_run_until(time) {
            panic!("{error}");
        }
    }

    /// Runs batches until something fails, for a test that expects it to: the graph, which
    /// `start` refuses, or a batch. A stream that goes on after failed batches
    /// (`streaming.on_failure = continue`) tells them to listeners only, and not here.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let words = test.input(vec![vec!["1"], vec!["x"]]);
    /// let out = test.collect(&words.map(|word| word.parse::<i32>().unwrap()));
    /// let failed = test.run_to_failure(3);
    /// assert_eq!(failed.time_ms(), Some(2000));
    /// assert!(failed.error.to_string().contains("InvalidDigit"));
    /// out.assert_batches([[1]]);
    /// ```
    ///
    /// # Panics
    /// When nothing fails.
    #[track_caller]
    #[must_use]
    #[expect(clippy::panic, reason = "a failure that does not come fails the test")]
    pub fn run_to_failure(&self, batches: usize) -> Failed {
        if let Err(error) = self.start_once() {
            return Failed { time: None, error };
        }
        let failed = (0..batches).find_map(|_| self.run_next().err());
        let Some(error) = failed else {
            panic!("a failure was expected, and the stream is well after {batches} batches");
        };
        let time = match &error {
            StreamError::Output { time, .. } => *time,
            _ => self.last_batch(),
        };
        Failed {
            time: Some(time),
            error,
        }
    }

    /// What `print` wrote so far.
    #[must_use]
    pub fn console(&self) -> String {
        self.ssc.graph().console.captured()
    }

    fn start_once(&self) -> Result<(), StreamError> {
        if self.ssc.state() == StreamingState::Initialized {
            self.ssc.start()?;
        }
        Ok(())
    }

    /// Runs one batch to its end.
    fn run_next(&self) -> Result<(), StreamError> {
        self.clock.advance(self.ssc.batch_duration());
        self.ssc.await_batch(self.last_batch());
        self.ssc.await_termination_or_timeout(Duration::ZERO)?;
        Ok(())
    }

    /// The last batch time that the clock has reached; the clock may stand between two.
    fn last_batch(&self) -> Time {
        self.clock.now().floor(self.ssc.batch_duration())
    }
}

impl Drop for TestStream {
    fn drop(&mut self) {
        // A test may have stopped it, and then there is nothing to do.
        let _ = self.ssc.stop(true, false);
    }
}
