//! A recorded history for tests: a stream that counts words, with everything that pages show.
//!
//! Batches are a second apart from [`START`] on. Input 0 is a receiver that has failed once,
//! input 1 reads files. Output 0 counts by a shuffle, output 1 saves. Of six batches the third
//! failed to save, the fifth runs and the sixth waits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use headwater_core::Conf;

use crate::WebUi;
use crate::model::Limits;
use crate::record::{
    Application, At, BatchRecord, Graph, GraphInput, GraphOutput, GraphStream, InputGave, JobEnd,
    JobStart, OperatorRecord, OutputRecord, Place, ReceiverRecord, ReceiverState, Record, Setting,
    StageEnd, StagePlanRecord, StageStart, StateRecord, StoredRecord, StreamStart, TaskCounts,
    TaskEnd, TaskStart, Took,
};
use crate::server::{Access, Shown};
use crate::settings::Settings;
use crate::site::Site;

/// When the stream was started, in milliseconds: 2026-11-21T00:52:10Z.
pub(crate) const START: i64 = 1_795_222_330_000;

/// The id of the program.
pub(crate) const APP: &str = "local-1795222329500";

/// Text that must not become anything but text.
pub(crate) const HOSTILE: &str = "<script>alert(\"1\")</script>\\\n";

/// A time after the start of the stream, in milliseconds.
pub(crate) fn at(millis: i64) -> At {
    At((START + millis) * 1000)
}

pub(crate) fn took(millis: u64) -> Took {
    Took(millis * 1000)
}

pub(crate) fn place(operator: &str, line: u32) -> Place {
    Place {
        operator: operator.to_owned(),
        line: format!("src/main.rs:{line}"),
    }
}

/// The whole history.
pub(crate) fn history() -> Vec<Record> {
    let mut records = vec![
        Record::Application(application()),
        Record::StreamStarted(stream()),
        receiver(ReceiverState::Started, true, ""),
        receiver(ReceiverState::Error, true, "the line is bad\nat byte 7"),
    ];
    for number in 1..=4 {
        records.extend(completed(number));
    }
    records.extend(running(5));
    records.push(Record::BatchSubmitted(batch(6, 6)));
    records
}

/// What answers from the history, without a running program.
pub(crate) fn shown(records: &[Record]) -> Arc<Shown> {
    let site = Site::new(Limits::default());
    for record in records {
        site.apply(record);
    }
    let settings = Settings::read(&Conf::new()).unwrap();
    let access = Access::new(&settings).unwrap();
    Arc::new(Shown::new(site, None, Arc::new(access)))
}

