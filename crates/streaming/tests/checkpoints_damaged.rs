//! Restarts in directories of which a part is damaged or gone.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;
use std::path::Path;

use headwater_core::Partitioning;
use headwater_journal::{Journal, Options};
use headwater_store::Location;
use headwater_streaming::StreamError;
use headwater_streaming::checkpoint::CheckpointSummary;
use headwater_streaming::testing::{Collected, TestStream};
use probe::{going_on, second};
use tempfile::TempDir;

/// One process: after how many batches it begins, how many it runs, and in how many partitions
/// it keeps its sums.
#[derive(Clone, Copy)]
struct Life {
    begun: usize,
    batches: usize,
    partitions: usize,
}

fn life(begun: usize, batches: usize, partitions: usize) -> Life {
    Life {
        begun,
        batches,
        partitions,
    }
}

impl Life {
    /// Runs it, stopped gracefully at its end. The sums of the seconds after its last batch.
    fn run(self, dir: &Path, settings: &[(&str, &str)]) -> Result<Vec<(char, i64)>, StreamError> {
        let test = going_on(dir, self.begun, settings);
        let sums = self.build(&test);
        test.context().start()?;
        test.try_run(self.batches)?;
        test.context().stop(true, true)?;
        let mut last = sums.batches().pop().unwrap_or_default();
        last.sort_unstable();
        Ok(last)
    }

    fn build(self, test: &TestStream) -> Collected<(char, i64)> {
        let by_time = test.context().stream_by_time(|time| {
            let second = time.as_millis() / 1000;
            ('a'..='e').map(|key| (key, second)).collect::<Vec<_>>()
        });
        let add =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
        let to = Partitioning::from(self.partitions);
        test.collect(&by_time.update_state_by_key_partitioned(add, to))
    }
}

/// What the sums are after so many batches.
fn sums(batches: i64) -> Vec<(char, i64)> {
    ('a'..='e')
        .map(|key| (key, batches * (batches + 1) / 2))
        .collect()
}

/// The manifest after so many batches.
fn manifest(dir: &TempDir, batches: i64) -> std::path::PathBuf {
    dir.path()
        .join(format!("checkpoint-{:020}", batches * 1000))
}

/// The batches after which there are manifests, oldest first.
fn manifests(dir: &TempDir) -> Vec<i64> {
    (0..100)
        .filter(|batches| manifest(dir, *batches).exists())
        .collect()
}

fn damage(dir: &TempDir, batches: i64) {
    fs::write(manifest(dir, batches), "HWCP\x01 and nothing else").unwrap();
}

#[test]
fn an_older_manifest_finds_the_state_that_was_moved_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let keep = [("streaming.checkpoint.keep", "10")];
    let lives = [life(0, 4, 2), life(4, 4, 3), life(8, 4, 3)];
    for one in lives {
        one.run(dir.path(), &keep).unwrap();
    }
    assert_eq!(manifests(&dir), [0, 4, 8, 12]);
    // Those that list the state that was moved, which the newest does not need any more.
    for batches in [4, 8] {
        fs::remove_file(manifest(&dir, batches)).unwrap();
    }
    let next = life(12, 2, 3).run(dir.path(), &keep);
    assert_eq!(next.unwrap(), sums(14));
    for batches in [12, 14] {
        damage(&dir, batches);
    }
    // The first is left, and all entries since.
    let next = life(14, 2, 3).run(dir.path(), &keep);
    assert_eq!(next.unwrap(), sums(16));
}

#[test]
fn the_older_of_two_manifests_does_across_a_change_of_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let keep = [("streaming.checkpoint.keep", "2")];
    life(0, 4, 2).run(dir.path(), &keep).unwrap();
    life(4, 3, 5).run(dir.path(), &keep).unwrap();
    damage(&dir, 7);
    let next = life(7, 2, 3).run(dir.path(), &keep);
    assert_eq!(next.unwrap(), sums(9));
    damage(&dir, 9);
    let next = life(9, 2, 1).run(dir.path(), &keep);
    assert_eq!(next.unwrap(), sums(11));
}

