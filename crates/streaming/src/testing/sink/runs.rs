//! Scenarios of one process.

use std::fmt::Debug;

use headwater_core::{PartitionIter, Record};

use super::place::{Stage, again, batch, first};
use crate::dstream::{BatchId, BatchRun};
use crate::graph::OutputNumber;

/// More than buffers hold that are meant for a moment.
const MANY: u64 = 60_000;

pub(super) fn commits<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.begin(&*sink, first(1));
    stage.write_all(&*sink, batch(1), &[&[1, 2], &[], &[3], &[4, 5, 6]]);
    stage.expect_rows([]);
    stage.commit(&*sink, batch(1));
    stage.expect_rows(1..=6);
    stage.store(&*sink, first(2), &[&[7]]);
    stage.store(&*sink, first(3), &[&[8], &[9], &[10], &[11], &[12]]);
    stage.expect_rows(1..=12);
    stage.is_committed(&*sink, again(2));
    stage.expect_rows(1..=12);
}

pub(super) fn empty_batch<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.store(&*sink, first(1), &[&[], &[]]);
    stage.store(&*sink, first(2), &[]);
    stage.is_committed(&*sink, again(1));
    stage.is_committed(&*sink, again(2));
    stage.expect_rows([]);
}

pub(super) fn retried_partition<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.begin(&*sink, first(1));
    stage.write_all(&*sink, batch(1), &[&[1, 2], &[3, 4]]);
    stage.write(&*sink, batch(1), 0, &[1, 2]);
    stage.write(&*sink, batch(1), 1, &[5]);
    stage.write(&*sink, batch(1), 1, &[6, 7, 8]);
    stage.commit(&*sink, batch(1));
    stage.expect_rows([1, 2, 6, 7, 8]);
}

pub(super) fn abort<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.begin(&*sink, first(1));
    stage.write_all(&*sink, batch(1), &[&[1], &[2]]);
    stage.done("abort", sink.abort(batch(1)));
    let commit = sink.commit(batch(1));
    stage.must(commit.is_err(), "an aborted batch can be committed");
    stage.expect_rows([]);
    stage.store(&*sink, again(1), &[&[3]]);
    stage.done("abort of a stored batch", sink.abort(batch(1)));
    stage.done("abort of a batch that is not open", sink.abort(batch(2)));
    stage.expect_rows([3]);
    stage.is_committed(&*sink, again(1));
}

pub(super) fn begun_again<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.begin(&*sink, first(1));
    stage.write_all(&*sink, batch(1), &[&[1], &[2], &[3]]);
    stage.store(&*sink, again(1), &[&[4], &[5]]);
    stage.expect_rows([4, 5]);
}

pub(super) fn several_open<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    for second in [1, 2, 3] {
        stage.begin(&*sink, first(second));
    }
    stage.write(&*sink, batch(1), 0, &[1]);
    stage.write(&*sink, batch(3), 0, &[3]);
    stage.write(&*sink, batch(2), 0, &[2]);
    stage.write(&*sink, batch(3), 1, &[4]);
    stage.commit(&*sink, batch(3));
    stage.expect_rows([3, 4]);
    stage.done("abort", sink.abort(batch(2)));
    stage.commit(&*sink, batch(1));
    stage.expect_rows([1, 3, 4]);
    stage.store(&*sink, again(2), &[&[5]]);
    stage.expect_rows([1, 3, 4, 5]);
}

pub(super) fn several_outputs<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let (sink, other) = (stage.open(), stage.open());
    let of_other = BatchId {
        output: OutputNumber::new(1),
        ..batch(1)
    };
    stage.begin(&*sink, first(1));
    stage.write(&*sink, batch(1), 0, &[1]);
    // It comes late, and must leave what the other has staged.
    stage.done("recover", other.recover());
    stage.store(&*other, BatchRun::first(of_other), &[&[2]]);
    stage.write(&*sink, batch(1), 1, &[3]);
    stage.commit(&*sink, batch(1));
    stage.expect_rows([1, 2, 3]);
}

pub(super) fn not_open<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    let write = || sink.write(batch(1), 0, PartitionIter::from(stage.records(&[9])));
    let refused = |result: Result<(), String>| {
        stage.must(
            result.is_err(),
            "a call is well for a batch that is not open",
        )
    };
    refused(write());
    refused(sink.commit(batch(1)));
    stage.store(&*sink, first(1), &[&[1]]);
    refused(write());
    refused(sink.commit(batch(1)));
    stage.is_committed(&*sink, again(1));
    refused(write());
    stage.expect_rows([1]);
}

pub(super) fn large<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let numbers: Vec<u64> = (0..MANY).collect();
    let (half, rest) = numbers.split_at(numbers.len() / 2);
    let sink = stage.open();
    stage.begin(&*sink, first(1));
    stage.write_all(&*sink, batch(1), &[half, rest]);
    stage.expect_rows([]);
    stage.write(&*sink, batch(1), 0, half);
    stage.commit(&*sink, batch(1));
    stage.expect_rows(0..MANY);
}
