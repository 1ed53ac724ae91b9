//! State that outlives changes of where it lies: other partitions, partitioners and slots.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::sync::Arc;
use std::vec::IntoIter;

use headwater_core::{Context, Partitioner, Partitioning};
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{
    DStream, InputSource, InverseWindow, SourceBatch, State, StateSpec, TimeoutCheck,
    UpdateStateSpec,
};
use probe::going_on;
use proptest::prelude::*;
use tempfile::TempDir;

type Pair = (String, i64);

/// How many batches the whole stream has.
const BATCHES: usize = 14;

/// Where state lies in one life of a stream.
#[derive(Debug, Clone, Copy)]
struct Layout {
    slots: &'static str,
    placed: Placed,
}

#[derive(Debug, Clone, Copy)]
enum Placed {
    /// By the default parallelism, that is by the slots.
    Default,
    Hashed(usize),
    /// By the first letter, moved by a number: code that changes while nothing else does.
    Letters(usize, usize),
}

const LAYOUTS: [Layout; 7] = [
    layout("local[2]", Placed::Hashed(3)),
    layout("local[1]", Placed::Default),
    layout("local[3]", Placed::Hashed(8)),
    layout("local[2]", Placed::Hashed(1)),
    layout("local[2]", Placed::Letters(3, 0)),
    layout("local[3]", Placed::Letters(3, 1)),
    layout("local[4]", Placed::Default),
];

const fn layout(slots: &'static str, placed: Placed) -> Layout {
    Layout { slots, placed }
}

/// Places keys by their first letter.
struct ByLetter(usize, usize);

impl Partitioner<String> for ByLetter {
    fn num_partitions(&self) -> usize {
        self.0
    }

    fn partition(&self, key: &String) -> usize {
        (usize::from(key.as_bytes()[0]) + self.1) % self.0
    }

    fn identity(&self) -> Option<String> {
        Some("by letter".to_owned())
    }
}

impl Placed {
    fn partitioning(self, test: &TestStream) -> Partitioning<String> {
        match self {
            Placed::Default => test.context().context().default_parallelism().into(),
            Placed::Hashed(partitions) => partitions.into(),
            Placed::Letters(partitions, by) => Arc::new(ByLetter(partitions, by)).into(),
        }
    }
}

/// One process: in which layout, how many batches, how often it writes checkpoints, and
/// whether it is stopped or just ends.
#[derive(Debug, Clone)]
struct Life {
    layout: usize,
    batches: usize,
    interval: &'static str,
    is_stopped: bool,
}

fn any_life() -> impl Strategy<Value = Life> {
    let interval = prop::sample::select(vec!["1s", "3s", "1h"]);
    (0..LAYOUTS.len(), 0_usize..6, interval, any::<bool>()).prop_map(
        |(layout, batches, interval, is_stopped)| Life {
            layout,
            batches,
            interval,
            is_stopped,
        },
    )
}

/// What comes in in a second: keys that come often, seldom, and once.
fn input(number: i64) -> Vec<Pair> {
    let often = (0..4).map(|key| (format!("{key} often"), number * 10 + key));
    let seldom = (0..11).filter(|key| (number + key) % 5 == 0);
    let seldom = seldom.map(|key| (format!("{key} seldom"), number + key));
    let once = [(format!("{number} once"), number)];
    match number {
        // No records at all for a while, so that time-outs come.
        6 | 7 | 10 => Vec::new(),
        _ => often
            .filter(|_| number % 3 != 0)
            .chain(seldom)
            .chain(once)
            .collect(),
    }
}

fn by_time(test: &TestStream) -> DStream<Pair> {
    test.context()
        .stream_by_time(|time| input(time.as_millis() / 1000))
}

fn sum(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    let sum = old.unwrap_or(0) + new.iter().sum::<i64>();
    (sum % 7 != 0).then_some(sum)
}

#[expect(clippy::ptr_arg, reason = "the key is a String")]
fn tracked(key: &String, value: Option<i64>, state: &mut State<'_, i64>) -> Pair {
    let sum = state.get().unwrap_or(&0) + value.unwrap_or(-1);
    match value {
        Some(value) if value % 9 == 0 => state.remove(),
        Some(_) => state.update(sum),
        None => {}
    }
    (key.clone(), sum)
}

/// Gives each key that comes a name of its own, and changes all names with every batch, and
/// with them their places.
fn renamed(
    time: Time,
    keys: impl Iterator<Item = (String, Vec<i64>, Option<i64>)>,
) -> impl Iterator<Item = Pair> {
    keys.filter_map(move |(key, new, old)| match (old, key.strip_prefix('z')) {
        (None, _) => Some((format!("{key} of {time}"), new.iter().sum())),
        (Some(old), _) if old % 5 == 0 => None,
        (Some(old), Some(rest)) => Some((rest.to_owned(), old + 1)),
        (Some(old), None) => Some((format!("z{key}"), old + 1)),
    })
}

type Build = fn(&DStream<Pair>, Partitioning<String>) -> DStream<Pair>;

