//! The test kit: batches in, operators, batches out, on a manual clock.
//!
//! It is for the tests of your own programs as for ours. Nothing depends on the wall clock:
//! hours of batches run in milliseconds, and always the same way.
//!
//! [`run_batches`] and [`run_batches2`] test operators in one line, [`run_to_failure`] what
//! must fail:
//!
//! ```
//! use headwater_streaming::testing::run_batches;
//!
//! let doubled = run_batches(vec![vec![1, 2], vec![3]], |numbers| numbers.map(|n| n * 2));
//! assert_eq!(doubled, [vec![2, 4], vec![6]]);
//! ```
//!
//! A [`TestStream`] has any number of inputs and outputs, which a test can fill and look at
//! between batches; [`Collected`] says batch by batch what differs from what was expected:
//!
//! ```
//! use headwater_streaming::DStream;
//! use headwater_streaming::testing::TestStream;
//! use headwater_streaming::time::{Time, seconds};
//!
//! // What is tested: a function that builds on streams.
//! fn failures(log: &DStream<(String, bool)>) -> DStream<(String, u64)> {
//!     log.filter(|(_, ok)| !ok).map(|(host, _)| host).count_by_value()
//! }
//!
//! let test = TestStream::new(seconds(10));
//! let (queue, log) = test.input_queue();
//! let out = test.collect(&failures(&log));
//! queue.push_records(vec![("a".to_string(), false), ("b".to_string(), true)], 2);
//! test.run_until(Time::from_millis(20_000));
//! queue.push_records(vec![("b".to_string(), false), ("b".to_string(), false)], 2);
//! test.run(1);
//! out.assert_unordered([vec![("a".to_string(), 1)], vec![], vec![("b".to_string(), 2)]]);
//! ```

mod collected;
mod diff;
mod line_server;
pub mod sink;
mod stream;

use headwater_core::Record;

use crate::dstream::DStream;
use crate::error::StreamError;
use crate::time::{Time, seconds};

pub use collected::{Collected, Firing};
pub use line_server::LineServer;
pub use stream::TestStream;

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

/// As [`run_batches`], with two inputs. Where one has fewer batches, the rest are empty.
///
/// ```
/// use headwater_streaming::testing::run_batches2;
/// let joined = run_batches2(
///     vec![vec![(1, 'a')], vec![(2, 'b')]],
///     vec![vec![(1, 0.5)]],
///     |names, shares| names.left_outer_join(shares),
/// );
/// assert_eq!(joined, [[(1, ('a', Some(0.5)))], [(2, ('b', None))]]);
/// ```
///
/// # Panics
/// As [`run_batches`].
#[track_caller]
#[must_use]
pub fn run_batches2<T: Record, U: Record, W: Record>(
    first: Vec<Vec<T>>,
    second: Vec<Vec<U>>,
    operators: impl FnOnce(&DStream<T>, &DStream<U>) -> DStream<W>,
) -> Vec<Vec<W>> {
    let test = TestStream::new(seconds(1));
    let count = first.len().max(second.len());
    let out = test.collect(&operators(&test.input(first), &test.input(second)));
    test.run(count);
    out.batches()
}

/// As [`run_batches`], for what must fail: returns the first failure.
///
/// ```
/// use headwater_streaming::testing::run_to_failure;
/// let failed = run_to_failure(vec![vec![1], vec![0], vec![2]], |numbers| numbers.map(|n| 6 / n));
/// assert_eq!(failed.time_ms(), Some(2000));
/// assert!(failed.error.to_string().contains("divide by zero"));
/// ```
///
/// # Panics
/// When nothing fails.
#[track_caller]
#[must_use]
pub fn run_to_failure<T: Record, U: Record>(
    batches: Vec<Vec<T>>,
    operators: impl FnOnce(&DStream<T>) -> DStream<U>,
) -> Failed {
    let test = TestStream::new(seconds(1));
    let count = batches.len();
    test.collect(&operators(&test.input(batches)));
    test.run_to_failure(count)
}

/// What failed, and in which batch; see [`TestStream::run_to_failure`].
#[derive(Debug, Clone)]
pub struct Failed {
    /// The batch time; none when `start` refused the graph.
    pub time: Option<Time>,
    /// What whoever waits for the stream gets.
    pub error: StreamError,
}

impl Failed {
    /// The batch time in milliseconds; none when `start` refused the graph.
    ///
    /// ```
    /// use headwater_streaming::testing::run_to_failure;
    /// let refused = run_to_failure(vec![vec![1]], |numbers| numbers.repartition(0));
    /// assert_eq!(refused.time_ms(), None);
    /// ```
    #[must_use]
    pub fn time_ms(&self) -> Option<i64> {
        self.time.map(Time::as_millis)
    }
}
