//! What a restart computes again of a state, when a changed program looks further back at it or
//! is without an input that fed it.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;

use headwater_core::Partitioning;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::seconds;
use headwater_streaming::{DStream, State, StateSpec, UpdateStateSpec};
use probe::going_on;
use probe::inputs::{Offsets, Outside, Seconds, handed_out};
use tempfile::TempDir;

/// The sum of all numbers so far.
fn sums(numbers: &DStream<i64>) -> DStream<i64> {
    sums_in(1, numbers)
}

/// The same, in so many partitions.
fn sums_in(partitions: usize, numbers: &DStream<i64>) -> DStream<i64> {
    let add = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let sums = numbers
        .map(|number| ((), number))
        .update_state_by_key_partitioned(add, Partitioning::from(partitions))
        .named("sums");
    sums.map(|(_, sum)| sum)
}

/// The same, of the last batches.
fn looking_back(sums: &DStream<i64>, test: &TestStream, batches: u64) -> Collected<i64> {
    match batches {
        1 => test.collect(sums),
        more => test.collect(&sums.window(seconds(more), None)),
    }
}

/// Lives of a program that looks back further from the third one on; each begins after so many
/// batches, looks back at so many, and is given a number in each batch.
fn looks_back_further(life: impl Fn(usize, u64, &[i64]) -> Vec<Vec<i64>>) {
    assert_eq!(life(0, 1, &[1, 2, 3, 4, 5]).concat(), [1, 3, 6, 10, 15]);
    // Its checkpoint forgets what it does not need itself.
    assert_eq!(life(5, 1, &[]).len(), 0);
    // It has forgotten what belonged to batches before the last two.
    assert_eq!(life(5, 5, &[6]), [[10, 15, 21]]);
    assert_eq!(
        life(6, 5, &[7, 8]),
        [vec![10, 15, 21, 28], vec![10, 15, 21, 28, 36]]
    );
}

#[test]
fn a_program_that_looks_back_further_keeps_what_a_receiver_gave() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun: usize, looks_back: u64, added: &[i64]| {
        let test = going_on(dir.path(), begun, &[]);
        let (numbers, contexts) = handed_out(&test);
        let shown = looking_back(&sums(&numbers), &test, looks_back);
        test.try_run(0).unwrap();
        let receiver = contexts.recv().unwrap();
        for number in added {
            receiver.store_many([*number]).unwrap();
            test.run(1);
        }
        shown.batches()
    };
    looks_back_further(life);
}

#[test]
fn a_program_that_looks_back_further_keeps_what_a_source_gave() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let life = |begun: usize, looks_back: u64, added: &[i64]| {
        let test = going_on(dir.path(), begun, &[]);
        let numbers = test.context().source_stream(Offsets::of(&log, &[]));
        let shown = looking_back(&sums(&numbers), &test, looks_back);
        for number in added {
            log.add(*number);
            test.run(1);
        }
        test.try_run(0).unwrap();
        shown.batches()
    };
    looks_back_further(life);
}

#[test]
fn a_state_that_is_looked_back_at_keeps_what_a_receiver_gave_without_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun: usize, log: &str, added: &[i64]| {
        let settings = [("streaming.receiver.write_ahead_log.enable", log)];
        let test = going_on(dir.path(), begun, &settings);
        let (numbers, contexts) = handed_out(&test);
        let shown = looking_back(&sums(&numbers), &test, 3);
        test.try_run(0).unwrap();
        let receiver = contexts.recv().unwrap();
        for number in added {
            receiver.store_many([*number]).unwrap();
            test.run(1);
        }
        shown.batches()
    };
    let shown = life(0, "false", &[1, 2, 3]);
    assert_eq!(shown.last().unwrap(), &[1, 3, 6]);
    assert_eq!(life(3, "false", &[4]), [[10]]);
    assert_eq!(life(4, "true", &[5, 6]), [vec![15], vec![15, 21]]);
    assert_eq!(life(6, "true", &[7]), [[15, 21, 28]]);
}

#[test]
fn a_state_that_is_looked_back_at_keeps_what_was_in_a_queue() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun: usize, added: &[i64]| {
        let test = going_on(dir.path(), begun, &[]);
        let (queue, numbers) = test.context().queue_stream();
        let shown = looking_back(&sums(&numbers), &test, 3);
        for number in added {
            queue.push_records(vec![*number], 1);
        }
        test.run(added.len());
        shown.batches()
    };
    assert_eq!(life(0, &[1, 2, 3]).last().unwrap(), &[1, 3, 6]);
    assert_eq!(life(3, &[4, 5]), [vec![10], vec![10, 15]]);
}

