//! A short recorded history of jobs, for the tests of the pages about them.
//!
//! A stream counts words. Its batch had two outputs: job 0 ran stages 0 and 1; job 1 read the
//! same shuffle, so that it skipped stage 0 and ran stage 3. Job 2 failed, job 3 runs. Names and
//! messages are hostile where a program could make them so.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::record::{
    Application, BatchRecord, Graph, GraphInput, GraphOutput, GraphStream, InputGave, JobEnd,
    JobStart, OperatorCount, OperatorRecord, Record, StageEnd, StagePlanRecord, StageStart,
    StateRecord, StreamStart, TaskCounts, TaskEnd, TaskStart,
};
use crate::testing::{HOSTILE, START_MS, at, model_of, ms, place};

/// The time of the batch.
pub(crate) const BATCH: i64 = START_MS + 1000;

pub(crate) fn model() -> Model {
    model_of(&records())
}

/// A stage of a job of its own whose tasks took so many milliseconds and had so many records.
pub(crate) fn stage_of(millis: &[u64]) -> Vec<Record> {
    let mut records = vec![Record::StageSubmitted(StageStart {
        at: at(0),
        place: place("count", 3),
        tasks: millis.len(),
        ..StageStart::default()
    })];
    for (partition, millis) in millis.iter().enumerate() {
        records.extend(task((0, 0), (partition, 0), *millis, None));
    }
    records
}

pub(crate) fn records() -> Vec<Record> {
    let batch = BatchRecord {
        time: BATCH,
        submitted: at(1000),
        inputs: vec![InputGave {
            records: 100,
            ..InputGave::default()
        }],
        ..BatchRecord::default()
    };
    let mut records = vec![
        Record::Application(Application {
            id: "local-1".to_owned(),
            name: HOSTILE.to_owned(),
            started: at(0),
            slots: 2,
            ..Application::default()
        }),
        Record::StreamStarted(StreamStart {
            at: at(100),
            interval: ms(1000),
            graph: graph(),
        }),
        Record::BatchSubmitted(batch.clone()),
        Record::BatchStarted(batch.clone()),
    ];
    first_job(&mut records);
    second_job(&mut records);
    records.push(Record::BatchCompleted(BatchRecord {
        states: vec![StateRecord {
            stream: 3,
            keys: 1234,
            bytes: 2048,
            ..StateRecord::default()
        }],
        ..batch
    }));
    failed_job(&mut records);
    running_job(&mut records);
    records
}

/// Words of a socket, counted in a batch and since the start.
fn graph() -> Graph {
    let stream = |id, operator: &str, parents: &[usize]| GraphStream {
        id,
        at: place(operator, 10 + id as u32),
        record_type: "(String, u64)".to_owned(),
        slide: ms(1000),
        parents: parents.to_vec(),
        ..GraphStream::default()
    };
    let output = |id, operator, stream| GraphOutput {
        id,
        name: None,
        at: place(operator, 20 + id as u32),
        stream,
    };
    Graph {
        streams: vec![
            stream(0, "socket_text_stream", &[]),
            GraphStream {
                name: Some(HOSTILE.to_owned()),
                ..stream(1, "flat_map", &[0])
            },
            stream(2, "reduce_by_key", &[1]),
            GraphStream {
                keeps_state: true,
                ..stream(3, "update_state_by_key", &[2])
            },
        ],
        inputs: vec![GraphInput {
            id: Some(0),
            name: "SocketReceiver-0".to_owned(),
            stream: 0,
            kind: "receiver".to_owned(),
            is_receiver: true,
        }],
        outputs: vec![output(0, "print", 2), output(1, "foreach_rdd", 3)],
    }
}

/// The RDDs of the batch: 0 and 1 before the shuffle, 2 after it, 3 the state.
fn operators(rdds: &[u64]) -> Vec<OperatorRecord> {
    let names = [
        "socket_text_stream",
        "flat_map",
        "reduce_by_key",
        "update_state_by_key",
    ];
    let one = |rdd: &u64| OperatorRecord {
        rdd: *rdd,
        at: place(names[*rdd as usize], 10 + *rdd as u32),
        parents: rdd.checked_sub(1).into_iter().collect(),
        partitions: 2,
        is_cached: *rdd == 3,
        level: if *rdd == 3 { "MEMORY_ONLY" } else { "" }.to_owned(),
        scope: Some((*rdd, format!("{} @ 16:00:01", names[*rdd as usize]))),
        ..OperatorRecord::default()
    };
    rdds.iter().map(one).collect()
}

fn plan(stage: u64, needs: &[u64], operators: &[u64]) -> StagePlanRecord {
    StagePlanRecord {
        stage,
        at: place("reduce_by_key", 12),
        tasks: 2,
        needs: needs.to_vec(),
        operators: operators.to_vec(),
        is_skipped: false,
    }
}

