//! What can keep the trial from being held.

use std::path::PathBuf;

use headwater::sqlite::{SqliteError, rusqlite};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChaosError {
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] headwater::Error),
    /// The stream refused or failed.
    #[error(transparent)]
    Stream(#[from] headwater::StreamError),
    /// A sink could not be opened.
    #[error(transparent)]
    Sink(#[from] SqliteError),
    /// What the stream stored could not be read.
    #[error("the database of the round cannot be read: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file or a directory.
    #[error("cannot {what} `{}`: {source}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Something else of the system: sockets, processes, signals.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// What the parent told the driver makes no sense.
    #[error("the driver's settings cannot be read: {0}")]
    Settings(#[from] serde_json::Error),
    /// A file that the stream wrote holds something else.
    #[error("`{}` holds a line that no record makes: `{line}`", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
    },
}

impl ChaosError {
    /// For `map_err`, about a file.
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> ChaosError {
        move |source| ChaosError::File {
            what,
            path: path.into(),
            source,
        }
    }

    /// For `map_err`, about anything else.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> ChaosError {
        move |source| ChaosError::System { what, source }
    }
}
