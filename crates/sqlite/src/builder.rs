//! How a sink is described.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::error::SqliteError;
use crate::row::Row;
use crate::sink::SqliteSink;
use crate::statements::{CREATE_BATCHES, Target};

/// How long to wait for others who write to the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
const STAGED_BYTES_MAX: usize = 64 << 20;
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Adds the values of a record to those of a partition.
pub(crate) type ToValues<T> =
    Arc<dyn Fn(T, &mut Vec<Value>) -> Result<(), rusqlite::Error> + Send + Sync>;

/// A [`SqliteSink`] before it is opened: [`SqliteSink::builder`].
///
/// ```
/// use headwater_sqlite::SqliteSink;
/// use std::time::Duration;
/// # let directory = tempfile::tempdir().unwrap();
/// let sink = SqliteSink::builder(
///     directory.path().join("counts.db"),
///     "counts",
///     ["word", "n"],
///     |(word, n): (String, i64)| (word, n),
/// )
/// .setup("create table if not exists counts (word text primary key, n integer)")
/// .upsert_on(["word"])
/// .busy_timeout(Duration::from_secs(5))
/// .open();
/// assert!(sink.is_ok());
/// ```
#[must_use]
pub struct SqliteSinkBuilder<T> {
    pub(crate) path: PathBuf,
    pub(crate) target: Target,
    pub(crate) to_values: ToValues<T>,
    pub(crate) name: String,
    pub(crate) staged_bytes_max: usize,
    pub(crate) remembered: Duration,
    setup: Option<String>,
    busy_timeout: Duration,
}

impl<T: 'static> SqliteSinkBuilder<T> {
    pub(crate) fn new<const N: usize, R: Row<N>>(
        path: &Path,
        table: &str,
        columns: [&str; N],
        row: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> Self {
        SqliteSinkBuilder {
            path: path.to_owned(),
            target: Target {
                table: table.to_owned(),
                columns: columns.map(str::to_owned).to_vec(),
                key: Vec::new(),
            },
            to_values: Arc::new(move |record, values| row(record).add_to(values)),
            name: table.to_owned(),
            staged_bytes_max: STAGED_BYTES_MAX,
            remembered: REMEMBERED,
            setup: None,
            busy_timeout: BUSY_TIMEOUT,
        }
    }

    /// Statements that are run whenever the sink is opened: `create table if not exists`.
    pub fn setup(mut self, statements: impl Into<String>) -> Self {
        self.setup = Some(statements.into());
        self
    }

    /// Rows take the place of those with the same key, instead of being added: for totals
    /// of state, of which only the latest counts.
    ///
    /// The table needs a unique constraint on exactly these columns. Where a batch has a key
    /// twice, the later row of the later partition holds. Batches that are committed out of
    /// order, which only `streaming.concurrent_jobs` above 1 does, leave the row of the
    /// batch that came last.
    pub fn upsert_on<const K: usize>(mut self, key: [&str; K]) -> Self {
        self.target.key = key.map(str::to_owned).to_vec();
        self
    }

    /// The name under which the sink's batches are stored, by default that of the table.
    ///
    /// It must stay the same over restarts, and differ between streams that write to one
    /// database, though it be to one table: batches of the same time have the same id under one
    /// name. A stream that finds a batch there which it has not run itself fails, rather than
    /// lose its own.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long to wait for others who write to the database, by default 30 seconds; after
    /// that the batch fails.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How many bytes of rows wait in memory for their commit, by default 64 MiB. What is
    /// beyond that waits in temporary tables, which SQLite keeps in files.
    pub fn staged_bytes_max(mut self, bytes: usize) -> Self {
        self.staged_bytes_max = bytes;
        self
    }

    /// For how long, in batch times, ids are kept, by default seven days. It must be longer
    /// than any restart may reach back.
    pub fn remember_batches(mut self, how_long: Duration) -> Self {
        self.remembered = how_long;
        self
    }

    /// Opens the database, with a write-ahead log and synchronous commits, and prepares it.
    ///
    /// # Errors
    /// [`SqliteError`], when the database cannot be opened, or the table does not fit.
    pub fn open(self) -> Result<SqliteSink<T>, SqliteError> {
        let key = &self.target.key;
        if let Some(column) = key.iter().find(|key| !self.target.columns.contains(key)) {
            let column = column.clone();
            return Err(SqliteError::Key { column });
        }
        let path = || self.path.clone();
        let connection = self.connect().map_err(|source| SqliteError::Open {
            path: path(),
            source,
        })?;
        if let Some(setup) = &self.setup {
            let result = connection.execute_batch(setup);
            result.map_err(|source| SqliteError::Setup {
                path: path(),
                source,
            })?;
        }
        let checked = connection.prepare(&self.target.insert_values()).map(drop);
        checked.map_err(|source| SqliteError::Table {
            path: path(),
            table: self.target.table.clone(),
            source,
        })?;
        Ok(SqliteSink::new(connection, self))
    }

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(self.busy_timeout)?;
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
        if mode != "wal" {
            tracing::warn!(path = %self.path.display(), mode, "no write-ahead log; readers wait");
        }
        // What is committed must survive a loss of power: the stream relies on it.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.execute_batch(CREATE_BATCHES)?;
        Ok(connection)
    }
}

impl<T> fmt::Debug for SqliteSinkBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSinkBuilder")
            .field("path", &self.path)
            .field("target", &self.target)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
