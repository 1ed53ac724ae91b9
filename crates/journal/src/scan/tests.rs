//! Segments that are cut, changed and made up, as bytes in memory.

#![cfg(test)]

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Examined, Scan, examine, scan};
use crate::buffer::Buffer;
use crate::format::{SegmentHeader, VERSION};
use crate::sequence::Sequence;

const SALT: u32 = 0x1234_5678;

/// A segment with its groups' places and what is in it.
struct Made {
    bytes: Vec<u8>,
    first: Sequence,
    groups: Vec<Range<usize>>,
    /// For each group the number of its first record, and the records.
    records: Vec<(Sequence, Vec<Vec<u8>>)>,
}

fn segment(first: Sequence, salt: u32, groups: &[Vec<Vec<u8>>]) -> Made {
    let header = SegmentHeader {
        version: VERSION,
        salt,
        first,
    };
    let mut made = Made {
        bytes: header.encode().to_vec(),
        first,
        groups: Vec::new(),
        records: Vec::new(),
    };
    let mut next = first;
    for group in groups {
        let mut buffer = Buffer::begin(next, Vec::new());
        for record in group {
            buffer.push(&[record], record.len() as u32);
        }
        let header = buffer.header(salt);
        let begin = made.bytes.len();
        made.bytes.extend(header.encode());
        made.bytes.extend(&buffer.body);
        made.groups.push(begin..made.bytes.len());
        made.records.push((next, group.clone()));
        next = header.end();
    }
    made
}

impl Made {
    /// The records of some groups, with their numbers.
    fn records_in(&self, wanted: impl Fn(usize) -> bool) -> Vec<(Sequence, Vec<u8>)> {
        let groups = self.records.iter().enumerate();
        let groups = groups.filter(|(index, _)| wanted(*index));
        groups
            .flat_map(|(_, (first, records))| (first.0..).map(Sequence).zip(records.clone()))
            .collect()
    }
}

fn read(examined: &Examined, bytes: &[u8]) -> Vec<(Sequence, Vec<u8>)> {
    let record =
        |(number, range): &(Sequence, Range<usize>)| (*number, bytes[range.clone()].to_vec());
    examined.records.iter().map(record).collect()
}

/// Records of bytes among which those of marks are frequent.
fn some_groups() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let byte = prop_oneof![any::<u8>(), Just(0xF8), Just(b'H'), Just(b'W'), Just(0x8F)];
    vec(vec(vec(byte, 0..40), 1..5), 1..6)
}

/// Everything in the segment is told: groups, gaps and the rest follow each other.
fn assert_complete(scan: &Scan, bytes: &[u8]) {
    let groups = scan.groups.iter().map(|g| g.offset..g.offset + g.bytes);
    let mut parts: Vec<Range<u64>> = groups.collect();
    parts.extend(scan.gaps.iter().map(|gap| gap.bytes.clone()));
    parts.push(scan.rest.clone());
    parts.sort_by_key(|part| (part.start, part.end));
    for pair in parts.windows(2) {
        assert_eq!(pair[0].end, pair[1].start, "{scan:?}");
    }
    assert_eq!(parts.last().map(|part| part.end), Some(bytes.len() as u64));
}

proptest! {
    #[test]
    fn what_was_written_is_read(groups in some_groups(), first in 0..u64::MAX / 2) {
        let made = segment(Sequence(first), SALT, &groups);
        let examined = examine(&made.bytes, made.first);
        prop_assert_eq!(read(&examined, &made.bytes), made.records_in(|_| true));
        prop_assert_eq!(examined.damaged, []);
        prop_assert_eq!(examined.version, Some(VERSION));
    }

    #[test]
    fn a_cut_keeps_every_group_before_it(groups in some_groups(), cut in any::<prop::sample::Index>()) {
        let mut made = segment(Sequence(5), SALT, &groups);
        made.bytes.truncate(cut.index(made.bytes.len() + 1));
        let left = made.bytes.len();
        let examined = examine(&made.bytes, made.first);
        let whole = made.records_in(|group| made.groups[group].end <= left);
        prop_assert_eq!(read(&examined, &made.bytes), whole);
        let ends = made.groups.iter().map(|group| group.end).chain([0, made.groups[0].start]);
        let is_clean = ends.into_iter().any(|end| end == left);
        prop_assert_eq!(examined.damaged.is_empty(), is_clean);
        let scan = scan(&made.bytes, made.first, made.first);
        prop_assert!(scan.gaps.is_empty());
        assert_complete(&scan, &made.bytes);
    }

    #[test]
    fn a_changed_byte_loses_its_group_at_most(
        groups in some_groups(),
        place in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let mut made = segment(Sequence(5), SALT, &groups);
        let place = place.index(made.bytes.len());
        made.bytes[place] ^= change;
        let examined = examine(&made.bytes, made.first);
        let others = made.records_in(|group| !made.groups[group].contains(&place));
        prop_assert_eq!(read(&examined, &made.bytes), others);
        prop_assert!(examined.damaged.iter().any(|damaged| damaged.contains(&place)));
        let scan = scan(&made.bytes, made.first, made.first);
        assert_complete(&scan, &made.bytes);
        let hit = made.groups.iter().position(|group| group.contains(&place));
        if let Some(hit) = hit.filter(|hit| hit + 1 < made.groups.len()) {
            let next = made.records[hit + 1].0;
            prop_assert_eq!(scan.gaps[0].lost.clone(), made.records[hit].0..next);
        }
    }

    /// Which of two groups is hit when a cut lies between them can depend on bytes that are
    /// alike, so the first group behind a cut may be lost too.
    #[test]
    fn bytes_cut_out_lose_no_other_groups(
        groups in some_groups(),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let mut made = segment(Sequence(5), SALT, &groups);
        let (one, other) = (one.index(made.bytes.len()), other.index(made.bytes.len()));
        let cut = one.min(other)..one.max(other);
        made.bytes.drain(cut.clone());
        let found = read(&examine(&made.bytes, made.first), &made.bytes);
        let all = made.records_in(|_| true);
        prop_assert!(found.iter().all(|record| all.contains(record)));
        let behind = made.groups.partition_point(|group| group.start < cut.end);
        let untouched = |group: usize| made.groups[group].end <= cut.start || group > behind;
        for record in made.records_in(untouched) {
            prop_assert!(found.contains(&record));
        }
    }

    #[test]
    fn garbage_holds_nothing(bytes in vec(any::<u8>(), 0..4000)) {
        let examined = examine(&bytes, Sequence(0));
        prop_assert_eq!(examined.records, []);
        assert_complete(&scan(&bytes, Sequence(0), Sequence(0)), &bytes);
    }
}

