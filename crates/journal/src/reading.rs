//! Reading single records.

use crate::buffer::record_of;
use crate::error::JournalError;
use crate::journal::Journal;
use crate::segments::read_group;
use crate::sequence::Sequence;

impl Journal {
    /// The record of a number, durable or not yet. A durable one is read from its segment,
    /// with all that was committed together with it, and checked.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// let number = journal.append(b"block")?;
    /// assert_eq!(journal.read(number)?, b"block");
    /// journal.sync_to(number)?;
    /// assert_eq!(journal.read(number)?, b"block");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Forgotten`], [`JournalError::NotAppended`] and [`JournalError::Lost`]
    /// when there is no such record, [`JournalError::Damaged`] when it is not any more what
    /// was written, and [`JournalError::Poisoned`].
    pub fn read(&self, sequence: Sequence) -> Result<Vec<u8>, JournalError> {
        let state = self.state.lock();
        self.check(&state)?;
        let next = state.pending.end();
        if sequence >= next {
            return Err(JournalError::NotAppended { sequence, next });
        }
        let writing = state.writing.as_ref();
        let waiting = writing.and_then(|buffer| buffer.record(sequence));
        if let Some(record) = waiting.or_else(|| state.pending.record(sequence)) {
            return Ok(record.to_vec());
        }
        let first = state.log.first();
        if sequence < first {
            return Err(JournalError::Forgotten { sequence, first });
        }
        let (segment, group) = match state.log.find(sequence) {
            Some((segment, group)) => (segment.location.clone(), group),
            None => return Err(JournalError::Lost { sequence }),
        };
        drop(state);
        let body = read_group(&segment, group).map_err(|error| {
            let first = self.first();
            match sequence < first {
                // It was forgotten while it was read.
                true => JournalError::Forgotten { sequence, first },
                false => error,
            }
        })?;
        let record = record_of(&body, group.first, sequence);
        Ok(record.ok_or(JournalError::Lost { sequence })?.to_vec())
    }
}
