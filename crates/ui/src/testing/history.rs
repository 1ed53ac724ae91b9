//! The recorded history that tests of pages, REST and metrics tell of.
//!
//! A stream with a receiver and an input of files counts words in batches of a second, and keeps
//! totals. Batch 1 went well; 2 had a skewed partition; 3 began late because of 2, repeated a
//! task, and failed in its second output; 4 waited for 3; 5 runs and 6 is queued. The program
//! has called a job of its own, which failed. Names and messages are hostile where a program can
//! make them so.

use super::jobs::{self, Job, Outcome};
use super::{HOSTILE, START_MS, at, model_of, ms, place};
use crate::model::Model;
use crate::record::{
    Application, At, BatchRecord, Graph, GraphInput, GraphOutput, GraphStream, InputGave,
    OutputRecord, Place, ReceiverRecord, ReceiverState, Record, Setting, StateRecord, StoredRecord,
    StreamStart, Took,
};

/// The id of the program.
pub(crate) const APP: &str = "local-1763999999500";

/// The operators of the stream, by their numbers.
pub(super) const OPERATORS: [&str; 5] = [
    "socket_text_stream",
    "text_file_stream",
    "union",
    "reduce_by_key",
    "update_state_by_key",
];
/// Its outputs, and the streams that they read.
const OUTPUTS: [(&str, usize); 2] = [("print", 3), ("foreach_rdd", 4)];

/// The program while batch 5 runs.
pub(crate) fn model() -> Model {
    model_of(&history())
}

/// The whole history, while batch 5 runs.
pub(crate) fn history() -> Vec<Record> {
    let mut records = begun();
    (1..=4).for_each(|number| completed(&mut records, &Sample::of(number)));
    records.push(receiver(ReceiverState::Slowed, Some(at(4500))));
    jobs::of_the_program(&mut records);
    running(&mut records, &Sample::of(5));
    records.push(Record::BatchSubmitted(Sample::of(6).submitted()));
    records
}

/// A history that has ended after batch 4.
pub(crate) fn ended() -> Vec<Record> {
    let mut records = begun();
    (1..=4).for_each(|number| completed(&mut records, &Sample::of(number)));
    records.push(receiver(ReceiverState::Stopped, None));
    records.push(Record::StreamStopped { at: at(6500) });
    records.push(Record::ApplicationEnded { at: at(9000) });
    records
}

/// A batch of a longer history: every four of them go as the first four.
pub(crate) fn batch(number: u64) -> Vec<Record> {
    let mut records = Vec::new();
    completed(&mut records, &Sample::like((number - 1) % 4 + 1, number));
    records
}

/// What was recorded before the first batch.
pub(crate) fn begun() -> Vec<Record> {
    vec![
        Record::Application(application()),
        Record::StreamStarted(StreamStart {
            at: at(0),
            interval: ms(1000),
            graph: graph(),
        }),
        receiver(ReceiverState::Error, None),
    ]
}

fn application() -> Application {
    let setting = |key: &str, value: &str, origin: &str| Setting {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: origin.to_owned(),
    };
    Application {
        format: crate::live::FORMAT,
        id: APP.to_owned(),
        name: HOSTILE.to_owned(),
        version: "0.1.0".to_owned(),
        user: "ada".to_owned(),
        host: "harbour".to_owned(),
        master: "local[2]".to_owned(),
        slots: 2,
        started: at(-500),
        settings: vec![
            setting("app.name", HOSTILE, "program"),
            setting("streaming.concurrent_jobs", "1", "default"),
            setting("ui.token", "*********(redacted)", "environment"),
        ],
        runtime: vec![("System".to_owned(), "linux x86_64".to_owned())],
    }
}

fn graph() -> Graph {
    let stream = |id: usize, parents: &[usize]| GraphStream {
        id,
        name: (id == 2).then(|| HOSTILE.to_owned()),
        at: place(OPERATORS[id], 10 + id as u32),
        record_type: "(String, u64)".to_owned(),
        slide: ms(1000),
        parents: parents.to_vec(),
        keeps_state: id == 4,
        level: if id == 4 { "MEMORY_ONLY" } else { "" }.to_owned(),
    };
    let input = |id, name: &str, kind: &str| GraphInput {
        id: Some(id),
        name: name.to_owned(),
        stream: id,
        kind: kind.to_owned(),
        is_receiver: kind == "receiver",
    };
    let output = |id: usize| GraphOutput {
        id,
        name: None,
        at: output_place(id),
        stream: OUTPUTS[id].1,
    };
    Graph {
        streams: vec![
            stream(0, &[]),
            stream(1, &[]),
            stream(2, &[0, 1]),
            stream(3, &[2]),
            stream(4, &[3]),
        ],
        inputs: vec![
            input(0, "SocketReceiver-0", "receiver"),
            input(1, HOSTILE, "files"),
        ],
        outputs: vec![output(0), output(1)],
    }
}

pub(super) fn output_place(output: usize) -> Place {
    place(OUTPUTS[output].0, 20 + output as u32)
}

