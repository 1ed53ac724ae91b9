//! A receiver: blocks that are gathered, closed, and given to batches.

use super::super::entry::{Entry, InputRange};
use super::super::past::Past;
use super::Check;
use super::disk::Disk;

#[derive(Debug, Default)]
pub(super) struct Receiver {
    /// The records of the block that is being gathered, and how many are in the journal.
    open: Vec<u64>,
    logged: usize,
    /// The number of that block.
    number: u64,
    /// Closed blocks that no batch has, and the number of the first one.
    waiting: Vec<Vec<u64>>,
    first_waiting: u64,
}

/// The entry of a part of a block.
pub(super) fn part(input: usize, block: u64, records: &[u64]) -> Entry {
    Entry::Block {
        input,
        block,
        records: records.len() as u64,
        position: None,
        bytes: postcard::to_stdvec(records).unwrap_or_default(),
    }
}

impl Receiver {
    /// What an earlier process has stored and given to no batch.
    pub(super) fn restored(past: &Past, input: usize, disk: &Disk) -> Check<Self> {
        let first_waiting = past.first_unallocated(input);
        let blocks = &past.blocks[input];
        let last = blocks.keys().next_back().map_or(0, |last| last + 1);
        let number = last.max(first_waiting);
        Ok(Receiver {
            number,
            waiting: read_blocks(past, input, (first_waiting, number), disk)?,
            first_waiting,
            ..Receiver::default()
        })
    }

    pub(super) fn gather(&mut self, record: u64) {
        self.open.push(record);
    }

    /// What is to be written of the block that is being gathered.
    pub(super) fn unlogged(&mut self, input: usize) -> Option<Entry> {
        let new = &self.open[self.logged..];
        let entry = (!new.is_empty()).then(|| part(input, self.number, new));
        self.logged = self.open.len();
        entry
    }

    /// Closes the block that is being gathered, which is in the journal.
    pub(super) fn close(&mut self) {
        if !self.open.is_empty() {
            self.waiting.push(std::mem::take(&mut self.open));
            self.logged = 0;
            self.number += 1;
        }
    }

    /// Adds a block of its own; the one that was gathered is closed.
    pub(super) fn block(&mut self, input: usize, records: Vec<u64>) -> Entry {
        let entry = part(input, self.number, &records);
        self.waiting.push(records);
        self.number += 1;
        entry
    }

    /// Gives every closed block to a batch.
    pub(super) fn allocate(&mut self) -> (InputRange, Vec<u64>) {
        self.close();
        let records = std::mem::take(&mut self.waiting).concat();
        let from = std::mem::replace(&mut self.first_waiting, self.number);
        let to = self.number;
        (InputRange::Blocks { from, to }, records)
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &u64> {
        self.waiting.iter().flatten()
    }
}

/// The records of each block of a range.
pub(super) fn read_blocks(
    past: &Past,
    input: usize,
    (from, to): (u64, u64),
    disk: &Disk,
) -> Check<Vec<Vec<u64>>> {
    let blocks = past.blocks[input].range(from..to);
    let read = blocks.map(|(_, block)| {
        let mut records = Vec::new();
        for at in &block.parts {
            let Entry::Block { bytes, .. } = disk.read(*at)? else {
                return Err(format!("entry {at} should be a block"));
            };
            let part: Vec<u64> = postcard::from_bytes(&bytes).map_err(|error| error.to_string())?;
            records.extend(part);
        }
        Ok(records)
    });
    read.collect()
}