fn called_by_batch(output: usize) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("streaming.batch_time".to_owned(), BATCH.to_string()),
        ("streaming.output_id".to_owned(), output.to_string()),
    ])
}

fn first_job(records: &mut Vec<Record>) {
    records.push(Record::JobStarted(JobStart {
        job: 0,
        at: at(1010),
        action: place("take", 20),
        stages: vec![plan(0, &[], &[0, 1]), plan(1, &[0], &[2])],
        operators: operators(&[0, 1, 2]),
        group: Some("words".to_owned()),
        tags: vec!["a".to_owned(), "b".to_owned()],
        properties: called_by_batch(0),
        ..JobStart::default()
    }));
    stage(records, (0, 0), &[(0, 100, 3), (1, 420, 9)]);
    stage(records, (0, 1), &[(2, 37, 4)]);
    ended(records, 0, None);
}

fn second_job(records: &mut Vec<Record>) {
    let skipped = StagePlanRecord {
        is_skipped: true,
        ..plan(0, &[], &[0, 1])
    };
    records.push(Record::JobStarted(JobStart {
        job: 1,
        at: at(1100),
        action: place("foreach_partition", 21),
        stages: vec![skipped, plan(3, &[0], &[2, 3])],
        operators: operators(&[0, 1, 2, 3]),
        properties: called_by_batch(1),
        ..JobStart::default()
    }));
    stage(records, (1, 3), &[(2, 37, 2), (3, 1234, 8)]);
    ended(records, 1, None);
}

fn failed_job(records: &mut Vec<Record>) {
    records.push(Record::JobStarted(JobStart {
        job: 2,
        at: at(1200),
        action: place(HOSTILE, 30),
        stages: vec![plan(4, &[], &[])],
        description: Some(HOSTILE.to_owned()),
        ..JobStart::default()
    }));
    records.push(submitted(2, 4));
    records.extend(task(
        (2, 4),
        (0, 0),
        5,
        Some(format!("{HOSTILE}\nsecond line")),
    ));
    records.push(Record::StageCompleted(StageEnd {
        job: 2,
        stage: 4,
        at: at(1220),
        error: Some(format!("{HOSTILE}\nsecond line")),
        ..StageEnd::default()
    }));
    ended(records, 2, Some(format!("{HOSTILE}\nsecond line")));
}

fn running_job(records: &mut Vec<Record>) {
    records.push(Record::JobStarted(JobStart {
        job: 3,
        at: at(1300),
        action: place("count", 31),
        stages: vec![plan(5, &[], &[])],
        ..JobStart::default()
    }));
    records.push(submitted(3, 5));
    records.extend(task((3, 5), (0, 0), 10, None));
    let [start, _] = task((3, 5), (1, 0), 10, None);
    records.push(start);
}

fn submitted(job: u64, stage: u64) -> Record {
    Record::StageSubmitted(StageStart {
        job,
        stage,
        at: at(1300),
        place: place("reduce_by_key", 12),
        tasks: 2,
    })
}

/// A stage that succeeds in two tasks, and what its operators counted: RDD, records, time.
fn stage(records: &mut Vec<Record>, (job, stage): (u64, u64), counted: &[(u64, u64, u64)]) {
    records.push(submitted(job, stage));
    for partition in 0..2 {
        records.extend(task(
            (job, stage),
            (partition, 0),
            10 + partition as u64,
            None,
        ));
    }
    let count = |(rdd, records, millis): &(u64, u64, u64)| OperatorCount {
        rdd: *rdd,
        records: *records,
        time: ms(*millis),
    };
    records.push(Record::StageCompleted(StageEnd {
        job,
        stage,
        at: at(1330),
        counts: TaskCounts {
            records_read: 100,
            shuffle_records_written: 55,
            run_time: ms(21),
            ..TaskCounts::default()
        },
        accumulators: vec![(format!("bad lines {HOSTILE}"), "7".to_owned())],
        operators: counted.iter().map(count).collect(),
        ..StageEnd::default()
    }));
}

fn ended(records: &mut Vec<Record>, job: u64, error: Option<String>) {
    records.push(Record::JobEnded(JobEnd {
        job,
        at: at(1400),
        took: ms(90),
        error,
    }));
}

/// Begin and end of a task, two milliseconds after it was handed over.
fn task(
    (job, stage): (u64, u64),
    (partition, attempt): (usize, u32),
    millis: u64,
    error: Option<String>,
) -> [Record; 2] {
    let start = TaskStart {
        task: 0,
        job,
        stage,
        partition,
        attempt,
        at: at(1305),
    };
    let end = TaskEnd {
        task: 0,
        job,
        stage,
        partition,
        attempt,
        slot: Some(partition % 2),
        launched: at(1307),
        at: at(1307 + millis as i64),
        counts: TaskCounts {
            records_read: millis,
            run_time: ms(millis),
            ..TaskCounts::default()
        },
        error,
        ..TaskEnd::default()
    };
    [Record::TaskStarted(start), Record::TaskEnded(end)]
}
