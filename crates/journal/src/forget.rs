//! Removing what nobody needs any more.

use headwater_store::{Durability, StoreError};

use crate::error::JournalError;
use crate::format::{DAMAGED_SUFFIX, SEGMENT_HEADER_BYTES, SEGMENT_PREFIX};
use crate::journal::{Journal, State};
use crate::segments::Segment;
use crate::sequence::Sequence;

/// How the names of damaged segments begin that were forgotten.
const FORGOTTEN_DAMAGE_PREFIX: &str = "damaged-";

impl Journal {
    /// Removes the segments that hold only records before this one, oldest first. More than
    /// asked for is never removed, and less as a rule: records go by whole segments.
    ///
    /// A damaged segment is kept as `damaged-` and its number, for somebody to look at and
    /// remove; the journal does not look at it again. An interruption leaves some segments
    /// that a later call removes.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// journal.append(b"old")?;
    /// journal.commit()?;
    /// journal.forget_before(journal.next())?;
    /// assert_eq!(journal.first().0, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Store`] when a segment cannot be removed: it and those behind it are
    /// kept, and may be forgotten later. [`JournalError::Poisoned`].
    pub fn forget_before(&self, sequence: Sequence) -> Result<(), JournalError> {
        let _alone = self.forgetting.lock();
        self.roll_before(sequence)?;
        loop {
            let mut state = self.state.lock();
            self.check(&state)?;
            let Some(segment) = state.take_before(sequence) else {
                return Ok(());
            };
            drop(state);
            if let Err(error) = remove(&segment) {
                self.state.lock().log.segments.push_front(segment);
                return Err(error.into());
            }
        }
    }

    /// Begins a new segment if the last one is at least so long, so that what is in it can be
    /// forgotten without waiting until it is full. In an object store, where each commit is a
    /// segment, nothing happens.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let (journal, _) = Journal::open(&Location::at(dir.path())?, Options::default())?;
    /// let old = journal.append(&[7; 1000])?;
    /// journal.sync_to(old)?;
    /// journal.roll_from(1000)?;
    /// let new = journal.append(b"new")?;
    /// journal.sync_to(new)?;
    /// journal.forget_before(new)?;
    /// assert_eq!(journal.first(), new);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Poisoned`].
    pub fn roll_from(&self, bytes: u64) -> Result<(), JournalError> {
        let _alone = self.forgetting.lock();
        self.roll_if(|last, _| last.bytes >= bytes)
    }

    /// Begins a new segment when the last one holds only what can go.
    fn roll_before(&self, sequence: Sequence) -> Result<(), JournalError> {
        self.roll_if(|_, end| end <= sequence)
    }

    /// Begins a new segment when the last one is to have no more records, of which the number
    /// behind the last one is given.
    fn roll_if(&self, is_wanted: impl Fn(&Segment, Sequence) -> bool) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        self.wait_for_leader(&mut state);
        self.check(&state)?;
        let end = state.log.end;
        let last = state.log.segments.back();
        if !last.is_some_and(|last| !last.groups.is_empty() && is_wanted(last, end)) {
            return Ok(());
        }
        let rolled = self.leading(&mut state, || self.medium.lock().roll(end));
        if let Some(Some(place)) = rolled {
            state.log.begin(end, place, SEGMENT_HEADER_BYTES as u64);
        }
        self.check(&state)
    }
}

impl State {
    /// Takes the oldest segment out if all its records are older. The last one stays: it says
    /// how far the numbers have come.
    fn take_before(&mut self, sequence: Sequence) -> Option<Segment> {
        let behind = self.log.segments.get(1)?.first;
        if behind > sequence {
            return None;
        }
        self.log.segments.pop_front()
    }
}

fn remove(segment: &Segment) -> Result<(), StoreError> {
    if !segment.is_damaged {
        return segment.location.delete();
    }
    let name = segment.location.name();
    let number = name.trim_start_matches(SEGMENT_PREFIX);
    let number = number.trim_end_matches(DAMAGED_SUFFIX);
    let kept = segment
        .location
        .with_name(&format!("{FORGOTTEN_DAMAGE_PREFIX}{number}"));
    segment.location.rename_to(&kept, Durability::Cached)
}