fn receiver(what: ReceiverState, waits_since: Option<At>) -> Record {
    Record::Receiver(ReceiverRecord {
        what,
        stream: 0,
        name: "SocketReceiver-0".to_owned(),
        is_active: what != ReceiverState::Stopped,
        last_error: format!("connection refused {HOSTILE}\nsecond line"),
        last_error_at: Some(at(250)),
        stored: StoredRecord {
            memory_bytes: 1536,
            memory_bytes_max: 1 << 20,
            disk_bytes: 4096,
            disk_bytes_max: 1 << 30,
            waits_since,
        },
    })
}

/// What happens in a batch.
struct Sample {
    number: u64,
    /// How long it waited, in milliseconds.
    waited: u64,
    /// How long its longest task took, in milliseconds.
    longest: u64,
    /// The batch that ran when it was queued.
    waited_for: Option<u64>,
    fails: bool,
}

impl Sample {
    fn of(number: u64) -> Self {
        Sample::like(number, number)
    }

    /// A batch in which happens what happened in another one.
    fn like(known: u64, number: u64) -> Self {
        let (waited, longest, waited_for) = match known {
            2 => (2, 1150, None),
            3 => (210, 3000, Some(number - 1)),
            4 => (2270, 60, Some(number - 1)),
            5 => (1390, 60, Some(number - 2)),
            _ => (2, 60, None),
        };
        Sample {
            number,
            waited,
            longest,
            waited_for,
            fails: known == 3,
        }
    }

    fn begins(&self) -> i64 {
        (self.number * 1000 + self.waited) as i64
    }

    /// What its first output takes; the second begins then.
    fn first_takes(&self) -> u64 {
        self.longest + 30
    }

    fn submitted(&self) -> BatchRecord {
        let gave = |input, records, description: Option<&str>| InputGave {
            input,
            records,
            description: description.map(str::to_owned),
        };
        BatchRecord {
            time: batch_time(self.number),
            submitted: at(self.number as i64 * 1000),
            inputs: vec![
                gave(0, 40 * self.number, None),
                gave(1, 7, Some("/data/a.txt\n/data/<b>.txt")),
            ],
            waited_for: self.waited_for.map(batch_time),
            ..BatchRecord::default()
        }
    }

    fn started(&self) -> BatchRecord {
        BatchRecord {
            scheduling_delay: Some(ms(self.waited)),
            ..self.submitted()
        }
    }

    fn output(&self, output: usize, took: Option<Took>) -> OutputRecord {
        let begins = [0, self.first_takes() as i64][output];
        let failure = || format!("cannot store {HOSTILE} at src/main.rs:21\nsecond line");
        let fails = self.fails && output == 1 && took.is_some();
        OutputRecord {
            time: batch_time(self.number),
            output,
            at: output_place(output),
            started: at(self.begins() + begins),
            took,
            failure: fails.then(failure),
            attempts: if fails { 3 } else { 1 },
        }
    }

    fn first_job(&self, outcome: Outcome) -> Job {
        Job {
            batch: self.number,
            output: 0,
            begins: self.begins() + 5,
            longest: self.longest,
            outcome,
        }
    }

    fn state(&self) -> StateRecord {
        StateRecord {
            stream: 4,
            name: Some("totals".to_owned()),
            at: place(OPERATORS[4], 14),
            keys: 10 * self.number,
            bytes: 1280 * self.number,
            updated: 7,
            added: 2,
            removed: 2,
            timed_out: 1,
        }
    }
}

/// The batch time of a batch, in milliseconds.
pub(crate) fn batch_time(number: u64) -> i64 {
    START_MS + number as i64 * 1000
}

fn completed(records: &mut Vec<Record>, sample: &Sample) {
    let first = sample.output(0, Some(ms(sample.first_takes())));
    let second = sample.output(1, Some(ms(20)));
    records.push(Record::BatchSubmitted(sample.submitted()));
    records.push(Record::BatchStarted(sample.started()));
    records.push(Record::OutputStarted(sample.output(0, None)));
    let (first_goes, second_goes) = match sample.fails {
        true => (Outcome::Repeated, Outcome::Failed),
        false => (Outcome::Succeeded, Outcome::Succeeded),
    };
    sample.first_job(first_goes).record(records);
    records.push(Record::OutputCompleted(first.clone()));
    records.push(Record::OutputStarted(sample.output(1, None)));
    let second_job = Job {
        output: 1,
        begins: sample.begins() + sample.first_takes() as i64 + 2,
        longest: 8,
        ..sample.first_job(second_goes)
    };
    second_job.record(records);
    records.push(Record::OutputCompleted(second.clone()));
    records.push(Record::BatchCompleted(BatchRecord {
        processing_delay: Some(ms(sample.first_takes() + 25)),
        outputs: vec![first, second],
        states: vec![sample.state()],
        commit_took: Some(Took(1500)),
        cut_took: Some(Took(900)),
        ..sample.started()
    }));
}

fn running(records: &mut Vec<Record>, sample: &Sample) {
    records.push(Record::BatchSubmitted(sample.submitted()));
    records.push(Record::BatchStarted(sample.started()));
    records.push(Record::OutputStarted(sample.output(0, None)));
    sample.first_job(Outcome::Running).record(records);
}