#[test]
fn an_unreadable_manifest_ages_out_and_lets_strays_go() {
    let dir = tempfile::tempdir().unwrap();
    let keep = [("streaming.checkpoint.keep", "2")];
    life(0, 2, 2).run(dir.path(), &keep).unwrap();
    life(2, 2, 2).run(dir.path(), &keep).unwrap();
    assert_eq!(manifests(&dir), [2, 4]);
    let stray = dir.path().join("state").join(format!("{:020}-0-0-0", 1));
    fs::write(&stray, "of a process that was killed").unwrap();
    damage(&dir, 4);
    // It is written anew, and the other damaged one is newer than one that is kept.
    let lost = manifest(&dir, 3);
    fs::write(&lost, "x").unwrap();
    let next = life(4, 0, 2).run(dir.path(), &keep);
    assert!(next.unwrap().is_empty());
    assert!(lost.exists() && stray.exists());
    // Two whole ones after it are as many as are kept.
    life(4, 2, 2).run(dir.path(), &keep).unwrap();
    assert_eq!(manifests(&dir), [4, 6]);
    assert!(!stray.exists());
    let next = life(6, 1, 2).run(dir.path(), &keep);
    assert_eq!(next.unwrap(), sums(7));
}

/// What looking at the directory says of the reason for which a start is refused.
fn told(dir: &TempDir) -> String {
    let directory = dir.path().to_str().unwrap();
    let summary = CheckpointSummary::read(directory, second(9)).unwrap();
    assert!(!summary.restart.goes_on);
    let problem = &summary.problems[0];
    assert!(problem.stops_restart, "{summary}");
    format!("{}; {}", problem.what, problem.advice)
}

