//! Receivers: every record that was stored is in exactly one batch, whatever happens.

mod probe;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use headwater_core::{Conf, Context, Error};
use headwater_streaming::clock::Clock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, millis, seconds};
use headwater_streaming::{
    DStream, InputSource, ReceiverContext, SourceBatch, StoreError, StreamError, StreamingContext,
};
use probe::{Log, Start, Told, context, record, second, stream, texts};

/// A bound that is soon reached.
const IN_MEMORY: [(&str, &str); 2] = [
    ("streaming.receiver.memory", "1k"),
    ("streaming.receiver.disk", "0b"),
];

/// Stores 1 to 7 in every form there is.
fn store_all_forms(ctx: &ReceiverContext<u64>, first: u64) -> Result<(), StoreError> {
    ctx.store(first)?;
    ctx.store(first + 1)?;
    let mut more = vec![first + 2, first + 3];
    ctx.append(&mut more)?;
    assert!(more.is_empty());
    ctx.append(&mut more)?;
    ctx.store_many([])?;
    ctx.store_many([first + 4])?;
    ctx.store_block(Arc::new(vec![first + 5]))?;
    ctx.append_sized(&mut vec![first + 6], 100)
}

#[test]
fn every_form_of_storing_keeps_the_order_on_one_slot() {
    let ctx = Context::new(Conf::new().master("local[1]")).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    let (done, wait_done) = sync_channel(2);
    let outs: Vec<_> = [100, 200]
        .into_iter()
        .map(|first| {
            let done = done.clone();
            let receiver = Start::new(move |ctx| {
                store_all_forms(ctx, first).map_err(|error| error.to_string())?;
                done.send(()).unwrap();
                Ok(())
            });
            test.collect(&test.context().receiver_stream(receiver))
        })
        .collect();
    test.try_run(0).unwrap();
    wait_done.iter().take(2).for_each(drop);
    test.run(2);
    for (out, first) in outs.iter().zip([100, 200]) {
        let firings = out.firings();
        let records: Vec<u64> = (first..first + 7).collect();
        assert_eq!(firings[0].partitions.concat(), records);
        // Singles and appended ones share a block; the others have blocks of their own.
        let sizes: Vec<_> = firings[0].partitions.iter().map(Vec::len).collect();
        assert_eq!(sizes, [4, 1, 1, 1]);
        assert!(firings[1].partitions.concat().is_empty());
    }
}

#[test]
fn a_window_that_fires_later_has_the_batches_before() {
    let test = stream(&[]);
    let (to, contexts) = sync_channel(1);
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        to.send(ctx.clone()).unwrap();
        Ok(())
    }));
    let windows = test.collect(&received.map(|n: u64| n).window(seconds(3), seconds(3)));
    // At times when no output fires, too.
    test.try_run(0).unwrap();
    let ctx = contexts.recv().unwrap();
    for n in 1..=7 {
        ctx.store(n).unwrap();
        test.run(1);
    }
    assert_eq!(windows.batches(), [[1, 2, 3], [4, 5, 6]]);
}

#[test]
fn restarts_are_told_and_lose_nothing() {
    const STARTS: u64 = 20;
    let test = stream(&[]);
    let starts = AtomicU64::new(0);
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        let start = starts.fetch_add(1, Ordering::Relaxed);
        assert!(!ctx.is_stopped());
        ctx.store_many([start * 2, start * 2 + 1])
            .map_err(|error| error.to_string())?;
        if start + 1 < STARTS {
            ctx.restart_after("once more", Duration::ZERO);
        }
        Ok(())
    }));
    let out = test.collect(&received);
    let log = record(test.context());
    test.try_run(0).unwrap();
    let is_start = |told: &&Told| matches!(told, Told::ReceiverStarted(_));
    log.wait_for(|told| told.iter().filter(is_start).count() as u64 == STARTS);
    // The last start stores before its stop.
    test.clock().await_idle(1);
    while out.batches().concat().len() < 2 * STARTS as usize {
        test.run(1);
    }
    assert_eq!(out.batches().concat(), (0..2 * STARTS).collect::<Vec<_>>());
    test.context().stop(false, false).unwrap();
    test.context().context().events().flush();
    let told: Vec<_> = texts(&log.entries())
        .into_iter()
        .filter(|text| text.starts_with("receiver st"))
        .collect();
    let round = ["receiver started Start-0", "receiver stopped Start-0"];
    assert_eq!(told, round.repeat(STARTS as usize));
    let reasons: Vec<_> = log
        .entries()
        .into_iter()
        .filter_map(|told| match told {
            Told::ReceiverStopped(info) => Some((info.active, info.last_error)),
            _ => None,
        })
        .collect();
    assert_eq!(reasons[0], (false, "once more".to_owned()));
}

