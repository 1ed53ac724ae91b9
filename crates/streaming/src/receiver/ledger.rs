//! Which blocks there are, which batch has them, and where they lie: decisions only, over
//! plain values, without locks, records, input or output.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use crate::time::Time;

/// How much a receiver may store that no batch has finished with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) memory_bytes: u64,
    /// 0 where blocks may not leave memory.
    pub(crate) disk_bytes: u64,
    /// How long to wait for a batch to be done before blocks leave memory.
    pub(crate) spill_after: Duration,
    /// What becomes of a block once it is whole.
    pub(crate) keeps: Keeps,
}

/// How blocks are kept while there is room for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    Records,
    /// As bytes in memory.
    Bytes,
    /// Not in memory.
    Disk,
}

/// Whether so many bytes may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// They may.
    Free,
    /// Once this block has left memory.
    Spill(u64),
    /// Once the block that is being gathered was closed, so that it can leave.
    Close,
    /// Once a block that is on its way to disk has arrived there.
    Soon,
    /// Once a batch is done.
    Wait,
}

/// Something to be done to a block that was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chore {
    Pack(u64),
    Spill(u64),
}

/// The blocks of a receiver.
///
/// A block leaves memory when others need its room. The newest goes first: batches take blocks
/// in their order, so it is needed last, while the oldest are being processed at this moment,
/// and would be in memory all the same. What was received before an overload is thus never
/// written and read again, and of what comes during it each block is, once.
#[derive(Debug)]
pub(crate) struct Ledger {
    bounds: Bounds,
    blocks: BTreeMap<u64, Held>,
    /// The closed blocks that could leave memory.
    in_memory: BTreeSet<u64>,
    /// The closed blocks that wait for a chore.
    due: BTreeSet<u64>,
    /// How many blocks are on their way to disk.
    leaving: usize,
    /// What is gathered for the next block. It is in `memory_bytes`.
    open_bytes: u64,
    memory_bytes: u64,
    disk_bytes: u64,
    /// Whether the disk has refused a block since something was freed.
    disk_refuses: bool,
    /// The number of the next block.
    next: u64,
    /// The number of the first block that no batch has.
    first_waiting: u64,
    /// Blocks of batches that are not done, so that they can be planned again.
    allocated: BTreeMap<Time, Range<u64>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    records: u64,
    /// What it takes where it is.
    bytes: u64,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    /// In memory, and so many bytes are set aside on disk.
    Leaving(u64),
    Disk,
}

