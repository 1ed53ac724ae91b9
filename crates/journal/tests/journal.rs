//! A journal on disk and in an object store: what is appended is found again.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use headwater_journal::{Journal, JournalError, Options, Recovered, Sequence};
use headwater_store::{Durability, Location, Outage, Request};

fn open(place: &Location) -> (Journal, Recovered) {
    Journal::open(place, small_segments()).unwrap()
}

fn small_segments() -> Options {
    Options::default().segment_bytes(600)
}

/// Appends numbered records, a commit after every third.
fn append(journal: &Journal, count: u64) {
    for _ in 0..count {
        let number = journal.next();
        assert_eq!(journal.append(&record(number.0)).unwrap(), number);
        if number.0 % 3 == 2 {
            journal.commit().unwrap();
        }
    }
    journal.commit().unwrap();
}

fn record(number: u64) -> Vec<u8> {
    format!("record {number} {}", "x".repeat(number as usize % 50)).into_bytes()
}

fn numbers(recovered: &Recovered, from: u64) -> Vec<u64> {
    let check = |found: Result<(Sequence, Vec<u8>), JournalError>| {
        let (number, bytes) = found.unwrap();
        assert_eq!(bytes, record(number.0));
        number.0
    };
    recovered.records_from(Sequence(from)).map(check).collect()
}

fn segment(place: &Location, first: u64) -> Location {
    place.join(&format!("segment-{first:020}"))
}

/// The first record numbers of the segments.
fn segments(place: &Location) -> Vec<u64> {
    let names = place.list().unwrap().into_iter();
    let names = names.map(|entry| entry.location.name().into_owned());
    let number = |name: String| name.strip_prefix("segment-")?.parse().ok();
    names.filter_map(number).collect()
}

#[test]
fn records_are_found_again_from_any_number() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path().join("deep/journal")).unwrap();
    for round in 0..3 {
        let (journal, recovered) = open(&place);
        assert_eq!(recovered.torn(), None);
        assert_eq!(recovered.damaged(), []);
        assert_eq!(journal.next(), Sequence(round * 100));
        for from in [0, 1, 50, 99, 100, 250] {
            let expected: Vec<u64> = (from..round * 100).collect();
            assert_eq!(numbers(&recovered, from), expected);
        }
        append(&journal, 100);
        for number in 0..journal.next().0 {
            assert_eq!(journal.read(Sequence(number)).unwrap(), record(number));
        }
    }
    assert!(segments(&place).len() > 10);
}

#[test]
fn what_is_not_committed_is_read_and_then_gone() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (journal, _) = open(&place);
    append(&journal, 2);
    journal.append(b"waits").unwrap();
    assert_eq!(journal.read(Sequence(2)).unwrap(), b"waits");
    let error = journal.read(Sequence(3)).unwrap_err();
    assert!(matches!(error, JournalError::NotAppended { .. }), "{error}");
    assert_eq!(journal.sync_to(Sequence(3)).unwrap_err(), error);
    drop(journal);
    let (journal, recovered) = open(&place);
    assert_eq!(numbers(&recovered, 0), [0, 1]);
    assert_eq!(journal.next(), Sequence(2));
}

#[test]
fn a_local_journal_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (journal, _) = open(&place);
    let error = Journal::open(&place, Options::default()).unwrap_err();
    let JournalError::InUse { directory } = error else {
        panic!("{error}");
    };
    assert_eq!(directory, place.to_string());
    drop(journal);
    open(&place);
}

#[test]
fn long_records_are_refused_and_the_buffer_has_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let options = Options::default()
        .record_bytes_max(1000)
        .buffer_bytes_max(300);
    let (journal, _) = Journal::open(&place, options).unwrap();
    let error = journal.append_parts(&[&[0; 500], &[0; 501]]).unwrap_err();
    let (bytes, bytes_max) = (1001, 1000);
    assert_eq!(error, JournalError::RecordTooLong { bytes, bytes_max });
    journal.append(&[1; 1000]).unwrap();
    assert_eq!(journal.size().bytes, 0);
    journal.append(&[2; 100]).unwrap();
    assert!(journal.size().bytes > 1000);
    journal.append(&[3; 100]).unwrap();
    let before = journal.size().bytes;
    journal.append(&[4; 100]).unwrap();
    assert!(journal.size().bytes > before);
}

