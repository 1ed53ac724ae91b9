//! A block of records, wherever it lies, and the partition that it becomes.

use std::sync::Arc;

use headwater_core::{
    Context, Emitter, PackedRecords, PartitionSource, Record, Wire, estimate_bytes,
};
use headwater_journal::Sequence;
use parking_lot::Mutex;

use super::block_log::BlockLog;
use crate::time::Time;

/// A closed block. It may change its place while batches wait for it, and while they read it.
pub(crate) struct Block<T> {
    number: u64,
    logged: Option<Logged<T>>,
    /// Where the records are, if not in the log alone.
    copy: Mutex<Option<Copy<T>>>,
}

/// Where the records of a block lie in the journal.
pub(super) struct Logged<T> {
    pub(super) log: Arc<BlockLog<T>>,
    pub(super) parts: Vec<Sequence>,
    pub(super) bytes: u64,
}

enum Copy<T> {
    Records(Arc<Vec<T>>),
    Packed(PackedRecords<T>),
}

impl<T> Clone for Copy<T> {
    fn clone(&self) -> Self {
        match self {
            Copy::Records(records) => Copy::Records(records.clone()),
            Copy::Packed(packed) => Copy::Packed(packed.clone()),
        }
    }
}

/// What has to be known of records to pack them, which the contract of receivers does not ask
/// for.
pub(super) struct Packing<T> {
    pack: fn(&[T]) -> Result<PackedRecords<T>, String>,
    pub(super) estimate_bytes: fn(&[T]) -> u64,
}

impl<T: Wire> Packing<T> {
    pub(super) fn new() -> Self {
        Packing {
            pack: PackedRecords::pack,
            estimate_bytes,
        }
    }
}

impl<T> Block<T> {
    pub(super) fn new(number: u64, records: Arc<Vec<T>>, logged: Option<Logged<T>>) -> Self {
        Block {
            number,
            logged,
            copy: Mutex::new(Some(Copy::Records(records))),
        }
    }

    /// A block of which only the journal has the records.
    pub(super) fn restored(number: u64, logged: Logged<T>) -> Self {
        Block {
            number,
            logged: Some(logged),
            copy: Mutex::new(None),
        }
    }

    /// Keeps bytes in memory in place of the records.
    pub(super) fn keep_packed(&self, packed: PackedRecords<T>) {
        self.replace(Some(Copy::Packed(packed)));
    }

    /// Moves the records out of memory: how many bytes they take where they are now. The
    /// journal has them anyway; without one they are written to a file.
    pub(super) fn leave_memory(
        &self,
        packing: &Packing<T>,
        ctx: &Context,
        name: &str,
    ) -> Result<u64, String> {
        if let Some(logged) = &self.logged {
            self.replace(None);
            return Ok(logged.bytes);
        }
        let name = format!("{name}-block-{}", self.number);
        let on_disk = self.packed(packing)?.write_to_disk(ctx, &name)?;
        let bytes = on_disk.bytes();
        self.replace(Some(Copy::Packed(on_disk)));
        Ok(bytes)
    }

    /// The records as bytes.
    pub(super) fn packed(&self, packing: &Packing<T>) -> Result<PackedRecords<T>, String> {
        let copy = self.copy.lock().clone();
        match copy {
            Some(Copy::Records(records)) => (packing.pack)(&records),
            Some(Copy::Packed(packed)) => Ok(packed),
            None => Err("its records are in the journal alone".to_owned()),
        }
    }

    fn replace(&self, copy: Option<Copy<T>>) {
        let before = std::mem::replace(&mut *self.copy.lock(), copy);
        // Without the lock: large blocks take their time.
        drop(before);
    }
}

impl<T: Record> Block<T> {
    fn emit(&self, out: &mut Emitter<'_, T>) -> Result<(), String> {
        let copy = self.copy.lock().clone();
        match (copy, &self.logged) {
            (Some(Copy::Records(records)), _) => out.emit_shared(&records),
            (Some(Copy::Packed(packed)), _) => out.extend(packed.unpack()?),
            (None, Some(logged)) => out.extend(logged.log.read(&logged.parts)?),
            (None, None) => return Err("it was freed".to_owned()),
        }
        Ok(())
    }
}

/// The blocks of a batch, one in each partition. What does not lie in memory is read when its
/// partition is computed, and no earlier: so a backlog that is far larger than the memory is
/// processed within it.
pub(crate) struct BatchBlocks<T> {
    pub(super) time: Time,
    pub(super) blocks: Vec<Arc<Block<T>>>,
}

impl<T: Record> PartitionSource<T> for BatchBlocks<T> {
    fn partitions(&self) -> usize {
        self.blocks.len()
    }

    fn read(&self, partition: usize, out: &mut Emitter<'_, T>) -> Result<(), String> {
        let Some(block) = self.blocks.get(partition) else {
            return Ok(());
        };
        block.emit(out).map_err(|message| {
            let (number, time) = (block.number, self.time);
            format!(
                "block {number} of what was received for batch {time} cannot be read: {message}"
            )
        })
    }
}