#[test]
fn a_program_that_looks_back_further_keeps_what_came_through_a_state_that_was_moved() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun: usize, (looks_back, partitions), batches| {
        let test = going_on(dir.path(), begun, &[]);
        let numbers = test.context();
        let numbers = numbers.stream_by_time(|time| vec![((), time.as_millis() / 1000)]);
        let as_it_is = |(): &(), number: Option<i64>, seen: &mut State<'_, i64>| {
            seen.update(number.unwrap_or_default());
            number.unwrap_or_default()
        };
        let spec = StateSpec::function(as_it_is).num_partitions(partitions);
        let through = numbers.map_with_state(spec).named("through").stream();
        let shown = looking_back(&sums(&through), &test, looks_back);
        test.try_run(batches).unwrap();
        shown.batches()
    };
    assert_eq!(life(0, (1, 1), 3).concat(), [1, 3, 6]);
    // It is written anew, as it is now.
    assert!(life(3, (1, 2), 0).is_empty());
    assert_eq!(life(3, (3, 2), 2), [vec![10], vec![10, 15]]);
}

/// A state of two inputs, the second of which is dropped when nothing is added to its log any
/// more.
struct TwoInputs {
    dir: TempDir,
    log: Outside,
    partitions: usize,
}

impl TwoInputs {
    fn new() -> Self {
        TwoInputs {
            dir: tempfile::tempdir().unwrap(),
            log: Outside::default(),
            partitions: 1,
        }
    }

    /// What a process shows of the state that begins after some batches, looks so many back, and
    /// runs as many more.
    fn life(&self, (begun, looks_back): (usize, u64), batches: Batches) -> Vec<Vec<i64>> {
        self.life_with(
            (begun, looks_back),
            batches,
            ("streaming.checkpoint.keep", "2"),
        )
    }

    fn life_with(
        &self,
        (begun, looks_back): (usize, u64),
        batches: Batches,
        setting: (&str, &str),
    ) -> Vec<Vec<i64>> {
        let settings = [("streaming.checkpoint.allow", "drop:numbers"), setting];
        let test = going_on(self.dir.path(), begun, &settings);
        let seconds = test.context().source_stream(Seconds).named("seconds");
        let numbers = || test.context().source_stream(Offsets::of(&self.log, &[]));
        let all = match &batches {
            Batches::Adding(_) => seconds.union(&numbers().named("numbers")),
            Batches::Dropped(_) => seconds,
        };
        let shown = looking_back(&sums_in(self.partitions, &all), &test, looks_back);
        match batches {
            Batches::Adding(numbers) => {
                test.try_run(0).unwrap();
                for number in numbers {
                    self.log.add(*number);
                    test.run(1);
                }
            }
            Batches::Dropped(batches) => test.try_run(batches).unwrap(),
        }
        shown.batches()
    }
}