#[test]
fn threads_share_commits_and_every_acknowledged_record_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let options = small_segments().buffer_bytes_max(200);
    let (journal, _) = Journal::open(&place, options).unwrap();
    let acknowledged = std::thread::scope(|scope| {
        let work = |worker: u8| {
            let append = |at: u8| {
                let number = journal.append(&[worker, at]).unwrap();
                journal.sync_to(number).unwrap();
                assert_eq!(journal.read(number).unwrap(), [worker, at]);
                (number, vec![worker, at])
            };
            (0..40).map(append).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..8)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        let joined = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    drop(journal);
    let (_journal, recovered) = open(&place);
    let found: Vec<_> = recovered
        .records_from(Sequence(0))
        .map(Result::unwrap)
        .collect();
    let mut acknowledged = acknowledged;
    acknowledged.sort();
    assert_eq!(found, acknowledged);
}

#[test]
fn forgetting_removes_whole_segments_and_keeps_the_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (journal, _) = open(&place);
    append(&journal, 100);
    let before = journal.size();
    journal.forget_before(Sequence(50)).unwrap();
    let first = journal.first();
    assert!(Sequence(30) < first && first <= Sequence(50), "{first}");
    let after = journal.size();
    assert!(after.bytes < before.bytes && after.segments < before.segments);
    assert_eq!(after.segments, segments(&place).len());
    let error = journal.read(Sequence(10)).unwrap_err();
    let sequence = Sequence(10);
    assert_eq!(error, JournalError::Forgotten { sequence, first });
    drop(journal);

    let (journal, recovered) = open(&place);
    assert_eq!(recovered.damaged(), []);
    assert_eq!(numbers(&recovered, 0), (first.0..100).collect::<Vec<_>>());
    journal.forget_before(Sequence(1000)).unwrap();
    journal.forget_before(Sequence(1000)).unwrap();
    assert_eq!(
        (journal.first(), journal.next()),
        (Sequence(100), Sequence(100))
    );
    assert_eq!(segments(&place), [100]);
    drop(journal);

    for _ in 0..2 {
        let (journal, recovered) = open(&place);
        assert_eq!((recovered.torn(), recovered.damaged()), (None, &[][..]));
        assert_eq!(journal.next(), Sequence(100));
    }
    let (journal, _) = open(&place);
    append(&journal, 10);
    drop(journal);
    assert_eq!(numbers(&open(&place).1, 0), (100..110).collect::<Vec<_>>());
}

#[test]
fn an_interrupted_removal_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    append(&open(&place).0, 60);
    let found = segments(&place);
    segment(&place, found[0]).delete().unwrap();
    segment(&place, found[1]).delete().unwrap();
    let (journal, recovered) = open(&place);
    assert_eq!(recovered.damaged(), []);
    assert_eq!(journal.first(), Sequence(found[2]));
    assert_eq!(numbers(&recovered, 0), (found[2]..60).collect::<Vec<_>>());
}

#[test]
fn a_torn_end_is_cut_off_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    append(&open(&place).0, 60);
    let last = segment(&place, *segments(&place).last().unwrap());
    let mut bytes = last.get().unwrap();
    let whole = bytes.len() as u64;
    bytes.extend([7; 33]);
    last.put(&bytes, Durability::Cached).unwrap();
    let (journal, recovered) = open(&place);
    let torn = recovered.torn().unwrap();
    assert_eq!((torn.offset, torn.bytes), (whole, 33));
    assert_eq!(torn.segment, last.to_string());
    assert_eq!(recovered.damaged(), []);
    append(&journal, 5);
    drop(journal);
    let (_journal, recovered) = open(&place);
    assert_eq!((recovered.torn(), recovered.damaged()), (None, &[][..]));
    assert_eq!(numbers(&recovered, 0), (0..65).collect::<Vec<_>>());
}

