//! What receivers store and the journal of a checkpoint directory: asked for, switched off, and
//! refused by a record.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use headwater_core::Wire;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_streaming::{DStream, ReceiverContext, StreamError};
use probe::{Start, going_on, second, stream};
use serde::{Deserialize, Serialize, Serializer};

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
        assert_eq!(ctx.last_position(), Ok(expected));
        ctx.store_many_at([1_u64], &[7]).unwrap();
        test.run(1);
    }
}

/// A number that can be written only if it is even.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Even(u64);

impl Serialize for Even {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.is_multiple_of(2) {
            true => to.serialize_newtype_struct("Even", &self.0),
            false => Err(serde::ser::Error::custom("it is odd")),
        }
    }
}

#[test]
fn a_record_that_cannot_be_logged_ends_the_stream_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    {
        let test = going_on(dir.path(), 0, &[("streaming.on_failure", "continue")]);
        let (received, contexts) = handed_out(&test);
        let out = test.collect(&received);
        test.try_run(0).unwrap();
        let ctx = contexts.recv().unwrap();
        ctx.store_many([Even(2)]).unwrap();
        // Refused at once, and in no block: the receiver knows.
        let refused = ctx.store_many([Even(4), Even(5)]).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("a record cannot be written"), "{refused}");
        test.run(1);
        assert_eq!(out.batches(), [[Even(2)]]);
        ctx.store_many([Even(6)]).unwrap();
        (8..11).for_each(|number| ctx.store(Even(number)).unwrap());
        let error = test.run_to_failure(1).error;
        let StreamError::Received { time, records, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((*time, *records), (second(2), 3));
        let text = error.to_string();
        assert!(text.contains("receiver_stream at crates/"), "{text}");
        assert!(text.contains("a record cannot be written"), "{text}");
        // Nothing waits for these records any more.
        let ended = test.context().stop(false, true).unwrap_err();
        assert_eq!(ended.to_string(), text);
        assert_eq!(out.batches().len(), 1);
    }
    // What was acknowledged before is there.
    let test = going_on(dir.path(), 1, &[]);
    let (received, _contexts) = handed_out::<Even>(&test);
    let out = test.collect(&received);
    test.run(1);
    assert_eq!(out.batches(), [[Even(6)]]);
}

#[test]
fn without_a_log_a_record_need_not_be_written() {
    let test = stream(&[]);
    let (received, contexts) = handed_out(&test);
    let out = test.collect(&received);
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    ctx.store(Even(1)).unwrap();
    test.run(1);
    assert_eq!(out.batches(), [[Even(1)]]);
}
