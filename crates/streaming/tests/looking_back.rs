//! Batches that are over, or yet to come, for those who look at more than the batch that runs.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::sync::mpsc::{Receiver, sync_channel};

use headwater_core::Rdd;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_streaming::{DStream, ReceiverContext, StreamError};
use probe::{Start, second, stream};

/// A stream of what a test stores.
fn received(test: &TestStream) -> (Receiver<ReceiverContext<i64>>, DStream<i64>) {
    let (to, contexts) = sync_channel(1);
    let receiver = Start::new(move |ctx: &ReceiverContext<i64>| {
        to.send(ctx.clone()).map_err(|error| error.to_string())
    });
    (contexts, test.context().receiver_stream(receiver))
}

fn slice(stream: &DStream<i64>, (from, to): (i64, i64)) -> Result<Vec<Vec<i64>>, StreamError> {
    let rdds = stream.slice(second(from), second(to))?;
    let records = |rdd: &Rdd<i64>| rdd.collect().unwrap();
    Ok(rdds.iter().map(records).collect())
}

#[test]
fn a_slice_leaves_to_a_batch_that_is_yet_to_be_cut_what_it_will_get() {
    let test = stream(&[]);
    test.context().remember(seconds(60));
    let (contexts, numbers) = received(&test);
    let out = test.collect(&numbers);
    let total = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let totals = numbers.map(|n| ((), n)).update_state_by_key(total);
    let totals = totals.map(|((), total)| total);
    let counted = test.collect(&totals);
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    for number in 1..=4 {
        ctx.store(number).unwrap();
        let cut: Vec<Vec<i64>> = (1..number).map(|number| vec![number]).collect();
        assert_eq!(slice(&numbers, (0, number + 1)).unwrap(), cut);
        let totals = slice(&totals, (0, number + 1)).unwrap();
        assert_eq!(totals, counted.batches());
        test.run(1);
    }
    assert_eq!(out.batches(), [[1], [2], [3], [4]]);
    assert_eq!(counted.batches(), [[1], [3], [6], [10]]);
}