impl Ledger {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Ledger {
            bounds,
            blocks: BTreeMap::new(),
            in_memory: BTreeSet::new(),
            due: BTreeSet::new(),
            leaving: 0,
            open_bytes: 0,
            memory_bytes: 0,
            disk_bytes: 0,
            disk_refuses: false,
            next: 0,
            first_waiting: 0,
            allocated: BTreeMap::new(),
        }
    }

    /// Takes over a block of an earlier process, which lies on disk.
    pub(crate) fn restore_block(&mut self, number: u64, records: u64, bytes: u64) {
        self.disk_bytes += bytes;
        let place = Place::Disk;
        let held = Held {
            records,
            bytes,
            place,
        };
        self.blocks.insert(number, held);
    }

    /// Takes over the batches of an earlier process; the first block that no batch has, and
    /// the number of the next one.
    pub(crate) fn restore_batches(
        &mut self,
        batches: impl IntoIterator<Item = (Time, Range<u64>)>,
        first_waiting: u64,
        next: u64,
    ) {
        self.allocated.extend(batches);
        self.first_waiting = first_waiting;
        self.next = next.max(first_waiting);
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The number of the next block, which may be gathered already.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Whether so many bytes may come in. What is larger than the bound goes in alone, or it
    /// never would.
    pub(crate) fn room_for(&self, bytes: u64) -> Room {
        let all = self.memory_bytes.saturating_add(bytes);
        if self.memory_bytes == 0 || all <= self.bounds.memory_bytes {
            return Room::Free;
        }
        if let Some(number) = self.newest_that_fits_on_disk() {
            return Room::Spill(number);
        }
        if self.leaving > 0 {
            return Room::Soon;
        }
        if self.open_bytes > 0 && self.fits_on_disk(self.open_bytes) {
            return Room::Close;
        }
        Room::Wait
    }

    fn newest_that_fits_on_disk(&self) -> Option<u64> {
        let mut newest_first = self.in_memory.iter().rev();
        newest_first
            .find(|number| {
                let held = self.blocks.get(number);
                held.is_some_and(|held| self.fits_on_disk(held.bytes))
            })
            .copied()
    }

    fn fits_on_disk(&self, bytes: u64) -> bool {
        let all = self.disk_bytes.saturating_add(bytes);
        !self.disk_refuses && all <= self.bounds.disk_bytes
    }

    /// Notes what has joined the block that is being gathered.
    pub(crate) fn gathered(&mut self, bytes: u64) {
        self.open_bytes += bytes;
        self.memory_bytes += bytes;
    }

    /// Notes a whole block, in place of what was gathered: its number.
    pub(crate) fn closed(&mut self, records: u64, bytes: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.memory_bytes = self.memory_bytes - self.open_bytes + bytes;
        self.open_bytes = 0;
        let place = Place::Memory;
        let held = Held {
            records,
            bytes,
            place,
        };
        self.blocks.insert(number, held);
        self.in_memory.insert(number);
        if self.bounds.keeps != Keeps::Records {
            self.due.insert(number);
        }
        number
    }

    /// What is to be done next to blocks that no batch has yet. Those of a batch stay as they
    /// are: it is about to read them.
    pub(crate) fn next_chore(&mut self) -> Option<Chore> {
        let number = *self.due.first()?;
        if self.bounds.keeps == Keeps::Bytes {
            self.due.remove(&number);
            return Some(Chore::Pack(number));
        }
        let bytes = self.blocks.get(&number).map_or(0, |held| held.bytes);
        if !self.in_memory.contains(&number) {
            // It had to leave before its turn.
            self.due.remove(&number);
            return self.next_chore();
        }
        if !self.fits_on_disk(bytes) {
            return None;
        }
        self.due.remove(&number);
        Some(Chore::Spill(number))
    }

    /// Notes that a block takes so many bytes now; `false` if it is not in memory any more.
    pub(crate) fn packed(&mut self, number: u64, bytes: u64) -> bool {
        let held = self.blocks.get_mut(&number);
        let Some(held) = held.filter(|held| held.place == Place::Memory) else {
            return false;
        };
        self.memory_bytes = self.memory_bytes - held.bytes + bytes;
        held.bytes = bytes;
        true
    }

    /// Notes that a block is on its way to disk. It counts at both ends until it is there.
    pub(crate) fn leaves(&mut self, number: u64) {
        if let Some(held) = self.blocks.get_mut(&number)
            && held.place == Place::Memory
        {
            held.place = Place::Leaving(held.bytes);
            self.disk_bytes += held.bytes;
            self.leaving += 1;
            self.in_memory.remove(&number);
        }
    }

    /// Notes that a block has arrived on disk, where it takes so many bytes; unless it was freed
    /// on the way.
    pub(crate) fn has_left(&mut self, number: u64, bytes: u64) {
        if let Some(held) = self.blocks.get_mut(&number)
            && let Place::Leaving(set_aside) = held.place
        {
            self.memory_bytes -= held.bytes;
            self.disk_bytes = self.disk_bytes - set_aside + bytes;
            self.leaving -= 1;
            held.place = Place::Disk;
            held.bytes = bytes;
        }
    }

    /// Notes that the disk did not take a block, which stays in memory; the disk is asked again
    /// once something was freed.
    pub(crate) fn has_stayed(&mut self, number: u64) {
        self.disk_refuses = true;
        if let Some(held) = self.blocks.get_mut(&number)
            && let Place::Leaving(set_aside) = held.place
        {
            self.disk_bytes -= set_aside;
            self.leaving -= 1;
            held.place = Place::Memory;
            self.in_memory.insert(number);
        }
    }

    /// Gives every closed block that no batch has to a batch; a batch that has its blocks
    /// already keeps them, and gets no others. The number of its records, and the blocks that
    /// it got now.
    pub(crate) fn allocate(&mut self, time: Time) -> (u64, Range<u64>) {
        if let Some(blocks) = self.allocated.get(&time) {
            let records = self.blocks.range(blocks.clone());
            let records = records.map(|(_, held)| held.records).sum();
            return (records, self.first_waiting..self.first_waiting);
        }
        let blocks = self.first_waiting..self.next;
        let held = self.blocks.range(blocks.clone());
        let records = held.map(|(_, held)| held.records).sum();
        self.allocated.insert(time, blocks.clone());
        self.first_waiting = self.next;
        self.due.clear();
        (records, blocks)
    }

    /// Whether a batch has its blocks already.
    pub(crate) fn has_batch(&self, time: Time) -> bool {
        self.allocated.contains_key(&time)
    }

    /// The blocks of a batch; `None` if it has none yet, or they were freed.
    pub(crate) fn blocks_of(&self, time: Time) -> Option<Range<u64>> {
        self.allocated.get(&time).cloned()
    }

    /// Whether there are closed blocks that no batch has.
    pub(crate) fn has_waiting(&self) -> bool {
        self.first_waiting < self.next
    }

    /// Frees the blocks of batches up to a time: their numbers.
    pub(crate) fn free(&mut self, up_to: Time) -> Vec<u64> {
        let later = up_to + Duration::from_millis(1);
        let kept = self.allocated.split_off(&later);
        let done = std::mem::replace(&mut self.allocated, kept);
        let numbers: Vec<u64> = done.into_values().flatten().collect();
        for number in &numbers {
            let Some(held) = self.blocks.remove(number) else {
                continue;
            };
            self.in_memory.remove(number);
            match held.place {
                Place::Memory => self.memory_bytes -= held.bytes,
                Place::Disk => self.disk_bytes -= held.bytes,
                Place::Leaving(set_aside) => {
                    self.memory_bytes -= held.bytes;
                    self.disk_bytes -= set_aside;
                    self.leaving -= 1;
                }
            }
        }
        self.disk_refuses &= numbers.is_empty();
        numbers
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
