//! What listeners are told, and that nobody waits for them.

mod probe;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use headwater_core::events::Event;
use headwater_core::{Context, Scope};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{BatchInfo, InputSource, OutputInfo, SourceBatch, StreamingListener};
use probe::{Log, Start, Told, completed, record, second, stream, texts};

#[test]
fn the_events_of_a_batch_come_in_order() {
    let test = stream(&[("streaming.on_failure", "continue")]);
    let log = record(test.context());
    let input = test.input(vec![vec![1], vec![2]]);
    input.foreach_rdd(|_, _| ());
    input.foreach_rdd(|_, time| {
        if time == second(1) {
            Err("not this one")
        } else {
            Ok(())
        }
    });
    (0..2).for_each(|_| drop(test.try_run(1)));
    // Then all was told.
    test.context().stop(false, true).unwrap();
    let of_batch = |time: i64| {
        [
            format!("submitted {time}"),
            format!("batch started {time}"),
            format!("output started {time}/0"),
            format!("output completed {time}/0"),
            format!("output started {time}/1"),
            format!("output completed {time}/1"),
            format!("completed {time}"),
        ]
    };
    let mut expected = vec!["started".to_owned()];
    expected.extend([of_batch(1000), of_batch(2000)].concat());
    expected.push("stopped".to_owned());
    assert_eq!(texts(&log.entries()), expected);
}

#[test]
fn a_batch_knows_its_records_delays_and_failures() {
    let test = stream(&[("streaming.on_failure", "continue")]);
    let log = record(test.context());
    let (to, contexts) = sync_channel(2);
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let to = to.clone();
            test.context()
                .receiver_stream(Start::<u32>::new(move |ctx| {
                    to.send(ctx.clone()).unwrap();
                    Ok(())
                }))
        })
        .collect();
    let good = receivers[0].foreach_rdd(|_, _| ());
    let bad = receivers[1].foreach_rdd(|rdd, _| match rdd.count() {
        Ok(0) => Ok(()),
        _ => Err("there is something"),
    });
    test.try_run(0).unwrap();
    for ctx in contexts.iter().take(2) {
        let records = if ctx.stream_id() == 0 { 0..3 } else { 0..4 };
        ctx.store_many(records).unwrap();
    }
    (0..2).for_each(|_| drop(test.try_run(1)));
    test.context().context().events().flush();
    let told = log.entries();
    let [first, second] = &completed(&told)[..] else {
        panic!("{told:?}");
    };
    assert_eq!((first.records(), second.records()), (7, 0));
    assert_eq!((first.inputs[&0].records, first.inputs[&1].records), (3, 4));
    let parts = first.scheduling_delay.unwrap() + first.processing_delay.unwrap();
    assert_eq!(first.total_delay(), Some(parts));
    assert_eq!(first.failure(), Some("there is something"));
    assert_eq!(second.failure(), None);
    assert_eq!(
        first.outputs.keys().copied().collect::<Vec<_>>(),
        [good, bad]
    );
    for output in first.outputs.values() {
        assert_eq!(
            (output.time, output.site.operator()),
            (first.time, "foreach_rdd")
        );
        assert!(output.took.is_some() && output.started >= first.submitted);
    }
    assert!(first.outputs[&good].failure.is_none() && first.outputs[&bad].failure.is_some());
    let is_early = |told: &Told| match told {
        Told::Submitted(info) => info.scheduling_delay.is_none() && info.outputs.is_empty(),
        Told::BatchStarted(info) => info.scheduling_delay.is_some() && info.outputs.is_empty(),
        Told::OutputStarted(info) => info.took.is_none() && info.failure.is_none(),
        _ => true,
    };
    assert!(told.iter().all(is_early));
}

