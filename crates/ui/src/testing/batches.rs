//! A short recorded history for the tests of pages, and a page as text.
//!
//! A stream with a receiver and a file input counts words in batches of a second: batches 1 and
//! 2 went well, though 2 had a skewed partition; 3 failed in its second output after a retry; 4
//! waited for 3; 5 runs. Names and messages are hostile where a program could make them so.

use std::collections::BTreeMap;

use super::{HOSTILE, START_MS, at, model_of, ms, place};
use crate::model::Model;
use crate::record::{
    Application, At, BatchRecord, Graph, GraphInput, GraphOutput, InputGave, JobEnd, JobStart,
    OutputRecord, ReceiverRecord, ReceiverState, Record, StageEnd, StagePlanRecord, StageStart,
    StoredRecord, StreamStart, TaskCounts, TaskEnd, TaskStart, Took,
};

const INTERVAL: Took = Took(1_000_000);

/// The program after its whole history.
pub(crate) fn model() -> Model {
    model_of(&records())
}

/// The whole history.
pub(crate) fn records() -> Vec<Record> {
    let mut records = start();
    batch(&mut records, &Sample::of(1));
    batch(
        &mut records,
        &Sample {
            longest: 1150,
            ..Sample::of(2)
        },
    );
    batch(
        &mut records,
        &Sample {
            failure: true,
            longest: 1700,
            ..Sample::of(3)
        },
    );
    batch(
        &mut records,
        &Sample {
            waited: 2300,
            ..Sample::of(4)
        },
    );
    batch(
        &mut records,
        &Sample {
            is_done: false,
            ..Sample::of(5)
        },
    );
    records
}

fn start() -> Vec<Record> {
    let input = |id, name: &str, kind: &str| GraphInput {
        id: Some(id),
        name: name.to_owned(),
        stream: id,
        kind: kind.to_owned(),
        is_receiver: kind == "receiver",
    };
    let output = |id, at| GraphOutput {
        id,
        name: None,
        at,
        stream: 2,
    };
    let graph = Graph {
        inputs: vec![
            input(0, "SocketReceiver-0", "receiver"),
            input(1, HOSTILE, "files"),
        ],
        outputs: vec![
            output(0, place("print", 30)),
            output(1, place("foreach_rdd", 31)),
        ],
        ..Graph::default()
    };
    let stored = StoredRecord {
        memory_bytes: 1536,
        memory_bytes_max: 1 << 20,
        disk_bytes: 4096,
        disk_bytes_max: 1 << 30,
        waits_since: Some(at(4500)),
    };
    vec![
        Record::Application(Application {
            id: "local-1".to_owned(),
            name: HOSTILE.to_owned(),
            version: "0.1.0".to_owned(),
            started: at(0),
            slots: 2,
            ..Application::default()
        }),
        Record::StreamStarted(StreamStart {
            at: at(100),
            interval: INTERVAL,
            graph,
        }),
        Record::Receiver(ReceiverRecord {
            what: ReceiverState::Slowed,
            stream: 0,
            name: "SocketReceiver-0".to_owned(),
            is_active: true,
            last_error: format!("connection refused {HOSTILE}"),
            last_error_at: Some(at(250)),
            stored,
        }),
    ]
}

/// What happens in a batch.
struct Sample {
    number: i64,
    /// How long it waited, in milliseconds.
    waited: u64,
    /// How long its longest task took, in milliseconds.
    longest: u64,
    failure: bool,
    is_done: bool,
}

impl Sample {
    fn of(number: i64) -> Self {
        Sample {
            number,
            waited: 2,
            longest: 60,
            failure: false,
            is_done: true,
        }
    }

    fn time(&self) -> i64 {
        START_MS + self.number * 1000
    }

    /// So many milliseconds after it was begun.
    fn at(&self, millis: u64) -> At {
        at(self.number * 1000 + (self.waited + millis) as i64)
    }

    fn output(&self, output: usize, took: Option<Took>) -> OutputRecord {
        let is_first = output == 0;
        OutputRecord {
            time: self.time(),
            output,
            at: if is_first {
                place("print", 30)
            } else {
                place("foreach_rdd", 31)
            },
            started: self.at(if is_first { 0 } else { self.longest + 20 }),
            took,
            failure: (self.failure && !is_first)
                .then(|| format!("cannot store {HOSTILE} at src/main.rs:31\nsecond line")),
            attempts: if self.failure && !is_first { 3 } else { 1 },
        }
    }

