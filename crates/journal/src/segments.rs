//! The index of the log: which groups of records are where.

use std::collections::VecDeque;

use headwater_store::Location;

use crate::buffer::record_of;
use crate::error::JournalError;
use crate::format::GroupHeader;
use crate::medium::Placed;
use crate::scan::Group;
use crate::sequence::Sequence;

/// A segment of the log and the groups in it, in order.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) first: Sequence,
    pub(crate) location: Location,
    pub(crate) bytes: u64,
    /// It was set aside: it is read, and kept for somebody to look at.
    pub(crate) is_damaged: bool,
    pub(crate) groups: Vec<Group>,
}

/// All segments, oldest first, and the number behind the last durable record.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) end: Sequence,
}

impl Log {
    /// The number of the first record that is left, or of the next one when none is.
    pub(crate) fn first(&self) -> Sequence {
        self.segments
            .front()
            .map_or(self.end, |segment| segment.first)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The segment and the group in which a record is; `None` when it was lost.
    pub(crate) fn find(&self, sequence: Sequence) -> Option<(&Segment, Group)> {
        let behind = self
            .segments
            .partition_point(|segment| segment.first <= sequence);
        let segment = self.segments.get(behind.checked_sub(1)?)?;
        let behind = segment
            .groups
            .partition_point(|group| group.first <= sequence);
        let group = *segment.groups.get(behind.checked_sub(1)?)?;
        (sequence < group.end).then_some((segment, group))
    }

    /// Adds a group that is durable now.
    pub(crate) fn add(&mut self, placed: Placed) {
        let Placed { group, begun } = placed;
        if let Some(location) = begun {
            self.begin(group.first, location, group.offset);
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes = group.offset + group.bytes;
            segment.groups.push(group);
        }
        self.end = group.end;
    }

    /// Adds a segment without groups, in place of one that had none either.
    pub(crate) fn begin(&mut self, first: Sequence, location: Location, bytes: u64) {
        self.segments.pop_back_if(|last| last.location == location);
        self.segments.push_back(Segment {
            first,
            location,
            bytes,
            is_damaged: false,
            groups: Vec::new(),
        });
    }
}

/// What a group holds, as it was read.
#[derive(Debug, Default)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    /// Where the body begins, behind its header: it is not copied to be rid of that.
    start: usize,
}

impl Body {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The record of a number, if the group begins with record `first`.
    pub(crate) fn record(&self, first: Sequence, sequence: Sequence) -> Option<&[u8]> {
        record_of(self.bytes(), first, sequence)
    }
}

/// Reads a group, which must still be what it was when it was found.
pub(crate) fn read_group(segment: &Location, group: Group) -> Result<Body, JournalError> {
    let bytes = segment.get_range(group.offset..group.offset + group.bytes)?;
    let whole = GroupHeader::with_body(&bytes)
        .filter(|(header, _)| header.first == group.first && header.end() == group.end)
        .map(|(_, body)| body.len());
    match whole {
        Some(body_bytes) => {
            let start = bytes.len() - body_bytes;
            Ok(Body { bytes, start })
        }
        None => Err(JournalError::Damaged {
            segment: segment.to_string(),
            offset: group.offset,
        }),
    }
}
