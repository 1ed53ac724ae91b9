//! Restarts in directories of which files of state are damaged or gone: what goes on is right, or
//! begins anew and is told so. What looking tells is what a start does.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;
use std::path::{Path, PathBuf};

use headwater_streaming::checkpoint::CheckpointSummary;
use headwater_streaming::{State, StateSpec, StreamError};
use probe::damaged::{ALLOWED, Counts, both, copy, counts, life};
use probe::{going_on, second};
use tempfile::TempDir;

/// A directory of three processes of three batches each, stopped gracefully, that keep so many
/// checkpoints: each lists the state of two batches, but the first, which has all changes.
fn three_lives(keep: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for begun in [0, 3, 6] {
        let keep = [("streaming.checkpoint.keep", keep)];
        life(dir.path(), (begun, begun + 3), &keep, true).unwrap();
    }
    dir
}

/// The files of some states at some batches, which are told apart by the beginning of the name.
fn files(dir: &Path, is_wanted: impl Fn(i64, usize, usize) -> bool) -> Vec<PathBuf> {
    let numbers = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut parts = name.split('-').map(|part| part.parse::<i64>().unwrap());
        let mut next = || parts.next().unwrap();
        let (time, state, partition) = (next(), next(), next());
        is_wanted(time / 1000, state as usize, partition as usize)
    };
    let all = fs::read_dir(dir.join("state")).unwrap();
    let all = all.map(|entry| entry.unwrap().path());
    all.filter(numbers).collect()
}

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(file, bytes).unwrap();
}

fn cut_off(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
}

fn remove(file: &Path) {
    fs::remove_file(file).unwrap();
}

/// What a start is refused with, which looking tells too; each of `files` is named.
fn refused(dir: &Path, begun: usize, files: &[PathBuf]) -> String {
    let summary = CheckpointSummary::read(dir.to_str().unwrap(), second(begun as i64)).unwrap();
    assert!(!summary.restart.goes_on, "{summary}");
    let problem = &summary.problems[0];
    let error = life(dir, (begun, begun + 1), &[], false).unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
    let message = error.to_string();
    let told = format!("{}\n{}", problem.what, problem.advice);
    assert!(message.ends_with(&told), "{message}\n{told}");
    for file in files {
        assert!(message.contains(file.to_str().unwrap()), "{message}");
    }
    assert!(
        message.contains("streaming.checkpoint.allow=damage"),
        "{message}"
    );
    message
}

#[test]
fn an_older_file_and_the_changes_since_bring_a_state_back_as_it_was() {
    let whole = three_lives("2");
    for lose in [flip, cut_off, remove] {
        for (state, partition) in [(0, 0), (0, 1), (1, 1)] {
            let dir = tempfile::tempdir().unwrap();
            copy(whole.path(), dir.path());
            let lost = files(dir.path(), |time, of, part| {
                (time, of, part) == (9, state, partition)
            });
            assert_eq!(lost.len(), 1);
            lost.iter().for_each(|file| lose(file));
            let told = refused(dir.path(), 9, &lost);
            let label = ["counts", "sums"][state];
            let fate = format!("files of the state {label}: older files and the changes since");
            assert!(told.contains(&fate), "{told}");
            let after = life(dir.path(), (9, 11), &ALLOWED, false).unwrap();
            assert_eq!(after, counts(11));
            // From then on nothing has to be allowed.
            assert_eq!(life(dir.path(), (11, 12), &[], true).unwrap(), counts(12));
        }
    }
}

#[test]
fn an_older_checkpoint_does_where_it_lists_older_files() {
    let dir = three_lives("2");
    let lost = files(dir.path(), |time, _, _| time > 3);
    lost.iter().for_each(|file| flip(file));
    let told = refused(dir.path(), 9, &lost);
    assert!(
        told.contains("checkpoint-00000000000000006000 is used"),
        "{told}"
    );
    let again = [ALLOWED[0], ("streaming.checkpoint.run_last_again", "true")];
    assert_eq!(life(dir.path(), (9, 11), &again, true).unwrap(), counts(11));
    assert_eq!(life(dir.path(), (11, 12), &[], true).unwrap(), counts(12));
}

/// The counts of a state that began anew after some batches.
fn anew(after: i64, batches: i64) -> Counts {
    let all = counts(batches).into_iter();
    all.map(|(word, count)| (word, count.min(batches - after)))
        .collect()
}

#[test]
fn a_state_of_which_a_partition_is_gone_begins_anew_as_a_whole() {
    let dir = three_lives("2");
    let keep = ("streaming.checkpoint.keep", "9");
    let lost = files(dir.path(), |_, state, partition| {
        (state, partition) == (0, 1)
    });
    let copies = tempfile::tempdir().unwrap();
    copy(dir.path(), copies.path());
    lost.iter().for_each(|file| remove(file));
    let told = refused(dir.path(), 9, &lost[..1]);
    assert!(
        told.contains("the state counts: it begins anew after batch 9000 ms"),
        "{told}"
    );
    let (lost_counts, sums) = both(dir.path(), (9, 11), &[ALLOWED[0], keep], false).unwrap();
    assert_eq!((lost_counts, sums), (anew(9, 11), counts(11)));
    let go_on = |until| both(dir.path(), (until - 1, until), &[keep], true).unwrap();
    assert_eq!(go_on(12), (anew(9, 12), counts(12)));
    // Files that come back are none of the state that began since, whichever manifest is read.
    for file in &lost {
        let copied = copies.path().join("state").join(file.file_name().unwrap());
        fs::copy(copied, file).unwrap();
    }
    for batches in [9, 11, 12] {
        let manifest = dir
            .path()
            .join(format!("checkpoint-{:020}", batches * 1000));
        assert!(manifest.exists());
        fs::write(manifest, "damaged").unwrap();
    }
    assert_eq!(go_on(13), (anew(9, 13), counts(13)));
}

#[test]
fn a_state_that_begins_anew_begins_with_its_initial_state() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun, batches, settings: &[(&str, &str)]| {
        let test = going_on(dir.path(), begun, settings);
        let ones = test.context().stream_by_time(|_| vec![('a', 1)]);
        let initial = test.context().context().parallelize(vec![('a', 100)], 1);
        let spec = StateSpec::function(|_: &char, new: Option<i64>, state: &mut State<'_, i64>| {
            let count = state.get().unwrap_or(&0) + new.unwrap_or(0);
            state.update(count);
            count
        });
        let spec = spec.initial_state(&initial);
        let counts = test.collect(&ones.map_with_state(spec).stream());
        test.context().start()?;
        test.try_run(batches)?;
        test.context().stop(true, true)?;
        Ok::<_, StreamError>(counts.batches().concat())
    };
    let keep = [("streaming.checkpoint.keep", "1")];
    assert_eq!(life(0, 3, &keep).unwrap(), [101, 102, 103]);
    assert_eq!(life(3, 3, &keep).unwrap(), [104, 105, 106]);
    files(dir.path(), |_, _, _| true)
        .iter()
        .for_each(|file| flip(file));
    life(6, 1, &[]).unwrap_err();
    assert_eq!(life(6, 1, &ALLOWED).unwrap(), [101]);
    assert_eq!(life(7, 1, &[]).unwrap(), [102]);
}
