//! Histories that lack entries: what is left of each is right, or told.

use super::super::entry::{Change, CutInput, InputRange};
use super::super::manifest::Snapshot;
use super::super::program::Program;
use super::*;

fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

fn block(block: u64) -> Entry {
    Entry::Block {
        input: 0,
        block,
        records: 10,
        position: None,
        bytes: vec![],
    }
}

fn cut(second: i64, from: u64, to: u64) -> Entry {
    let range = InputRange::Blocks { from, to };
    Entry::Cut {
        time: at(second),
        inputs: vec![CutInput {
            input: 0,
            range,
            records: 10 * (to - from),
        }],
    }
}

fn ended(second: i64) -> Entry {
    Entry::Ended {
        time: at(second),
        changes: vec![Change {
            state: 0,
            partition: 0,
            time: at(second),
            bytes: vec![],
        }],
        failure: None,
    }
}

/// Four batches of a block each, the last of which is not done; a block that no batch has.
fn history() -> Vec<Entry> {
    let batch = |n: i64, block_number| {
        [
            block(block_number),
            cut(n, block_number, block_number + 1),
            ended(n),
        ]
    };
    let mut entries: Vec<_> = (1..).zip(0..4).flat_map(|(n, b)| batch(n, b)).collect();
    entries.pop();
    entries.push(block(4));
    entries
}

fn manifest(known: &[Entry], snapshots: Vec<Snapshot>) -> Manifest {
    let mut past = Past::new(Program::of_parts(&["totals"], &["clicks"]), Time::ZERO);
    for (number, entry) in (0..).zip(known) {
        past.apply(Sequence(number), entry.clone()).unwrap();
    }
    Manifest {
        past,
        next: known.len() as u64,
        snapshots,
    }
}

/// What is left of a history of which a manifest knows the first entries, without some.
fn mended(
    manifest: &Manifest,
    entries: &[Entry],
    lost: Range<u64>,
    may_hold_program: bool,
) -> (Found, Losses) {
    let gap = Gap {
        place: format!("{lost:?}"),
        lost: lost.clone(),
        cut_short: None,
        may_hold_program,
        is_needed: false,
    };
    let mut mending = Mending::over(manifest, vec![gap]);
    for (number, entry) in (0..).zip(entries) {
        if !lost.contains(&number) {
            mending.take_in(Sequence(number), entry.clone()).unwrap();
        }
    }
    mending.finish()
}

fn snapshot(second: i64) -> Snapshot {
    Snapshot::of((0, 0), 1, at(second), Sequence(0))
}

#[test]
fn no_state_goes_on_from_another_than_its_own() {
    let entries = history();
    for known in [0, 3, 6, 9] {
        let manifest = manifest(&entries[..known], vec![]);
        for first in 0..entries.len() as u64 {
            for end in first + 1..=entries.len() as u64 {
                for may_hold_program in [false, true] {
                    let (found, losses) = mended(&manifest, &entries, first..end, may_hold_program);
                    let past = &found.past;
                    let what = format!("{known} {first}..{end} {:?}", losses.lines);
                    // The changes that are left are the first ones, without a hole.
                    let left = past.changes.keys().copied();
                    assert!(
                        left.eq(at(1).to(at(past.changes.len() as i64), millis(1000))),
                        "{what}"
                    );
                    assert!(
                        past.changes
                            .values()
                            .all(|of| !(first..end).contains(&of.at))
                    );
                    let is_behind = past.changes.len() < (past.ended.as_millis() / 1000) as usize;
                    assert!(!is_behind || what.contains("totals"), "{what}");
                    let parts = past.blocks[0].values().flat_map(|block| &block.parts);
                    assert!(parts.into_iter().all(|part| !(first..end).contains(part)));
                    // Batches have the blocks that they had, or none.
                    for (time, cut) in &past.cuts {
                        let block = time.as_millis() as u64 / 1000 - 1;
                        let range = cut.inputs.first().map(|cut| cut.range.clone());
                        let (from, to) = (block, block + 1);
                        let is_right = range == Some(InputRange::Blocks { from, to });
                        assert!(is_right || !losses.lines.is_empty(), "{what}");
                    }
                    assert_eq!(losses.message().is_some(), !losses.lines.is_empty());
                    assert!(end <= known as u64 || losses.message().is_some(), "{what}");
                }
            }
        }
    }
}

