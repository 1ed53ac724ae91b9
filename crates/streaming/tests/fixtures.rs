//! Checkpoint directories of every released format version are gone on from, whole and damaged.
//!
//! `HEADWATER_WRITE_FIXTURES=version-1 cargo test -p headwater-streaming --test fixtures are_written`
//! writes those of a version again. Released ones stay as they are; a new version gets new ones.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;
#[path = "fixtures/program.rs"]
mod program;

use std::fs;
use std::path::{Path, PathBuf};

use headwater_streaming::checkpoint::CheckpointSummary;
use headwater_streaming::time::{Time, millis};
use probe::damaged::damaged;
use program::{FILES, Life, Seen, blocks};
use tempfile::TempDir;

const DIRECTORIES: [&str; 3] = ["", "state", "journal"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The files of a checkpoint directory, sorted by name, without those that are only there
/// while somebody writes.
fn files(root: &Path, below: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join(below)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_kept = |path: &PathBuf| path.is_file() && !path.ends_with("lock");
    let mut files: Vec<_> = paths.filter(is_kept).collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for below in DIRECTORIES {
        fs::create_dir_all(to.join(below)).unwrap();
        for file in files(from, below) {
            let name = file.file_name().unwrap();
            fs::copy(&file, to.join(below).join(name)).unwrap();
        }
    }
}

/// A copy of a fixture, since going on from it changes it.
fn fixture(version: &str, name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixtures().join(version).join(name), dir.path());
    dir
}

/// Where the past of the fixtures has ended: batch 4 is done, batch 5 is cut, and what belongs
/// to batch 6 is stored.
const NOW: i64 = 5;

/// Goes on from a fixture up to batch 6; what the outputs of batches 5 and 6 have seen.
fn go_on(dir: &TempDir, settings: &[(&str, &str)]) -> Result<[Seen; 2], String> {
    let life = Life::at(NOW, dir.path().to_str(), settings, None);
    let ran = life.test.try_run(1);
    ran.map_err(|error| error.to_string())?;
    Ok([life.seen(5), life.seen(6)])
}

/// The same without a restart, and with so many of the blocks of batch 6.
fn expected(last_blocks: usize) -> [Seen; 2] {
    let life = Life::at(0, None, &[], None);
    life.run(1..=5).unwrap();
    life.store_some(6, last_blocks);
    life.test.run(1);
    let mut seen = [life.seen(5), life.seen(6)];
    // The reference has no files; those of batch 5 are in its range.
    seen[0].lines = vec!["to be".to_owned(), "or not to be".to_owned()];
    seen
}

#[test]
fn version_1_whole() {
    let dir = fixture("version-1", "whole");
    assert_eq!(go_on(&dir, &[]), Ok(expected(2)));
}

#[test]
fn version_1_with_a_torn_end_of_the_journal_lacks_what_was_not_acknowledged() {
    let dir = fixture("version-1", "torn");
    assert_eq!(go_on(&dir, &[]), Ok(expected(1)));
}

#[test]
fn version_1_with_a_damaged_manifest_goes_on_from_the_one_before() {
    let dir = fixture("version-1", "damaged-manifest");
    assert_eq!(go_on(&dir, &[]), Ok(expected(2)));
}

