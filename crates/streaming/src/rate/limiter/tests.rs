use std::sync::atomic::AtomicBool;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::clock::{ManualClock, Woken};
use crate::time::{millis, seconds};

/// A limiter for batches of a second.
fn limiter(first: Option<u64>, max_rate: Option<u64>) -> (ManualClock, RateLimiter) {
    let clock = ManualClock::new();
    let limiter = RateLimiter::new(Arc::new(clock.clone()), seconds(1), first, max_rate);
    (clock, limiter)
}

fn at(ms: i64) -> Time {
    Time::from_millis(ms)
}

fn running() -> bool {
    false
}

/// Nobody may ask it.
#[derive(Debug)]
struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Time {
        unreachable!("the clock was asked")
    }

    fn wait_until(&self, _: Time, _: &Signal) -> Woken {
        unreachable!("the clock was waited for")
    }
}

#[test]
fn without_a_limit_everything_passes_unseen() {
    let limiter = RateLimiter::new(Arc::new(NoClock), seconds(1), None, None);
    let stopped = || unreachable!("nobody needs to know");
    // Neither lock is taken: both are held here.
    let _held = (limiter.turn.lock(), limiter.bucket.lock());
    assert_eq!(limiter.acquire(usize::MAX, stopped), Ok(()));
    assert_eq!(limiter.acquire_some(1_000_000, stopped), Ok(1_000_000));
}

#[test]
fn records_pass_evenly_from_the_first_on() {
    let (clock, limiter) = limiter(Some(50), None);
    thread::scope(|scope| {
        scope.spawn(|| (0..10).try_for_each(|_| limiter.acquire(1, running)));
        for tick in at(20).to(at(200), millis(20)) {
            clock.await_waiters(1, tick);
            clock.set(tick - millis(1));
            clock.await_waiters(1, tick);
            clock.set(tick);
        }
    });
}

#[test]
fn a_block_passes_as_a_whole_and_is_paid_for_before() {
    let (clock, limiter) = limiter(Some(50), None);
    thread::scope(|scope| {
        // More than is ever saved up.
        scope.spawn(|| limiter.acquire(500, running));
        clock.await_waiters(1, at(10_000));
        clock.set(at(10_000));
    });
    thread::scope(|scope| {
        scope.spawn(|| limiter.acquire(1, running));
        clock.await_waiters(1, at(10_020));
        clock.set(at(10_020));
    });
}

#[test]
fn some_records_pass_as_soon_as_there_is_one() {
    let (clock, limiter) = limiter(Some(5), None);
    thread::scope(|scope| {
        let some = scope.spawn(|| limiter.acquire_some(1000, running));
        clock.await_waiters(1, at(200));
        // The thread was late.
        clock.set(at(700));
        assert_eq!(some.join().unwrap(), Ok(3));
    });
    clock.set(at(800));
    assert_eq!(limiter.acquire_some(1000, running), Ok(1));
    assert_eq!(limiter.acquire_some(0, running), Ok(0));
}

#[test]
fn no_more_is_saved_up_than_for_one_batch_and_one_second() {
    for (batch, saved) in [
        (millis(5), 10),
        (millis(300), 30),
        (seconds(1), 100),
        (seconds(60), 100),
    ] {
        let clock = ManualClock::new();
        let limiter = RateLimiter::new(Arc::new(clock.clone()), batch, Some(100), None);
        let mut bucket = limiter.bucket.lock();
        assert_eq!(bucket.take(1, 1000, &limiter), Err(at(10)));
        clock.advance(seconds(3600));
        assert_eq!(bucket.take(1, 1000, &limiter), Ok(saved));
        assert!(bucket.take(1, 1000, &limiter).is_err());
    }
}

#[test]
fn a_new_rate_wakes_who_waits() {
    let (clock, limiter) = limiter(Some(1), None);
    thread::scope(|scope| {
        scope.spawn(|| limiter.acquire(1, running));
        clock.await_waiters(1, at(1000));
        clock.set(at(400));
        // Four tenths of the record have come, six tenths come ten times as fast.
        assert_eq!(limiter.set_rate(10), 10);
        clock.await_waiters(1, at(460));
        assert_eq!(limiter.set_rate(2), 2);
        clock.await_waiters(1, at(700));
        clock.set(at(700));
    });
}

#[test]
fn a_rate_can_come_later_and_never_exceeds_the_highest() {
    let (clock, limited) = limiter(None, None);
    assert_eq!(limited.acquire(1_000_000, running), Ok(()));
    clock.set(at(5000));
    assert_eq!(limited.set_rate(100), 100);
    // What was idle before it has saved nothing up.
    let mut bucket = limited.bucket.lock();
    assert_eq!(bucket.take(1, 1, &limited), Err(at(5010)));

    for first in [None, Some(20), Some(500)] {
        let (_, limited) = limiter(first, Some(50));
        let limit = first.unwrap_or(50).min(50);
        assert_eq!(limited.limit.load(Ordering::Relaxed), limit);
        assert_eq!(limited.set_rate(51), 50);
        assert_eq!(limited.set_rate(49), 49);
    }
}

#[test]
fn a_stop_wakes_every_thread_that_waits() {
    let (clock, limiter) = limiter(Some(1), None);
    let is_stopped = AtomicBool::new(false);
    thread::scope(|scope| {
        let acquire = || limiter.acquire(1, || is_stopped.load(Ordering::Acquire));
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(acquire)).collect();
        clock.await_waiters(1, at(1000));
        is_stopped.store(true, Ordering::Release);
        limiter.wake();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Err(StoreError::Stopped));
        }
    });
    // A call for nobody wakes nobody wrongly.
    limiter.wake();
    clock.set(at(1000));
    assert_eq!(limiter.acquire(1, running), Ok(()));
}

#[test]
fn a_clock_that_is_set_back_lets_nothing_through() {
    let (clock, limiter) = limiter(Some(10), None);
    clock.set(at(10_000));
    let mut bucket = limiter.bucket.lock();
    assert_eq!(bucket.take(1, 1, &limiter), Err(at(10_100)));
    clock.set(at(5_000));
    assert_eq!(bucket.take(1, 1, &limiter), Err(at(5_100)));
    clock.set(at(5_100));
    assert_eq!(bucket.take(1, 1, &limiter), Ok(1));
}

#[test]
fn the_highest_rates_do_not_overflow() {
    let (clock, limiter) = limiter(Some(u64::MAX), None);
    let mut bucket = limiter.bucket.lock();
    assert_eq!(bucket.take(1, usize::MAX, &limiter), Err(at(1)));
    clock.set(at(1));
    assert!(bucket.take(1, usize::MAX, &limiter).is_ok());
}

proptest! {
    /// Whoever takes as fast as it may gets the rate exactly, however it asks.
    #[test]
    fn the_rate_is_kept_to_the_record(
        rate in 1..5_000_u64,
        steps in prop::collection::vec((1..=1000_u64, 1..400_usize, any::<bool>()), 1..100),
    ) {
        let (clock, limiter) = limiter(Some(rate), None);
        let mut bucket = limiter.bucket.lock();
        let (mut taken, mut passed) = (0, 0);
        prop_assert!(bucket.take(1, 1, &limiter).is_err());
        for (step, records, as_block) in steps {
            clock.advance(millis(step));
            passed += step;
            let least = if as_block { records } else { 1 };
            while let Ok(some) = bucket.take(least, records, &limiter) {
                taken += some as u64;
            }
            while let Ok(some) = bucket.take(1, records, &limiter) {
                taken += some as u64;
            }
            prop_assert_eq!(taken, passed * rate / 1000);
        }
    }
}
