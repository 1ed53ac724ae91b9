//! Scenarios of whole streams.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use headwater_core::{Conf, Context, PartitionIter, Record};

use super::place::Stage;
use crate::dstream::{BatchId, BatchRun};
use crate::error::StreamError;
use crate::sink::{Begun, TransactionalSink};
use crate::testing::TestStream;
use crate::time::{Time, seconds};

/// When the commit of a [`Faulty`] sink fails.
#[derive(Clone, Copy)]
enum Fault {
    BeforeCommit,
    AfterCommit,
    /// After the commit, and then nobody answers who is asked about it.
    AfterCommitUnasked,
}

/// A sink whose first commits fail.
struct Faulty<T> {
    sink: Arc<dyn TransactionalSink<T>>,
    fault: Fault,
    left: AtomicUsize,
    is_cut_off: AtomicBool,
}

impl<T: Record> Faulty<T> {
    fn new(sink: Arc<dyn TransactionalSink<T>>, fault: Fault, count: usize) -> Self {
        Faulty {
            sink,
            fault,
            left: AtomicUsize::new(count),
            is_cut_off: AtomicBool::new(false),
        }
    }

    fn fails(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let counted = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        counted.is_ok()
    }
}

impl<T: Record> TransactionalSink<T> for Faulty<T> {
    fn recover(&self) -> Result<(), String> {
        self.sink.recover()
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        if self.is_cut_off.swap(false, Ordering::Relaxed) {
            return Err("nobody answers".to_owned());
        }
        self.sink.begin(run)
    }

    fn write(&self, id: BatchId, partition: usize, of: PartitionIter<T>) -> Result<(), String> {
        self.sink.write(id, partition, of)
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        let fails = self.fails();
        if !matches!(self.fault, Fault::BeforeCommit) || !fails {
            self.sink.commit(batch)?;
        }
        if fails {
            let is_cut_off = matches!(self.fault, Fault::AfterCommitUnasked);
            self.is_cut_off.store(is_cut_off, Ordering::Relaxed);
            return Err("the connection was lost".to_owned());
        }
        Ok(())
    }

    fn abort(&self, batch: BatchId) -> Result<(), String> {
        self.sink.abort(batch)
    }
}

/// Three batches through a sink; later partitions are cut otherwise in each process.
fn run<T: Record + Ord + Debug>(
    stage: &Stage<'_, T>,
    attempts: u32,
    partitions: usize,
    sink: impl TransactionalSink<T>,
) -> Result<(), String> {
    let test = stream(attempts)?;
    run_on(&test, stage, partitions, sink)
}

fn stream(attempts: u32) -> Result<TestStream, String> {
    let conf = Conf::new().set("streaming.output.attempts", attempts);
    let ctx = Context::new(conf).map_err(|error| error.to_string())?;
    TestStream::on(&ctx, seconds(1)).map_err(|error| error.to_string())
}

fn run_on<T: Record + Ord + Debug>(
    test: &TestStream,
    stage: &Stage<'_, T>,
    partitions: usize,
    sink: impl TransactionalSink<T>,
) -> Result<(), String> {
    let batches: [&[u64]; 3] = [&[1, 2, 3], &[4], &[5, 6]];
    let batches = batches.map(|numbers| stage.records(numbers)).to_vec();
    test.input_partitioned(batches, partitions).write_to(sink);
    test.try_run(3)
        .map_err(|error: StreamError| error.to_string())
}

pub(super) fn lost_answer<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = Faulty::new(stage.open(), Fault::AfterCommit, 2);
    stage.done("a stream that loses answers", run(stage, 1, 2, sink));
    stage.expect_rows(1..=6);
}

pub(super) fn unknown_commit<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = Faulty::new(stage.open(), Fault::AfterCommitUnasked, 2);
    stage.done("a stream that tries again", run(stage, 2, 2, sink));
    stage.expect_rows(1..=6);
}

pub(super) fn failed_commit<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = Faulty::new(stage.open(), Fault::BeforeCommit, 1);
    let failed = run(stage, 1, 2, sink);
    stage.must(failed.is_err(), "a batch is well whose commit failed");
    stage.expect_rows([]);
    let sink = Faulty::new(stage.open(), Fault::BeforeCommit, 2);
    stage.done("a stream that tries again", run(stage, 3, 3, sink));
    stage.expect_rows(1..=6);
}

pub(super) fn run_again<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    for partitions in [2, 1, 5] {
        let test = stage.done("a stream", stream(1));
        may_have_run(&test);
        let ran = run_on(&test, stage, partitions, stage.open());
        stage.done("a stream that is run again", ran);
        stage.expect_rows(1..=6);
    }
}

/// Has a stream take all of its batches for such as were run before, as a restart does with those
/// that were begun.
pub(super) fn may_have_run(test: &TestStream) {
    test.context().graph().set_reruns_up_to(Time::MAX);
}

/// The first run of a batch finds what another stream has stored under its id.
pub(super) fn another_stream<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    stage.done("a stream", run(stage, 1, 2, stage.open()));
    let refused = run(stage, 3, 2, stage.open());
    stage.must(
        refused.is_err(),
        "a stream takes the batches of another for its own",
    );
    stage.expect_rows(1..=6);
}