    fn record(&self) -> BatchRecord {
        let gave = |input, records, description: Option<&str>| InputGave {
            input,
            records,
            description: description.map(str::to_owned),
        };
        BatchRecord {
            time: self.time(),
            submitted: at(self.number * 1000),
            inputs: vec![
                gave(0, 40 * self.number as u64, None),
                gave(1, 7, Some("/data/a.txt\n/data/<b>.txt")),
            ],
            waited_for: (self.waited > 1000).then_some(self.time() - 1000),
            ..BatchRecord::default()
        }
    }
}

/// A batch with a job of two tasks in its first output.
fn batch(records: &mut Vec<Record>, sample: &Sample) {
    records.push(Record::BatchSubmitted(sample.record()));
    let started = BatchRecord {
        scheduling_delay: Some(ms(sample.waited)),
        ..sample.record()
    };
    records.push(Record::BatchStarted(started.clone()));
    records.push(Record::OutputStarted(sample.output(0, None)));
    job(records, sample);
    if !sample.is_done {
        return;
    }
    let outputs = vec![
        sample.output(0, Some(ms(sample.longest + 20))),
        sample.output(1, Some(ms(10))),
    ];
    records.extend(outputs.iter().cloned().map(Record::OutputCompleted));
    records.push(Record::BatchCompleted(BatchRecord {
        processing_delay: Some(ms(sample.longest + 30)),
        commit_took: Some(ms(4)),
        cut_took: Some(ms(1)),
        outputs,
        ..started
    }));
}

fn job(records: &mut Vec<Record>, sample: &Sample) {
    let id = sample.number as u64 * 10;
    let stage = |stage, is_skipped| StagePlanRecord {
        stage,
        at: place("reduce_by_key", 20),
        tasks: 2,
        is_skipped,
        ..StagePlanRecord::default()
    };
    let properties = [
        ("streaming.batch_time", sample.time().to_string()),
        ("streaming.output_id", "0".to_owned()),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value));
    records.push(Record::JobStarted(JobStart {
        job: id,
        at: sample.at(5),
        action: place("take", 30),
        stages: vec![stage(id, true), stage(id + 1, false)],
        properties: BTreeMap::from(properties),
        ..JobStart::default()
    }));
    records.push(Record::StageSubmitted(StageStart {
        job: id,
        stage: id + 1,
        at: sample.at(6),
        place: place("reduce_by_key", 20),
        tasks: 2,
    }));
    task(records, sample, 0, 0, 20);
    if !sample.is_done {
        return;
    }
    let is_retried = sample.failure;
    if is_retried {
        task(records, sample, 1, 0, sample.longest - 20);
    }
    let last = if is_retried { 20 } else { sample.longest };
    task(records, sample, 1, u32::from(is_retried), last);
    records.push(Record::StageCompleted(StageEnd {
        job: id,
        stage: id + 1,
        at: sample.at(sample.longest + 7),
        ..StageEnd::default()
    }));
    records.push(Record::JobEnded(JobEnd {
        job: id,
        at: sample.at(sample.longest + 8),
        took: ms(sample.longest + 3),
        error: None,
    }));
}

/// A task; one that is tried again fails.
fn task(records: &mut Vec<Record>, sample: &Sample, partition: usize, attempt: u32, took: u64) {
    let stage = sample.number as u64 * 10 + 1;
    let job = stage - 1;
    let fails = sample.failure && partition == 1 && attempt == 0;
    records.push(Record::TaskStarted(TaskStart {
        task: 0,
        job,
        stage,
        partition,
        attempt,
        at: sample.at(6),
    }));
    records.push(Record::TaskEnded(TaskEnd {
        job,
        stage,
        partition,
        attempt,
        slot: Some(partition),
        launched: sample.at(7),
        at: sample.at(7 + took),
        counts: TaskCounts {
            shuffle_records_read: 10 + 100 * partition as u64,
            run_time: ms(took),
            ..TaskCounts::default()
        },
        error: fails.then(|| format!("{HOSTILE} in src/main.rs:21")),
        ..TaskEnd::default()
    }));
}
