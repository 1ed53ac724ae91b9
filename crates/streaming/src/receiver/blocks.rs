//! What receivers have stored and batches have not finished with.

mod room;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, SystemTime};

use headwater_core::{Context, Wire};
use headwater_journal::Sequence;
use parking_lot::{Condvar, Mutex};

use super::StoreError;
use super::block::{BatchBlocks, Block, Logged, Packing};
use super::block_log::{BlockLog, Part};
use super::ledger::{Bounds, Ledger};
use super::open_block::OpenBlock;
use crate::checkpoint::{InputPast, InputRange, Keeper};
use crate::clock::Clock;
use crate::events::StoredInfo;
use crate::rate::RateLimiter;
use crate::time::Time;

/// The records of one receiver, in blocks.
///
/// Single records are gathered until the block interval is over, which is noticed by the
/// next record or the next batch: no thread waits for it. A batch takes every record that
/// was stored before it. What waits and what is being processed together is bounded, in memory
/// and on disk; beyond the bounds, storing waits.
///
/// What to do is decided by the [`Ledger`]; here it is done, by the threads that store. Files
/// are written without the lock, so that no batch waits for them.
pub(crate) struct BlockStore<T> {
    clock: Arc<dyn Clock>,
    block_interval: Duration,
    /// Lets records through before they are stored.
    pub(super) limiter: Arc<RateLimiter>,
    files: Files,
    state: Mutex<State<T>>,
    /// Notified when there may be room, or the receiver is stopped.
    changed: Condvar,
    /// Where records go before they count as stored.
    log: OnceLock<Arc<BlockLog<T>>>,
    make_log: fn(&Arc<Keeper>, usize) -> BlockLog<T>,
    packing: Packing<T>,
    watcher: OnceLock<Weak<dyn Watcher>>,
}

/// Where blocks go that leave memory without a log.
pub(crate) struct Files {
    pub(crate) ctx: Context,
    /// How the files' names begin.
    pub(crate) name: String,
}

/// Is told of what is not part of storing as it should be. It is called with the store's lock
/// held, so that it learns of things in their order.
pub(super) trait Watcher: Send + Sync {
    fn slowed(&self, stored: StoredInfo);
    fn resumed(&self, stored: StoredInfo);
    fn cannot_spill(&self, message: String, stored: StoredInfo);
}

/// The block that is being gathered cannot be written to the log.
#[derive(Debug)]
pub(crate) struct Unlogged {
    /// How many of its records are not there.
    pub(crate) records: usize,
    pub(crate) error: StoreError,
}

struct State<T> {
    ledger: Ledger,
    open: OpenBlock<T>,
    /// The closed blocks of the ledger.
    blocks: BTreeMap<u64, Arc<Block<T>>>,
    /// The start of the receiver whose records are taken in; none while it is stopped.
    accepted: Option<u64>,
    position: Option<Position>,
    /// How many threads wait for a batch to be done, and since when there are any.
    waiters: usize,
    waits_since: Option<SystemTime>,
    /// Since when the memory has been full without a batch being done, if it is.
    full_since: Option<Time>,
}

/// Where the source was after what it stored last.
struct Position {
    bytes: Vec<u8>,
    /// The entry of the log that says so, unless there is no log or it was read from there.
    logged: Option<Sequence>,
}

impl<T: Wire> BlockStore<T> {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        block_interval: Duration,
        bounds: Bounds,
        limiter: Arc<RateLimiter>,
        files: Files,
    ) -> Self {
        BlockStore {
            clock,
            block_interval,
            limiter,
            files,
            state: Mutex::new(State {
                ledger: Ledger::new(bounds),
                open: OpenBlock::new(),
                blocks: BTreeMap::new(),
                accepted: None,
                position: None,
                waiters: 0,
                waits_since: None,
                full_since: None,
            }),
            changed: Condvar::new(),
            log: OnceLock::new(),
            make_log: BlockLog::new,
            packing: Packing::new(),
            watcher: OnceLock::new(),
        }
    }
}

impl<T> BlockStore<T> {
    /// From now on what is stored is also written to a checkpoint directory.
    pub(crate) fn log_to(&self, keeper: &Arc<Keeper>, input: usize) {
        // There is one directory for each stream.
        let _ = self.log.set(Arc::new((self.make_log)(keeper, input)));
    }

    pub(super) fn watch(&self, watcher: Weak<dyn Watcher>) {
        // A stream is started once.
        let _ = self.watcher.set(watcher);
    }

