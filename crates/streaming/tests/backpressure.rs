//! Inputs take in what they may: by a limit, and by what the batches manage.

mod probe;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use headwater_core::{Conf, Context};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, millis, seconds};
use headwater_streaming::{
    InputSource, RateInfo, ReadRate, ReceiverContext, SourceBatch, StoreError, StreamingContext,
    StreamingListener,
};
use probe::{Log, Start, Told, context, record, second, stream};

const ENABLED: (&str, &str) = ("streaming.backpressure.enabled", "true");

/// A stream whose clock starts a little later, so that no record comes just when a batch is cut.
fn stream_from(start_ms: i64, settings: &[(&str, &str)]) -> TestStream {
    let clock = ManualClock::at(ms(start_ms));
    TestStream::with_clock(&context(settings), seconds(1), clock).expect("the settings are right")
}

fn ms(time: i64) -> Time {
    Time::from_millis(time)
}

/// Adds a receiver; what each batch has of it.
fn batches(test: &TestStream, receiver: Start<u64>) -> Log<Vec<Vec<u64>>> {
    let log = Log::new();
    let to = log.clone();
    let received = test.context().receiver_stream(receiver);
    received.foreach_rdd(move |rdd, _| rdd.glom().collect().map(|blocks| to.push(blocks)));
    log
}

/// Offers 0, 1, 2 and so on without end.
fn endless() -> Start<u64> {
    Start::new(|ctx| {
        // It ends with the stream.
        let _ = (0..).try_for_each(|n| ctx.store(n));
        Ok(())
    })
}

/// Moves the clock from one time to the next, each once the receiver waits for it.
fn step(test: &TestStream, first: i64, last: i64, every_ms: u64) {
    for tick in ms(first).to(ms(last), millis(every_ms)) {
        test.clock().await_waiters(1, tick);
        test.clock().set(tick);
    }
}

/// Cuts a batch, once the receiver waits for a later time.
fn cut(test: &TestStream, number: i64, next: i64) {
    test.clock().await_waiters(1, ms(next));
    test.clock().await_waiters(1, second(number));
    test.clock().set(second(number));
    test.clock().await_waiters(1, second(number + 1));
}

fn lengths(batches: &[Vec<Vec<u64>>]) -> Vec<usize> {
    batches.iter().map(|blocks| blocks.concat().len()).collect()
}

struct Rates(Log<RateInfo>);

impl StreamingListener for Rates {
    fn on_rate_updated(&mut self, rate: &RateInfo) {
        self.0.push(rate.clone());
    }
}

/// The rates that are published from now on.
fn rates(ssc: &StreamingContext) -> Log<RateInfo> {
    let log = Log::new();
    ssc.add_listener(Rates(log.clone()));
    log
}

#[test]
fn a_receiver_keeps_to_its_limit_from_the_first_batch_on() {
    let max_rate = |rate| ("streaming.receiver.max_rate", rate);
    let initial = |rate| ("streaming.backpressure.initial_rate", rate);
    let all: [&[_]; 5] = [
        &[max_rate("50")],
        &[initial("50")],
        &[max_rate("50"), initial("80")],
        &[max_rate("80"), initial("50")],
        &[ENABLED, max_rate("50")],
    ];
    for settings in all {
        let test = stream_from(10, settings);
        let log = batches(&test, endless());
        test.try_run(0).unwrap();
        for number in 1..=3 {
            let first = if number == 1 { 30 } else { number * 1000 - 990 };
            step(&test, first, number * 1000 - 10, 20);
            cut(&test, number, number * 1000 + 10);
        }
        let batches = log.wait_for(|batches| batches.len() == 3);
        assert_eq!(lengths(&batches), [49, 50, 50], "{settings:?}");
        assert_eq!(batches.concat().concat(), (0..149).collect::<Vec<_>>());
    }
}

#[test]
fn every_way_of_storing_counts() {
    let test = stream_from(50, &[("streaming.receiver.max_rate", "10")]);
    let (done, is_done) = sync_channel(1);
    let log = batches(
        &test,
        Start::new(move |ctx: &ReceiverContext<u64>| {
            let store_all = || -> Result<(), StoreError> {
                let mut more: Vec<_> = (0..7).collect();
                ctx.append(&mut more)?;
                assert!(more.is_empty());
                ctx.store_block(Arc::new((7..12).collect()))?;
                ctx.store_many([])?;
                ctx.append(&mut more)?;
                ctx.store_many([12, 13])?;
                ctx.append_sized(&mut vec![14, 15], 1001)?;
                ctx.store(16)
            };
            store_all().map_err(|error| error.to_string())?;
            done.send(()).map_err(|error| error.to_string())
        }),
    );
    test.try_run(0).unwrap();
    // Appended records come one by one, a block as a whole when all of it may.
    step(&test, 150, 750, 100);
    cut(&test, 1, 1250);
    step(&test, 1250, 1250, 100);
    step(&test, 1450, 1450, 100);
    step(&test, 1550, 1750, 100);
    is_done.recv().unwrap();
    test.clock().set(second(2));
    let batches = log.wait_for(|batches| batches.len() == 2);
    assert_eq!(batches[0].concat(), [0, 1, 2, 3, 4, 5, 6]);
    // 14 comes at 1550 and is in the block up to 1600.
    let second = [vec![7, 8, 9, 10, 11], vec![12, 13], vec![14], vec![15, 16]];
    assert_eq!(batches[1], second);
}

