//! State: counted once, whatever fails, whoever reads and however often.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use headwater_core::{Conf, Context};
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, millis, seconds};
use headwater_streaming::{
    DStream, InverseWindow, State, StateChange, StateLog, StateSnapshot, StateSpec, StreamError,
    TimeoutCheck, UpdateStateSpec,
};
use parking_lot::Mutex;
use proptest::prelude::*;

type Pair = (u8, i64);

fn sum(_: &u8, value: Option<i64>, state: &mut State<'_, i64>) -> i64 {
    let sum = state.get().unwrap_or(&0) + value.unwrap_or(0);
    state.update(sum);
    sum
}

fn sorted<T: Ord + Clone>(out: &Collected<T>) -> Vec<Vec<T>> {
    let mut batches = out.batches();
    batches.iter_mut().for_each(|batch| batch.sort());
    batches
}

/// A stream on a configuration of its own.
fn stream_with(settings: &[(&str, &str)]) -> TestStream {
    let conf = Conf::new().set("master", "local[2]");
    let conf = settings
        .iter()
        .fold(conf, |conf, (key, value)| conf.set(*key, value));
    TestStream::on(&Context::new(conf).unwrap(), seconds(1)).unwrap()
}

#[test]
fn several_readers_count_once() {
    let test = TestStream::new(seconds(1));
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let pairs = test.input(vec![vec![(1, 1), (2, 2)], vec![(1, 3)]]);
    let sums = pairs.map_with_state(StateSpec::function(move |key, value, state| {
        counted.fetch_add(1, Ordering::Relaxed);
        sum(key, value, state)
    }));
    let (one, two) = (test.collect(&sums), test.collect(&sums.map(|n| n)));
    let states = test.collect(&sums.state_snapshots());
    test.run(2);
    assert_eq!(sorted(&one), [vec![1, 2], vec![4]]);
    assert_eq!(sorted(&one), sorted(&two));
    assert_eq!(sorted(&states), [[(1, 1), (2, 2)], [(1, 4), (2, 2)]]);
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[test]
fn state_goes_on_where_no_output_looks() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![vec![(1, 1)], vec![(1, 2)], vec![(1, 3)], vec![(1, 4)]]);
    let sums = pairs.map_with_state(StateSpec::function(sum));
    // Asked only every other batch, and then only for that batch.
    let every_other = test.collect(&sums.window(seconds(1), seconds(2)));
    let idle = pairs.update_state_by_key(|new: Vec<i64>, old: Option<usize>| {
        Some(old.unwrap_or(0) + new.len())
    });
    // An output that reads nothing.
    idle.foreach_rdd(|_, _| ());
    test.run(4);
    assert_eq!(every_other.batches(), [[3], [10]]);
    let stores = test.context().state_stores();
    let taken = stores[1].snapshot(0).unwrap();
    assert_eq!(taken.time, Some(Time::from_millis(4000)));
    assert_eq!(stores[1].size().keys, 1);
}

#[test]
fn a_batch_that_fails_leaves_the_state_and_the_next_one_does_both() {
    let test = stream_with(&[("streaming.on_failure", "continue")]);
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    let pairs = test.input(vec![vec![(1, 1)], vec![(1, 10), (2, 20)], vec![(1, 100)]]);
    let spec = StateSpec::function(move |key, value, state: &mut State<'_, i64>| {
        let now = sum(key, value, state);
        // After the state was changed: the change must not stay.
        assert!(!failing.load(Ordering::Relaxed), "the test says so");
        now
    });
    let sums = pairs.map_with_state(spec);
    let (mapped, states) = (test.collect(&sums), test.collect(&sums.state_snapshots()));
    test.run(1);
    fails.store(true, Ordering::Relaxed);
    test.run(1);
    fails.store(false, Ordering::Relaxed);
    test.run(1);
    assert_eq!(mapped.batches(), [[1], [111]]);
    assert_eq!(sorted(&states), [vec![(1, 1)], vec![(1, 111), (2, 20)]]);
}

