//! State beside things that fail: sinks, sources, plans, other state.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::sync_channel;

use headwater_core::Context;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{
    DStream, InputSource, InverseWindow, SourceBatch, State, StateSnapshot, StateSpec,
    UpdateStateSpec,
};
use parking_lot::Mutex;
use probe::{Told, record, second, stream};

const GO_ON: (&str, &str) = ("streaming.on_failure", "continue");

/// One record of one key in each batch.
fn ones(test: &TestStream) -> DStream<(u8, i64)> {
    test.context().stream_by_time(|_| vec![(1, 1)])
}

fn total(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    Some(old.unwrap_or(0) + new.iter().sum::<i64>())
}

fn sum(_: &u8, value: Option<i64>, state: &mut State<'_, i64>) -> i64 {
    let sum = state.get().unwrap_or(&0) + value.unwrap_or(0);
    state.update(sum);
    sum
}

/// A source that fails in one batch.
struct Fails(i64);

impl InputSource<(u8, i64)> for Fails {
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<(u8, i64)>, String> {
        if time.as_millis() == self.0 {
            return Err("the broker is away".to_owned());
        }
        Ok(ctx.parallelize(vec![(1, 1)], 1).into())
    }
}

#[test]
fn state_over_state_catches_up_after_a_failure() {
    let test = stream(&[GO_ON]);
    let states = ones(&test).update_state_by_key_partitioned(total, 2);
    let first = test.collect(&states);
    let fails = AtomicBool::new(true);
    let add = move |a: i64, b: i64| {
        assert!(!fails.swap(false, Ordering::SeqCst), "once");
        a + b
    };
    let settings = InverseWindow::new().num_partitions(2);
    let windows =
        states.reduce_by_key_and_window_inverse_with(add, |a, b| a - b, seconds(3), None, settings);
    let out = test.collect(&windows);
    test.run(6);
    assert_eq!(first.batches().len(), 6);
    assert_eq!(out.at(second(6)), Some(vec![(1, 4 + 5 + 6)]));
}

#[test]
fn a_sink_that_fails_for_ever_does_not_hold_state_back() {
    let test = stream(&[GO_ON]);
    let out = test.collect(&ones(&test).update_state_by_key(total));
    ones(&test).foreach_rdd(|_, _| Err::<(), _>("the sink is down"));
    test.run(1_010);
    assert_eq!(out.at(second(1_010)), Some(vec![(1, 1_010)]));
}

#[test]
fn state_goes_on_without_the_batch_that_its_source_lost() {
    let test = stream(&[GO_ON]);
    let pairs = test.context().source_stream(Fails(2_000));
    let totals = test.collect(&pairs.update_state_by_key(total));
    let mapped = test.collect(&pairs.map_with_state(StateSpec::function(sum)));
    let windows = test.collect(&pairs.reduce_by_key_and_window_inverse(
        |a, b| a + b,
        |a, b| a - b,
        seconds(3),
        None,
    ));
    test.run(5);
    for out in [&totals, &windows] {
        assert_eq!(out.times(), [1, 3, 4, 5].map(second));
    }
    assert_eq!(totals.at(second(5)), Some(vec![(1, 4)]));
    assert_eq!(windows.at(second(4)), Some(vec![(1, 2)]));
    assert_eq!(mapped.at(second(5)), Some(vec![4]));
}

#[test]
fn a_partner_that_cannot_be_planned_takes_no_input_from_state() {
    let test = stream(&[GO_ON]);
    let left = ones(&test).transform(|rdd, time| {
        assert!(!(2_000..=4_000).contains(&time.as_millis()), "not now");
        rdd.clone()
    });
    let pairs = test.context().source_stream(Fails(0));
    let joined = left.join(&pairs.update_state_by_key(total));
    let out = test.collect(&joined);
    test.run(6);
    assert_eq!(out.times(), [1, 5, 6].map(second));
    assert_eq!(out.at(second(6)), Some(vec![(1, (1, 6))]));
}