#[test]
fn a_journal_inside_a_record_is_not_taken_for_the_journal() {
    let inner = segment(Sequence(5), SALT ^ 1, &[vec![b"inner".to_vec()]]);
    let groups = [vec![inner.bytes.clone()], vec![b"outer".to_vec()]];
    let mut made = segment(Sequence(5), SALT, &groups);
    let header = made.groups[0].start;
    made.bytes[header + 10] ^= 1;
    let examined = examine(&made.bytes, made.first);
    assert_eq!(
        read(&examined, &made.bytes),
        [(Sequence(6), b"outer".to_vec())]
    );
}

#[test]
fn groups_of_numbers_that_are_taken_are_damage() {
    let made = segment(Sequence(3), SALT, &[vec![vec![1], vec![2]], vec![vec![3]]]);
    let scan = scan(&made.bytes, Sequence(3), Sequence(4));
    assert_eq!(scan.groups.len(), 1);
    assert_eq!(scan.gaps[0].lost, Sequence(4)..Sequence(5));
    assert_eq!(scan.end, Sequence(6));
}

#[test]
fn a_segment_under_a_wrong_name_is_reported_and_read() {
    let made = segment(Sequence(7), SALT, &[vec![vec![1]]]);
    let scan = scan(&made.bytes, Sequence(2), Sequence(2));
    assert_eq!(scan.groups.len(), 1);
    assert_eq!(scan.gaps[0].lost, Sequence(2)..Sequence(7));
}

/// Thousands of segments that were changed in several places, as a fuzzer does it, from the
/// same seed each time.
#[test]
fn whatever_happens_to_the_bytes_no_record_is_made_up() {
    let mut random = fastrand::Rng::with_seed(0x4a6f_7572);
    for _ in 0..4000 {
        let groups: Vec<Vec<Vec<u8>>> = (0..random.usize(1..5))
            .map(|_| {
                let mut record = || {
                    let bytes = random.usize(0..60);
                    std::iter::repeat_with(|| random.u8(..))
                        .take(bytes)
                        .collect()
                };
                vec![record(), record()]
            })
            .collect();
        let made = segment(Sequence(9), random.u32(..), &groups);
        let mut bytes = made.bytes.clone();
        for _ in 0..random.usize(1..4) {
            mutate(&mut bytes, &mut random);
        }
        let all = made.records_in(|_| true);
        let examined = examine(&bytes, made.first);
        let found = read(&examined, &bytes);
        assert!(found.is_sorted_by_key(|(number, _)| *number));
        assert!(found.iter().all(|record| all.contains(record)));
        assert_complete(&scan(&bytes, made.first, made.first), &bytes);
    }
}

/// Changes bytes in one of the ways in which disks and programs do.
fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let at = random.usize(..=bytes.len());
    let length = random.usize(..=(bytes.len() - at).min(64));
    let range = at..at + length;
    match random.u8(..6) {
        0 => bytes[range].fill(0),
        1 => bytes[range]
            .iter_mut()
            .for_each(|byte| *byte = random.u8(..)),
        2 => drop(bytes.drain(range)),
        3 => bytes.truncate(at),
        4 => {
            let copy = bytes[range].to_vec();
            let to = random.usize(..=bytes.len());
            bytes.splice(to..to, copy);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.u8(..8);
            }
        }
    }
}
