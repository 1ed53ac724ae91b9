//! Batches that change much at once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails with them"
)]

mod probe;

use std::fs;
use std::path::Path;

use headwater_streaming::checkpoint::CheckpointSummary;
use probe::{going_on, second};

/// More than a record of the journal takes.
const BYTES: usize = 33 << 20;

/// One life of texts that grow by what comes, with a batch for each of these; how long they are
/// then. Nothing is written whole, so that a restart needs every change.
fn life(dir: &Path, begun: usize, batches: &[&str]) -> Option<(usize, Option<char>)> {
    let test = going_on(dir, begun, &[("streaming.checkpoint.interval", "1h")]);
    let input = batches
        .iter()
        .map(|letter| vec![(1, (*letter).to_owned())])
        .collect();
    let grow = |new: Vec<String>, old: Option<String>| {
        let mut text = old.unwrap_or_default();
        new.iter().for_each(|letter| text += &letter.repeat(BYTES));
        Some(text)
    };
    let texts = test.input(input).update_state_by_key(grow);
    let out = test.collect(&texts.map_values(|text| (text.len(), text.chars().last())));
    test.run(batches.len());
    let last = out.batches().concat().pop();
    last.map(|(_, text)| text)
}

#[test]
fn a_batch_may_change_more_than_a_record_of_the_journal_takes() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(life(dir.path(), 0, &["a"]), Some((BYTES, Some('a'))));
    let summary = CheckpointSummary::read(dir.path().to_str().unwrap(), second(2)).unwrap();
    assert!(summary.restart.goes_on, "{:?}", summary.problems);
    let state = &summary.stream.unwrap().states[0];
    assert!(state.change_bytes > BYTES as u64);
    let again = life(dir.path(), 1, &["b"]);
    assert_eq!(again, Some((2 * BYTES, Some('b'))));
}

/// Damages the end of the longest run of a letter in the journal.
fn damage(dir: &Path, letter: u8) {
    for file in fs::read_dir(dir.join("journal")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(64).rposition(|run| run == [letter; 64]) {
            bytes[at + 32] ^= 0x10;
            fs::write(&path, bytes).unwrap();
            return;
        }
    }
    panic!("the letter is not there");
}

#[test]
fn a_long_entry_whose_end_is_lost_is_missed_before_anything_runs() {
    let dir = tempfile::tempdir().unwrap();
    life(dir.path(), 0, &["a"]);
    // Its manifest knows the batch before, whose changes a restart still needs.
    life(dir.path(), 1, &[]);
    damage(dir.path(), b'a');
    let summary = CheckpointSummary::read(dir.path().to_str().unwrap(), second(2)).unwrap();
    assert!(!summary.restart.goes_on, "{:?}", summary.problems);
    let test = going_on(dir.path(), 1, &[]);
    let words = test.input(vec![vec![(1, String::new())]]);
    test.collect(&words.update_state_by_key(|_: Vec<String>, old: Option<String>| old));
    let refused = test.context().start().unwrap_err().to_string();
    assert!(
        refused.contains("streaming.checkpoint.allow=damage"),
        "{refused}"
    );
}