#[test]
fn a_failure_names_batch_and_line_and_stops_the_stream() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![vec![(1, 1)], vec![(1, 2)]]);
    let spec = StateSpec::function(|_: &u8, _: Option<i64>, state: &mut State<'_, i64>| {
        state.remove();
        state.remove();
    });
    let out = test.collect(&pairs.map_with_state(spec));
    let error = test.try_run(2).unwrap_err();
    assert!(matches!(error, StreamError::Output { .. }), "{error}");
    let message = error.to_string();
    let place = format!("removed already (at {}:", file!());
    for part in ["batch 1000 ms", "map_with_state", place.as_str()] {
        assert!(message.contains(part), "{message}");
    }
    assert!(out.batches().is_empty());
}

#[test]
fn state_that_no_output_reads_fails_its_batch_too() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![vec![(1, 1)]]);
    let counts = pairs.update_state_by_key(|_: Vec<i64>, _: Option<u8>| panic!("no state"));
    counts.foreach_rdd(|_, _| ());
    let error = test.try_run(1).unwrap_err();
    assert!(matches!(error, StreamError::Stateful { .. }), "{error}");
    assert!(error.to_string().contains("no state"), "{error}");
}

#[test]
fn windows_over_state_read_older_versions() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![
        vec![(1, 1)],
        vec![(1, 2), (2, 5)],
        vec![(2, 1)],
        vec![],
    ]);
    let states = pairs
        .map_with_state(StateSpec::function(sum))
        .state_snapshots();
    let total = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let (of_snapshots, of_updates) = (
        test.collect(&states.window(seconds(2), None)),
        test.collect(&pairs.update_state_by_key(total).window(seconds(2), None)),
    );
    test.run(4);
    let expected = [
        vec![(1, 1)],
        vec![(1, 1), (1, 3), (2, 5)],
        vec![(1, 3), (1, 3), (2, 5), (2, 6)],
        vec![(1, 3), (1, 3), (2, 6), (2, 6)],
    ];
    assert_eq!(sorted(&of_snapshots), expected);
    assert_eq!(sorted(&of_updates), expected);
}

#[test]
fn an_older_state_can_be_sliced_while_it_is_remembered() {
    let test = TestStream::new(seconds(1));
    test.context().remember(seconds(10));
    let pairs = test.input(vec![vec![(1, 1)], vec![(1, 2)], vec![(1, 3)]]);
    let states = pairs
        .map_with_state(StateSpec::function(sum))
        .state_snapshots();
    let out = test.collect(&states);
    test.run(3);
    let slice = states.slice(Time::from_millis(1000), Time::from_millis(3000));
    let slice: Vec<_> = slice
        .unwrap()
        .iter()
        .map(|rdd| rdd.collect().unwrap())
        .collect();
    assert_eq!(slice, out.batches());
}

#[test]
fn a_state_of_rare_batches_stays_as_long_as_its_batch_is_remembered() {
    // More than the slide of three, and no multiple of it.
    for (remembered, gone_after) in [(4, 9), (5, 10), (6, 11)] {
        let test = TestStream::new(seconds(1));
        test.context().remember(seconds(remembered));
        let pairs = test.context().stream_by_time(|_| vec![(1, 1_i64)]);
        let rare = pairs.window(seconds(3), seconds(3));
        let states = rare.update_state_by_key(|new, old| {
            Some(old.unwrap_or(0) + i64::try_from(Vec::<i64>::len(&new)).unwrap())
        });
        test.collect(&states);
        let sixth = Time::from_millis(6_000);
        let read = || states.slice(sixth, sixth).ok()?.first()?.collect().ok();
        test.run(6);
        for batch in 6..=gone_after {
            assert_eq!(read(), Some(vec![(1, 6)]), "{remembered} s, batch {batch}");
            test.run(1);
        }
        assert_eq!(read(), None, "{remembered} s");
    }
}