#[test]
fn a_damaged_middle_is_set_aside_and_read_around() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    append(&open(&place).0, 60);
    let found = segments(&place);
    let (hit, next) = (found[1], found[2]);
    let place_of_hit = segment(&place, hit);
    let mut bytes = place_of_hit.get().unwrap();
    bytes[28 + 36 + 5] ^= 1;
    place_of_hit.put(&bytes, Durability::Cached).unwrap();
    for round in 0..2 {
        let (journal, recovered) = open(&place);
        assert_eq!(recovered.damaged().len(), 1);
        let damage = &recovered.damaged()[0];
        assert_eq!(damage.lost, Sequence(hit)..Sequence(hit + 3));
        assert_eq!(damage.bytes.start, 28);
        let left: Vec<u64> = (0..60 + round)
            .filter(|n| !(hit..hit + 3).contains(n))
            .collect();
        assert_eq!(numbers(&recovered, 0), left);
        let error = journal.read(Sequence(hit)).unwrap_err();
        assert_eq!(
            error,
            JournalError::Lost {
                sequence: Sequence(hit)
            }
        );
        assert_eq!(journal.read(Sequence(hit + 3)).unwrap(), record(hit + 3));
        append(&journal, 1);
    }
    let aside = place_of_hit.with_name(&format!("segment-{hit:020}.damaged"));
    assert_eq!(aside.get().unwrap(), bytes);
    let (journal, _) = open(&place);
    journal.forget_before(Sequence(next)).unwrap();
    assert!(!aside.exists().unwrap());
    assert_eq!(
        place.join(&format!("damaged-{hit:020}")).get().unwrap(),
        bytes
    );
    drop(journal);
    let (journal, recovered) = open(&place);
    assert_eq!(recovered.damaged(), []);
    assert_eq!(journal.first(), Sequence(next));
}

#[test]
fn damage_before_the_end_of_the_last_segment_is_no_torn_end() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let (journal, _) = Journal::open(&place, Options::default()).unwrap();
    append(&journal, 9);
    drop(journal);
    let only = segment(&place, 0);
    let mut bytes = only.get().unwrap();
    bytes[28 + 36 + 5] ^= 1;
    let whole = bytes.len() as u64;
    bytes.extend([7; 20]);
    only.put(&bytes, Durability::Cached).unwrap();
    for _ in 0..2 {
        let (journal, recovered) = open(&place);
        assert_eq!(recovered.torn(), None);
        let lost: Vec<_> = recovered.damaged().iter().map(|d| d.lost.clone()).collect();
        let nothing = Sequence(9)..Sequence(9);
        assert_eq!(lost, [Sequence(0)..Sequence(3), nothing]);
        assert_eq!(recovered.damaged()[1].bytes, whole..whole + 20);
        assert_eq!(numbers(&recovered, 0), (3..9).collect::<Vec<_>>());
        assert_eq!(journal.next(), Sequence(9));
    }
    append(&open(&place).0, 3);
    assert_eq!(numbers(&open(&place).1, 0), (3..12).collect::<Vec<_>>());
}

#[test]
fn a_missing_segment_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    append(&open(&place).0, 60);
    let found = segments(&place);
    let missing = segment(&place, found[2]);
    missing.delete().unwrap();
    let (_journal, recovered) = open(&place);
    let damage = &recovered.damaged()[0];
    assert_eq!(damage.segment, missing.to_string());
    assert_eq!(damage.bytes, 0..0);
    assert_eq!(damage.lost, Sequence(found[2])..Sequence(found[3]));
}

#[test]
fn a_segment_that_changes_while_the_journal_is_open_gives_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    append(&open(&place).0, 20);
    let (journal, recovered) = open(&place);
    let first = segment(&place, 0);
    let mut bytes = first.get().unwrap();
    bytes[70] ^= 1;
    first.put(&bytes, Durability::Cached).unwrap();
    let error = journal.read(Sequence(0)).unwrap_err();
    assert!(
        matches!(error, JournalError::Damaged { offset: 28, .. }),
        "{error}"
    );
    let mut records = recovered.records_from(Sequence(0));
    assert_eq!(records.next().unwrap().unwrap_err(), error);
    assert!(records.next().is_none());
}

