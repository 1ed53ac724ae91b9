//! What a checkpoint directory holds, in a form that can be shown and serialised.

use serde::{Deserialize, Serialize};

use super::describe::{PartDescription, ProgramDescription};
use crate::time::Time;

/// What a checkpoint directory holds, and what a restart would do with it.
/// [`CheckpointSummary::read`] looks; nothing in the directory is changed.
///
/// It displays as a report for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckpointSummary {
    /// The directory, as it was given.
    pub directory: String,
    /// The time for which missed batches are counted.
    pub now: Time,
    /// How many files there are.
    pub files: usize,
    /// How long they are together.
    pub bytes: u64,
    /// When the last of them was written.
    pub written: Option<Time>,
    /// The manifests, newest first. The first that can be read is used.
    pub manifests: Vec<ManifestSummary>,
    /// The journal.
    pub journal: JournalSummary,
    /// The stream that has left all this; none if there is no manifest that can be read.
    pub stream: Option<StreamSummary>,
    /// Files that belong to no checkpoint.
    pub other_files: Vec<String>,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
    /// What a restart of the same program would do.
    pub restart: Restart,
}

/// A manifest: what had happened up to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManifestSummary {
    /// The file, below the directory.
    pub file: String,
    /// How long it is.
    pub bytes: u64,
    /// The format version; none if the file is damaged.
    pub format: Option<u8>,
    /// The batch up to which it tells.
    pub ended: Option<Time>,
    /// Why it cannot be read.
    pub error: Option<String>,
    /// Whether a restart begins with it.
    pub is_used: bool,
}

/// The journal of a checkpoint directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JournalSummary {
    /// How many segments it has.
    pub segments: usize,
    /// How long they are together.
    pub bytes: u64,
    /// The number of the first entry.
    pub first: u64,
    /// The number behind the last entry.
    pub next: u64,
    /// An end that is half written.
    pub torn: Option<TornSummary>,
    /// What cannot be read.
    pub damaged: Vec<DamageSummary>,
    /// Why nothing of it can be read.
    pub error: Option<String>,
}

/// A half-written end of the journal. It is being written at this moment, or its process died
/// and a restart cuts it off: nobody was told that it was safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TornSummary {
    /// The segment's place.
    pub segment: String,
    /// Where it is whole up to.
    pub offset: u64,
    /// How many bytes are behind that.
    pub bytes: u64,
}

/// A part of the journal that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DamageSummary {
    /// The segment's place.
    pub segment: String,
    /// The unreadable bytes, from and to before; the same when the segment is missing.
    pub bytes: (u64, u64),
    /// The entries that are lost, from and to before.
    pub lost: (u64, u64),
    /// Whether a restart would read them.
    pub is_needed: bool,
}

/// What is known of the stream that wrote a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StreamSummary {
    /// The program.
    pub program: ProgramDescription,
    /// When time began, exclusive.
    pub zero: Time,
    /// The last batch that is done; none if none is.
    pub last_done: Option<Time>,
    /// The batches that were begun and are not done: they run again.
    pub unfinished: Vec<BatchSummary>,
    /// The batches of the time since.
    pub missed: MissedBatches,
    /// The inputs of the program, in its order.
    pub inputs: Vec<InputSummary>,
    /// The states of the program, in its order.
    pub states: Vec<StateSummary>,
    /// The oldest entry of the journal that a restart reads.
    pub oldest_needed: u64,
}

/// A batch that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BatchSummary {
    /// The batch.
    pub time: Time,
    /// What each input gave, for those that can give it again.
    pub inputs: Vec<TakenRange>,
}

/// What an input gave to a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TakenRange {
    /// The batch.
    pub time: Time,
    /// The input's label.
    pub input: String,
    /// How many records; 0 also where that is known only after reading.
    pub records: u64,
    /// Where they lie.
    pub range: RangeSummary,
}

/// Where the records of an input lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RangeSummary {
    /// In blocks of the journal.
    Blocks {
        /// The number of the first one.
        from: u64,
        /// The number behind the last one.
        to: u64,
    },
    /// In files.
    Files(Vec<SelectedFileSummary>),
    /// In what a source of the program's own understands.
    Source {
        /// How many bytes its range has.
        bytes: u64,
        /// The range, where it is text.
        text: Option<String>,
    },
}

/// A file of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SelectedFileSummary {
    /// The file.
    pub path: String,
    /// How long it was.
    pub bytes: u64,
}

/// Batches of a time in which no process ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MissedBatches {
    /// How many.
    pub batches: u64,
    /// The first and the last one.
    pub between: Option<(Time, Time)>,
}

/// What a receiver has stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlockCount {
    /// How many blocks.
    pub blocks: u64,
    /// The records in them.
    pub records: u64,
    /// Their bytes in the journal.
    pub bytes: u64,
}

/// An input, and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputSummary {
    /// What it is.
    pub part: PartDescription,
    /// Blocks that belong to no batch that is done.
    pub waiting: BlockCount,
    /// Blocks of batches that are done: windows may look back at them, and the next process may
    /// be told to run the last batch again.
    pub kept: BlockCount,
    /// How many batches know what they have taken from it.
    pub batches: usize,
    /// What was taken last.
    pub last: Option<TakenRange>,
    /// Where the source was after the last block that says so.
    pub position: Option<Vec<u8>>,
}

/// A state, and what was written of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StateSummary {
    /// What it is.
    pub part: PartDescription,
    /// In how many partitions it is kept; none before it was written whole.
    pub partitions: Option<usize>,
    /// Its partitions, each as a whole at a batch.
    pub snapshots: Vec<SnapshotSummary>,
    /// How many batches have changed it since, as far as that is known.
    pub changed_by: usize,
    /// How long these changes are.
    pub change_bytes: u64,
}

/// A partition of a state that was written whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SnapshotSummary {
    /// Which partition.
    pub partition: usize,
    /// The batch whose state it is.
    pub time: Time,
    /// The file, below the directory.
    pub file: String,
    /// How long it is.
    pub bytes: u64,
    /// Why it cannot be read.
    pub error: Option<String>,
    /// Whether a restart begins with it. With windows over the state it may begin with an older
    /// one, which only the program knows.
    pub is_used: bool,
}

/// Something that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// Whether a restart fails because of it.
    pub stops_restart: bool,
    /// Whether it does not with `streaming.checkpoint.allow=damage`, which goes on without what
    /// is lost.
    pub may_be_allowed: bool,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// What a restart of the same program would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Restart {
    /// Whether it would go on from what is there.
    pub goes_on: bool,
    /// What it would do, in order.
    pub steps: Vec<String>,
}

impl RangeSummary {
    /// Whether a batch took nothing with it. What a source understands may be anything.
    pub(super) fn holds_nothing(&self) -> bool {
        matches!(self, RangeSummary::Blocks { from, to } if from >= to)
    }
}

impl InputSummary {
    /// Everything that is kept for the input.
    #[must_use]
    pub fn blocks(&self) -> BlockCount {
        let BlockCount {
            blocks,
            records,
            bytes,
        } = self.kept;
        BlockCount {
            blocks: self.waiting.blocks + blocks,
            records: self.waiting.records + records,
            bytes: self.waiting.bytes + bytes,
        }
    }
}

impl StateSummary {
    /// The bytes of all that was written of the state: snapshots and changes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let snapshots = self.snapshots.iter().map(|snapshot| snapshot.bytes);
        snapshots.sum::<u64>() + self.change_bytes
    }
}
