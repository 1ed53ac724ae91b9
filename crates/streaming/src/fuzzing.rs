//! What is read from a checkpoint directory, fed with any bytes: none of it may panic, hang,
//! allocate without measure, or read what it would write differently.
//!
//! The targets in `fuzz/` call these functions; the tests below call them with damaged pieces
//! of the fixtures, so that the decoders are tried without a nightly compiler too.

use std::sync::Arc;
use std::time::Duration;

use headwater_journal::Sequence;

use crate::checkpoint::decoders::{Entry, Manifest, Outputs, Part, Past, Program, seal, unseal};
use crate::state::{AnyStore, PartitionState, Rows, StateTable, Store, Window};
use crate::time::Time;

/// An entry of the journal.
pub fn entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::from_bytes(bytes) {
        let written = entry.to_bytes();
        let again = written.and_then(|bytes| Entry::from_bytes(&bytes));
        assert_eq!(again, Ok(entry));
    }
}

/// Entries one after the other, each behind its length in a byte: what happened may be
/// impossible, and is taken in or refused.
pub fn entries(mut bytes: &[u8]) {
    let part = |name: &str| Part {
        name: Some(name.to_owned()),
        operator: "operator".to_owned(),
        records: "records".to_owned(),
        form: None,
        slide_ms: 1000,
        site: String::new(),
    };
    let program = Program {
        app_name: "fuzz".to_owned(),
        batch_ms: 1000,
        states: vec![part("state")],
        inputs: vec![part("input")],
        outputs: Outputs::default(),
    };
    let mut past = Past::new(program, Time::ZERO);
    let mut at = 0;
    while let Some((length, rest)) = bytes.split_first() {
        let (entry, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        if let Ok(entry) = Entry::from_bytes(entry) {
            // What is refused leaves the past as it is, or the restart ends there.
            let _ = past.apply(Sequence(at), entry);
        }
        (bytes, at) = (rest, at + 1);
    }
    use_past(past);
}

/// The manifest that a sealed file holds.
pub fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::from_unsealed(bytes) {
        let sealed = manifest.to_bytes();
        let again = sealed.and_then(|sealed| Manifest::from_unsealed(unseal(&sealed)?));
        assert_eq!(again.as_ref(), Ok(&manifest));
        use_past(manifest.past);
    }
}

/// Decides what a restart decides, whatever has happened.
fn use_past(mut past: Past) {
    for input in 0..3 {
        let _ = past.first_unallocated(input);
    }
    let program = past.program.clone();
    past.go_on_as(program, &[Some(1), None], &[None, Some(0)]);
    past.forget_last_end();
    past.prune(Duration::from_secs(1), Some(past.ended));
    let _ = (past.oldest(), past.first_open());
}

/// A sealed file.
pub fn sealed(bytes: &[u8]) {
    if let Ok(content) = unseal(bytes) {
        assert_eq!(seal(content), bytes);
    }
}

/// A part of a block that a receiver has stored.
pub fn block(bytes: &[u8]) {
    if let Ok(records) = postcard::from_bytes::<Vec<(String, i64)>>(bytes) {
        let written = postcard::to_stdvec(&records);
        let again = written.and_then(|bytes| postcard::from_bytes(&bytes));
        assert_eq!(again, Ok(records));
    }
}

/// A store of each kind of state.
fn stores() -> [Arc<dyn AnyStore>; 4] {
    fn of<P: PartitionState>(empty: P) -> Arc<Store<P>> {
        Store::new(1, &empty)
    }
    [
        of(StateTable::<String, i64>::new(false)),
        of(StateTable::<String, i64>::new(true)),
        of(Rows::<String, i64>::new()),
        of(Window::<String, i64>::new()),
    ]
}

/// The snapshot of a partition of a state, of whichever kind.
pub fn state(bytes: &[u8]) {
    for store in stores() {
        if store.restore(0, Time::ZERO, bytes).is_ok() {
            check_snapshot(&*store);
        }
    }
}

