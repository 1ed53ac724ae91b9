//! The clock of the machine.

use std::time::{Duration, SystemTime};

use super::{Clock, Signal, Woken};
use crate::time::{Time, epoch_nanos};

/// The longest time between two looks at the wall clock.
///
/// When somebody sets the wall clock forward, or the machine was suspended, a thread that
/// sleeps for the time that remained before would oversleep by the whole jump. With this it
/// notices within a second, for the price of one wake-up a second.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// The machine's wall clock.
///
/// A wait never ends before its boundary, and after it only by as long as the operating system
/// takes to wake a thread (about a tenth of a millisecond on Linux). A wall clock that is set
/// back prolongs waits; one that is set forward ends them within a second.
///
/// ```
/// use headwater_streaming::clock::{Clock, SystemClock};
/// use headwater_streaming::time::Time;
///
/// assert!(SystemClock.now() > Time::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        SystemTime::now().into()
    }

    fn wait_until(&self, at: Time, signal: &Signal) -> Woken {
        wait_by(SystemTime::now, at, signal)
    }
}

/// Waits until `wall` reads `at`, or for the signal.
fn wait_by(mut wall: impl FnMut() -> SystemTime, at: Time, signal: &Signal) -> Woken {
    loop {
        let sleep = sleep_before(at, wall()).unwrap_or(Duration::ZERO);
        let signalled = if sleep.is_zero() {
            signal.take()
        } else {
            signal.wait_for(sleep)
        };
        if signalled {
            return Woken::Signalled;
        }
        if sleep.is_zero() {
            return Woken::Reached;
        }
    }
}

/// How long to sleep before the next look at the wall clock, or `None` when it is at `at`.
fn sleep_before(at: Time, wall: SystemTime) -> Option<Duration> {
    let left = i128::from(at.as_millis()) * 1_000_000 - epoch_nanos(wall);
    if left <= 0 {
        return None;
    }
    let left = u64::try_from(left).map_or(SLEEP_MAX, Duration::from_nanos);
    Some(left.min(SLEEP_MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::thread;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::time::{millis, seconds};

    const BOUNDARY: Time = Time::from_millis(1_000);

    fn wall(micros: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(micros)
    }

    #[test]
    fn sleeps_exactly_to_the_boundary() {
        assert_eq!(
            sleep_before(BOUNDARY, wall(999_999)),
            Some(Duration::from_micros(1))
        );
        assert_eq!(
            sleep_before(BOUNDARY, wall(995_300)),
            Some(Duration::from_micros(4_700))
        );
        assert_eq!(sleep_before(BOUNDARY, wall(1_000_000)), None);
        assert_eq!(sleep_before(BOUNDARY, wall(1_000_001)), None);
    }

    #[test]
    fn looks_at_the_wall_clock_at_least_every_second() {
        assert_eq!(
            sleep_before(Time::from_millis(3_600_000), wall(0)),
            Some(SLEEP_MAX)
        );
        assert_eq!(sleep_before(Time::MAX, wall(0)), Some(SLEEP_MAX));
        assert_eq!(sleep_before(Time::MIN, wall(0)), None);
    }

    #[test]
    fn a_wall_clock_that_is_set_back_prolongs_the_wait() {
        let mut readings = [999_999, 999_990, 999_995, 1_000_000].into_iter();
        let woken = wait_by(|| wall(readings.next().unwrap()), BOUNDARY, &Signal::new());
        assert_eq!(woken, Woken::Reached);
        assert_eq!(readings.next(), None);
    }

    #[test]
    fn a_wall_clock_that_is_set_forward_ends_the_wait() {
        let mut readings = [999_900, 7_000_000].into_iter();
        let woken = wait_by(|| wall(readings.next().unwrap()), BOUNDARY, &Signal::new());
        assert_eq!(woken, Woken::Reached);
        assert_eq!(readings.next(), None);
    }

    #[test]
    fn a_kept_notification_comes_first() {
        let signal = Signal::new();
        signal.notify();
        assert_eq!(
            SystemClock.wait_until(Time::ZERO, &signal),
            Woken::Signalled
        );
        assert_eq!(SystemClock.wait_until(Time::ZERO, &signal), Woken::Reached);
        signal.notify();
        assert_eq!(SystemClock.wait_until(Time::MAX, &signal), Woken::Signalled);
    }

    #[test]
    fn a_notification_ends_a_wait_for_a_far_time() {
        let signal = Signal::new();
        let (looked, looks) = sync_channel(0);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                // The first look is over when the notification comes.
                let look = || looked.send(()).map(|()| wall(0)).unwrap();
                wait_by(look, Time::MAX, &signal)
            });
            looks.recv().unwrap();
            signal.notify();
            // The waiter may look again when the machine is so slow that a second passed.
            while !waiter.is_finished() {
                let _ = looks.try_recv();
                thread::yield_now();
            }
            assert_eq!(waiter.join().unwrap(), Woken::Signalled);
        });
    }

    #[test]
    fn waits_for_the_real_boundary() {
        let clock = SystemClock;
        let at = clock.now().floor(millis(5)) + millis(5);
        assert_eq!(clock.wait_until(at, &Signal::new()), Woken::Reached);
        assert!(clock.now() + seconds(1) > at);
    }
}
