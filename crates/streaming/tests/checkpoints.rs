//! Streams that go on after their process has ended.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_core::Context;
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{
    DStream, InputSource, Receiver, ReceiverContext, SourceBatch, State, StateSpec, StreamError,
    StreamingState,
};
use parking_lot::Mutex;
use probe::{context, second};
use tempfile::TempDir;

type Pair = (String, i64);

/// The lives of a stream over one directory.
struct Lives {
    dir: TempDir,
    settings: Vec<(&'static str, &'static str)>,
}

impl Lives {
    fn new(settings: &[(&'static str, &'static str)]) -> Self {
        Lives {
            dir: tempfile::tempdir().unwrap(),
            settings: settings.to_vec(),
        }
    }

    fn directory(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    /// A life that begins at a time and goes on from the one before.
    fn life(&self, begin_ms: i64) -> TestStream {
        let clock = ManualClock::at(Time::from_millis(begin_ms));
        let test = TestStream::with_clock(&context(&self.settings), seconds(1), clock).unwrap();
        test.context().go_on_from(self.directory()).unwrap();
        test
    }
}

/// What comes in in the second of the number, from 1.
fn input(number: i64) -> Vec<Pair> {
    let pairs: &[(&str, i64)] = match number {
        1 => &[("a", 1), ("b", 2)],
        2 => &[("a", 3)],
        4 => &[("c", 7), ("a", 10)],
        5 => &[("b", -2)],
        6 => &[("a", 1), ("e", 4)],
        8 => &[("c", -7)],
        9 => &[("a", 100)],
        10 | 12 => &[("d", number - 9)],
        _ => &[],
    };
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), *value))
        .collect()
}

fn by_time(test: &TestStream) -> DStream<Pair> {
    test.context()
        .stream_by_time(|time| input(time.as_millis() / 1000))
}

fn total(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    Some(old.unwrap_or(0) + new.iter().sum::<i64>())
}

#[expect(clippy::ptr_arg, reason = "the key is a String")]
fn track(key: &String, value: Option<i64>, state: &mut State<'_, i64>) -> Pair {
    let sum = state.get().unwrap_or(&0) + value.unwrap_or(0);
    if !state.is_timing_out() {
        state.update(sum);
    }
    (key.clone(), sum)
}

fn sorted(out: &Collected<Pair>) -> Vec<(Time, Vec<Pair>)> {
    let batches = out.times().into_iter().zip(out.batches());
    let sorted = batches.map(|(time, mut batch)| {
        batch.sort();
        (time, batch)
    });
    sorted.collect()
}

/// Builds a stream of each kind that has a past.
fn kinds() -> Vec<(&'static str, fn(&DStream<Pair>) -> DStream<Pair>)> {
    vec![
        ("update", |pairs| pairs.update_state_by_key(total)),
        ("map", |pairs| {
            pairs.map_with_state(StateSpec::function(track)).stream()
        }),
        ("timeout", |pairs| {
            let spec = StateSpec::function(track).timeout(seconds(3));
            pairs.map_with_state(spec).stream()
        }),
        ("snapshots", |pairs| {
            pairs
                .map_with_state(StateSpec::function(track))
                .state_snapshots()
        }),
        ("window", |pairs| pairs.window(seconds(3), seconds(2))),
        ("inverse", |pairs| {
            pairs.reduce_by_key_and_window_inverse(
                |a, b| a + b,
                |a, b| a - b,
                seconds(4),
                seconds(2),
            )
        }),
        ("window of states", |pairs| {
            pairs.update_state_by_key(total).window(seconds(3), None)
        }),
        ("window of mapped", |pairs| {
            let mapped = pairs.map_with_state(StateSpec::function(track)).stream();
            mapped.window(seconds(3), seconds(2))
        }),
        ("state of windows", |pairs| {
            pairs
                .window(seconds(2), seconds(1))
                .update_state_by_key(total)
        }),
    ]
}

