//! Where a scenario happens, and what it checks there.

use std::fmt::Debug;
use std::sync::Arc;
use std::thread;

use headwater_core::{PartitionIter, Record};

use crate::dstream::{BatchId, BatchRun};
use crate::graph::OutputNumber;
use crate::sink::{Begun, TransactionalSink};
use crate::time::Time;

/// A store that outlives the sinks that write to it; see [`check_sink`](super::check_sink).
pub struct SinkPlace<T> {
    open: Box<dyn Fn() -> Arc<dyn TransactionalSink<T>>>,
    rows: Box<dyn Fn() -> Vec<T>>,
}

impl<T> SinkPlace<T> {
    /// A place by how a sink there is opened, and how its rows are read, in any order.
    pub fn new<S: TransactionalSink<T>>(
        open: impl Fn() -> S + 'static,
        rows: impl Fn() -> Vec<T> + 'static,
    ) -> Self {
        SinkPlace {
            open: Box::new(move || Arc::new(open())),
            rows: Box::new(rows),
        }
    }

    pub(super) fn open(&self) -> Arc<dyn TransactionalSink<T>> {
        (self.open)()
    }
}

/// What a scenario acts on.
pub(super) struct Stage<'a, T> {
    name: &'static str,
    record: &'a dyn Fn(u64) -> T,
    place: &'a SinkPlace<T>,
}

/// Partitions as numbers, of which records are made.
pub(super) type Partitions<'a> = &'a [&'a [u64]];

impl<'a, T: Record + Ord + Debug> Stage<'a, T> {
    pub(super) fn new(
        name: &'static str,
        record: &'a dyn Fn(u64) -> T,
        place: &'a SinkPlace<T>,
    ) -> Self {
        Stage {
            name,
            record,
            place,
        }
    }

    /// A sink as a process that starts has it.
    pub(super) fn open(&self) -> Arc<dyn TransactionalSink<T>> {
        let sink = self.place.open();
        self.done("recover", sink.recover());
        sink
    }

    pub(super) fn records(&self, numbers: &[u64]) -> Vec<T> {
        numbers
            .iter()
            .map(|number| (self.record)(*number))
            .collect()
    }

    /// The batch must not be stored.
    pub(super) fn begin(&self, sink: &dyn TransactionalSink<T>, run: BatchRun) {
        let begun = self.done("begin", sink.begin(&run));
        self.must(
            begun == Begun::Open,
            "the sink has a batch that was not committed",
        );
    }

    /// The batch must be stored.
    pub(super) fn is_committed(&self, sink: &dyn TransactionalSink<T>, run: BatchRun) {
        let begun = self.done("begin", sink.begin(&run));
        self.must(
            begun == Begun::Committed,
            "the sink has forgotten a batch that it has",
        );
    }

    pub(super) fn write(
        &self,
        sink: &dyn TransactionalSink<T>,
        batch: BatchId,
        partition: usize,
        numbers: &[u64],
    ) {
        let records = PartitionIter::from(self.records(numbers));
        self.done("write", sink.write(batch, partition, records));
    }

    /// Writes partitions, all at the same time.
    pub(super) fn write_all(
        &self,
        sink: &dyn TransactionalSink<T>,
        batch: BatchId,
        partitions: Partitions<'_>,
    ) {
        let write = |(at, records): (usize, Vec<T>)| {
            move || sink.write(batch, at, PartitionIter::from(records))
        };
        let partitions = partitions.iter().map(|numbers| self.records(numbers));
        let results: Vec<_> = thread::scope(|scope| {
            let writes = partitions.enumerate().map(write);
            let threads: Vec<_> = writes.map(|write| scope.spawn(write)).collect();
            threads
                .into_iter()
                .map(thread::ScopedJoinHandle::join)
                .collect()
        });
        for result in results {
            let result = result.unwrap_or_else(|_| Err("it panicked".to_owned()));
            self.done("write", result);
        }
    }

    pub(super) fn commit(&self, sink: &dyn TransactionalSink<T>, batch: BatchId) {
        self.done("commit", sink.commit(batch));
    }

    /// A whole batch, from its beginning to its commit.
    pub(super) fn store(
        &self,
        sink: &dyn TransactionalSink<T>,
        run: BatchRun,
        partitions: Partitions<'_>,
    ) {
        self.begin(sink, run);
        self.write_all(sink, run.id, partitions);
        self.commit(sink, run.id);
    }

    /// What readers must see now.
    #[track_caller]
    pub(super) fn expect_rows(&self, numbers: impl IntoIterator<Item = u64>) {
        let mut expected: Vec<T> = numbers.into_iter().map(|n| (self.record)(n)).collect();
        let mut found = (self.place.rows)();
        expected.sort();
        found.sort();
        if expected.len() + found.len() > 100 {
            let counts = format!("{} rows instead of {}", found.len(), expected.len());
            self.must(expected == found, &counts);
        }
        assert_eq!(
            found, expected,
            "{}: left what readers see, right what they must",
            self.name
        );
    }

    /// Takes the value of a call that must succeed.
    #[track_caller]
    #[expect(clippy::panic, reason = "a sink that fails has failed the test")]
    pub(super) fn done<V>(&self, call: &str, result: Result<V, String>) -> V {
        match result {
            Ok(value) => value,
            Err(message) => panic!("{}: {call} failed: {message}", self.name),
        }
    }

    #[track_caller]
    pub(super) fn must(&self, holds: bool, otherwise: &str) {
        assert!(holds, "{}: {otherwise}", self.name);
    }
}

/// The batch of a second, for the first output.
pub(super) fn batch(second: i64) -> BatchId {
    BatchId {
        time: Time::from_millis(second * 1000),
        output: OutputNumber::new(0),
    }
}

pub(super) fn first(second: i64) -> BatchRun {
    BatchRun::first(batch(second))
}

pub(super) fn again(second: i64) -> BatchRun {
    BatchRun::again(batch(second))
}
