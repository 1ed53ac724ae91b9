//! Scenarios of a process after another.

use std::fmt::Debug;

use headwater_core::Record;

use super::place::{Stage, again, batch, first};

pub(super) fn before_commit<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.store(&*sink, first(1), &[&[1], &[2]]);
    stage.begin(&*sink, first(2));
    stage.write_all(&*sink, batch(2), &[&[3], &[4], &[5]]);
    drop(sink);
    stage.expect_rows([1, 2]);

    let sink = stage.open();
    stage.expect_rows([1, 2]);
    stage.is_committed(&*sink, again(1));
    // Fewer partitions than before, and other records in them.
    stage.begin(&*sink, again(2));
    stage.write(&*sink, batch(2), 0, &[3, 4]);
    drop(sink);

    let sink = stage.open();
    stage.store(&*sink, again(2), &[&[4], &[], &[3, 5], &[]]);
    stage.expect_rows(1..=5);
}

pub(super) fn after_commit<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.store(&*sink, first(1), &[&[1, 2], &[3]]);
    drop(sink);
    let sink = stage.open();
    stage.is_committed(&*sink, again(1));
    stage.expect_rows(1..=3);
    stage.store(&*sink, again(2), &[&[4]]);
    stage.expect_rows(1..=4);
}

pub(super) fn recovery<T: Record + Ord + Debug>(stage: &Stage<'_, T>) {
    let sink = stage.open();
    stage.store(&*sink, first(1), &[&[1]]);
    stage.begin(&*sink, first(2));
    stage.write(&*sink, batch(2), 0, &[2]);
    stage.done("abort", sink.abort(batch(2)));
    drop(sink);
    for _ in 0..3 {
        let sink = stage.open();
        stage.done("recover, once more", sink.recover());
        stage.is_committed(&*sink, again(1));
        stage.begin(&*sink, again(2));
        stage.expect_rows([1]);
    }
}
