//! A process that is killed while it writes, again and again.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod server;

use headwater_postgres::PostgresSink;
use headwater_streaming::testing::sink::{SinkPlace, survives_kills};

fn place(schema: &str) -> SinkPlace<u64> {
    let (at, schema) = (schema.to_owned(), schema.to_owned());
    let open = move || {
        let row = |n: u64| [i64::try_from(n).unwrap()];
        PostgresSink::builder(&server::address().unwrap(), "numbers", ["n"], row)
            .schema(&at)
            .setup(format!(
                "create table if not exists \"{at}\".numbers (n bigint)"
            ))
            .open()
            .unwrap()
    };
    let rows = move || {
        let select = format!("select n from \"{schema}\".numbers");
        let rows = server::connect().query(&select, &[]).unwrap();
        rows.iter()
            .map(|row| u64::try_from(row.get::<_, i64>(0)).unwrap())
            .collect()
    };
    SinkPlace::new(open, rows)
}

#[test]
fn every_row_is_there_once_after_kills() {
    let Some(schema) = server::schema("killed") else {
        return;
    };
    survives_kills("every_row_is_there_once_after_kills", &schema, |n| n, place);
    assert_eq!(server::staging_tables(&schema), 0);
}
