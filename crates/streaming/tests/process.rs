//! What holds for a whole process; alone in its binary, so that no other stream runs.

mod probe;

use std::fs;
use std::thread;

use headwater_streaming::time::millis;
use headwater_streaming::{StreamingContext, StreamingState};
use probe::{Start, context};

/// How many threads of the process are ours.
fn own_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("headwater-")).count()
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

    // Handles that are dropped without a stop leave nothing behind.
    let dropped = started(&ctx);
    // A thread gives itself its name, a moment after its start.
    let running = (0..1_000_000).any(|_| {
        thread::yield_now();
        own_threads() > 2
    });
    assert!(running, "{} threads run", own_threads());
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