/// Changes of a partition of a state one after the other, each behind its length in a byte.
pub fn changes(bytes: &[u8]) {
    for store in stores() {
        let (mut left, mut second) = (bytes, 1);
        while let Some((length, rest)) = left.split_first() {
            let (change, rest) = rest.split_at(rest.len().min(usize::from(*length)));
            let time = Time::from_millis(second * 1000);
            // What cannot be read changes nothing.
            let _ = store.replay(0, time, change);
            (left, second) = (rest, second + 1);
        }
        check_snapshot(&*store);
    }
}

/// A state is read as it was written.
fn check_snapshot(store: &dyn AnyStore) {
    let written = store.snapshot(0);
    if let Ok((_, bytes)) = &written {
        assert_eq!(store.restore(0, Time::ZERO, bytes), Ok(()));
        let again = store.snapshot(0).map(|(_, bytes)| bytes);
        assert_eq!(again.as_ref(), Ok(bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use headwater_journal::{Journal, Options};
    use headwater_store::Location;
    use proptest::prelude::*;

    use super::*;

    const DECODERS: [fn(&[u8]); 7] = [entry, entries, manifest, sealed, block, state, changes];

    /// What a real stream has written: sealed files and what is in them, entries, blocks,
    /// changes of state, each of them once.
    fn samples() -> Vec<Vec<u8>> {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-1/whole");
        let mut samples = Vec::new();
        for dir in [fixture.clone(), fixture.join("state")] {
            for file in fs::read_dir(dir).unwrap() {
                let path = file.unwrap().path();
                if path.is_file() {
                    let bytes = fs::read(path).unwrap();
                    samples.push(unseal(&bytes).unwrap().to_vec());
                    samples.push(bytes);
                }
            }
        }
        let copy = tempfile::tempdir().unwrap();
        for file in fs::read_dir(fixture.join("journal")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let at = Location::at(copy.path()).unwrap();
        let (_journal, recovered) = Journal::open(&at, Options::default()).unwrap();
        for record in recovered.records_from(Sequence(0)) {
            let (_, bytes) = record.unwrap();
            samples.extend(inside(&bytes));
            samples.push(bytes);
        }
        samples.sort();
        samples.dedup();
        samples
    }

    /// The blocks and changes in an entry.
    fn inside(entry: &[u8]) -> Vec<Vec<u8>> {
        match Entry::from_bytes(entry).unwrap() {
            Entry::Block { bytes, .. } => vec![bytes],
            entry => {
                let changes = entry.into_changes().into_iter();
                changes.map(|one| one.bytes).collect()
            }
        }
    }

    fn decode(bytes: &[u8]) {
        DECODERS.iter().for_each(|decode| decode(bytes));
        // Where pieces stand behind their lengths.
        let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        let alone = [&[length], bytes].concat();
        entries(&alone);
        changes(&alone);
        let after_itself = [alone.clone(), alone].concat();
        entries(&after_itself);
        changes(&after_itself);
    }

    #[test]
    fn what_was_written_is_read_whole_and_cut_off_anywhere() {
        for sample in samples() {
            for length in 0..=sample.len() {
                decode(&sample[..length]);
            }
        }
    }

    #[test]
    fn a_bit_that_is_another_harms_nothing() {
        for sample in samples() {
            let mut damaged = sample.clone();
            for place in 0..sample.len() {
                // One bit after the other, so that each place is tried with some.
                damaged[place] ^= 1 << (place % 8);
                decode(&damaged);
                damaged[place] = sample[place];
            }
        }
    }

    #[test]
    fn a_length_that_is_huge_allocates_nothing_huge() {
        let huge = |value: u64| postcard::to_stdvec(&value).unwrap();
        // More than any machine has, which it would be refused, and what it might be given.
        for length in [huge(u64::MAX), huge(1 << 46), huge(1 << 31)] {
            for sample in samples() {
                for place in 0..sample.len() {
                    let before = &sample[..place];
                    decode(&[before, &length, &sample[place + 1..]].concat());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            decode(&bytes);
        }
    }
}
