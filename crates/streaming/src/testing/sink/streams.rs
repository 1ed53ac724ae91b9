//! Scenarios of whole streams.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_core::{Conf, Context, PartitionIter, Record};

use super::place::Stage;
use crate::dstream::{BatchId, BatchRun};
use crate::error::StreamError;
use crate::sink::{Begun, TransactionalSink};
use crate::testing::TestStream;
use crate::time::seconds;

/// When the commit of a [`Faulty`] sink fails.
#[derive(Clone, Copy)]
enum Fault {
    BeforeCommit,
    AfterCommit,
}

/// A sink whose first commits fail.
struct Faulty<T> {
    sink: Arc<dyn TransactionalSink<T>>,
    fault: Fault,
    left: AtomicUsize,
}

impl<T: Record> Faulty<T> {
    fn new(sink: Arc<dyn TransactionalSink<T>>, fault: Fault, count: usize) -> Self {
        Faulty {
            sink,
            fault,
            left: AtomicUsize::new(count),
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
        self.sink.begin(run)
    }

    fn write(&self, id: BatchId, partition: usize, of: PartitionIter<T>) -> Result<(), String> {
        self.sink.write(id, partition, of)
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        let fails = self.fails();
        if matches!(self.fault, Fault::AfterCommit) || !fails {
            self.sink.commit(batch)?;
        }
        if fails {
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
    let conf = Conf::new().set("streaming.output.attempts", attempts);
    let ctx = Context::new(conf).map_err(|error| error.to_string())?;
    let text = |error: StreamError| error.to_string();
    let test = TestStream::on(&ctx, seconds(1)).map_err(text)?;
    let batches: [&[u64]; 3] = [&[1, 2, 3], &[4], &[5, 6]];
    let batches = batches.map(|numbers| stage.records(numbers)).to_vec();
    test.input_partitioned(batches, partitions).write_to(sink);
    test.try_run(3).map_err(text)
}

pub(super) fn lost_answer<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = Faulty::new(stage.open(), Fault::AfterCommit, 2);
    stage.done("a stream that loses answers", run(stage, 1, 2, sink));
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
        stage.done("a stream", run(stage, 1, partitions, stage.open()));
        stage.expect_rows(1..=6);
    }
}
