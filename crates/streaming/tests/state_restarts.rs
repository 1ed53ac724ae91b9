//! Streams with state that others look back at, and go on after their process has ended.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::ops::RangeInclusive;
use std::path::Path;

use headwater_streaming::StreamError;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::seconds;
use probe::{going_on, second};

const GO_ON: (&str, &str) = ("streaming.on_failure", "continue");

fn total(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    Some(old.unwrap_or(0) + new.iter().sum::<i64>())
}

/// Windows of three over a state whose records some batches cannot have.
fn windows_without(
    fails: RangeInclusive<i64>,
    (dir, begun): (&Path, usize),
    settings: &[(&str, &str)],
) -> (TestStream, Collected<(u8, i64)>) {
    let test = going_on(dir, begun, settings);
    let ones = test.context().stream_by_time(|_| vec![(1, 1)]);
    let ones = ones.transform(move |rdd, time| {
        assert!(!fails.contains(&(time.as_millis() / 1_000)), "not now");
        rdd.clone()
    });
    let states = ones.update_state_by_key(total);
    let out = test.collect(&states.window(seconds(3), None));
    (test, out)
}

#[test]
fn a_batch_that_could_not_be_planned_keeps_no_later_process_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let (test, _) = windows_without(4..=4, (dir.path(), 0), &[GO_ON]);
    test.run(5);
    drop(test);
    let (test, out) = windows_without(4..=4, (dir.path(), 5), &[GO_ON]);
    test.run(2);
    assert_eq!(out.at(second(7)), Some(vec![(1, 4), (1, 5), (1, 6)]));
    drop(test);
    // The last batch of a process may be the one.
    let (test, _) = windows_without(8..=8, (dir.path(), 7), &[GO_ON]);
    test.run(1);
    drop(test);
    let (test, out) = windows_without(8..=8, (dir.path(), 8), &[GO_ON]);
    test.run(3);
    assert_eq!(out.at(second(11)), Some(vec![(1, 7), (1, 8), (1, 9)]));
}

#[test]
fn a_stream_does_not_start_without_records_that_its_state_had() {
    for (settings, sink_fails) in [(&[][..], false), (&[GO_ON], false), (&[GO_ON], true)] {
        let dir = tempfile::tempdir().unwrap();
        let life = |fails, begun| {
            let (test, out) = windows_without(fails, (dir.path(), begun), settings);
            let ones = test.context().stream_by_time(|_| vec![1]);
            ones.foreach_rdd(move |_, time| match sink_fails && time == second(4) {
                true => Err("the sink is down"),
                false => Ok(()),
            });
            (test, out)
        };
        let (test, _) = life(0..=0, 0);
        (0..5).for_each(|_| drop(test.try_run(1)));
        drop(test);
        let (test, _) = life(4..=4, 5);
        let refused = test.try_run(1).unwrap_err().to_string();
        for part in [
            "batch 4000 ms",
            "not now",
            "streaming.checkpoint.allow=damage",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
        drop(test);
        let (test, out) = life(0..=0, 5);
        test.run(1);
        assert_eq!(out.batches(), [[(1, 4), (1, 5), (1, 6)]]);
    }
}

#[test]
fn a_stream_starts_without_records_that_its_state_had_where_that_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let (test, _) = windows_without(0..=0, (dir.path(), 0), &[]);
    test.run(5);
    drop(test);
    let allowed = [("streaming.checkpoint.allow", "damage")];
    let (test, out) = windows_without(4..=4, (dir.path(), 5), &allowed);
    test.run(2);
    assert_eq!(out.at(second(7)), Some(vec![(1, 4), (1, 5), (1, 6)]));
}

/// The count of all batches so far, or windows of three over it, by a process that cannot take in
/// some batches.
fn counts_that_fail(
    fails: RangeInclusive<i64>,
    (dir, begun): (&Path, usize),
    is_windowed: bool,
) -> (TestStream, Collected<(u8, i64)>) {
    let test = going_on(dir, begun, &[GO_ON]);
    let seconds_since = test
        .context()
        .stream_by_time(|time| vec![time.as_millis() / 1_000]);
    let ones = seconds_since.map(move |second| {
        assert!(!fails.contains(&second), "not now");
        (1, 1)
    });
    let counts = ones.update_state_by_key(total);
    let out = match is_windowed {
        true => test.collect(&counts.window(seconds(3), None)),
        false => test.collect(&counts),
    };
    (test, out)
}

#[test]
fn what_fails_when_it_is_computed_again_takes_nothing_from_a_state() {
    let dir = tempfile::tempdir().unwrap();
    let (test, out) = counts_that_fail(0..=0, (dir.path(), 0), true);
    test.run(5);
    assert_eq!(out.at(second(5)), Some(vec![(1, 3), (1, 4), (1, 5)]));
    drop(test);
    // It computes the last two again for the windows, or would.
    let (test, out) = counts_that_fail(4..=4, (dir.path(), 5), true);
    (0..3).for_each(|_| drop(test.try_run(1)));
    assert!(out.batches().is_empty());
    drop(test);
    // What does not look back need not.
    let (test, out) = counts_that_fail(4..=4, (dir.path(), 8), false);
    test.run(1);
    assert_eq!(out.batches(), [[(1, 9)]]);
    drop(test);
    let (test, out) = counts_that_fail(0..=0, (dir.path(), 9), true);
    test.run(1);
    assert_eq!(out.batches(), [[(1, 8), (1, 9), (1, 10)]]);
}

#[test]
fn a_state_is_remembered_for_more_batches_than_may_fail() {
    const REMEMBERED: usize = 1_050;
    let dir = tempfile::tempdir().unwrap();
    let life = |begun| {
        let test = going_on(dir.path(), begun, &[]);
        let ones = test.context().stream_by_time(|_| vec![(1, 1)]);
        let states = ones.update_state_by_key_partitioned(total, 1);
        let out = test.collect(&states.window(seconds(REMEMBERED as u64), seconds(50)));
        (test, out)
    };
    let (test, _) = life(0);
    test.run(1_150);
    drop(test);
    let (test, out) = life(1_150);
    test.run(50);
    let remembered = (151..=1_200).map(|total| (1, total)).collect();
    assert_eq!(out.at(second(1_200)), Some(remembered));
}

#[test]
fn a_state_that_fails_for_ever_ends_the_stream_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun, is_broken: bool| {
        let test = going_on(dir.path(), begun, &[GO_ON]);
        let ones = test.context().stream_by_time(|_| vec![(1, 1)]);
        let broken = move |new, old| {
            assert!(!is_broken, "a broken wire");
            total(new, old)
        };
        let states = ones.update_state_by_key_partitioned(broken, 1);
        // Each batch takes the state on; one shows it.
        let out = test.collect(&states.window(seconds(1), seconds(1_002)));
        (test, out)
    };
    let (test, _) = life(0, true);
    let failed = test.run_to_failure(1_100);
    assert_eq!(failed.time_ms(), Some(1_000_000));
    let StreamError::StateBehind { batches, .. } = failed.error else {
        unreachable!("{}", failed.error);
    };
    assert_eq!(batches, 1_000);
    drop(test);
    // What is not mended ends the stream at once.
    let (test, _) = life(1_000, true);
    let again = test.run_to_failure(2).error;
    assert!(again.to_string().contains("a broken wire"), "{again}");
    drop(test);
    let (test, out) = life(1_001, false);
    test.run(1);
    assert_eq!(out.at(second(1_002)), Some(vec![(1, 1_002)]));
}
