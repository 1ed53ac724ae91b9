//! Output operations: their order, their failures, and what they print.

mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, mpsc::sync_channel};
use std::time::Duration;

use headwater_core::Error;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{
    BatchInfo, DStream, OutputId, OutputInfo, StreamError, StreamingListener,
};
use parking_lot::Mutex;
use probe::{Log, Told, record, second, stream, texts};

/// Each batch has its time as its only record.
fn ticks(test: &TestStream) -> DStream<i64> {
    test.context().stream_by_time(|time| vec![time.as_millis()])
}

/// An output that logs its batches and fails those of the given times.
#[track_caller]
fn log_or_fail(
    stream: &DStream<i64>,
    name: &'static str,
    log: &Log<String>,
    failing: &'static [i64],
) -> OutputId {
    let log = log.clone();
    stream.foreach_rdd(move |_, time| {
        let seconds = time.as_millis() / 1000;
        log.push(format!("{name}{seconds}"));
        if failing.contains(&seconds) {
            Err(format!("{name} does not like {seconds}"))
        } else {
            Ok(())
        }
    })
}

fn error_of(test: &TestStream) -> StreamError {
    test.context().await_termination().expect_err("it failed")
}

#[test]
fn outputs_run_in_the_order_of_registration() {
    let test = stream(&[]);
    let (base, log) = (ticks(&test), Log::new());
    let ids = ["a", "b", "c"].map(|name| log_or_fail(&base, name, &log, &[]));
    test.run(3);
    assert_eq!(ids.map(OutputId::index), [0, 1, 2]);
    let expected = ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"];
    assert_eq!(log.entries(), expected);
}

#[test]
fn a_failed_batch_stops_the_stream() {
    let test = stream(&[]);
    let (base, log) = (ticks(&test), Log::new());
    log_or_fail(&base, "a", &log, &[]);
    let id = log_or_fail(&base, "b", &log, &[2, 3]);
    let line = line!() - 1;
    assert!(test.try_run(5).is_err());
    assert!(test.try_run(2).is_err());
    assert_eq!(log.entries(), ["a1", "b1", "a2", "b2"]);
    let StreamError::Output {
        time,
        output,
        site,
        message,
    } = error_of(&test)
    else {
        panic!("{}", error_of(&test));
    };
    assert_eq!((time, output), (second(2), id.index()));
    assert_eq!(
        (site.operator(), site.location().line()),
        ("foreach_rdd", line)
    );
    assert_eq!(message, "b does not like 2");
    let text = error_of(&test).to_string();
    for part in [
        "batch 2000 ms",
        "output 1",
        &format!("outputs.rs:{line}"),
        "does not like",
    ] {
        assert!(text.contains(part), "{text}");
    }
    // It stays, for everybody and for ever.
    let zero = Duration::ZERO;
    assert!(test.context().await_termination_or_timeout(zero).is_err());
    let stopped = test.context().stop(false, true);
    assert_eq!(stopped.unwrap_err().to_string(), text);
    assert_eq!(error_of(&test).to_string(), text);
}

#[test]
fn a_stream_may_go_on_after_failed_batches() {
    let test = stream(&[("streaming.on_failure", "continue")]);
    let (base, log) = (ticks(&test), Log::new());
    log_or_fail(&base, "a", &log, &[1, 3]);
    log_or_fail(&base, "b", &log, &[1]);
    let failures = Failures::of(&test);
    test.run(4);
    let expected = ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"];
    assert_eq!(log.entries(), expected);
    let expected = [
        (1000, 0, "a does not like 1"),
        (1000, 1, "b does not like 1"),
        (3000, 0, "a does not like 3"),
    ];
    assert_eq!(
        failures.seen(&test),
        expected.map(|(t, o, m)| (t, o, m.to_owned()))
    );
    test.context().stop(false, true).unwrap();
    test.context().await_termination().unwrap();
}

#[test]
fn a_failed_batch_is_finished_and_told() {
    let test = stream(&[]);
    let (base, log) = (ticks(&test), Log::new());
    log_or_fail(&base, "a", &log, &[2]);
    log_or_fail(&base, "b", &log, &[]);
    let events = record(test.context());
    assert!(test.try_run(3).is_err());
    // What the second batch had to do otherwise is done, and its end is told.
    assert_eq!(log.entries(), ["a1", "b1", "a2", "b2"]);
    test.context().context().events().flush();
    let texts = texts(&events.entries());
    assert!(
        texts.iter().any(|text| text == "completed 2000"),
        "{texts:?}"
    );
}

#[test]
fn what_waits_behind_a_failure_is_told_as_dropped_at_once() {
    let test = stream(&[]);
    let events = record(test.context());
    let (fail, failing) = sync_channel::<()>(0);
    let failing = Mutex::new(failing);
    ticks(&test).foreach_rdd(move |_, _| {
        // Until the others wait.
        failing.lock().recv().unwrap();
        Err::<(), _>("it fails")
    });
    test.try_run(0).unwrap();
    test.clock().advance(seconds(3));
    let told = |text| move |told: &[Told]| texts(told).iter().any(|one| one == text);
    events.wait_for(told("submitted 3000"));
    fail.send(()).unwrap();
    // Nobody stops the stream.
    let told = texts(&events.wait_for(told("completed 1000")));
    let dropped: Vec<_> = told
        .iter()
        .filter(|one| one.starts_with("dropped"))
        .collect();
    assert_eq!(dropped, ["dropped 2000", "dropped 3000"]);
    assert!(!told.contains(&"stopped".to_owned()));
}