#[test]
fn records_that_wait_are_refused_by_a_stop_and_given_back() {
    let test = stream_from(0, &[("streaming.receiver.max_rate", "10")]);
    let kept = Log::new();
    let to = kept.clone();
    let log = batches(
        &test,
        Start::new(move |ctx: &ReceiverContext<u64>| {
            let (other, to_other) = (ctx.clone(), to.clone());
            let mut records: Vec<_> = (0..5).collect();
            let appended = ctx.append(&mut records);
            to.push((appended, records));
            // Also one that begins to wait, or would.
            let storing = thread::spawn(move || to_other.push((other.store(9), vec![])));
            storing.join().map_err(|_| "it panicked".to_owned())
        }),
    );
    test.try_run(0).unwrap();
    step(&test, 100, 200, 100);
    test.clock().await_waiters(1, ms(300));
    let ssc = test.context().clone();
    let stopping = thread::spawn(move || ssc.stop(false, true));
    let refused = kept.wait_for(|kept| kept.len() == 2);
    let expected = [
        (Err(StoreError::Stopped), vec![2, 3, 4]),
        (Err(StoreError::Stopped), vec![]),
    ];
    assert_eq!(refused, expected);
    while !stopping.is_finished() {
        // The last batch, at whichever time it waits for.
        test.clock().advance(seconds(1));
        thread::yield_now();
    }
    stopping.join().unwrap().unwrap();
    assert_eq!(log.entries().concat().concat(), [0, 1]);
}

#[test]
fn zero_is_no_limit() {
    let settings = [
        ("streaming.receiver.max_rate", "0"),
        ("streaming.backpressure.initial_rate", "0"),
    ];
    let test = stream(&settings);
    let (done, is_done) = sync_channel(1);
    let log = batches(
        &test,
        Start::new(move |ctx: &ReceiverContext<u64>| {
            let stored = (0..10_000).try_for_each(|n| ctx.store(n));
            stored.map_err(|error| error.to_string())?;
            done.send(()).map_err(|error| error.to_string())
        }),
    );
    test.try_run(0).unwrap();
    is_done.recv().unwrap();
    test.run(1);
    assert_eq!(lengths(&log.entries()), [10_000]);
}

#[test]
fn a_receiver_is_slowed_down_to_what_the_batches_manage() {
    let settings = [
        ENABLED,
        ("streaming.backpressure.initial_rate", "50"),
        ("streaming.receiver.max_rate", "200"),
    ];
    let test = stream_from(10, &settings);
    let (log, rates) = (batches(&test, endless()), rates(test.context()));
    // The work of a batch is what its output lets pass.
    let (clock, log_of_work) = (test.clock().clone(), log.clone());
    let work_ms = [100, 400, 100];
    let work = test.input(Vec::<Vec<u8>>::new());
    work.foreach_rdd(move |_, _| {
        let batch = log_of_work.entries().len();
        clock.advance(millis(work_ms[batch - 1]));
    });
    let told = record(test.context());
    let is_done = |batch: usize| {
        told.wait_for(|told| {
            let is_completed = |told: &&Told| matches!(told, Told::Completed(_));
            told.iter().filter(is_completed).count() == batch
        })
    };
    test.try_run(0).unwrap();
    step(&test, 30, 990, 20);
    cut(&test, 1, 1010);
    // 49 in 100 ms are 490 a second: the mark. Records go on to come, at 1010, 1030, ...
    is_done(1);
    step(&test, 1110, 1990, 20);
    cut(&test, 2, 2010);
    // 50 in 400 ms are 125 a second, from 2400 on. Half a record has come by then.
    let published = rates.wait_for(|rates| rates.len() == 1);
    assert_eq!((published[0].rate, published[0].limit), (125, 125));
    assert_eq!((published[0].stream_id, published[0].time), (0, second(2)));
    step(&test, 2404, 2996, 8);
    cut(&test, 3, 3004);
    // 95 in 100 ms are 950 a second, more than may be.
    let published = rates.wait_for(|rates| rates.len() == 2);
    assert_eq!((published[1].rate, published[1].limit), (950, 200));
    assert_eq!(lengths(&log.entries()), [49, 50, 95]);
}

/// Gives the numbers from 0 on: 100 in each batch, or what it may, after a log of its rates.
struct Numbers {
    next: u64,
    batch_max: u64,
    told: Log<ReadRate>,
    panics: bool,
}

impl Numbers {
    fn new(told: &Log<ReadRate>) -> Self {
        Numbers {
            next: 0,
            batch_max: 100,
            told: told.clone(),
            panics: false,
        }
    }
}

impl InputSource<u64> for Numbers {
    fn set_rate(&mut self, rate: ReadRate) {
        assert!(!self.panics, "no rate for me");
        self.told.push(rate);
        self.batch_max = rate.per_batch();
    }

