//! When batches are cut.

mod probe;

use std::sync::mpsc::sync_channel;

use headwater_streaming::clock::{Clock, ManualClock};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, millis, seconds};
use probe::{Log, Told, record, second, stream};

/// The times of the batches of a stream.
fn times(test: &TestStream) -> Log<Time> {
    let log = Log::new();
    let to = log.clone();
    let input = test.input(Vec::<Vec<u8>>::new());
    input.foreach_rdd(move |_, time| to.push(time));
    log
}

#[test]
fn batch_times_are_multiples_of_the_interval() {
    for (now, first) in [
        (0, 2000),
        (1, 2000),
        (1999, 2000),
        (2000, 4000),
        (12_345, 14_000),
    ] {
        let test = TestStream::new(seconds(2));
        let log = times(&test);
        test.clock().set(Time::from_millis(now));
        test.try_run(0).unwrap();
        test.clock().await_waiters(1, Time::from_millis(first));
        test.run(2);
        let expected = [first, first + 2000].map(Time::from_millis);
        assert_eq!(log.entries(), expected);
    }
}

#[test]
fn windows_fire_at_multiples_of_the_slide_after_the_start() {
    let test = stream(&[]);
    test.clock().set(Time::from_millis(7_500));
    let log = Log::new();
    let to = log.clone();
    let input = test.input(vec![vec![1], vec![2], vec![3]]);
    let windows = input.window(seconds(2), seconds(2));
    windows.foreach_rdd(move |rdd, time| rdd.collect().map(|records| to.push((time, records))));
    test.try_run(0).unwrap();
    test.clock().await_waiters(1, second(8));
    test.clock().set(second(11));
    test.clock().await_waiters(1, second(12));
    let fired = log.wait_for(|fired| fired.len() == 2);
    assert_eq!(fired, [(second(9), vec![1, 2]), (second(11), vec![3])]);
}

#[test]
fn a_clock_that_jumps_leaves_no_batch_out() {
    let test = stream(&[]);
    let log = times(&test);
    test.try_run(0).unwrap();
    test.clock().advance(millis(5_900));
    test.clock().await_waiters(1, second(6));
    assert_eq!(
        log.wait_for(|times| times.len() == 5),
        [1, 2, 3, 4, 5].map(second)
    );
}

#[test]
fn a_clock_that_is_set_back_repeats_no_batch() {
    let test = stream(&[]);
    let log = times(&test);
    test.run(5);
    test.clock().set(second(2));
    test.clock().await_waiters(1, second(6));
    test.clock().set(second(5));
    test.clock().await_waiters(1, second(6));
    assert_eq!(log.entries().len(), 5);
    test.clock().set(second(6));
    assert_eq!(log.wait_for(|times| times.len() == 6)[5], second(6));
}

#[test]
fn batches_that_have_no_room_wait() {
    let test = stream(&[("streaming.waiting_batches_max", "3")]);
    let events = record(test.context());
    let (release, wait_release) = sync_channel::<()>(0);
    let gate = parking_lot::Mutex::new(wait_release);
    let log = Log::new();
    let to = log.clone();
    let input = test.input(Vec::<Vec<u8>>::new());
    input.foreach_rdd(move |_, time| {
        gate.lock().recv().unwrap();
        to.push(time);
    });
    test.try_run(0).unwrap();
    test.clock().set(second(10));
    let submitted = |told: &[Told]| {
        let is_submitted = |told: &&Told| matches!(told, Told::Submitted(_));
        told.iter().filter(is_submitted).count()
    };
    for done in 0..7 {
        events.wait_for(|told| submitted(told) == done + 3);
        test.context().context().events().flush();
        assert_eq!(submitted(&events.entries()), done + 3);
        release.send(()).unwrap();
    }
    (0..3).for_each(|_| release.send(()).unwrap());
    assert_eq!(
        log.wait_for(|times| times.len() == 10),
        Vec::from_iter((1..=10).map(second))
    );
}

#[test]
fn an_idle_stream_only_waits() {
    let test = stream(&[]);
    let _log = times(&test);
    test.run(1);
    let events = record(test.context());
    // One thread waits, for the next batch; a clock that moves wakes nobody else.
    test.clock().await_waiters(1, second(2));
    for part in 0..100 {
        test.clock().set(second(1) + millis(part * 9));
        assert_eq!(test.clock().waiting(), [second(2)]);
    }
    test.context().context().events().flush();
    assert!(events.entries().is_empty());
    let clock: &ManualClock = test.clock();
    assert!(clock.now() < second(2));
}
