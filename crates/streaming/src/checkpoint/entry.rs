//! What the journal of a checkpoint directory holds.

use serde::{Deserialize, Serialize};

use super::manifest::Snapshot;
use super::program::Program;
use super::raw;
use crate::time::Time;

/// The version of the entries; the first byte of each.
const VERSION: u8 = 1;

/// One record of the journal. States and inputs are named by their places in the
/// [`Program`] that is in force: that of the manifest, then that of the last `Began`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// A process has begun to work, perhaps another program. Its parts go on from parts of
    /// the program before.
    Began {
        program: Program,
        states_from: Vec<Option<usize>>,
        inputs_from: Vec<Option<usize>>,
        /// The states that it keeps in another form than the program before.
        reformed: Vec<Reformed>,
    },
    /// A part of what a receiver has stored. A block is its parts, in their order. Without
    /// records it is no block, and tells the position alone.
    Block {
        input: usize,
        block: u64,
        records: u64,
        /// Where the source is after it, if the receiver says so.
        position: Option<Vec<u8>>,
        #[serde(with = "raw")]
        bytes: Vec<u8>,
    },
    /// What belongs to a batch. It is there before any of the batch's tasks runs.
    Cut { time: Time, inputs: Vec<CutInput> },
    /// A batch is done: its outputs, and with the same stroke the changes of all state.
    Ended {
        time: Time,
        changes: Vec<Change>,
        /// Why it failed, when the stream goes on after failures.
        failure: Option<String>,
    },
    /// An end of which there is more to say.
    EndedWith {
        time: Time,
        changes: Vec<Change>,
        failure: Option<String>,
        /// The states of which earlier batches were computed again, for readers that look back at
        /// them. The changes begin with those.
        again: Vec<Again>,
        /// What the batch does to some state could not be planned.
        is_unplanned: bool,
    },
}

/// A state of which the batches after one were computed again. What was written of these before
/// holds until then: whatever happens to the process, the state is there as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Again {
    pub(crate) state: usize,
    pub(crate) after: Time,
}

impl Again {
    /// Whether a snapshot from before is of a batch that was computed again.
    pub(super) fn replaces(&self, snapshot: &Snapshot) -> bool {
        snapshot.state == self.state && snapshot.time > self.after
    }
}

/// A state that is kept in another form from now on. Nothing that was written of the old form
/// belongs to it any more: it goes on from these snapshots, or from nothing if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reformed {
    pub(crate) state: usize,
    pub(crate) snapshots: Vec<Snapshot>,
}

/// What an input gives to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CutInput {
    pub(crate) input: usize,
    pub(crate) range: InputRange,
    pub(crate) records: u64,
}

/// Where the records of an input lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InputRange {
    /// In the blocks from one number to before another.
    Blocks { from: u64, to: u64 },
    /// In what the source understands by these bytes.
    Source(Vec<u8>),
    /// Nowhere: the source gives them again when it is asked again, since they depend on nothing
    /// but the time.
    Anew,
}

