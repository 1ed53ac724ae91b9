//! What happens when closures panic, jobs are cancelled and shuffle output gets lost.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};

use headwater_core::events::Event;
use headwater_core::{Accumulator, Conf, Context, Error, FoldedPart, Rdd, TaskError};

fn context(master: &str) -> Context {
    Context::new(Conf::new().master(master)).expect("the master is well formed")
}

/// A context that hands all shuffle output over to its first reader.
fn forgetful(master: &str) -> Context {
    let conf = Conf::new().master(master).set("shuffle.keep", "0b");
    Context::new(conf).expect("the configuration is well formed")
}

/// Counts the submitted stages that end in `operator`.
fn count_stages(ctx: &Context, operator: &'static str) -> Arc<AtomicUsize> {
    let stages = Arc::new(AtomicUsize::new(0));
    let seen = stages.clone();
    ctx.events().add(move |event: &Event| {
        if let Event::StageSubmitted(stage) = event
            && stage.site.operator() == operator
        {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    stages
}

/// How often each of `keys` numbers below `numbers` occurs modulo `keys`, and how often a
/// record was computed for that.
fn reduced(ctx: &Context, numbers: i64, keys: i64) -> (Rdd<(i64, i64)>, Arc<AtomicUsize>) {
    let computed = Arc::new(AtomicUsize::new(0));
    let count = computed.clone();
    let pairs = ctx.range(0..numbers, 1, 4).map(move |n| {
        count.fetch_add(1, Ordering::Relaxed);
        (n % keys, 1)
    });
    (pairs.reduce_by_key_partitioned(|a, b| a + b, 3), computed)
}

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort();
    records
}

#[test]
fn a_panic_names_operator_and_place_and_leaves_the_context_usable() {
    let ctx = context("local[2]");
    let numbers = ctx.parallelize(vec![1, 2, 3], 2).filter(|_| true);
    let operator = line!() + 1;
    let bad = numbers.map(|n| {
        assert_ne!(n, 3, "three is too many");
        n
    });
    let error = bad.collect().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!("map at {}:{operator} ", file!())),
        "{text}"
    );
    assert!(
        text.contains(&format!("panicked at {}:{}:", file!(), operator + 1)),
        "{text}"
    );
    assert!(text.contains("three is too many"), "{text}");
    let Error::Job(job) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (job.partition, job.attempts, job.action.operator()),
        (1, 1, "collect")
    );
    assert!(
        matches!(&job.cause, TaskError::Panic { operator: Some(site), place: Some(_), .. }
        if *site == bad.site())
    );
    assert_eq!(numbers.collect().unwrap(), [1, 2, 3]);
}

#[test]
fn the_closure_of_an_action_and_of_a_shuffle_are_named_too() {
    let ctx = context("local[2]");
    let numbers = ctx.range(0..10, 1, 2);
    let text = numbers
        .for_each(|n| assert!(n < 5, "too large"))
        .unwrap_err()
        .to_string();
    assert!(text.contains("the closure of for_each at "), "{text}");
    let pairs = numbers.map(|n| (n % 2, n));
    let sums = pairs.reduce_by_key(|_, _| panic!("cannot add"));
    let text = sums.count().unwrap_err().to_string();
    assert!(text.contains("the closure of reduce_by_key at "), "{text}");
    let text = pairs
        .lookup(&1)
        .map(|_| ())
        .and(numbers.fold(0, |_, _| panic!("no fold")));
    assert!(
        text.unwrap_err()
            .to_string()
            .contains("the closure of fold at ")
    );
}

#[test]
fn a_panic_while_the_driver_merges_is_an_error_as_well() {
    let ctx = context("local[2]");
    // One record in each partition: the tasks have nothing to reduce.
    let numbers = ctx.range(0..2, 1, 2);
    let line = line!() + 1;
    let error = numbers.reduce(|_, _| panic!("cannot merge")).unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Driver {
                cause: TaskError::Panic { .. }
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains(&format!("reduce at {}:{line} panicked at ", file!())),
        "{text}"
    );
    assert!(text.contains("cannot merge (on the driver"), "{text}");
    assert_eq!(ctx.range(0..2, 1, 2).count().unwrap(), 2);
}

