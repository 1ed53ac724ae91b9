//! How fast a receiver may store: a token bucket on the stream's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, Signal};
use crate::receiver::StoreError;
use crate::time::Time;

/// The bucket counts thousandths of records, since it fills by whole milliseconds: so nothing
/// is ever rounded.
const PER_RECORD: u64 = 1000;

/// However long batches are, a receiver that was idle may not catch up more than this, as in
/// Spark.
const BURST_MAX: Duration = Duration::from_secs(1);

/// However short batches are, a thread that woke up late may catch up so much.
const BURST_MIN: Duration = Duration::from_millis(100);

/// Lets a receiver store at most so many records a second, evenly over the second.
///
/// Records that are stored are paid for beforehand: with 50 records a second the first one is
/// let through after 20 ms. What a receiver does not use is saved up for one batch (within
/// [`BURST_MIN`] and [`BURST_MAX`]), so that no batch has more than twice its share.
///
/// Threads of one receiver go one after the other, so that a large block is not kept waiting
/// for ever by small ones.
pub(crate) struct RateLimiter {
    clock: Arc<dyn Clock>,
    burst_ms: u64,
    max_rate: Option<u64>,
    /// Records a second, 0 while there is no limit: all that is looked at then.
    limit: AtomicU64,
    bucket: Mutex<Bucket>,
    /// Held by the thread that waits for the bucket.
    turn: Mutex<()>,
    /// Wakes that thread when the limit changes or the receiver stops.
    changed: Signal,
}

#[derive(Default)]
struct Bucket {
    limit: u64,
    thousandths: u64,
    /// When it was filled last; nothing is saved up before it is used first.
    filled: Option<Time>,
}

impl RateLimiter {
    /// A limiter that never allows more than `max_rate`, and `first` until it is told another
    /// rate.
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        batch: Duration,
        first: Option<u64>,
        max_rate: Option<u64>,
    ) -> Self {
        let limiter = RateLimiter {
            clock,
            burst_ms: whole_ms(batch.clamp(BURST_MIN, BURST_MAX)),
            max_rate,
            limit: AtomicU64::new(0),
            bucket: Mutex::default(),
            turn: Mutex::new(()),
            changed: Signal::new(),
        };
        if let Some(rate) = first.or(max_rate) {
            limiter.set_rate(rate);
        }
        limiter
    }

    /// Sets the rate, which is at least 1, in records a second, and tells the limit, which may
    /// be lower. What was saved up stays, as far as it fits; who waits is woken.
    pub(crate) fn set_rate(&self, rate: u64) -> u64 {
        let limit = self.max_rate.map_or(rate, |max| rate.min(max)).max(1);
        let mut bucket = self.bucket.lock();
        if bucket.filled.is_some() {
            // What has come in so far came at the old rate, also for a block that waits.
            bucket.fill(self.clock.now());
        }
        bucket.limit = limit;
        self.limit.store(limit, Ordering::Relaxed);
        drop(bucket);
        self.changed.notify();
        limit
    }

    /// How many records a second are let through; none while there is no limit.
    pub(crate) fn limit(&self) -> Option<u64> {
        Some(self.limit.load(Ordering::Relaxed)).filter(|&limit| limit > 0)
    }

    /// Makes a thread that waits look whether it was stopped.
    pub(crate) fn wake(&self) {
        self.changed.notify();
    }

    /// Waits until `records` may be stored, all at once.
    pub(crate) fn acquire(
        &self,
        records: usize,
        is_stopped: impl Fn() -> bool,
    ) -> Result<(), StoreError> {
        self.take(records, records, is_stopped).map(drop)
    }

    /// Waits until at least one record may be stored; how many of `records` may.
    pub(crate) fn acquire_some(
        &self,
        records: usize,
        is_stopped: impl Fn() -> bool,
    ) -> Result<usize, StoreError> {
        self.take(1, records, is_stopped)
    }

    fn take(
        &self,
        least: usize,
        most: usize,
        is_stopped: impl Fn() -> bool,
    ) -> Result<usize, StoreError> {
        if self.limit.load(Ordering::Relaxed) == 0 || most == 0 {
            return Ok(most);
        }
        let _turn = self.turn.lock();
        loop {
            if is_stopped() {
                return Err(StoreError::Stopped);
            }
            let taken = self.bucket.lock().take(least, most, self);
            match taken {
                Ok(records) => return Ok(records),
                Err(at) => self.clock.wait_until(at, &self.changed),
            };
        }
    }
}

impl Bucket {
    /// Takes as many records as there are, if they are enough; otherwise when they will be.
    fn take(&mut self, least: usize, most: usize, of: &RateLimiter) -> Result<usize, Time> {
        let (least, most) = (least as u64, most as u64);
        if self.thousandths / PER_RECORD < most {
            let now = of.clock.now();
            self.fill(now);
            let needed = least.saturating_mul(PER_RECORD);
            // A block that is larger than what may be saved up comes in all the same, and what a
            // record has come in already is never lost.
            let saved_max = of.burst_ms.saturating_mul(self.limit).max(needed);
            let saved_max = saved_max.saturating_add(PER_RECORD - 1);
            self.thousandths = self.thousandths.min(saved_max);
            let missing = needed.saturating_sub(self.thousandths);
            if missing > 0 {
                return Err(now + Duration::from_millis(missing.div_ceil(self.limit)));
            }
        }
        let taken = most.min(self.thousandths / PER_RECORD);
        self.thousandths -= taken * PER_RECORD;
        // It is no more than `most`, which is a number of records.
        Ok(taken as usize)
    }

    /// Adds what has come in. A clock that was set back adds nothing.
    fn fill(&mut self, now: Time) {
        if let Some(filled) = self.filled {
            let passed_ms = whole_ms(now.since(filled));
            let gained = passed_ms.saturating_mul(self.limit);
            self.thousandths = self.thousandths.saturating_add(gained);
        }
        self.filled = Some(now);
    }
}

fn whole_ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
