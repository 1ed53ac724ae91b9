//! The blocks of a receiver in the journal of a checkpoint directory.

use std::ops::Range;
use std::sync::{Arc, Weak};

use headwater_core::Wire;
use headwater_journal::Sequence;
use parking_lot::Mutex;

use super::StoreError;
use crate::checkpoint::{Entry, InputPast, InputRange, Keeper};
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
    ) -> Result<Sequence, StoreError> {
        let mut room = std::mem::take(&mut *self.room.lock());
        room.clear();
        room.shrink_to(ROOM_BYTES_MAX);
        let bytes = (self.encode)(records, room).map_err(|error| {
            StoreError::Checkpoint(format!("a record cannot be written: {error}").into())
        })?;
        let entry = Entry::Block {
            input: self.input,
            block,
            records: records.len() as u64,
            position: position.map(<[u8]>::to_vec),
            bytes: Vec::new(),
        };
        let keeper = self.keeper.upgrade().ok_or(StoreError::Stopped)?;
        let at = keeper.append_block(entry, &bytes).map_err(failed);
        *self.room.lock() = bytes;
        at
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

    /// The blocks of a batch, if it has blocks.
    pub(super) fn read_range(
        &self,
        past: &InputPast<'_>,
        range: &InputRange,
    ) -> Result<Option<Vec<Vec<T>>>, StreamError> {
        match range {
            InputRange::Blocks { from, to } => self.read_blocks(past, *from..*to).map(Some),
            InputRange::Source(_) => Ok(None),
        }
    }

    pub(super) fn read_blocks(
        &self,
        past: &InputPast<'_>,
        numbers: Range<u64>,
    ) -> Result<Vec<Vec<T>>, StreamError> {
        let blocks = past.blocks.range(numbers);
        blocks
            .map(|(_, block)| self.read(past, &block.parts))
            .collect()
    }

    fn read(&self, past: &InputPast<'_>, parts: &[u64]) -> Result<Vec<T>, StreamError> {
        let mut records = Vec::new();
        for part in parts {
            if let Entry::Block { bytes, .. } = past.keeper.read(Sequence(*part))? {
                let decoded = (self.decode)(&bytes).map_err(|error| {
                    past.keeper.failed(&format!(
                        "what a receiver stored cannot be read as its records: {error}"
                    ))
                })?;
                records.extend(decoded);
            }
        }
        Ok(records)
    }
}

fn failed(error: StreamError) -> StoreError {
    StoreError::Checkpoint(error.to_string().into())
}
