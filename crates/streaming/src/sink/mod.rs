//! Sinks that hold every batch exactly once.

mod open;
mod write_to;

use std::sync::Arc;

use headwater_core::PartitionIter;

pub use open::{OpenBatches, OpenRun};

use crate::dstream::{BatchId, BatchRun};

/// What [`TransactionalSink::begin`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The batch is not stored: its records are to be written.
    Open,
    /// The batch is stored already, all of it: nothing is to be written.
    Committed,
}

/// A place for records that takes each batch of a stream as a whole, once, and knows which
/// batches it has.
///
/// [`DStream::write_to`](crate::DStream::write_to) calls it. The idea: records of a batch
/// are *staged* where no reader sees them, and one transaction at the end makes them
/// visible together with the [`BatchId`]. Whatever fails before leaves nothing; whatever
/// runs again after finds the id.
///
/// # Contract
///
/// | call | when | what it must do |
/// | --- | --- | --- |
/// | `recover` | once for each output, before its first batch | drop what earlier processes staged and never committed; touch nothing that is committed, nor what others of this process have staged |
/// | `begin` | at the beginning of each run of a batch, on the driver | [`Begun::Committed`] if the id is stored, whatever [`BatchRun::is_rerun`] says; else drop what is staged under the id, and open it |
/// | `write` | on the tasks, several partitions at a time | stage the records, all of them or none. Several times for one partition after failures: the last that was complete counts, alone. Not open: an error |
/// | `commit` | on the driver, once every partition was written completely | store the staged records and the id in one transaction, durably. It fails if the id is stored by then, or not open, or if anything staged was lost |
/// | `abort` | on the driver, instead of `commit` | drop what is staged under the id; a batch that is committed, or not open, stays as it is |
///
/// * **Batches, not partitions.** When a batch is run again the number and the contents of
///   its partitions may be others (another number of slots, blocks that were cut
///   otherwise). What is exactly once is the batch. A sink that remembers partitions loses
///   or doubles records.
/// * **Overlap.** With `streaming.concurrent_jobs` above 1, several batches are open at a
///   time. A task that was given up may still be in `write`, or call it, when the batch is
///   begun again: what it stages may count, since it writes the same partition of the same
///   batch, or be refused, but never in part.
/// * **Lost answers.** A `commit` that returns an error may have happened (the connection
///   was lost during it). The stream then calls `begin`, which tells by the stored id. So
///   an id must be unique in the store itself, and not in the sink's memory.
/// * **Order.** Batches may be committed in another order than that of their times.
/// * **One user.** Two streams must not write under one [name](TransactionalSink::name), neither
///   at the same time nor one after the other: both have the same ids. The unique id keeps even
///   them from storing a batch twice, and a stream fails where `begin` finds a batch that the
///   stream itself cannot have stored. So `begin` looks the id up also for a first run.
///
/// The id names the output by a [number](crate::OutputNumber) that it keeps when the program is
/// changed and goes on from its checkpoint; [`name`](TransactionalSink::name) helps to find it.
///
/// [`OpenBatches`] does the bookkeeping, and [`testing::sink`](crate::testing::sink) checks an implementation against this, crashes
/// included.
pub trait TransactionalSink<T>: Send + Sync + 'static {
    /// What the sink is called, the same in every process: by it a changed program that goes on
    /// from a checkpoint finds the output again, and so the ids of the batches that the sink has.
    /// Without a name, as by default, the output is found by its stream's.
    ///
    /// Every stream that writes to one store needs a name of its own there, in this program and
    /// in all others: it tells the ids of one stream from those of another.
    fn name(&self) -> Option<String> {
        None
    }

    /// Cleans up after processes that ended without doing so.
    ///
    /// # Errors
    /// What kept it from that, as text. The batch fails, and the next attempt tries again.
    fn recover(&self) -> Result<(), String>;

    /// Opens a batch, unless it is stored.
    ///
    /// # Errors
    /// What kept it from that, as text; the output's attempt fails.
    fn begin(&self, run: &BatchRun) -> Result<Begun, String>;

    /// Stages the records of one partition of an open batch.
    ///
    /// # Errors
    /// What kept it from that, as text; the task fails, and nothing of it is staged.
    fn write(
        &self,
        batch: BatchId,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), String>;

    /// Stores an open batch: its records and its id, together.
    ///
    /// # Errors
    /// What went wrong, as text. Whether the batch is stored is then open.
    fn commit(&self, batch: BatchId) -> Result<(), String>;

    /// Gives up an open batch.
    ///
    /// # Errors
    /// What kept it from that, as text. What stays behind is dropped by the next `begin`
    /// of the batch, or by `recover`.
    fn abort(&self, batch: BatchId) -> Result<(), String>;
}

/// A sink that others look at too, or that several outputs write to.
impl<T, S: TransactionalSink<T> + ?Sized> TransactionalSink<T> for Arc<S> {
    fn name(&self) -> Option<String> {
        (**self).name()
    }

    fn recover(&self) -> Result<(), String> {
        (**self).recover()
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        (**self).begin(run)
    }

    fn write(
        &self,
        batch: BatchId,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), String> {
        (**self).write(batch, partition, records)
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        (**self).commit(batch)
    }

    fn abort(&self, batch: BatchId) -> Result<(), String> {
        (**self).abort(batch)
    }
}