#[test]
fn a_state_that_is_gone_says_so() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![vec![(1, 1)], vec![(1, 2)]]);
    let first = Arc::new(Mutex::new(None));
    let kept = first.clone();
    let states = pairs.update_state_by_key(|new: Vec<i64>, _: Option<i64>| new.first().copied());
    states.foreach_rdd(move |rdd, _| {
        kept.lock().get_or_insert_with(|| rdd.clone());
    });
    test.run(2);
    let first = first.lock().take().unwrap();
    let message = first.collect().unwrap_err().to_string();
    assert!(message.contains("no longer there"), "{message}");
}

#[test]
fn a_partition_function_may_rename_keys() {
    let test = TestStream::new(seconds(1));
    let before = test
        .context()
        .context()
        .parallelize(vec![(3_u8, 30_i64), (4, 40)], 1);
    let pairs = test.input(vec![vec![(1, 1)], vec![], vec![(9, 5)]]);
    let up = |_, keys: std::vec::IntoIter<(u8, Vec<i64>, Option<i64>)>| {
        keys.map(|(key, new, old)| (key + 1, old.unwrap_or(0) + new.iter().sum::<i64>()))
    };
    let spec = UpdateStateSpec::partition_function(up)
        .initial_state(&before)
        .num_partitions(3)
        .remember_partitioner(false);
    let out = test.collect(&pairs.update_state_by_key_with(spec));
    test.run(3);
    let expected = [
        vec![(2, 1), (4, 30), (5, 40)],
        vec![(3, 1), (5, 30), (6, 40)],
        vec![(4, 1), (6, 30), (7, 40), (10, 5)],
    ];
    assert_eq!(sorted(&out), expected);
}

#[test]
fn a_later_operator_by_key_needs_no_shuffle() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![vec![(1, 1), (2, 2)]]);
    let total = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let states = pairs.update_state_by_key_partitioned(total, 3);
    let mistake = Arc::new(Mutex::new(None));
    let seen = mistake.clone();
    states.foreach_rdd(move |rdd, _| {
        let grouped = rdd.group_by_key();
        *seen.lock() = Some((grouped.num_partitions(), grouped.to_debug_string()));
        grouped.collect().map(drop)
    });
    test.run(1);
    let (partitions, lineage) = mistake.lock().take().unwrap();
    assert_eq!(partitions, 3);
    // The only shuffle is the one that brings the pairs to their states.
    assert_eq!(lineage.matches("+-").count(), 1, "{lineage}");
}

/// Keeps every change as bytes.
#[derive(Default)]
struct Log(Mutex<Vec<StateChange>>);

impl StateLog for Log {
    fn append(&self, change: &StateChange) -> Result<(), String> {
        self.0.lock().push(change.clone());
        Ok(())
    }
}

/// Every kind of state, over the same input.
fn every_state(pairs: &DStream<Pair>) -> Vec<DStream<Pair>> {
    let total = |new: Vec<i64>, old: Option<i64>| {
        let total = old.unwrap_or(0) + new.iter().sum::<i64>();
        (total % 7 != 0).then_some(total)
    };
    let spec = StateSpec::function(tracked)
        .timeout(seconds(2))
        .num_partitions(2);
    let whole = UpdateStateSpec::partition_function(
        move |_, keys: std::vec::IntoIter<(u8, Vec<i64>, Option<i64>)>| {
            keys.filter_map(move |(key, new, old)| Some((key, total(new, old)?)))
        },
    );
    let (add, subtract) = (|a, b| a + b, |a, b| a - b);
    vec![
        pairs.map_with_state(spec).state_snapshots(),
        pairs.update_state_by_key_partitioned(total, 2),
        pairs.update_state_by_key_with(whole.num_partitions(2)),
        pairs.reduce_by_key_and_window_inverse(add, subtract, seconds(3), None),
    ]
}