/// A stream of each kind that keeps state.
fn kinds() -> Vec<(&'static str, Build)> {
    vec![
        ("update", |pairs, to| {
            pairs.update_state_by_key_partitioned(sum, to)
        }),
        ("rows", |pairs, to| {
            let spec = UpdateStateSpec::partition_function(|_, keys| {
                keys.filter_map(|(key, new, old)| Some((key, sum(new, old)?)))
            });
            pairs.update_state_by_key_with(spec.partitioner(to))
        }),
        ("renamed rows", |pairs, to| {
            let spec = UpdateStateSpec::partition_function(renamed).remember_partitioner(false);
            pairs.update_state_by_key_with(spec.partitioner(to))
        }),
        ("map", |pairs, to| {
            pairs
                .map_with_state(StateSpec::function(tracked).partitioner(to))
                .stream()
        }),
        ("time-outs", |pairs, to| {
            let spec = StateSpec::function(tracked).timeout(seconds(2));
            pairs.map_with_state(spec.partitioner(to)).stream()
        }),
        ("time-outs at times", |pairs, to| {
            let spec = StateSpec::function(tracked)
                .timeout(seconds(1))
                .timeout_check(TimeoutCheck::Every(seconds(4)));
            pairs.map_with_state(spec.partitioner(to)).stream()
        }),
        ("snapshots", |pairs, to| {
            let spec = StateSpec::function(tracked).timeout(seconds(3));
            pairs.map_with_state(spec.partitioner(to)).state_snapshots()
        }),
        ("inverse", |pairs, to| {
            let settings = InverseWindow::new().partitioner(to);
            let (add, subtract) = (|a, b| a + b, |a, b| a - b);
            let (window, slide) = (seconds(4), seconds(2));
            pairs.reduce_by_key_and_window_inverse_with(add, subtract, window, slide, settings)
        }),
        ("window of states", |pairs, to| {
            pairs
                .update_state_by_key_partitioned(sum, to)
                .window(seconds(3), seconds(1))
        }),
        ("window of mapped", |pairs, to| {
            let spec = StateSpec::function(tracked).timeout(seconds(2));
            let mapped = pairs.map_with_state(spec.partitioner(to)).stream();
            mapped.window(seconds(4), seconds(2))
        }),
        ("state of states", |pairs, to| {
            let spec = StateSpec::function(tracked).timeout(seconds(2));
            let states = pairs
                .map_with_state(spec.partitioner(to.clone()))
                .state_snapshots();
            states.update_state_by_key_partitioned(sum, to)
        }),
    ]
}

type Batches = Vec<(Time, Vec<Pair>)>;

fn sorted(out: &Collected<Pair>) -> Batches {
    let batches = out.times().into_iter().zip(out.batches());
    let sorted = batches.map(|(time, mut batch)| {
        batch.sort();
        (time, batch)
    });
    sorted.collect()
}

/// What the stream gives that nobody stops.
fn whole(build: Build) -> Batches {
    let test = TestStream::new(seconds(1));
    let out = test.collect(&build(&by_time(&test), 3.into()));
    test.run(BATCHES);
    sorted(&out)
}

/// What the same stream gives over several lives, which end with the last batch.
fn in_lives(build: Build, lives: &[Life]) -> Batches {
    let dir = tempfile::tempdir().unwrap();
    let (mut now, mut seen) = (0, Vec::new());
    let last = Life {
        layout: 0,
        batches: BATCHES,
        interval: "1h",
        is_stopped: false,
    };
    for life in lives.iter().chain([&last]) {
        let batches = life.batches.min(BATCHES - now);
        let layout = LAYOUTS[life.layout];
        let settings = [
            ("master", layout.slots),
            ("streaming.checkpoint.interval", life.interval),
        ];
        let test = going_on(dir.path(), now, &settings);
        let to = layout.placed.partitioning(&test);
        let out = test.collect(&build(&by_time(&test), to));
        test.run(batches);
        if life.is_stopped {
            test.context().stop(true, true).unwrap();
        }
        now += batches;
        seen.extend(sorted(&out));
    }
    seen
}

#[test]
fn state_moves_to_other_partitions_at_any_restart() {
    let life = |layout, batches, interval| Life {
        layout,
        batches,
        interval,
        is_stopped: false,
    };
    for (name, build) in kinds() {
        let expected = whole(build);
        for intervals in [["1h", "1h", "1h"], ["1s", "1s", "1s"], ["3s", "1h", "1s"]] {
            let [a, b, c] = intervals;
            // The third life ends before it does anything; the fourth moves what it has moved.
            let lives = [
                life(0, 4, a),
                life(2, 3, b),
                life(1, 0, c),
                life(4, 2, a),
                life(5, 1, b),
            ];
            assert_eq!(
                in_lives(build, &lives),
                expected,
                "{name}, every {intervals:?}"
            );
        }
    }
}

