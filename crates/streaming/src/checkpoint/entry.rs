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

    /// How long the entry is when it is written, if little is in it but bytes.
    fn bytes_about(&self) -> usize {
        const OF_EACH: usize = 64;
        match self {
            Entry::Block { bytes, .. } => OF_EACH + bytes.len(),
            Entry::Ended { changes, .. } => {
                let of = |change: &Change| OF_EACH + change.bytes.len();
                OF_EACH + changes.iter().map(of).sum::<usize>()
            }
            Entry::Began { .. } | Entry::Cut { .. } => OF_EACH,
        }
    }

    /// The entry that bytes hold; damage is found by the journal's checksums, so what cannot
    /// be read is of another version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        match bytes.split_first() {
            Some((&VERSION, entry)) => postcard::from_bytes(entry)
                .map_err(|error| format!("an entry of the journal cannot be read: {error}")),
            Some((version, _)) => Err(format!(
                "an entry of the journal has version {version}, and this program reads version \
                 {VERSION}; run a newer one"
            )),
            None => Err("an entry of the journal is empty".to_owned()),
        }
    }
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
            assert_eq!(
                Entry::from_bytes(&[head, bytes.clone()].concat()),
                Ok(block(bytes))
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut versioned = vec![VERSION];
            versioned.extend(&bytes);
            let _ = Entry::from_bytes(&bytes);
            let _ = Entry::from_bytes(&versioned);
        }
    }
}
