//! What an earlier process left: records, a torn end, damage.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use crate::buffer::record_of;
use crate::error::JournalError;
use crate::format::{GROUP_HEADER_BYTES, RECORD_HEADER_BYTES};
use crate::journal::Size;
use crate::scan::Group;
use crate::segments::{Body, Segment, read_group};
use crate::sequence::Sequence;

/// What was found when a journal was opened, or [looked into](crate::Journal::inspect).
#[derive(Debug)]
pub struct Recovered {
    pub(crate) segments: VecDeque<Segment>,
    /// The number behind the last record.
    pub(crate) end: Sequence,
    pub(crate) torn: Option<Torn>,
    pub(crate) damaged: Vec<Damage>,
}

/// The end of the last segment held no complete group, and was cut off: a process died while
/// it wrote what it had not yet acknowledged. (A last group that was acknowledged and whose
/// bytes changed later looks the same.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment's place.
    pub segment: String,
    /// Where it ends now.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// A part of the journal before its end that cannot be read. Opening sets its segment aside under
/// its name with `.damaged` behind it; what is readable in it still counts, until it is
/// forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's place. A missing segment is called as if its first record were the first
    /// that is missing.
    pub segment: String,
    /// The part of the segment that is unreadable; empty when the segment is missing.
    pub bytes: Range<u64>,
    /// The numbers of the records that are lost; empty when only bytes are damaged that held
    /// none, such as the header of a segment.
    pub lost: Range<Sequence>,
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Torn {
            segment,
            offset,
            bytes,
        } = self;
        write!(f, "{bytes} bytes at {offset} of {segment}")
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Range { start, end }, lost) = (&self.bytes, &self.lost);
        if start == end {
            write!(f, "{} is missing", self.segment)?;
        } else {
            write!(
                f,
                "{} cannot be read from byte {start} to {end}",
                self.segment
            )?;
        }
        match lost.end.0.saturating_sub(lost.start.0) {
            0 => Ok(()),
            1 => write!(f, "; entry {} is lost", lost.start),
            records => write!(f, "; {records} entries from {} on are lost", lost.start),
        }
    }
}

impl Recovered {
    /// The readable records from number `start` on, in order. One group of records, as much as
    /// was committed at once, is in memory at a time. Records that were forgotten or lost are
    /// left out: compare [`Recovered::damaged`] where that matters.
    ///
    /// The iterator ends after the first error: a segment cannot be read, or changed or was
    /// forgotten since the journal was opened.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options, Sequence};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let place = Location::at(dir.path())?;
    /// let (journal, _) = Journal::open(&place, Options::default())?;
    /// for record in [b"a", b"b", b"c"] {
    ///     journal.append(record)?;
    /// }
    /// journal.commit()?;
    /// drop(journal);
    /// let (_journal, recovered) = Journal::open(&place, Options::default())?;
    /// let from_one: Result<Vec<_>, _> = recovered.records_from(Sequence(1)).collect();
    /// assert_eq!(from_one?, [(Sequence(1), b"b".to_vec()), (Sequence(2), b"c".to_vec())]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn records_from(&self, start: Sequence) -> Records<'_> {
        let behind = self.segments.partition_point(|s| s.first <= start);
        Records {
            segments: &self.segments,
            segment: behind.saturating_sub(1),
            group: 0,
            next: start,
            body: Body::default(),
            body_at: 0,
            body_next: Sequence(0),
            failed: false,
        }
    }

    /// The number of the first record that was not forgotten, as [`Journal::first`] has it.
    ///
    /// [`Journal::first`]: crate::Journal::first
    #[must_use]
    pub fn first(&self) -> Sequence {
        self.segments.front().map_or(self.end, |first| first.first)
    }

    /// The number behind the last record that was found.
    #[must_use]
    pub fn end(&self) -> Sequence {
        self.end
    }

    /// Whether nothing was ever written: what openings alone leave behind, of which each takes a
    /// number in an object store.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let place = Location::at(dir.path())?;
    /// let (journal, recovered) = Journal::open(&place, Options::default())?;
    /// assert!(recovered.is_unwritten());
    /// journal.append(b"one")?;
    /// journal.commit()?;
    /// drop(journal);
    /// let (_journal, recovered) = Journal::open(&place, Options::default())?;
    /// assert!(!recovered.is_unwritten());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_unwritten(&self) -> bool {
        let mut groups = self.segments.iter().flat_map(|segment| &segment.groups);
        let is_empty = |group: &Group| group.bytes == GROUP_HEADER_BYTES as u64;
        self.first() == Sequence(0) && self.damaged.is_empty() && groups.all(is_empty)
    }

    /// The numbers with which the segments begin that were found, oldest first. Each opening
    /// writes to a segment of its own, so what it wrote first is one of them.
    ///
    /// ```
    /// use headwater_journal::{Journal, Options, Sequence};
    /// use headwater_store::Location;
    /// # let dir = tempfile::tempdir()?;
    /// let place = Location::at(dir.path())?;
    /// for record in [b"a", b"b"] {
    ///     let (journal, _) = Journal::open(&place, Options::default())?;
    ///     journal.append(record)?;
    ///     journal.commit()?;
    /// }
    /// let recovered = Journal::inspect(&place)?;
    /// let begun: Vec<_> = recovered.segments_begun().collect();
    /// assert_eq!(begun, [Sequence(0), Sequence(1)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn segments_begun(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.segments.iter().map(|segment| segment.first)
    }

    /// What the journal takes in its directory; without a torn end once that is cut off.
    #[must_use]
    pub fn size(&self) -> Size {
        Size {
            bytes: self.segments.iter().map(|segment| segment.bytes).sum(),
            segments: self.segments.len(),
        }
    }

    /// The end that was cut off, if one was; after [`Journal::inspect`] it is still there.
    ///
    /// [`Journal::inspect`]: crate::Journal::inspect
    #[must_use]
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// The parts that are lost, oldest first. Each opening reports them again until they are
    /// forgotten.
    #[must_use]
    pub fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}

/// The records of a journal in order; see [`Recovered::records_from`].
#[derive(Debug)]
pub struct Records<'a> {
    segments: &'a VecDeque<Segment>,
    /// The segment and the group in it that come next.
    segment: usize,
    group: usize,
    /// Records before this one are left out.
    next: Sequence,
    /// The group that is being read: what of it is read, and the number at that place.
    body: Body,
    body_at: usize,
    body_next: Sequence,
    failed: bool,
}

impl Records<'_> {
    /// Reads the next group that holds wanted records.
    fn advance(&mut self) -> Result<bool, JournalError> {
        loop {
            let Some(segment) = self.segments.get(self.segment) else {
                return Ok(false);
            };
            let Some(&group) = segment.groups.get(self.group) else {
                self.segment += 1;
                self.group = 0;
                continue;
            };
            self.group += 1;
            if group.end <= self.next {
                continue;
            }
            self.body = read_group(&segment.location, group)?;
            self.body_at = 0;
            self.body_next = group.first;
            return Ok(true);
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<(Sequence, Vec<u8>), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.failed {
            let rest = self.body.bytes().get(self.body_at..).unwrap_or_default();
            if let Some(record) = record_of(rest, self.body_next, self.body_next) {
                let sequence = self.body_next;
                self.body_at += RECORD_HEADER_BYTES + record.len();
                self.body_next = sequence.plus(1);
                if sequence < self.next {
                    continue;
                }
                return Some(Ok((sequence, record.to_vec())));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
