//! The blocks of a receiver in the journal of a checkpoint directory.

use std::sync::{Arc, Weak};

use headwater_core::Wire;
use headwater_journal::Sequence;
use parking_lot::Mutex;

use super::StoreError;
use crate::checkpoint::{Entry, Keeper};
use crate::error::StreamError;

/// The memory of a part that was longer is not kept.
const ROOM_BYTES_MAX: usize = 1 << 20;

/// Writes and reads the blocks of one input.
pub(super) struct BlockLog<T> {
    /// Whoever holds on to an input must not hold on to the directory.
    keeper: Weak<Keeper>,
    input: usize,
    encode: fn(&[T], Vec<u8>) -> Result<Vec<u8>, postcard::Error>,
    /// The memory of the part before, for the next one.
    room: Mutex<Vec<u8>>,
    decode: fn(&[u8]) -> Result<Vec<T>, postcard::Error>,
}

/// A part of a block in the journal.
pub(super) struct Part {
    pub(super) at: Sequence,
    pub(super) bytes: u64,
}

impl<T: Wire> BlockLog<T> {
    pub(super) fn new(keeper: &Arc<Keeper>, input: usize) -> Self {
        BlockLog {
            keeper: Arc::downgrade(keeper),
            input,
            room: Mutex::default(),
            encode: |records, to| postcard::to_extend(records, to),
            decode: |bytes| postcard::from_bytes(bytes),
        }
    }
}

impl<T> BlockLog<T> {
    /// Appends a part of a block; with the position of the source after it, if it is known.
    pub(super) fn append(
        &self,
        block: u64,
        records: &[T],
        position: Option<&[u8]>,
    ) -> Result<Part, StoreError> {
        let mut room = std::mem::take(&mut *self.room.lock());
        room.clear();
        room.shrink_to(ROOM_BYTES_MAX);
        let encoded = (self.encode)(records, room).map_err(|error| {
            StoreError::Checkpoint(format!("a record cannot be written: {error}").into())
        })?;
        let bytes = encoded.len() as u64;
        let entry = Entry::Block {
            input: self.input,
            block,
            records: records.len() as u64,
            position: position.map(<[u8]>::to_vec),
            bytes: Vec::new(),
        };
        let keeper = self.keeper.upgrade().ok_or(StoreError::Stopped)?;
        let at = keeper.append_block(entry, &encoded).map_err(failed);
        *self.room.lock() = encoded;
        Ok(Part { at: at?, bytes })
    }

    /// Has the parts that were appended made safe, without waiting for it.
    pub(super) fn flush_soon(&self) {
        if let Some(keeper) = self.keeper.upgrade() {
            keeper.flush_soon();
        }
    }

    /// Returns once a part is safe.
    pub(super) fn sync_to(&self, at: Sequence) -> Result<(), StoreError> {
        let keeper = self.keeper.upgrade().ok_or(StoreError::Stopped)?;
        keeper.sync_to(at).map_err(failed)
    }

    /// The records of a block, of whose parts these are the numbers.
    pub(super) fn read(&self, parts: &[Sequence]) -> Result<Vec<T>, String> {
        let keeper = self.keeper.upgrade();
        let keeper = keeper.ok_or("it lies in the journal of a stream that has ended")?;
        let mut records = Vec::new();
        let decode = |bytes: &[u8]| {
            let decoded = (self.decode)(bytes);
            records.extend(decoded.map_err(|error| {
                format!("what a receiver stored is not its records any more: {error}")
            })?);
            Ok(())
        };
        let read = keeper.read_block(parts, decode);
        read.map_err(|error| error.to_string())?;
        Ok(records)
    }
}

fn failed(error: StreamError) -> StoreError {
    StoreError::Checkpoint(error.to_string().into())
}