/// The failures of outputs: batch time in ms, output, message.
#[derive(Clone, Default)]
struct Failures(Arc<Mutex<Vec<(i64, usize, String)>>>);

impl Failures {
    fn of(test: &TestStream) -> Self {
        let failures = Failures::default();
        test.context().add_listener(failures.clone());
        failures
    }

    fn seen(&self, test: &TestStream) -> Vec<(i64, usize, String)> {
        test.context().context().events().flush();
        self.0.lock().clone()
    }
}

impl StreamingListener for Failures {
    fn on_output_completed(&mut self, output: &OutputInfo) {
        if let Some(failure) = &output.failure {
            let failure = (
                output.time.as_millis(),
                output.id.index(),
                failure.to_string(),
            );
            self.0.lock().push(failure);
        }
    }
}

#[test]
fn a_failed_output_is_tried_again() {
    for attempts in [2, 3] {
        let text = attempts.to_string();
        let test = stream(&[("streaming.output.attempts", &text)]);
        let (base, log) = (ticks(&test), Log::new());
        let tries = AtomicU32::new(0);
        let seen = log.clone();
        base.foreach_rdd(move |rdd, _| {
            let records = rdd.collect().map_err(|error| error.to_string())?;
            seen.push(format!("{records:?}"));
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Err("the first try"),
                1 => panic!("the second try"),
                _ => Ok(()),
            }
            .map_err(str::to_owned)
        });
        log_or_fail(&base, "after", &log, &[]);
        let result = test.try_run(1);
        if attempts == 3 {
            result.unwrap();
            assert_eq!(log.entries(), ["[1000]", "[1000]", "[1000]", "after1"]);
        } else {
            let text = result.unwrap_err().to_string();
            assert!(text.contains("the second try"), "{text}");
            assert_eq!(log.entries(), ["[1000]", "[1000]", "after1"]);
        }
    }
}