#[test]
fn state_that_nobody_asks_for_goes_on_for_any_time() {
    let test = stream(&[]);
    let states = ones(&test).update_state_by_key(total);
    let rare = test.collect(&states.window(seconds(1), seconds(1_200)));
    let pairs = |_: Time, keys: std::vec::IntoIter<(u8, Vec<i64>, Option<i64>)>| {
        keys.filter_map(|(key, new, old)| Some((key, total(new, old)?)))
    };
    let spec = UpdateStateSpec::partition_function(pairs);
    let rows = ones(&test).update_state_by_key_with(spec);
    let rare_rows = test.collect(&rows.window(seconds(1), seconds(1_200)));
    test.run(1_200);
    assert_eq!(rare.batches(), [[(1, 1_200)]]);
    assert_eq!(rare_rows.batches(), [[(1, 1_200)]]);
}

#[test]
fn a_state_function_that_is_mended_late_catches_up() {
    let test = stream(&[GO_ON]);
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let add = move |new, old| {
        assert!(!is_broken.load(Ordering::SeqCst), "a broken wire");
        total(new, old)
    };
    let out = test.collect(&ones(&test).update_state_by_key(add));
    test.run(50);
    broken.store(false, Ordering::SeqCst);
    test.run(3);
    assert_eq!(out.batches(), [[(1, 51)], [(1, 52)], [(1, 53)]]);
}

#[test]
fn more_batches_wait_for_one_that_runs_than_may_fail() {
    let test = stream(&[("streaming.waiting_batches_max", "2000")]);
    let (release, released) = sync_channel(1);
    let released = Mutex::new(Some(released));
    let states = ones(&test).update_state_by_key(move |new, old| {
        if let Some(first) = released.lock().take() {
            first.recv().unwrap();
        }
        total(new, old)
    });
    let out = test.collect(&states);
    let planned = test.context().stream_by_time(move |time| {
        if time == second(1_010) {
            release.send(()).unwrap();
        }
        vec![()]
    });
    test.collect(&planned);
    test.run(0);
    test.clock().set(second(1_010));
    test.run(1);
    assert_eq!(out.at(second(1_011)), Some(vec![(1, 1_011)]));
}

#[test]
fn a_state_failure_that_no_output_sees_is_in_the_batch() {
    let test = stream(&[GO_ON]);
    let broken = |_: Vec<i64>, _: Option<i64>| -> Option<i64> { panic!("no state") };
    ones(&test)
        .update_state_by_key(broken)
        .foreach_rdd(|_, _| ());
    let told = record(test.context());
    test.run(1);
    test.context().context().events().flush();
    let completed = told.entries().into_iter().find_map(|told| match told {
        Told::Completed(batch) => Some(batch),
        _ => None,
    });
    let batch = completed.unwrap();
    assert!(batch.failure().unwrap().contains("no state"));
    assert!(
        batch
            .outputs
            .values()
            .all(|output| output.failure.is_none())
    );
}

#[test]
fn readers_of_a_state_do_not_take_versions_from_each_other() {
    let test = stream(&[]);
    let mapped = ones(&test).map_with_state(StateSpec::function(sum));
    let wide = test.collect(&mapped.state_snapshots().window(seconds(3), None));
    let _unused = mapped.state_snapshots();
    let narrow = test.collect(&mapped.state_snapshots());
    test.run(5);
    assert_eq!(wide.at(second(5)), Some(vec![(1, 3), (1, 4), (1, 5)]));
    assert_eq!(narrow.at(second(5)), Some(vec![(1, 5)]));
}