/// What a batch changed in a partition of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) state: usize,
    pub(crate) partition: usize,
    pub(crate) time: Time,
    #[serde(with = "raw")]
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::with_capacity(self.bytes_about());
        bytes.push(VERSION);
        postcard::to_extend(self, bytes).map_err(|error| error.to_string())
    }

    /// What a `Block` is written as before its own bytes, so that those need not be copied
    /// together with it.
    pub(crate) fn block_head(&self, bytes: usize) -> Result<Vec<u8>, String> {
        let mut head = self.to_bytes()?;
        // It ends with the number of its bytes, of which it has none.
        head.pop();
        postcard::to_extend(&bytes, head).map_err(|error| error.to_string())
    }

    /// What the end of a batch changed; nothing if it is another entry.
    pub(crate) fn changes(&self) -> &[Change] {
        match self {
            Entry::Ended { changes, .. } | Entry::EndedWith { changes, .. } => changes,
            Entry::Began { .. } | Entry::Block { .. } | Entry::Cut { .. } => &[],
        }
    }

    /// The same, taken out of it.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        match self {
            Entry::Ended { changes, .. } | Entry::EndedWith { changes, .. } => changes,
            Entry::Began { .. } | Entry::Block { .. } | Entry::Cut { .. } => Vec::new(),
        }
    }

    /// Whether it names a snapshot, by its file.
    pub(super) fn names(&self, file: &str) -> bool {
        let Entry::Began { reformed, .. } = self else {
            return false;
        };
        let mut snapshots = reformed.iter().flat_map(|state| &state.snapshots);
        snapshots.any(|snapshot| snapshot.file == file)
    }

    /// How long the entry is when it is written, if little is in it but bytes.
    fn bytes_about(&self) -> usize {
        const OF_EACH: usize = 64;
        match self {
            Entry::Block { bytes, .. } => OF_EACH + bytes.len(),
            _ => {
                let of = |change: &Change| OF_EACH + change.bytes.len();
                OF_EACH + self.changes().iter().map(of).sum::<usize>()
            }
        }
    }

    /// The bytes of a `Block` in the bytes of the entry, where they need not be copied first;
    /// `None` if it is another entry.
    pub(crate) fn bytes_of_block(entry: &[u8]) -> Result<Option<&[u8]>, String> {
        // What serde makes of the number of the variant, and of its fields in their order.
        type Block<'a> = (u32, usize, u64, u64, Option<&'a [u8]>, &'a [u8]);
        const NUMBER: u32 = 1;
        let Some((&VERSION, block)) = entry.split_first() else {
            return Self::from_bytes(entry).map(|_| None);
        };
        if !matches!(postcard::take_from_bytes(block), Ok((NUMBER, _))) {
            return Self::from_bytes(entry).map(|_| None);
        }
        match postcard::from_bytes::<Block<'_>>(block) {
            Ok((.., bytes)) => Ok(Some(bytes)),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// The entry that bytes hold; damage is found by the journal's checksums, so what cannot
    /// be read is of another version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&VERSION, entry)) => {
                postcard::from_bytes(entry).map_err(|error| unreadable(&error))
            }
            Some((version, _)) => Err(format!(
                "an entry of the journal has version {version}, and this program reads version \
                 {VERSION}; run a newer one"
            )),
            None => Err("an entry of the journal is empty".to_owned()),
        }
    }
}

fn unreadable(error: &postcard::Error) -> String {
    format!("an entry of the journal cannot be read: {error}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_are_read_as_written_and_newer_ones_are_refused() {
        let entry = Entry::Cut {
            time: Time::from_millis(5000),
            inputs: vec![CutInput {
                input: 1,
                range: InputRange::Blocks { from: 3, to: 9 },
                records: 77,
            }],
        };
        let mut bytes = entry.to_bytes().unwrap();
        assert_eq!(Entry::from_bytes(&bytes), Ok(entry));
        bytes[0] = 9;
        assert!(Entry::from_bytes(&bytes).unwrap_err().contains("version 9"));
        assert!(Entry::from_bytes(&[]).is_err());
    }

    #[test]
    fn a_block_in_two_parts_is_the_block() {
        for length in [0, 1, 300] {
            let block = |bytes| Entry::Block {
                input: 2,
                block: 300,
                records: 77,
                position: None,
                bytes,
            };
            let bytes = vec![9; length];
            let head = block(Vec::new()).block_head(length).unwrap();
            let whole = [head, bytes.clone()].concat();
            assert_eq!(Entry::bytes_of_block(&whole), Ok(Some(bytes.as_slice())));
            assert_eq!(Entry::from_bytes(&whole), Ok(block(bytes)));
        }
    }

    #[test]
    fn the_bytes_of_a_block_are_found_behind_a_position_and_in_blocks_alone() {
        let block = Entry::Block {
            input: 1,
            block: 2,
            records: 3,
            position: Some(vec![4; 200]),
            bytes: vec![5, 6],
        };
        let written = block.to_bytes().unwrap();
        assert_eq!(Entry::bytes_of_block(&written), Ok(Some([5, 6].as_slice())));
        assert!(Entry::bytes_of_block(&written[..9]).is_err());
        let cut = Entry::Cut {
            time: Time::ZERO,
            inputs: vec![],
        };
        assert_eq!(Entry::bytes_of_block(&cut.to_bytes().unwrap()), Ok(None));
        assert!(
            Entry::bytes_of_block(&[9, 1])
                .unwrap_err()
                .contains("version 9")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut versioned = vec![VERSION];
            versioned.extend(&bytes);
            let _ = Entry::from_bytes(&bytes);
            let _ = Entry::from_bytes(&versioned);
            let block = matches!(Entry::from_bytes(&versioned), Ok(Entry::Block { .. }));
            let is_block = matches!(Entry::bytes_of_block(&versioned), Ok(Some(_)));
            assert_eq!(is_block, block);
        }
    }
}
