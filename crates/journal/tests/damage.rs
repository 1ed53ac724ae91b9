//! A journal that is cut or changed at any byte opens, tells what is wrong, and goes on.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::ops::Range;

use headwater_journal::{Journal, Options, Recovered, Sequence};
use headwater_store::{Durability, Location};

const SEGMENT: &str = "segment-00000000000000000000";

/// The only segment of a journal of four groups of two records, and where each group is.
fn groups() -> (Vec<u8>, Vec<Range<usize>>) {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (journal, _) = Journal::open(&place, Options::default()).unwrap();
    let mut ends = vec![28];
    for _ in 0..4 {
        journal.append(&journal.next().0.to_le_bytes()).unwrap();
        journal.append(&journal.next().0.to_le_bytes()).unwrap();
        journal.commit().unwrap();
        ends.push(journal.size().bytes as usize);
    }
    let groups = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
    (place.join(SEGMENT).get().unwrap(), groups)
}

fn numbers(recovered: &Recovered) -> Vec<u64> {
    let number = |(number, bytes): (Sequence, Vec<u8>)| {
        assert_eq!(bytes, number.0.to_le_bytes());
        number.0
    };
    let records = recovered.records_from(Sequence(0));
    records.map(|record| number(record.unwrap())).collect()
}

/// Opens a journal of one segment with these bytes twice, and appends in between.
fn open_and_go_on(bytes: &[u8], expected: &[u64], check: impl Fn(&Recovered)) {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    place.join(SEGMENT).put(bytes, Durability::Cached).unwrap();
    let (journal, recovered) = Journal::open(&place, Options::default()).unwrap();
    assert_eq!(numbers(&recovered), expected);
    check(&recovered);
    let number = journal.append(&journal.next().0.to_le_bytes()).unwrap();
    journal.commit().unwrap();
    drop(journal);
    let (_journal, again) = Journal::open(&place, Options::default()).unwrap();
    assert_eq!(again.torn(), None);
    assert_eq!(again.damaged(), recovered.damaged());
    assert_eq!(numbers(&again), [expected, &[number.0]].concat());
}

#[test]
fn cut_at_any_byte() {
    let (bytes, groups) = groups();
    for cut in 0..bytes.len() {
        let whole = groups.iter().filter(|group| group.end <= cut);
        let left: Vec<u64> = (0..2 * whole.count() as u64).collect();
        open_and_go_on(&bytes[..cut], &left, |recovered| {
            assert_eq!(recovered.damaged(), []);
            let ends = groups.iter().map(|group| group.end).chain([0, 28]);
            let is_torn = !ends.into_iter().any(|end| end == cut);
            assert_eq!(recovered.torn().is_some(), is_torn, "{cut}");
        });
    }
}

#[test]
fn changed_at_any_byte() {
    let (bytes, groups) = groups();
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x20;
        let hit = groups.iter().position(|group| group.contains(&place));
        let lost = hit.map_or(0..0, |hit| 2 * hit as u64..2 * hit as u64 + 2);
        let left: Vec<u64> = (0..8).filter(|number| !lost.contains(number)).collect();
        open_and_go_on(&bytes, &left, |recovered| {
            if hit == Some(groups.len() - 1) {
                assert_eq!(recovered.torn().unwrap().offset, groups[3].start as u64);
                return;
            }
            let damage = &recovered.damaged()[0];
            assert!(damage.bytes.contains(&(place as u64)));
            assert_eq!(damage.lost, Sequence(lost.start)..Sequence(lost.end));
        });
    }
}

#[test]
fn looking_finds_the_same_and_changes_nothing() {
    let (bytes, groups) = groups();
    let mut damaged = bytes.clone();
    damaged[groups[1].start + 40] ^= 1;
    let torn = bytes[..groups[3].end - 1].to_vec();
    for bytes in [bytes, damaged, torn] {
        let dir = tempfile::tempdir().unwrap();
        let place = Location::at(dir.path()).unwrap();
        place.join(SEGMENT).put(&bytes, Durability::Cached).unwrap();
        let looked = Journal::inspect(&place).unwrap();
        let files = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 1, "no lock, nothing set aside");
        assert_eq!(place.join(SEGMENT).get().unwrap(), bytes);
        let found = numbers(&looked);
        let (_journal, recovered) = Journal::open(&place, Options::default()).unwrap();
        assert_eq!(found, numbers(&recovered));
        assert_eq!(looked.end(), recovered.end());
        assert_eq!(looked.torn(), recovered.torn());
        let lost = |found: &Recovered| -> Vec<_> {
            let damaged = found.damaged().iter();
            damaged
                .map(|one| (one.bytes.clone(), one.lost.clone()))
                .collect()
        };
        assert_eq!(lost(&looked), lost(&recovered));
    }
}
