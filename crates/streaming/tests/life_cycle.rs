//! The life of a streaming context: start, stop, and everything that comes at the wrong time.

mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use headwater_core::{Context, Error, StorageLevel};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, millis, seconds};
use headwater_streaming::{
    BatchInfo, DStream, InputSource, SourceBatch, StreamError, StreamingContext, StreamingListener,
    StreamingState,
};
use probe::{Log, Start, context, record, stream, texts};

#[track_caller]
fn numbers(ssc: &StreamingContext) -> DStream<i64> {
    ssc.stream_by_time(|time| vec![time.as_millis()])
}

/// The lines of this file that an error of the graph names.
#[expect(clippy::panic, reason = "another error fails the test")]
fn lines(error: &StreamError) -> Vec<u32> {
    let StreamError::Graph(mistakes) = error else {
        panic!("{error}");
    };
    for mistake in mistakes {
        assert!(mistake.site.location().file().ends_with("life_cycle.rs"));
    }
    let line = |mistake: &headwater_streaming::Mistake| mistake.site.location().line();
    mistakes.iter().map(line).collect()
}

#[test]
fn nothing_to_run_is_refused() {
    let test = stream(&[]);
    let ssc = test.context();
    let _unused = numbers(ssc).map(|n| n + 1);
    let error = ssc.start().unwrap_err().to_string();
    assert!(error.contains("no output operation"), "{error}");
    assert_eq!(ssc.state(), StreamingState::Stopped);
    // Whoever waits all the same is told, and does not wait for ever.
    let error = ssc.await_termination().unwrap_err().to_string();
    assert!(error.contains("no output operation"), "{error}");
    let error = ssc.start().unwrap_err().to_string();
    assert!(error.contains("stopped cannot be started again"), "{error}");
}

#[test]
fn impossible_batch_durations_are_refused() {
    let ctx = Context::local(1).unwrap();
    let durations = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_micros(1500),
        Duration::MAX,
    ];
    for batch in durations {
        let error = StreamingContext::new(&ctx, batch).unwrap_err().to_string();
        assert!(error.contains("batch duration"), "{error}");
    }
    assert!(StreamingContext::new(&ctx, millis(1)).is_ok());
}

#[test]
fn a_second_start_changes_nothing() {
    let test = stream(&[]);
    let out = test.collect(&numbers(test.context()));
    test.run(1);
    test.context().start().unwrap();
    assert_eq!(test.context().state(), StreamingState::Active);
    test.run(1);
    assert_eq!(out.batches(), [[1000], [2000]]);
}

#[test]
fn a_stopped_stream_stays_stopped() {
    let test = stream(&[]);
    let ssc = test.context();
    let out = test.collect(&numbers(ssc));
    test.run(1);
    ssc.stop(false, false).unwrap();
    ssc.stop(false, true).unwrap();
    assert!(ssc.start().is_err());
    assert_eq!(ssc.state(), StreamingState::Stopped);
    assert!(ssc.await_termination_or_timeout(Duration::MAX).unwrap());
    test.clock().advance(seconds(5));
    assert_eq!(out.batches(), [[1000]]);
    assert!(!ssc.context().is_stopped());
    ssc.stop(true, false).unwrap();
    assert!(ssc.context().is_stopped());
}

#[test]
fn a_stop_before_the_start_is_final() {
    let test = stream(&[]);
    let ssc = test.context();
    let out = test.collect(&numbers(ssc));
    ssc.stop(false, true).unwrap();
    ssc.await_termination().unwrap();
    assert!(ssc.start().is_err());
    assert!(out.batches().is_empty());
}

