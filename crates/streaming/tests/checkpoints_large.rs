//! Batches that change much at once.

mod probe;

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