#[test]
fn version_1_with_a_damaged_snapshot_goes_on_as_it_was_when_that_is_allowed() {
    let dir = fixture("version-1", "damaged-snapshot");
    let message = go_on(&dir, &[]).unwrap_err();
    for part in [
        "files of state are damaged",
        "its checksum is wrong",
        "or allow damage",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let allowed = [("streaming.checkpoint.allow", "damage")];
    assert_eq!(go_on(&dir, &allowed), Ok(expected(2)));
}

#[test]
fn version_1_with_a_damaged_journal_goes_on_when_that_is_allowed() {
    let dir = fixture("version-1", "damaged-journal");
    let message = go_on(&dir, &[]).unwrap_err();
    assert!(message.contains("the journal is damaged"), "{message}");
    assert!(message.contains("or allow damage"), "{message}");
    let allowed = [("streaming.checkpoint.allow", "damage")];
    let [fifth, sixth] = go_on(&dir, &allowed).unwrap();
    let [all_of_fifth, all_of_sixth] = expected(2);
    assert_eq!(fifth, all_of_fifth);
    // The first of the two blocks that waited is lost.
    let second = blocks(6).pop().unwrap();
    assert_eq!(sixth.pairs[0], ("received", second));
    assert_ne!(sixth.pairs, all_of_sixth.pairs);
}

#[test]
fn version_1_without_any_entry_is_refused_as_told_and_goes_on_when_that_is_allowed() {
    let whole = fixtures().join("version-1").join("whole");
    let mut only_changes = 0;
    for (dir, what) in damaged(&whole) {
        let directory = dir.path().to_str().unwrap();
        let now = Time::from_millis(NOW * 1000);
        let summary = CheckpointSummary::read(directory, now).unwrap();
        let tried = go_on(&dir, &[]);
        assert_eq!(tried.is_ok(), summary.restart.goes_on, "{what}\n{summary}");
        let Err(told) = tried else {
            continue;
        };
        if !told.contains("streaming.checkpoint.allow=damage") {
            continue;
        }
        let seen = go_on(&dir, &[("streaming.checkpoint.allow", "damage")]);
        let seen = seen.map_err(|error| format!("{what}: {error}\n{told}"));
        // Where only changes of state are lost, the recorded input gives them again.
        let other_losses = ["block", "lacks records", "belong", "anew", "looks back"];
        if other_losses.iter().any(|lost| told.contains(lost)) {
            seen.unwrap();
        } else {
            assert_eq!(seen, Ok(expected(2)), "{told}");
            only_changes += 1;
        }
    }
    assert!(only_changes > 0);
}

/// What a real stream leaves behind when it is stopped, goes on, fails, and is killed.
fn write_whole(dir: &Path) {
    let directory = dir.to_str();
    let life = Life::at(0, directory, &[], None);
    life.run(1..=3).unwrap();
    let ssc = life.test.context();
    ssc.stop(true, true).unwrap();
    drop(life);
    let file = Path::new(FILES).join("lines.txt");
    let file = fs::File::options().append(true).open(file).unwrap();
    let changed = std::time::UNIX_EPOCH + millis(4500);
    file.set_modified(changed).unwrap();
    let life = Life::at(3, directory, &[], Some(5));
    life.run(4..=5).unwrap_err();
    drop(life);
    // At five, so that nothing is due; the batch at five runs only if it is waited for.
    let life = Life::at(4, directory, &[], Some(5));
    life.test.try_run(0).unwrap();
    life.store(6);
}

fn flip(file: &Path, place: impl Fn(&[u8]) -> usize) {
    let mut bytes = fs::read(file).unwrap();
    let place = place(&bytes);
    bytes[place] ^= 0x10;
    fs::write(file, bytes).unwrap();
}

#[test]
fn are_written_when_that_is_asked_for() {
    let Some(version) = std::env::var_os("HEADWATER_WRITE_FIXTURES") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    write_whole(dir.path());
    let root = fixtures().join(version);
    let last = |dir: &Path, below| files(dir, below).pop().unwrap();
    let write = |name: &str, damage: &dyn Fn(&Path)| {
        let to = root.join(name);
        let _ = fs::remove_dir_all(&to);
        copy(dir.path(), &to);
        damage(&to);
    };
    write("whole", &|_| {});
    write("torn", &|to| {
        let segment = last(to, "journal");
        let bytes = fs::read(&segment).unwrap();
        fs::write(segment, &bytes[..bytes.len() - 3]).unwrap();
    });
    write("damaged-manifest", &|to| {
        flip(&last(to, ""), |bytes| bytes.len() / 2)
    });
    write("damaged-snapshot", &|to| {
        flip(&last(to, "state"), |bytes| bytes.len() / 2)
    });
    write("damaged-journal", &|to| {
        // In the first of the two blocks that wait: its record is ("e", 5).
        let record = [1, b'e', 10];
        let is_record = |bytes: &[u8]| bytes.windows(3).position(|at| at == record).unwrap();
        flip(&last(to, "journal"), is_record);
    });
}