/// What the batches of a process get of the second input.
enum Batches {
    Adding(&'static [i64]),
    Dropped(usize),
}

use Batches::{Adding, Dropped};

#[test]
fn a_state_keeps_what_an_input_gave_it_that_is_dropped_now() {
    let two = TwoInputs::new();
    let shown = two.life((0, 3), Adding(&[10, 20, 30]));
    assert_eq!(shown.last().unwrap(), &[11, 33, 66]);
    // The state has all; of how it was before nothing is shown.
    assert_eq!(two.life((3, 3), Dropped(2)), [vec![70], vec![70, 75]]);
    assert_eq!(two.life((5, 3), Dropped(1)), [[70, 75, 81]]);
}

#[test]
fn a_state_keeps_what_a_dropped_input_gave_it_when_a_later_program_looks_back_further() {
    let two = TwoInputs::new();
    let shown = two.life((0, 1), Adding(&[10, 20, 30]));
    assert_eq!(shown.concat(), [11, 33, 66]);
    assert_eq!(two.life((3, 1), Dropped(1)), [[70]]);
    assert_eq!(two.life((4, 3), Dropped(1)), [[70, 75]]);
}

#[test]
fn a_state_keeps_what_a_dropped_input_gave_it_though_a_process_ended_before_its_first_batch() {
    let two = TwoInputs::new();
    let shown = two.life((0, 3), Adding(&[10, 20, 30]));
    assert_eq!(shown.last().unwrap(), &[11, 33, 66]);
    // They begin to compute batches again, and come to nothing.
    assert!(two.life((3, 3), Adding(&[])).is_empty());
    assert!(two.life((3, 3), Adding(&[])).is_empty());
    assert_eq!(two.life((3, 3), Dropped(2)), [vec![70], vec![70, 75]]);
}

#[test]
fn a_state_that_was_moved_keeps_what_a_dropped_input_gave_it_likewise() {
    for partitions in [1, 2, 3] {
        let mut two = TwoInputs::new();
        let shown = two.life((0, 3), Adding(&[10, 20, 30]));
        assert_eq!(shown.last().unwrap(), &[11, 33, 66]);
        two.partitions = 2;
        assert!(two.life((3, 3), Adding(&[])).is_empty());
        two.partitions = partitions;
        assert_eq!(two.life((3, 3), Dropped(2)), [vec![70], vec![70, 75]]);
        assert_eq!(two.life((5, 3), Dropped(1)), [[70, 75, 81]]);
    }
}

#[test]
fn a_state_that_was_moved_is_computed_again_from_before() {
    let mut two = TwoInputs::new();
    two.life((0, 3), Adding(&[10, 20, 30]));
    two.partitions = 2;
    assert!(two.life((3, 3), Adding(&[])).is_empty());
    assert_eq!(two.life((3, 3), Adding(&[40]))[0], [33, 66, 110]);
    two.partitions = 3;
    assert_eq!(two.life((4, 3), Adding(&[50]))[0], [66, 110, 165]);
}

#[test]
fn what_is_computed_again_is_there_once_for_each_later_process() {
    let two = TwoInputs::new();
    let every_second = ("streaming.checkpoint.interval", "1s");
    let life = |begun, batches| two.life_with((begun, 3), batches, every_second);
    life(0, Adding(&[10, 20, 30]));
    assert_eq!(life(3, Adding(&[40]))[0], [33, 66, 110]);
    assert_eq!(life(4, Adding(&[50]))[0], [66, 110, 165]);
    // What it shows of before it was dropped is kept as it was.
    assert_eq!(life(5, Dropped(1)), [[171]]);
}

#[test]
fn the_last_batch_with_something_of_a_dropped_input_is_not_run_again_without_it() {
    let two = TwoInputs::new();
    two.life((0, 1), Adding(&[10, 20, 30]));
    assert!(two.life((3, 1), Dropped(0)).is_empty());
    let again = ("streaming.checkpoint.run_last_again", "true");
    assert_eq!(two.life_with((3, 1), Dropped(1), again), [[70]]);
}

#[test]
fn an_older_checkpoint_does_not_take_from_a_state_what_a_dropped_input_gave_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("streaming.checkpoint.allow", "drop:numbers"),
        ("streaming.checkpoint.keep", "9"),
    ];
    let seconds = |test: &TestStream| test.context().source_stream(Seconds).named("seconds");
    let before = |begun: usize, batches: &[Option<i64>]| {
        let test = going_on(dir.path(), begun, &settings);
        let (numbers, contexts) = handed_out(&test);
        let all = seconds(&test).union(&numbers.named("numbers"));
        let shown = test.collect(&sums(&all));
        test.try_run(0).unwrap();
        let receiver = contexts.recv().unwrap();
        for number in batches {
            receiver.store_many(*number).unwrap();
            test.run(1);
        }
        shown.batches().concat()
    };
    let after = |begun: usize, looks_back: u64| {
        let test = going_on(dir.path(), begun, &settings);
        let shown = looking_back(&sums(&seconds(&test)), &test, looks_back);
        test.run(1);
        shown.batches()
    };
    assert_eq!(before(0, &[Some(10), Some(20), Some(30)]), [11, 33, 66]);
    assert_eq!(before(3, &[None, None]), [70, 75]);
    // Its checkpoint knows of no batch that had something of the input.
    assert!(before(5, &[]).is_empty());
    assert_eq!(after(5, 1), [[81]]);
    // The one before does.
    fs::write(
        dir.path().join("checkpoint-00000000000000005000"),
        "damaged",
    )
    .unwrap();
    assert_eq!(after(6, 7), [[81, 88]]);
}

