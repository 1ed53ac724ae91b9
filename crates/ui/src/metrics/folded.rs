//! What needs the whole past of a program: distributions and sums, which batches and tasks are
//! added to when they end.

use std::collections::BTreeMap;

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
    inputs: Mutex<BTreeMap<usize, u64>>,
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
                self.task_time.observe(end.counts.run_time.seconds_f64());
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
        let mut inputs = self.inputs.lock();
        for gave in &batch.inputs {
            *inputs.entry(gave.input).or_default() += gave.records;
        }
    }

    /// What an input gave to all batches that are completed.
    pub(super) fn records_of(&self, input: usize) -> u64 {
        self.inputs.lock().get(&input).copied().unwrap_or_default()
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
        if !is_stream {
            return;
        }
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
    }
}