    fn compute(&mut self, _time: Time, ctx: &Context) -> Result<SourceBatch<u64>, String> {
        let numbers: Vec<_> = (self.next..self.next + self.batch_max).collect();
        self.next += self.batch_max;
        let batch = SourceBatch::new(ctx.parallelize(numbers, 1));
        Ok(batch.records(self.batch_max))
    }
}

/// Runs a source with outputs that take so many milliseconds, all together less than a second;
/// the rates that it was told, and how many records its batches had.
fn run_source(
    settings: &[(&str, &str)],
    work_ms: &'static [u64],
) -> (Vec<u64>, Vec<u64>, Vec<RateInfo>) {
    let test = stream(settings);
    let (told, counts) = (Log::new(), Log::new());
    let rates = rates(test.context());
    let (clock, to) = (test.clock().clone(), counts.clone());
    let numbers = test.context().source_stream(Numbers::new(&told));
    numbers.foreach_rdd(move |rdd, _| {
        let batch = to.entries().len();
        clock.advance(millis(work_ms[batch]));
        rdd.count().map(|count| to.push(count))
    });
    test.run(work_ms.len());
    test.context().context().events().flush();
    let told = told.entries().into_iter();
    let told = told.map(ReadRate::records_per_second).collect();
    (told, counts.entries(), rates.entries())
}

#[test]
fn a_source_is_told_its_rate_before_the_next_batch() {
    let settings = [ENABLED, ("streaming.backpressure.initial_rate", "500")];
    let (told, counts, rates) = run_source(&settings, &[100, 250, 400, 0, 10]);
    // 500 in 100 ms set the mark, 500 in 250 ms are 2000 a second, 2000 in 400 ms are 5000; a
    // batch that takes no time says nothing; 5000 in 10 ms are 500000.
    assert_eq!(told, [500, 2000, 5000]);
    assert_eq!(counts, [500, 500, 2000, 5000, 5000]);
    let rates: Vec<_> = rates
        .iter()
        .map(|info| (info.stream_id, info.time, info.rate, info.limit))
        .collect();
    let expected = [
        (0, second(2), 2000, 2000),
        (0, second(3), 5000, 5000),
        (0, second(5), 500_000, 500_000),
    ];
    assert_eq!(rates, expected);
}

#[test]
fn the_gains_are_configured() {
    let proportional = ("streaming.backpressure.pid.proportional", "0.5");
    let derived = ("streaming.backpressure.pid.derived", "0.11");
    let (told, counts, rates) = run_source(&[ENABLED, proportional, derived], &[100, 250, 100]);
    // 1000 a second, then 400, 1.25 s later: 1000 - 0.5 * 600 - 0.11 * 480 = 647.2; then 647 in
    // 100 ms, 1.1 s later: 647.2 + 0.5 * 5822.8 + 0.11 * 6422.8 / 1.1 = 4200.88.
    assert_eq!(told, [647]);
    assert_eq!(counts, [100, 100, 647]);
    let rates: Vec<_> = rates.iter().map(|info| info.rate).collect();
    assert_eq!(rates, [647, 4200]);

    let min_rate = ("streaming.backpressure.pid.min_rate", "700.5");
    let (told, _, _) = run_source(
        &[ENABLED, proportional, derived, min_rate],
        &[100, 250, 100],
    );
    assert_eq!(told, [700]);
}

#[test]
fn without_backpressure_a_source_is_told_nothing() {
    let settings = [("streaming.backpressure.initial_rate", "5")];
    let (told, counts, rates) = run_source(&settings, &[100, 250, 400]);
    assert_eq!((told, counts), (vec![], vec![100, 100, 100]));
    assert!(rates.is_empty());
}

#[test]
fn a_source_that_panics_at_its_rate_fails_the_batch() {
    let test = stream(&[ENABLED, ("streaming.backpressure.initial_rate", "5")]);
    let mut numbers = Numbers::new(&Log::new());
    numbers.panics = true;
    test.collect(&test.context().source_stream(numbers));
    let failed = test.run_to_failure(1);
    assert_eq!(failed.time_ms(), Some(1000));
    assert!(failed.error.to_string().contains("no rate for me"));
}

#[test]
fn wrong_settings_are_refused() {
    for (key, value, expected) in [
        ("backpressure.rate_estimator", "magic", "accepted: `pid`"),
        ("backpressure.enabled", "maybe", "true or false"),
        ("backpressure.initial_rate", "-1", "a whole number"),
        ("receiver.max_rate", "-1", "a whole number"),
        ("backpressure.pid.proportional", "-0.1", "it is below 0"),
        ("backpressure.pid.integral", "-0.1", "it is below 0"),
        ("backpressure.pid.derived", "NaN", "not a finite number"),
        ("backpressure.pid.min_rate", "0", "a number above 0"),
        (
            "backpressure.pid.minRate",
            "5",
            "did you mean `streaming.backpressure.pid.min_rate`?",
        ),
    ] {
        let key = format!("streaming.{key}");
        let conf = Conf::new().master("local[1]").set(&key, value);
        let error = StreamingContext::from_conf(conf, seconds(1)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&key) && text.contains(expected), "{text}");
    }
}
