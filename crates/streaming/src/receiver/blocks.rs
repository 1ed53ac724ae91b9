//! What receivers have stored and batches have not finished with.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::Wire;
use headwater_journal::Sequence;
use parking_lot::{Condvar, Mutex};

use super::StoreError;
use super::block_log::BlockLog;
use crate::checkpoint::{InputPast, Keeper};
use crate::clock::Clock;
use crate::error::StreamError;
use crate::rate::RateLimiter;
use crate::time::Time;

/// The records of one receiver, in blocks.
///
/// Single records are gathered until the block interval is over, which is noticed by the
/// next record or the next batch: no thread waits for it. A batch takes every record that
/// was stored before it. What waits and what is being processed together is bounded;
/// beyond the bound, storing waits.
pub(crate) struct BlockStore<T> {
    clock: Arc<dyn Clock>,
    block_interval: Duration,
    bytes_max: u64,
    /// Lets records through before they are stored.
    pub(super) limiter: Arc<RateLimiter>,
    state: Mutex<State<T>>,
    freed: Condvar,
    /// Where records go before they count as stored.
    log: OnceLock<BlockLog<T>>,
    make_log: fn(&Arc<Keeper>, usize) -> BlockLog<T>,
}

struct State<T> {
    /// The block that is being gathered, and when it is to be closed.
    open: Vec<T>,
    open_bytes: u64,
    open_until: Time,
    /// How many of its records are in the log, and how many of its bytes.
    logged: usize,
    logged_bytes: u64,
    /// The number of the block that is being gathered.
    number: u64,
    /// Closed blocks that no batch has.
    waiting: Vec<Block<T>>,
    /// The number of the first block that waits.
    first_waiting: u64,
    /// Blocks of batches that are not done, so that they can be planned again.
    allocated: BTreeMap<Time, Vec<Block<T>>>,
    bytes: u64,
    /// The start of the receiver whose records are taken in; none while it is stopped.
    accepted: Option<u64>,
    position: Option<Position>,
}

/// Where the source was after what it stored last.
struct Position {
    bytes: Vec<u8>,
    /// The entry of the log that says so, unless there is no log or it was read from there.
    logged: Option<Sequence>,
}

struct Block<T> {
    records: Arc<Vec<T>>,
    bytes: u64,
}

impl<T> Clone for Block<T> {
    fn clone(&self) -> Self {
        Block {
            records: self.records.clone(),
            bytes: self.bytes,
        }
    }
}

/// A block that is being gathered is written to the log in parts of about this size.
const LOG_PART_BYTES: u64 = 256 * 1024;

impl<T: Wire> BlockStore<T> {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        block_interval: Duration,
        bytes_max: u64,
        limiter: Arc<RateLimiter>,
    ) -> Self {
        BlockStore {
            clock,
            block_interval,
            bytes_max,
            limiter,
            state: Mutex::new(State {
                open: Vec::new(),
                open_bytes: 0,
                open_until: Time::ZERO,
                logged: 0,
                logged_bytes: 0,
                number: 0,
                waiting: Vec::new(),
                first_waiting: 0,
                allocated: BTreeMap::new(),
                bytes: 0,
                accepted: None,
                position: None,
            }),
            freed: Condvar::new(),
            log: OnceLock::new(),
            make_log: BlockLog::new,
        }
    }
}

impl<T> BlockStore<T> {
    /// From now on what is stored is also written to a checkpoint directory.
    pub(crate) fn log_to(&self, keeper: &Arc<Keeper>, input: usize) {
        // There is one directory for each stream.
        let _ = self.log.set((self.make_log)(keeper, input));
    }

    /// Takes over the blocks of an earlier process; the batches that have some.
    pub(crate) fn restore(&self, past: &InputPast<'_>) -> Result<Vec<Time>, StreamError> {
        let Some(log) = self.log.get() else {
            return Ok(Vec::new());
        };
        let mut state = self.state.lock();
        let mut times = Vec::new();
        for (time, range) in &past.cuts {
            if let Some(blocks) = log.read_range(past, range)? {
                let blocks: Vec<_> = blocks.into_iter().map(Block::of).collect();
                state.bytes += blocks.iter().map(|block| block.bytes).sum::<u64>();
                state.allocated.insert(*time, blocks);
                times.push(*time);
            }
        }
        state.first_waiting = past.first_unallocated;
        state.number = past.received.next_block.max(past.first_unallocated);
        let waiting = log.read_blocks(past, past.first_unallocated..state.number)?;
        state.waiting = waiting.into_iter().map(Block::of).collect();
        state.bytes += state.waiting.iter().map(|block| block.bytes).sum::<u64>();
        state.position = past.received.position.clone().map(|bytes| Position {
            bytes,
            logged: None,
        });
        Ok(times)
    }

