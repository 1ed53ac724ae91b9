//! A clock that is set back and forth.

use std::sync::atomic::{AtomicI64, Ordering};

use headwater::clock::{Clock, Signal, SystemClock, Woken};
use headwater::time::{Time, millis};

/// The longest time until a waiting thread notices that the clock was set.
const LOOK_EVERY_MS: u64 = 10;

/// The machine's clock, and so many milliseconds more or less.
#[derive(Debug)]
pub(super) struct SteppedClock {
    offset_ms: AtomicI64,
}

impl SteppedClock {
    pub(super) fn new(offset_ms: i64) -> Self {
        SteppedClock {
            offset_ms: AtomicI64::new(offset_ms),
        }
    }

    pub(super) fn set(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Time {
        let offset_ms = self.offset_ms.load(Ordering::Relaxed);
        Time::from_millis(SystemClock.now().as_millis() + offset_ms)
    }

    fn wait_until(&self, at: Time, signal: &Signal) -> Woken {
        loop {
            let look_at = SystemClock.now() + millis(LOOK_EVERY_MS);
            let offset_ms = self.offset_ms.load(Ordering::Relaxed);
            let reached_at = Time::from_millis(at.as_millis().saturating_sub(offset_ms));
            let woken = SystemClock.wait_until(reached_at.min(look_at), signal);
            if woken == Woken::Signalled || self.now() >= at {
                return woken;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_clock_is_set_forward() {
        let clock = SteppedClock::new(-3_600_000);
        assert!(clock.now() < SystemClock.now());
        let at = SystemClock.now();
        let signal = Signal::new();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| clock.wait_until(at, &signal));
            clock.set(0);
            assert_eq!(waiting.join().unwrap(), Woken::Reached);
        });
        signal.notify();
        assert_eq!(clock.wait_until(Time::MAX, &signal), Woken::Signalled);
    }
}
