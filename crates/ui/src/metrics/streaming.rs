//! The stream as a whole: Spark's gauges, by their names in Prometheus's form, and its state.

use prometheus_client::registry::Registry;

use super::samples::{Labels, counter, gauge, gauges};
use crate::model::{Batch, BatchState, Streaming};
use crate::record::{StateRecord, Took};

/// What Spark tells of what is not known.
const UNKNOWN: f64 = -1.0;

pub(super) fn register(registry: &mut Registry, stream: &Streaming) {
    totals(registry, stream);
    let mut completed = stream.completed.iter().collect::<Vec<_>>();
    completed.sort_by_key(|batch| batch.time());
    last_completed(registry, completed.last().copied());
    last_received(registry, stream.batches().next_back());
    counter(
        registry,
        "headwater_streaming_failed_batches",
        "Completed batches of which an output or the state failed",
        stream.failed_total as f64,
    );
    counter(
        registry,
        "headwater_streaming_lost_batches",
        "Batches whose end is not known, as events were dropped",
        stream.lost_total as f64,
    );
    gauge(
        registry,
        "headwater_streaming_not_run_batches",
        "Batches that waited when the stream stopped, and are not run",
        stream.in_state(BatchState::NotRun).count() as f64,
    );
    gauge(
        registry,
        "headwater_streaming_batch_interval_seconds",
        "How far apart batches are",
        stream.interval.seconds_f64(),
    );
    state(registry, &stream.states);
}

/// Adds one of Spark's gauges, whose names and units are kept.
fn spark(registry: &mut Registry, name: &str, sparks: &str, help: &str, value: f64) {
    let name = format!("headwater_streaming_{name}");
    let help = format!("{help}: streaming.{sparks} of Spark");
    gauge(registry, &name, &help, value);
}

fn totals(registry: &mut Registry, stream: &Streaming) {
    let waiting = stream.in_state(BatchState::Queued).count();
    let running = stream.in_state(BatchState::Processing).count();
    let all = [
        (
            "receivers",
            "receivers",
            "Receivers",
            stream.receivers().0 as f64,
        ),
        (
            "total_completed_batches",
            "totalCompletedBatches",
            "Completed batches",
            stream.completed_total as f64,
        ),
        (
            "total_received_records",
            "totalReceivedRecords",
            "Records that batches were given",
            stream.received_records as f64,
        ),
        (
            "total_processed_records",
            "totalProcessedRecords",
            "Records of completed batches",
            stream.processed_records as f64,
        ),
        (
            "unprocessed_batches",
            "unprocessedBatches",
            "Batches that wait or run",
            (waiting + running) as f64,
        ),
        (
            "waiting_batches",
            "waitingBatches",
            "Batches that wait",
            waiting as f64,
        ),
        (
            "running_batches",
            "runningBatches",
            "Batches that run",
            running as f64,
        ),
        (
            "retained_completed_batches",
            "retainedCompletedBatches",
            "Completed batches that are remembered",
            stream.completed.len() as f64,
        ),
    ];
    for (name, sparks, help, value) in all {
        spark(registry, name, sparks, help, value);
    }
}

fn millis(took: Option<Took>) -> f64 {
    took.map_or(UNKNOWN, |took| took.millis() as f64)
}

/// When a batch was queued, began and ended, in milliseconds since 1970.
fn times(batch: Option<&Batch>) -> [(&'static str, &'static str, &'static str, f64); 3] {
    let record = batch.map(|batch| &batch.record);
    let submitted = record.map(|record| record.submitted.millis() as f64);
    let after = |delay: Option<Took>| Some(submitted? + delay?.millis() as f64);
    let began = after(record.and_then(|record| record.scheduling_delay));
    let ended = after(record.and_then(|record| record.total_delay()));
    [
        (
            "submission_time",
            "submissionTime",
            "queued",
            submitted.unwrap_or(UNKNOWN),
        ),
        (
            "processing_start_time",
            "processingStartTime",
            "begun",
            began.unwrap_or(UNKNOWN),
        ),
        (
            "processing_end_time",
            "processingEndTime",
            "done",
            ended.unwrap_or(UNKNOWN),
        ),
    ]
}

fn last_completed(registry: &mut Registry, batch: Option<&Batch>) {
    for (name, sparks, what, value) in times(batch) {
        let help = format!("When the last completed batch was {what}, in milliseconds, or -1");
        let (name, sparks) = (
            format!("last_completed_batch_{name}"),
            format!("lastCompletedBatch_{sparks}"),
        );
        spark(registry, &name, &sparks, &help, value);
    }
    let record = batch.map(|batch| &batch.record);
    let delays = [
        (
            "processing_delay",
            "processingDelay",
            record.and_then(|record| record.processing_delay),
        ),
        (
            "scheduling_delay",
            "schedulingDelay",
            record.and_then(|record| record.scheduling_delay),
        ),
        (
            "total_delay",
            "totalDelay",
            record.and_then(|record| record.total_delay()),
        ),
    ];
    for (name, sparks, took) in delays {
        let name = format!("last_completed_batch_{name}");
        let sparks = format!("lastCompletedBatch_{sparks}");
        let help = "A delay of the last completed batch, in milliseconds, or -1";
        spark(registry, &name, &sparks, help, millis(took));
    }
}

fn last_received(registry: &mut Registry, batch: Option<&Batch>) {
    for (name, sparks, what, value) in times(batch) {
        let help = format!("When the newest batch was {what}, in milliseconds, or -1");
        let (name, sparks) = (
            format!("last_received_batch_{name}"),
            format!("lastReceivedBatch_{sparks}"),
        );
        spark(registry, &name, &sparks, &help, value);
    }
    let records = batch.map_or(0, |batch| batch.record.records());
    spark(
        registry,
        "last_received_batch_records",
        "lastReceivedBatch_records",
        "What the newest batch was given, in records",
        records as f64,
    );
}

fn state(registry: &mut Registry, states: &[StateRecord]) {
    let each = |value: fn(&StateRecord) -> u64| -> Vec<(Labels, f64)> {
        let states = states.iter();
        states
            .map(|state| (labels(state), value(state) as f64))
            .collect()
    };
    let all: [(&str, &str, fn(&StateRecord) -> u64); 5] = [
        ("keys", "Keys that an operator keeps state of", |state| {
            state.keys
        }),
        (
            "bytes",
            "What the state of an operator takes, as estimated",
            |state| state.bytes,
        ),
        (
            "updated_keys",
            "Keys that the last batch changed",
            |state| state.updated,
        ),
        (
            "removed_keys",
            "Keys that the last batch removed",
            |state| state.removed,
        ),
        (
            "timed_out_keys",
            "Keys whose time was out in the last batch",
            |state| state.timed_out,
        ),
    ];
    for (name, help, value) in all {
        gauges(
            registry,
            &format!("headwater_streaming_state_{name}"),
            help,
            each(value),
        );
    }
}

fn labels(state: &StateRecord) -> Labels {
    let name = state.name.as_deref().unwrap_or(&state.at.operator);
    vec![
        ("stream", state.stream.to_string()),
        ("operator", name.to_owned()),
    ]
}