#[test]
fn every_mistake_is_reported_at_once() {
    let test = stream(&[]);
    let ssc = test.context();
    let base = numbers(ssc).named("base");
    let first = line!() + 1;
    base.window(millis(1500), seconds(1)).print();
    base.window(seconds(2), Duration::ZERO).print();
    base.union(&base.window(seconds(4), seconds(2))).print();
    base.union(&numbers(stream(&[]).context())).print();
    ssc.union::<i64>(&[]).print();
    let _again = numbers(ssc).named("base");
    let error = ssc.start().unwrap_err();
    assert_eq!(lines(&error), (first..first + 6).collect::<Vec<_>>());
    let text = error.to_string();
    assert!(text.starts_with("6 mistakes:\n"), "{text}");
    assert!(text.contains("1000 ms or 2000 ms"), "{text}");
    assert!(text.contains("`base`"), "{text}");
    assert_eq!(ssc.state(), StreamingState::Stopped);
}

#[test]
fn what_comes_after_the_start_is_refused_and_harms_nothing() {
    let test = stream(&[]);
    let ssc = test.context();
    let base = numbers(ssc);
    let out = test.collect(&base);
    test.run(1);
    let late_runs = Arc::new(AtomicUsize::new(0));
    let runs = late_runs.clone();
    let told = |line: u32| {
        let error = ssc.await_termination().unwrap_err();
        assert_eq!(lines(&error).last(), Some(&line));
        assert!(error.to_string().contains("after start()"), "{error}");
        assert_eq!(ssc.state(), StreamingState::Active);
    };
    base.foreach_rdd(move |_, _| {
        runs.fetch_add(1, Ordering::Relaxed);
    });
    told(line!() - 3);
    let mapped = base.map(|n| n + 1);
    told(line!() - 1);
    mapped.print();
    told(line!() - 1);
    let received = ssc.receiver_stream(Start::<i64>::new(|ctx| {
        ctx.store(1).map_err(|error| error.to_string())
    }));
    told(line!() - 3);
    received.print();
    told(line!() - 1);
    let _socket = ssc.socket_text_stream("localhost", 1);
    told(line!() - 1);
    let _kept = base.persist(StorageLevel::MEMORY_ONLY);
    told(line!() - 1);
    let log = record(ssc);
    // The error is there already, so that each run returns it; the batches are done.
    (0..2).for_each(|_| assert!(test.try_run(1).is_err()));
    ssc.context().events().flush();
    assert_eq!(out.batches(), [[1000], [2000], [3000]]);
    assert_eq!(late_runs.load(Ordering::Relaxed), 0);
    let outputs = texts(&log.entries())
        .into_iter()
        .filter(|text| text.starts_with("output completed"))
        .collect::<Vec<_>>();
    assert_eq!(
        outputs,
        ["output completed 2000/0", "output completed 3000/0"]
    );
}

#[test]
fn what_comes_after_the_stop_is_refused_and_harms_nothing() {
    let test = stream(&[]);
    let base = numbers(test.context());
    test.collect(&base);
    test.run(1);
    test.context().stop(false, false).unwrap();
    base.map(|n| n + 1).print();
    let error = test.context().await_termination().unwrap_err();
    assert_eq!(lines(&error), [line!() - 2; 2]);
    assert!(error.to_string().contains("after stop()"), "{error}");
}

#[test]
fn many_may_stop_at_a_time() {
    let test = stream(&[]);
    test.collect(&numbers(test.context()));
    test.run(1);
    thread::scope(|scope| {
        for number in 0..8 {
            let ssc = test.context().clone();
            scope.spawn(move || {
                ssc.stop(number % 2 == 0, number % 3 == 0).unwrap();
                // Whoever returns first, the stream is at its end.
                assert!(ssc.await_termination_or_timeout(Duration::ZERO).unwrap());
            });
        }
    });
}

struct Stopping(StreamingContext, Log<String>);

impl StreamingListener for Stopping {
    fn on_batch_completed(&mut self, _batch: &BatchInfo) {
        for gracefully in [false, true] {
            let refused = self.0.stop(false, gracefully);
            let refused = refused.expect_err("a listener may not stop");
            self.1.push(refused.to_string());
        }
    }
}

#[test]
fn a_listener_may_not_stop() {
    let test = stream(&[]);
    let ssc = test.context();
    test.collect(&numbers(ssc));
    let log = Log::new();
    let id = ssc.add_listener(Stopping(ssc.clone(), log.clone()));
    test.run(1);
    let refused = log.wait_for(|entries| entries.len() == 2);
    assert!(refused.iter().all(|text| text.contains("by a listener")));
    assert_eq!(ssc.state(), StreamingState::Active);
    assert!(ssc.remove_listener(id));
}

