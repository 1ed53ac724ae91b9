//! How writing state whole went.

use crate::record::{CheckpointFailure, CheckpointRecord};

/// The checkpoints of a stream since its start.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// How many were written.
    pub(crate) written_total: u64,
    /// How many could not be.
    pub(crate) failed_total: u64,
    pub(crate) last: Option<CheckpointRecord>,
    pub(crate) last_failure: Option<CheckpointFailure>,
    /// Whether the last attempt failed, so that the journal grows.
    pub(crate) is_failing: bool,
}

impl Checkpoints {
    pub(super) fn written(&mut self, checkpoint: &CheckpointRecord) {
        self.written_total += 1;
        self.last = Some(checkpoint.clone());
        self.is_failing = false;
    }

    pub(super) fn failed(&mut self, failure: &CheckpointFailure) {
        self.failed_total += 1;
        self.last_failure = Some(failure.clone());
        self.is_failing = true;
    }
}
