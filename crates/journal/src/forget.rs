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

    /// Begins a new segment when the last one holds only what can go.
    fn roll_before(&self, sequence: Sequence) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        self.wait_for_leader(&mut state);
        self.check(&state)?;
        let end = state.log.end;
        let last = state.log.segments.back();
        if !last.is_some_and(|last| end <= sequence && !last.groups.is_empty()) {
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
