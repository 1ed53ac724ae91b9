//! What can be wrong when a sink is opened.

use std::error::Error;

use postgres::error::SqlState;

/// Why a sink could not be opened. No message contains a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// What says where the server is cannot be read. It is not shown, for the password.
    #[error(
        "the address of the server cannot be read; it is \
         `postgres://user:password@host:port/database` or `host=... user=... dbname=...`"
    )]
    Address,
    /// The server cannot be reached, or does not let us in, or what the sink needs cannot be
    /// made there.
    #[error("cannot prepare {server}: {}", told(source))]
    Server {
        /// Host, port and database.
        server: String,
        /// What the client or the server says.
        source: postgres::Error,
    },
    /// The statements that were given to prepare the database failed.
    #[error("the setup of {server} failed: {}", told(source))]
    Setup {
        /// Host, port and database.
        server: String,
        /// What the server says.
        source: postgres::Error,
    },
    /// The table is missing, or has other columns or constraints.
    #[error(
        "table {table} of {server} cannot take the rows of the sink: {}; the table must exist \
         (see setup()), have the sink's columns, and for an upsert a unique constraint on the key",
        told(source)
    )]
    Table {
        /// Host, port and database.
        server: String,
        /// The table of the sink.
        table: String,
        /// What the server says.
        source: postgres::Error,
    },
    /// A column of the key is not written.
    #[error("the key's column `{column}` is not among the columns that the sink writes")]
    Key {
        /// The column.
        column: String,
    },
}

/// An error with all that led to it, of which its own text may be only the head.
pub(crate) fn told(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    if let Some(detail) = error.as_db_error().and_then(|error| error.detail()) {
        text = format!("{text} ({detail})");
    }
    if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        text = format!("{text}; another session holds the lock, which pg_locks shows");
    }
    text
}
