//! Exactly-once output of streams into PostgreSQL.
//!
//! A [`PostgresSink`] copies the records of each batch into a staging table, several
//! partitions at a time, and moves them to where they belong in one transaction that also
//! stores the batch's id: whatever is tried or run again is found to be there. It knows
//! nothing of how streams run;
//! [`TransactionalSink`](headwater_streaming::TransactionalSink) is all that it implements.
//!
//! Read [`PostgresSinkBuilder`] first, then `sink` (the contract), `staging` (the tables
//! where rows wait), `unwanted` (those that nobody needs any more), `pool` (connections) and
//! `patience` (how long they wait).
//!
//! Connections are **not encrypted** unless you bring a way to:
//! [`PostgresSinkBuilder::connect_with`]. Passwords appear in no message and no log.
//!
//! ```no_run
//! use headwater_postgres::PostgresSink;
//! use headwater_streaming::testing::TestStream;
//! use headwater_streaming::time::seconds;
//!
//! let url = std::env::var("DATABASE_URL").unwrap();
//! let sink = PostgresSink::builder(&url, "words", ["word", "length"], |word: String| {
//!     let length = word.len() as i64;
//!     (word, length)
//! })
//! .setup("create table if not exists words (word text, length bigint)")
//! .open()
//! .unwrap();
//!
//! let test = TestStream::new(seconds(1));
//! let words = test.input(vec![vec!["to", "be"], vec!["or"]]).map(str::to_string);
//! words.write_to(sink);
//! test.run(2);
//! ```

mod builder;
mod error;
mod instance;
mod patience;
mod pool;
mod row;
mod sink;
mod staging;
mod statements;
mod unwanted;

pub use builder::PostgresSinkBuilder;
pub use error::PostgresError;
pub use postgres;
pub use row::Row;
pub use sink::PostgresSink;
