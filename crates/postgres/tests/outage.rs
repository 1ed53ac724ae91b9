//! Sessions that died and hold what they had locked, and connections that are lost.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod counts;
mod server;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use headwater_core::PartitionIter;
use headwater_postgres::postgres::{Client, Config, NoTls};
use headwater_postgres::{PostgresSink, PostgresSinkBuilder};
use headwater_streaming::{BatchRun, Begun, TransactionalSink};

use counts::{Count, batch, counts, pairs, stage, staging_table, store, table, terminate};

#[test]
fn staging_that_a_dead_session_holds_keeps_no_batch_waiting() {
    let Some(schema) = server::schema("held") else {
        return;
    };
    let dead = counts(&schema).open().unwrap();
    stage(&dead, 1, &[&[("a", 1)]]);
    drop(dead);
    let mut holder = server::connect();
    let staging = staging_table(&schema);
    let hold = format!("begin; select from \"{schema}\".{staging}");
    holder.batch_execute(&hold).unwrap();

    let sink = counts(&schema).open().unwrap();
    sink.recover().unwrap();
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    assert_eq!(table(&schema), pairs(&[("a", 1)]));
    assert_eq!(server::staging_tables(&schema), 1);
    // It goes as soon as it can.
    holder.batch_execute("rollback").unwrap();
    store(&sink, 2, &[]).unwrap();
    assert_eq!(server::staging_tables(&schema), 0);
}

#[test]
fn an_id_that_a_dead_session_holds_fails_the_batch_in_time() {
    let Some(schema) = server::schema("id") else {
        return;
    };
    let sink = counts(&schema).named("counts");
    let sink = sink.lock_timeout(Duration::from_millis(20)).open().unwrap();
    let mut holder = server::connect();
    let hold =
        format!("begin; insert into \"{schema}\".headwater_batches values ('counts', 0, 1000)");
    holder.batch_execute(&hold).unwrap();
    let error = store(&sink, 1, &[&[("a", 1)]]).unwrap_err();
    assert!(
        error.contains("lock timeout") && error.contains("another session"),
        "{error}"
    );
    holder.batch_execute("rollback").unwrap();
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    assert_eq!(table(&schema), pairs(&[("a", 1)]));
    assert_eq!(server::staging_tables(&schema), 0);
}

/// What a session of a sink has for a setting: its setup stores it.
fn settings(schema: &str, options: &str) -> Vec<(String, i64)> {
    let address = server::address().unwrap();
    let separator = if address.contains('?') { '&' } else { '?' };
    let address = format!("{address}{separator}options={options}");
    let setup = format!(
        "drop table if exists \"{schema}\".settings;
        create table \"{schema}\".settings as
        select name, setting::bigint as value from pg_settings where name in ('lock_timeout',
            'idle_in_transaction_session_timeout', 'tcp_keepalives_idle',
            'tcp_keepalives_interval', 'tcp_keepalives_count')"
    );
    let row = |setting: Count| setting;
    let sink = PostgresSink::builder(&address, "settings", ["name", "value"], row);
    sink.schema(schema).setup(setup).open().unwrap();
    let select = format!("select name, value from \"{schema}\".settings order by name");
    let rows = server::connect().query(&select, &[]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[test]
fn the_server_ends_sessions_that_are_not_heard_of() {
    let Some(schema) = server::schema("settings") else {
        return;
    };
    let all = |idle_in_transaction, keepalives_count| {
        pairs(&[
            ("idle_in_transaction_session_timeout", idle_in_transaction),
            ("lock_timeout", 120_000),
            ("tcp_keepalives_count", keepalives_count),
            ("tcp_keepalives_idle", 30),
            ("tcp_keepalives_interval", 10),
        ])
    };
    assert_eq!(settings(&schema, ""), all(60_000, 3));
    let shorter = "-c%20idle_in_transaction_session_timeout=5s%20-c%20tcp_keepalives_count=2";
    assert_eq!(settings(&schema, shorter), all(5_000, 2));
}

/// Decides about each connection that a sink wants to make.
type Gate = dyn Fn(&Config) -> bool + Send + Sync;

/// A sink, and what ends all of its connections.
fn gated(schema: &str, gate: Box<Gate>) -> (PostgresSinkBuilder<Count>, impl Fn()) {
    let pids = Arc::new(Mutex::new(Vec::new()));
    let noted = pids.clone();
    let sink = counts(schema).connect_with(move |config| {
        if !gate(config) {
            // Nobody listens there.
            return Client::connect("postgres://nobody@127.0.0.1:1/nothing", NoTls);
        }
        let mut client = config.connect(NoTls)?;
        let pid = client.query_one("select pg_backend_pid()", &[])?;
        noted.lock().unwrap().push(pid.try_get(0)?);
        Ok(client)
    });
    (sink, move || terminate(&pids.lock().unwrap()))
}

#[test]
fn an_outage_leaves_no_staging_tables() {
    let Some(schema) = server::schema("outage") else {
        return;
    };
    let reachable = Arc::new(AtomicBool::new(true));
    let gate = reachable.clone();
    let (sink, end_connections) = gated(&schema, Box::new(move |_| gate.load(Ordering::SeqCst)));
    let sink = sink.open().unwrap();
    let during_outage = |end: &dyn Fn() -> Result<(), String>| {
        reachable.store(false, Ordering::SeqCst);
        end_connections();
        let error = end().unwrap_err();
        assert!(error.contains("no connection to the server"), "{error}");
        reachable.store(true, Ordering::SeqCst);
    };
    stage(&sink, 1, &[&[("a", 1)]]);
    during_outage(&|| sink.abort(batch(1)));
    assert_eq!(server::staging_tables(&schema), 1);
    assert_eq!(sink.begin(&BatchRun::again(batch(1))), Ok(Begun::Open));
    assert_eq!(server::staging_tables(&schema), 0);

    stage(&sink, 2, &[&[("a", 1)]]);
    during_outage(&|| sink.commit(batch(2)));
    assert_eq!(server::staging_tables(&schema), 1);
    store(&sink, 2, &[&[("a", 1)]]).unwrap();
    assert_eq!(server::staging_tables(&schema), 0);
    assert_eq!(table(&schema), pairs(&[("a", 1)]));
}

#[test]
fn a_write_that_comes_too_late_makes_no_table() {
    let Some(schema) = server::schema("late") else {
        return;
    };
    let (of_gate, late) = (
        Arc::new(OnceLock::<Weak<PostgresSink<Count>>>::new()),
        batch(1),
    );
    let sink_of_gate = of_gate.clone();
    let gate = move |_: &Config| {
        // The write has found the batch open, and waits for its connection.
        if let Some(sink) = sink_of_gate.get().and_then(Weak::upgrade) {
            sink.abort(late).unwrap();
        }
        true
    };
    let (sink, end_connections) = gated(&schema, Box::new(gate));
    let sink = Arc::new(sink.open().unwrap());
    assert_eq!(sink.begin(&BatchRun::first(late)), Ok(Begun::Open));
    end_connections();
    of_gate.set(Arc::downgrade(&sink)).unwrap();
    let records = PartitionIter::from(pairs(&[("a", 1)]));
    let error = sink.write(late, 0, records).unwrap_err();
    assert!(error.contains("the run of the batch is over"), "{error}");
    assert_eq!(server::staging_tables(&schema), 0);
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    assert_eq!(table(&schema), pairs(&[("a", 1)]));
}
