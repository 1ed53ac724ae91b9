//! Restarts in directories of whose journal an entry is lost: any of them, of whatever kind. What
//! looking tells is what a start does; what goes on is right, or its loss is told by name.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;
use std::path::Path;

use headwater_streaming::checkpoint::CheckpointSummary;
use headwater_streaming::testing::TestStream;
use headwater_streaming::{State, StateSpec, StreamError};
use probe::damaged::damaged;
use probe::{going_on, second};
use tempfile::TempDir;

const ALLOWED: [(&str, &str); 1] = [("streaming.checkpoint.allow", "damage")];
/// How long the longest life goes on.
const LAST: usize = 8;

#[expect(clippy::ptr_arg, reason = "the key is a String")]
fn count(word: &String, new: Option<i64>, state: &mut State<'_, i64>) -> (String, i64) {
    let count = state.get().unwrap_or(&0) + new.unwrap_or(0);
    state.update(count);
    (word.clone(), count)
}

/// A process that begins after some batches: a word more in each batch, so that a change of state
/// on top of another state than it was made for gives words the counts of others. After it has
/// run until `until` it is killed, unless it is stopped gracefully.
fn life(
    dir: &Path,
    (begun, until): (usize, usize),
    settings: &[(&str, &str)],
    stops: bool,
) -> Result<Vec<(String, i64)>, StreamError> {
    let settings = [settings, &[("streaming.checkpoint.interval", "1h")]].concat();
    let test = going_on(dir, begun, &settings);
    let words = test.context().stream_by_time(|time| {
        let words = 1..=time.as_millis() / 1000;
        words.map(|n| (format!("word {n}"), 1)).collect::<Vec<_>>()
    });
    let spec = StateSpec::function(count).num_partitions(2);
    let counts = test.collect(&words.map_with_state(spec).named("counts").stream());
    let every = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let sums = test.collect(&words.update_state_by_key(every).named("sums"));
    run(&test, until - begun, stops)?;
    let sorted = |mut last: Vec<(String, i64)>| {
        last.sort_unstable();
        last
    };
    let last = sorted(counts.batches().pop().unwrap_or_default());
    assert_eq!(sorted(sums.batches().pop().unwrap_or_default()), last);
    Ok(last)
}

fn run(test: &TestStream, batches: usize, stops: bool) -> Result<(), StreamError> {
    test.context().start()?;
    test.try_run(batches)?;
    if stops {
        test.context().stop(true, true)?;
    }
    Ok(())
}

/// What the counts are after so many batches.
fn counts(batches: i64) -> Vec<(String, i64)> {
    let mut counts: Vec<_> = (1..=batches)
        .map(|n| (format!("word {n}"), batches - n + 1))
        .collect();
    counts.sort_unstable();
    counts
}

fn look(dir: &TempDir) -> CheckpointSummary {
    CheckpointSummary::read(dir.path().to_str().unwrap(), second(7)).unwrap()
}

/// Loses every entry once. Where that is refused, looking has told the same, and where it is
/// allowed the counts are right: all words of all batches are there again.
fn any_entry_may_be_lost(dir: &TempDir, begun: usize, refused_min: usize) {
    let mut refused = 0;
    for (other, what) in damaged(dir.path()) {
        let summary = look(&other);
        let first_try = life(other.path(), (begun, LAST), &[], false);
        assert_eq!(
            first_try.is_ok(),
            summary.restart.goes_on,
            "{what}\n{summary}"
        );
        let (after, problem) = match first_try {
            Ok(after) => (after, String::new()),
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                let problem = &summary.problems[0];
                // The place of the segment is told as it is called now.
                let (_, lacks) = problem.what.split_once("; ").unwrap_or_default();
                let (_, lacks) = lacks.split_once("a restart lacks").unwrap_or(("", lacks));
                assert!(text.contains(lacks), "{what}: {text}\n{summary}");
                if matches!(error, StreamError::CheckpointIncomplete { .. }) {
                    continue;
                }
                assert!(text.contains("streaming.checkpoint.allow=damage"), "{text}");
                let again = life(other.path(), (begun, LAST), &ALLOWED, false);
                (again.expect(&what), text)
            }
        };
        let anew = problem.contains("begins anew");
        assert!(anew || after == counts(8), "{what}: {after:?}\n{problem}");
        // From then on nothing has to be allowed.
        assert!(look(&other).restart.goes_on, "{what}\n{}", look(&other));
        assert_eq!(
            life(other.path(), (LAST, LAST), &[], true).unwrap(),
            [],
            "{what}"
        );
    }
    assert!(refused >= refused_min, "{refused}");
}

#[test]
fn behind_a_manifest_without_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    life(dir.path(), (0, 5), &[], false).unwrap();
    any_entry_may_be_lost(&dir, 5, 8);
}

#[test]
fn behind_a_manifest_with_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    life(dir.path(), (0, 3), &[], true).unwrap();
    life(dir.path(), (3, 6), &[], false).unwrap();
    any_entry_may_be_lost(&dir, 6, 4);
}

#[test]
fn before_a_manifest() {
    let dir = tempfile::tempdir().unwrap();
    life(dir.path(), (0, 4), &[], false).unwrap();
    // It begins with a manifest that knows the ends of four batches, and has no snapshots.
    life(dir.path(), (4, 4), &[], false).unwrap();
    any_entry_may_be_lost(&dir, 4, 4);
}

#[test]
fn behind_an_older_manifest_with_the_beginnings_of_processes() {
    let dir = tempfile::tempdir().unwrap();
    life(dir.path(), (0, 2), &[], true).unwrap();
    life(dir.path(), (2, 4), &[], false).unwrap();
    life(dir.path(), (4, 6), &[], false).unwrap();
    let newest = look(&dir).manifests[0].file.clone();
    fs::write(dir.path().join(newest), "damaged").unwrap();
    any_entry_may_be_lost(&dir, 6, 4);
}
