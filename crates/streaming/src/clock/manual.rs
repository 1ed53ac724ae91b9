//! A clock that tests move by hand.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{Clock, Signal, Woken};
use crate::time::Time;

/// A clock that stands still until it is moved.
///
/// Clones share one time: a test keeps one and hands the others to what it tests. Moving the
/// clock wakes every thread that waits for a time that is now reached, and
/// [`await_waiters`](Self::await_waiters) and [`await_idle`](Self::await_idle) let the test
/// wait until those threads have done their work and wait again, so that it needs no sleeps.
///
/// ```
/// use headwater_streaming::clock::{Clock, ManualClock, Signal, Woken};
/// use headwater_streaming::time::{Time, seconds};
/// use std::thread;
///
/// let clock = ManualClock::new();
/// let at = Time::from_millis(60_000);
/// let waiter = thread::spawn({
///     let clock = clock.clone();
///     move || clock.wait_until(at, &Signal::new())
/// });
///
/// clock.await_waiters(1, at);
/// clock.advance(seconds(60));
/// assert_eq!(waiter.join().expect("it does not panic"), Woken::Reached);
/// ```
#[derive(Clone, Default)]
pub struct ManualClock {
    shared: Arc<Shared>,
}

// Locks are taken in one order: a signal's gate, then the state. Whoever moves the clock
// releases the state before it pokes the signals.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever the waiters may have changed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    now: Time,
    waiters: Vec<Waiter>,
    last_id: u64,
}

struct Waiter {
    id: u64,
    at: Time,
    signal: Signal,
}

impl ManualClock {
    /// A clock that shows [`Time::ZERO`].
    ///
    /// ```
    /// use headwater_streaming::clock::{Clock, ManualClock};
    /// use headwater_streaming::time::Time;
    ///
    /// assert_eq!(ManualClock::new().now(), Time::ZERO);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that shows `time`.
    ///
    /// ```
    /// use headwater_streaming::clock::{Clock, ManualClock};
    /// use headwater_streaming::time::Time;
    ///
    /// let start = Time::from_millis(10_000);
    /// assert_eq!(ManualClock::at(start).now(), start);
    /// ```
    #[must_use]
    pub fn at(time: Time) -> Self {
        let clock = Self::new();
        clock.set(time);
        clock
    }

    /// Moves the clock forward by the whole milliseconds of `length`.
    ///
    /// ```
    /// use headwater_streaming::clock::{Clock, ManualClock};
    /// use headwater_streaming::time::{Time, seconds};
    ///
    /// let clock = ManualClock::new();
    /// clock.advance(seconds(1));
    /// assert_eq!(clock.now(), Time::from_millis(1_000));
    /// ```
    pub fn advance(&self, length: Duration) {
        self.change(|now| now + length);
    }

    /// Moves the clock to `time`, also backwards, as a machine's clock can be set back.
    ///
    /// ```
    /// use headwater_streaming::clock::{Clock, ManualClock};
    /// use headwater_streaming::time::Time;
    ///
    /// let clock = ManualClock::new();
    /// clock.set(Time::from_millis(7));
    /// assert_eq!(clock.now(), Time::from_millis(7));
    /// ```
    pub fn set(&self, time: Time) {
        self.change(|_| time);
    }

    /// Blocks until at least `threads` threads wait for exactly the time `at`.
    ///
    /// Only threads that are truly at rest count: not one that has been notified or whose time
    /// has come, even if it has had no chance to run yet. After an event is sent, or the clock
    /// moved, this therefore returns when the threads have dealt with that and wait again.
    /// Nobody ever waits for a time that the clock has passed, so that `at` must be later;
    /// [`await_waiters_for`](Self::await_waiters_for) reports such a mistake instead of
    /// blocking for ever.
    ///
    /// ```
    /// use headwater_streaming::clock::{Clock, ManualClock, Signal};
    /// use headwater_streaming::time::{Time, seconds};
    /// use std::thread;
    ///
    /// let clock = ManualClock::new();
    /// let ticks = thread::spawn({
    ///     let clock = clock.clone();
    ///     move || {
    ///         for tick in Time::from_millis(1_000).to(Time::from_millis(3_000), seconds(1)) {
    ///             clock.wait_until(tick, &Signal::new());
    ///         }
    ///     }
    /// });
    /// for tick in Time::from_millis(1_000).to(Time::from_millis(3_000), seconds(1)) {
    ///     clock.await_waiters(1, tick);
    ///     clock.set(tick);
    /// }
    /// ticks.join().expect("it does not panic");
    /// ```
    pub fn await_waiters(&self, threads: usize, at: Time) {
        self.await_count(|state| state.resting().filter(|&time| time == at).count() >= threads);
    }

    /// Like [`await_waiters`](Self::await_waiters), but blocks no longer than `limit` of real
    /// time.
    ///
    /// # Errors
    ///
    /// When fewer threads wait for `at` by then; the error names the times that are waited for.
    ///
    /// ```
    /// use headwater_streaming::clock::ManualClock;
    /// use headwater_streaming::time::{Time, millis};
    ///
    /// let missing = ManualClock::new().await_waiters_for(1, Time::from_millis(5), millis(1));
    /// assert!(missing.is_err());
    /// ```
    pub fn await_waiters_for(
        &self,
        threads: usize,
        at: Time,
        limit: Duration,
    ) -> Result<(), MissingWaiters> {
        let mut state = self.shared.state.lock();
        let missing =
            |state: &mut State| state.resting().filter(|&time| time == at).count() < threads;
        if self
            .shared
            .changed
            .wait_while_for(&mut state, missing, limit)
            .timed_out()
        {
            let (now, waiting) = (state.now, state.waiting());
            return Err(MissingWaiters {
                threads,
                at,
                limit,
                now,
                waiting,
            });
        }
        Ok(())
    }