    /// From now on the records of one start of the receiver are taken in, or none are.
    pub(crate) fn accept(&self, start: Option<u64>) {
        self.state.lock().accepted = start;
        self.freed.notify_all();
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
        if state.open.is_empty() {
            std::mem::swap(&mut state.open, records);
        } else {
            state.open.append(records);
        }
        state.open_bytes += bytes;
        state.bytes += bytes;
        if state.open_bytes - state.logged_bytes >= LOG_PART_BYTES {
            self.log_open(&mut state)?;
        }
        Ok(())
    }

    /// Adds one record to the block that is being gathered.
    pub(crate) fn store(&self, start: u64, record: T) -> Result<(), StoreError> {
        let bytes = size_of::<T>() as u64;
        let mut state = self.wait_for_room(start, bytes)?;
        self.close_if_over(&mut state)?;
        state.open.push(record);
        state.open_bytes += bytes;
        state.bytes += bytes;
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
        let bytes = (records.len() * size_of::<T>()) as u64;
        let mut state = self.wait_for_room(start, bytes)?;
        self.close(&mut state)?;
        let number = state.number;
        let append = |log: &BlockLog<T>| log.append(number, &records, position);
        let logged = self.log.get().map(append).transpose()?;
        if let Some(position) = position {
            state.position = Some(Position {
                bytes: position.to_vec(),
                logged,
            });
        }
        if !records.is_empty() {
            state.number += 1;
            state.waiting.push(Block { records, bytes });
            state.bytes += bytes;
        }
        drop(state);
        // Others store meanwhile, and share the sync.
        self.sync_to(logged)
    }

    /// The position of the source after what was stored last, once it is safe; none if it
    /// cannot be made safe, and then nothing more can be stored either.
    pub(crate) fn last_position(&self) -> Option<Vec<u8>> {
        let (bytes, logged) = {
            let state = self.state.lock();
            let position = state.position.as_ref()?;
            (position.bytes.clone(), position.logged)
        };
        self.sync_to(logged).ok().map(|()| bytes)
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
        if state.open.is_empty() {
            state.open_until = until;
        } else if now >= state.open_until || now + interval < state.open_until {
            // The second case is a clock that was set back.
            self.close(state)?;
            state.open_until = until;
            // By the time of its batch's cut it is safe.
            if let Some(log) = self.log.get() {
                log.flush_soon();
            }
        }
        Ok(())
    }

    /// Closes the block that is being gathered. When it cannot be logged it stays open.
    fn close(&self, state: &mut State<T>) -> Result<(), StoreError> {
        if state.open.is_empty() {
            return Ok(());
        }
        self.log_open(state)?;
        let records = Arc::new(std::mem::take(&mut state.open));
        let bytes = std::mem::take(&mut state.open_bytes);
        (state.logged, state.logged_bytes) = (0, 0);
        state.number += 1;
        state.waiting.push(Block { records, bytes });
        Ok(())
    }

    /// Writes what is gathered and not written yet to the log.
    fn log_open(&self, state: &mut State<T>) -> Result<(), StoreError> {
        let Some(log) = self.log.get() else {
            return Ok(());
        };
        let new = state.open.get(state.logged..).unwrap_or_default();
        if !new.is_empty() {
            log.append(state.number, new, None)?;
            (state.logged, state.logged_bytes) = (state.open.len(), state.open_bytes);
        }
        Ok(())
    }

    fn wait_for_room(
        &self,
        start: u64,
        bytes: u64,
    ) -> Result<parking_lot::MutexGuard<'_, State<T>>, StoreError> {
        let mut state = self.state.lock();
        // What is larger than the bound goes in alone, or it never would.
        let is_full = |state: &State<T>| state.bytes > 0 && state.bytes + bytes > self.bytes_max;
        while state.accepted == Some(start) && is_full(&state) {
            self.freed.wait(&mut state);
        }
        // A start that is over must not store between the records of the next.
        if state.accepted == Some(start) {
            Ok(state)
        } else {
            Err(StoreError::Stopped)
        }
    }

    /// Gives everything that was stored so far to a batch; a batch that has its blocks
    /// already keeps them, and gets no others. The number of its records, and its blocks.
    ///
    /// What cannot be written to the log is in no batch: then the journal has failed, and the
    /// stream stops when it cannot write the cut of the batch.
    pub(crate) fn allocate(&self, time: Time) -> (u64, Range<u64>) {
        let mut state = self.state.lock();
        let count =
            |blocks: &[Block<T>]| blocks.iter().map(|block| block.records.len() as u64).sum();
        if let Some(blocks) = state.allocated.get(&time) {
            return (count(blocks), state.first_waiting..state.first_waiting);
        }
        if let Err(error) = self.close(&mut state) {
            tracing::error!(batch = %time, "the block that is being gathered waits: {error}");
        }
        let blocks = std::mem::take(&mut state.waiting);
        let records = count(&blocks);
        state.allocated.insert(time, blocks);
        let to = state.number;
        (records, std::mem::replace(&mut state.first_waiting, to)..to)
    }

    pub(crate) fn blocks_of(&self, time: Time) -> Vec<Arc<Vec<T>>> {
        let state = self.state.lock();
        let blocks = state
            .allocated
            .get(&time)
            .map(Vec::as_slice)
            .unwrap_or_default();
        blocks.iter().map(|block| block.records.clone()).collect()
    }

    pub(crate) fn has_unallocated(&self) -> bool {
        let state = self.state.lock();
        !state.open.is_empty() || !state.waiting.is_empty()
    }

    /// Frees the blocks of batches up to a time.
    pub(crate) fn free(&self, up_to: Time) {
        let mut state = self.state.lock();
        let kept = state
            .allocated
            .split_off(&(up_to + Duration::from_millis(1)));
        let old = std::mem::replace(&mut state.allocated, kept);
        let freed: u64 = old.values().flatten().map(|block| block.bytes).sum();
        state.bytes = state.bytes.saturating_sub(freed);
        drop(state);
        if freed > 0 {
            self.freed.notify_all();
        }
    }
}