#[test]
fn outputs_that_do_not_fire_leave_the_ids_of_others_alone() {
    let test = stream(&[]);
    let log = record(test.context());
    let input = test.input(Vec::<Vec<u8>>::new());
    let slow = input.window(seconds(2), seconds(2)).foreach_rdd(|_, _| ());
    let fast = input.foreach_rdd(|_, _| ());
    test.run(4);
    test.context().context().events().flush();
    let ids: Vec<Vec<_>> = completed(&log.entries())
        .iter()
        .map(|batch| batch.outputs.keys().copied().collect())
        .collect();
    assert_eq!(
        ids,
        [vec![fast], vec![slow, fast], vec![fast], vec![slow, fast]]
    );
}

#[test]
fn batches_without_outputs_are_not_told() {
    let test = stream(&[]);
    let log = record(test.context());
    test.input(Vec::<Vec<u8>>::new())
        .window(seconds(3), seconds(3))
        .foreach_rdd(|_, _| ());
    test.run(7);
    test.context().context().events().flush();
    let times: Vec<_> = completed(&log.entries())
        .iter()
        .map(|info| info.time)
        .collect();
    assert_eq!(times, [second(3), second(6)]);
}

#[test]
fn when_a_batch_is_done_its_end_was_told() {
    let test = stream(&[]);
    let log = record(test.context());
    test.collect(&test.input(Vec::<Vec<u8>>::new()));
    for batch in 1..=500 {
        test.run(1);
        test.context().context().events().flush();
        assert_eq!(completed(&log.entries()).len(), batch);
    }
}

/// Panics at each event.
struct Panicking;

#[expect(clippy::panic, reason = "it is a bad listener")]
impl StreamingListener for Panicking {
    fn on_batch_submitted(&mut self, _batch: &BatchInfo) {
        panic!("a bad listener");
    }
    fn on_output_completed(&mut self, _output: &OutputInfo) {
        panic!("a bad listener");
    }
    fn on_batch_completed(&mut self, _batch: &BatchInfo) {
        panic!("a bad listener");
    }
}

/// Waits, in its first batch, until it is allowed to go on.
struct Slow(Option<std::sync::mpsc::Receiver<()>>);

impl StreamingListener for Slow {
    fn on_batch_submitted(&mut self, _batch: &BatchInfo) {
        if let Some(allowed) = self.0.take() {
            allowed.recv().expect("the test allows it");
        }
    }
}

#[test]
fn no_batch_waits_for_a_listener() {
    let test = stream(&[]);
    let (allow, allowed) = sync_channel(0);
    test.context().add_listener(Panicking);
    test.context().add_listener(Slow(Some(allowed)));
    let log = record(test.context());
    let done = Log::new();
    let to = done.clone();
    test.input(Vec::<Vec<u8>>::new())
        .foreach_rdd(move |_, time| to.push(time));
    test.run(20);
    assert_eq!(done.entries().len(), 20);
    assert!(completed(&log.entries()).is_empty());
    allow.send(()).unwrap();
    test.context().context().events().flush();
    assert_eq!(completed(&log.entries()).len(), 20);
}

/// The scopes of the operators of each job from now on, and how many operators have none.
fn scopes(test: &TestStream) -> Log<(BTreeSet<String>, usize)> {
    let scopes = Log::new();
    let to = scopes.clone();
    test.context().context().events().add(move |event: &Event| {
        if let Event::JobStarted(job) = event {
            let operators = job.plan.operators.iter();
            let known = operators.filter_map(|operator| operator.scope.clone());
            let known: Vec<_> = known.map(|scope| format!("{scope:?}")).collect();
            let without = job.plan.operators.len() - known.len();
            to.push((known.into_iter().collect(), without));
        }
    });
    scopes
}

/// The scopes of a batch that is told in milliseconds, as [`scopes`] tells them.
fn of_batch<const N: usize>(time: i64, names: [(u64, &str); N]) -> (BTreeSet<String>, usize) {
    let scope = |(id, name)| Scope::new(id, name).at_millis(time);
    let scopes = names.into_iter().map(scope);
    (scopes.map(|scope| format!("{scope:?}")).collect(), 0)
}

/// The first output, as scopes number it.
const OUTPUT: u64 = 1 << 32;