/// How often each key came, by a process that is killed: each batch has a key of its own, and
/// one that all batches have.
fn killed(
    dir: &TempDir,
    (begun, until): (usize, usize),
    is_mapped: bool,
    leaves_out: &'static [i64],
) -> Vec<(i64, i64)> {
    let test = going_on(
        dir.path(),
        begun,
        &[("streaming.checkpoint.interval", "1h")],
    );
    let keys = test.context().stream_by_time(|time| {
        let second = time.as_millis() / 1000;
        vec![(0, 1), (second, 1)]
    });
    let ones = keys.filter(|(key, _)| !leaves_out.contains(key));
    let to = Partitioning::from(1);
    let counts = if is_mapped {
        let count = |key: &i64, one: Option<i64>, state: &mut State<'_, i64>| {
            let count = state.get().unwrap_or(&0) + one.unwrap_or(0);
            state.update(count);
            (*key, count)
        };
        let spec = StateSpec::function(count).partitioner(to);
        ones.map_with_state(spec).state_snapshots()
    } else {
        let add =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
        ones.update_state_by_key_partitioned(add, to)
    };
    test.collect(&counts.window(seconds(3), None));
    let shown = test.collect(&counts);
    test.run(until - begun);
    let mut last = shown.batches().pop().unwrap();
    last.sort_unstable();
    last
}

#[test]
fn what_a_changed_program_computes_again_is_what_later_processes_go_on_from() {
    for is_mapped in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        killed(&dir, (0, 5), is_mapped, &[]);
        // It computes the fourth batch again without its key.
        killed(&dir, (5, 9), is_mapped, &[4]);
        let counts = killed(&dir, (9, 10), is_mapped, &[4]);
        let expected: Vec<_> = [(0, 10)]
            .into_iter()
            .chain((1..=10).filter(|key| *key != 4).map(|key| (key, 1)))
            .collect();
        assert_eq!(counts, expected, "mapped: {is_mapped}");
    }
}

#[test]
fn a_state_soon_after_its_beginning_keeps_its_initial_state() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun: usize, batches: usize, initial: &[(i64, i64)]| {
        let test = going_on(dir.path(), begun, &[]);
        let ones = test.context().stream_by_time(|_| vec![(0, 1)]);
        let add =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
        let initial = test.context().context().parallelize(initial.to_vec(), 1);
        let spec = UpdateStateSpec::function(add).initial_state(&initial);
        let sums = ones.update_state_by_key_with(spec);
        test.collect(&sums.window(seconds(5), None));
        let shown = test.collect(&sums);
        test.run(batches);
        shown.batches().pop().unwrap()
    };
    assert_eq!(life(0, 3, &[(0, 100)]), [(0, 103)]);
    // The program is begun anew without it: the checkpoint has it.
    assert_eq!(life(3, 1, &[]), [(0, 104)]);
    assert_eq!(life(4, 1, &[]), [(0, 105)]);
}

/// What a process shows of a state over what another one, or a window over it, shows; in the
/// batches that it runs after some that were run before.
fn over_another(
    dir: &TempDir,
    (begun, until): (usize, usize),
    looks_back: u64,
    fails: bool,
) -> Option<i64> {
    let settings = [
        ("streaming.on_failure", "continue"),
        ("streaming.checkpoint.interval", "1s"),
    ];
    let test = going_on(dir.path(), begun, &settings);
    let first = sums(&test.context().source_stream(Seconds));
    let read = match looks_back {
        1 => first,
        more => first.window(seconds(more), None),
    };
    let add = move |new: Vec<i64>, old: Option<i64>| {
        assert!(!fails, "not now");
        Some(old.unwrap_or(0) + new.iter().sum::<i64>())
    };
    let second = read
        .map(|sum| ((), sum))
        .update_state_by_key_partitioned(add, Partitioning::from(1))
        .named("second");
    let shown = test.collect(&second.map(|(_, sum)| sum));
    // What fails is told, and nothing shown.
    (begun..until).for_each(|_| drop(test.try_run(1)));
    shown.batches().pop().map(|batch| batch[0])
}

#[test]
fn a_state_that_is_behind_takes_in_what_another_one_gave_it_after_restarts() {
    // The sums of the first numbers, and the sums of these.
    let sum = |second: i64| second * (second + 1) / 2;
    for looks_back in [1, 3] {
        let dir = tempfile::tempdir().unwrap();
        let of_window = |second: i64| {
            let first = (second - looks_back as i64 + 1).max(1);
            (first..=second).map(sum).sum::<i64>()
        };
        let expected = |until: i64| Some((1..=until).map(of_window).sum::<i64>());
        let life = |(begun, until), fails| over_another(&dir, (begun, until), looks_back, fails);
        assert_eq!(life((0, 3), false), expected(3));
        assert_eq!(life((3, 10), true), None);
        assert_eq!(life((10, 10), false), None);
        assert_eq!(life((10, 15), true), None);
        assert_eq!(life((15, 17), false), expected(17), "{looks_back}");
        assert_eq!(life((17, 18), false), expected(18), "{looks_back}");
    }
}
