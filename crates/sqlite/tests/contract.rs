//! The contract of sinks, with every place where rows can wait.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use headwater_sqlite::SqliteSink;
use headwater_sqlite::rusqlite::Connection;
use headwater_streaming::testing::sink::{SinkPlace, check_sink};

type Record = (u64, String);

fn record(number: u64) -> Record {
    (number, format!("the {number}th 'record'"))
}

fn check(staged_bytes_max: usize) {
    let directory = tempfile::tempdir().unwrap();
    check_sink(record, |scenario| {
        let path = directory.path().join(scenario);
        let file = path.clone();
        let open = move || {
            SqliteSink::builder(
                &path,
                "my rows",
                ["number", "te\"xt"],
                |(number, text): Record| (i64::try_from(number).unwrap(), text),
            )
            .setup("create table if not exists \"my rows\" (number integer, \"te\"\"xt\" text)")
            .staged_bytes_max(staged_bytes_max)
            .open()
            .unwrap()
        };
        SinkPlace::new(open, move || rows(&Connection::open(&file).unwrap()))
    });
}

fn rows(database: &Connection) -> Vec<Record> {
    let Ok(mut select) = database.prepare("select * from \"my rows\"") else {
        return Vec::new();
    };
    let row = |row: &headwater_sqlite::rusqlite::Row<'_>| {
        Ok((u64::try_from(row.get::<_, i64>(0)?).unwrap(), row.get(1)?))
    };
    select
        .query_map((), row)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn rows_wait_in_memory() {
    check(1 << 30);
}

#[test]
fn rows_wait_in_memory_and_in_tables() {
    check(2 << 20);
}

#[test]
fn rows_wait_in_tables() {
    check(0);
}
