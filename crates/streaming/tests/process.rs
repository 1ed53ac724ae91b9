//! What holds for a whole process; alone in its binary, so that no other stream runs.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::thread;

use headwater_streaming::time::millis;
use headwater_streaming::{StreamingContext, StreamingState};
use probe::{Start, context};

/// How many threads of the process are ours.
fn own_threads() -> usize {
    own_names().len()
}

/// Their names, as the system keeps them.
fn own_names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("hw-")).collect()
}

fn started(ctx: &headwater_core::Context) -> StreamingContext {
    let ssc = StreamingContext::new(ctx, millis(5)).expect("5 ms are possible");
    let received = ssc.receiver_stream(Start::new(|ctx| {
        ctx.store(1).map_err(|error| error.to_string())
    }));
    received.foreach_rdd(|_, _| ());
    ssc.start().expect("the graph is whole");
    ssc
}

/// Whichever context is active is preferred to a new one.
fn active_or_created(ctx: &headwater_core::Context) {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().to_str().unwrap();
    let created = Cell::new(0);
    let active_or_new = || {
        let found = StreamingContext::get_active_or_create(directory, || {
            created.set(created.get() + 1);
            StreamingContext::new(ctx, millis(7))
        });
        found.unwrap()
    };
    let active = started(ctx);
    assert_eq!(active_or_new().batch_duration(), millis(5));
    assert_eq!(created.get(), 0);
    active.stop(false, false).unwrap();
    let new = active_or_new();
    assert_eq!(new.state(), StreamingState::Initialized);
    assert_eq!((new.batch_duration(), created.get()), (millis(7), 1));
    // One that was not started is not active.
    drop(active_or_new());
    assert_eq!(created.get(), 2);
    new.stream_by_time(|_| vec![1]).foreach_rdd(|_, _| ());
    new.start().unwrap();
    // What was created keeps its past in the directory.
    assert!(dir.path().join("journal").exists());
    assert_eq!(active_or_new().state(), StreamingState::Active);
    assert_eq!(created.get(), 2);
    new.stop(false, false).unwrap();
}

#[test]
fn one_process_after_the_other() {
    // Which context is active.
    let ctx = context(&[]);
    assert!(StreamingContext::get_active().is_none());
    let first = started(&ctx);
    assert!(StreamingContext::get_active().is_some());
    let second = started(&ctx);
    second.stop(false, false).unwrap();
    let active = StreamingContext::get_active().unwrap();
    assert_eq!(active.state(), StreamingState::Active);
    active.stop(false, false).unwrap();
    assert_eq!(first.state(), StreamingState::Stopped);
    assert!(StreamingContext::get_active().is_none());
    drop((first, second, active));
    active_or_created(&ctx);

    // Handles that are dropped without a stop leave nothing behind.
    let dropped = started(&ctx);
    // A thread gives itself its name, a moment after its start.
    let running = (0..1_000_000).any(|_| {
        thread::yield_now();
        own_threads() > 2
    });
    assert!(running, "{} threads run", own_threads());
    // The ends of threads of before may be listed for another moment, too.
    let differ = (0..1_000_000).any(|_| {
        let names = own_names();
        let different: BTreeSet<_> = names.iter().collect();
        let has = |name: &str| names.iter().any(|known| known.trim_end() == name);
        let expected = ["hw-slot-0", "hw-slot-1", "hw-generator", "hw-receiver-0"];
        different.len() == names.len() && expected.into_iter().all(has)
    });
    assert!(differ, "{:?}", own_names());
    drop(dropped);
    assert!(StreamingContext::get_active().is_none());
    drop(ctx);
    // A joined thread may be listed for another moment.
    let gone = (0..1_000_000).any(|_| {
        thread::yield_now();
        own_threads() == 0
    });
    assert!(gone, "{} threads are left", own_threads());
}
