//! Long entries in several records of the journal: a record has a bound, and what a batch changes
//! has none.
//!
//! The records of an entry stand one behind the other, without others between them, and the entry
//! has the number of the first. One whose last record is missing was never written: its process
//! died before that.

use headwater_journal::Sequence;

use super::entry::Entry;

/// The first byte of a record that is a part of an entry; whole ones begin with their version.
const PART: u8 = 2;
/// The mark, whether it is the last part, and its number among the parts.
const HEAD_BYTES: usize = 6;
/// No record of an entry is longer, beside its head; so it fits in the journal's buffer.
pub(super) const PART_BYTES_MAX: usize = 32 << 20;

/// The records of an entry, given as it is written, of no more than so many bytes each: what goes
/// before the bytes, and these.
pub(super) fn records_of(entry: &[u8], bytes_max: usize) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
    let parts = entry.len().div_ceil(bytes_max.max(1));
    let slices = (0_u32..).zip(entry.chunks(bytes_max.max(1)));
    slices.map(move |(number, slice)| {
        if parts <= 1 {
            return (Vec::new(), slice);
        }
        let is_last = number as usize + 1 == parts;
        let [a, b, c, d] = number.to_le_bytes();
        (vec![PART, u8::from(is_last), a, b, c, d], slice)
    })
}

/// A part of an entry.
struct Part<'a> {
    number: u32,
    is_last: bool,
    bytes: &'a [u8],
}

impl<'a> Part<'a> {
    fn of(record: &'a [u8]) -> Option<Self> {
        let (head, bytes) = record.split_at_checked(HEAD_BYTES)?;
        let &[PART, is_last, a, b, c, d] = head else {
            return None;
        };
        Some(Part {
            number: u32::from_le_bytes([a, b, c, d]),
            is_last: is_last != 0,
            bytes,
        })
    }
}

/// Makes entries of records that are read in their order.
#[derive(Debug, Default)]
pub(super) struct Joined {
    begun: Option<Begun>,
}

/// An entry of which not all parts were read.
#[derive(Debug)]
struct Begun {
    first: Sequence,
    next_part: u32,
    next: Sequence,
    bytes: Vec<u8>,
}

impl Joined {
    /// Takes the next record. The bytes of the entry that is whole with it, and its number; none
    /// as long as parts are missing, and for parts of an entry whose first ones are not there.
    pub(super) fn take(&mut self, at: Sequence, record: Vec<u8>) -> Option<(Sequence, Vec<u8>)> {
        let begun = self.begun.take();
        let Some(part) = Part::of(&record) else {
            return Some((at, record));
        };
        let mut begun = match begun {
            _ if part.number == 0 => Begun {
                first: at,
                next_part: 0,
                next: at,
                bytes: Vec::new(),
            },
            Some(begun) if begun.next_part == part.number && begun.next == at => begun,
            _ => return None,
        };
        begun.bytes.extend_from_slice(part.bytes);
        if part.is_last {
            return Some((begun.first, begun.bytes));
        }
        begun.next_part = begun.next_part.saturating_add(1);
        begun.next = at.plus(1);
        self.begun = Some(begun);
        None
    }

    /// Whether the entry that the last record belongs to has further ones.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }
}

/// Reads an entry whose first record has a number. `read` gives the record of a number.
pub(super) fn read_entry<E>(
    at: Sequence,
    mut read: impl FnMut(Sequence) -> Result<Vec<u8>, E>,
    failed: impl Fn(&str) -> E,
) -> Result<Entry, E> {
    let mut joined = Joined::default();
    let mut next = at;
    loop {
        if let Some((first, bytes)) = joined.take(next, read(next)?)
            && first == at
        {
            return Entry::from_bytes(&bytes).map_err(|message| failed(&message));
        }
        if !joined.has_begun() {
            return Err(failed(&format!("entry {at} of the journal is not whole")));
        }
        next = next.plus(1);
    }
}

/// Whether all records of an entry are among these, which begin with its first.
pub(super) fn is_whole<E>(
    at: Sequence,
    records: impl Iterator<Item = Result<(Sequence, Vec<u8>), E>>,
) -> bool {
    let mut joined = Joined::default();
    for record in records {
        let Ok((number, bytes)) = record else {
            return false;
        };
        if let Some((first, _)) = joined.take(number, bytes) {
            return first == at;
        }
        if !joined.has_begun() {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entry::Change;
    use super::*;
    use crate::time::Time;

    fn end(bytes: usize) -> Entry {
        let change = Change {
            state: 1,
            partition: 2,
            time: Time::from_millis(1000),
            bytes: vec![7; bytes],
        };
        Entry::Ended {
            time: Time::from_millis(1000),
            changes: vec![change],
            failure: None,
        }
    }

    fn written(entry: &Entry, bytes_max: usize) -> Vec<Vec<u8>> {
        let entry = entry.to_bytes().unwrap();
        let records = records_of(&entry, bytes_max);
        records
            .map(|(head, slice)| [&head, slice].concat())
            .collect()
    }

    /// The entries of records with numbers.
    fn joined(records: impl IntoIterator<Item = (u64, Vec<u8>)>) -> Vec<(u64, Entry)> {
        let mut joined = Joined::default();
        let entries = records.into_iter();
        let entries = entries.filter_map(|(at, record)| joined.take(Sequence(at), record));
        let read = entries.map(|(at, bytes)| (at.0, Entry::from_bytes(&bytes).unwrap()));
        read.collect()
    }

    #[test]
    fn entries_are_read_as_written_in_however_many_records() {
        for bytes_max in [1, 10, 64, 1000] {
            for bytes in [0, 1, 63, 300] {
                let records = written(&end(bytes), bytes_max);
                let whole = end(bytes).to_bytes().unwrap().len();
                assert_eq!(records.len(), whole.div_ceil(bytes_max));
                assert!(
                    records
                        .iter()
                        .all(|one| one.len() <= bytes_max + HEAD_BYTES)
                );
                assert_eq!(joined((5..).zip(records.clone())), [(5, end(bytes))]);
                let read = |at: Sequence| Ok(records[at.0 as usize - 5].clone());
                let read = read_entry(Sequence(5), read, str::to_owned);
                assert_eq!(read, Ok(end(bytes)));
            }
        }
    }

    #[test]
    fn an_entry_that_is_not_whole_is_none_and_harms_no_other() {
        let (cut, short) = (written(&end(300), 100), end(0).to_bytes().unwrap());
        for missing in 0..cut.len() {
            // As after a crash, or with damage in the middle.
            let mut records: Vec<_> = (0..).zip(cut.clone()).collect();
            records.remove(missing);
            let there = records.iter().cloned().map(Ok::<_, ()>);
            assert!(!is_whole(
                Sequence(0),
                there.map(|one| one.map(|(at, r)| (Sequence(at), r)))
            ));
            records.push((10, short.clone()));
            records.extend((11..).zip(cut.clone()));
            assert_eq!(joined(records), [(10, end(0)), (11, end(300))]);
        }
        let read = |_| Ok(cut[1].clone());
        let refused = read_entry(Sequence(0), read, str::to_owned).unwrap_err();
        assert!(refused.contains("not whole"), "{refused}");
    }

    proptest! {
        #[test]
        fn no_records_make_joining_panic(
            records in prop::collection::vec(prop::collection::vec(0_u8..4, 0..9), 0..9)
        ) {
            let mut joined = Joined::default();
            for (at, record) in (0..).zip(records) {
                let _ = joined.take(Sequence(at), record);
            }
        }
    }
}
