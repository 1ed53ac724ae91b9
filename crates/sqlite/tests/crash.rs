//! A process that is killed while it writes, again and again.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use headwater_sqlite::SqliteSink;
use headwater_sqlite::rusqlite::Connection;
use headwater_streaming::testing::sink::{SinkPlace, survives_kills};

fn place(path: &str) -> SinkPlace<u64> {
    let (path, file) = (path.to_owned(), path.to_owned());
    let open = move || {
        SqliteSink::builder(
            &path,
            "numbers",
            ["n"],
            |n: u64| [i64::try_from(n).unwrap()],
        )
        .setup("create table if not exists numbers (n integer)")
        .staged_bytes_max(20_000)
        .open()
        .unwrap()
    };
    let rows = move || {
        let database = Connection::open(&file).unwrap();
        let mut select = database.prepare("select n from numbers").unwrap();
        let number = |row: &headwater_sqlite::rusqlite::Row<'_>| row.get::<_, i64>(0);
        let numbers = select.query_map((), number).unwrap();
        numbers
            .map(|n| u64::try_from(n.unwrap()).unwrap())
            .collect()
    };
    SinkPlace::new(open, rows)
}

#[test]
fn every_row_is_there_once_after_kills() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("killed.db");
    let path = path.to_str().unwrap();
    survives_kills("every_row_is_there_once_after_kills", path, |n| n, place);
}
