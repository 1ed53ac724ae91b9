//! Staging tables that nobody needs any more.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use postgres::Client;

use crate::error::told;
use crate::patience::NO_WAITING;
use crate::statements::Target;

/// Tables that are still to be dropped: a connection was lost, or another session holds them.
///
/// To drop them is a courtesy, and so it neither waits nor fails: ids alone keep batches right.
#[derive(Debug, Default)]
pub(crate) struct Unwanted {
    tables: Mutex<BTreeSet<String>>,
}

impl Unwanted {
    pub(crate) fn add(&self, table: String) {
        self.tables.lock().insert(table);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.lock().is_empty()
    }

    /// Drops the tables that can be dropped now.
    pub(crate) fn drop_all(&self, client: &mut Client, target: &Target) {
        let tables = std::mem::take(&mut *self.tables.lock());
        for table in tables {
            // Sent as one they are one transaction.
            let drop = format!("{NO_WAITING}; {}", target.drop_staging(&table));
            if let Err(error) = client.batch_execute(&drop) {
                tracing::warn!(
                    table,
                    "a staging table stays, until the next batch tries to drop it again: {}",
                    told(&error)
                );
                self.add(table);
            }
        }
    }
}
