//! What an output operation is told about the batch that it runs for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_core::{Rdd, Record, Site};
use serde::{Deserialize, Serialize};

use super::{DStream, PartitionKey};
use crate::graph::{OutputId, OutputJob, OutputNumber, OutputResult};
use crate::time::Time;

/// What tells the write of one batch by one output operation from every other write of the
/// program, however often it is tried or run again.
///
/// A sink that stores it in the same transaction as the batch's data can tell for ever
/// whether it has the batch. The number and the contents of the partitions may be others
/// when a batch is run again; the batch is the same.
///
/// ```
/// use headwater_streaming::{BatchId, OutputNumber, time::Time};
/// let batch = BatchId { time: Time::from_millis(2000), output: OutputNumber::new(0) };
/// assert_eq!(batch.to_string(), "2000-0");
/// assert_eq!(batch.partition(1).to_string(), "2000-0-1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchId {
    /// The batch.
    pub time: Time,
    /// The output operation, by the number that it keeps when the program changes.
    pub output: OutputNumber,
}

impl BatchId {
    /// The key of one partition of the batch.
    ///
    /// ```
    /// use headwater_streaming::{BatchId, OutputNumber, time::Time};
    /// let batch = BatchId { time: Time::from_millis(500), output: OutputNumber::new(0) };
    /// assert_eq!(batch.partition(3).partition, 3);
    /// ```
    #[must_use]
    pub fn partition(self, partition: usize) -> PartitionKey {
        PartitionKey {
            time: self.time,
            output: self.output,
            partition,
        }
    }
}

/// As text that can be part of a file name or of a row's key.
impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.time.as_millis(), self.output)
    }
}

/// One run of an output operation for one batch.
///
/// ```
/// use headwater_streaming::{BatchId, BatchRun, OutputNumber, time::Time};
/// let id = BatchId { time: Time::from_millis(500), output: OutputNumber::new(0) };
/// assert!(!BatchRun::first(id).is_rerun);
/// assert!(BatchRun::again(id).is_rerun);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BatchRun {
    /// Which batch it is, and for which output.
    pub id: BatchId,
    /// Whether the same was run before, or may have been: a later attempt of the output
    /// (`streaming.output.attempts`), or a batch that is run again after a restart. What
    /// that run wrote may be there, wholly or in part.
    pub is_rerun: bool,
}

impl BatchRun {
    /// A run that surely is the first.
    #[must_use]
    pub fn first(id: BatchId) -> Self {
        BatchRun {
            id,
            is_rerun: false,
        }
    }

    /// A run that may have had another before it.
    #[must_use]
    pub fn again(id: BatchId) -> Self {
        BatchRun { id, is_rerun: true }
    }
}

impl<T: Record> DStream<T> {
    /// As [`DStream::foreach_rdd`], with the identity of the batch and whether it may have
    /// been run before: what in Spark one would make of `foreachRDD`'s batch time, for
    /// writes that must happen once.
    ///
    /// Where [`BatchRun::is_rerun`] is false there is nothing to look for; where it is true
    /// the write is to be looked up by [`BatchRun::id`] first.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// use std::sync::{Arc, Mutex};
    ///
    /// let test = TestStream::new(seconds(1));
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let to = seen.clone();
    /// test.input(vec![vec![1, 2], vec![3]]).foreach_rdd_with_run(move |rdd, run| {
    ///     to.lock().unwrap().push((run.id.to_string(), run.is_rerun, rdd.count()?));
    ///     Ok::<_, headwater_core::Error>(())
    /// });
    /// test.run(2);
    /// let expected = [("1000-0".to_string(), false, 2), ("2000-0".to_string(), false, 1)];
    /// assert_eq!(*seen.lock().unwrap(), expected);
    /// ```
    #[track_caller]
    pub fn foreach_rdd_with_run<R: OutputResult>(
        &self,
        f: impl Fn(&Rdd<T>, BatchRun) -> R + Send + Sync + 'static,
    ) -> OutputId {
        let site = Site::here("foreach_rdd_with_run");
        self.output_with_run(site, move |rdd, run| f(rdd, run).into_outcome())
    }

