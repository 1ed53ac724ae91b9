//! What is written to a checkpoint directory, as a user interface shows it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use headwater_journal::Syncs;

use crate::time::Time;

/// A checkpoint that was written: state, and a manifest of what has happened, so that older
/// entries of the journal are not needed any more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointInfo {
    /// When it was done.
    pub at: SystemTime,
    /// From its begin on, with the time in which it gave way to batches.
    pub took: Duration,
    /// The last batch of which it knows the end.
    pub time: Time,
    /// How much state was written whole for it, in bytes.
    pub state_bytes: u64,
    /// How many partitions of states were written whole for it.
    pub snapshots: u64,
    /// How many partitions had not changed since they were written whole.
    pub unchanged: u64,
    /// The file of the manifest in the directory.
    pub manifest: String,
}

/// A checkpoint that could not be written. The stream goes on, keeps its journal for longer, and
/// tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointFailure {
    /// When it failed.
    pub at: SystemTime,
    /// From its begin on.
    pub took: Duration,
    /// Why.
    pub message: Arc<str>,
}

/// What was written for a checkpoint.
pub(super) struct Checkpointed {
    pub(super) time: Time,
    pub(super) state_bytes: u64,
    pub(super) snapshots: u64,
    pub(super) unchanged: u64,
    pub(super) manifest: String,
}

/// The journal of a stream that runs: see
/// [`StreamingContext::journal_info`](crate::StreamingContext::journal_info) for an example.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalInfo {
    /// How many segments there are, those of earlier processes included.
    pub segments: usize,
    /// How long they are together.
    pub bytes: u64,
    /// How many records this process has written.
    pub written_records: u64,
    /// How long these are together.
    pub written_bytes: u64,
    /// How long it took to make them durable.
    pub syncs: Syncs,
}