#[test]
fn a_newer_format_is_not_fallen_back_from() {
    let dir = tempfile::tempdir().unwrap();
    life(0, 2, 2).run(dir.path(), &[]).unwrap();
    life(2, 2, 2).run(dir.path(), &[]).unwrap();
    let mut newest = fs::read(manifest(&dir, 4)).unwrap();
    newest[4] += 1;
    fs::write(manifest(&dir, 4), &newest).unwrap();
    let refused = life(4, 2, 2).run(dir.path(), &[]).unwrap_err();
    let StreamError::CheckpointNewer {
        ref file,
        format,
        known,
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!(
        (file.as_str(), format),
        (manifest(&dir, 4).to_str().unwrap(), known + 1)
    );
    let text = refused.to_string();
    assert!(text.contains("use the newer release"), "{text}");
    assert!(told(&dir).starts_with(&text), "{}", told(&dir));
    // Nothing was changed, so that the newer release goes on.
    newest[4] -= 1;
    fs::write(manifest(&dir, 4), &newest).unwrap();
    assert_eq!(life(4, 2, 2).run(dir.path(), &[]).unwrap(), sums(6));
}

#[test]
fn a_part_of_the_directory_that_is_gone_is_told_and_nothing_begins_anew() {
    let losses: [(fn(&TempDir), &str); 4] = [
        (
            |dir| {
                manifests(dir)
                    .iter()
                    .for_each(|at| fs::remove_file(manifest(dir, *at)).unwrap())
            },
            "a journal of",
        ),
        (
            |dir| {
                manifests(dir)
                    .iter()
                    .for_each(|at| fs::remove_file(manifest(dir, *at)).unwrap());
                fs::remove_dir_all(dir.path().join("journal")).unwrap();
            },
            "of state, and no checkpoint- file",
        ),
        (
            |dir| fs::remove_dir_all(dir.path().join("journal")).unwrap(),
            "checkpoint- files, and no entry of their journal",
        ),
        (
            |dir| {
                let mut segments: Vec<_> = fs::read_dir(dir.path().join("journal"))
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .filter(|path| path.to_str().unwrap().contains("segment-"))
                    .collect();
                segments.sort();
                let last = fs::read(segments.last().unwrap()).unwrap();
                fs::write(segments.last().unwrap(), &last[..last.len() - 1]).unwrap();
            },
            "checkpoint- files, and the journal ends at entry",
        ),
    ];
    for (lose, expected) in losses {
        let dir = tempfile::tempdir().unwrap();
        life(0, 3, 2).run(dir.path(), &[]).unwrap();
        lose(&dir);
        // What looking says is what a start says, again and again.
        let looked = told(&dir);
        for _ in 0..2 {
            let refused = life(3, 2, 2).run(dir.path(), &[]).unwrap_err();
            assert!(
                matches!(refused, StreamError::CheckpointIncomplete { .. }),
                "{refused}"
            );
            let text = refused.to_string();
            assert!(
                text.contains(expected) && looked.contains(expected),
                "{text}\n{looked}"
            );
            assert!(
                text.ends_with("or delete the directory to begin anew"),
                "{text}"
            );
        }
        fs::remove_dir_all(dir.path()).unwrap();
        assert_eq!(life(0, 2, 2).run(dir.path(), &[]).unwrap(), sums(2));
    }
}

#[test]
fn a_first_start_that_was_killed_anywhere_is_started_again() {
    let dir = tempfile::tempdir().unwrap();
    // Before its manifest: there is a journal without entries.
    life(0, 0, 2).run(dir.path(), &[]).unwrap();
    fs::remove_file(manifest(&dir, 0)).unwrap();
    assert_eq!(life(0, 0, 2).run(dir.path(), &[]).unwrap(), []);
    // After it, and before the first entry.
    assert_eq!(manifests(&dir), [0]);
    for file in fs::read_dir(dir.path().join("journal")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    assert_eq!(life(0, 2, 2).run(dir.path(), &[]).unwrap(), sums(2));
}

#[test]
fn a_first_start_in_an_object_store_may_die_before_its_manifest() {
    let directory = Path::new("memory://damaged/first");
    for _ in 0..2 {
        // All that such a start leaves: it has taken the journal over.
        let journal = Location::at(directory).unwrap().join("journal");
        drop(Journal::open(&journal, Options::default()).unwrap());
    }
    let summary = CheckpointSummary::read(directory.to_str().unwrap(), second(0)).unwrap();
    assert_eq!(summary.problems, []);
    assert_eq!(life(0, 2, 2).run(directory, &[]).unwrap(), sums(2));
    assert_eq!(life(2, 1, 2).run(directory, &[]).unwrap(), sums(3));
}

#[test]
fn a_stream_in_a_directory_below_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let below = dir.path().join("a").join("b");
    life(0, 3, 2).run(&below, &[]).unwrap();
    assert_eq!(life(0, 1, 2).run(dir.path(), &[]).unwrap(), sums(1));
    assert_eq!(life(3, 1, 2).run(&below, &[]).unwrap(), sums(4));
    assert_eq!(life(1, 1, 2).run(dir.path(), &[]).unwrap(), sums(2));
    let directory = dir.path().to_str().unwrap();
    let summary = CheckpointSummary::read(directory, second(9)).unwrap();
    assert!(summary.restart.goes_on, "{summary}");
    assert!(summary.manifests.iter().all(|one| !one.file.contains('/')));
    assert_eq!(summary.stream.unwrap().last_done, Some(second(2)));
}

#[test]
fn looking_uses_the_manifest_that_a_start_uses() {
    let dir = tempfile::tempdir().unwrap();
    life(0, 4, 2).run(dir.path(), &[]).unwrap();
    let again = [("streaming.checkpoint.run_last_again", "true")];
    let running = going_on(dir.path(), 4, &again);
    life(4, 0, 2).build(&running);
    running.context().start().unwrap();
    drop(running);
    // It has begun before the last batch, with what came after that in the journal.
    assert!(manifest(&dir, 3).exists() && manifest(&dir, 4).exists());
    let directory = dir.path().to_str().unwrap();
    let summary = CheckpointSummary::read(directory, second(4)).unwrap();
    let used = summary.manifests.iter().find(|one| one.is_used).unwrap();
    assert_eq!(used.ended, Some(second(3)));
}

#[test]
fn unfinished_files_of_killed_processes_go_and_those_of_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    life(0, 1, 2).run(dir.path(), &[]).unwrap();
    let unfinished = |below: &str| {
        dir.path()
            .join(below)
            .join(".headwater-put-0123456789abcdef")
    };
    let ours = ["", "state", "journal"].map(unfinished);
    fs::create_dir(dir.path().join("other")).unwrap();
    let other = unfinished("other");
    let allow = [("streaming.checkpoint.allow", "drop:update_state_by_key-0")];
    let running = going_on(dir.path(), 1, &allow);
    running.collect(&running.context().stream_by_time(|time| vec![time]));
    running.context().start().unwrap();
    for file in ours.iter().chain([&other]) {
        fs::write(file, "half").unwrap();
    }
    // Only who has the directory may say that nobody is writing them.
    life(1, 1, 2).run(dir.path(), &[]).unwrap_err();
    assert!(ours.iter().all(|file| file.exists()));
    running.context().stop(true, false).unwrap();
    life(1, 1, 2).run(dir.path(), &[]).unwrap();
    assert!(!ours.iter().any(|file| file.exists()) && other.exists());
}
