//! The contract of sinks, on a real server.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod server;

use headwater_postgres::PostgresSink;
use headwater_streaming::testing::sink::{SinkPlace, check_sink};

type Record = (i64, String);

fn record(number: u64) -> Record {
    let number = i64::try_from(number).unwrap();
    (number, format!("the {number}th 'record'"))
}

#[test]
fn the_contract_is_kept() {
    if server::address().is_none() {
        return;
    }
    check_sink(record, |scenario| {
        let schema = server::schema(scenario).unwrap();
        let (at, setup) = (
            schema.clone(),
            format!(
                "create table if not exists \"{schema}\".\"my rows\" (number bigint, \"te\"\"xt\" text)"
            ),
        );
        let open = move || {
            let row = |record: Record| record;
            PostgresSink::builder(
                &server::address().unwrap(),
                "my rows",
                ["number", "te\"xt"],
                row,
            )
            .schema(&at)
            .setup(&setup)
            .open()
            .unwrap()
        };
        let rows = move || {
            let select = format!("select number, \"te\"\"xt\" from \"{schema}\".\"my rows\"");
            let rows = server::connect().query(&select, &[]).unwrap();
            rows.iter().map(|row| (row.get(0), row.get(1))).collect()
        };
        SinkPlace::new(open, rows)
    });
}