#[test]
fn a_stream_that_was_stopped_anywhere_goes_on_as_if_it_had_not_been() {
    for (name, build) in kinds() {
        let whole = TestStream::new(seconds(1));
        let expected = whole.collect(&build(&by_time(&whole)));
        whole.run(12);
        let expected = sorted(&expected);
        for interval in ["1s", "3s", "1h"] {
            for (first, second) in [(1, 4), (3, 1), (5, 2), (6, 5)] {
                let lives = Lives::new(&[("streaming.checkpoint.interval", interval)]);
                let mut seen = Vec::new();
                let mut now = 0;
                for batches in [first, second, 12 - first - second] {
                    let test = lives.life(now * 1000);
                    let out = test.collect(&build(&by_time(&test)));
                    test.run(usize::try_from(batches).unwrap());
                    now += batches;
                    seen.extend(sorted(&out));
                }
                assert_eq!(
                    seen, expected,
                    "{name}, every {interval}, {first} and {second}"
                );
            }
        }
    }
}

#[test]
fn an_object_store_is_a_directory_too() {
    let run = |begin_ms, batches| {
        let clock = ManualClock::at(Time::from_millis(begin_ms));
        let test = TestStream::with_clock(&context(&[]), seconds(1), clock).unwrap();
        test.context()
            .go_on_from("memory://checkpoints/stream")
            .unwrap();
        let out = test.collect(&by_time(&test).update_state_by_key(total));
        test.run(batches);
        out.batches().pop().unwrap()
    };
    run(0, 5);
    let mut last = run(5_000, 4);
    last.sort();
    assert_eq!(last[0], ("a".to_owned(), 115));
}

#[test]
fn batches_of_the_time_without_a_process_are_run() {
    let lives = Lives::new(&[]);
    let run = |begin_ms, batches| {
        let test = lives.life(begin_ms);
        let out = test.collect(&by_time(&test).update_state_by_key(total));
        test.run(batches);
        sorted(&out)
    };
    run(0, 5);
    let later = run(8_500, 1);
    let times: Vec<_> = later.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, [6, 7, 8, 9].map(second));
    let last = &later[3].1;
    let expected = [("a", 115), ("b", 0), ("c", 0), ("e", 4)];
    assert_eq!(*last, expected.map(|(key, sum)| (key.to_owned(), sum)));
}

#[test]
fn a_failed_batch_is_run_again_on_the_same_input() {
    let lives = Lives::new(&[]);
    let waiting = Arc::new(Mutex::new(VecDeque::from([1, 2, 3, 4, 5])));
    let run = |begin_ms, fails: bool| {
        let test = lives.life(begin_ms);
        let numbers = test.context().source_stream(Offsets(waiting.clone()));
        let out = test.collect(&numbers);
        let sums = test.collect(&numbers.map(|n| ((), n)).update_state_by_key(total));
        numbers.foreach_rdd(move |_, time| match fails && time == second(2) {
            true => Err("the sink is down"),
            false => Ok(()),
        });
        let result = test.try_run(3);
        (
            out.batches(),
            sums.batches().concat().pop(),
            result.is_err(),
        )
    };
    let (first, _, failed) = run(0, true);
    assert!(failed);
    assert_eq!(first, [[1], [2]]);
    // The source would give 3 now; the batch of 2 is asked for again first.
    let (second, sum, failed) = run(2_000, false);
    assert!(!failed);
    assert_eq!(second, [[2], [3], [4], [5]]);
    assert_eq!(sum, Some(((), 15)));
}

/// Gives the numbers of a queue, one a batch, and any of them again by its range.
struct Offsets(Arc<Mutex<VecDeque<i64>>>);

impl InputSource<i64> for Offsets {
    fn compute(&mut self, _: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        let number = self.0.lock().pop_front();
        let records: Vec<_> = number.into_iter().collect();
        let range: Vec<u8> = records.iter().map(|n| *n as u8).collect();
        Ok(SourceBatch::new(ctx.parallelize(records, 1)).range(range))
    }

