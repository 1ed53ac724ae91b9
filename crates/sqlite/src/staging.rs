//! Where the rows of partitions wait until their batch is committed.
//!
//! In memory, as long as all that waits fits into a bound; else in a temporary table for
//! each partition, which is part of the connection and vanishes with it. A partition is in
//! one of the two as a whole, so its rows stay in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::statements::Target;

/// One connection writes.
pub(crate) type Writer = Arc<Mutex<Connection>>;

/// How much is in memory, and how much may be.
#[derive(Clone)]
pub(crate) struct Budget {
    used: Arc<AtomicUsize>,
    max: usize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Self {
        Budget {
            used: Arc::default(),
            max,
        }
    }

    /// Takes some bytes, if that many are left.
    fn take(&self, bytes: usize) -> bool {
        let more = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.max);
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The rows of one write of one partition. Dropping it drops them.
pub(crate) struct Staged {
    writer: Writer,
    budget: Budget,
    taken: usize,
    /// Rows in memory, one after the other.
    values: Vec<Value>,
    /// The table that has the rows instead.
    spilled: Option<String>,
}

static SPILLED: AtomicU64 = AtomicU64::new(0);

impl Staged {
    pub(crate) fn new(writer: &Writer, budget: &Budget) -> Self {
        Staged {
            writer: writer.clone(),
            budget: budget.clone(),
            taken: 0,
            values: Vec::new(),
            spilled: None,
        }
    }

    /// Adds rows of so many bytes.
    pub(crate) fn add(
        &mut self,
        target: &Target,
        rows: &mut Vec<Value>,
        bytes: usize,
    ) -> Result<(), rusqlite::Error> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.spilled.is_none() && self.budget.take(bytes) {
            self.taken += bytes;
            self.values.append(rows);
            return Ok(());
        }
        let table = self.spilled.clone().unwrap_or_else(|| {
            let number = SPILLED.fetch_add(1, Ordering::Relaxed);
            format!("headwater_spilled_{number}")
        });
        let writer = self.writer.clone();
        let mut connection = writer.lock();
        let transaction = connection.transaction()?;
        if self.spilled.is_none() {
            transaction.execute_batch(&target.create_spilled(&table))?;
        }
        {
            let mut insert = transaction.prepare(&target.fill_spilled(&table))?;
            let all = [&self.values, &*rows];
            for row in all
                .iter()
                .flat_map(|rows| rows.chunks(target.columns.len()))
            {
                insert.execute(params_from_iter(row))?;
            }
        }
        transaction.commit()?;
        self.spilled = Some(table);
        rows.clear();
        self.values = Vec::new();
        self.budget.give_back(std::mem::take(&mut self.taken));
        Ok(())
    }

    /// Inserts the rows where they belong.
    pub(crate) fn store(
        &self,
        connection: &Connection,
        target: &Target,
    ) -> Result<(), rusqlite::Error> {
        if let Some(table) = &self.spilled {
            connection.execute(&target.insert_spilled(table), ())?;
            return Ok(());
        }
        let mut insert = connection.prepare(&target.insert_values())?;
        for row in self.values.chunks(target.columns.len()) {
            insert.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        self.budget.give_back(self.taken);
        if let Some(table) = &self.spilled {
            let dropped = self
                .writer
                .lock()
                .execute_batch(&format!("drop table temp.{table}"));
            if let Err(error) = dropped {
                tracing::warn!(
                    table,
                    "a temporary table stays until the sink is closed: {error}"
                );
            }
        }
    }
}
