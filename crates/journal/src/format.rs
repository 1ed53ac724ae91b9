//! Format version 1: how the bytes of a segment are laid out.
//!
//! A segment is called `segment-` and the number of its first record in 20 digits. Integers
//! are little-endian; checksums are CRC-32C.
//!
//! A segment begins with a header, whose layout is the same in every version:
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `HWJRNL` and the bytes 13, 10 |
//! | 4 | format version |
//! | 4 | salt: a number drawn for this segment |
//! | 8 | number of the first record |
//! | 4 | checksum of the 24 bytes before |
//!
//! Then come groups, one for each commit:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | mark: F8 `HW` 8F |
//! | 4 | the segment's salt |
//! | 8 | length of the body |
//! | 8 | number of the first record |
//! | 4 | count of records |
//! | 4 | checksum of the body |
//! | 4 | checksum of the 32 bytes before |
//! | | the body: for each record its length in 4 bytes, and the record |
//!
//! The header has a checksum of its own so that a length is believed, and memory taken for it,
//! only when it is right. The salt tells the segment's own groups from the bytes of a journal
//! that is itself stored in a record, also when a reader searches for a mark in a damaged
//! group.
//!
//! A group with a count of 0 takes one number and holds no record: in an object store, an
//! opening puts it where the journal that was open before would write next.

use crate::sequence::Sequence;

/// The version that is written.
pub(crate) const VERSION: u32 = 1;

/// How the names of segments begin.
pub(crate) const SEGMENT_PREFIX: &str = "segment-";

/// What is put behind the name of a segment that was found damaged.
pub(crate) const DAMAGED_SUFFIX: &str = ".damaged";

/// How long the header of a segment is.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 28;

/// How long the header of a group is.
pub(crate) const GROUP_HEADER_BYTES: usize = 36;

/// How long the length before a record is.
pub(crate) const RECORD_HEADER_BYTES: usize = 4;

/// How each group begins.
pub(crate) const MARK: [u8; 4] = [0xF8, b'H', b'W', 0x8F];

const MAGIC: [u8; 8] = *b"HWJRNL\r\n";

/// What the beginning of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) version: u32,
    pub(crate) salt: u32,
    pub(crate) first: Sequence,
}

/// What the beginning of a group says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupHeader {
    pub(crate) salt: u32,
    pub(crate) body_bytes: u64,
    pub(crate) first: Sequence,
    pub(crate) count: u32,
    pub(crate) body_checksum: u32,
}

/// The name of the segment that begins with a record.
pub(crate) fn segment_name(first: Sequence) -> String {
    format!("{SEGMENT_PREFIX}{:020}", first.0)
}

/// The first record by the name of a segment, and whether it was found damaged before; `None`
/// for the names of other things.
pub(crate) fn parse_segment_name(name: &str) -> Option<(Sequence, bool)> {
    let rest = name.strip_prefix(SEGMENT_PREFIX)?;
    let whole = rest.strip_suffix(DAMAGED_SUFFIX);
    let digits = whole.unwrap_or(rest);
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((Sequence(digits.parse().ok()?), whole.is_some()))
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.version.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..24]);
        bytes[24..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header at the beginning of `segment`; `None` when there is none or it is damaged.
    pub(crate) fn decode(segment: &[u8]) -> Option<SegmentHeader> {
        let bytes = segment.get(..SEGMENT_HEADER_BYTES)?;
        if bytes[..8] != MAGIC || u32_at(bytes, 24)? != crc32c::crc32c(&bytes[..24]) {
            return None;
        }
        Some(SegmentHeader {
            version: u32_at(bytes, 8)?,
            salt: u32_at(bytes, 12)?,
            first: Sequence(u64_at(bytes, 16)?),
        })
    }
}

impl GroupHeader {
    pub(crate) fn encode(&self) -> [u8; GROUP_HEADER_BYTES] {
        let mut bytes = [0; GROUP_HEADER_BYTES];
        bytes[..4].copy_from_slice(&MARK);
        bytes[4..8].copy_from_slice(&self.salt.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.count.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.body_checksum.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..32]);
        bytes[32..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The header at the beginning of `bytes`; `None` when there is none or it is damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Option<GroupHeader> {
        let bytes = bytes.get(..GROUP_HEADER_BYTES)?;
        if bytes[..4] != MARK || u32_at(bytes, 32)? != crc32c::crc32c(&bytes[..32]) {
            return None;
        }
        Some(GroupHeader {
            salt: u32_at(bytes, 4)?,
            body_bytes: u64_at(bytes, 8)?,
            first: Sequence(u64_at(bytes, 16)?),
            count: u32_at(bytes, 24)?,
            body_checksum: u32_at(bytes, 28)?,
        })
    }

    /// The group at the beginning of `bytes` and its body, when it is there as a whole.
    pub(crate) fn with_body(bytes: &[u8]) -> Option<(GroupHeader, &[u8])> {
        let header = GroupHeader::decode(bytes)?;
        let behind = &bytes[GROUP_HEADER_BYTES..];
        let body = behind.get(..usize::try_from(header.body_bytes).ok()?)?;
        let whole = crc32c::crc32c(body) == header.body_checksum
            && header.first.0.checked_add(header.span()).is_some()
            && count_records(body) == Some(u64::from(header.count));
        whole.then_some((header, body))
    }

    /// How many numbers the group takes.
    pub(crate) fn span(&self) -> u64 {
        u64::from(self.count.max(1))
    }

    /// The number behind the group.
    pub(crate) fn end(&self) -> Sequence {
        self.first.plus(self.span())
    }
}

/// The records of a body; a `None` at the end stands for bytes that are no record.
pub(crate) fn records(mut body: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let record = u32_at(body, 0).and_then(|bytes| {
            body[RECORD_HEADER_BYTES..].split_at_checked(usize::try_from(bytes).ok()?)
        });
        let (record, rest) = record.map_or((None, &[][..]), |(record, rest)| (Some(record), rest));
        body = rest;
        Some(record)
    })
}

/// How many records a body of whole records holds.
fn count_records(body: &[u8]) -> Option<u64> {
    records(body).try_fold(0, |seen, record| record.map(|_| seen + 1))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