/// The head, in small letters, and the body of what a server answers over a socket.
pub(crate) fn get(ui: &WebUi, path: &str) -> (String, String) {
    let host = ui.url().trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

pub(crate) fn application() -> Application {
    let setting = |key: &str, value: &str| Setting {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: "program".to_owned(),
    };
    Application {
        format: 1,
        id: APP.to_owned(),
        name: "words".to_owned(),
        version: "0.1.0".to_owned(),
        user: "ada".to_owned(),
        host: "harbour".to_owned(),
        master: "local[2]".to_owned(),
        slots: 2,
        started: at(-500),
        settings: vec![
            setting("app.name", "words"),
            setting("ui.token", "*********(redacted)"),
        ],
        runtime: vec![("System".to_owned(), "linux x86_64".to_owned())],
    }
}

pub(crate) fn stream() -> StreamStart {
    let input = |id: usize, name: &str, kind: &str, is_receiver| GraphInput {
        id: Some(id),
        name: name.to_owned(),
        stream: id,
        kind: kind.to_owned(),
        is_receiver,
    };
    let node = |id, operator: &str, parents: &[usize]| GraphStream {
        id,
        at: place(operator, 10 + id as u32),
        record_type: "String".to_owned(),
        slide: took(1000),
        parents: parents.to_vec(),
        keeps_state: operator == "update_state_by_key",
        ..GraphStream::default()
    };
    let output = |id, operator: &str, line, stream| GraphOutput {
        id,
        name: None,
        at: place(operator, line),
        stream,
    };
    StreamStart {
        at: at(0),
        interval: took(1000),
        graph: Graph {
            streams: vec![
                node(0, "socket_text_stream", &[]),
                node(1, "text_file_stream", &[]),
                node(2, "update_state_by_key", &[0]),
            ],
            inputs: vec![
                input(0, "SocketReceiver-0", "receiver", true),
                input(1, "text_file_stream", "files", false),
            ],
            outputs: vec![
                output(0, "print", 20, 2),
                output(1, "save_as_text_files", 21, 1),
            ],
        },
    }
}

pub(crate) fn receiver(what: ReceiverState, is_active: bool, error: &str) -> Record {
    Record::Receiver(ReceiverRecord {
        what,
        stream: 0,
        name: "SocketReceiver-0".to_owned(),
        is_active,
        last_error: error.to_owned(),
        last_error_at: (!error.is_empty()).then(|| at(700)),
        stored: StoredRecord {
            memory_bytes: 4096,
            memory_bytes_max: 1 << 20,
            disk_bytes: 0,
            disk_bytes_max: 1 << 30,
            waits_since: None,
        },
    })
}

/// A batch that was just queued; it was given ten records of each input for its number.
pub(crate) fn batch(number: i64, records: u64) -> BatchRecord {
    let gave = |input, description: Option<&str>| InputGave {
        input,
        records: records * 10,
        description: description.map(str::to_owned),
    };
    BatchRecord {
        time: START + number * 1000,
        submitted: at(number * 1000 + 2),
        inputs: vec![gave(0, None), gave(1, Some("/data/in.txt"))],
        ..BatchRecord::default()
    }
}

pub(crate) fn output(number: i64, output: usize, took: Option<Took>) -> OutputRecord {
    let operator = ["print", "save_as_text_files"][output];
    OutputRecord {
        time: START + number * 1000,
        output,
        at: place(operator, 20 + output as u32),
        started: at(number * 1000 + 12),
        took,
        failure: None,
        attempts: 1,
    }
}

fn completed(number: i64) -> Vec<Record> {
    let mut done = batch(number, number as u64);
    let mut records = vec![Record::BatchSubmitted(done.clone())];
    done.scheduling_delay = Some(took(10));
    records.push(Record::BatchStarted(done.clone()));
    records.push(Record::OutputStarted(output(number, 0, None)));
    records.extend(job(number, 0, None));
    let first = output(number, 0, Some(took(30)));
    let mut second = output(number, 1, Some(took(20)));
    if number == 3 {
        second.failure = Some("the disk is full (src/main.rs:21)".to_owned());
        records.extend(job(number, 1, Some("the disk is full")));
    }
    records.push(Record::OutputCompleted(first.clone()));
    records.push(Record::OutputCompleted(second.clone()));
    done.outputs = vec![first, second];
    done.processing_delay = Some(took(50 * number as u64));
    done.commit_took = Some(took(3));
    done.cut_took = Some(took(1));
    done.states = vec![StateRecord {
        stream: 2,
        at: place("update_state_by_key", 12),
        keys: number as u64 * 5,
        bytes: number as u64 * 500,
        updated: 5,
        ..StateRecord::default()
    }];
    records.push(Record::BatchCompleted(done));
    records
}

fn running(number: i64) -> Vec<Record> {
    let mut now = batch(number, number as u64);
    let queued = Record::BatchSubmitted(now.clone());
    now.scheduling_delay = Some(took(10));
    let mut records = vec![queued, Record::BatchStarted(now)];
    records.push(Record::OutputStarted(output(number, 0, None)));
    let mut job = job(number, 0, None);
    // The last task has not ended, and so neither have its stage and its job.
    job.truncate(job.len() - 3);
    records.extend(job);
    records
}

/// The records of a job with two stages of two tasks; the first task's attempt 0 fails if the
/// job does.
fn job(number: i64, output: usize, error: Option<&str>) -> Vec<Record> {
    let job = number as u64 * 2 + output as u64;
    let begin = number * 1000 + 12;
    let stages = [job * 2, job * 2 + 1];
    let mut records = vec![Record::JobStarted(plan(number, output, job, stages))];
    for (place_of, stage) in stages.into_iter().enumerate() {
        let start = begin + place_of as i64 * 10;
        records.push(Record::StageSubmitted(StageStart {
            job,
            stage,
            at: at(start),
            place: stage_place(place_of),
            tasks: 2,
        }));
        records.extend(tasks(job, stage, start, error));
        records.push(Record::StageCompleted(StageEnd {
            job,
            stage,
            at: at(start + 9),
            error: error.map(str::to_owned),
            counts: sum(counts(1), counts(2)),
            accumulators: vec![("lines".to_owned(), "3".to_owned())],
            operators: Vec::new(),
        }));
        if error.is_some() {
            break;
        }
    }
    records.push(Record::JobEnded(JobEnd {
        job,
        at: at(begin + 20),
        took: took(20),
        error: error.map(str::to_owned),
    }));
    records
}

fn stage_place(place_of: usize) -> Place {
    match place_of {
        0 => place("map", 11),
        _ => place("print", 20),
    }
}

fn plan(number: i64, output: usize, job: u64, stages: [u64; 2]) -> JobStart {
    let stage = |(place_of, stage): (usize, &u64)| StagePlanRecord {
        stage: *stage,
        at: stage_place(place_of),
        tasks: 2,
        needs: stages[..place_of].to_vec(),
        operators: vec![job * 10 + place_of as u64],
        is_skipped: false,
    };
    let operator = |place_of: u64| OperatorRecord {
        rdd: job * 10 + place_of,
        at: stage_place(place_of as usize),
        parents: (0..place_of).map(|parent| job * 10 + parent).collect(),
        partitions: 2,
        ..OperatorRecord::default()
    };
    let properties = [
        ("streaming.batch_time", (START + number * 1000).to_string()),
        ("streaming.output_id", output.to_string()),
    ];
    JobStart {
        job,
        at: at(number * 1000 + 12),
        action: place("print", 20),
        stages: stages.iter().enumerate().map(stage).collect(),
        operators: (0..2).map(operator).collect(),
        description: Some(format!("output {output} of batch {number}")),
        group: None,
        tags: vec!["words".to_owned()],
        properties: properties
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
    }
}

fn counts(partition: u64) -> TaskCounts {
    TaskCounts {
        records_read: 100 * partition,
        bytes_read: 1000 * partition,
        shuffle_records_written: 10 * partition,
        run_time: took(3 * partition),
        ..TaskCounts::default()
    }
}

fn sum(mut one: TaskCounts, other: TaskCounts) -> TaskCounts {
    one += other;
    one
}

fn tasks(job: u64, stage: u64, start: i64, error: Option<&str>) -> Vec<Record> {
    let task = |partition: usize| stage * 2 + partition as u64;
    let begin = |partition| {
        Record::TaskStarted(TaskStart {
            task: task(partition),
            job,
            stage,
            partition,
            attempt: 0,
            at: at(start),
        })
    };
    let end = |partition: usize| {
        Record::TaskEnded(TaskEnd {
            task: task(partition),
            job,
            stage,
            partition,
            attempt: 0,
            slot: Some(partition),
            launched: at(start + 1),
            at: at(start + 1 + 3 * (partition as i64 + 1)),
            counts: counts(partition as u64 + 1),
            error: error.map(str::to_owned),
            accumulators: Vec::new(),
            operators: Vec::new(),
        })
    };
    vec![begin(0), begin(1), end(0), end(1)]
}
