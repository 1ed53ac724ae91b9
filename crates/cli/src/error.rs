//! Why a command could not find out what it was asked.

use headwater_store::StoreError;
use headwater_streaming::StreamError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A checkpoint or a description cannot be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A file or object cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Neither a description nor a checkpoint.
    #[error(
        "{place}: there is neither a description of a program nor a checkpoint; \
         StreamingContext::write_description writes a description"
    )]
    NoProgram {
        /// Where it was looked for.
        place: String,
    },
    /// The answer has no JSON.
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