impl<T> Block<T> {
    fn of(records: Vec<T>) -> Self {
        Block {
            bytes: (records.len() * size_of::<T>()) as u64,
            records: Arc::new(records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::time::millis;

    const START: u64 = 1;

    fn store(bytes_max: u64) -> (ManualClock, BlockStore<u8>) {
        let clock = ManualClock::new();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let limiter = RateLimiter::new(shared.clone(), millis(200), None, None);
        let store = BlockStore::new(shared, millis(200), bytes_max, Arc::new(limiter));
        store.accept(Some(START));
        (clock, store)
    }

    fn blocks(store: &BlockStore<u8>, time: i64) -> Vec<Vec<u8>> {
        let time = Time::from_millis(time);
        store.allocate(time);
        store
            .blocks_of(time)
            .iter()
            .map(|block| block.to_vec())
            .collect()
    }

    #[test]
    fn records_of_an_interval_are_a_block_and_a_batch_takes_all() {
        let (clock, store) = store(1000);
        store.store(START, 1).unwrap();
        clock.advance(millis(199));
        store.store(START, 2).unwrap();
        clock.advance(millis(1));
        store.store(START, 3).unwrap();
        store
            .store_block(START, Arc::new(vec![4, 5]), None)
            .unwrap();
        store.store(START, 6).unwrap();
        assert!(store.has_unallocated());
        assert_eq!(
            blocks(&store, 1000),
            [vec![1, 2], vec![3], vec![4, 5], vec![6]]
        );
        assert!(!store.has_unallocated());
        assert!(blocks(&store, 2000).is_empty());
    }

    #[test]
    fn storing_waits_for_batches_that_are_behind() {
        let (_, store) = store(4);
        store
            .store_block(START, Arc::new(vec![1, 2, 3]), None)
            .unwrap();
        store.allocate(Time::from_millis(1000));
        std::thread::scope(|scope| {
            let storing = scope.spawn(|| store.append(START, &mut vec![4, 5], 0));
            // The batch is done only now: whichever thread comes first, nothing is lost.
            store.free(Time::from_millis(1000));
            storing.join().unwrap().unwrap();
        });
        assert_eq!(blocks(&store, 2000), [vec![4, 5]]);
    }

    #[test]
    fn a_stop_wakes_and_refuses() {
        let (_, store) = store(1);
        store.store(START, 1).unwrap();
        std::thread::scope(|scope| {
            let storing = scope.spawn(|| store.store(START, 2));
            store.accept(None);
            assert!(storing.join().unwrap().is_err());
        });
        assert_eq!(blocks(&store, 1000), [vec![1]]);
    }

    #[test]
    fn a_start_that_is_over_stores_nothing_though_the_next_one_stores() {
        let (_, store) = store(1);
        store.store(START, 1).unwrap();
        std::thread::scope(|scope| {
            let storing = scope.spawn(|| store.store(START, 2));
            // Whether it waits already or comes too late, and though there is room now.
            store.accept(Some(START + 1));
            assert_eq!(blocks(&store, 1000), [vec![1]]);
            store.free(Time::from_millis(1000));
            assert_eq!(storing.join().unwrap(), Err(StoreError::Stopped));
        });
        store.store(START + 1, 3).unwrap();
        assert_eq!(blocks(&store, 2000), [vec![3]]);
    }

    #[test]
    fn a_clock_that_is_set_back_closes_the_block() {
        let (clock, store) = store(1000);
        clock.set(Time::from_millis(10_000));
        store.store(START, 1).unwrap();
        clock.set(Time::from_millis(5_000));
        store.store(START, 2).unwrap();
        assert_eq!(blocks(&store, 11_000), [vec![1], vec![2]]);
    }
}
