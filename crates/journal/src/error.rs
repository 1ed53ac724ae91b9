//! What can go wrong with a journal.

use std::sync::Arc;

use headwater_store::StoreError;

use crate::sequence::Sequence;

/// Why an operation on a journal failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A file or object could not be read, written or removed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another journal is open in the directory, of this process or of another one.
    #[error(
        "the journal in {directory} is in use; stop the program that has it open, or choose \
         another directory"
    )]
    InUse {
        /// The journal's directory.
        directory: String,
    },
    /// A segment was written by a later release.
    #[error(
        "{segment} has format version {version}, this release reads version {known}; use a \
         release that knows it"
    )]
    NewerVersion {
        /// The segment's place.
        segment: String,
        /// The version that it has.
        version: u32,
        /// The version that this release reads and writes.
        known: u32,
    },
    /// A record is longer than the options allow.
    #[error("a record of {bytes} bytes is too long for the journal, which takes {bytes_max}")]
    RecordTooLong {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        bytes_max: u64,
    },
    /// A write or a sync failed, now or earlier. What was not acknowledged may or may not be
    /// found when the journal is opened again, which is the only way on.
    #[error(
        "the journal in {directory} takes nothing any more since a write failed; see to the \
         cause and open it again: {cause}"
    )]
    Poisoned {
        /// The journal's directory.
        directory: String,
        /// What failed first.
        #[source]
        cause: Arc<JournalError>,
    },
    /// In an object store: somebody opened the journal later, and it is theirs now.
    #[error("the journal in {directory} was opened by another process, which goes on with it")]
    TakenOver {
        /// The journal's directory.
        directory: String,
    },
    /// A thread that wrote for the others panicked, so nobody knows how far it came.
    #[error("a thread that wrote to the journal panicked")]
    WriterPanicked,
    /// The record was forgotten.
    #[error("record {sequence} was forgotten; the first that is left is {first}")]
    Forgotten {
        /// The record that was asked for.
        sequence: Sequence,
        /// The first that is left.
        first: Sequence,
    },
    /// No record has this number yet.
    #[error("there is no record {sequence} yet; the next one will be {next}")]
    NotAppended {
        /// The record that was asked for.
        sequence: Sequence,
        /// The number of the next record.
        next: Sequence,
    },
    /// The record is in a damaged part of the journal, or its number was taken by an opening.
    #[error("record {sequence} is not in the journal: that part of it was found to be damaged")]
    Lost {
        /// The record that was asked for.
        sequence: Sequence,
    },
    /// A segment was whole when the journal was opened and is not any more.
    #[error("{segment} was damaged after the journal was opened, at byte {offset}")]
    Damaged {
        /// The segment's place.
        segment: String,
        /// Where the unreadable group begins.
        offset: u64,
    },
}
