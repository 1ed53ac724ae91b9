//! What a sink in PostgreSQL does beyond the contract.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod counts;
mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_core::PartitionIter;
use headwater_postgres::postgres::NoTls;
use headwater_postgres::{PostgresError, PostgresSink, PostgresSinkBuilder};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_streaming::{BatchRun, Begun, TransactionalSink};

use counts::{Count, batch, counts, pairs, stage, staging_table, store, table, terminate};

#[test]
fn totals_of_state_are_upserted() {
    let Some(schema) = server::schema("totals") else {
        return;
    };
    let test = TestStream::new(seconds(1));
    let words = test.input(vec![vec!["to", "be", "or"], vec![], vec!["to", "to", "do"]]);
    let ones = words.map(|word| (word.to_string(), 1_i64));
    let totals = ones.update_state_by_key(|new: Vec<i64>, total: Option<i64>| {
        Some(total.unwrap_or(0) + new.iter().sum::<i64>())
    });
    totals.write_to(counts(&schema).upsert_on(["word"]).open().unwrap());
    test.run(3);
    assert_eq!(
        table(&schema),
        pairs(&[("be", 1), ("do", 1), ("or", 1), ("to", 3)])
    );
    assert_eq!(server::staging_tables(&schema), 0);
}

#[test]
fn the_last_of_several_rows_with_a_key_holds() {
    let Some(schema) = server::schema("last") else {
        return;
    };
    let sink = counts(&schema).upsert_on(["word"]).open().unwrap();
    store(
        &sink,
        1,
        &[&[("a", 1), ("b", 1), ("a", 2)], &[("b", 5), ("b", 4)]],
    )
    .unwrap();
    assert_eq!(table(&schema), pairs(&[("a", 2), ("b", 4)]));
}

