//! What receivers have stored and batches have not finished with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::StoreError;
use crate::clock::Clock;
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
}

struct State<T> {
    /// The block that is being gathered, and when it is to be closed.
    open: Vec<T>,
    open_bytes: u64,
    open_until: Time,
    /// Closed blocks that no batch has.
    waiting: Vec<Block<T>>,
    /// Blocks of batches that are not done, so that they can be planned again.
    allocated: BTreeMap<Time, Vec<Block<T>>>,
    bytes: u64,
    accepting: bool,
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

impl<T> BlockStore<T> {
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
                waiting: Vec::new(),
                allocated: BTreeMap::new(),
                bytes: 0,
                accepting: false,
            }),
            freed: Condvar::new(),
        }
    }

    /// From now on records are taken in, or refused.
    pub(crate) fn accept(&self, accepting: bool) {
        self.state.lock().accepting = accepting;
        self.freed.notify_all();
        self.limiter.wake();
    }

    /// Adds records to the block that is being gathered. `heap_bytes` is what they hold
    /// beside their own size.
    pub(crate) fn append(&self, records: &mut Vec<T>, heap_bytes: u64) -> Result<(), StoreError> {
        let bytes = heap_bytes + (records.len() * size_of::<T>()) as u64;
        let mut state = self.wait_for_room(bytes)?;
        let now = self.clock.now();
        state.close_if_over(now, self.block_interval);
        if state.open.is_empty() {
            std::mem::swap(&mut state.open, records);
        } else {
            state.open.append(records);
        }
        state.open_bytes += bytes;
        state.bytes += bytes;
        Ok(())
    }

    /// Adds one record to the block that is being gathered.
    pub(crate) fn store(&self, record: T) -> Result<(), StoreError> {
        let bytes = size_of::<T>() as u64;
        let mut state = self.wait_for_room(bytes)?;
        let now = self.clock.now();
        state.close_if_over(now, self.block_interval);
        state.open.push(record);
        state.open_bytes += bytes;
        state.bytes += bytes;
        Ok(())
    }

    /// Adds a block of its own; records that were gathered before stay before it.
    pub(crate) fn store_block(&self, records: Arc<Vec<T>>) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes = (records.len() * size_of::<T>()) as u64;
        let mut state = self.wait_for_room(bytes)?;
        state.close();
        state.waiting.push(Block { records, bytes });
        state.bytes += bytes;
        Ok(())
    }

    fn wait_for_room(
        &self,
        bytes: u64,
    ) -> Result<parking_lot::MutexGuard<'_, State<T>>, StoreError> {
        let mut state = self.state.lock();
        // What is larger than the bound goes in alone, or it never would.
        while state.accepting && state.bytes > 0 && state.bytes + bytes > self.bytes_max {
            self.freed.wait(&mut state);
        }
        if state.accepting {
            Ok(state)
        } else {
            Err(StoreError)
        }
    }

    /// Gives everything that was stored so far to a batch; a batch that has its blocks
    /// already keeps them. The number of its records.
    pub(crate) fn allocate(&self, time: Time) -> u64 {
        let mut state = self.state.lock();
        state.close();
        let waiting = std::mem::take(&mut state.waiting);
        let blocks = state.allocated.entry(time).or_default();
        blocks.extend(waiting);
        blocks.iter().map(|block| block.records.len() as u64).sum()
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

impl<T> State<T> {
    /// Closes the block that is being gathered when its interval is over.
    fn close_if_over(&mut self, now: Time, interval: Duration) {
        if self.open.is_empty() {
            self.open_until = now.floor(interval) + interval;
        } else if now >= self.open_until || now + interval < self.open_until {
            // The second case is a clock that was set back.
            self.close();
            self.open_until = now.floor(interval) + interval;
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let records = Arc::new(std::mem::take(&mut self.open));
            let bytes = std::mem::take(&mut self.open_bytes);
            self.waiting.push(Block { records, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::time::millis;

    fn store(bytes_max: u64) -> (ManualClock, BlockStore<u8>) {
        let clock = ManualClock::new();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let limiter = RateLimiter::new(shared.clone(), millis(200), None, None);
        let store = BlockStore::new(shared, millis(200), bytes_max, Arc::new(limiter));
        store.accept(true);
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
        store.store(1).unwrap();
        clock.advance(millis(199));
        store.store(2).unwrap();
        clock.advance(millis(1));
        store.store(3).unwrap();
        store.store_block(Arc::new(vec![4, 5])).unwrap();
        store.store(6).unwrap();
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
        store.store_block(Arc::new(vec![1, 2, 3])).unwrap();
        store.allocate(Time::from_millis(1000));
        std::thread::scope(|scope| {
            let storing = scope.spawn(|| store.append(&mut vec![4, 5], 0));
            // The batch is done only now: whichever thread comes first, nothing is lost.
            store.free(Time::from_millis(1000));
            storing.join().unwrap().unwrap();
        });
        assert_eq!(blocks(&store, 2000), [vec![4, 5]]);
    }

    #[test]
    fn a_stop_wakes_and_refuses() {
        let (_, store) = store(1);
        store.store(1).unwrap();
        std::thread::scope(|scope| {
            let storing = scope.spawn(|| store.store(2));
            store.accept(false);
            assert!(storing.join().unwrap().is_err());
        });
        assert_eq!(blocks(&store, 1000), [vec![1]]);
    }

    #[test]
    fn a_clock_that_is_set_back_closes_the_block() {
        let (clock, store) = store(1000);
        clock.set(Time::from_millis(10_000));
        store.store(1).unwrap();
        clock.set(Time::from_millis(5_000));
        store.store(2).unwrap();
        assert_eq!(blocks(&store, 11_000), [vec![1], vec![2]]);
    }
}