#[test]
fn an_output_may_stop_its_own_stream() {
    for stop_context in [false, true] {
        let test = stream(&[]);
        let ssc = test.context().clone();
        let seen = Log::new();
        let log = seen.clone();
        numbers(test.context()).foreach_rdd(move |rdd, time| {
            log.push(rdd.collect()?);
            if time.as_millis() == 2000 {
                ssc.stop(stop_context, false).unwrap();
                log.push(Vec::new());
            }
            Ok::<_, Error>(())
        });
        test.context().start().unwrap();
        test.clock().advance(seconds(10));
        test.context().await_termination().unwrap();
        // The engine's context is stopped after the stream, so stop() itself is awaited.
        let seen = seen.wait_for(|seen| seen.len() >= 3);
        assert_eq!(seen, [vec![1000], vec![2000], vec![]]);
        assert_eq!(test.context().state(), StreamingState::Stopped);
        assert_eq!(test.context().context().is_stopped(), stop_context);
    }
}

#[test]
fn an_output_may_stop_a_stream_that_is_being_stopped() {
    let test = stream(&[]);
    let ssc = test.context().clone();
    let (entered, wait_entered) = sync_channel(1);
    numbers(test.context()).foreach_rdd(move |_, _| {
        entered.send(()).unwrap();
        // From here on the other stop waits for this output.
        while ssc.state() == StreamingState::Active {
            thread::yield_now();
        }
        ssc.stop(false, false).unwrap();
    });
    test.context().start().unwrap();
    test.clock().advance(seconds(1));
    wait_entered.recv().unwrap();
    test.context().stop(false, false).unwrap();
    test.context().await_termination().unwrap();
}

#[test]
fn two_outputs_may_stop_their_stream_at_a_time() {
    let test = stream(&[("streaming.concurrent_jobs", "2")]);
    let together = Arc::new(std::sync::Barrier::new(2));
    for _ in 0..2 {
        let (ssc, together) = (test.context().clone(), together.clone());
        numbers(test.context()).foreach_rdd(move |_, _| {
            together.wait();
            ssc.stop(false, false).unwrap();
        });
    }
    test.context().start().unwrap();
    test.clock().advance(seconds(1));
    test.context().await_termination().unwrap();
}

#[test]
fn a_part_of_the_stream_may_not_wait_for_its_end() {
    let test = stream(&[]);
    let ssc = test.context().clone();
    let log = Log::new();
    let refused = log.clone();
    numbers(test.context()).foreach_rdd(move |_, _| {
        refused.push(ssc.stop(false, true).unwrap_err().to_string());
    });
    test.run(1);
    assert!(log.entries()[0].contains("from another thread"));
    assert_eq!(test.context().state(), StreamingState::Active);
}

#[test]
fn an_output_may_stop_another_stream_gracefully() {
    let (test, other) = (stream(&[]), stream(&[]));
    other.collect(&numbers(other.context()));
    other.run(1);
    let ssc = other.context().clone();
    numbers(test.context()).foreach_rdd(move |_, _| ssc.stop(false, true));
    test.run(1);
    other.context().await_termination().unwrap();
}

#[test]
fn an_operator_or_a_receiver_may_stop_its_stream() {
    let test = stream(&[]);
    let ssc = test.context().clone();
    let stopping = numbers(test.context()).transform(move |rdd, _| {
        ssc.stop(false, false).unwrap();
        rdd.clone()
    });
    stopping.foreach_rdd(|_, _| ());
    test.context().start().unwrap();
    test.clock().advance(seconds(1));
    test.context().await_termination().unwrap();

    let test = stream(&[]);
    let ssc = test.context().clone();
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        ctx.store(1).map_err(|error| error.to_string())?;
        ssc.stop(false, false).map_err(|error| error.to_string())
    }));
    received.foreach_rdd(|_, _| ());
    test.context().start().unwrap();
    test.context().await_termination().unwrap();
}