#[test]
fn a_stop_by_the_receiver_is_final() {
    let test = stream(&[]);
    let (to, contexts) = sync_channel(10);
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        ctx.store(1).map_err(|error| error.to_string())?;
        to.send(ctx.clone()).unwrap();
        ctx.stop("that was all");
        Ok(())
    }));
    let out = test.collect(&received);
    let log = record(test.context());
    test.try_run(0).unwrap();
    log.wait_for(|told| matches!(told.last(), Some(Told::ReceiverStopped(_))));
    let ctx = contexts.recv().unwrap();
    assert!(ctx.is_stopped());
    assert_eq!(ctx.stream_id(), 0);
    assert_eq!(ctx.store(2), Err(StoreError::Stopped));
    assert_eq!(ctx.store_many([2]), Err(StoreError::Stopped));
    assert_eq!(ctx.store_block(Arc::new(vec![2])), Err(StoreError::Stopped));
    let mut kept = vec![2];
    assert_eq!(ctx.append(&mut kept), Err(StoreError::Stopped));
    assert_eq!(kept, [2]);
    ctx.restart_after("it may not", Duration::ZERO);
    test.run(100);
    assert_eq!(out.batches().concat(), [1]);
    assert!(contexts.try_recv().is_err(), "it was started again");
}

#[test]
fn reported_errors_are_told_after_the_start() {
    // Many times, since two threads could tell the two.
    for _ in 0..50 {
        let test = stream(&[]);
        let received = test.context().receiver_stream(Start::<u64>::new(|ctx| {
            let cause = std::io::Error::other("no such queue");
            ctx.report_error("cannot subscribe", Some(&cause));
            Ok(())
        }));
        received.foreach_rdd(|_, _| ());
        let log = record(test.context());
        test.try_run(0).unwrap();
        let told = log.wait_for(|told| told.len() == 3);
        let expected = [
            "started",
            "receiver started Start-0",
            "receiver error Start-0",
        ];
        assert_eq!(texts(&told), expected);
        let Told::ReceiverError(info) = &told[2] else {
            panic!("{told:?}");
        };
        assert_eq!(info.last_error, "cannot subscribe: no such queue");
        assert!(info.active && info.last_error_at.is_some());
        // An error that is only reported ends nothing.
        test.run(1);
    }
}

/// Runs a receiver that never works until it is given up; what `await_termination` says.
fn give_up(on_start: fn(&ReceiverContext<u64>) -> Result<(), String>) -> (u32, StreamError, u32) {
    let settings = [
        ("streaming.receiver.start_attempts", "4"),
        ("streaming.receiver.restart_delay", "8s"),
    ];
    let test = TestStream::on(&context(&settings), seconds(100)).expect("settings are right");
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        counted.fetch_add(1, Ordering::Relaxed);
        on_start(ctx)
    }));
    let line = line!() - 4;
    received.foreach_rdd(|_, _| ());
    test.try_run(0).expect("it starts");
    for (tries_so_far, at) in [(1, 1), (2, 3), (3, 7)] {
        test.clock().await_waiters(1, second(at));
        assert_eq!(tries.load(Ordering::Relaxed), tries_so_far);
        test.clock().set(second(at) - millis(1));
        test.clock().await_waiters(1, second(at));
        test.clock().set(second(at));
    }
    let error = test.context().await_termination();
    let error = error.expect_err("it was given up");
    (tries.load(Ordering::Relaxed), error, line)
}

#[test]
fn a_receiver_that_never_starts_is_given_up() {
    let failing: [fn(&ReceiverContext<u64>) -> Result<(), String>; 2] =
        [|_| Err("no broker".to_owned()), |_| panic!("no broker")];
    for on_start in failing {
        let (tries, error, line) = give_up(on_start);
        assert_eq!(tries, 4);
        assert!(matches!(error, StreamError::Receiver { attempts: 4, .. }));
        let text = error.to_string();
        assert!(text.contains("no broker"), "{text}");
        assert!(text.contains("receiver_stream at "), "{text}");
        assert!(text.contains(&format!("receivers.rs:{line}:")), "{text}");
    }
}

