//! State is written whole beside the batches, and none of them waits for it.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::time::Duration;

use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{DStream, State, StateSpec};
use parking_lot::{Condvar, Mutex};
use probe::{Log, context, second};
use serde::{Deserialize, Serialize, Serializer};
use tempfile::TempDir;

/// A door that whoever writes a [`Sum`] whole has to pass.
struct Door {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    is_open: bool,
    is_reached: bool,
}

/// One for each test that needs one.
static DOORS: [Door; 2] = [Door::new(false), Door::new(true)];

/// More than enough, so that a test that would wait for ever fails.
const PATIENCE: Duration = Duration::from_secs(60);

impl Door {
    const fn new(is_open: bool) -> Self {
        let seen = Seen {
            is_open,
            is_reached: false,
        };
        Door {
            seen: Mutex::new(seen),
            changed: Condvar::new(),
        }
    }

    fn pass(&self) {
        let mut seen = self.seen.lock();
        seen.is_reached = true;
        self.changed.notify_all();
        self.changed.wait_while(&mut seen, |seen| !seen.is_open);
    }

    fn open(&self) {
        self.seen.lock().is_open = true;
        self.changed.notify_all();
    }

    /// Waits until somebody stands in the door, or has passed it.
    fn await_reached(&self) -> Result<(), &'static str> {
        let mut seen = self.seen.lock();
        let waited = self
            .changed
            .wait_while_for(&mut seen, |seen| !seen.is_reached, PATIENCE);
        match waited.timed_out() {
            true => Err("nobody has written state"),
            false => Ok(()),
        }
    }
}

/// A state that has to pass a door when it is written whole, and not when a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Sum {
    door: usize,
    sum: i64,
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if std::thread::current().name() == Some("hw-checkpointer") {
            DOORS[self.door].pass();
        }
        (self.door, self.sum).serialize(to)
    }
}

fn life(dir: &TempDir, begin_ms: i64, interval: &str) -> TestStream {
    let settings = [("streaming.checkpoint.interval", interval)];
    let clock = ManualClock::at(Time::from_millis(begin_ms));
    let test = TestStream::with_clock(&context(&settings), seconds(1), clock).unwrap();
    test.context()
        .go_on_from(dir.path().to_str().unwrap())
        .unwrap();
    test
}

/// The number of batches so far, as the sum of a key.
fn sums(test: &TestStream, door: usize) -> DStream<(char, i64)> {
    let add = move |key: &char, value: Option<i64>, state: &mut State<'_, Sum>| {
        let sum = state.get().map_or(0, |old| old.sum) + value.unwrap_or(0);
        state.update(Sum { door, sum });
        (*key, sum)
    };
    let ones = test.context().stream_by_time(|_| vec![('k', 1)]);
    ones.map_with_state(StateSpec::function(add)).stream()
}

fn last(out: &Collected<(char, i64)>) -> Option<(char, i64)> {
    out.batches().concat().pop()
}

/// How many snapshots there are.
fn snapshots(dir: &TempDir) -> usize {
    std::fs::read_dir(dir.path().join("state")).map_or(0, |files| {
        let names = files.map(|file| file.unwrap().file_name());
        names
            .filter(|name| !name.to_string_lossy().starts_with('.'))
            .count()
    })
}

#[test]
fn batches_go_on_while_state_is_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let test = life(&dir, 0, "1s");
    let out = test.collect(&sums(&test, 0));
    test.run(1);
    DOORS[0].await_reached().unwrap();
    // Who writes stands in the door, with the state in hands.
    test.run(5);
    assert_eq!(last(&out), Some(('k', 6)));
    DOORS[0].open();
    test.context().stop(false, true).unwrap();
    drop(test);
    let test = life(&dir, 6_000, "1s");
    let out = test.collect(&sums(&test, 0));
    test.run(1);
    assert_eq!(last(&out), Some(('k', 7)));
}

#[test]
fn a_stream_that_is_never_idle_has_its_state_written() {
    let dir = tempfile::tempdir().unwrap();
    let test = life(&dir, 0, "1s");
    let planned = Log::new();
    let plans = planned.clone();
    let sums = sums(&test, 1);
    sums.transform(move |sums, time| {
        plans.push(time);
        sums.clone()
    })
    .foreach_rdd(move |sums, time| {
        sums.count().map_err(|error| error.to_string())?;
        if time == second(1) {
            // From here to the end of the last batch there is always one under way.
            planned.wait_for(|planned| planned.contains(&second(6)));
        }
        match time == second(6) {
            true => DOORS[1].await_reached().map_err(str::to_owned),
            false => Ok(()),
        }
    });
    test.context().start().unwrap();
    test.clock().advance(seconds(5));
    test.run(1);
}

#[test]
fn a_graceful_stop_writes_state_and_a_crash_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let run = |begin_ms, gracefully| {
        let test = life(&dir, begin_ms, "1h");
        let count = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.len() as i64);
        let ones = test.context().stream_by_time(|_| vec![('k', 1)]);
        let out = test.collect(&ones.update_state_by_key(count));
        test.run(3);
        test.context().stop(false, gracefully).unwrap();
        last(&out).unwrap().1
    };
    assert_eq!((run(0, false), snapshots(&dir)), (3, 0));
    assert_eq!(run(3_000, true), 6);
    assert!(snapshots(&dir) > 0);
    assert_eq!(run(6_000, false), 9);
}
