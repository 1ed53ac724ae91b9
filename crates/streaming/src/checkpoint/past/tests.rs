//! What a past keeps of entries, and forgets.

use super::super::entry::Change;
use super::super::manifest::{Manifest, unseal};
use super::*;

fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

fn program(inputs: usize, states: usize) -> Program {
    let parts = ["part 0", "part 1"];
    Program::of_parts(&parts[..states], &parts[..inputs])
}

fn block(input: usize, block: u64) -> Entry {
    Entry::Block {
        input,
        block,
        records: 10,
        position: Some(vec![u8::try_from(block).unwrap()]),
        bytes: vec![7],
    }
}

fn received(next_block: u64, position: u8) -> Received {
    Received {
        next_block,
        position: Some(vec![position]),
    }
}

fn cut(second: i64, input: usize, (from, to): (u64, u64)) -> Entry {
    let range = InputRange::Blocks { from, to };
    Entry::Cut {
        time: at(second),
        inputs: vec![CutInput {
            input,
            range,
            records: 10,
        }],
    }
}

fn ended(second: i64, states: &[usize]) -> Entry {
    let change = |state: &usize| Change {
        state: *state,
        partition: 0,
        time: at(second),
        bytes: vec![],
    };
    Entry::Ended {
        time: at(second),
        changes: states.iter().map(change).collect(),
        failure: None,
    }
}

fn past(entries: Vec<Entry>) -> Past {
    let mut past = Past::new(program(1, 2), Time::ZERO);
    for (number, entry) in (0..).zip(entries) {
        past.apply(Sequence(number), entry).unwrap();
    }
    past
}

#[test]
fn blocks_wait_cuts_take_them_and_ends_finish_them() {
    let entries = vec![
        block(0, 0),
        block(0, 0),
        cut(1, 0, (0, 1)),
        block(0, 1),
        ended(1, &[0]),
        cut(2, 0, (1, 2)),
        block(0, 2),
    ];
    let past = past(entries);
    assert_eq!(past.ended, at(1));
    let whole = Block {
        records: 20,
        bytes: 2,
        parts: vec![0, 1],
    };
    assert_eq!(past.blocks[0][&0], whole);
    assert_eq!(past.first_unallocated(0), 2);
    assert_eq!(past.open_batches(), 1);
    assert_eq!(
        past.cuts.keys().copied().collect::<Vec<_>>(),
        [at(1), at(2)]
    );
    assert_eq!(past.changes[&at(1)].at, 4);
}

