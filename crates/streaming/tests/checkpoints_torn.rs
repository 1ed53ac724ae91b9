//! Restarts where the end of the journal was half written: it may have told of batches that ran.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use headwater_streaming::checkpoint::CheckpointSummary;
use headwater_streaming::testing::TestStream;
use probe::damaged::tear;
use probe::{Log, going_on, second};
use tempfile::TempDir;

/// A directory of two batches, with a torn end.
fn torn() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let test = going_on(dir.path(), 0, &[]);
    let _runs = runs(&test);
    test.run(2);
    drop(test);
    tear(dir.path());
    dir
}

/// The seconds of the batches that run, each with whether it is told to be run again.
fn runs(test: &TestStream) -> Log<(i64, bool)> {
    let log = Log::new();
    let to = log.clone();
    let times = test.context().stream_by_time(|time| vec![time]);
    times.foreach_rdd_with_run(move |_, run| {
        to.push((run.id.time.as_millis() / 1000, run.is_rerun));
    });
    log
}

#[test]
fn batches_of_the_missed_time_may_have_run() {
    let dir = torn();
    let test = going_on(dir.path(), 5, &[]);
    let runs = runs(&test);
    test.run(1);
    let expected: Vec<_> = (3..=6).map(|batch| (batch, batch <= 5)).collect();
    assert_eq!(runs.entries(), expected);
}

#[test]
fn a_batch_that_was_begun_may_have_run_though_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let test = going_on(dir.path(), 0, &[]);
    test.context()
        .stream_by_time(|time| vec![time])
        .foreach_rdd(|_, time| match time == second(2) {
            true => Err("the sink is down"),
            false => Ok(()),
        });
    test.try_run(2).unwrap_err();
    drop(test);
    tear(dir.path());
    let test = going_on(dir.path(), 1, &[]);
    let runs = runs(&test);
    test.run(2);
    assert_eq!(runs.entries(), [(2, true), (3, false)]);
}

#[test]
fn a_graceful_stop_leaves_the_missed_time_to_the_next_process() {
    // More batches than run while the stop is on its way.
    const MISSED: usize = 1_000_000;
    let dir = torn();
    // Some batches, from after this one; the last one.
    let life = |before: i64| {
        let test = going_on(dir.path(), MISSED, &[]);
        let runs = runs(&test);
        test.context().start().unwrap();
        runs.wait_for(|runs| !runs.is_empty());
        test.context().stop(true, true).unwrap();
        let runs = runs.entries();
        let last = before + runs.len() as i64;
        assert!(last < MISSED as i64, "{last}");
        let expected: Vec<_> = (before + 1..=last).map(|batch| (batch, true)).collect();
        assert_eq!(runs, expected, "all of the missed time may have been run");
        last
    };
    let last = life(2);
    let last = life(last);
    let directory = dir.path().to_str().unwrap();
    let summary = CheckpointSummary::read(directory, second(MISSED as i64)).unwrap();
    assert_eq!(summary.stream.unwrap().last_done, Some(second(last)));
}
