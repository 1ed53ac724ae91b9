//! The tables in which the rows of a batch wait for its commit.
//!
//! A batch has a table of its own, made when the first row comes. Each write of a partition
//! is one `COPY`, which the server takes wholly or not at all, and has a number: the commit
//! takes the rows of those writes that count. The tables are not logged, so a server that
//! crashes empties them: the commit counts what it finds.

use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use postgres::binary_copy::BinaryCopyInWriter;
use postgres::types::{ToSql, Type};
use postgres::{Client, Transaction};

use crate::error::told;
use crate::statements::Target;

/// The staging of one run of a batch.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    table: Mutex<Table>,
    attempts: AtomicI64,
}

#[derive(Debug, Default)]
enum Table {
    #[default]
    NotYet,
    Made(String),
    /// The run is over, and a write that comes now is too late.
    Closed,
}

/// One write of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Staged {
    attempt: i64,
    rows: i64,
}

impl Staged {
    pub(crate) const NOTHING: Staged = Staged {
        attempt: 0,
        rows: 0,
    };
}

impl Staging {
    /// The table, which is made if need be.
    pub(crate) fn table(
        &self,
        make: impl FnOnce() -> Result<String, String>,
    ) -> Result<String, String> {
        let mut table = self.table.lock();
        match &*table {
            Table::Made(name) => Ok(name.clone()),
            Table::Closed => Err("the run of the batch is over".to_owned()),
            Table::NotYet => {
                let name = make()?;
                *table = Table::Made(name.clone());
                Ok(name)
            }
        }
    }

    /// Gives the table away, if there is one; there will be no other.
    pub(crate) fn close(&self) -> Option<String> {
        match std::mem::replace(&mut *self.table.lock(), Table::Closed) {
            Table::Made(name) => Some(name),
            Table::NotYet | Table::Closed => None,
        }
    }

    /// Copies the rows of a partition, which `rows` gives one by one to the function that it
    /// gets.
    pub(crate) fn copy(
        &self,
        client: &mut Client,
        statement: &str,
        types: &[Type],
        partition: usize,
        rows: impl FnOnce(&mut AddRow<'_>) -> Result<(), postgres::Error>,
    ) -> Result<Staged, postgres::Error> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let partition = i32::try_from(partition).unwrap_or(i32::MAX);
        let own = [Type::INT8, Type::INT4, Type::INT8];
        let types: Vec<Type> = own.into_iter().chain(types.iter().cloned()).collect();
        let mut writer = BinaryCopyInWriter::new(client.copy_in(statement)?, &types);
        let mut place = 0_i64;
        rows(&mut |values: &[&(dyn ToSql + Sync)]| {
            let own: [&(dyn ToSql + Sync); 3] = [&attempt, &partition, &place];
            // Of known length, which a chain is not, and nothing is allocated for a row.
            let row = (0..own.len() + values.len()).map(|at| match own.get(at) {
                Some(own) => *own,
                None => values[at - own.len()],
            });
            writer.write_raw(row)?;
            place += 1;
            Ok(())
        })?;
        writer.finish()?;
        Ok(Staged {
            attempt,
            rows: place,
        })
    }
}

/// Moves the rows of those writes that count from a staging table to where they belong.
pub(crate) fn store(
    transaction: &mut Transaction<'_>,
    target: &Target,
    table: &str,
    staged: &[Staged],
) -> Result<(), String> {
    let attempts: Vec<i64> = staged.iter().map(|write| write.attempt).collect();
    let expected: i64 = staged.iter().map(|write| write.rows).sum();
    let text = |error: postgres::Error| told(&error);
    let count = target.count_staged(table);
    let count = transaction.query_one(&count, &[&attempts]).map_err(text)?;
    let found: i64 = count.try_get(0).map_err(text)?;
    if found != expected {
        return Err(format!(
            "{found} of {expected} rows are left in the staging table {table}: the server \
             has crashed since they were written, or somebody else has changed the table"
        ));
    }
    let moved = transaction.execute(&target.insert_staged(table), &[&attempts]);
    moved.map_err(text)?;
    let dropped = transaction.batch_execute(&target.drop_staging(table));
    dropped.map_err(text)
}

/// Takes the values of one row.
pub(crate) type AddRow<'a> = dyn FnMut(&[&(dyn ToSql + Sync)]) -> Result<(), postgres::Error> + 'a;
