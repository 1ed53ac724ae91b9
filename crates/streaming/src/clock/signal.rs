//! The wake-up call that ends a wait early.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// A wake-up call for the thread that waits on it.
///
/// Many threads may [`notify`](Self::notify); one thread waits. A notification stays until a
/// wait consumes it, so it does not matter whether it comes before the wait or during it, and
/// several notifications before one wait are one. Clones are the same signal. When several
/// threads wait on one signal, each notification wakes exactly one of them to a result.
///
/// ```
/// use headwater_streaming::clock::Signal;
/// use std::thread;
///
/// let signal = Signal::new();
/// let other = signal.clone();
/// thread::spawn(move || other.notify());
/// signal.wait();
/// assert!(!signal.take(), "the wait has consumed the notification");
/// ```
#[derive(Clone, Default)]
pub struct Signal {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Outside the lock, so that notifying a signal that is already notified costs next to
    /// nothing, and a clock can look at it without taking the lock.
    pending: AtomicBool,
    /// Held by a waiter from its look at `pending` until it is blocked.
    gate: Mutex<()>,
    woken: Condvar,
}

impl Signal {
    /// A signal that nobody has notified.
    ///
    /// ```
    /// use headwater_streaming::clock::Signal;
    ///
    /// assert!(!Signal::new().take());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes the waiting thread, or the next one that would wait.
    ///
    /// What the caller did before is visible to the woken thread.
    ///
    /// ```
    /// use headwater_streaming::clock::Signal;
    ///
    /// let signal = Signal::new();
    /// signal.notify();
    /// signal.notify();
    /// assert!(signal.take());
    /// assert!(!signal.take());
    /// ```
    pub fn notify(&self) {
        // Whoever made it pending wakes the waiter; a second call has nothing to add.
        if !self.shared.pending.swap(true, Ordering::AcqRel) {
            self.poke();
        }
    }

    /// Consumes a notification without waiting; tells whether there was one.
    ///
    /// ```
    /// use headwater_streaming::clock::Signal;
    ///
    /// let signal = Signal::new();
    /// signal.notify();
    /// assert!(signal.take());
    /// ```
    pub fn take(&self) -> bool {
        self.shared.pending.swap(false, Ordering::AcqRel)
    }

    /// Waits for a notification and consumes it.
    ///
    /// ```
    /// use headwater_streaming::clock::Signal;
    ///
    /// let signal = Signal::new();
    /// signal.notify();
    /// signal.wait();
    /// ```
    pub fn wait(&self) {
        let mut gate = self.gate();
        while !self.take() {
            self.block(&mut gate);
        }
    }

    /// Waits for a notification and consumes it, but no longer than `limit`; tells whether
    /// there was one.
    ///
    /// ```
    /// use headwater_streaming::clock::Signal;
    /// use std::time::Duration;
    ///
    /// assert!(!Signal::new().wait_for(Duration::from_millis(1)));
    /// ```
    pub fn wait_for(&self, limit: Duration) -> bool {
        let Some(deadline) = Instant::now().checked_add(limit) else {
            self.wait();
            return true;
        };
        let mut gate = self.gate();
        while !self.take() {
            if self
                .shared
                .woken
                .wait_until(&mut gate, deadline)
                .timed_out()
            {
                return self.take();
            }
        }
        true
    }

    /// Whether a notification waits to be consumed.
    pub(super) fn is_pending(&self) -> bool {
        self.shared.pending.load(Ordering::Acquire)
    }

    /// Makes a waiting thread look again at what it waits for.
    pub(super) fn poke(&self) {
        // A waiter that has looked and is about to block holds the gate. Passing through it
        // puts the wake-up after that thread is blocked, where it cannot be missed.
        drop(self.gate());
        self.shared.woken.notify_all();
    }

    /// Keeps pokes away between a look at the conditions and [`block`](Self::block).
    pub(super) fn gate(&self) -> MutexGuard<'_, ()> {
        self.shared.gate.lock()
    }

    /// Blocks until the next poke, with the gate open meanwhile.
    pub(super) fn block(&self, gate: &mut MutexGuard<'_, ()>) {
        self.shared.woken.wait(gate);
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("pending", &self.is_pending())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::thread;

    use super::*;

    #[test]
    fn a_notification_is_kept_and_consumed_once() {
        let signal = Signal::new();
        signal.notify();
        signal.notify();
        assert!(signal.wait_for(Duration::ZERO));
        assert!(!signal.wait_for(Duration::ZERO));
        signal.notify();
        assert!(signal.wait_for(Duration::MAX));
    }

    #[test]
    fn no_notification_is_lost() {
        const ROUNDS: u32 = 20_000;
        let (there, back) = (Signal::new(), Signal::new());
        let ball = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    there.wait();
                    assert_eq!(ball.load(Ordering::Relaxed), round);
                    back.notify();
                }
            });
            for round in 1..=ROUNDS {
                ball.store(round, Ordering::Relaxed);
                there.notify();
                back.wait();
            }
        });
    }

    #[test]
    fn every_event_of_many_senders_is_seen() {
        const EVENTS: u32 = 20_000;
        let (signal, count) = (Signal::new(), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EVENTS / 4 {
                        count.fetch_add(1, Ordering::Relaxed);
                        signal.notify();
                    }
                });
            }
            while count.load(Ordering::Relaxed) < EVENTS {
                signal.wait();
            }
        });
    }

    #[test]
    fn each_of_several_waiters_takes_one_notification() {
        let (signal, taken) = (Signal::new(), Signal::new());
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    signal.wait();
                    taken.notify();
                });
            }
            for _ in 0..3 {
                signal.notify();
                taken.wait();
            }
        });
        assert!(!signal.take());
    }
}
