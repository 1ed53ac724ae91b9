//! The last batch, which a restart may run once more though it was done.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use headwater_core::{Context, Partitioning};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{InputSource, SourceBatch};
use probe::{context, going_on};

/// Gives a number that it has not given before with each batch, and any of them again.
struct Numbers(Arc<AtomicI64>);

impl InputSource<i64> for Numbers {
    fn compute(&mut self, _: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let batch = SourceBatch::new(ctx.parallelize(vec![number], 1));
        Ok(batch.range(number.to_le_bytes()))
    }

    fn restore(
        &mut self,
        _: Time,
        range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<i64>, String> {
        let number = range.try_into().map(i64::from_le_bytes);
        let number = number.map_err(|_| "no number".to_owned())?;
        Ok(ctx.parallelize(vec![number], 1).into())
    }
}

/// Restarts of which some run the last batch again and some do not, after ends of both kinds.
#[test]
fn a_batch_that_was_run_again_counts_once_after_every_later_restart() {
    let directory = tempfile::tempdir().unwrap();
    let next = Arc::new(AtomicI64::new(1));
    let life = |begin_s: i64, again: &str, gracefully: bool| {
        let settings = [("streaming.checkpoint.run_last_again", again)];
        let clock = ManualClock::at(Time::from_millis(begin_s * 1000));
        let test = TestStream::with_clock(&context(&settings), seconds(1), clock).unwrap();
        let ssc = test.context();
        ssc.go_on_from(directory.path().to_str().unwrap()).unwrap();
        let numbers = ssc.source_stream(Numbers(next.clone()));
        let add =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.into_iter().sum::<i64>());
        let seen = test.collect(&numbers);
        let sums = test.collect(&numbers.map(|n| ((), n)).update_state_by_key(add));
        test.run(2);
        ssc.stop(true, gracefully).unwrap();
        let sums = sums.batches().concat().into_iter().map(|(_, sum)| sum);
        (seen.batches().concat(), sums.collect::<Vec<_>>())
    };
    assert_eq!(life(0, "false", true), (vec![1, 2], vec![1, 3]));
    assert_eq!(life(2, "true", false), (vec![2, 3, 4], vec![3, 6, 10]));
    assert_eq!(life(4, "false", false), (vec![5, 6], vec![15, 21]));
    assert_eq!(life(6, "true", true), (vec![6, 7, 8], vec![21, 28, 36]));
    assert_eq!(life(8, "true", false), (vec![8, 9, 10], vec![36, 45, 55]));
    assert_eq!(life(10, "false", false), (vec![11, 12], vec![66, 78]));
}

/// A setting that stays, on a stream whose state was moved after its last batch.
#[test]
fn a_batch_before_its_state_was_moved_is_not_run_again_and_the_next_one_is() {
    let directory = tempfile::tempdir().unwrap();
    let life = |begun: usize, batches: usize, partitions: usize, again: &str| {
        let settings = [("streaming.checkpoint.run_last_again", again)];
        let test = going_on(directory.path(), begun, &settings);
        let by_time = test.context();
        let by_time = by_time.stream_by_time(|time| vec![((), time.as_millis() / 1000)]);
        let add =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
        let to = Partitioning::from(partitions);
        let sums = test.collect(&by_time.update_state_by_key_partitioned(add, to));
        test.run(batches);
        let sums = sums.batches().concat().into_iter().map(|(_, sum)| sum);
        sums.collect::<Vec<_>>()
    };
    assert_eq!(life(0, 3, 2, "false"), [1, 3, 6]);
    // It moves the state, and ends before it does anything.
    assert!(life(3, 0, 3, "false").is_empty());
    assert_eq!(life(3, 2, 5, "true"), [10, 15]);
    assert_eq!(life(5, 1, 2, "true"), [15, 21]);
    assert!(life(6, 0, 4, "true").is_empty());
    assert_eq!(life(6, 1, 1, "true"), [21, 28]);
}
