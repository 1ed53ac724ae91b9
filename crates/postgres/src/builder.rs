//! How a sink is described.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::Host;
use postgres::types::Type;
use postgres::{Client, Config, NoTls};

use crate::error::PostgresError;
use crate::patience;
use crate::pool::{Connect, Pool};
use crate::row::Row;
use crate::sink::PostgresSink;
use crate::staging::AddRow;
use crate::statements::Target;

const CONNECTIONS: usize = 4;
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Gives the values of a record to a partition's copy.
pub(crate) type ToRow<T> =
    Arc<dyn Fn(T, &mut AddRow<'_>) -> Result<(), postgres::Error> + Send + Sync>;

/// A [`PostgresSink`] before it is opened: [`PostgresSink::builder`].
///
/// ```no_run
/// use headwater_postgres::PostgresSink;
/// let url = "postgres://stream:secret@db.example/shop";
/// let row = |(word, n): (String, i64)| (word, n);
/// let sink = PostgresSink::builder(url, "counts", ["word", "n"], row)
///     .setup("create table if not exists counts (word text primary key, n bigint)")
///     .upsert_on(["word"])
///     .connections(8)
///     .open();
/// ```
#[must_use]
pub struct PostgresSinkBuilder<T> {
    pub(crate) target: Target,
    pub(crate) to_row: ToRow<T>,
    pub(crate) name: String,
    pub(crate) remembered: Duration,
    address: Result<Config, postgres::Error>,
    connect: Connect,
    connections: usize,
    lock_timeout: Duration,
    setup: Option<String>,
}

impl<T: 'static> PostgresSinkBuilder<T> {
    pub(crate) fn new<const N: usize, R: Row<N>>(
        address: &str,
        table: &str,
        columns: [&str; N],
        row: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> Self {
        PostgresSinkBuilder {
            target: Target {
                schema: None,
                table: table.to_owned(),
                columns: columns.map(str::to_owned).to_vec(),
                key: Vec::new(),
                nulls_differ: false,
            },
            to_row: Arc::new(move |record, add| add(&row(record).values())),
            name: table.to_owned(),
            remembered: REMEMBERED,
            address: address.parse(),
            connect: Arc::new(|config| config.connect(NoTls)),
            connections: CONNECTIONS,
            lock_timeout: patience::LOCK_TIMEOUT,
            setup: None,
        }
    }

    /// The schema of the table, and of the tables that the sink makes beside it; by default
    /// the first of the search path.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.target.schema = Some(schema.into());
        self
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
    /// twice, the later row of the later partition holds. A row with a null in its key has the
    /// key of another only if the constraint says `nulls not distinct`; else every such row is
    /// added, as by an `insert`. Batches that are committed out of
    /// order, which only `streaming.concurrent_jobs` above 1 does, leave the row of the
    /// batch that came last.
    pub fn upsert_on<const K: usize>(mut self, key: [&str; K]) -> Self {
        self.target.key = key.map(str::to_owned).to_vec();
        self
    }

    /// The name under which the sink's batches are stored, by default that of the table.
    ///
    /// It must stay the same over restarts, and differ between programs that write to one
    /// database.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many connections there are at most, by default four: as many partitions are
    /// copied at a time. Other tasks wait.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long a statement waits for what another session has locked, by default two minutes;
    /// `Duration::ZERO` waits without end.
    ///
    /// Then the output fails, and is tried again as `streaming.output.attempts` says: by default
    /// it is not, and the stream stops. So it should be longer than the longest commit. A machine
    /// that was lost in the middle of a commit leaves locks that the next one has to wait for:
    /// the sink asks the server to end a session that is not heard of for a minute. With a
    /// shorter wait than that the first batches after such a loss may fail.
    ///
    /// ```no_run
    /// use headwater_postgres::PostgresSink;
    /// use std::time::Duration;
    /// let sink = PostgresSink::builder("host=db", "numbers", ["n"], |n: i64| [n])
    ///     .lock_timeout(Duration::from_secs(300));
    /// ```
    pub fn lock_timeout(mut self, how_long: Duration) -> Self {
        self.lock_timeout = how_long;
        self
    }

    /// For how long, in batch times, ids are kept, by default seven days. It must be longer
    /// than any restart may reach back.
    pub fn remember_batches(mut self, how_long: Duration) -> Self {
        self.remembered = how_long;
        self
    }

    /// How connections are made, which by default is without encryption: for TLS, call
    /// `config.connect` with the connector of a crate such as `postgres-native-tls`, and ask
    /// for it with `sslmode=require` in the address.
    ///
    /// ```no_run
    /// use headwater_postgres::{PostgresSink, postgres::NoTls};
    /// let sink = PostgresSink::builder("host=db", "numbers", ["n"], |n: i64| [n])
    ///     .connect_with(|config| config.connect(NoTls));
    /// ```
    pub fn connect_with(
        mut self,
        connect: impl Fn(&Config) -> Result<Client, postgres::Error> + Send + Sync + 'static,
    ) -> Self {
        self.connect = Arc::new(connect);
        self
    }

    /// Connects to the server and prepares it.
    ///
    /// # Errors
    /// [`PostgresError`], when the server cannot be reached or the table does not fit.
    pub fn open(mut self) -> Result<PostgresSink<T>, PostgresError> {
        let key = &self.target.key;
        if let Some(column) = key.iter().find(|key| !self.target.columns.contains(key)) {
            let column = column.clone();
            return Err(PostgresError::Key { column });
        }
        let address = self.address.as_mut().map_err(|_| PostgresError::Address)?;
        patience::prepare_client(address);
        let server = server(address);
        let pool = Pool::new(
            address.clone(),
            self.connect.clone(),
            self.connections,
            self.lock_timeout,
        );
        let types = self.prepare(&pool, &server)?;
        self.target.nulls_differ = self.nulls_differ(&pool, &server)?;
        tracing::debug!(server, table = self.target.table(), "a sink is open");
        Ok(PostgresSink::new(pool, types, self))
    }

    /// Whether the constraint of an upsert tells rows with a null in the key apart.
    fn nulls_differ(&self, pool: &Pool, server: &str) -> Result<bool, PostgresError> {
        let target = &self.target;
        if target.key.is_empty() {
            return Ok(false);
        }
        let found = pool.get().and_then(|mut client| {
            let found = target.find_nulls_differ();
            let found = client.query_one(found, &[&target.table(), &target.key])?;
            found.try_get(0)
        });
        found.map_err(|source| PostgresError::Server {
            server: server.to_owned(),
            source,
        })
    }

    /// Makes what is missing, and gives the types of the columns.
    fn prepare(&self, pool: &Pool, server: &str) -> Result<Vec<Type>, PostgresError> {
        let at_server = |source| PostgresError::Server {
            server: server.to_owned(),
            source,
        };
        let mut client = pool.get().map_err(at_server)?;
        if let Some(setup) = &self.setup {
            let result = client.batch_execute(setup);
            result.map_err(|source| PostgresError::Setup {
                server: server.to_owned(),
                source,
            })?;
        }
        let target = &self.target;
        let columns = client
            .batch_execute(&target.check())
            .and_then(|()| client.prepare(&target.columns()));
        let columns = columns.map_err(|source| PostgresError::Table {
            server: server.to_owned(),
            table: target.table(),
            source,
        })?;
        let made = client.batch_execute(&target.create_batches());
        made.map_err(at_server)?;
        let types = columns
            .columns()
            .iter()
            .map(|column| column.type_().clone());
        Ok(types.collect())
    }
}

/// Where the server is, for messages.
fn server(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "the local server".to_owned(),
    };
    let port = config.get_ports().first().map(|port| format!(":{port}"));
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("{host}{}/{database}", port.unwrap_or_default())
}

impl<T> fmt::Debug for PostgresSinkBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSinkBuilder")
            .field("server", &self.address.as_ref().map(server).ok())
            .field("target", &self.target)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
