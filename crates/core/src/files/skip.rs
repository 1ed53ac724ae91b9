//! What becomes of files that are damaged or gone: they fail their task, or are skipped and told.

use std::collections::HashSet;
use std::io;

use headwater_store::Entry;
use parking_lot::Mutex;

use crate::chunk::Stop;
use crate::conf::keys::FILES_IGNORE_CORRUPT_FILES;
use crate::error::TaskError;

/// What is skipped where it would fail a task.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ignore {
    /// The rest of a file behind its first damage.
    pub(crate) corrupt: bool,
    /// Files that are not there.
    pub(crate) missing: bool,
}

/// What an RDD of files skips, and of which files it has said so.
#[derive(Debug, Default)]
pub(crate) struct Skips {
    pub(super) ignore: Ignore,
    /// No more than the files of the RDD.
    told: Mutex<HashSet<String>>,
}

impl Skips {
    pub(super) fn new(ignore: Ignore) -> Self {
        Skips {
            ignore,
            told: Mutex::default(),
        }
    }

    /// Whether that is no reason to fail.
    pub(super) fn skip(&self, unread: &Unread) -> bool {
        match unread {
            Unread::Corrupt(_) => self.ignore.corrupt,
            Unread::Failed(error) if error.kind() == io::ErrorKind::NotFound => self.ignore.missing,
            Unread::Failed(error) => is_corrupt(error) && self.ignore.corrupt,
            Unread::Stop(_) => false,
        }
    }

    /// Says once of a file that it was skipped, whichever tasks find it.
    pub(super) fn tell(&self, file: &Entry, unread: &Unread) {
        let file = file.location.to_string();
        let why = match unread {
            Unread::Corrupt(message) => message.clone(),
            Unread::Failed(error) => error.to_string(),
            Unread::Stop(_) => return,
        };
        if self.told.lock().insert(file.clone()) {
            tracing::warn!("what cannot be read of the file {file} is skipped: {why}");
        }
    }
}

/// Why a file was not read to its end.
pub(super) enum Unread {
    /// What the file holds is damaged, in words.
    Corrupt(String),
    /// It could not be read, or is damaged as [`is_corrupt`] says.
    Failed(io::Error),
    /// It has nothing to do with the file.
    Stop(Stop),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Unread::Failed(error)
    }
}

impl From<Stop> for Unread {
    fn from(stop: Stop) -> Self {
        Unread::Stop(stop)
    }
}

impl From<TaskError> for Unread {
    fn from(error: TaskError) -> Self {
        Unread::Stop(error.into())
    }
}

/// An error that says that the bytes of a file are not what they should be, which they will be
/// whenever they are read. No store has this kind of error.
pub(super) fn corrupt(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

/// Whether an error is one of [`corrupt`].
pub(super) fn is_corrupt(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// What may be done about a damaged file.
pub(super) fn hint() -> String {
    let key = FILES_IGNORE_CORRUPT_FILES.name();
    format!("`{key}` = true reads what comes before the damage, and skips the rest of such files")
}
