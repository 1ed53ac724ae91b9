//! A small history for tests of pages.

use jiff::tz::TimeZone;

use super::HOSTILE;
use crate::live::Live;
use crate::model::{Limits, Model};
use crate::pages::{Answer, Base, Query, View, framed};
use crate::record::{
    Application, At, BatchRecord, Graph, GraphInput, GraphStream, InputGave, JobEnd, JobStart,
    OutputRecord, Place, ReceiverRecord, ReceiverState, Record, StageEnd, StageStart, StateRecord,
    StoredRecord, StreamStart, TaskCounts, TaskEnd, TaskStart, Took,
};

/// A program with a stream of one receiver and one input of files: four batches of a second that
/// are done, of which the second one failed, and one that runs.
pub(crate) struct Sample {
    pub(crate) model: Model,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let mut model = Model::new(Limits::default());
        records().iter().for_each(|record| model.apply(record));
        Sample { model }
    }

    pub(crate) fn answer(&self, page: fn(&View<'_>) -> Answer, uri: &str) -> Answer {
        self.with_view(None, uri, page)
    }

    /// The whole page of a history.
    pub(crate) fn page(&self, page: fn(&View<'_>) -> Answer, uri: &str) -> String {
        self.with_view(None, uri, |view| framed(view, &page(view)).into_string())
    }

    /// The whole page while the program runs.
    pub(crate) fn live_page(
        &self,
        ctx: &headwater_core::Context,
        page: fn(&View<'_>) -> Answer,
        uri: &str,
    ) -> String {
        let live = Live::new(ctx, None);
        self.with_view(Some(&live), uri, |view| {
            framed(view, &page(view)).into_string()
        })
    }

    /// That hostile text is on the page, and is text.
    #[track_caller]
    pub(crate) fn assert_escaped(&self, page: fn(&View<'_>) -> Answer, uri: &str) {
        let shown = self.page(page, uri);
        assert!(!shown.contains(HOSTILE), "{shown}");
        assert!(shown.contains("&lt;script&gt;alert(1)"), "{shown}");
    }

    fn with_view<R>(&self, live: Option<&Live>, uri: &str, use_it: impl Fn(&View<'_>) -> R) -> R {
        use_it(&View {
            model: &self.model,
            live,
            query: &Query::of(&uri.parse().unwrap()),
            zone: &TimeZone::UTC,
            base: &Base::default(),
        })
    }
}

fn place(operator: &str, line: &str) -> Place {
    Place {
        operator: operator.to_owned(),
        line: line.to_owned(),
    }
}

fn at(millis: i64) -> At {
    At(millis * 1000)
}

fn took(millis: u64) -> Took {
    Took(millis * 1000)
}

/// What happened in the sample, in its order.
pub(crate) fn records() -> Vec<Record> {
    let mut records = vec![
        Record::Application(Application {
            format: crate::live::FORMAT,
            id: "local-0".to_owned(),
            name: "sample".to_owned(),
            version: "0.1.0".to_owned(),
            host: "example".to_owned(),
            slots: 2,
            ..Application::default()
        }),
        Record::StreamStarted(StreamStart {
            at: at(500),
            interval: took(1000),
            graph: graph(),
        }),
        Record::Receiver(receiver()),
    ];
    (1..=4).for_each(|number| batch(number, &mut records));
    let running = BatchRecord {
        time: 5000,
        submitted: at(5001),
        scheduling_delay: Some(took(1)),
        ..BatchRecord::default()
    };
    records.push(Record::BatchSubmitted(running.clone()));
    records.push(Record::BatchStarted(running));
    task_starts(5, &mut records);
    records
}

fn graph() -> Graph {
    let stream = |id, operator, line, keeps_state| GraphStream {
        id,
        at: place(operator, line),
        keeps_state,
        ..GraphStream::default()
    };
    Graph {
        streams: vec![
            stream(0, "receiver_stream", "main.rs:1", false),
            stream(1, "text_file_stream", "main.rs:2", false),
            stream(3, "update_state_by_key", "main.rs:5", true),
            stream(4, "reduce_by_key_and_window", "windowed.rs:9", true),
        ],
        inputs: vec![
            GraphInput {
                id: Some(0),
                name: "sensor".to_owned(),
                stream: 0,
                kind: "receiver".to_owned(),
                is_receiver: true,
            },
            GraphInput {
                id: Some(1),
                name: "files".to_owned(),
                stream: 1,
                kind: "files".to_owned(),
                is_receiver: false,
            },
        ],
        outputs: Vec::new(),
    }
}

fn receiver() -> ReceiverRecord {
    ReceiverRecord {
        what: ReceiverState::Slowed,
        stream: 0,
        name: "sensor".to_owned(),
        is_active: true,
        stored: StoredRecord {
            memory_bytes: 512 << 10,
            memory_bytes_max: 1 << 20,
            disk_bytes: 0,
            disk_bytes_max: 1 << 30,
            waits_since: Some(at(3000)),
        },
        ..ReceiverRecord::default()
    }
}

/// A batch with one job of one stage with two tasks, or one that fails if it is the second.
fn batch(number: u64, records: &mut Vec<Record>) {
    let start = i64::try_from(number).unwrap() * 1000;
    let failure = (number == 2).then(|| "no such luck".to_owned());
    let output = OutputRecord {
        time: start,
        output: 0,
        at: place("print", "main.rs:7"),
        started: at(start + 2),
        took: Some(took(200)),
        failure: failure.clone(),
        attempts: 1,
    };
    let submitted = BatchRecord {
        time: start,
        submitted: at(start + 1),
        inputs: vec![InputGave {
            input: 0,
            records: 100 * number,
            description: None,
        }],
        ..BatchRecord::default()
    };
    let started = BatchRecord {
        scheduling_delay: Some(took(1)),
        ..submitted.clone()
    };
    records.push(Record::BatchSubmitted(submitted));
    records.push(Record::BatchStarted(started.clone()));
    records.push(Record::OutputStarted(OutputRecord {
        took: None,
        failure: None,
        ..output.clone()
    }));
    job(number, failure.clone(), records);
    records.push(Record::OutputCompleted(output.clone()));
    records.push(Record::BatchCompleted(BatchRecord {
        processing_delay: Some(took(210)),
        outputs: vec![output],
        states: vec![state(number)],
        commit_took: Some(Took(1500)),
        cut_took: Some(Took(900)),
        ..started
    }));
}

fn state(number: u64) -> StateRecord {
    StateRecord {
        stream: 3,
        name: Some("totals".to_owned()),
        at: place("update_state_by_key", "main.rs:5"),
        keys: 10 * number,
        bytes: 1280 * number,
        updated: 7,
        added: 2,
        removed: 2,
        timed_out: 1,
    }
}

fn task_starts(number: u64, records: &mut Vec<Record>) {
    let start = i64::try_from(number).unwrap() * 1000;
    let properties = [("streaming.batch_time", start), ("streaming.output_id", 0)];
    let properties = properties.map(|(key, value)| (key.to_owned(), value.to_string()));
    records.push(Record::JobStarted(JobStart {
        job: number,
        at: at(start + 3),
        action: place("print", "main.rs:7"),
        properties: properties.into(),
        ..JobStart::default()
    }));
    records.push(Record::StageSubmitted(StageStart {
        job: number,
        stage: number,
        at: at(start + 4),
        place: place("map", "main.rs:3"),
        tasks: 2,
    }));
    let partitions = if matches!(number, 2 | 5) { 1 } else { 2 };
    records.extend((0..partitions).map(|partition| {
        Record::TaskStarted(TaskStart {
            task: 0,
            job: number,
            stage: number,
            partition,
            attempt: 0,
            at: at(start + 5),
        })
    }));
}

fn job(number: u64, error: Option<String>, records: &mut Vec<Record>) {
    task_starts(number, records);
    let end = at(i64::try_from(number).unwrap() * 1000 + 100);
    let counts = TaskCounts {
        records_read: 50,
        run_time: took(90),
        ..TaskCounts::default()
    };
    let partitions = if error.is_some() { 1 } else { 2 };
    records.extend((0..partitions).map(|partition| {
        Record::TaskEnded(TaskEnd {
            job: number,
            stage: number,
            partition,
            launched: at(end.millis() - 90),
            at: end,
            counts,
            error: error.clone(),
            ..TaskEnd::default()
        })
    }));
    records.push(Record::StageCompleted(StageEnd {
        job: number,
        stage: number,
        at: end,
        error: error.clone(),
        counts,
        ..StageEnd::default()
    }));
    records.push(Record::JobEnded(JobEnd {
        job: number,
        at: end,
        took: took(97),
        error,
    }));
}
