//! What receivers store and the journal of a checkpoint directory: asked for, and switched off.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use headwater_core::Wire;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_streaming::{DStream, ReceiverContext, StreamError};
use probe::{Start, going_on, stream};

const LOG: &str = "streaming.receiver.write_ahead_log.enable";

/// A stream of what the test stores, and where it gets what to store through.
fn handed_out<T: Wire>(test: &TestStream) -> (DStream<T>, Receiver<ReceiverContext<T>>) {
    let (to, contexts) = sync_channel(10);
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        to.send(ctx.clone()).map_err(|error| error.to_string())
    }));
    (received, contexts)
}

#[test]
fn a_log_that_was_asked_for_needs_a_directory() {
    let test = stream(&[(LOG, "true")]);
    let (received, _contexts) = handed_out::<u64>(&test);
    test.collect(&received);
    let error = test.try_run(0).unwrap_err();
    assert!(matches!(error, StreamError::Graph(_)), "{error}");
    let error = error.to_string();
    for said in [
        "receiver_stream at ",
        LOG,
        "StreamingContext::checkpoint",
        "`streaming.checkpoint.directory`",
    ] {
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn who_asks_for_no_log_or_has_a_directory_or_no_receiver_is_not_refused() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().to_str().unwrap();
    let configured = ("streaming.checkpoint.directory", directory);
    for settings in [&[][..], &[(LOG, "false")], &[(LOG, "true"), configured]] {
        let test = stream(settings);
        let (received, _contexts) = handed_out::<u64>(&test);
        test.collect(&received);
        test.run(1);
    }
    let test = stream(&[(LOG, "true")]);
    test.collect(&test.input(vec![vec![1]]));
    test.run(1);
}

/// One life of a window over two batches, in which something is stored before a batch and
/// something after it; what the batch shows.
fn life(dir: &Path, begun: usize, log: &str, (before, after): (u64, u64)) -> Vec<u64> {
    let test = going_on(dir, begun, &[(LOG, log)]);
    let (received, contexts) = handed_out(&test);
    let out = test.collect(&received.window(seconds(2), None));
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    ctx.store_many([before]).unwrap();
    test.run(1);
    ctx.store_many([after]).unwrap();
    out.batches().concat()
}

#[test]
fn what_an_earlier_life_logged_is_processed_once_whatever_the_setting_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun, log, stored| life(dir.path(), begun, log, stored);
    assert_eq!(life(0, "true", (1, 2)), [1]);
    // The window still shows 1, and 2 waited for this batch.
    assert_eq!(life(1, "false", (3, 4)), [1, 2, 3]);
    // What was not logged went with its process; 2 belongs to the batch before, and to no other.
    assert_eq!(life(2, "false", (5, 6)), [2, 5]);
    assert_eq!(life(3, "true", (7, 8)), [7]);
    assert_eq!(life(4, "true", (9, 10)), [7, 8, 9]);
}

#[test]
fn a_position_is_found_though_no_more_are_logged() {
    let dir = tempfile::tempdir().unwrap();
    for (begun, log, expected) in [(0, "true", None), (1, "false", Some(vec![7]))] {
        let test = going_on(dir.path(), begun, &[(LOG, log)]);
        let (received, contexts) = handed_out(&test);
        test.collect(&received);
        test.try_run(0).unwrap();
        let ctx = contexts.recv().unwrap();
        assert_eq!(ctx.last_position(), expected);
        ctx.store_many_at([1_u64], &[7]).unwrap();
        test.run(1);
    }
}
