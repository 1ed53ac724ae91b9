//! Segments of every released format version are read, whole and damaged.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::fs;
use std::path::Path;

use headwater_journal::{Journal, JournalError, Options, Recovered, Sequence};
use headwater_store::Location;
use tempfile::TempDir;

const RECORDS: [&str; 6] = [
    "one",
    "one again",
    "two",
    "two again",
    "three",
    "three again",
];

/// A copy of a fixture, since opening a journal may change it.
fn copy(version: &str, name: &str) -> (TempDir, Location) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture.join(version).join(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let place = Location::at(dir.path()).unwrap();
    (dir, place)
}

fn records(recovered: &Recovered) -> Vec<(u64, String)> {
    let found = recovered.records_from(Sequence(0)).map(Result::unwrap);
    let text = |(number, bytes): (Sequence, _)| (number.0, String::from_utf8(bytes).unwrap());
    found.map(text).collect()
}

fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<(u64, String)> {
    let record = |number: usize| (number as u64, RECORDS[number].to_owned());
    numbers.into_iter().map(record).collect()
}

#[test]
fn version_1_whole() {
    let (_dir, place) = copy("version-1", "whole");
    let (journal, recovered) = Journal::open(&place, Options::default()).unwrap();
    assert_eq!((recovered.torn(), recovered.damaged()), (None, &[][..]));
    assert_eq!(records(&recovered), expected(0..6));
    assert_eq!(journal.next(), Sequence(6));
}

#[test]
fn version_1_torn() {
    let (_dir, place) = copy("version-1", "torn");
    let (journal, recovered) = Journal::open(&place, Options::default()).unwrap();
    assert_eq!(recovered.torn().unwrap().bytes, 57);
    assert_eq!(recovered.damaged(), []);
    assert_eq!(records(&recovered), expected(0..4));
    assert_eq!(journal.next(), Sequence(4));
}

#[test]
fn version_1_corrupt() {
    let (_dir, place) = copy("version-1", "corrupt");
    let (_journal, recovered) = Journal::open(&place, Options::default()).unwrap();
    assert_eq!(recovered.torn(), None);
    assert_eq!(recovered.damaged().len(), 1);
    assert_eq!(recovered.damaged()[0].lost, Sequence(2)..Sequence(4));
    assert_eq!(records(&recovered), expected([0, 1, 4, 5]));
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let (_dir, place) = copy("version-1", "newer");
    let segment = place.join("segment-00000000000000000000");
    let before = segment.get().unwrap();
    let error = Journal::open(&place, Options::default()).unwrap_err();
    let refused = JournalError::NewerVersion {
        segment: segment.to_string(),
        version: 2,
        known: 1,
    };
    assert_eq!(error, refused);
    assert_eq!(segment.get().unwrap(), before);
}
