//! Looking into a journal that may be somebody else's.

use headwater_store::{Location, StoreError};

use crate::error::JournalError;
use crate::journal::Journal;
use crate::recovered::Recovered;
use crate::recovery::look;

/// How often a journal is read anew because segments were forgotten meanwhile.
const ATTEMPTS_MAX: usize = 16;

impl Journal {
    /// Finds out what is in a journal and changes nothing: a torn end stays, damaged segments
    /// keep their names, and whoever has the journal open keeps it and can go on writing.
    ///
    /// What is found is what was durable at a moment during the call, and a torn end may be a
    /// write that is under way. A directory that is not there holds an empty journal.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options, Sequence};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let place = Location::at(dir.path().join("journal"))?;
    /// assert_eq!(Journal::inspect(&place)?.end(), Sequence(0));
    /// let (journal, _) = Journal::open(&place, Options::default())?;
    /// journal.append(b"one")?;
    /// journal.commit()?;
    /// let found = Journal::inspect(&place)?;
    /// assert_eq!((found.first(), found.end()), (Sequence(0), Sequence(1)));
    /// journal.append(b"two")?;
    /// journal.commit()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::NewerVersion`] when a later release wrote a segment,
    /// [`JournalError::Store`] when something cannot be read.
    pub fn inspect(directory: &Location) -> Result<Recovered, JournalError> {
        let mut attempt = 1;
        loop {
            match look(directory) {
                // A segment was forgotten after it was listed.
                Err(JournalError::Store(StoreError::NotFound { .. })) if attempt < ATTEMPTS_MAX => {
                    attempt += 1;
                }
                found => return found,
            }
        }
    }
}
