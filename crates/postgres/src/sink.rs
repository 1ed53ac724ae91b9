//! The sink itself.

use std::fmt;

use headwater_core::PartitionIter;
use headwater_streaming::{BatchId, BatchRun, Begun, OpenBatches, TransactionalSink};
use postgres::types::Type;

use crate::builder::PostgresSinkBuilder;
use crate::error::told;
use crate::instance::Instance;
use crate::pool::{Lease, Pool};
use crate::row::Row;
use crate::staging::{self, Staged, Staging};
use crate::unwanted::Unwanted;

/// A table of a PostgreSQL database that holds every batch of a stream exactly once.
///
/// Give it to [`DStream::write_to`](headwater_streaming::DStream::write_to). Partitions are
/// copied side by side into a staging table of the batch; the commit moves the rows in one
/// transaction, together with the batch's id in the table `headwater_batches`. Both tables
/// are made beside the target, so the role needs the right to create tables there. Staging
/// tables that a process left behind when it was killed are dropped by the next one.
///
/// What the server says about a batch that it refuses, such as a constraint that a row
/// breaks, becomes the failure of the batch, which leaves nothing.
pub struct PostgresSink<T> {
    config: PostgresSinkBuilder<T>,
    pool: Pool,
    types: Vec<Type>,
    instance: Instance,
    unwanted: Unwanted,
    open: OpenBatches<Staged, Staging>,
}

impl<T: 'static> PostgresSink<T> {
    /// Begins to describe a sink: the address of the server, a table, the columns that are
    /// written, and what a record becomes, a value for each of the columns.
    ///
    /// The address is `postgres://user:password@host:port/database` or
    /// `host=... user=... dbname=...`, as PostgreSQL's own programs take it. See
    /// [`PostgresSinkBuilder`] for an example and for the rest.
    pub fn builder<const N: usize, R: Row<N>>(
        address: &str,
        table: &str,
        columns: [&str; N],
        row: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> PostgresSinkBuilder<T> {
        PostgresSinkBuilder::new(address, table, columns, row)
    }

    pub(crate) fn new(pool: Pool, types: Vec<Type>, config: PostgresSinkBuilder<T>) -> Self {
        PostgresSink {
            instance: Instance::new(&config.name),
            config,
            pool,
            types,
            unwanted: Unwanted::default(),
            open: OpenBatches::new(),
        }
    }

    fn connection(&self) -> Result<Lease<'_>, String> {
        let connection = self.pool.get();
        connection.map_err(|error| format!("no connection to the server: {}", told(&error)))
    }

    /// Finds the staging tables of sinks of this name that are not of this process.
    fn find_left_behind(&self, client: &mut Lease<'_>) -> Result<(), postgres::Error> {
        let target = &self.config.target;
        let found = client.query(
            target.find_staging(),
            &[&self.instance.prefix(), &target.schema],
        )?;
        for row in found {
            let table: String = row.try_get(0)?;
            if self.instance.is_left_behind(&table) {
                tracing::info!(table, "what an earlier process has staged is dropped");
                self.unwanted.add(table);
            }
        }
        Ok(())
    }

    fn copy(
        &self,
        client: &mut Lease<'_>,
        staging: &Staging,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<Staged, String> {
        let table = staging.table(|| self.make_table(client))?;
        let statement = self.config.target.fill_staging(&table);
        let to_row = &self.config.to_row;
        let copied = staging.copy(client, &statement, &self.types, partition, |add| {
            records
                .into_iter()
                .try_for_each(|record| to_row(record, add))
        });
        copied.map_err(|error| told(&error))
    }

    fn make_table(&self, client: &mut Lease<'_>) -> Result<String, String> {
        let table = self.instance.next_table();
        let create = self.config.target.create_staging(&table);
        let Err(error) = client.batch_execute(&create) else {
            return Ok(table);
        };
        if error.as_db_error().is_none() {
            // The answer may be all that was lost.
            self.unwanted.add(table);
        }
        Err(told(&error))
    }

    fn store(
        &self,
        client: &mut Lease<'_>,
        batch: BatchId,
        table: Option<&str>,
        staged: &[Staged],
    ) -> Result<(), String> {
        let (output, time) = numbers(batch);
        let remembered = i64::try_from(self.config.remembered.as_millis()).unwrap_or(i64::MAX);
        let forgotten = time.saturating_sub(remembered);
        let (target, name) = (&self.config.target, &self.config.name);
        let text = |error: postgres::Error| told(&error);
        let mut transaction = client.transaction().map_err(text)?;
        // First of all: whoever else stores the batch has to wait here, and then to give up.
        let added = transaction.execute(&target.add_batch(), &[name, &output, &time]);
        added.map_err(text)?;
        let old = transaction.execute(&target.forget_batches(), &[name, &output, &forgotten]);
        old.map_err(text)?;
        if let Some(table) = table {
            staging::store(&mut transaction, target, table, staged)?;
        }
        transaction.commit().map_err(text)
    }

    /// Closes a batch, if it is open, and drops its table, or what else is still to be dropped.
    fn give_up(&self, batch: BatchId) -> Result<(), String> {
        let closed = self.open.close(batch).ok();
        let table = closed.and_then(|(staging, _)| staging.close());
        table.into_iter().for_each(|table| self.unwanted.add(table));
        self.drop_unwanted()
    }

    fn drop_unwanted(&self) -> Result<(), String> {
        if !self.unwanted.is_empty() {
            let mut client = self.connection()?;
            self.unwanted.drop_all(&mut client, &self.config.target);
        }
        Ok(())
    }
}

/// Output and time of a batch as values.
fn numbers(batch: BatchId) -> (i64, i64) {
    let output = i64::try_from(batch.output.get()).unwrap_or(i64::MAX);
    (output, batch.time.as_millis())
}

impl<T: 'static> TransactionalSink<T> for PostgresSink<T> {
    fn name(&self) -> Option<String> {
        Some(self.config.name.clone())
    }

    fn recover(&self) -> Result<(), String> {
        let found = self.find_left_behind(&mut self.connection()?);
        found.map_err(|error| told(&error))?;
        self.drop_unwanted()
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        self.give_up(run.id)?;
        let (output, time) = numbers(run.id);
        let mut client = self.connection()?;
        let id = self.config.target.find_batch();
        let found = client.query_opt(&id, &[&self.config.name, &output, &time]);
        if found.map_err(|error| told(&error))?.is_some() {
            return Ok(Begun::Committed);
        }
        self.open.open(run.id, Staging::default());
        Ok(Begun::Open)
    }

    fn write(
        &self,
        batch: BatchId,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), String> {
        let run = self.open.run_of(batch)?;
        let staged = if records.len() == 0 {
            Staged::NOTHING
        } else {
            let mut client = self.connection()?;
            self.copy(&mut client, &run.value, partition, records)?
        };
        self.open.keep(&run, partition, staged)
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        let (staging, staged) = self.open.close(batch)?;
        let table = staging.close();
        let stored = self
            .connection()
            .and_then(|mut client| self.store(&mut client, batch, table.as_deref(), &staged));
        if stored.is_err() {
            // It goes when the stream looks by `begin` what has become of the commit.
            table.into_iter().for_each(|table| self.unwanted.add(table));
        }
        stored
    }

    fn abort(&self, batch: BatchId) -> Result<(), String> {
        self.give_up(batch)
    }
}

impl<T> fmt::Debug for PostgresSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresSink").field(&self.config).finish()
    }
}
