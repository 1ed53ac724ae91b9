//! The journal: records gather in memory and become durable together.

mod leading;
mod takeover;

use std::fs::File;
use std::sync::Arc;

use headwater_store::{Durability, Location};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::buffer::Buffer;
use crate::error::JournalError;
use crate::format::RECORD_HEADER_BYTES;
use crate::medium::{Disk, Files, Medium, System};
use crate::options::Options;
use crate::owner::lock;
use crate::recovered::Recovered;
use crate::recovery::recover;
use crate::segments::Log;
use crate::sequence::Sequence;
use crate::statistics::Statistics;
use takeover::take_over;

/// An open journal; see the crate's page.
///
/// All methods may be called from any number of threads. After a write or a sync has failed, or
/// somebody else has opened the journal in an object store, it is poisoned: the call that needed
/// it and all later ones give [`JournalError::Poisoned`], and nothing is written any more.
///
/// Dropping it writes nothing: records that nobody committed are gone.
pub struct Journal {
    pub(crate) directory: Location,
    options: Options,
    pub(crate) state: Mutex<State>,
    /// A write has ended, well or badly.
    changed: Condvar,
    /// Held by the one thread that writes for all.
    pub(crate) medium: Mutex<Medium>,
    /// Held while segments are removed.
    pub(crate) forgetting: Mutex<()>,
    /// Keeps other processes out as long as it is open.
    _lock: Option<File>,
}

pub(crate) struct State {
    pub(crate) log: Log,
    /// What was appended since the last write began.
    pub(crate) pending: Buffer,
    /// What is being written.
    pub(crate) writing: Option<Arc<Buffer>>,
    /// The memory of a group that was written, for the next one.
    spare: Vec<u8>,
    /// Somebody is writing.
    is_led: bool,
    poison: Option<Arc<JournalError>>,
    statistics: Statistics,
}

/// What a journal takes in its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The length of all segments together.
    pub bytes: u64,
    /// How many there are.
    pub segments: usize,
}

impl Journal {
    /// Opens the journal in a directory, or makes one, and finds out what is in it. Every
    /// segment is read and checked, one at a time.
    ///
    /// What is half written at the end is cut off, and damaged segments are set aside;
    /// [`Recovered`] tells about both. The journal goes on in a new segment.
    ///
    /// ```
    /// use headwater_journal::{Journal, JournalError, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let place = Location::at(dir.path().join("journal"))?;
    /// let (_journal, recovered) = Journal::open(&place, Options::default())?;
    /// assert!(recovered.torn().is_none() && recovered.damaged().is_empty());
    /// let error = Journal::open(&place, Options::default()).unwrap_err();
    /// assert!(matches!(error, JournalError::InUse { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::InUse`] when another process has the journal in a local directory
    /// open. In an object store the later opening wins, and the earlier journal is poisoned
    /// with [`JournalError::TakenOver`] when it writes next.
    /// [`JournalError::NewerVersion`] when a later release wrote a segment, which stays as it
    /// is.
    /// [`JournalError::Store`] when something cannot be read or written.
    pub fn open(
        directory: &Location,
        options: Options,
    ) -> Result<(Journal, Recovered), JournalError> {
        Self::open_on(directory, options, Box::new(System))
    }

    pub(crate) fn open_on(
        directory: &Location,
        options: Options,
        disk: Box<dyn Disk>,
    ) -> Result<(Journal, Recovered), JournalError> {
        let (medium, lock, log, recovered) = if directory.as_path().is_some() {
            directory.create_dir(Durability::Synced)?;
            let lock = lock(directory)?;
            let (log, recovered) = recover(directory, Some(&*disk))?;
            let files = Files::new(directory.clone(), disk, options.segment_bytes);
            (Medium::Files(files), lock, log, recovered)
        } else {
            let (medium, log, recovered) = take_over(directory)?;
            (medium, None, log, recovered)
        };
        let state = State {
            pending: Buffer::begin(log.end, Vec::new()),
            log,
            writing: None,
            spare: Vec::new(),
            is_led: false,
            poison: None,
            statistics: Statistics::default(),
        };
        let journal = Journal {
            directory: directory.clone(),
            options,
            state: Mutex::new(state),
            changed: Condvar::new(),
            medium: Mutex::new(medium),
            forgetting: Mutex::new(()),
            _lock: lock,
        };
        Ok((journal, recovered))
    }

    /// Takes a record into memory and gives it its number. It is durable once
    /// [`Journal::sync_to`] or [`Journal::commit`] says so, and never before.
    ///
    /// Returns at once, unless more than [`Options::buffer_bytes_max`] would wait in memory:
    /// then it commits first, or waits for who does.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options, Sequence};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// assert_eq!(journal.append(b"one")?, Sequence(0));
    /// assert_eq!(journal.append(b"two")?, Sequence(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::RecordTooLong`], and [`JournalError::Poisoned`].
    pub fn append(&self, record: &[u8]) -> Result<Sequence, JournalError> {
        self.append_parts(&[record])
    }