    /// Takes over the blocks of an earlier process, which stay where they are until they are
    /// needed, also where no more are written there; the batches that have theirs.
    pub(crate) fn restore(
        &self,
        keeper: &Arc<Keeper>,
        input: usize,
        past: &InputPast<'_>,
    ) -> Vec<Time> {
        let to_read = || Arc::new((self.make_log)(keeper, input));
        let log = self.log.get().cloned().unwrap_or_else(to_read);
        let mut state = self.state.lock();
        for (number, block) in past.blocks {
            state
                .ledger
                .restore_block(*number, block.records, block.bytes);
            let logged = Logged {
                log: log.clone(),
                parts: block.parts.iter().copied().map(Sequence).collect(),
                bytes: block.bytes,
            };
            let block = Arc::new(Block::restored(*number, logged));
            state.blocks.insert(*number, block);
        }
        let (first_waiting, next) = (past.first_unallocated, past.received.next_block);
        let of_blocks = |(time, range): &(Time, Option<InputRange>)| match range {
            Some(InputRange::Blocks { from, to }) => (*time, *from..*to),
            // It has its share, and gets no other.
            Some(InputRange::Source(_) | InputRange::Anew) | None => {
                (*time, first_waiting..first_waiting)
            }
        };
        let batches: Vec<_> = past.cuts.iter().map(of_blocks).collect();
        let times = batches.iter().map(|(time, _)| *time).collect();
        state.ledger.restore_batches(batches, first_waiting, next);
        state.position = past.received.position.clone().map(|bytes| Position {
            bytes,
            logged: None,
        });
        times
    }

    /// From now on the records of one start of the receiver are taken in, or none are.
    pub(crate) fn accept(&self, start: Option<u64>) {
        self.state.lock().accepted = start;
        self.changed.notify_all();
        self.limiter.wake();
    }

    /// Adds records to the block that is being gathered. `heap_bytes` is what they hold
    /// beside their own size.
    pub(crate) fn append(
        &self,
        start: u64,
        records: &mut Vec<T>,
        heap_bytes: u64,
    ) -> Result<(), StoreError> {
        let bytes = heap_bytes + (records.len() * size_of::<T>()) as u64;
        let mut state = self.wait_for_room(start, bytes)?;
        self.close_if_over(&mut state)?;
        state.open.append(records);
        state.gathered(bytes);
        if state.open.has_part() {
            self.log_open(&mut state)?;
        }
        self.do_chores(state);
        Ok(())
    }

    /// Adds one record to the block that is being gathered.
    pub(crate) fn store(&self, start: u64, record: T) -> Result<(), StoreError> {
        let bytes = size_of::<T>() as u64;
        let mut state = self.wait_for_room(start, bytes)?;
        self.close_if_over(&mut state)?;
        state.open.records.push(record);
        state.gathered(bytes);
        self.do_chores(state);
        Ok(())
    }

    /// Adds a block of its own, and the position of the source after it; records that were
    /// gathered before stay before it. With a log it returns once both are safe in it.
    pub(crate) fn store_block(
        &self,
        start: u64,
        records: Arc<Vec<T>>,
        position: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        if records.is_empty() && position.is_none() {
            return Ok(());
        }
        let bytes = (self.packing.estimate_bytes)(&records);
        let mut state = self.wait_for_room(start, bytes)?;
        self.close(&mut state)?;
        let number = state.ledger.next();
        let append = |log: &Arc<BlockLog<T>>| log.append(number, &records, position);
        let part = self.log.get().map(append).transpose()?;
        let logged = part.as_ref().map(|part| part.at);
        if let Some(position) = position {
            state.position = Some(Position {
                bytes: position.to_vec(),
                logged,
            });
        }
        if !records.is_empty() {
            self.add_block(&mut state, records, bytes, part.into_iter().collect());
        }
        self.do_chores(state);
        // Others store meanwhile, and share the sync.
        self.sync_to(logged)
    }

    /// The position of the source after what was stored last, once it is safe; none if there
    /// never was one. An error if it cannot be made safe.
    pub(crate) fn last_position(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let (bytes, logged) = {
            let state = self.state.lock();
            let Some(position) = &state.position else {
                return Ok(None);
            };
            (position.bytes.clone(), position.logged)
        };
        self.sync_to(logged)?;
        Ok(Some(bytes))
    }

    fn sync_to(&self, logged: Option<Sequence>) -> Result<(), StoreError> {
        match (self.log.get(), logged) {
            (Some(log), Some(at)) => log.sync_to(at),
            _ => Ok(()),
        }
    }