#[test]
fn panics_name_the_operator_that_they_came_from() {
    let test = stream(&[]);
    let line = line!() + 1;
    let bad = ticks(&test).map(|n| if n == 1000 { panic!("bad record") } else { n });
    let out = test.collect(&bad);
    assert!(test.try_run(1).is_err());
    let text = error_of(&test).to_string();
    for part in [
        "batch 1000 ms",
        "map at",
        &format!("outputs.rs:{line}"),
        "bad record",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(out.batches().is_empty());
}

#[test]
fn what_cannot_be_planned_fails_only_what_needs_it() {
    let test = stream(&[("streaming.on_failure", "continue")]);
    let (base, log) = (ticks(&test), Log::new());
    let line = line!() + 1;
    let bad = base.transform(|rdd, time| {
        assert_ne!(time, Time::from_millis(2000), "not at two");
        rdd.map(|n| n + 1)
    });
    log_or_fail(&base, "before", &log, &[]);
    let first = test.collect(&bad);
    let second = test.collect(&bad.map(|n| n * 2).union(&base));
    log_or_fail(&base, "after", &log, &[]);
    let failures = Failures::of(&test);
    test.run(3);
    let expected = [
        "before1", "after1", "before2", "after2", "before3", "after3",
    ];
    assert_eq!(log.entries(), expected);
    assert_eq!(first.batches(), [[1001], [3001]]);
    assert_eq!(second.batches(), [[2002, 1000], [6002, 3000]]);
    let failures = failures.seen(&test);
    let whose: Vec<_> = failures
        .iter()
        .map(|(time, output, _)| (*time, *output))
        .collect();
    assert_eq!(whose, [(2000, 1), (2000, 2)]);
    let (_, _, message) = &failures[0];
    for part in ["transform at", &format!("outputs.rs:{line}"), "not at two"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn the_console_shows_the_first_records() {
    let rule = "-".repeat(43);
    let head = |second: i64| format!("{rule}\nTime: {second}000 ms\n{rule}\n");
    let test = stream(&[]);
    let batches = vec![(1..=10).collect(), (1..=11).collect(), vec![]];
    test.input(batches).print();
    test.run(3);
    let ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    let expected = format!("{}{ten}\n{}{ten}...\n\n{}\n", head(1), head(2), head(3));
    assert_eq!(test.console(), expected);

    let test = stream(&[]);
    let pairs = test.input(vec![vec![("a", Some(1)), ("b", None)], vec![]]);
    pairs.print_n(0);
    pairs.print_n(1);
    pairs.print_n(usize::MAX);
    test.run(2);
    let first = format!(
        "{0}...\n\n{0}(a,Some(1))\n...\n\n{0}(a,Some(1))\n(b,None)\n\n",
        head(1)
    );
    assert_eq!(test.console(), first + &format!("{0}\n", head(2)).repeat(3));
}

#[test]
fn outputs_overlap_when_they_may() {
    let test = stream(&[("streaming.concurrent_jobs", "2")]);
    let together = Arc::new(Barrier::new(2));
    let base = ticks(&test);
    let log = Log::new();
    for _ in 0..2 {
        let (together, log) = (together.clone(), log.clone());
        base.foreach_rdd(move |rdd, _| {
            // One alone would wait here for ever.
            together.wait();
            log.extend(rdd.collect()?);
            Ok::<_, Error>(())
        });
    }
    test.run(3);
    assert_eq!(log.entries(), [1000, 1000, 2000, 2000, 3000, 3000]);
}

#[test]
fn batches_overlap_when_they_may() {
    let test = stream(&[("streaming.concurrent_jobs", "2")]);
    let (second_runs, wait_second) = sync_channel(1);
    let wait_second = parking_lot::Mutex::new(wait_second);
    let out = Log::new();
    let log = out.clone();
    ticks(&test).foreach_rdd(move |rdd, time| {
        // The first batch ends only when the second one runs.
        if time == second(1) {
            wait_second.lock().recv().unwrap();
        } else {
            second_runs.send(()).unwrap();
        }
        log.extend(rdd.collect()?);
        Ok::<_, Error>(())
    });
    test.context().start().unwrap();
    test.clock().advance(seconds(2));
    let mut both = out.wait_for(|records| records.len() == 2);
    both.sort_unstable();
    assert_eq!(both, [1000, 2000]);
}

/// Sends the time of each batch that is done.
struct Done(std::sync::mpsc::SyncSender<Time>);

impl StreamingListener for Done {
    fn on_batch_completed(&mut self, batch: &BatchInfo) {
        self.0.send(batch.time).expect("the test listens");
    }
}

#[test]
fn what_an_older_batch_still_uses_is_kept() {
    let test = stream(&[("streaming.concurrent_jobs", "2")]);
    let numbers = test.input(vec![vec![1], vec![2], vec![3]]);
    let (to_done, done) = sync_channel(8);
    let (to_seen, seen) = sync_channel(8);
    test.context().add_listener(Done(to_done));
    let (done, sliced) = (Mutex::new(done), numbers.clone());
    numbers.foreach_rdd(move |_, time| {
        if time == second(1) {
            // The first batch ends after the second one.
            while done.lock().recv().expect("batches end") < second(2) {}
            let own = sliced
                .slice(time, time)
                .map_err(|error| error.to_string())?;
            let own = own
                .iter()
                .map(|rdd| rdd.collect().map_err(|error| error.to_string()));
            to_seen
                .send(own.collect::<Result<Vec<_>, _>>()?)
                .expect("the test listens");
        }
        Ok::<_, String>(())
    });
    test.context().start().unwrap();
    test.clock().advance(seconds(2));
    assert_eq!(seen.recv().unwrap(), [[1]]);
}

#[test]
fn batches_that_are_ahead_of_an_old_one_count_among_those_that_wait() {
    let settings = [
        ("streaming.concurrent_jobs", "2"),
        ("streaming.waiting_batches_max", "3"),
    ];
    let test = stream(&settings);
    let (release, wait_release) = sync_channel::<()>(1);
    let wait_release = Mutex::new(wait_release);
    let log = Log::new();
    let to = log.clone();
    ticks(&test).foreach_rdd(move |_, time| {
        if time == second(1) {
            wait_release.lock().recv().expect("the test releases it");
        }
        to.push(time);
    });
    let (to_done, done) = sync_channel(64);
    test.context().add_listener(Done(to_done));
    let events = record(test.context());
    test.context().start().unwrap();
    test.clock().advance(seconds(20));
    for batch in 2..=3 {
        assert_eq!(done.recv().unwrap(), second(batch));
    }
    test.context().context().events().flush();
    let is_submitted = |told: &&Told| matches!(told, Told::Submitted(_));
    assert_eq!(events.entries().iter().filter(is_submitted).count(), 3);
    release.send(()).unwrap();
    assert_eq!(log.wait_for(|times| times.len() == 20).len(), 20);
}

#[test]
fn an_output_that_a_stop_cancels_is_not_told_as_done() {
    let test = stream(&[]);
    let (entered, wait_entered) = sync_channel(1);
    ticks(&test).foreach_rdd(move |rdd, _| {
        entered.send(()).expect("the test waits");
        // Never done, unless it is cancelled.
        rdd.flat_map(|_| 0_u64..).count().map(drop)
    });
    let failures = Failures::of(&test);
    test.context().start().unwrap();
    test.clock().advance(seconds(1));
    wait_entered.recv().unwrap();
    test.context().stop(false, false).unwrap();
    test.context().await_termination().unwrap();
    let [(batch, _, why)] = failures.seen(&test).try_into().unwrap();
    assert!(batch == 1000 && why.contains("cancel"), "{why}");
}
