//! What a sink in SQLite does beyond the contract.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::path::Path;
use std::time::Duration;

use headwater_core::{Conf, Context, PartitionIter};
use headwater_sqlite::rusqlite::{Connection, types::Value};
use headwater_sqlite::{SqliteError, SqliteSink, SqliteSinkBuilder};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{BatchId, BatchRun, Begun, OutputNumber, TransactionalSink};

type Count = (String, i64);

const SETUP: &str = "create table if not exists counts (word text primary key, n integer)";

fn counts(path: &Path) -> SqliteSinkBuilder<Count> {
    SqliteSink::builder(path, "counts", ["word", "n"], |(word, n)| (word, n)).setup(SETUP)
}

fn batch(second: i64) -> BatchId {
    let output = OutputNumber::new(0);
    BatchId {
        time: Time::from_millis(second * 1000),
        output,
    }
}

fn store(
    sink: &SqliteSink<Count>,
    second: i64,
    partitions: &[&[(&str, i64)]],
) -> Result<(), String> {
    let id = batch(second);
    assert_eq!(sink.begin(&BatchRun::first(id)), Ok(Begun::Open));
    for (at, partition) in partitions.iter().enumerate() {
        let records: Vec<Count> = partition
            .iter()
            .map(|(word, n)| ((*word).to_owned(), *n))
            .collect();
        sink.write(id, at, PartitionIter::from(records))?;
    }
    sink.commit(id)
}

fn table(path: &Path) -> Vec<Count> {
    let database = Connection::open(path).unwrap();
    let mut select = database
        .prepare("select word, n from counts order by word")
        .unwrap();
    let rows = select
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn pairs(of: &[(&str, i64)]) -> Vec<Count> {
    of.iter()
        .map(|(word, n)| ((*word).to_owned(), *n))
        .collect()
}

#[test]
fn totals_of_state_are_upserted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    let test = TestStream::new(seconds(1));
    let words = test.input(vec![vec!["to", "be", "or"], vec![], vec!["to", "to", "do"]]);
    let ones = words.map(|word| (word.to_string(), 1_i64));
    let totals = ones.update_state_by_key(|new: Vec<i64>, total: Option<i64>| {
        Some(total.unwrap_or(0) + new.iter().sum::<i64>())
    });
    totals.write_to(counts(&path).upsert_on(["word"]).open().unwrap());
    test.run(3);
    assert_eq!(
        table(&path),
        pairs(&[("be", 1), ("do", 1), ("or", 1), ("to", 3)])
    );
}

#[test]
fn the_last_of_several_rows_with_a_key_holds() {
    for staged_bytes_max in [0, 1 << 20] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("counts.db");
        let sink = counts(&path)
            .upsert_on(["word"])
            .staged_bytes_max(staged_bytes_max);
        let sink = sink.open().unwrap();
        store(
            &sink,
            1,
            &[&[("a", 1), ("b", 1), ("a", 2)], &[("b", 5), ("b", 4)]],
        )
        .unwrap();
        assert_eq!(table(&path), pairs(&[("a", 2), ("b", 4)]));
    }
}

#[test]
fn a_batch_that_breaks_a_constraint_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    let sink = counts(&path).open().unwrap();
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    let error = store(&sink, 2, &[&[("b", 1)], &[("a", 2)]]).unwrap_err();
    assert!(
        error.contains("UNIQUE constraint failed: counts.word"),
        "{error}"
    );
    assert_eq!(table(&path), pairs(&[("a", 1)]));
    store(&sink, 2, &[&[("b", 1)]]).unwrap();
    assert_eq!(table(&path), pairs(&[("a", 1), ("b", 1)]));
}

#[test]
fn sinks_of_one_database_know_their_batches() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    let (one, other) = (
        counts(&path).open().unwrap(),
        counts(&path).named("other").open().unwrap(),
    );
    store(&one, 1, &[&[("a", 1)]]).unwrap();
    store(&other, 1, &[&[("b", 1)]]).unwrap();
    assert_eq!(one.begin(&BatchRun::again(batch(1))), Ok(Begun::Committed));
    assert_eq!(table(&path).len(), 2);
}

