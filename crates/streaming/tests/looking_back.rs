//! Batches that are over, or yet to come, for those who look at more than the batch that runs.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::cell::OnceCell;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use headwater_core::{Context, Rdd};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{DStream, InputSource, ReceiverContext, SourceBatch, StreamError};
use probe::{Start, going_on, second, stream};

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

#[test]
fn a_batch_that_a_receiver_has_freed_is_no_empty_one() {
    let test = stream(&[]);
    let (contexts, numbers) = received(&test);
    let out = test.collect(&numbers);
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    for number in 1..=3 {
        ctx.store(number).unwrap();
        test.run(1);
    }
    assert_eq!(out.batches(), [[1], [2], [3]]);
    let error = slice(&numbers, (1, 3)).unwrap_err().to_string();
    assert!(error.contains("receiver_stream at crates/"), "{error}");
    assert!(error.contains("StreamingContext::remember"), "{error}");
}

/// Gives the second of each batch, in ranges.
struct Seconds;

impl InputSource<i64> for Seconds {
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        let batch = ctx.parallelize(vec![time.as_millis() / 1000], 1);
        Ok(SourceBatch::new(batch).range(*b"a second"))
    }

    fn restore(&mut self, time: Time, _: &[u8], ctx: &Context) -> Result<SourceBatch<i64>, String> {
        self.compute(time, ctx)
    }
}

/// Where numbers come from: what gives them to the next batch of a stream.
type Inputs = fn(&TestStream) -> (DStream<i64>, Box<dyn Fn(i64)>);

const INPUTS: [(&str, Inputs); 2] = [
    ("source", |test| {
        (test.context().source_stream(Seconds), Box::new(|_| {}))
    }),
    ("receiver", |test| {
        let (contexts, numbers) = received(test);
        let started = OnceCell::new();
        let give = move |number| {
            let ctx = started.get_or_init(|| contexts.recv().unwrap());
            ctx.store(number).unwrap();
        };
        (numbers, Box::new(give))
    }),
];

type Look = fn(&DStream<i64>) -> DStream<i64>;

const ALONE: Look = DStream::clone;

/// A process that begins after some batches and stops gracefully: what it shows of its numbers,
/// which are those of the seconds.
fn life(dir: &Path, input: Inputs, (begun, until): (i64, i64), look: Look) -> Vec<Vec<i64>> {
    let settings = [("streaming.checkpoint.interval", "1h")];
    let test = going_on(dir, usize::try_from(begun).unwrap(), &settings);
    let (numbers, give) = input(&test);
    let out = test.collect(&look(&numbers));
    test.try_run(0).unwrap();
    for number in begun + 1..=until {
        give(number);
        test.try_run(1).unwrap();
    }
    // What no window of this program needs is forgotten.
    test.context().stop(true, true).unwrap();
    out.batches()
}

#[test]
fn a_window_that_is_longer_than_before_begins_with_what_was_kept() {
    let window: Look = |numbers| numbers.window(seconds(5), None);
    for (name, input) in INPUTS {
        let dir = tempfile::tempdir().unwrap();
        life(dir.path(), input, (0, 22), ALONE);
        let expected = [21..=23, 21..=24, 21..=25, 22..=26].map(Vec::from_iter);
        let shown = life(dir.path(), input, (22, 26), window);
        assert_eq!(shown, expected, "{name}");
        // Nothing is missing when it begins once more.
        let shown = life(dir.path(), input, (26, 27), window);
        assert_eq!(shown, [Vec::from_iter(23..=27)], "{name}");
    }
}

#[test]
fn a_new_inverse_window_begins_with_what_was_kept_of_its_first_slide() {
    let sums: Look = |numbers| {
        let (add, subtract) = (|a, b| a + b, |a, b| a - b);
        numbers.reduce_by_window_inverse(add, subtract, seconds(10), seconds(5))
    };
    for (name, input) in INPUTS {
        let dir = tempfile::tempdir().unwrap();
        life(dir.path(), input, (0, 23), ALONE);
        let expected = [22..=25, 22..=30, 26..=35].map(|window| vec![window.sum::<i64>()]);
        let shown = life(dir.path(), input, (23, 35), sums);
        assert_eq!(shown, expected, "{name}");
    }
}

#[test]
fn a_restart_forgets_no_batch_that_it_has_cut() {
    for (name, input) in INPUTS {
        let dir = tempfile::tempdir().unwrap();
        let life = |begun: i64| {
            let test = going_on(dir.path(), usize::try_from(begun).unwrap(), &[]);
            let (numbers, give) = input(&test);
            test.collect(&numbers);
            test.try_run(0).unwrap();
            for number in begun + 1..=begun + 3 {
                give(number);
                test.run(1);
            }
            let error = slice(&numbers, (begun + 1, begun + 3)).unwrap_err();
            let before = slice(&numbers, (1, begun / 2));
            test.context().stop(true, true).unwrap();
            (error.to_string(), before)
        };
        drop(life(0));
        let (error, before) = life(3);
        assert!(
            error.contains("batch at 4000 ms is not remembered"),
            "{name}: {error}"
        );
        // What the process before has kept of nobody's wish is as what was before time began.
        assert_eq!(before.unwrap(), [Vec::<i64>::new()], "{name}");
    }
}
