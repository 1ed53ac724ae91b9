//! Why a command could not find out what it was asked.

use std::io;
use std::path::PathBuf;

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
    /// Event logs cannot be shown.
    #[error(transparent)]
    History(#[from] headwater_ui::UiError),
    /// The answer has no JSON.
    #[error("the answer cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no source tree with examples.
    #[error(
        "the examples are in Headwater's source tree, and {} is not in one; change to a checkout, \
         or set HEADWATER_HOME to one",
        from.display()
    )]
    NoCheckout {
        /// Where it was looked for, and in the directories above.
        from: PathBuf,
    },
    /// A directory that was named is no source tree.
    #[error(
        "{named} is {}, where no source tree of Headwater is: there is no {}",
        path.display(),
        path.join(crate::workspace::FACADE).display()
    )]
    NotACheckout {
        /// What names it.
        named: &'static str,
        /// The directory.
        path: PathBuf,
    },
    /// An example has another name.
    #[error("there is no example `{name}`; there are {}", there_are.join(", "))]
    NoExample {
        /// What was asked for.
        name: String,
        /// The names of the examples.
        there_are: Vec<String>,
    },
    /// A package cannot have a name.
    #[error("`{name}` cannot be the name of a program: {reason}; choose another with --name")]
    Name {
        /// The name.
        name: String,
        /// Why it cannot.
        reason: String,
    },
    /// A program would be written over something.
    #[error("{} exists already; a new program needs a directory of its own", path.display())]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// The system refuses something.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl CliError {
    /// For `map_err`, where the system refuses something.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> CliError {
        let path = path.into();
        move |source| CliError::Io { what, path, source }
    }
}