    /// Blocks until at least `threads` threads wait, for whatever times.
    ///
    /// Which threads count is as with [`await_waiters`](Self::await_waiters).
    ///
    /// ```
    /// use headwater_streaming::clock::{Clock, ManualClock, Signal};
    /// use headwater_streaming::time::Time;
    /// use std::thread;
    ///
    /// let clock = ManualClock::new();
    /// let signal = Signal::new();
    /// let waiter = thread::spawn({
    ///     let (clock, signal) = (clock.clone(), signal.clone());
    ///     move || clock.wait_until(Time::MAX, &signal)
    /// });
    /// clock.await_idle(1);
    /// signal.notify();
    /// waiter.join().expect("it does not panic");
    /// ```
    pub fn await_idle(&self, threads: usize) {
        self.await_count(|state| state.resting().count() >= threads);
    }

    /// The times for which threads wait at this moment, earliest first, one for each thread.
    ///
    /// ```
    /// use headwater_streaming::clock::ManualClock;
    ///
    /// assert!(ManualClock::new().waiting().is_empty());
    /// ```
    #[must_use]
    pub fn waiting(&self) -> Vec<Time> {
        self.shared.state.lock().waiting()
    }

    fn change(&self, next: impl FnOnce(Time) -> Time) {
        let signals: Vec<Signal> = {
            let mut state = self.shared.state.lock();
            state.now = next(state.now);
            state
                .waiters
                .iter()
                .map(|waiter| waiter.signal.clone())
                .collect()
        };
        // A thread that starts to wait from here on sees the new time by itself.
        for signal in signals {
            signal.poke();
        }
    }

    fn await_count(&self, enough: impl Fn(&State) -> bool) {
        let mut state = self.shared.state.lock();
        self.shared
            .changed
            .wait_while(&mut state, |state| !enough(state));
    }

    /// Decides whether a waiter, who holds the signal's gate, is woken or goes on waiting.
    ///
    /// The look at time and signal and the entry among the waiters are one step under the
    /// state's lock. So whoever moves the clock either comes before the look or finds the
    /// entry, and whoever counts waiters never takes one for resting that has been woken.
    fn look(&self, at: Time, signal: &Signal, id: &mut Option<u64>) -> Option<Woken> {
        let mut state = self.shared.state.lock();
        let woken = if signal.take() {
            Some(Woken::Signalled)
        } else if state.now >= at {
            Some(Woken::Reached)
        } else {
            None
        };
        match (woken, *id) {
            (Some(_), Some(id)) => state.waiters.retain(|waiter| waiter.id != id),
            (None, None) => *id = Some(state.enter(at, signal)),
            _ => {}
        }
        self.shared.changed.notify_all();
        woken
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        self.shared.state.lock().now
    }

    fn wait_until(&self, at: Time, signal: &Signal) -> Woken {
        let mut gate = signal.gate();
        let mut id = None;
        loop {
            if let Some(woken) = self.look(at, signal, &mut id) {
                return woken;
            }
            signal.block(&mut gate);
        }
    }
}

impl State {
    fn enter(&mut self, at: Time, signal: &Signal) -> u64 {
        self.last_id += 1;
        self.waiters.push(Waiter {
            id: self.last_id,
            at,
            signal: signal.clone(),
        });
        self.last_id
    }

    /// The times that threads wait for which nothing is about to wake.
    fn resting(&self) -> impl Iterator<Item = Time> {
        let resting = |waiter: &&Waiter| waiter.at > self.now && !waiter.signal.is_pending();
        self.waiters.iter().filter(resting).map(|waiter| waiter.at)
    }

    fn waiting(&self) -> Vec<Time> {
        let mut times: Vec<Time> = self.resting().collect();
        times.sort_unstable();
        times
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.lock();
        f.debug_struct("ManualClock")
            .field("now", &state.now)
            .field("waiting", &state.waiting())
            .finish()
    }
}

/// The threads that [`ManualClock::await_waiters_for`] expected did not come.
///
/// ```
/// use headwater_streaming::clock::ManualClock;
/// use headwater_streaming::time::{Time, millis};
///
/// let missing = ManualClock::new().await_waiters_for(1, Time::from_millis(5), millis(1));
/// let text = missing.map_err(|error| error.to_string());
/// assert!(text.is_err_and(|text| text.contains("the clock shows 0 ms")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error(
    "fewer than {threads} threads waited for {at} within {limit:?}: the clock shows {now} and \
     threads wait for {waiting:?}; wait for a time that comes next for those threads, or move \
     the clock first"
)]
pub struct MissingWaiters {
    /// How many threads were expected.
    pub threads: usize,
    /// The time for which they should have waited.
    pub at: Time,
    /// How long was waited for them, in real time.
    pub limit: Duration,
    /// What the clock showed.
    pub now: Time,
    /// The times for which threads did wait, earliest first.
    pub waiting: Vec<Time>,
}

#[cfg(test)]
mod tests;
