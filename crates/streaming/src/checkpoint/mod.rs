//! Checkpoints: what a stream has done, in a directory, so that another process can go on.
//!
//! [`CheckpointSummary`] tells what a directory holds, [`ProgramDescription`] what a program is
//! made of, and [`CheckpointDiff`] what becomes of the one in the other. None of them changes
//! anything.
//!
//! Everything that happens is an `entry` of a journal; a `past` is what the entries say,
//! and a `manifest` is a past that was written whole, so that older entries can go. Which
//! part of a changed `program` goes on from which is decided in `matching`, and which number
//! an output has in `outputs`.
//!
//! What decides reads and writes nothing: `past` folds, `cutting` gives inputs to batches, `commits`
//! orders, `retention` forgets, `plan` begins, `reach` says what can be computed again, `damage` says what is left of a journal that lacks
//! entries. `keeper`, `restore` and `states` act on it.

mod behind;
mod checkpointer;
mod commits;
mod cutting;
mod damage;
mod entry;
mod flusher;
mod keeper;
mod manifest;
mod matching;
mod outputs;
mod pace;
mod parts;
mod past;
mod plan;
mod positions;
mod program;
mod raw;
mod reach;
mod restore;
mod retention;
#[cfg(test)]
mod simulator;
mod snapshots;
mod states;
mod unreadable;
mod weight;
mod whole;

mod describe;
mod diff;
mod info;
mod inspect;
mod remains;
mod report;
mod restart;
mod show;
mod summary;

use headwater_store::Location;

use crate::error::StreamError;

pub(crate) use checkpointer::Checkpointer;
pub(crate) use cutting::{Share, cut_batch};
pub(crate) use entry::{Entry, InputRange};
pub(crate) use keeper::Keeper;
pub(crate) use matching::Allowed;
pub(crate) use outputs::Outputs;
pub(crate) use plan::{Begin, Limits};
pub(crate) use program::{Part, Program};
pub(crate) use reach::Reads;
pub(crate) use report::short_type;
pub(crate) use restore::{InputPast, Opened, Resumed};
pub(crate) use states::ReachingBack;

pub use describe::{PartDescription, PartKind, ProgramDescription};
pub use diff::{CheckpointDiff, PartDiff, PartFate};
pub use headwater_journal::Syncs;
pub use info::{CheckpointFailure, CheckpointInfo, JournalInfo};
pub use summary::{
    BatchSummary, BlockCount, CheckpointSummary, DamageSummary, InputSummary, JournalSummary,
    ManifestSummary, MissedBatches, Problem, RangeSummary, Restart, SelectedFileSummary,
    SnapshotSummary, StateSummary, StreamSummary, TakenRange, TornSummary,
};

/// The directory that a path or URL names.
pub(crate) fn locate(directory: &str) -> Result<Location, StreamError> {
    Location::at(directory).map_err(|error| StreamError::Checkpoint {
        directory: directory.to_owned(),
        message: error.to_string(),
    })
}

/// What reads bytes.
#[cfg(any(test, fuzzing))]
pub(crate) mod decoders {
    pub(crate) use super::entry::Entry;
    pub(crate) use super::manifest::{Manifest, seal, unseal};
    pub(crate) use super::outputs::Outputs;
    pub(crate) use super::past::Past;
    pub(crate) use super::program::{Part, Program};
}
