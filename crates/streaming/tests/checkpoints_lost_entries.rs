//! Restarts in directories of whose journal an entry is lost: any of them, of whatever kind. What
//! looking tells is what a start does; what goes on is right, or its loss is told by name.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;
use std::path::Path;

use headwater_streaming::StreamError;
use headwater_streaming::checkpoint::CheckpointSummary;
use probe::damaged::{ALLOWED, counts, damaged, life};
use probe::{Log, going_on, second};
use tempfile::TempDir;

/// How long the longest life goes on.
const LAST: usize = 8;

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

/// The seconds of the batches that an output ran, each with whether it was told that it may have
/// run before; the output fails in one of them.
fn runs(dir: &Path, (begun, until): (usize, usize), fails_at: Option<i64>) -> Vec<(i64, bool)> {
    let test = going_on(dir, begun, &ALLOWED);
    let words = test.context().stream_by_time(|_| vec!["word"]);
    let (seen, fails) = (Log::new(), fails_at.map(second));
    let to = seen.clone();
    words.foreach_rdd_with_run(move |_, run| {
        to.push((run.id.time.as_millis() / 1000, run.is_rerun));
        match fails == Some(run.id.time) {
            true => Err("the sink is down"),
            false => Ok(()),
        }
    });
    let ran = test.try_run(until - begun);
    assert_eq!(ran.is_err(), fails_at.is_some(), "{ran:?}");
    seen.entries()
}

#[test]
fn a_batch_whose_cut_is_lost_may_have_run() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(runs(dir.path(), (0, 2), Some(2)), [(1, false), (2, false)]);
    let mut again = 0;
    for (other, what) in damaged(dir.path()) {
        // Without its only segment nothing tells that the journal was begun.
        if what.ends_with("None") {
            continue;
        }
        if !look(&other).restart.goes_on {
            again += 1;
        }
        let runs = runs(other.path(), (2, 3), None);
        let is_told = |(batch, is_rerun): &(i64, bool)| *is_rerun == (*batch <= 2);
        assert!(runs.contains(&(2, true)), "{what}: {runs:?}");
        assert!(runs.iter().all(is_told), "{what}: {runs:?}");
    }
    assert!(again > 0);
}