    /// As [`Journal::append`] for a record that is made of several parts, which saves copying
    /// them together first.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// let number = journal.append_parts(&[b"key=", b"value"])?;
    /// assert_eq!(journal.read(number)?, b"key=value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_parts(&self, parts: &[&[u8]]) -> Result<Sequence, JournalError> {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        let bytes_max = self.options.record_bytes_max as u64;
        let bytes = u32::try_from(length).ok().filter(|_| length <= bytes_max);
        let bytes = bytes.ok_or(JournalError::RecordTooLong {
            bytes: length,
            bytes_max,
        })?;
        let mut state = self.state.lock();
        loop {
            self.check(&state)?;
            if state.has_room(length, self.options.buffer_bytes_max as u64) {
                let sequence = state.pending.end();
                state.pending.push(parts, bytes);
                return Ok(sequence);
            }
            self.lead_or_wait(&mut state);
        }
    }

    /// Returns when all records up to and with this one are durable.
    ///
    /// The first who comes writes and syncs for everybody whose records are in memory; those
    /// who come meanwhile share the next write.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// std::thread::scope(|scope| {
    ///     for worker in 0..4_u8 {
    ///         let journal = &journal;
    ///         scope.spawn(move || journal.sync_to(journal.append(&[worker])?));
    ///     }
    /// });
    /// assert_eq!(journal.next().0, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Poisoned`]: whether the record is durable is not known then.
    /// [`JournalError::NotAppended`] when no record has this number yet.
    pub fn sync_to(&self, sequence: Sequence) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        self.check(&state)?;
        let next = state.pending.end();
        if sequence >= next {
            return Err(JournalError::NotAppended { sequence, next });
        }
        self.sync_before(&mut state, sequence.plus(1))
    }

    /// Returns when every record that was appended before the call is durable.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// journal.append(b"one")?;
    /// assert_eq!(journal.size().bytes, 0);
    /// journal.commit()?;
    /// assert_eq!(journal.size().segments, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Poisoned`].
    pub fn commit(&self) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        let end = state.pending.end();
        self.sync_before(&mut state, end)
    }

    /// Makes sure that nobody has taken the journal over until now, for who is about to write or
    /// delete something beside it that belongs to it. In an object store that takes a request,
    /// and a moment later it may be otherwise; locally nobody can, as long as it is open.
    ///
    /// ```
    /// use headwater_journal::{Journal, JournalError, Options};
    /// use headwater_store::Location;
    /// let place = Location::at("memory://taken")?;
    /// let (first, _) = Journal::open(&place, Options::default())?;
    /// first.confirm()?;
    /// let (_second, _) = Journal::open(&place, Options::default())?;
    /// assert!(matches!(first.confirm(), Err(JournalError::Poisoned { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Poisoned`] when somebody has: the journal takes nothing any more then.
    /// [`JournalError::Store`] when the store does not say; it may be asked again.
    pub fn confirm(&self) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        self.wait_for_leader(&mut state);
        self.check(&state)?;
        let confirmed = self.leading(&mut state, || match self.medium.lock().confirm() {
            Err(error @ JournalError::TakenOver { .. }) => Err(error),
            // Nothing was written, so there is nothing that nobody knows now.
            asked => Ok(asked),
        });
        self.check(&state)?;
        confirmed.unwrap_or(Ok(()))
    }

    fn sync_before(
        &self,
        state: &mut MutexGuard<'_, State>,
        end: Sequence,
    ) -> Result<(), JournalError> {
        loop {
            self.check(state)?;
            if state.log.end >= end {
                return Ok(());
            }
            self.lead_or_wait(state);
        }
    }

    /// The number of the first record that was not forgotten; [`Journal::next`] when there is
    /// none. What is lost by damage counts as if it were there.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// journal.append(b"one")?;
    /// assert_eq!((journal.first().0, journal.next().0), (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn first(&self) -> Sequence {
        self.state.lock().log.first()
    }

    /// The number that the next record will have.
    #[must_use]
    pub fn next(&self) -> Sequence {
        self.state.lock().pending.end()
    }

    /// What the journal takes in its directory, not counting what waits in memory.
    #[must_use]
    pub fn size(&self) -> Size {
        let state = self.state.lock();
        Size {
            bytes: state.log.bytes(),
            segments: state.log.segments.len(),
        }
    }

    /// What was written since the journal was opened, and how long that took.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// journal.append(b"one")?;
    /// journal.append(b"two")?;
    /// journal.commit()?;
    /// let statistics = journal.statistics();
    /// assert_eq!((statistics.records, statistics.syncs.count), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.state.lock().statistics
    }

    pub(crate) fn check(&self, state: &State) -> Result<(), JournalError> {
        match &state.poison {
            None => Ok(()),
            Some(cause) => Err(JournalError::Poisoned {
                directory: self.directory.to_string(),
                cause: cause.clone(),
            }),
        }
    }
}

impl State {
    /// Whether a record still fits in memory: there is always room for one.
    fn has_room(&self, length: u64, bytes_max: u64) -> bool {
        let writing = self.writing.as_ref().map_or(0, |buffer| buffer.body.len());
        let waiting = (self.pending.body.len() + writing) as u64;
        let fits = length + RECORD_HEADER_BYTES as u64 <= bytes_max.saturating_sub(waiting);
        waiting == 0 || (fits && self.pending.count < u32::MAX)
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