#[test]
fn a_destroyed_broadcast_fails_the_task_that_reads_it() {
    let ctx = context("local[2]");
    let factor = ctx.broadcast(2);
    let shared = factor.clone();
    let operator = line!() + 1;
    let scaled = ctx.parallelize(vec![1, 2], 1).map(move |n| n * *shared);
    assert_eq!(scaled.collect().unwrap(), [2, 4]);
    factor.unpersist();
    assert_eq!(scaled.collect().unwrap(), [2, 4]);
    factor.destroy();
    let text = scaled.collect().unwrap_err().to_string();
    let id = factor.id();
    let what = format!("Attempted to use Broadcast({id}) after it was destroyed (destroy at ");
    assert!(text.contains(&what), "{text}");
    assert!(
        text.contains(&format!("panicked at {}:{operator}:", file!())),
        "{text}"
    );
    let text = factor.try_value().unwrap_err().to_string();
    assert!(text.contains(&what), "{text}");
}

/// The name of a variable that tells the test below that it is the child process.
const CHILD: &str = "HEADWATER_TEST_PANICS_IN_TASKS";

#[test]
fn only_panics_outside_tasks_print_something() {
    if std::env::var_os(CHILD).is_some() {
        let ctx = context("local[2,2]");
        let failing = ctx.range(0..4, 1, 2).map(|n| assert_eq!(n, 9));
        assert!(failing.count().is_err());
        let merging = ctx.range(0..2, 1, 2).reduce(|_, _| panic!("merging"));
        assert!(merging.is_err());
        let outside = std::thread::spawn(|| panic!("on a thread of the program")).join();
        assert!(outside.is_err());
        return;
    }
    let me = std::env::current_exe().unwrap();
    let child = Command::new(me)
        .args([
            "--exact",
            "only_panics_outside_tasks_print_something",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    assert!(child.status.success(), "{out}{err}");
    assert!(out.contains("1 passed"), "{out}");
    assert_eq!(err.matches("panicked at").count(), 1, "{err}");
    assert!(err.contains("on a thread of the program"), "{err}");
}

#[test]
fn a_task_that_fails_twice_succeeds_at_the_third_try_and_counts_once() {
    let ctx = context("local[2,3]");
    let (records, tries) = (
        ctx.long_accumulator("records"),
        Arc::new(AtomicUsize::new(0)),
    );
    let attempts = Arc::new(AtomicUsize::new(0));
    let most = attempts.clone();
    ctx.events().add(move |event: &Event| {
        if let Event::TaskEnded(task) = event {
            most.fetch_max(task.attempt as usize, Ordering::Relaxed);
        }
    });
    let (count, tried) = (records.clone(), tries.clone());
    let flaky = ctx.range(0..10, 1, 2).map(move |n| {
        count.add(1);
        assert!(
            n != 7 || tried.fetch_add(1, Ordering::Relaxed) >= 2,
            "not yet"
        );
        n
    });
    assert_eq!(flaky.collect().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!((records.value(), tries.load(Ordering::Relaxed)), (10, 3));
    ctx.events().flush();
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[test]
fn a_task_that_always_fails_is_tried_as_often_as_configured() {
    let ctx = context("local[2,3]");
    let records = ctx.long_accumulator("records");
    let count = records.clone();
    let bad = ctx.range(0..10, 1, 1).map(move |n| {
        count.add(1);
        assert!(n < 7, "never");
    });
    let error = bad.count().unwrap_err();
    assert!(error.to_string().contains("tried 3 times"), "{error}");
    assert_eq!(records.value(), 0, "failed tasks do not count");
}

#[test]
fn a_closure_that_merges_may_add_to_other_accumulators() {
    let ctx = context("local[2]");
    let merges = ctx.long_accumulator("merges");
    let count = merges.clone();
    let sum = ctx.accumulator("sum", 0_i64, move |total, part| {
        count.add(1);
        *total += part;
    });
    let add = sum.clone();
    ctx.range(0..10, 1, 2)
        .for_each(move |n| add.add(n))
        .unwrap();
    assert_eq!(sum.value(), 45);
    // One for each record, and one for each task on the driver.
    assert_eq!(merges.value(), 12);
}

#[test]
fn a_closure_that_merges_may_add_to_its_own_accumulator() {
    let ctx = context("local[1]");
    let own = Arc::new(OnceLock::<Accumulator<FoldedPart<i64>>>::new());
    let again = own.clone();
    let sum = ctx.accumulator("sum", 0_i64, move |total, part| {
        if part == 7 {
            again.get().expect("it is set before the job").add(100);
        }
        *total += part;
    });
    assert!(own.set(sum.clone()).is_ok());
    let add = sum.clone();
    ctx.parallelize(vec![7, 8], 1)
        .for_each(move |n| add.add(n))
        .unwrap();
    assert_eq!(sum.value(), 115);
}

#[test]
fn an_action_inside_a_closure_is_refused() {
    let ctx = context("local[1]");
    let inner = ctx.range(0..3, 1, 1);
    let calls = [
        ctx.range(0..1, 1, 1).map({
            let inner = inner.clone();
            move |_| inner.count().unwrap()
        }),
        ctx.range(0..1, 1, 1)
            .map(move |_| inner.take(0).unwrap().len() as u64),
    ];
    for outer in calls {
        let text = outer.collect().unwrap_err().to_string();
        assert!(
            text.contains("inside a closure that runs in a task")
                && text.contains("the closure of map at "),
            "{text}"
        );
    }
    assert_eq!(ctx.range(0..3, 1, 1).count().unwrap(), 3);
}

#[test]
fn a_mistake_of_building_is_reported_by_whatever_action_with_its_line() {
    let ctx = context("local[1]");
    let line = line!() + 1;
    let bad = ctx.parallelize(vec![(1, 2)], 0).filter(|_| true);
    let place = format!("parallelize at {}:{line}: 0 slices", file!());
    let errors = [
        bad.collect().err(),
        bad.take(0).err(),
        bad.first().err(),
        bad.is_empty().err(),
        bad.top(0).err(),
        bad.lookup(&1).err(),
        bad.values().sum().err(),
        bad.count_by_key().err(),
    ];
    for error in errors {
        let text = error.unwrap().to_string();
        assert!(text.starts_with(&place), "{text}");
    }
    let pairs = ctx.parallelize(vec![(1, 2)], 1);
    let line = line!() + 1;
    let bad = pairs.reduce_by_key_partitioned(|a, b| a + b, 0);
    let text = bad.map(|pair| pair).count().unwrap_err().to_string();
    let place = format!("reduce_by_key at {}:{line}: 0 partitions", file!());
    assert!(text.starts_with(&place), "{text}");
}

#[test]
fn a_job_is_cancelled_by_its_group_from_another_thread() {
    let ctx = context("local[2]");
    let (started, has_started) = sync_channel(1);
    let endless = ctx.range(0..i64::MAX, 1, 2).filter(move |_| {
        // Full after the first record, which is all that the other side waits for.
        let _ = started.try_send(());
        true
    });
    let runner = ctx.clone();
    let job = std::thread::spawn(move || {
        runner.with_job_group("nightly", "counts for ever", || endless.count())
    });
    has_started.recv().unwrap();
    ctx.cancel_job_group("hourly");
    ctx.cancel_job_group("nightly");
    let error = job.join().unwrap().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(error.to_string().contains("was cancelled"), "{error}");
    assert_eq!(ctx.range(0..3, 1, 2).count().unwrap(), 3);
}

/// Cancels a job by its group once the closure that it is made with was called.
fn cancel_once_called<T: Clone + Send + Sync + 'static>(
    build: impl FnOnce(Rdd<i64>, Box<dyn Fn() + Send + Sync>) -> Rdd<T>,
) {
    let ctx = context("local[1]");
    let (called, was_called) = sync_channel(1);
    let endless = build(
        ctx.parallelize(vec![0], 1),
        Box::new(move || {
            let _ = called.try_send(());
        }),
    );
    let runner = ctx.clone();
    let job = std::thread::spawn(move || runner.with_job_group("endless", "", || endless.count()));
    was_called.recv().unwrap();
    ctx.cancel_job_group("endless");
    assert!(job.join().unwrap().unwrap_err().is_cancelled());
    // The slot is free again.
    assert_eq!(ctx.range(0..3, 1, 1).count().unwrap(), 3);
}

#[test]
fn a_task_that_makes_records_without_end_from_one_can_be_cancelled() {
    cancel_once_called(|one, called| {
        one.flat_map(move |_| {
            called();
            0..u64::MAX
        })
    });
    cancel_once_called(|one, called| {
        one.flat_map_into(move |_, out| {
            called();
            out.extend(0..u64::MAX);
        })
    });
    cancel_once_called(|one, called| {
        one.key_by(|n| *n).flat_map_values(move |_| {
            called();
            0..u64::MAX
        })
    });
    cancel_once_called(|one, called| {
        one.map_partitions(move |_| {
            called();
            0..u64::MAX
        })
    });
}

#[test]
fn stopping_the_context_cancels_its_jobs() {
    let ctx = context("local[1]");
    let (started, has_started) = sync_channel(1);
    let endless = ctx.range(0..i64::MAX, 1, 1).filter(move |_| {
        let _ = started.try_send(());
        true
    });
    let job = std::thread::spawn(move || endless.count());
    has_started.recv().unwrap();
    ctx.stop();
    assert!(job.join().unwrap().unwrap_err().is_cancelled());
    let late = ctx.range(0..3, 1, 1);
    assert!(matches!(late.count(), Err(Error::Stopped { .. })));
    assert!(matches!(late.take(0), Err(Error::Stopped { .. })));
}

#[test]
fn a_kept_shuffle_runs_its_map_stage_once() {
    let ctx = context("local[2]");
    let stages = count_stages(&ctx, "reduce_by_key");
    let (counts, computed) = reduced(&ctx, 1000, 10);
    let first = sorted(counts.collect().unwrap());
    assert_eq!(first, (0..10).map(|key| (key, 100)).collect::<Vec<_>>());
    assert_eq!(sorted(counts.collect().unwrap()), first);
    assert_eq!(counts.count().unwrap(), 10);
    ctx.events().flush();
    assert_eq!(stages.load(Ordering::Relaxed), 1);
    assert_eq!(computed.load(Ordering::Relaxed), 1000);
}

#[test]
fn a_shuffle_that_was_handed_over_is_computed_again() {
    let ctx = forgetful("local[2]");
    let (counts, computed) = reduced(&ctx, 1000, 10);
    let first = sorted(counts.collect().unwrap());
    assert_eq!(computed.load(Ordering::Relaxed), 1000);
    assert_eq!(sorted(counts.collect().unwrap()), first);
    assert_eq!(computed.load(Ordering::Relaxed), 2000);
    // What a partial reader left, and what it took, are told apart.
    assert_eq!(counts.first().unwrap().1, 100);
    assert_eq!(sorted(counts.collect().unwrap()), first);
}

#[test]
fn a_shuffle_that_one_job_reads_twice_is_right_and_computed_once() {
    let ctx = forgetful("local[2]");
    let (counts, computed) = reduced(&ctx, 40_000, 20_000);
    let twice = sorted(counts.union(&counts).collect().unwrap());
    let expected = (0..40_000).map(|n| (n / 2, 2)).collect::<Vec<_>>();
    assert_eq!(twice, expected);
    assert_eq!(computed.load(Ordering::Relaxed), 40_000);

    let (counts, computed) = reduced(&ctx, 40_000, 20_000);
    let joined = sorted(
        counts
            .join(&counts.map_values(|n| n * 10))
            .collect()
            .unwrap(),
    );
    assert_eq!(
        joined,
        (0..20_000).map(|key| (key, (2, 20))).collect::<Vec<_>>()
    );
    assert_eq!(computed.load(Ordering::Relaxed), 40_000);
}

#[test]
fn a_task_that_fails_after_it_took_its_shuffle_input_is_tried_again() {
    let ctx = forgetful("local[2,3]");
    let (counts, _) = reduced(&ctx, 1000, 10);
    let tries = Arc::new(AtomicUsize::new(0));
    let flaky = counts.map_partitions(move |records| {
        assert!(
            tries.fetch_add(1, Ordering::Relaxed) != 1,
            "the second call fails"
        );
        records
    });
    let all = sorted(flaky.collect().unwrap());
    assert_eq!(all, (0..10).map(|key| (key, 100)).collect::<Vec<_>>());
}
