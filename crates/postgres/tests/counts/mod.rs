//! A table of counted words, for tests that drive a sink by hand.

use headwater_core::PartitionIter;
use headwater_postgres::{PostgresSink, PostgresSinkBuilder};
use headwater_streaming::time::Time;
use headwater_streaming::{BatchId, BatchRun, Begun, OutputNumber, TransactionalSink};

use crate::server;

pub(crate) type Count = (String, i64);

pub(crate) fn counts(schema: &str) -> PostgresSinkBuilder<Count> {
    let setup =
        format!("create table if not exists \"{schema}\".counts (word text primary key, n bigint)");
    PostgresSink::builder(
        &server::address().unwrap(),
        "counts",
        ["word", "n"],
        |count| count,
    )
    .schema(schema)
    .setup(setup)
}

pub(crate) fn batch(second: i64) -> BatchId {
    let output = OutputNumber::new(0);
    BatchId {
        time: Time::from_millis(second * 1000),
        output,
    }
}

pub(crate) fn pairs(of: &[(&str, i64)]) -> Vec<Count> {
    of.iter()
        .map(|(word, n)| ((*word).to_owned(), *n))
        .collect()
}

pub(crate) fn stage(sink: &PostgresSink<Count>, second: i64, partitions: &[&[(&str, i64)]]) {
    let id = batch(second);
    assert_eq!(sink.begin(&BatchRun::first(id)), Ok(Begun::Open));
    for (at, partition) in partitions.iter().enumerate() {
        sink.write(id, at, PartitionIter::from(pairs(partition)))
            .unwrap();
    }
}

pub(crate) fn store(
    sink: &PostgresSink<Count>,
    second: i64,
    partitions: &[&[(&str, i64)]],
) -> Result<(), String> {
    stage(sink, second, partitions);
    sink.commit(batch(second))
}

pub(crate) fn table(schema: &str) -> Vec<Count> {
    let select = format!("select word, n from \"{schema}\".counts order by word");
    let rows = server::connect().query(&select, &[]).unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// The one table of a schema that is for staging.
pub(crate) fn staging_table(schema: &str) -> String {
    let find = "select tablename from pg_tables where schemaname = $1
        and starts_with(tablename, 'headwater_staged_')";
    server::connect()
        .query_one(find, &[&schema])
        .unwrap()
        .get(0)
}

/// Ends connections, and returns when they have ended.
pub(crate) fn terminate(pids: &[i32]) {
    let terminate = "select pg_terminate_backend(pid, 60000) from pg_stat_activity
        where pid = any($1)";
    server::connect().query(terminate, &[&pids]).unwrap();
}
