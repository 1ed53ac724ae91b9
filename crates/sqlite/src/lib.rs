//! Exactly-once output of streams into SQLite databases.
//!
//! A [`SqliteSink`] stores each batch of a stream in one transaction, together with the
//! batch's id: whatever is tried or run again is found to be there. It knows nothing of how
//! streams run; [`TransactionalSink`](headwater_streaming::TransactionalSink) is all that
//! it implements. SQLite itself is compiled in, which needs a C compiler.
//!
//! Read [`SqliteSinkBuilder`] first, then `sink` (the contract) and `staging` (where records
//! wait for their commit).
//!
//! ```
//! use headwater_sqlite::SqliteSink;
//! use headwater_streaming::testing::TestStream;
//! use headwater_streaming::time::seconds;
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("words.db");
//! let sink = SqliteSink::builder(&path, "words", ["word", "length"], |word: String| {
//!     let length = word.len() as i64;
//!     (word, length)
//! })
//! .setup("create table if not exists words (word text, length integer)")
//! .open()
//! .unwrap();
//!
//! let test = TestStream::new(seconds(1));
//! let words = test.input(vec![vec!["to", "be"], vec!["or"]]).map(str::to_string);
//! words.write_to(sink);
//! test.run(2);
//!
//! let database = rusqlite::Connection::open(&path).unwrap();
//! let count = "select count(*) from words where length = 2";
//! assert_eq!(database.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 3);
//! ```

mod builder;
mod error;
mod row;
mod sink;
mod staging;
mod statements;

pub use builder::SqliteSinkBuilder;
pub use error::SqliteError;
pub use row::Row;
pub use rusqlite;
pub use sink::SqliteSink;
