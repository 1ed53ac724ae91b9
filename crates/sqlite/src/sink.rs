//! The sink itself.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use headwater_core::PartitionIter;
use headwater_streaming::{BatchId, BatchRun, Begun, OpenBatches, TransactionalSink};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::builder::SqliteSinkBuilder;
use crate::row::{Row, bytes};
use crate::staging::{Budget, Staged, Writer};
use crate::statements::{ADD_BATCH, FIND_BATCH, FORGET_BATCHES};

/// How many bytes of rows are gathered before they are staged.
const GATHERED_BYTES: usize = 1 << 20;

/// A table of an SQLite database that holds every batch of a stream exactly once.
///
/// Give it to [`DStream::write_to`](headwater_streaming::DStream::write_to). Rows become
/// visible when their batch is committed, in one transaction with the batch's id in the
/// table `headwater_batches`. Records wait for that in memory, or in temporary tables where
/// they are too many; nothing of a process that is killed stays behind.
///
/// One connection writes, and the tasks take turns only where rows do not fit into memory.
/// Others may read the database at any time, and write to it between batches. The
/// database must be on a local disk, as always with SQLite.
pub struct SqliteSink<T> {
    config: SqliteSinkBuilder<T>,
    writer: Writer,
    open: OpenBatches<Staged>,
    budget: Budget,
}

impl<T: 'static> SqliteSink<T> {
    /// Begins to describe a sink: the file of the database, a table in it, the columns that
    /// are written, and what a record becomes, a value for each of the columns.
    ///
    /// See [`SqliteSinkBuilder`] for an example and for the rest.
    pub fn builder<const N: usize, R: Row<N>>(
        path: impl AsRef<Path>,
        table: &str,
        columns: [&str; N],
        row: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> SqliteSinkBuilder<T> {
        SqliteSinkBuilder::new(path.as_ref(), table, columns, row)
    }

    pub(crate) fn new(connection: Connection, config: SqliteSinkBuilder<T>) -> Self {
        SqliteSink {
            budget: Budget::new(config.staged_bytes_max),
            config,
            writer: Arc::new(Mutex::new(connection)),
            open: OpenBatches::new(),
        }
    }

    fn is_stored(&self, batch: BatchId) -> Result<bool, rusqlite::Error> {
        let (output, time) = numbers(batch);
        let writer = self.writer.lock();
        let id = params![self.config.name, output, time];
        let found = writer.query_row(FIND_BATCH, id, |_| Ok(())).optional();
        found.map(|found| found.is_some())
    }

    fn stage(&self, records: PartitionIter<T>, staged: &mut Staged) -> Result<(), rusqlite::Error> {
        let target = &self.config.target;
        let (mut rows, mut gathered) = (Vec::new(), 0);
        for record in records {
            let before = rows.len();
            (self.config.to_values)(record, &mut rows)?;
            gathered += rows.iter().skip(before).map(bytes).sum::<usize>();
            if gathered >= GATHERED_BYTES {
                staged.add(target, &mut rows, gathered)?;
                gathered = 0;
            }
        }
        staged.add(target, &mut rows, gathered)
    }

    fn store(&self, batch: BatchId, partitions: &[Staged]) -> Result<(), rusqlite::Error> {
        let (output, time) = numbers(batch);
        let remembered = i64::try_from(self.config.remembered.as_millis()).unwrap_or(i64::MAX);
        let mut writer = self.writer.lock();
        // The lock for writing at once: a transaction that begins as a reader may not get it.
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let name = &self.config.name;
        transaction.execute(ADD_BATCH, params![name, output, time])?;
        let forgotten = time.saturating_sub(remembered);
        transaction.execute(FORGET_BATCHES, params![name, output, forgotten])?;
        for staged in partitions {
            staged.store(&transaction, &self.config.target)?;
        }
        transaction.commit()
    }
}

/// Output and time of a batch as values.
fn numbers(batch: BatchId) -> (i64, i64) {
    let output = i64::try_from(batch.output.get()).unwrap_or(i64::MAX);
    (output, batch.time.as_millis())
}

impl<T: 'static> TransactionalSink<T> for SqliteSink<T> {
    fn name(&self) -> Option<String> {
        Some(self.config.name.clone())
    }

    /// There is nothing to clean: what is staged belongs to the process.
    fn recover(&self) -> Result<(), String> {
        Ok(())
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        if self.is_stored(run.id).map_err(|error| error.to_string())? {
            return Ok(Begun::Committed);
        }
        self.open.open(run.id, ());
        Ok(Begun::Open)
    }

    fn write(
        &self,
        batch: BatchId,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), String> {
        let run = self.open.run_of(batch)?;
        let mut staged = Staged::new(&self.writer, &self.budget);
        let result = self.stage(records, &mut staged);
        result.map_err(|error| error.to_string())?;
        self.open.keep(&run, partition, staged)
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        let (_, partitions) = self.open.close(batch)?;
        let stored = self.store(batch, &partitions);
        stored.map_err(|error| error.to_string())
    }

    fn abort(&self, batch: BatchId) -> Result<(), String> {
        // One that is not open has nothing to drop.
        drop(self.open.close(batch));
        Ok(())
    }
}

impl<T> fmt::Debug for SqliteSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteSink").field(&self.config).finish()
    }
}
