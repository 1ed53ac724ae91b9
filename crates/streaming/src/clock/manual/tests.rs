//! Tests of [`ManualClock`], alone and among threads.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;
use crate::time::{millis, seconds};

fn at(millis: i64) -> Time {
    Time::from_millis(millis)
}

#[test]
fn stands_still_until_it_is_moved() {
    let clock = ManualClock::at(at(500));
    let same = clock.clone();
    assert_eq!(clock.now(), at(500));
    same.advance(seconds(1));
    assert_eq!(clock.now(), at(1_500));
    same.set(at(3));
    assert_eq!(clock.now(), at(3));
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), Time::MAX);
}

#[test]
fn a_time_that_has_come_is_reached_at_once() {
    let clock = ManualClock::at(at(500));
    assert_eq!(clock.wait_until(at(500), &Signal::new()), Woken::Reached);
    assert_eq!(clock.wait_until(at(499), &Signal::new()), Woken::Reached);
    assert!(clock.waiting().is_empty());
}

#[test]
fn a_kept_notification_comes_first() {
    let (clock, signal) = (ManualClock::new(), Signal::new());
    signal.notify();
    assert_eq!(clock.wait_until(Time::ZERO, &signal), Woken::Signalled);
    assert_eq!(clock.wait_until(Time::ZERO, &signal), Woken::Reached);
    signal.notify();
    assert_eq!(clock.wait_until(Time::MAX, &signal), Woken::Signalled);
}

#[test]
fn wakes_all_whose_time_has_come_and_no_others() {
    let clock = ManualClock::new();
    let late = Signal::new();
    thread::scope(|scope| {
        let due: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| clock.wait_until(at(1_000), &Signal::new())))
            .collect();
        let other = scope.spawn(|| clock.wait_until(at(2_000), &late));
        clock.await_waiters(3, at(1_000));
        clock.await_waiters(1, at(2_000));
        assert_eq!(
            clock.waiting(),
            [at(1_000), at(1_000), at(1_000), at(2_000)]
        );

        clock.advance(millis(999));
        assert_eq!(clock.waiting().len(), 4);
        clock.advance(millis(1));
        for waiter in due {
            assert_eq!(waiter.join().unwrap(), Woken::Reached);
        }
        assert_eq!(clock.waiting(), [at(2_000)]);
        late.notify();
        assert_eq!(other.join().unwrap(), Woken::Signalled);
    });
}

#[test]
fn threads_may_share_a_signal_and_still_wake_by_time() {
    let (clock, signal) = (ManualClock::new(), Signal::new());
    thread::scope(|scope| {
        let waiters = [at(1_000), at(2_000)].map(|time| {
            let (clock, signal) = (&clock, &signal);
            scope.spawn(move || clock.wait_until(time, signal))
        });
        clock.await_idle(2);
        clock.advance(seconds(2));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Woken::Reached);
        }
    });
}

#[test]
fn a_clock_that_is_set_back_lets_threads_wait_on() {
    let clock = ManualClock::at(at(5_000));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| clock.wait_until(at(6_000), &Signal::new()));
        clock.await_waiters(1, at(6_000));
        clock.set(at(1_000));
        clock.await_waiters(1, at(6_000));
        clock.set(at(6_000));
        assert_eq!(waiter.join().unwrap(), Woken::Reached);
    });
}

#[test]
fn awaiting_waiters_means_that_they_have_done_their_work() {
    let (clock, signal) = (ManualClock::new(), Signal::new());
    let (events, handled) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while clock.wait_until(at(1_000), &signal) == Woken::Signalled {
                handled.fetch_add(events.swap(0, Ordering::Relaxed), Ordering::Relaxed);
            }
        });
        for sent in 1..=5_000 {
            events.fetch_add(1, Ordering::Relaxed);
            signal.notify();
            clock.await_waiters(1, at(1_000));
            assert_eq!(handled.load(Ordering::Relaxed), sent);
        }
        clock.set(at(1_000));
    });
}

#[test]
fn every_tick_is_seen_however_it_races_with_the_waits() {
    const TICKS: i64 = 5_000;
    let clock = ManualClock::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let signal = Signal::new();
                for tick in at(1).to(at(TICKS), millis(1)) {
                    assert_eq!(clock.wait_until(tick, &signal), Woken::Reached);
                    assert!(clock.now() >= tick);
                }
            });
        }
        for _ in 0..TICKS {
            clock.advance(millis(1));
        }
    });
    assert!(clock.waiting().is_empty());
}

#[test]
fn ticks_and_events_are_all_seen_together() {
    const ROUNDS: u32 = 5_000;
    let (clock, signal) = (ManualClock::new(), Signal::new());
    let sent = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                sent.fetch_add(1, Ordering::Relaxed);
                signal.notify();
            }
        });
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                clock.advance(millis(1));
            }
        });
        let (end, mut next) = (at(i64::from(ROUNDS)), at(1));
        while next <= end || sent.load(Ordering::Relaxed) < ROUNDS {
            let until = if next <= end { next } else { Time::MAX };
            if clock.wait_until(until, &signal) == Woken::Reached {
                next += millis(1);
            }
        }
    });
}

#[test]
fn each_step_can_be_followed_without_sleeping() {
    let clock = ManualClock::new();
    let batches = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for tick in at(1_000).to(at(3_600_000), seconds(1)) {
                clock.wait_until(tick, &Signal::new());
                batches.fetch_add(1, Ordering::Relaxed);
            }
        });
        for batch in 0..3_600 {
            clock.await_idle(1);
            assert_eq!(batches.load(Ordering::Relaxed), batch);
            clock.advance(seconds(1));
        }
    });
    assert_eq!(batches.load(Ordering::Relaxed), 3_600);
}

#[test]
fn reports_threads_that_do_not_come() {
    let clock = ManualClock::at(at(1_000));
    thread::scope(|scope| {
        let signal = Signal::new();
        scope.spawn({
            let signal = signal.clone();
            let clock = &clock;
            move || clock.wait_until(at(3_000), &signal)
        });
        assert_eq!(clock.await_waiters_for(1, at(3_000), Duration::MAX), Ok(()));
        let error = clock
            .await_waiters_for(2, at(3_000), millis(1))
            .unwrap_err();
        assert_eq!(
            (error.now, error.waiting.as_slice()),
            (at(1_000), &[at(3_000)][..])
        );
        assert!(
            error
                .to_string()
                .contains("fewer than 2 threads waited for 3000 ms")
        );
        signal.notify();
    });
}

#[test]
fn shows_its_state() {
    let text = format!("{:?}", ManualClock::at(at(7)));
    assert_eq!(text, "ManualClock { now: Time(7), waiting: [] }");
}

#[test]
fn is_a_clock_behind_a_shared_pointer() {
    let manual = ManualClock::new();
    let clock: Arc<dyn Clock> = Arc::new(manual.clone());
    manual.advance(seconds(1));
    assert_eq!(Clock::now(&clock), at(1_000));
    assert_eq!(
        Clock::wait_until(&clock, at(1_000), &Signal::new()),
        Woken::Reached
    );
}
