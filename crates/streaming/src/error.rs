//! What can go wrong with a stream, said so that the user can act on it.

use std::fmt;
use std::sync::Arc;

use headwater_core::{Error, Site, TaskError};

use crate::time::Time;

/// An error of a stream. Its `Debug` is its message, so that a `main` that returns it shows
/// what a user can read.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] Error),
    /// Mistakes in the graph, all of them; nothing was started.
    #[error("{}", list_mistakes(.0))]
    Graph(Vec<Mistake>),
    /// An output operation of a batch failed.
    #[error("batch {time}: output {output} ({site}) failed: {message}")]
    Output {
        /// The batch.
        time: Time,
        /// The output operation's number, in the order of registration.
        output: usize,
        /// The output operation and its line.
        site: Site,
        /// What failed.
        message: String,
    },
    /// The state of a stream could not be brought to a batch. It is as it was, and the next
    /// batch does the work of both.
    #[error("batch {time}: the state of {site} cannot be brought up to date: {message}")]
    Stateful {
        /// The batch.
        time: Time,
        /// The operator that keeps the state, and its line.
        site: Site,
        /// What failed.
        message: String,
    },
    /// A state has failed for so many batches that no more can wait for it: each keeps its input in
    /// memory. The stream stops, also where it goes on after failures. Once what fails is mended and
    /// the stream is started again, the state takes all of them in, if there is a checkpoint
    /// directory.
    #[error(
        "batch {time}: the state of {site} is {batches} batches behind, which cannot be computed: \
         {message}; the stream stops, since their input fills the memory; mend what fails and \
         start it again, and with a checkpoint directory the state takes them in"
    )]
    StateBehind {
        /// The batch.
        time: Time,
        /// The operator that keeps the state, and its line.
        site: Site,
        /// How many batches the state has not taken in.
        batches: usize,
        /// What failed last.
        message: String,
    },
    /// A receiver gave up.
    #[error("{site}: the receiver failed {attempts} times: {message}")]
    Receiver {
        /// The input stream and its line.
        site: Site,
        /// How often it was tried.
        attempts: u32,
        /// What the receiver said last.
        message: String,
    },
    /// What a receiver stored record by record cannot be written to the checkpoint directory, so
    /// that no batch can have it. The stream stops; what was acknowledged before is safe. A record
    /// that cannot be encoded has to be mended in the receiver, or in its `Serialize`; the source
    /// has to send these records again.
    #[error(
        "batch {time}: the last {records} records that {site} stored cannot be written to the \
         checkpoint directory, and are in no batch: {message}; the stream stops, and goes on \
         without them once it is started again"
    )]
    Received {
        /// The batch that was to have them.
        time: Time,
        /// The input stream and its line.
        site: Site,
        /// How many records were gathered since the last block.
        records: usize,
        /// Why they cannot be written.
        message: String,
    },
    /// A source could not say what belongs to a batch, which is in no batch then. The stream
    /// stops, unless it goes on after failures, and asks again when it is started again. Without a
    /// checkpoint directory the outputs fail that need the batch, as [`StreamError::Output`].
    #[error(
        "batch {time}: {site} could not say what belongs to the batch: {message}; the batch was \
         not begun, and the source is asked for it again once the stream is started again"
    )]
    Source {
        /// The batch.
        time: Time,
        /// The input stream and its line.
        site: Site,
        /// What the source said.
        message: String,
    },
    /// The checkpoint directory cannot be read or written. Nothing that was reported as done
    /// is lost; the stream goes on from it once the cause is removed and it is started again.
    #[error("the checkpoint directory {directory}: {message}")]
    Checkpoint {
        /// The directory, as it was given.
        directory: String,
        /// What failed, and what to do.
        message: String,
    },
    /// A part of what belongs together in the checkpoint directory is gone. Nothing was changed:
    /// to begin anew would be to lose everything unasked.
    #[error(
        "the checkpoint directory {directory} holds {there}, and {missing}; restore what is \
         missing from a copy, or delete the directory to begin anew"
    )]
    CheckpointIncomplete {
        /// The directory, as it was given.
        directory: String,
        /// What is there.
        there: String,
        /// What is not.
        missing: String,
    },
    /// A newer release has written to the checkpoint directory. To go on from an older file would
    /// be to forget what that release has done.
    #[error(
        "{file} has format {format}, and this program reads format {known}; use the newer release \
         that wrote it (or, if there was none, the file is damaged: move it away, and an older \
         one is used)"
    )]
    CheckpointNewer {
        /// The file.
        file: String,
        /// Its version.
        format: u8,
        /// The version that this program reads.
        known: u8,
    },
    /// The call does not fit the state of the context.
    #[error("{0}")]
    State(String),
}

impl fmt::Debug for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A mistake that was made while the graph was built.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// The operator and its line.
    pub site: Site,
    /// What is wrong and what would be right.
    pub message: String,
}

fn list_mistakes(mistakes: &[Mistake]) -> String {
    let lines: Vec<_> = mistakes
        .iter()
        .map(|mistake| format!("{}: {}", mistake.site, mistake.message))
        .collect();
    match lines.as_slice() {
        [one] => one.clone(),
        many => format!("{} mistakes:\n  {}", many.len(), many.join("\n  ")),
    }
}

impl From<headwater_core::conf::ConfError> for StreamError {
    fn from(error: headwater_core::conf::ConfError) -> Self {
        StreamError::Engine(error.into())
    }
}

/// Why a stream could not give its RDD of a batch; the outputs that need it fail.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{site}: {message}")]
pub(crate) struct PlanError {
    pub(crate) site: Site,
    pub(crate) message: Arc<str>,
}

impl PlanError {
    pub(crate) fn new(site: Site, message: impl Into<Arc<str>>) -> Self {
        PlanError {
            site,
            message: message.into(),
        }
    }

    pub(crate) fn from_panic(site: Site, error: &TaskError) -> Self {
        PlanError::new(site, error.to_string())
    }
}
