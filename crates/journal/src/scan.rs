//! Finding the groups in the bytes of a segment, and what lies between them.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::format::{
    GROUP_HEADER_BYTES, GroupHeader, MARK, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES,
    SegmentHeader, VERSION, records,
};
use crate::sequence::Sequence;

/// A readable group and where it is in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) first: Sequence,
    /// The number behind it.
    pub(crate) end: Sequence,
    pub(crate) offset: u64,
    /// How long it is, header included.
    pub(crate) bytes: u64,
}

/// Something unreadable with a readable group behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) bytes: Range<u64>,
    pub(crate) lost: Range<Sequence>,
}

/// What is in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    pub(crate) groups: Vec<Group>,
    pub(crate) gaps: Vec<Gap>,
    /// The number behind the last group.
    pub(crate) end: Sequence,
    /// What is unreadable behind the last group; empty when nothing is.
    pub(crate) rest: Range<u64>,
}

/// Reads a segment that, by its name, begins with record `first`, in a journal whose earlier
/// segments end before record `expected`. Groups of records before that are taken for damage.
pub(crate) fn scan(bytes: &[u8], first: Sequence, expected: Sequence) -> Scan {
    let header = SegmentHeader::decode(bytes);
    let sound = header.is_some_and(|header| header.first == first);
    let mut salt = header.map(|header| header.salt);
    let (mut groups, mut gaps) = (Vec::new(), Vec::new());
    let mut next = first.max(expected);
    let mut readable_end = if sound { SEGMENT_HEADER_BYTES } else { 0 };
    let mut at = readable_end;
    let marks = Finder::new(&MARK);
    while at < bytes.len() {
        let group = GroupHeader::with_body(&bytes[at..]).map(|(header, _)| header);
        let ours =
            |group: &GroupHeader| salt.is_none_or(|salt| salt == group.salt) && group.first >= next;
        let Some(group) = group.filter(ours) else {
            let further = marks.find(&bytes[at + 1..]);
            at = further.map_or(bytes.len(), |distance| at + 1 + distance);
            continue;
        };
        if readable_end < at || next < group.first {
            gaps.push(Gap {
                bytes: readable_end as u64..at as u64,
                lost: next..group.first,
            });
        }
        let length = GROUP_HEADER_BYTES as u64 + group.body_bytes;
        groups.push(Group {
            first: group.first,
            end: group.end(),
            offset: at as u64,
            bytes: length,
        });
        salt = Some(group.salt);
        next = group.end();
        // The group is in memory as a whole, so its length is a length of memory.
        at += length as usize;
        readable_end = at;
    }
    Scan {
        groups,
        gaps,
        end: next,
        rest: readable_end as u64..bytes.len() as u64,
    }
}

/// What the bytes of a segment hold; see [`examine`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// The format version; `None` when the beginning of the segment is damaged.
    pub version: Option<u32>,
    /// The readable records: their numbers, and where in the segment each is.
    pub records: Vec<(Sequence, Range<usize>)>,
    /// The unreadable parts of the segment.
    pub damaged: Vec<Range<usize>>,
}

/// Looks into the bytes of a segment of which the name says that it begins with `first`: for
/// tools that look at a damaged one. A segment of a later format version has no readable
/// records. Memory is taken for what is found, never for what a damaged length says.
///
/// ```
/// use headwater_journal::{Journal, Options, Sequence, examine};
/// use headwater_store::Location;
/// # let dir = tempfile::tempdir()?;
/// let place = Location::at(dir.path())?;
/// let (journal, _) = Journal::open(&place, Options::default())?;
/// journal.append(b"hello")?;
/// journal.commit()?;
/// let bytes = place.join("segment-00000000000000000000").get()?;
/// let examined = examine(&bytes, Sequence(0));
/// assert_eq!(examined.records, [(Sequence(0), 68..73)]);
/// assert_eq!(&bytes[68..73], b"hello");
/// assert!(examined.damaged.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn examine(bytes: &[u8], first: Sequence) -> Examined {
    let version = SegmentHeader::decode(bytes).map(|header| header.version);
    let mut examined = Examined {
        version,
        records: Vec::new(),
        damaged: Vec::new(),
    };
    if version.is_some_and(|version| version != VERSION) {
        return examined;
    }
    let scan = scan(bytes, first, first);
    for group in &scan.groups {
        let offset = group.offset as usize;
        let mut at = offset + GROUP_HEADER_BYTES;
        let body = &bytes[at..offset + group.bytes as usize];
        for (number, record) in (group.first.0..).zip(records(body).flatten()) {
            at += RECORD_HEADER_BYTES;
            examined
                .records
                .push((Sequence(number), at..at + record.len()));
            at += record.len();
        }
    }
    let gaps = scan.gaps.into_iter().map(|gap| gap.bytes);
    let unreadable = gaps
        .chain(Some(scan.rest))
        .filter(|bytes| !bytes.is_empty());
    examined.damaged = unreadable
        .map(|bytes| bytes.start as usize..bytes.end as usize)
        .collect();
    examined
}

#[cfg(test)]
mod tests;