    fn restore(
        &mut self,
        _: Time,
        range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<i64>, String> {
        let records = range.iter().map(|n| i64::from(*n)).collect();
        Ok(ctx.parallelize(records, 1).into())
    }
}

/// Stores what it is given, as a block each, when it is started.
struct Given(Vec<Vec<i64>>);

impl Receiver<i64> for Given {
    fn on_start(&self, ctx: &ReceiverContext<i64>) -> Result<(), String> {
        for block in &self.0 {
            ctx.store_many(block.iter().copied())
                .map_err(|error| error.to_string())?;
        }
        ctx.stop("that was all");
        Ok(())
    }

    fn on_stop(&self) {}
}

#[test]
fn what_a_receiver_has_stored_is_there_after_a_restart() {
    let lives = Lives::new(&[]);
    let run = |begin_ms, blocks: Vec<Vec<i64>>, batches: usize| {
        let test = lives.life(begin_ms);
        let listener = probe::record(test.context());
        let numbers = test.context().receiver_stream(Given(blocks));
        let out = test.collect(&numbers.window(seconds(2), seconds(1)));
        test.context().start().unwrap();
        // The receiver says when it has stored everything.
        listener.wait_for(|told| {
            told.iter()
                .any(|one| matches!(one, probe::Told::ReceiverStopped(_)))
        });
        test.run(batches);
        out.batches()
    };
    // Nothing is cut: the blocks wait in the journal.
    assert!(run(0, vec![vec![1, 2], vec![3]], 0).is_empty());
    assert_eq!(run(0, vec![vec![4]], 1), [[1, 2, 3, 4]]);
    // A window still needs the blocks of the batch before.
    assert_eq!(run(1_000, vec![vec![5]], 2), [vec![1, 2, 3, 4, 5], vec![5]]);
}

/// Begins a life that is given a block, and waits until it has it.
fn life_with(
    lives: &Lives,
    begin_ms: i64,
    block: &[i64],
    fails: bool,
) -> (TestStream, Collected<i64>) {
    let test = lives.life(begin_ms);
    let listener = probe::record(test.context());
    let numbers = test.context().receiver_stream(Given(vec![block.to_vec()]));
    let out = test.collect(&numbers);
    numbers.foreach_rdd(move |_, _| {
        if fails {
            Err("the sink is down")
        } else {
            Ok(())
        }
    });
    test.context().start().unwrap();
    listener.wait_for(|told| {
        told.iter()
            .any(|one| matches!(one, probe::Told::ReceiverStopped(_)))
    });
    (test, out)
}

#[test]
fn a_graceful_stop_finishes_batches_that_are_run_again_and_what_came_after_them() {
    for block in [&[2][..], &[]] {
        let lives = Lives::new(&[]);
        let (first, _) = life_with(&lives, 0, &[1], true);
        first.try_run(1).unwrap_err();
        drop(first);
        // The batch of 1 was cut without what comes now.
        let (second, out) = life_with(&lives, 900, block, false);
        std::thread::scope(|scope| {
            let stopping = scope.spawn(|| second.context().stop(true, true));
            while second.context().state() != StreamingState::Stopped {
                std::thread::yield_now();
            }
            second.clock().advance(seconds(5));
            stopping.join().unwrap().unwrap();
        });
        assert_eq!(out.batches().concat(), [&[1], block].concat());
    }
}

#[test]
fn a_directory_with_a_past_is_not_begun_anew() {
    let lives = Lives::new(&[]);
    let test = lives.life(0);
    test.collect(&by_time(&test));
    test.run(1);
    drop(test);
    let test = TestStream::new(seconds(1));
    test.context().checkpoint(lives.directory()).unwrap();
    test.collect(&by_time(&test));
    let error = test.try_run(1).unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
    assert!(error.to_string().contains("get_or_create"), "{error}");
}

#[test]
fn two_streams_cannot_write_to_one_directory() {
    let lives = Lives::new(&[]);
    let one = lives.life(0);
    one.collect(&by_time(&one));
    one.run(1);
    let two = lives.life(0);
    two.collect(&by_time(&two));
    assert!(two.try_run(1).is_err());
}

#[test]
fn a_changed_program_goes_on_with_what_matches() {
    let lives = Lives::new(&[]);
    let test = lives.life(0);
    let pairs = by_time(&test);
    test.collect(&pairs.update_state_by_key(total));
    test.run(3);
    drop(test);
    // An operator was added, and the state has got a name.
    let test = lives.life(3_000);
    let pairs = by_time(&test).filter(|_| true).map(|pair| pair);
    let out = test.collect(&pairs.update_state_by_key(total).named("totals"));
    test.run(1);
    let mut last = out.at(second(4)).unwrap();
    last.sort();
    assert_eq!(last[0], ("a".to_owned(), 14));
    drop(test);
    // Another name is another state, unless one says so.
    let renamed = |allow: &'static str| {
        let lives = Lives {
            dir: tempfile::tempdir().unwrap(),
            settings: vec![("streaming.checkpoint.allow", allow)],
        };
        lives.settings
    };
    let life = |settings: &[(&str, &str)]| {
        let clock = ManualClock::at(second(4));
        let test = TestStream::with_clock(&context(settings), seconds(1), clock).unwrap();
        test.context().go_on_from(lives.directory()).unwrap();
        let out = test.collect(&by_time(&test).update_state_by_key(total).named("sums"));
        let result = test.try_run(1);
        (out.batches().concat(), result)
    };
    let (_, refused) = life(&[]);
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("allow rename:totals=sums"), "{message}");
    let (batch, result) = life(&renamed("rename:totals=sums"));
    result.unwrap();
    assert!(batch.contains(&("a".to_owned(), 14)));
}