#[test]
fn rows_that_move_survive_a_task_that_fails_after_others() {
    let settings = [GO_ON, ("master", "local[2,5]"), ("shuffle.keep", "0b")];
    let test = stream(&settings);
    let calls = AtomicI64::new(0);
    let spec = UpdateStateSpec::partition_function(
        move |time: Time, keys: std::vec::IntoIter<(u8, Vec<i64>, Option<i64>)>| {
            if time.as_millis() == 3_000 {
                assert_ne!(calls.fetch_add(1, Ordering::SeqCst), 1, "the second call");
            }
            keys.filter_map(|(key, new, old)| Some((key, total(new, old)?)))
        },
    );
    let spec = spec.remember_partitioner(false).num_partitions(4);
    let pairs = test
        .context()
        .stream_by_time(|_| (0..8).map(|key| (key, 1)).collect::<Vec<_>>());
    let out = test.collect(&pairs.update_state_by_key_with(spec));
    test.run(5);
    let mut last = out.at(second(5)).unwrap();
    last.sort();
    assert_eq!(last, (0..8).map(|key| (key, 5)).collect::<Vec<_>>());
}

#[test]
fn the_first_mistake_with_a_state_is_the_one_that_is_told() {
    let test = stream(&[]);
    let spec = StateSpec::function(|_: &u8, value: Option<i64>, state: &mut State<'_, i64>| {
        assert!(value != Some(2), "a consequence");
        state.remove();
        state.update(9);
    });
    let pairs = test.input_partitioned(vec![vec![(1, 1), (1, 2)]], 1);
    test.collect(&pairs.map_with_state(spec).stream());
    let message = test.run_to_failure(1).error.to_string();
    assert!(message.contains("after it was removed"), "{message}");
}

#[test]
fn the_first_initial_state_holds_in_update_and_the_last_in_map() {
    let test = stream(&[]);
    let before = test
        .context()
        .context()
        .parallelize(vec![(1, 10), (1, 20)], 1);
    let update = UpdateStateSpec::function(total).initial_state(&before);
    let updated = test.collect(&ones(&test).update_state_by_key_with(update));
    let map = StateSpec::function(sum).initial_state(&before);
    let mapped = test.collect(&ones(&test).map_with_state(map).stream());
    test.run(1);
    assert_eq!(updated.batches(), [[(1, 11)]]);
    assert_eq!(mapped.batches(), [[21]]);
}

#[test]
fn snapshots_of_different_batches_are_refused_at_the_start() {
    let build = |test: &TestStream| {
        let states = ones(test).update_state_by_key_partitioned(total, 2);
        test.collect(&states);
        test.context().state_stores().remove(0)
    };
    let one = stream(&[]);
    let store = build(&one);
    one.run(1);
    let early = store.snapshot(0).unwrap();
    one.run(1);
    let late = store.snapshot(1).unwrap();
    let refused = |snapshots: &[&StateSnapshot]| {
        let test = stream(&[]);
        let store = build(&test);
        for snapshot in snapshots {
            store.restore(snapshot).unwrap();
        }
        test.try_run(1).unwrap_err().to_string()
    };
    let late_0 = StateSnapshot {
        partition: 0,
        ..late.clone()
    };
    let message = refused(&[&late_0, &late]);
    assert!(
        message.contains("by the clock time would go on after 0 ms"),
        "{message}"
    );
    let message = refused(&[&early, &late]);
    for part in [
        "update_state_by_key",
        "of batch 1000 ms",
        "of batch 2000 ms",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn memory_is_given_back_after_a_burst() {
    let test = stream(&[]);
    let pairs = test.input(vec![
        (0..20_000).map(|key| (key, 1)).collect::<Vec<(u32, i64)>>(),
    ]);
    let once = |_: &u32, value: Option<i64>, state: &mut State<'_, i64>| {
        value.into_iter().for_each(|value| state.update(value));
    };
    let spec = StateSpec::function(once).timeout(seconds(2));
    test.collect(&pairs.map_with_state(spec).stream());
    test.run(1);
    let store = test.context().state_stores().remove(0);
    let full = store.size();
    test.run(4);
    let empty = store.size();
    assert_eq!((full.keys, empty.keys), (20_000, 0));
    assert!(empty.bytes < full.bytes / 20, "{full:?} {empty:?}");
}