/// What is in a table after a batch with such keys, upserted by both of its columns.
fn upserted(schema: &str, table: &str, constraint: &str) -> Vec<(Option<String>, String, i64)> {
    type Keyed = (Option<&'static str>, &'static str, i64);
    let of = format!("\"{schema}\".{table}");
    let setup = format!("create table {of} (a text, b text not null, n bigint, {constraint})");
    let address = server::address().unwrap();
    let sink = PostgresSink::builder(&address, table, ["a", "b", "n"], |row: Keyed| row);
    let sink = sink
        .schema(schema)
        .setup(setup)
        .upsert_on(["b", "a"])
        .open();
    let sink = sink.unwrap();
    assert_eq!(sink.begin(&BatchRun::first(batch(1))), Ok(Begun::Open));
    let first = vec![(None, "x", 1), (Some("a"), "x", 2), (None, "x", 3)];
    let second = vec![(None, "x", 4), (Some("a"), "x", 5), (None, "y", 6)];
    for (at, rows) in [first, second].into_iter().enumerate() {
        sink.write(batch(1), at, PartitionIter::from(rows)).unwrap();
    }
    sink.commit(batch(1)).unwrap();
    let select = format!("select a, b, n from {of} order by n");
    let rows = server::connect().query(&select, &[]).unwrap();
    rows.iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

#[test]
fn rows_with_a_null_in_the_key_are_as_equal_as_the_constraint_says() {
    let Some(schema) = server::schema("nulls") else {
        return;
    };
    let row = |a: Option<&str>, b: &str, n: i64| (a.map(str::to_owned), b.to_owned(), n);
    let differ = upserted(&schema, "differ", "unique (a, b)");
    let merged = [row(None, "x", 4), row(Some("a"), "x", 5), row(None, "y", 6)];
    let mut all = vec![row(None, "x", 1), row(None, "x", 3)];
    all.extend(merged.clone());
    assert_eq!(differ, all);

    let version = "select current_setting('server_version_num')::integer";
    let version: i32 = server::connect().query_one(version, &[]).unwrap().get(0);
    if version >= 150_000 {
        let constraint = "unique nulls not distinct (a, b)";
        assert_eq!(upserted(&schema, "equal", constraint), merged);
    }
}

#[test]
fn a_batch_that_breaks_a_constraint_leaves_nothing() {
    let Some(schema) = server::schema("constraint") else {
        return;
    };
    let sink = counts(&schema).open().unwrap();
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    let error = store(&sink, 2, &[&[("b", 1)], &[("a", 2)]]).unwrap_err();
    assert!(
        error.contains("counts_pkey") && error.contains("(word)=(a)"),
        "{error}"
    );
    assert_eq!(table(&schema), pairs(&[("a", 1)]));
    store(&sink, 2, &[&[("b", 1)]]).unwrap();
    assert_eq!(table(&schema), pairs(&[("a", 1), ("b", 1)]));
    assert_eq!(server::staging_tables(&schema), 0);
}

#[test]
fn rows_that_the_server_lost_are_missed() {
    let Some(schema) = server::schema("lost") else {
        return;
    };
    let sink = counts(&schema).open().unwrap();
    stage(&sink, 1, &[&[("a", 1), ("b", 1)]]);
    let (mut client, staging) = (server::connect(), staging_table(&schema));
    // What a server does with such tables after it has crashed.
    client
        .batch_execute(&format!("truncate \"{schema}\".{staging}"))
        .unwrap();
    let error = sink.commit(batch(1)).unwrap_err();
    assert!(error.contains("0 of 2 rows are left"), "{error}");
    store(&sink, 1, &[&[("a", 1), ("b", 1)]]).unwrap();
    assert_eq!(table(&schema).len(), 2);
}

#[test]
fn a_value_of_another_type_fails_its_partition() {
    let Some(schema) = server::schema("type") else {
        return;
    };
    let setup = format!("create table \"{schema}\".t (n integer)");
    let address = server::address().unwrap();
    let sink = PostgresSink::builder(&address, "t", ["n"], |n: i64| [n]);
    let sink = sink.schema(&schema).setup(setup).open().unwrap();
    assert_eq!(sink.begin(&BatchRun::first(batch(1))), Ok(Begun::Open));
    let error = sink
        .write(batch(1), 0, PartitionIter::from(vec![1_i64]))
        .unwrap_err();
    assert!(error.contains("i64") && error.contains("int4"), "{error}");
    sink.abort(batch(1)).unwrap();
    assert_eq!(server::staging_tables(&schema), 0);
}

#[test]
fn a_record_that_panics_leaves_the_connections_well() {
    let Some(schema) = server::schema("panic") else {
        return;
    };
    let row = |(word, n): Count| {
        assert!(n > 0, "no counts below one");
        (word, n)
    };
    let setup = format!("create table \"{schema}\".counts (word text, n bigint)");
    let address = server::address().unwrap();
    let sink = PostgresSink::builder(&address, "counts", ["word", "n"], row);
    let sink = sink
        .schema(&schema)
        .setup(setup)
        .connections(1)
        .open()
        .unwrap();
    let sink = Arc::new(sink);
    let test = TestStream::new(seconds(1));
    let batches = vec![pairs(&[("a", 1), ("b", 0)])];
    test.input(batches).write_to(sink.clone());
    let failed = test.run_to_failure(1).error.to_string();
    assert!(failed.contains("no counts below one"), "{failed}");
    store(&sink, 1, &[&[("c", 3)]]).unwrap();
    assert_eq!(table(&schema), pairs(&[("c", 3)]));
}

#[test]
fn connections_that_the_server_closed_are_made_anew() {
    let Some(schema) = server::schema("closed") else {
        return;
    };
    let made = Arc::new(AtomicUsize::new(0));
    let pids = Arc::new(Mutex::new(Vec::new()));
    let (count, noted) = (made.clone(), pids.clone());
    let sink = counts(&schema).connect_with(move |config| {
        count.fetch_add(1, Ordering::Relaxed);
        let mut client = config.connect(NoTls)?;
        let pid: i32 = client
            .query_one("select pg_backend_pid()", &[])?
            .try_get(0)?;
        noted.lock().unwrap().push(pid);
        Ok(client)
    });
    let sink = sink.open().unwrap();
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 1);
    terminate(&pids.lock().unwrap());
    store(&sink, 2, &[&[("b", 1)]]).unwrap();
    // In the middle of a batch: what is staged is still there.
    stage(&sink, 3, &[&[("c", 1)]]);
    terminate(&pids.lock().unwrap());
    sink.commit(batch(3)).unwrap();
    assert_eq!(table(&schema), pairs(&[("a", 1), ("b", 1), ("c", 1)]));
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[test]
fn old_ids_are_forgotten() {
    let Some(schema) = server::schema("old") else {
        return;
    };
    let sink = counts(&schema)
        .remember_batches(Duration::from_secs(2))
        .open()
        .unwrap();
    for second in 1..=5 {
        store(&sink, second, &[]).unwrap();
    }
    let ids = format!("select time_ms from \"{schema}\".headwater_batches order by time_ms");
    let ids = server::connect().query(&ids, &[]).unwrap();
    let ids: Vec<i64> = ids.iter().map(|row| row.get(0)).collect();
    assert_eq!(ids, [3000, 4000, 5000]);
}

#[test]
fn staging_of_dead_processes_is_dropped_and_no_other() {
    let Some(schema) = server::schema("dead") else {
        return;
    };
    let (dead, alive) = (
        counts(&schema).open().unwrap(),
        counts(&schema).open().unwrap(),
    );
    let other = counts(&schema).named("other").open().unwrap();
    stage(&dead, 1, &[&[("a", 1)]]);
    stage(&alive, 2, &[&[("b", 1)]]);
    stage(&other, 1, &[&[("c", 1)]]);
    drop((dead, other));
    alive.recover().unwrap();
    assert_eq!(server::staging_tables(&schema), 2);
    alive.commit(batch(2)).unwrap();
    assert_eq!(table(&schema), pairs(&[("b", 1)]));
}

#[test]
fn mistakes_are_told_when_the_sink_is_opened() {
    let secret = "secr3t";
    let at = |address: &str| PostgresSink::builder(address, "t", ["n"], |n: i64| [n]);
    let refused = at(&format!(
        "postgres://user:{secret}@127.0.0.1:1/data?connect_timeout=5"
    ));
    assert!(!format!("{refused:?}").contains(secret));
    let error = refused.open().unwrap_err();
    let (text, debug) = (error.to_string(), format!("{error:?}"));
    assert!(
        text.starts_with("cannot prepare 127.0.0.1:1/data: "),
        "{text}"
    );
    assert!(!text.contains(secret) && !debug.contains(secret), "{debug}");
    let error = at(&format!("host={secret} pasword={secret}"))
        .open()
        .unwrap_err();
    assert!(matches!(error, PostgresError::Address));
    assert!(!format!("{error} {error:?}").contains(secret));

    let Some(schema) = server::schema("mistakes") else {
        return;
    };
    let error = |builder: PostgresSinkBuilder<Count>| builder.open().unwrap_err();
    assert!(matches!(
        error(counts(&schema).setup("creat")),
        PostgresError::Setup { .. }
    ));
    let missing = error(counts(&schema).setup("").schema("nowhere")).to_string();
    assert!(
        missing.contains("relation \"nowhere.counts\" does not exist"),
        "{missing}"
    );
    let unkeyed = error(counts(&schema).upsert_on(["n"])).to_string();
    assert!(
        unkeyed.contains("no unique or exclusion constraint"),
        "{unkeyed}"
    );
    let error = error(counts(&schema).upsert_on(["words"]));
    assert!(matches!(error, PostgresError::Key { column } if column == "words"));
}
