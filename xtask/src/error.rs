//! What can keep a chore from running at all; what a check finds is a `Finding` instead.

use std::io;
use std::path::PathBuf;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A command or argument that does not exist.
    #[error("`{word}` is not a command; `cargo xtask help` lists them")]
    Usage {
        /// The word as typed.
        word: String,
    },
    /// A file or directory of the workspace could not be read.
    #[error("cannot read {}: {source}; the checks need the whole workspace", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `cargo metadata` did not give an answer.
    #[error("`cargo metadata` failed: {reason}; run it by hand to see more")]
    Metadata {
        /// The command's own words, or what was wrong with its answer.
        reason: String,
    },
    /// An example could not be run or printed something else than agreed.
    #[error("example {name}: {reason}")]
    Example {
        /// The example's name.
        name: &'static str,
        /// What was expected and what came.
        reason: String,
    },
}
