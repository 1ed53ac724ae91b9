//! Positions: a source that sends again what it did not see acknowledged doubles nothing.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{DStream, ReceiverContext, StoreError};
use probe::{Start, context, second, stream};
use tempfile::TempDir;

/// A stream of what the test stores, and where it gets what to store through: once for each
/// start.
fn handed_out(test: &TestStream) -> (DStream<u64>, Receiver<ReceiverContext<u64>>) {
    let (to, contexts) = sync_channel(10);
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        to.send(ctx.clone()).map_err(|error| error.to_string())
    }));
    (received, contexts)
}

/// A life of a stream over a directory, from a second on.
fn life(dir: &TempDir, begin: i64, settings: &[(&str, &str)]) -> TestStream {
    let clock = ManualClock::at(second(begin));
    let test = TestStream::with_clock(&context(settings), seconds(1), clock).unwrap();
    test.context()
        .go_on_from(dir.path().to_str().unwrap())
        .unwrap();
    test
}

#[test]
fn the_position_of_the_last_block_outlives_a_start() {
    let test = stream(&[]);
    let (received, contexts) = handed_out(&test);
    let out = test.collect(&received);
    test.try_run(0).unwrap();
    let first = contexts.recv().unwrap();
    assert_eq!(first.last_position(), Ok(None));
    first.store(1).unwrap();
    first.store_many_at([2, 3], b"three").unwrap();
    first.append(&mut vec![4]).unwrap();
    first.store_many([5]).unwrap();
    assert_eq!(first.last_position().unwrap().unwrap(), b"three");
    first
        .store_block_at(Arc::default(), b"nothing until ten")
        .unwrap();
    assert_eq!(
        first.last_position().unwrap().unwrap(),
        b"nothing until ten"
    );
    first.restart_after("lost the source", Duration::ZERO);
    let second = contexts.recv().unwrap();
    assert_eq!(
        second.last_position().unwrap().unwrap(),
        b"nothing until ten"
    );
    assert_eq!(first.store_many_at([6], b"late"), Err(StoreError::Stopped));
    second.store_many_at([7], b"").unwrap();
    assert_eq!(second.last_position().unwrap().unwrap(), b"");
    test.run(1);
    assert_eq!(out.batches(), [[1, 2, 3, 4, 5, 7]]);
}

#[test]
fn the_position_is_found_after_a_restart_though_its_block_is_long_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("streaming.checkpoint.interval", "1s")];
    let mut begin = 0;
    for (expected, next) in [
        (None, b"one"),
        (Some(b"one"), b"two"),
        (Some(b"two"), b"end"),
    ] {
        let test = life(&dir, begin, &settings);
        // The program changes: another input stands before it.
        let other = test.context().stream_by_time(|_: Time| vec![0_u64]);
        if begin > 0 {
            test.collect(&other.named("another"));
        }
        let (received, contexts) = handed_out(&test);
        let out = test.collect(&received.named("numbers"));
        test.try_run(0).unwrap();
        let ctx = contexts.recv().unwrap();
        assert_eq!(
            ctx.last_position().unwrap(),
            expected.map(|position| position.to_vec())
        );
        ctx.store_many_at([1, 2, 3], next).unwrap();
        // The block is done, and pruned by the checkpoints that follow.
        test.run(5);
        assert_eq!(out.batches().concat(), [1, 2, 3]);
        begin += 5;
    }
}

#[test]
fn what_waits_in_the_directory_comes_before_what_the_position_brings() {
    let dir = tempfile::tempdir().unwrap();
    {
        let test = life(&dir, 0, &[]);
        let (received, contexts) = handed_out(&test);
        test.collect(&received);
        test.try_run(0).unwrap();
        let ctx = contexts.recv().unwrap();
        ctx.store_many_at([1, 2], &[2]).unwrap();
        // Gathered, and safe together with the position that says nothing else.
        ctx.store(3).unwrap();
        ctx.store_block_at(Arc::default(), &[3]).unwrap();
    }
    let test = life(&dir, 0, &[]);
    let (received, contexts) = handed_out(&test);
    let out = test.collect(&received);
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    let next = ctx.last_position().unwrap().unwrap()[0];
    ctx.store_many_at([u64::from(next) + 1], &[4]).unwrap();
    test.run(1);
    assert_eq!(out.batches().concat(), [1, 2, 3, 4]);
}

#[test]
fn without_a_log_the_position_lives_as_long_as_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("streaming.receiver.write_ahead_log.enable", "false")];
    for begin in [0, 1] {
        let test = life(&dir, begin, &settings);
        let (received, contexts) = handed_out(&test);
        let out = test.collect(&received);
        test.try_run(0).unwrap();
        let ctx = contexts.recv().unwrap();
        assert_eq!(ctx.last_position(), Ok(None));
        ctx.store_many_at([1], b"one").unwrap();
        assert_eq!(ctx.last_position().unwrap().unwrap(), b"one");
        test.run(1);
        assert_eq!(out.batches().concat(), [1]);
    }
}