    /// An output operation that is told which run it is.
    pub(crate) fn output_with_run(
        &self,
        site: Site,
        run: impl Fn(&Rdd<T>, BatchRun) -> Result<(), String> + Send + Sync + 'static,
    ) -> OutputId {
        self.output_with_attempts(site, move |rdd, attempts| run(rdd, attempts.next()))
    }

    /// An output operation that is told what its attempts for a batch have in common.
    pub(crate) fn output_with_attempts(
        &self,
        site: Site,
        run: impl Fn(&Rdd<T>, &Attempts) -> Result<(), String> + Send + Sync + 'static,
    ) -> OutputId {
        let (stream, graph) = (self.stream.clone(), Arc::downgrade(self.graph()));
        let run = Arc::new(run);
        let make = move |time, output| {
            let Some(rdd) = stream.rdd(time)? else {
                return Ok(None);
            };
            let graph = graph.upgrade();
            let may_have_run = graph.is_some_and(|graph| graph.may_have_run(time));
            let attempts = Attempts::new(BatchId { time, output }, may_have_run);
            let run = run.clone();
            let job: OutputJob = Box::new(move || run(&rdd, &attempts));
            Ok(Some(job))
        };
        self.graph().add_output(site, make, self.erased())
    }
}

/// The attempts of an output operation for one batch in this process.
pub(crate) struct Attempts {
    pub(crate) id: BatchId,
    was_run: AtomicBool,
    may_be_stored: AtomicBool,
}

impl Attempts {
    /// Those of a batch that an earlier process of the same stream may have run.
    fn new(id: BatchId, may_have_run: bool) -> Self {
        Attempts {
            id,
            was_run: AtomicBool::new(may_have_run),
            may_be_stored: AtomicBool::new(may_have_run),
        }
    }

    /// Begins the next one.
    pub(crate) fn next(&self) -> BatchRun {
        let is_rerun = self.was_run.swap(true, Ordering::Relaxed);
        BatchRun {
            id: self.id,
            is_rerun,
        }
    }

    /// Notes that a commit is begun: whatever comes of it, it may get through.
    pub(crate) fn commits(&self) {
        self.may_be_stored.store(true, Ordering::Relaxed);
    }

    /// Whether this stream may have stored the batch. An earlier attempt alone does not say so:
    /// it may have come to no commit.
    pub(crate) fn may_have_stored(&self) -> bool {
        self.may_be_stored.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use headwater_core::{Conf, Context};
    use parking_lot::Mutex;

    use super::*;
    use crate::testing::TestStream;
    use crate::time::seconds;

    #[test]
    fn a_later_attempt_is_a_rerun() {
        let conf = Conf::new().set("streaming.output.attempts", 3);
        let ctx = Context::new(conf).unwrap();
        let test = TestStream::on(&ctx, seconds(1)).unwrap();
        let (runs, failures) = (Arc::new(Mutex::new(Vec::new())), AtomicUsize::new(2));
        let to = runs.clone();
        let input = test.input(vec![vec![1], vec![2]]);
        input.print();
        input.foreach_rdd_with_run(move |_, run| {
            to.lock().push((run.id.to_string(), run.is_rerun));
            let fails = failures.load(Ordering::Relaxed) > 0;
            failures.store(
                failures.load(Ordering::Relaxed).saturating_sub(1),
                Ordering::Relaxed,
            );
            if fails {
                Err("the connection is lost")
            } else {
                Ok(())
            }
        });
        test.run(2);
        let expected = [
            ("1000-1", false),
            ("1000-1", true),
            ("1000-1", true),
            ("2000-1", false),
        ];
        let expected = expected.map(|(id, is_rerun)| (id.to_owned(), is_rerun));
        assert_eq!(*runs.lock(), expected);
    }

    #[test]
    fn batches_up_to_the_last_restored_one_are_reruns() {
        let test = TestStream::new(seconds(1));
        let runs = Arc::new(Mutex::new(Vec::new()));
        let to = runs.clone();
        let input = test.input(vec![vec![1], vec![2], vec![3]]);
        input.foreach_rdd_with_run(move |_, run| to.lock().push(run.is_rerun));
        test.context()
            .graph()
            .set_reruns_up_to(Time::from_millis(2000));
        test.run(3);
        assert_eq!(*runs.lock(), [true, true, false]);
    }
}
