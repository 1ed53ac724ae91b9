//! The group that is being filled in memory.

use crate::format::{GroupHeader, RECORD_HEADER_BYTES, records};
use crate::sequence::Sequence;

/// The records of one group, laid out as its body.
#[derive(Debug)]
pub(crate) struct Buffer {
    pub(crate) first: Sequence,
    pub(crate) count: u32,
    pub(crate) body: Vec<u8>,
}

impl Buffer {
    /// A group without records, in memory that was used before.
    pub(crate) fn begin(first: Sequence, mut memory: Vec<u8>) -> Self {
        memory.clear();
        Buffer {
            first,
            count: 0,
            body: memory,
        }
    }

    /// The number behind its last record.
    pub(crate) fn end(&self) -> Sequence {
        self.first.plus(u64::from(self.count))
    }

    /// Adds a record of so many bytes, which were checked to fit in 32 bits.
    pub(crate) fn push(&mut self, parts: &[&[u8]], bytes: u32) {
        self.body.reserve(RECORD_HEADER_BYTES + bytes as usize);
        self.body.extend_from_slice(&bytes.to_le_bytes());
        for part in parts {
            self.body.extend_from_slice(part);
        }
        self.count += 1;
    }

    pub(crate) fn record(&self, sequence: Sequence) -> Option<&[u8]> {
        record_of(&self.body, self.first, sequence)
    }

    /// The header for a segment with this salt.
    pub(crate) fn header(&self, salt: u32) -> GroupHeader {
        GroupHeader {
            salt,
            body_bytes: self.body.len() as u64,
            first: self.first,
            count: self.count,
            body_checksum: crc32c::crc32c(&self.body),
        }
    }
}

/// The record of a number in a body that begins with record `first`.
pub(crate) fn record_of(body: &[u8], first: Sequence, sequence: Sequence) -> Option<&[u8]> {
    let place = usize::try_from(sequence.0.checked_sub(first.0)?).ok()?;
    records(body).nth(place)?
}