/// A stream of its own, which stores a word in each of its first two batches.
fn run_stream(sink: SqliteSinkBuilder<Count>, word: &str) -> Result<(), String> {
    let ctx = Context::new(Conf::new().set("streaming.output.attempts", 3)).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    let batches = (1..=2).map(|n| vec![(format!("{word} {n}"), n)]);
    test.input(batches.collect()).write_to(sink.open().unwrap());
    test.try_run(2).map_err(|error| error.to_string())
}

#[test]
fn a_stream_does_not_take_the_batches_of_another_for_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    run_stream(counts(&path), "a").unwrap();
    let of_first = pairs(&[("a 1", 1), ("a 2", 2)]);
    assert_eq!(table(&path), of_first);
    // The same table, and so the same name.
    let error = run_stream(counts(&path), "b").unwrap_err();
    for part in ["batch 1000-0", "`counts`", "another stream", "`named`"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert_eq!(table(&path), of_first);
    run_stream(counts(&path).named("of b"), "b").unwrap();
    let all = pairs(&[("a 1", 1), ("a 2", 2), ("b 1", 1), ("b 2", 2)]);
    assert_eq!(table(&path), all);
}

#[test]
fn old_ids_are_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    let sink = counts(&path)
        .remember_batches(Duration::from_secs(2))
        .open()
        .unwrap();
    for second in 1..=5 {
        store(&sink, second, &[]).unwrap();
    }
    let database = Connection::open(&path).unwrap();
    let ids = "select group_concat(time_ms) from headwater_batches";
    let ids: String = database.query_row(ids, (), |row| row.get(0)).unwrap();
    assert_eq!(ids, "3000,4000,5000");
}

#[test]
fn a_busy_database_fails_the_batch_and_not_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    let sink = counts(&path).busy_timeout(Duration::ZERO).open().unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let error = store(&sink, 1, &[&[("a", 1)]]).unwrap_err();
    assert!(error.contains("locked"), "{error}");
    other.execute_batch("rollback").unwrap();
    store(&sink, 1, &[&[("a", 1)]]).unwrap();
    assert_eq!(table(&path), pairs(&[("a", 1)]));
}

#[test]
fn values_of_every_type_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("values.db");
    for staged_bytes_max in [0, 1 << 20] {
        let row = |n: i64| (n, 0.5, Some("text"), None::<i64>, vec![0_u8, 255], n > 1);
        let columns = ["a", "b", "c", "d", "e", "f"];
        let sink = SqliteSink::builder(&path, "t", columns, row)
            .setup("drop table if exists t; create table t (a, b, c, d, e, f)")
            .named(staged_bytes_max.to_string())
            .staged_bytes_max(staged_bytes_max);
        let test = TestStream::new(seconds(1));
        test.input(vec![vec![7_i64]]).write_to(sink.open().unwrap());
        test.run(1);
        let database = Connection::open(&path).unwrap();
        let found: Vec<Value> = database
            .query_row("select * from t", (), |row| {
                (0..6).map(|at| row.get(at)).collect()
            })
            .unwrap();
        let text = Value::Text("text".to_owned());
        let blob = Value::Blob(vec![0, 255]);
        let (seven, one) = (Value::Integer(7), Value::Integer(1));
        assert_eq!(
            found,
            [seven, Value::Real(0.5), text, Value::Null, blob, one]
        );
    }
}

#[test]
fn mistakes_are_told_when_the_sink_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("counts.db");
    let error = |builder: SqliteSinkBuilder<Count>| builder.open().unwrap_err();
    let text = |builder| error(builder).to_string();

    let nowhere = directory.path().join("no/such.db");
    assert!(text(counts(&nowhere)).starts_with("cannot open the database"));
    assert!(matches!(
        error(counts(&path).setup("creat")),
        SqliteError::Setup { .. }
    ));
    let missing = SqliteSink::builder(&path, "cuonts", ["word", "n"], |count: Count| count);
    assert!(text(missing).contains("no such table: cuonts"));
    assert!(text(counts(&path).upsert_on(["n"])).contains("UNIQUE constraint"));
    let error = error(counts(&path).upsert_on(["words"]));
    assert!(matches!(error, SqliteError::Key { column } if column == "words"));
}