#[test]
fn an_end_that_is_lost_leaves_its_batch_done_and_its_state_behind() {
    let entries = history();
    // The second of three ends.
    let (found, losses) = mended(&manifest(&[], vec![]), &entries, 5..6, false);
    assert_eq!(found.past.ended, at(3));
    assert_eq!(
        found.past.changes.keys().copied().collect::<Vec<_>>(),
        [at(1)]
    );
    let told = losses.message().unwrap();
    for part in [
        "batches from 2000 ms on",
        "as batch 1000 ms left it",
        "totals",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("lacks records"), "{told}");
    // Of the last one nobody can know: the batch runs again.
    let (found, _) = mended(&manifest(&[], vec![]), &entries, 8..9, false);
    assert_eq!(
        (found.past.ended, found.past.first_open()),
        (at(2), Some(at(3)))
    );
    // The same where the manifest knows all of them.
    let (found, losses) = mended(&manifest(&entries[..9], vec![]), &entries, 5..6, false);
    assert_eq!(found.past.ended, at(3));
    assert_eq!(
        found.past.changes.keys().copied().collect::<Vec<_>>(),
        [at(1)]
    );
    assert!(losses.message().is_some() && losses.is_needed(Sequence(5)..Sequence(6)));
}

#[test]
fn a_snapshot_after_what_is_lost_is_where_a_state_begins() {
    let entries = history();
    let known = manifest(&entries[..9], vec![snapshot(1), snapshot(2)]);
    let (found, losses) = mended(&known, &entries, 5..6, false);
    assert_eq!(found.snapshots, [snapshot(2)]);
    assert_eq!(
        found.past.changes.keys().copied().collect::<Vec<_>>(),
        [at(3)]
    );
    assert_eq!(found.past.states_since, [Some(at(2))]);
    let told = losses.message().unwrap();
    assert!(told.contains("looks back further"), "{told}");
}

#[test]
fn a_state_that_nothing_brings_back_begins_anew() {
    let entries = history();
    let mut known = manifest(&entries[..9], vec![]);
    known.past.changes.remove(&at(1));
    known.past.states_since = vec![Some(at(1))];
    let (found, losses) = mended(&known, &entries, 5..6, false);
    assert!(found.snapshots.is_empty() && found.past.changes.is_empty());
    assert_eq!(found.past.states_begun, [at(3)]);
    let told = losses.message().unwrap();
    assert!(
        told.contains("the state totals: it begins anew after batch 3000 ms"),
        "{told}"
    );
}

#[test]
fn the_cut_of_a_batch_is_what_lies_between_its_neighbours() {
    let entries = history();
    let (found, losses) = mended(&manifest(&[], vec![]), &entries, 4..5, false);
    let range = &found.past.cuts[&at(2)].inputs[0].range;
    assert_eq!(*range, InputRange::Blocks { from: 1, to: 2 });
    assert_eq!(found.past.changes.len(), 3);
    let told = losses.message().unwrap();
    assert!(told.contains("what belonged to batch 2000 ms"), "{told}");
}

#[test]
fn a_block_that_is_lost_is_told_with_its_batch() {
    let entries = history();
    for (lost, told) in [
        (
            3,
            "1 block of batch 2000 ms from clicks, of the numbers 1 to 1",
        ),
        (
            9,
            "1 block of batch 4000 ms from clicks, of the numbers 3 to 3",
        ),
    ] {
        for known in [0, 10] {
            let known = manifest(&entries[..known], vec![]);
            let (found, losses) = mended(&known, &entries, lost..lost + 1, false);
            assert_eq!((found.past.ended, found.past.changes.len()), (at(3), 3));
            let message = losses.message().unwrap();
            assert!(message.contains(told), "{message}");
        }
    }
    // One that no batch has had.
    let known = manifest(&entries, vec![]);
    let (_, losses) = mended(&known, &entries, 11..12, false);
    let message = losses.message().unwrap();
    assert!(
        message.contains("1 block that no batch has had from clicks"),
        "{message}"
    );
}

#[test]
fn behind_the_beginning_of_a_segment_only_times_are_understood() {
    let entries = history();
    let (found, losses) = mended(&manifest(&[], vec![]), &entries, 3..4, true);
    let past = &found.past;
    // The batches are done, and the state goes on as the first one left it.
    assert_eq!((past.ended, past.first_open()), (at(3), Some(at(4))));
    assert_eq!(past.changes.keys().copied().collect::<Vec<_>>(), [at(1)]);
    assert_eq!(
        past.blocks[0].keys().copied().collect::<BTreeSet<_>>(),
        [0].into()
    );
    assert!(past.cuts[&at(4)].inputs.is_empty());
    let message = losses.message().unwrap();
    assert!(
        message.contains("3 entries behind it with 30 records"),
        "{message}"
    );
    assert!(message.contains("lacks records of batch"), "{message}");
}