/// Snapshots of each store after some batches, changes of each after that, and what came out
/// in the end.
fn with_log(
    batches: &[Vec<Pair>],
    cut: usize,
) -> (Vec<Vec<StateSnapshot>>, Vec<StateChange>, Vec<Vec<Pair>>) {
    let test = TestStream::new(seconds(1));
    let outs: Vec<_> = every_state(&test.input(batches.to_vec()))
        .iter()
        .map(|stream| test.collect(stream))
        .collect();
    test.run(cut);
    let stores = test.context().state_stores();
    let snapshots = stores.iter().map(|store| {
        let parts = (0..store.partitions()).map(|partition| store.snapshot(partition).unwrap());
        parts.collect()
    });
    let snapshots = snapshots.collect();
    let log = Arc::new(Log::default());
    stores
        .iter()
        .for_each(|store| store.log_changes(log.clone()).unwrap());
    test.run(batches.len() - cut);
    let changes = std::mem::take(&mut *log.0.lock());
    let last = outs.iter().map(|out| sorted(out).pop().unwrap());
    (snapshots, changes, last.collect())
}

#[test]
fn a_snapshot_and_the_changes_after_it_give_the_state() {
    let batches: Vec<Vec<Pair>> = (0..12_i64)
        .map(|batch| {
            (0..5)
                .map(|n| (((batch * 3 + n * 7) % 11) as u8, batch + n))
                .collect()
        })
        .collect();
    let (snapshots, changes, last) = with_log(&batches, 5);
    // Nothing was run here: the state comes from the bytes alone.
    let again = TestStream::new(seconds(1));
    let _streams = every_state(&again.input(Vec::new()));
    let stores = again.context().state_stores();
    for (store, snapshots) in stores.iter().zip(&snapshots) {
        snapshots
            .iter()
            .for_each(|snapshot| store.restore(snapshot).unwrap());
        let own = changes.iter().filter(|change| change.node == store.node());
        own.for_each(|change| store.replay(change).unwrap());
    }
    // The same snapshots as after an uninterrupted run.
    let (whole, _, _) = with_log(&batches, batches.len());
    for (store, expected) in stores.iter().zip(&whole) {
        let now: Vec<_> = (0..store.partitions())
            .map(|partition| store.snapshot(partition).unwrap())
            .collect();
        assert_eq!(&now, expected, "{store:?}");
    }
    assert!(last.iter().all(|batch| !batch.is_empty()));
}

#[test]
fn damaged_snapshots_and_late_restores_are_refused() {
    let test = TestStream::new(seconds(1));
    let out = test.collect(
        &test
            .input(vec![vec![(1_u8, 1_i64)]])
            .map_with_state(StateSpec::function(sum)),
    );
    let store = &test.context().state_stores()[0];
    let bad = StateSnapshot {
        partition: 0,
        partitions: 2,
        time: Some(Time::from_millis(1000)),
        bytes: vec![255; 9],
    };
    assert!(
        store
            .restore(&bad)
            .unwrap_err()
            .to_string()
            .contains("cannot be restored")
    );
    let elsewhere = StateSnapshot {
        partition: 77,
        ..bad.clone()
    };
    assert!(store.restore(&elsewhere).is_err());
    let cut_otherwise = StateSnapshot {
        partitions: 3,
        ..bad
    };
    let error = store.restore(&cut_otherwise).unwrap_err().to_string();
    assert!(
        error.contains("of 3 partitions, and the state has 2"),
        "{error}"
    );
    test.run(1);
    let good = store.snapshot(0).unwrap();
    assert!(
        store
            .restore(&good)
            .unwrap_err()
            .to_string()
            .contains("before start()")
    );
    drop(out);
}