#[test]
fn a_receiver_that_has_worked_is_never_given_up() {
    let settings = [
        ("streaming.receiver.start_attempts", "1"),
        ("streaming.receiver.restart_delay", "1s"),
    ];
    let test = TestStream::on(&context(&settings), seconds(100)).unwrap();
    let received = test.context().receiver_stream(Start::new(move |ctx| {
        ctx.store(1).map_err(|error| error.to_string())?;
        Err("lost the source".to_owned())
    }));
    let out = test.collect(&received);
    test.try_run(0).unwrap();
    for at in 1..=20 {
        test.clock().await_waiters(1, second(at));
        test.clock().set(second(at));
    }
    test.clock().await_waiters(1, second(21));
    test.clock().set(second(100));
    test.run(1);
    assert!(out.batches()[0].len() >= 21);
}

#[test]
fn a_receiver_that_is_faster_than_the_batches_waits() {
    const RECORDS: u64 = 5_000;
    let test = stream(&IN_MEMORY);
    let received = test.context().receiver_stream(Start::new(|ctx| {
        let store = |from: u64| -> Result<(), StoreError> {
            ctx.store(from)?;
            ctx.append(&mut (from + 1..from + 50).collect())?;
            ctx.store_many(from + 50..from + 100)
        };
        let all = (0..RECORDS).step_by(100).try_for_each(store);
        all.map_err(|error| error.to_string())
    }));
    let out = test.collect(&received);
    test.try_run(0).unwrap();
    let mut seen = 0;
    while seen < RECORDS {
        test.run(1);
        seen = out.batches().iter().map(|batch| batch.len() as u64).sum();
    }
    assert!(out.batches().iter().all(|batch| batch.len() <= 1024 / 8));
    assert_eq!(out.batches().concat(), (0..RECORDS).collect::<Vec<_>>());
}

#[test]
fn a_block_that_is_larger_than_the_bound_goes_in_alone() {
    let test = stream(&IN_MEMORY);
    let received = test.context().receiver_stream(Start::new(|ctx| {
        let store = |from: u64| ctx.store_many(from..from + 1000);
        let all = (0..5000).step_by(1000).try_for_each(store);
        all.map_err(|error| error.to_string())
    }));
    let out = test.collect(&received);
    test.try_run(0).unwrap();
    while out.batches().concat().len() < 5000 {
        test.run(1);
    }
    assert!(out.batches().iter().all(|batch| batch.len() <= 1000));
    assert_eq!(out.batches().concat(), (0..5000).collect::<Vec<_>>());
}

#[test]
fn a_stop_wakes_a_receiver_that_waits_for_room() {
    for gracefully in [false, true] {
        let test = stream(&IN_MEMORY);
        let (full, wait_full) = sync_channel(1);
        let received = test.context().receiver_stream(Start::new(move |ctx| {
            ctx.store_many(0..128_u64)
                .map_err(|error| error.to_string())?;
            full.send(()).unwrap();
            ctx.store(1).map_err(|error| error.to_string())
        }));
        let out = test.collect(&received);
        test.try_run(0).unwrap();
        wait_full.recv().unwrap();
        if gracefully {
            stop_gracefully(&test);
            let stored = out.batches().concat();
            assert_eq!(stored[..128], (0..128).collect::<Vec<_>>());
        } else {
            test.context().stop(false, false).unwrap();
        }
    }
}

/// Stops a stream on a manual clock, which somebody has to move meanwhile.
fn stop_gracefully(test: &TestStream) {
    thread::scope(|scope| {
        let stopping = scope.spawn(|| test.context().stop(false, true));
        while !stopping.is_finished() {
            let now = test.clock().now() + seconds(1);
            test.clock().set(now);
            // When the last batch was cut nobody waits any more.
            let _ = test
                .clock()
                .await_waiters_for(1, now + seconds(1), millis(5));
        }
        stopping.join().expect("no panic").expect("stopped in time");
    });
}

/// A stream of what a thread stores until it is told to stop; the number is counted.
fn endless(ssc: &StreamingContext, stored: &Arc<AtomicU64>) -> DStream<u64> {
    let stored = stored.clone();
    ssc.receiver_stream(Start::new(move |ctx: &ReceiverContext<u64>| {
        while !ctx.is_stopped() {
            let next = stored.load(Ordering::Relaxed);
            match next % 3 {
                0 => ctx.store(next),
                1 => ctx.append(&mut vec![next]),
                _ => ctx.store_many([next]),
            }
            .map_err(|error| error.to_string())?;
            stored.fetch_add(1, Ordering::Relaxed);
            thread::yield_now();
        }
        Ok(())
    }))
}

#[test]
fn a_graceful_stop_processes_what_was_stored() {
    let test = stream(&[]);
    let stored = Arc::new(AtomicU64::new(0));
    let out = test.collect(&endless(test.context(), &stored));
    test.try_run(0).unwrap();
    while stored.load(Ordering::Relaxed) < 100 {
        thread::yield_now();
    }
    stop_gracefully(&test);
    let all: Vec<u64> = (0..stored.load(Ordering::Relaxed)).collect();
    assert!(all.len() >= 100);
    assert_eq!(out.batches().concat(), all);
}