    /// Closes the block that is being gathered when its interval is over.
    fn close_if_over(&self, state: &mut State<T>) -> Result<(), StoreError> {
        let (now, interval) = (self.clock.now(), self.block_interval);
        let until = now.floor(interval) + interval;
        if state.open.records.is_empty() {
            state.open.until = until;
        } else if now >= state.open.until || now + interval < state.open.until {
            // The second case is a clock that was set back.
            self.close(state)?;
            state.open.until = until;
            // By the time of its batch's cut it is safe.
            if let Some(log) = self.log.get() {
                log.flush_soon();
            }
        }
        Ok(())
    }

    /// Closes the block that is being gathered. When it cannot be logged it stays open.
    fn close(&self, state: &mut State<T>) -> Result<(), StoreError> {
        if state.open.records.is_empty() {
            return Ok(());
        }
        self.log_open(state)?;
        let (records, bytes, parts) = state.open.take();
        // Not all that the records hold was told when they were gathered.
        let bytes = bytes.max((self.packing.estimate_bytes)(&records));
        self.add_block(state, records, bytes, parts);
        Ok(())
    }

    fn log_open(&self, state: &mut State<T>) -> Result<(), StoreError> {
        let number = state.ledger.next();
        let log = self.log.get();
        log.map_or(Ok(()), |log| state.open.log_to(log, number))
    }

    fn add_block(&self, state: &mut State<T>, records: Arc<Vec<T>>, bytes: u64, parts: Vec<Part>) {
        let logged = self.log.get().map(|log| Logged {
            log: log.clone(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            parts: parts.into_iter().map(|part| part.at).collect(),
        });
        let number = state.ledger.closed(records.len() as u64, bytes);
        let block = Arc::new(Block::new(number, records, logged));
        state.blocks.insert(number, block);
    }

    /// Gives everything that was stored so far to a batch; a batch that has its blocks
    /// already keeps them, and gets no others. The number of its records, and its blocks.
    ///
    /// What cannot be written to the log may be in no batch, since a restart would not find it
    /// again. Neither may it wait for a later batch: a journal that failed stays so, and a record
    /// that cannot be encoded never can. Then nothing is allocated.
    pub(crate) fn allocate(&self, time: Time) -> Result<(u64, Range<u64>), Unlogged> {
        let mut state = self.state.lock();
        if !state.ledger.has_batch(time)
            && let Err(error) = self.close(&mut state)
        {
            let records = state.open.unlogged();
            return Err(Unlogged { records, error });
        }
        if state.full_since.is_some() {
            // Whoever waits looks at the clock again.
            self.changed.notify_all();
        }
        Ok(state.ledger.allocate(time))
    }

    /// The blocks of a batch, one in each partition; `None` if it has none yet, or they were
    /// freed.
    pub(crate) fn blocks_of(&self, time: Time) -> Option<BatchBlocks<T>> {
        let state = self.state.lock();
        let blocks = state.blocks.range(state.ledger.blocks_of(time)?);
        Some(BatchBlocks {
            time,
            blocks: blocks.map(|(_, block)| block.clone()).collect(),
        })
    }

    pub(crate) fn has_unallocated(&self) -> bool {
        let state = self.state.lock();
        !state.open.records.is_empty() || state.ledger.has_waiting()
    }

    /// How much is stored that no batch has finished with.
    pub(crate) fn stored(&self) -> StoredInfo {
        self.state.lock().stored()
    }

    /// Frees the blocks of batches up to a time.
    pub(crate) fn free(&self, up_to: Time) {
        let mut state = self.state.lock();
        let numbers = state.ledger.free(up_to);
        let freed: Vec<_> = numbers
            .iter()
            .filter_map(|number| state.blocks.remove(number))
            .collect();
        if !freed.is_empty() {
            state.full_since = None;
        }
        drop(state);
        if !freed.is_empty() {
            self.changed.notify_all();
        }
    }

    /// Lets go of all blocks, and of their files, when the stream has ended.
    pub(crate) fn clear(&self) {
        let blocks = std::mem::take(&mut self.state.lock().blocks);
        drop(blocks);
    }
}

impl<T> State<T> {
    fn gathered(&mut self, bytes: u64) {
        self.open.bytes += bytes;
        self.ledger.gathered(bytes);
    }

    fn stored(&self) -> StoredInfo {
        let bounds = self.ledger.bounds();
        StoredInfo {
            memory_bytes: self.ledger.memory_bytes(),
            memory_bytes_max: bounds.memory_bytes,
            disk_bytes: self.ledger.disk_bytes(),
            disk_bytes_max: bounds.disk_bytes,
            waits_since: self.waits_since,
        }
    }
}

#[cfg(test)]
mod tests;
