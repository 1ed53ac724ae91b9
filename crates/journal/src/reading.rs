//! Reading single records.

use headwater_store::Location;

use crate::error::JournalError;
use crate::journal::Journal;
use crate::scan::Group;
use crate::segments::{Body, read_group};
use crate::sequence::Sequence;

/// Where a record is.
enum Found {
    /// In memory: it is not durable yet.
    Waiting(Vec<u8>),
    Durable(Location, Group),
}

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
        let mut found = Vec::new();
        self.read_each(&[sequence], |record| found = record.to_vec())?;
        Ok(found)
    }

    /// Shows the records of these numbers, one after the other, as [`Journal::read`] would give
    /// them. What neighbours were committed together with is read once for all of them.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// let numbers = [journal.append(b"one")?, journal.append(b"two")?];
    /// journal.commit()?;
    /// let mut both = Vec::new();
    /// journal.read_each(&numbers, |record| both.extend_from_slice(record))?;
    /// assert_eq!(both, b"onetwo");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Journal::read`], for the first record that cannot be read.
    pub fn read_each(
        &self,
        sequences: &[Sequence],
        mut show: impl FnMut(&[u8]),
    ) -> Result<(), JournalError> {
        let mut body: Option<(Sequence, Body)> = None;
        for &sequence in sequences {
            let known = body.as_ref();
            if let Some(record) = known.and_then(|(first, body)| body.record(*first, sequence)) {
                show(record);
                continue;
            }
            match self.look_for(sequence)? {
                Found::Waiting(record) => show(&record),
                Found::Durable(segment, group) => {
                    let read = self.body_of(&segment, group, sequence)?;
                    let record = read.record(group.first, sequence);
                    show(record.ok_or(JournalError::Lost { sequence })?);
                    body = Some((group.first, read));
                }
            }
        }
        Ok(())
    }

    fn look_for(&self, sequence: Sequence) -> Result<Found, JournalError> {
        let state = self.state.lock();
        self.check(&state)?;
        let next = state.pending.end();
        if sequence >= next {
            return Err(JournalError::NotAppended { sequence, next });
        }
        let writing = state.writing.as_ref();
        let waiting = writing.and_then(|buffer| buffer.record(sequence));
        if let Some(record) = waiting.or_else(|| state.pending.record(sequence)) {
            return Ok(Found::Waiting(record.to_vec()));
        }
        let first = state.log.first();
        if sequence < first {
            return Err(JournalError::Forgotten { sequence, first });
        }
        let found = state.log.find(sequence);
        let (segment, group) = found.ok_or(JournalError::Lost { sequence })?;
        Ok(Found::Durable(segment.location.clone(), group))
    }

    fn body_of(
        &self,
        segment: &Location,
        group: Group,
        sequence: Sequence,
    ) -> Result<Body, JournalError> {
        read_group(segment, group).map_err(|error| {
            let first = self.first();
            match sequence < first {
                // It was forgotten while it was read.
                true => JournalError::Forgotten { sequence, first },
                false => error,
            }
        })
    }
}