#[test]
fn the_rdds_of_a_batch_carry_the_stream_or_the_output_that_made_them() {
    let test = stream(&[]);
    let scopes = scopes(&test);
    let input = test.context().stream_by_time(|_| vec![1]);
    let pairs = input.map(|n| (n, n)).named("pairs");
    pairs
        .reduce_by_key(|a, b| a + b)
        .foreach_rdd(|rdd, _| rdd.map(|pair| pair).count().map(drop));
    pairs.for_each_partition(drop);
    test.run(2);
    test.context().context().events().flush();
    let first = |time| {
        let streams = [(0, "stream_by_time"), (1, "pairs"), (2, "reduce_by_key")];
        let [input, pairs, counts] = streams;
        of_batch(time, [input, pairs, counts, (OUTPUT, "foreach_rdd")])
    };
    let second = |time| of_batch(time, [(0, "stream_by_time"), (1, "pairs")]);
    let expected = [first(1000), second(1000), first(2000), second(2000)];
    assert_eq!(scopes.entries(), expected);
}

/// Gives numbers of which it drops some itself.
struct Evens;

impl InputSource<i64> for Evens {
    fn compute(&mut self, _: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        Ok(ctx.range(0..9, 1, 2).filter(|n| n % 2 == 0).into())
    }
}

#[test]
fn the_rdds_of_a_source_carry_its_stream_and_those_of_later_attempts_their_output() {
    let test = stream(&[("streaming.output.attempts", "2")]);
    let scopes = scopes(&test);
    let evens = test.context().source_stream(Evens).named("evens");
    let attempts = Arc::new(AtomicUsize::new(0));
    evens.foreach_rdd(move |rdd, _| {
        let count = rdd
            .map(|n| n + 1)
            .count()
            .map_err(|error| error.to_string())?;
        match attempts.fetch_add(1, Ordering::Relaxed) {
            0 => Err(format!("once more, for {count}")),
            _ => Ok(()),
        }
    });
    test.run(1);
    test.context().context().events().flush();
    let expected = || of_batch(1000, [(0, "evens"), (OUTPUT, "foreach_rdd")]);
    assert_eq!(scopes.entries(), [expected(), expected()]);
}

#[test]
fn the_events_of_each_batch_come_in_order_where_batches_overlap() {
    let test = stream(&[("streaming.concurrent_jobs", "4")]);
    let log = record(test.context());
    let input = test.input(Vec::<Vec<u8>>::new());
    for _ in 0..3 {
        input.foreach_rdd(|rdd, _| rdd.count().map(drop));
    }
    test.try_run(0).unwrap();
    test.clock().advance(seconds(50));
    let texts = texts(&log.wait_for(|told| completed(told).len() == 50));
    for time in (1..=50).map(|number| number * 1000) {
        let place = |text: String| texts.iter().position(|told| *told == text).unwrap();
        let submitted = place(format!("submitted {time}"));
        let mut before = place(format!("batch started {time}"));
        assert!(submitted < before);
        for output in 0..3 {
            let started = place(format!("output started {time}/{output}"));
            let completed = place(format!("output completed {time}/{output}"));
            assert!(place(format!("batch started {time}")) < started && started < completed);
            before = before.max(completed);
        }
        assert!(before < place(format!("completed {time}")));
    }
}

#[test]
fn what_waits_for_a_blocked_listener_is_bounded() {
    let test = stream(&[("listener_bus.queue.capacity", "1000")]);
    let (allow, allowed) = sync_channel(0);
    test.context().add_listener(Slow(Some(allowed)));
    let log = record(test.context());
    test.context()
        .stream_by_time(|_| Vec::<u8>::new())
        .foreach_rdd(|_, _| ());
    test.run(1_000);
    let events = test.context().context().events();
    assert!(events.dropped() > 0, "the queue is full");
    allow.send(()).unwrap();
    events.flush();
    let told = log.entries().len();
    // The bus takes what is queued out at once: as much again may wait in its hand.
    assert!((1..=2_000).contains(&told), "{told} events waited");
    // Whoever listens again is told again.
    test.run(1);
    events.flush();
    assert_eq!(
        completed(&log.entries()).last().unwrap().time,
        second(1_001)
    );
}
