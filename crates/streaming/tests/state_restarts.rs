//! Streams with state that others look back at, and go on after their process has ended.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use headwater_streaming::time::seconds;
use probe::{going_on, second};

fn total(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    Some(old.unwrap_or(0) + new.iter().sum::<i64>())
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
