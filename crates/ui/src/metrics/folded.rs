//! What needs the whole past of a program: distributions and sums, which batches and tasks are
//! added to when they end.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::record::{BatchRecord, Record, Took};

/// Bounds of lengths of time, in seconds.
const SECONDS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0,
    120.0, 300.0, 600.0,
];

/// Bounds of numbers of records.
const RECORDS: [f64; 10] = [0.0, 1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// Bounds of sizes, in bytes.
const BYTES: [f64; 10] = [0.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11];

/// Sums and distributions over everything that has happened.
#[derive(Debug)]
pub(crate) struct Folded {
    scheduling_delay: Histogram,
    processing_time: Histogram,
    total_delay: Histogram,
    batch_records: Histogram,
    cut: Histogram,
    commit: Histogram,
    task_time: Histogram,
    task_bytes_read: Histogram,
    task_bytes_written: Histogram,
    state_bytes: Histogram,
    receiver_rate: Histogram,
    inputs: Mutex<Inputs>,
}

/// What inputs have given.
#[derive(Debug, Default)]
struct Inputs {
    interval: Took,
    receivers: BTreeSet<usize>,
    records: BTreeMap<usize, u64>,
}

impl Default for Folded {
    fn default() -> Self {
        let seconds = || Histogram::new(SECONDS);
        Folded {
            scheduling_delay: seconds(),
            processing_time: seconds(),
            total_delay: seconds(),
            batch_records: Histogram::new(RECORDS),
            cut: seconds(),
            commit: seconds(),
            task_time: seconds(),
            task_bytes_read: Histogram::new(BYTES),
            task_bytes_written: Histogram::new(BYTES),
            state_bytes: Histogram::new(BYTES),
            receiver_rate: Histogram::new(RECORDS),
            inputs: Mutex::default(),
        }
    }
}

impl Folded {
    /// Adds what happened.
    pub(crate) fn apply(&self, record: &Record) {
        match record {
            Record::BatchCompleted(batch) => self.batch(batch),
            Record::TaskEnded(end) => {
                let counts = &end.counts;
                self.task_time.observe(counts.run_time.seconds_f64());
                self.task_bytes_read.observe(counts.bytes_read as f64);
                self.task_bytes_written.observe(counts.bytes_written as f64);
            }
            Record::StreamStarted(start) => {
                let inputs = start.graph.inputs.iter();
                let receivers = inputs.filter(|input| input.is_receiver);
                let mut known = self.inputs.lock();
                known.interval = start.interval;
                known.receivers = receivers.filter_map(|input| input.id).collect();
            }
            _ => {}
        }
    }

    fn batch(&self, batch: &BatchRecord) {
        let note = |histogram: &Histogram, took: Option<Took>| {
            if let Some(took) = took {
                histogram.observe(took.seconds_f64());
            }
        };
        note(&self.scheduling_delay, batch.scheduling_delay);
        note(&self.processing_time, batch.processing_delay);
        note(&self.total_delay, batch.total_delay());
        note(&self.cut, batch.cut_took);
        note(&self.commit, batch.commit_took);
        self.batch_records.observe(batch.records() as f64);
        if !batch.states.is_empty() {
            let bytes: u64 = batch.states.iter().map(|state| state.bytes).sum();
            self.state_bytes.observe(bytes as f64);
        }
        let mut inputs = self.inputs.lock();
        let seconds = inputs.interval.seconds_f64();
        for gave in &batch.inputs {
            *inputs.records.entry(gave.input).or_default() += gave.records;
            if seconds > 0.0 && inputs.receivers.contains(&gave.input) {
                self.receiver_rate.observe(gave.records as f64 / seconds);
            }
        }
    }

    /// What an input gave to all batches that are completed.
    pub(super) fn records_of(&self, input: usize) -> u64 {
        let inputs = self.inputs.lock();
        inputs.records.get(&input).copied().unwrap_or_default()
    }

    pub(super) fn register(&self, registry: &mut Registry, is_stream: bool) {
        let mut add = |name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        add(
            "headwater_task_run_time",
            "How long tasks took on their slots",
            &self.task_time,
        );
        let sizes = [
            (
                "read",
                "What tasks read from files or disk",
                &self.task_bytes_read,
            ),
            (
                "written",
                "What tasks wrote to files or disk",
                &self.task_bytes_written,
            ),
        ];
        for (name, help, histogram) in sizes {
            let name = format!("headwater_task_{name}");
            registry.register_with_unit(name, help, Unit::Bytes, histogram.clone());
        }
        if is_stream {
            self.register_stream(registry);
        }
    }

    fn register_stream(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        add(
            "headwater_streaming_scheduling_delay",
            "How long batches waited for their first output to begin",
            &self.scheduling_delay,
        );
        add(
            "headwater_streaming_processing_time",
            "How long the outputs of batches took",
            &self.processing_time,
        );
        add(
            "headwater_streaming_total_delay",
            "From the queueing of batches to the end of their last outputs",
            &self.total_delay,
        );
        add(
            "headwater_streaming_cut",
            "How long the journal took to keep the cuts of batches",
            &self.cut,
        );
        add(
            "headwater_streaming_commit",
            "How long the journal took to keep the ends of batches",
            &self.commit,
        );
        let help = "What batches were given, in records";
        let records = self.batch_records.clone();
        registry.register("headwater_streaming_batch_records", help, records);
        let help = "What a receiver gave to a batch, in records a second";
        let rate = self.receiver_rate.clone();
        registry.register("headwater_streaming_receiver_rate", help, rate);
        let help = "What all state took after batches, as estimated";
        let state = self.state_bytes.clone();
        registry.register_with_unit("headwater_streaming_state_size", help, Unit::Bytes, state);
    }
}