#[test]
fn wrong_settings_are_refused_with_their_lines() {
    let test = TestStream::new(seconds(1));
    let pairs = test.input(vec![vec![(1_u8, 1_i64)]]);
    let none = StateSpec::function(sum).timeout(millis(0));
    let never = StateSpec::function(sum).timeout_check(TimeoutCheck::Every(millis(0)));
    let nowhere = StateSpec::function(sum).num_partitions(0);
    for spec in [none, never, nowhere] {
        pairs.map_with_state(spec).print();
    }
    let at_zero = InverseWindow::new().recompute_every(0);
    let (add, subtract) = (|a, b| a + b, |a, b| a - b);
    pairs
        .reduce_by_key_and_window_inverse_with(add, subtract, seconds(2), None, at_zero)
        .print();
    let message = test.try_run(1).unwrap_err().to_string();
    for part in [
        "4 mistakes",
        "time-out is zero",
        "every 0 ms",
        "0 partitions",
        "every 0 slides",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(message.matches("state.rs:").count(), 4, "{message}");
}

/// Some batches of a few keys.
fn batches() -> impl Strategy<Value = Vec<Vec<Pair>>> {
    prop::collection::vec(prop::collection::vec((0_u8..6, -9_i64..10), 0..6), 1..14)
}

/// What `map_with_state` should do, by a map: the records and the states of each batch.
fn naive_tracking(batches: &[Vec<Pair>], idle: i64) -> Vec<(Vec<Pair>, Vec<Pair>)> {
    let mut states: BTreeMap<u8, (i64, i64)> = BTreeMap::new();
    let batch = |(now, batch): (i64, &Vec<Pair>)| {
        let mut records = Vec::new();
        for (key, value) in batch {
            let sum = states.get(key).map_or(0, |(sum, _)| *sum) + value;
            // Sums that five divides are removed, even ones are kept as they are.
            if sum % 5 == 0 {
                states.remove(key);
            } else if value % 2 == 0 {
                states.entry(*key).and_modify(|state| state.1 = now);
            } else {
                states.insert(*key, (sum, now));
            }
            records.push((*key, sum));
        }
        let due: Vec<_> = states
            .iter()
            .filter(|(_, (_, stamp))| *stamp < now - idle)
            .map(|(key, (sum, _))| (*key, -sum))
            .collect();
        states.retain(|_, (_, stamp)| *stamp >= now - idle);
        records.extend(due);
        records.sort();
        (
            records,
            states.iter().map(|(key, (sum, _))| (*key, *sum)).collect(),
        )
    };
    (1..).zip(batches).map(batch).collect()
}

fn tracked(key: &u8, value: Option<i64>, state: &mut State<'_, i64>) -> Pair {
    let old = state.get().copied().unwrap_or(0);
    let Some(value) = value else {
        return (*key, -old);
    };
    let sum = old + value;
    if sum % 5 == 0 {
        state.remove();
    } else if value % 2 != 0 {
        state.update(sum);
    }
    (*key, sum)
}

/// What a window of sums should be, by adding up its batches.
fn naive_window(batches: &[Vec<Pair>], width: usize, slide: usize) -> Vec<Vec<Pair>> {
    let mut seen = BTreeSet::new();
    (1..=batches.len() / slide)
        .map(|number| {
            let end = number * slide;
            let from = end.saturating_sub(width);
            let batches = batches.get(from..end).unwrap_or_default();
            let mut sums: BTreeMap<u8, i64> = BTreeMap::new();
            for (key, value) in batches.iter().flatten() {
                seen.insert(*key);
                *sums.entry(*key).or_default() += value;
            }
            // Keys that have left stay, as 0.
            seen.iter()
                .map(|key| (*key, sums.get(key).copied().unwrap_or(0)))
                .collect()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tracking_agrees_with_a_map(
        batches in batches(), idle in 1_u64..5, partitions in 1_usize..5, slots in 1_usize..4,
    ) {
        let test = TestStream::on(&Context::local(slots).unwrap(), seconds(1)).unwrap();
        let pairs = test.input_partitioned(batches.clone(), partitions);
        let spec = StateSpec::function(tracked).timeout(seconds(idle)).num_partitions(partitions);
        let sums = pairs.map_with_state(spec);
        let (mapped, states) = (test.collect(&sums), test.collect(&sums.state_snapshots()));
        test.run(batches.len());
        let expected = naive_tracking(&batches, i64::try_from(idle).unwrap());
        let now: Vec<_> = sorted(&mapped).into_iter().zip(sorted(&states)).collect();
        prop_assert_eq!(now, expected);
    }

    #[test]
    fn updating_agrees_with_a_map(
        batches in batches(), partitions in 1_usize..5, slots in 1_usize..4,
    ) {
        let test = TestStream::on(&Context::local(slots).unwrap(), seconds(1)).unwrap();
        let pairs = test.input_partitioned(batches.clone(), partitions);
        // Grows by one in each batch, is dropped above 12.
        let next = |new: &[i64], old: Option<i64>| {
            let next = old.unwrap_or(0) + new.iter().sum::<i64>() + 1;
            (next <= 12).then_some(next)
        };
        let by_key = pairs.update_state_by_key_partitioned(move |new, old| next(&new, old), partitions);
        let whole = UpdateStateSpec::partition_function(
            move |_, keys: std::vec::IntoIter<(u8, Vec<i64>, Option<i64>)>| {
                keys.filter_map(move |(key, new, old)| Some((key, next(&new, old)?)))
            },
        );
        let whole = pairs.update_state_by_key_with(whole.num_partitions(partitions));
        let (by_key, whole) = (test.collect(&by_key), test.collect(&whole));
        test.run(batches.len());
        let mut states: BTreeMap<u8, i64> = BTreeMap::new();
        let expected: Vec<Vec<Pair>> = batches.iter().map(|batch| {
            let keys: BTreeSet<u8> = states.keys().copied().chain(batch.iter().map(|p| p.0)).collect();
            for key in keys {
                let new: Vec<_> = batch.iter().filter(|p| p.0 == key).map(|p| p.1).collect();
                if let Some(state) = next(&new, states.remove(&key)) {
                    states.insert(key, state);
                }
            }
            states.clone().into_iter().collect()
        }).collect();
        prop_assert_eq!(sorted(&by_key), expected.clone());
        prop_assert_eq!(sorted(&whole), expected);
    }

    #[test]
    fn windows_that_go_on_agree_with_windows_that_start_anew(
        batches in batches(), width in 1_u64..6, slide in 1_u64..6,
        partitions in 1_usize..5, slots in 1_usize..4,
    ) {
        let test = TestStream::on(&Context::local(slots).unwrap(), seconds(1)).unwrap();
        // A batch that nobody asks for is not put off to the next one that is asked for.
        let by_time = batches.clone();
        let pairs = test.context().stream_by_time(move |time: Time| {
            let number = usize::try_from(time.as_millis() / 1000).unwrap();
            by_time.get(number - 1).cloned().unwrap_or_default()
        });
        let (add, subtract) = (|a, b| a + b, |a, b| a - b);
        let (width_s, slide_s) = (seconds(width), seconds(slide));
        let settings = InverseWindow::new().num_partitions(partitions);
        let sums =
            pairs.reduce_by_key_and_window_inverse_with(add, subtract, width_s, slide_s, settings);
        let anew = InverseWindow::new().recompute_every(2).filter(|_, sum| *sum != 0);
        // Values are made positive, so that 0 means that nothing is left.
        let positive = pairs.map_values(|n| n.abs() + 1);
        let anew =
            positive.reduce_by_key_and_window_inverse_with(add, subtract, width_s, slide_s, anew);
        let plain = positive.reduce_by_key_and_window(add, width_s, slide_s);
        let counts = pairs.count_by_window(width_s, slide_s);
        let keys = pairs.map(|(key, _)| key);
        let by_value = keys.count_by_value_and_window_partitioned(width_s, slide_s, partitions);
        let naive_counts = keys.window(width_s, slide_s).count_by_value();
        let (sums, anew, plain) = (test.collect(&sums), test.collect(&anew), test.collect(&plain));
        let (counts, by_value, naive_counts) =
            (test.collect(&counts), test.collect(&by_value), test.collect(&naive_counts));
        test.run(batches.len());
        let (width, slide) = (usize::try_from(width).unwrap(), usize::try_from(slide).unwrap());
        prop_assert_eq!(sorted(&sums), naive_window(&batches, width, slide));
        prop_assert_eq!(sorted(&anew), sorted(&plain));
        prop_assert_eq!(sorted(&by_value), sorted(&naive_counts));
        let totals: Vec<Vec<u64>> =
            sorted(&naive_counts).iter().map(|b| vec![b.iter().map(|p| p.1).sum()]).collect();
        prop_assert_eq!(counts.batches(), totals);
    }
}