#[test]
fn files_are_read_once_over_restarts() {
    let lives = Lives::new(&[]);
    let files = tempfile::tempdir().unwrap();
    let put = |name: &str, modified_ms| {
        let path = files.path().join(name);
        std::fs::write(&path, format!("{name}\n")).unwrap();
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let modified = std::time::UNIX_EPOCH + std::time::Duration::from_millis(modified_ms);
        file.set_modified(modified).unwrap();
    };
    let run = |begin_ms, batches| {
        let test = lives.life(begin_ms);
        let lines = test
            .context()
            .text_file_stream(files.path().to_str().unwrap());
        let out = test.collect(&lines.map(|line| line.to_string()));
        test.run(batches);
        out.batches()
    };
    put("a", 500);
    assert_eq!(run(0, 2), [vec!["a"], vec![]]);
    put("b", 2_500);
    put("c", 3_500);
    assert_eq!(run(5_000, 1), [vec!["b"], vec!["c"], vec![], vec![]]);
    // Looked for again in the window, in which all are known.
    std::fs::remove_file(files.path().join("a")).unwrap();
    assert_eq!(run(6_000, 1), [Vec::<String>::new()]);
}

#[test]
fn a_batch_that_is_run_again_may_be_run_again_once_more() {
    let lives = Lives::new(&[
        ("streaming.checkpoint.run_last_again", "true"),
        ("streaming.checkpoint.interval", "1h"),
    ]);
    let run = |begin_ms, batches| {
        let test = lives.life(begin_ms);
        let out = test.collect(&by_time(&test).update_state_by_key(total));
        test.run(batches);
        // A checkpoint of the first life only: the others leave a journal.
        let _ = test.context().stop(true, begin_ms == 0);
        sorted(&out)
    };
    let first = run(0, 3);
    let second = run(3_000, 1);
    let third = run(4_000, 1);
    assert_eq!(second[0], first[2]);
    assert_eq!(third[0], second[1]);
    assert_eq!(third[1].0, self::second(5));
}
