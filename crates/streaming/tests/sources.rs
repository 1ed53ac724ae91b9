//! Sources of the user's own, and output partition by partition.

mod probe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use headwater_core::Context;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{InputSource, OutputNumber, PartitionKey, SourceBatch, StreamingState};
use parking_lot::Mutex;
use probe::{Log, Told, record, stream};

/// Gives its batch times, logs its calls, and fails as told.
struct Logged {
    log: Log<String>,
    fails_to_start: bool,
    fails_at: &'static [i64],
    panics_at: &'static [i64],
}

impl Logged {
    fn new(log: &Log<String>) -> Self {
        Logged {
            log: log.clone(),
            fails_to_start: false,
            fails_at: &[],
            panics_at: &[],
        }
    }
}

impl InputSource<i64> for Logged {
    fn start(&mut self) -> Result<(), String> {
        self.log.push("start".to_owned());
        if self.fails_to_start {
            return Err("the door is locked".to_owned());
        }
        Ok(())
    }

    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        let second = time.as_millis() / 1000;
        self.log.push(format!("compute {second}"));
        assert!(!self.panics_at.contains(&second), "{second} is too much");
        if self.fails_at.contains(&second) {
            return Err(format!("{second} is not there"));
        }
        let batch = SourceBatch::from(ctx.parallelize(vec![second], 1));
        Ok(batch.records(1).description(format!("second {second}")))
    }

    fn stop(&mut self) {
        self.log.push("stop".to_owned());
    }
}

fn failure(told: &Told) -> Option<String> {
    match told {
        Told::OutputCompleted(output) => Some(output.failure.as_ref()?.to_string()),
        _ => None,
    }
}

#[test]
fn a_source_is_asked_once_for_each_batch_and_stopped_once() {
    let (test, log) = (stream(&[]), Log::new());
    let source = test.context().source_stream(Logged::new(&log));
    // Neither several readers nor a slide that leaves batches out change what it is asked.
    let sparse = test.collect(&source.window(seconds(1), seconds(3)));
    let (one, two) = (test.collect(&source), test.collect(&source.map(|n| -n)));
    assert!(log.entries().is_empty());
    test.run(3);
    test.context().stop(false, false).unwrap();
    test.context().stop(false, true).unwrap();
    one.assert_batches([[1], [2], [3]]);
    two.assert_batches([[-1], [-2], [-3]]);
    sparse.assert_batches([[3]]);
    let expected = ["start", "compute 1", "compute 2", "compute 3", "stop"];
    assert_eq!(log.entries(), expected);
}

#[test]
fn windows_read_what_the_source_gave_before() {
    let (test, log) = (stream(&[]), Log::new());
    let source = test.context().source_stream(Logged::new(&log));
    let out = test.collect(&source.window(seconds(3), None));
    test.run(4);
    out.assert_batches([vec![1], vec![1, 2], vec![1, 2, 3], vec![2, 3, 4]]);
    test.run(2);
    assert_eq!(log.entries().len(), 7);
    // What nothing remembers is not asked for again.
    let error = source
        .slice(Time::ZERO, Time::from_millis(1000))
        .err()
        .expect("the first batch is forgotten");
    assert!(
        error.to_string().contains("StreamingContext::remember"),
        "{error}"
    );
}