#[test]
fn a_graceful_stop_after_a_failed_batch_processes_what_was_stored() {
    let test = stream(&[("streaming.on_failure", "continue")]);
    let stored = Arc::new(AtomicU64::new(0));
    let received = endless(test.context(), &stored);
    let failed = AtomicBool::new(false);
    received.foreach_rdd(move |_, _| {
        let is_first = !failed.swap(true, Ordering::Relaxed);
        if is_first {
            Err("the first fails")
        } else {
            Ok(())
        }
    });
    let out = test.collect(&received);
    test.run(1);
    stop_gracefully(&test);
    let all: Vec<u64> = (0..stored.load(Ordering::Relaxed)).collect();
    assert_eq!(out.batches().concat(), all);
}

/// A source that keeps the batch which is being cut from being cut until a receiver was stopped.
struct CutsSlowly {
    receiver: Arc<OnceLock<ReceiverContext<u64>>>,
    begun: SyncSender<()>,
}

impl InputSource<u64> for CutsSlowly {
    fn compute(&mut self, _time: Time, ctx: &Context) -> Result<SourceBatch<u64>, String> {
        // Only the first batch is met by the stop.
        if self.begun.try_send(()).is_ok() {
            while !self.receiver.wait().is_stopped() {
                thread::yield_now();
            }
            // Nobody can be asked whether the stop has come to the batches by now. It passes all
            // the same when it has not.
            (0..10_000).for_each(|_| thread::yield_now());
        }
        Ok(ctx.empty().into())
    }
}

#[test]
fn a_graceful_stop_waits_for_the_batch_that_is_being_cut() {
    let test = stream(&[]);
    let (to, contexts) = sync_channel(1);
    let received = test
        .context()
        .receiver_stream(Start::new(move |ctx: &ReceiverContext<u64>| {
            ctx.store(7).map_err(|error| error.to_string())?;
            to.send(ctx.clone()).map_err(|error| error.to_string())
        }));
    let (begun, wait_begun) = sync_channel(1);
    let receiver = Arc::new(OnceLock::new());
    let slow = test.context().source_stream(CutsSlowly {
        receiver: receiver.clone(),
        begun,
    });
    let out = test.collect(&received.union(&slow));
    test.try_run(0).unwrap();
    // Cut by the generator's thread, while this one stops the stream.
    receiver.set(contexts.recv().unwrap()).ok().unwrap();
    test.clock().advance(seconds(1));
    wait_begun.recv().unwrap();
    test.context().stop(false, true).unwrap();
    assert_eq!(out.batches().concat(), [7]);
}

#[test]
fn a_receiver_is_told_of_the_stop_though_another_does_not_end() {
    let test = stream(&[("streaming.graceful_stop_timeout", "1h")]);
    let (to, contexts) = sync_channel(1);
    let last = Arc::new(OnceLock::new());
    let of_last = last.clone();
    let stubborn = Start::new(move |_: &ReceiverContext<u64>| {
        // It ends only after the other was told.
        let last: &ReceiverContext<u64> = of_last.wait();
        while !last.is_stopped() {
            thread::yield_now();
        }
        Ok(())
    });
    let out = test.collect(&test.context().receiver_stream(stubborn));
    let receiver = Start::new(move |ctx: &ReceiverContext<u64>| {
        to.send(ctx.clone()).map_err(|error| error.to_string())
    });
    test.collect(&test.context().receiver_stream(receiver));
    test.try_run(0).unwrap();
    last.set(contexts.recv().unwrap()).ok().unwrap();
    test.context().stop(false, true).unwrap();
    assert!(out.batches().is_empty());
}

#[test]
fn graceful_stops_at_any_moment_lose_nothing() {
    let ctx = context(&[("streaming.block_interval", "1ms")]);
    for round in 0..25_u64 {
        let ssc = StreamingContext::new(&ctx, millis(1 + round % 4)).unwrap();
        let stored = Arc::new(AtomicU64::new(0));
        let seen = Log::new();
        let log = seen.clone();
        endless(&ssc, &stored).foreach_rdd(move |rdd, _| {
            log.extend(rdd.collect()?);
            Ok::<_, Error>(())
        });
        ssc.start().unwrap();
        seen.wait_for(|records| records.len() as u64 > round);
        ssc.stop(false, true).unwrap();
        let all: Vec<u64> = (0..stored.load(Ordering::Relaxed)).collect();
        assert_eq!(seen.entries(), all);
    }
}
