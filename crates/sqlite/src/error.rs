//! What can be wrong when a sink is opened.

use std::path::PathBuf;

/// Why a sink could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The database cannot be opened or prepared.
    #[error("cannot open the database `{}`: {source}", path.display())]
    Open {
        /// Of the database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The statements that were given to prepare the database failed.
    #[error("the setup of the database `{}` failed: {source}", path.display())]
    Setup {
        /// Of the database.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The table is missing, or has other columns or constraints.
    #[error(
        "table `{table}` of `{}` cannot take the rows of the sink: {source}; the table must exist \
         (see setup()), have the sink's columns, and for an upsert a unique constraint on the key",
        path.display()
    )]
    Table {
        /// Of the database.
        path: PathBuf,
        /// The table of the sink.
        table: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A column of the key is not written.
    #[error("the key's column `{column}` is not among the columns that the sink writes")]
    Key {
        /// The column.
        column: String,
    },
}