/// A source that stops its stream: at the start, or in the second batch.
struct Stops {
    ssc: StreamingContext,
    at_start: bool,
}

impl InputSource<u8> for Stops {
    fn start(&mut self) -> Result<(), String> {
        match self.at_start {
            true => self.ssc.stop(false, false),
            false => Ok(()),
        }
        .map_err(|error| error.to_string())
    }

    fn compute(&mut self, _: Time, ctx: &Context) -> Result<SourceBatch<u8>, String> {
        let stopped = self.ssc.stop(false, false);
        stopped.map_err(|error| error.to_string())?;
        Ok(ctx.empty().into())
    }
}

#[test]
fn a_source_may_not_stop_its_stream_and_is_told() {
    for at_start in [true, false] {
        let test = stream(&[]);
        let ssc = test.context().clone();
        let out = test.collect(&test.context().source_stream(Stops { ssc, at_start }));
        let error = test.try_run(1).unwrap_err().to_string();
        assert!(error.contains("called by a source"), "{error}");
        test.context().stop(false, false).unwrap();
        drop(out);
    }
}

#[test]
fn a_stop_cancels_no_job_of_another_stream() {
    let ctx = context(&[]);
    let on_ctx = || TestStream::on(&ctx, seconds(1)).unwrap();
    // It is dropped last, since dropping it stops the context.
    let staying = on_ctx();
    let clock = Arc::new(ManualClock::new());
    let leaving = StreamingContext::with_clock(&ctx, seconds(1), clock.clone()).unwrap();
    leaving.stream_by_time(|_| vec![1]).foreach_rdd(|_, _| ());
    leaving.start().unwrap();

    let (entered, wait_entered) = sync_channel(1);
    let (release, wait_release) = sync_channel::<()>(0);
    let gate = parking_lot::Mutex::new(Some(wait_release));
    let slow = numbers(staying.context()).map(move |n| {
        if let Some(wait) = gate.lock().take() {
            entered.send(()).unwrap();
            wait.recv().unwrap();
        }
        n
    });
    // The stage ends in a second operator, where a cancelled task would notice.
    let out = staying.collect(&slow.map(|n| n + 1));
    staying.context().start().unwrap();
    staying.clock().advance(seconds(1));
    wait_entered.recv().unwrap();
    leaving.stop(false, false).unwrap();
    release.send(()).unwrap();
    staying.run(1);
    assert_eq!(out.batches(), [[1001], [2001]]);
}

#[test]
fn a_graceful_stop_gives_up_when_a_batch_hangs() {
    let settings = [
        ("streaming.graceful_stop_timeout", "20ms"),
        ("streaming.waiting_batches_max", "1"),
    ];
    let test = stream(&settings);
    let ssc = test.context();
    let (entered, wait_entered) = sync_channel(1);
    let ctx = ssc.context().clone();
    numbers(ssc).foreach_rdd(move |_, _| {
        entered.send(()).unwrap();
        // It ends only when it is cancelled.
        ctx.range(0..i64::MAX, 1, 1).map(|n| n + 1).count()?;
        Ok::<_, Error>(())
    });
    ssc.start().unwrap();
    // The second batch waits for room, and with it the thread that cuts batches.
    test.clock().advance(seconds(3));
    wait_entered.recv().unwrap();
    let error = ssc.stop(false, true).unwrap_err().to_string();
    assert!(error.contains("streaming.graceful_stop_timeout"), "{error}");
    assert_eq!(ssc.state(), StreamingState::Stopped);
    ssc.await_termination().unwrap();
}

#[test]
fn a_stop_inside_a_task_is_refused() {
    let test = stream(&[]);
    let ssc = test.context().clone();
    let mapped = numbers(test.context()).map(move |n| {
        let refused = ssc.stop(false, n % 2 == 0);
        refused.unwrap_err().to_string().contains("inside a task")
    });
    let out = test.collect(&mapped);
    test.run(1);
    assert!(out.batches().concat().iter().all(|refused| *refused));
}
