//! What can go wrong with an event log.

use headwater_core::StoreError;
use headwater_core::conf::ConfError;
use std::io;

/// Why a program is not logged, or its log is not shown. None of it harms a stream.
///
/// ```
/// use headwater_core::{Conf, Context};
/// use headwater_ui::{EventLog, LogError};
/// let conf = Conf::new().master("local[1]").set("event_log.enabled", true);
/// let error = EventLog::of_context(&Context::new(conf).unwrap()).err();
/// assert!(matches!(error, Some(LogError::Conf(_))), "no directory is set");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// A setting of the log is wrong or missing.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The log cannot be written or read.
    #[error("the event log: {0}")]
    Store(#[from] StoreError),
    /// The thread that writes could not be started.
    #[error("the event log cannot start its thread: {0}")]
    Start(#[source] io::Error),
    /// Something is there that does not begin as a log does.
    #[error(
        "{at} is no event log: its first part does not tell a program; it may have been killed \
         before it wrote a line"
    )]
    NoLog {
        /// The directory.
        at: String,
    },
    /// A later release has written the log.
    #[error(
        "the event log {at} has format {found}, written by Headwater {version}, and this release \
         reads formats up to {known}: read it with that release or a later one"
    )]
    Newer {
        /// The directory.
        at: String,
        /// The log's format.
        found: u32,
        /// The release that wrote it.
        version: String,
        /// The newest format that is read.
        known: u32,
    },
}