#[test]
fn a_source_that_fails_fails_the_outputs_of_its_batch_only() {
    let (test, log) = (stream(&[("streaming.on_failure", "continue")]), Log::new());
    let source = test.context().source_stream(Logged {
        fails_at: &[2],
        panics_at: &[3],
        ..Logged::new(&log)
    });
    let (one, two) = (test.collect(&source), test.collect(&source.map(|n| -n)));
    let ticks = test.context().stream_by_time(|time| vec![time.as_millis()]);
    let ticks = test.collect(&ticks);
    let told = record(test.context());
    test.run(4);
    test.context().context().events().flush();
    let failures: Vec<_> = told.entries().iter().filter_map(failure).collect();
    let expected = ["2 is not there", "3 is too much"];
    assert_eq!(failures.len(), 4, "{failures:?}");
    for (place, message) in failures.iter().enumerate() {
        let expected = expected[place / 2];
        assert!(message.contains("source_stream at"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    one.assert_batches([[1], [4]]);
    two.assert_batches([[-1], [-4]]);
    ticks.assert_batches([[1000], [2000], [3000], [4000]]);
    // It is asked once, however many outputs need what it could not give.
    let calls = log
        .entries()
        .into_iter()
        .filter(|call| call.starts_with("compute"));
    assert_eq!(calls.count(), 4);
}

#[test]
fn a_source_that_cannot_start_stops_the_start() {
    let (test, log) = (stream(&[]), Log::new());
    let late = Log::new();
    let source = test.context().source_stream(Logged {
        fails_to_start: true,
        ..Logged::new(&log)
    });
    let unstarted = test.context().source_stream(Logged::new(&late));
    test.collect(&source.union(&unstarted));
    let failed = test.run_to_failure(1);
    assert_eq!(failed.time, None);
    let message = failed.error.to_string();
    assert!(
        message.contains("source_stream at") && message.contains("door is locked"),
        "{message}"
    );
    assert_eq!(test.context().state(), StreamingState::Stopped);
    assert_eq!(log.entries(), ["start", "stop"]);
    assert!(late.entries().is_empty());
}

#[test]
fn events_show_what_a_source_knows_of_its_batch() {
    let test = stream(&[]);
    let source = test.context().source_stream(Logged::new(&Log::new()));
    test.collect(&source);
    let told = record(test.context());
    test.run(2);
    test.context().context().events().flush();
    let inputs = told.entries().into_iter().filter_map(|told| match told {
        Told::Submitted(batch) => Some(batch.inputs[&0].clone()),
        _ => None,
    });
    let shown: Vec<_> = inputs
        .map(|input| (input.records, input.description))
        .collect();
    assert_eq!(
        shown,
        [(1, Some("second 1".into())), (1, Some("second 2".into()))]
    );
}

#[test]
fn partitions_are_written_under_the_key_of_their_first_attempt() {
    let test = stream(&[("task.max_failures", "3")]);
    let tried = Arc::new(AtomicU32::new(0));
    let table = Arc::new(Mutex::new(BTreeMap::<PartitionKey, Vec<Vec<u32>>>::new()));
    let input = test.input(vec![vec![1, 2, 3], vec![], vec![4]]);
    input.map(|n| n).print();
    let to = table.clone();
    let output = input.for_each_partition_with_key(move |key, records| {
        to.lock().entry(key).or_default().push(records.into_vec());
        let is_first = key.partition == 1 && tried.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first {
            Err("the connection broke")
        } else {
            Ok(())
        }
    });
    test.run(3);
    let key = |second: i64, partition| PartitionKey {
        time: Time::from_millis(second * 1000),
        output: OutputNumber::new(1),
        partition,
    };
    let expected = BTreeMap::from([
        (key(1, 0), vec![vec![1]]),
        (key(1, 1), vec![vec![2, 3]; 2]),
        (key(2, 0), vec![vec![]]),
        (key(2, 1), vec![vec![]]),
        (key(3, 0), vec![vec![]]),
        (key(3, 1), vec![vec![4]]),
    ]);
    assert_eq!(output.index(), 1);
    assert_eq!(*table.lock(), expected);
}

#[test]
fn a_sink_that_fails_fails_its_batch_with_its_words_and_line() {
    type Output = fn(&headwater_streaming::DStream<i32>);
    let outputs: [Output; 2] = [
        |stream| {
            stream.for_each_partition(|mut records| {
                records.try_for_each(|n| if n == 3 { Err("no threes") } else { Ok(()) })
            });
        },
        |stream| {
            stream.for_each_partition_with_key(|key, mut records| {
                assert!(records.all(|n| n != 3), "no threes: {key}");
            });
        },
    ];
    for output in outputs {
        let test = TestStream::new(seconds(1));
        output(&test.input(vec![vec![1, 2], vec![3]]));
        let failed = test.run_to_failure(3);
        assert_eq!(failed.time_ms(), Some(2000));
        let message = failed.error.to_string();
        let named = message.contains("for_each_partition") && message.contains("sources.rs:");
        assert!(named && message.contains("no threes"), "{message}");
    }
}