#[test]
fn in_an_object_store_the_later_opening_wins() {
    let place = Location::at("memory://journal-takeover/j").unwrap();
    let (old, _) = open(&place);
    let first = old.append(b"acknowledged").unwrap();
    old.sync_to(first).unwrap();
    let unheard = old.append(b"never acknowledged").unwrap();

    let (new, recovered) = open(&place);
    let found: Vec<_> = recovered
        .records_from(Sequence(0))
        .map(Result::unwrap)
        .collect();
    assert_eq!(found, [(first, b"acknowledged".to_vec())]);
    let error = old.sync_to(unheard).unwrap_err();
    let JournalError::Poisoned { cause, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(**cause, JournalError::TakenOver { .. }));
    assert_eq!(&old.append(b"x").unwrap_err(), &error);

    let number = new.append(b"goes on").unwrap();
    new.sync_to(number).unwrap();
    assert_eq!(new.read(number).unwrap(), b"goes on");
    drop(new);
    let (_newest, recovered) = open(&place);
    assert_eq!(recovered.damaged(), []);
    let found: Vec<_> = recovered.records_from(first).map(Result::unwrap).collect();
    assert_eq!(found[1..], [(number, b"goes on".to_vec())]);
}

/// A writer that slept while the others went on, and forgot what it would collide with.
#[test]
fn a_sleeper_is_refused_also_where_its_number_is_free_again() {
    let place = Location::at("memory://journal-sleeper/j").unwrap();
    let (old, _) = open(&place);
    old.append(b"late").unwrap();
    let (new, _) = open(&place);
    append_raw(&new, 5);
    new.forget_before(new.next()).unwrap();
    let error = old.commit().unwrap_err();
    assert!(matches!(error, JournalError::Poisoned { .. }), "{error}");
    append_raw(&new, 1);
}

#[test]
fn whose_the_journal_is_can_be_asked_again_after_an_outage() {
    let place = Location::at("memory://journal-outage/j").unwrap();
    let (journal, _) = open(&place);
    let outage = Outage::begin("journal-outage", |request, _| request == Request::Get);
    let error = journal.confirm().unwrap_err();
    assert!(matches!(error, JournalError::Store(_)), "{error}");
    drop(outage);
    journal.confirm().unwrap();
    append_raw(&journal, 1);

    // An outage does not hide that it was taken over.
    let (_new, _) = open(&place);
    let outage = Outage::begin("journal-outage", |_, _| true);
    assert!(matches!(journal.confirm(), Err(JournalError::Store(_))));
    drop(outage);
    let taken_over = journal.confirm().unwrap_err();
    assert!(matches!(taken_over, JournalError::Poisoned { .. }));
    assert_eq!(journal.append(b"x").unwrap_err(), taken_over);
}

/// What a write that fails has done is not known, wherever it fails.
#[test]
fn a_write_during_an_outage_ends_the_journal() {
    for failing in [Request::Put, Request::Get] {
        let place = Location::at("memory://journal-write-outage/j").unwrap();
        let (journal, _) = open(&place);
        let outage = Outage::begin("journal-write-outage", move |request, _| request == failing);
        let number = journal.append(b"one").unwrap();
        let error = journal.sync_to(number).unwrap_err();
        drop(outage);
        assert_eq!(journal.commit().unwrap_err(), error);
        assert_eq!(journal.confirm().unwrap_err(), error);
    }
}

fn append_raw(journal: &Journal, count: u8) {
    for record in 0..count {
        journal.append(&[record]).unwrap();
        journal.commit().unwrap();
    }
}

#[test]
fn objects_are_forgotten_and_damaged_ones_set_aside() {
    let place = Location::at("memory://journal-objects/j").unwrap();
    let (journal, _) = open(&place);
    assert_eq!(journal.next(), Sequence(1));
    append_raw(&journal, 6);
    journal.forget_before(Sequence(3)).unwrap();
    assert_eq!(journal.first(), Sequence(3));
    assert_eq!(segments(&place), [3, 4, 5, 6]);
    let hit = segment(&place, 5);
    let mut bytes = hit.get().unwrap();
    bytes[30] ^= 1;
    hit.put(&bytes, Durability::Cached).unwrap();
    let (journal, recovered) = open(&place);
    assert_eq!(recovered.damaged().len(), 1);
    assert_eq!(recovered.damaged()[0].lost, Sequence(5)..Sequence(6));
    let found = recovered
        .records_from(Sequence(0))
        .map(|found| found.unwrap().0.0);
    assert_eq!(found.collect::<Vec<_>>(), [3, 4, 6]);
    assert_eq!(journal.next(), Sequence(8));
    append_raw(&journal, 1);
    journal.forget_before(journal.next()).unwrap();
    assert_eq!(segments(&place), [8]);
}