#[test]
fn what_nothing_remembers_is_dropped() {
    let mut past = past(vec![
        block(0, 0),
        cut(1, 0, (0, 1)),
        ended(1, &[0]),
        block(0, 1),
        cut(2, 0, (1, 2)),
        ended(2, &[0]),
        block(0, 2),
    ]);
    assert_eq!(past.oldest(), Some(Sequence(0)));
    past.prune(Duration::from_secs(1), None);
    assert_eq!(past.cuts.len(), 1);
    assert_eq!(past.oldest(), Some(Sequence(2)));
    past.prune(Duration::ZERO, Some(at(2)));
    assert!(past.cuts.is_empty() && past.changes.is_empty());
    // The block that no batch has stays, and so does the position.
    assert_eq!(past.blocks[0].keys().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(past.received, [received(3, 2)]);
    assert_eq!(past.first_unallocated(0), 2);
    past.apply(Sequence(9), cut(3, 0, (2, 3))).unwrap();
    past.apply(Sequence(10), ended(3, &[])).unwrap();
    past.prune(Duration::ZERO, None);
    // No number comes again, though nothing is left that has one.
    assert_eq!((past.blocks[0].len(), past.first_unallocated(0)), (0, 3));
}

#[test]
fn another_program_takes_over_what_it_goes_on_from() {
    let mut past = past(vec![block(0, 0), cut(1, 0, (0, 1)), ended(1, &[0, 1])]);
    past.go_on_as(program(2, 1), &[Some(1)], &[None, Some(0)]);
    assert_eq!(past.changes[&at(1)].states, [None, Some(0)]);
    assert_eq!(past.blocks[1].len(), 1);
    assert_eq!(past.received, [Received::default(), received(1, 0)]);
    assert_eq!(past.cuts[&at(1)].inputs[0].input, 1);
}

#[test]
fn positions_stay_when_a_block_has_none_or_there_is_no_block() {
    let alone = |position: Option<Vec<u8>>, records| Entry::Block {
        input: 0,
        block: 4,
        records,
        position,
        bytes: vec![],
    };
    let mut past = past(vec![block(0, 0), alone(None, 10)]);
    assert_eq!(past.received, [received(5, 0)]);
    past.apply(Sequence(2), alone(Some(vec![9]), 0)).unwrap();
    assert_eq!(past.received, [received(5, 9)]);
    assert_eq!(past.blocks[0][&4].parts, [1]);
}

#[test]
fn the_last_end_can_be_forgotten_once() {
    let mut past = past(vec![ended(1, &[0]), ended(2, &[0])]);
    past.forget_last_end();
    assert_eq!((past.ended, past.changes.len()), (at(1), 1));
    past.forget_last_end();
    assert_eq!(past.ended, at(1));
}

#[test]
fn what_was_computed_again_takes_the_place_of_earlier_entries_once_its_end_is_there() {
    let again = |second, after, state| {
        let Entry::Ended {
            time,
            changes,
            failure,
        } = ended(second, &[0, 1])
        else {
            unreachable!("an end");
        };
        Entry::EndedWith {
            time,
            changes,
            failure,
            is_unplanned: false,
            again: vec![Again {
                state,
                after: at(after),
            }],
        }
    };
    let is_replaced = |past: &Past, state| {
        let changes = past.changes.iter();
        let replaced = changes.map(|(time, of)| past.is_replaced(state, *time, of.at));
        replaced.collect::<Vec<_>>()
    };
    let ends = (1..=3).map(|second| ended(second, &[0, 1]));
    let mut some = past(ends.chain([again(4, 1, 0)]).collect());
    assert_eq!(is_replaced(&some, 0), [false, true, true, false]);
    assert_eq!(is_replaced(&some, 1), [false; 4]);
    some.apply(Sequence(4), ended(5, &[0, 1])).unwrap();
    some.apply(Sequence(5), again(6, 4, 1)).unwrap();
    assert_eq!(
        is_replaced(&some, 0),
        [false, true, true, false, false, false]
    );
    assert_eq!(
        is_replaced(&some, 1),
        [false, false, false, false, true, false]
    );
    // Manifests have it.
    let manifest = Manifest {
        past: some.clone(),
        next: 6,
        snapshots: Vec::new(),
    };
    let sealed = manifest.to_bytes().unwrap();
    let read = Manifest::from_unsealed(unseal(&sealed).unwrap()).unwrap();
    assert_eq!(read, manifest);
    // Without that end the older ones hold.
    some.forget_last_end();
    assert_eq!(is_replaced(&some, 1), [false; 5]);
    some.go_on_as(program(1, 1), &[Some(1)], &[Some(0)]);
    assert_eq!(is_replaced(&some, 0), [false; 5]);
    let mut moved = past(vec![ended(1, &[0]), ended(2, &[0]), again(3, 1, 0)]);
    moved.go_on_as(program(1, 2), &[None, Some(0)], &[Some(0)]);
    assert_eq!(is_replaced(&moved, 1), [false, true, false]);
    moved.forget_changes(1, |time| time > at(2));
    assert_eq!(is_replaced(&moved, 1), [false; 2]);
}

#[test]
fn of_a_batch_that_was_run_again_the_later_run_counts() {
    let mut past = past(vec![ended(1, &[0]), ended(2, &[0, 1]), ended(2, &[0])]);
    assert_eq!((past.ended, past.ended_before), (at(2), Some(at(1))));
    assert_eq!(past.changes[&at(2)].at, 2);
    past.apply(Sequence(3), ended(2, &[])).unwrap();
    assert_eq!(past.changes.keys().copied().collect::<Vec<_>>(), [at(1)]);
    assert!(past.apply(Sequence(4), ended(1, &[])).is_err());
}
