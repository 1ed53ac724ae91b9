//! A journal that fails ends its stream at once, and nobody takes what it cannot say for nothing.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use headwater_store::{Outage, Request};
use headwater_streaming::testing::TestStream;
use headwater_streaming::{ReceiverContext, StoreError, StreamError};
use probe::{Start, Told, going_on, record, texts};

/// How long a test waits for what comes at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream of two receivers, and what each start of them stores through.
fn two_receivers(store: &str) -> (TestStream, Vec<Receiver<ReceiverContext<u64>>>) {
    let directory = format!("memory://{store}/stream");
    let test = going_on(Path::new(&directory), 0, &[]);
    let contexts = (0..2).map(|_| {
        let (to, contexts) = sync_channel(10);
        let received = test.context().receiver_stream(Start::new(move |ctx| {
            to.send(ctx.clone()).map_err(|error| error.to_string())
        }));
        test.collect(&received);
        contexts
    });
    let contexts = contexts.collect();
    (test, contexts)
}

/// The store of the journal cannot be written any more.
fn outage(store: &str) -> Outage {
    Outage::begin(store, |request, _| request == Request::Put)
}

fn is_stop(told: &Told) -> bool {
    matches!(told, Told::ReceiverStopped(_))
}

#[test]
fn the_first_who_finds_that_the_journal_has_failed_ends_the_stream() {
    let (test, contexts) = two_receivers("journal-failed");
    let told = record(test.context());
    test.try_run(0).unwrap();
    let first = contexts[0].recv().unwrap();
    first.store_many_at([1], b"one").unwrap();

    let _outage = outage("journal-failed");
    let refused = first.store_many_at([2], b"two").unwrap_err();
    assert!(matches!(refused, StoreError::Checkpoint(_)), "{refused}");
    first.restart_after("the source goes on without us", Duration::ZERO);
    // The clock stands still, and no batch is ever cut.
    let ended = test.context().await_termination_or_timeout(PATIENCE);
    let error = ended.unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
    assert_eq!(refused.to_string(), format!("not stored: {error}"));

    // Both receivers end, and neither is started again.
    let told = told.wait_for(|told| told.iter().filter(|one| is_stop(one)).count() == 2);
    let starts = texts(&told);
    let starts = starts
        .iter()
        .filter(|one| one.starts_with("receiver started"));
    assert_eq!(starts.count(), 2);
    test.context().stop(true, false).unwrap();
    assert!(contexts[0].try_recv().is_err());
}

#[test]
fn a_position_that_cannot_be_told_is_not_taken_for_none() {
    let (test, contexts) = two_receivers("position-failed");
    test.try_run(0).unwrap();
    let ctx = contexts[0].recv().unwrap();
    assert_eq!(ctx.last_position(), Ok(None));
    ctx.store_many_at([1], b"one").unwrap();
    assert_eq!(ctx.last_position(), Ok(Some(b"one".to_vec())));

    let _outage = outage("position-failed");
    ctx.store_many_at([2], b"two").unwrap_err();
    let unknown = ctx.last_position().unwrap_err();
    let text = unknown.to_string();
    assert!(text.contains("takes nothing any more"), "{text}");
}

#[test]
fn what_is_flushed_behind_the_receivers_back_ends_the_stream_too() {
    let (test, contexts) = two_receivers("flush-failed");
    test.try_run(0).unwrap();
    let ctx = contexts[0].recv().unwrap();
    let _outage = outage("flush-failed");
    // Single records wait for nobody: the block is closed by the next record that comes after
    // its interval, and made safe by a thread of its own.
    ctx.store(1).unwrap();
    test.clock().advance(Duration::from_millis(300));
    // The failure may have come before this record.
    let _ = ctx.store(2);
    let ended = test.context().await_termination_or_timeout(PATIENCE);
    let error = ended.unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
}
