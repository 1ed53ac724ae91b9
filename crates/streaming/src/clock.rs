//! Where time comes from: a [`Clock`] that is handed in, never reached for.
//!
//! A component that acts both on events and at certain times is one thread that drains a queue
//! and waits on its clock in between. [`Clock::wait_until`] ends that wait at the time or at
//! the component's [`Signal`], whichever comes first, so that there is no polling and no
//! thread that only keeps time.
//!
//! [`SystemClock`] follows the machine's wall clock. [`ManualClock`] stands still until a test
//! moves it, so that hours of batches run in milliseconds and always in the same way.
//!
//! ```
//! use headwater_streaming::clock::{Clock, ManualClock, Signal, Woken};
//! use headwater_streaming::time::{Time, seconds};
//! use std::sync::mpsc::sync_channel;
//! use std::thread;
//!
//! let clock = ManualClock::new();
//! let signal = Signal::new();
//! let (events, queue) = sync_channel(8);
//!
//! let component = thread::spawn({
//!     let (clock, signal) = (clock.clone(), signal.clone());
//!     move || {
//!         let mut log = Vec::new();
//!         let batch = Time::from_millis(2_000);
//!         while clock.now() < batch {
//!             clock.wait_until(batch, &signal);
//!             log.extend(queue.try_iter());
//!         }
//!         log.push(format!("batch {batch}"));
//!         log
//!     }
//! });
//!
//! clock.await_waiters(1, Time::from_millis(2_000));
//! events.send("block stored".to_owned())?;
//! signal.notify();
//! clock.await_waiters(1, Time::from_millis(2_000));
//! clock.advance(seconds(2));
//! assert_eq!(component.join().expect("it does not panic"), ["block stored", "batch 2000 ms"]);
//! # Ok::<(), std::sync::mpsc::SendError<String>>(())
//! ```

use std::fmt::Debug;
use std::sync::Arc;

use crate::time::Time;

mod manual;
mod signal;
mod system;

pub use manual::{ManualClock, MissingWaiters};
pub use signal::Signal;
pub use system::SystemClock;

/// Tells the time and waits for it.
///
/// # Contract
///
/// * `now` may go backwards, as the wall clock of a machine can: whoever compares two readings
///   copes with that. Clones and borrows of one clock show the same time.
/// * `wait_until` gives [`Woken::Reached`] only when `now` was at or past `at`; a caller may
///   cut the batch of that time at once.
/// * `wait_until` gives [`Woken::Signalled`] at once when the signal was notified since it was
///   last consumed, and consumes it. A notification is never lost, however it falls together
///   with the start of a wait; this is what makes "queue, then notify" safe.
/// * When both are true it is `Signalled`. Under a flood of events the time is therefore
///   checked by the caller: after draining its queue it compares `now` with its own next time,
///   as the example in the [module's page](self) does.
/// * Waiting burns no processor time.
///
/// The unit tests of this module check these for both clocks.
///
/// ```
/// use headwater_streaming::clock::{Clock, Signal, SystemClock, Woken};
/// use headwater_streaming::time::millis;
///
/// let clock = SystemClock;
/// let boundary = clock.now().floor(millis(5)) + millis(5);
/// assert_eq!(clock.wait_until(boundary, &Signal::new()), Woken::Reached);
/// ```
pub trait Clock: Send + Sync + Debug {
    /// The time that the clock shows.
    fn now(&self) -> Time;

    /// Waits until the clock shows `at` or later, or `signal` is notified.
    fn wait_until(&self, at: Time, signal: &Signal) -> Woken;
}

/// Why a wait ended.
///
/// ```
/// use headwater_streaming::clock::{Clock, ManualClock, Signal, Woken};
/// use headwater_streaming::time::Time;
///
/// let (clock, signal) = (ManualClock::new(), Signal::new());
/// assert_eq!(clock.wait_until(Time::ZERO, &signal), Woken::Reached);
/// signal.notify();
/// assert_eq!(clock.wait_until(Time::MAX, &signal), Woken::Signalled);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The clock shows the time that was waited for, or a later one.
    Reached,
    /// The signal was notified, and has been consumed.
    Signalled,
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Time {
        (**self).now()
    }

    fn wait_until(&self, at: Time, signal: &Signal) -> Woken {
        (**self).wait_until(at, signal)
    }
}