/// How often each key came, in a process that runs some batches after those that were run. One
/// partition fails with the third batch, if that is asked for.
fn counts_with_a_broken_wire(
    dir: &TempDir,
    (begun, batches): (usize, usize),
    partitions: usize,
    fails: bool,
    may_move: bool,
) -> Vec<(String, usize)> {
    let settings = [("streaming.on_failure", "continue")];
    let test = going_on(dir.path(), begun, &settings);
    let pairs = test.context().stream_by_time(|time| {
        ["a", "b", "c", "d"]
            .map(|key| (key.to_owned(), time))
            .into()
    });
    let count = move |time: Time, key: &String, new: Vec<Time>, old: Option<usize>| {
        assert!(
            !fails || key != "c" || time != Time::from_millis(3000),
            "a broken wire"
        );
        Some(old.unwrap_or(0) + new.len())
    };
    let spec = if may_move {
        UpdateStateSpec::partition_function(move |time, keys: IntoIter<(String, _, _)>| {
            keys.filter_map(move |(key, new, old)| {
                let state = count(time, &key, new, old)?;
                Some((key, state))
            })
        })
        .remember_partitioner(false)
    } else {
        UpdateStateSpec::function_with_time(count)
    };
    let spec = spec.num_partitions(partitions);
    let out = test.collect(&pairs.update_state_by_key_with(spec));
    // What fails is told, and nothing shown.
    drop(test.try_run(batches));
    let mut last = out.batches().pop().unwrap_or_default();
    last.sort();
    last
}

#[test]
fn partitions_that_a_failed_batch_left_behind_catch_up_and_may_move() {
    let all = |count| ["a", "b", "c", "d"].map(|key| (key.to_owned(), count));
    for may_move in [false, true] {
        for partitions in [4, 2] {
            let dir = tempfile::tempdir().unwrap();
            let life = |begun, (batches, partitions), fails| {
                counts_with_a_broken_wire(&dir, (begun, batches), partitions, fails, may_move)
            };
            assert_eq!(life(0, (2, 4), true), all(2));
            life(2, (1, 4), true);
            // A process that comes to nothing changes nothing.
            life(3, (0, partitions), false);
            assert_eq!(life(3, (1, partitions), false), all(4), "{may_move}");
            assert_eq!(life(4, (1, 3), false), all(5), "{may_move}");
        }
    }
}

/// A pair for each of two keys, in every batch, that is there once.
struct Pairs;

impl InputSource<(String, u64)> for Pairs {
    fn compute(
        &mut self,
        _time: Time,
        ctx: &Context,
    ) -> Result<SourceBatch<(String, u64)>, String> {
        let pairs = ["c", "d"].map(|key| (key.to_owned(), 1));
        Ok(SourceBatch::new(ctx.parallelize(pairs.into(), 1)).range(vec![1]))
    }

    fn restore(
        &mut self,
        time: Time,
        _range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<(String, u64)>, String> {
        self.compute(time, ctx)
    }
}

#[test]
fn what_a_state_has_not_taken_in_is_kept_however_many_batches_fail() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun, batches, fails: bool| {
        let settings = [
            ("streaming.on_failure", "continue"),
            ("streaming.checkpoint.keep", "1"),
        ];
        let test = going_on(dir.path(), begun, &settings);
        let pairs = test.context().source_stream(Pairs);
        let sum = move |time: Time, key: &String, new: Vec<u64>, old: Option<u64>| {
            assert!(
                !fails || key != "c" || time < Time::from_millis(3000),
                "a broken wire"
            );
            Some(old.unwrap_or(0) + new.iter().sum::<u64>())
        };
        let spec = UpdateStateSpec::function_with_time(sum).num_partitions(4);
        let out = test.collect(&pairs.update_state_by_key_with(spec));
        test.try_run(batches).unwrap();
        // Writes a checkpoint, which forgets what nobody needs.
        test.context().stop(true, true).unwrap();
        let mut last = out.batches().pop().unwrap_or_default();
        last.sort();
        last
    };
    life(0, 8, true);
    life(8, 8, true);
    let all = ["c", "d"].map(|key| (key.to_owned(), 17));
    assert_eq!(life(16, 1, false), all);
}

/// The second process begins before anything was kept, and so sees no key out of place; what the
/// first has written of the only batch lies by another partitioner all the same.
#[test]
fn what_was_written_after_the_beginning_of_a_restart_is_not_mixed_with_what_lies_elsewhere() {
    let life = |layout, batches| Life {
        layout,
        batches,
        interval: "1s",
        is_stopped: false,
    };
    let (by_letters, by_hash) = (4, 0);
    for (name, build) in kinds() {
        let lives = [life(by_letters, 1), life(by_hash, 3)];
        assert_eq!(in_lives(build, &lives), whole(build), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn state_moves_to_any_partitions_at_any_restarts(
        kind in 0..kinds().len(),
        lives in prop::collection::vec(any_life(), 1..5),
    ) {
        let (_, build) = kinds()[kind];
        prop_assert_eq!(in_lives(build, &lives), whole(build));
    }
}
