//! Batches.

use super::call::{Call, Refusal};
use super::date::Date;
use super::described::{choices, reply};
use crate::model::{Batch, BatchState, Streaming};
use crate::pages::at_millis;

choices! {
    /// How far a batch has come; those that were queued when the stream stopped are not run.
    pub(crate) enum BatchStatus {
        Completed = "COMPLETED",
        Queued = "QUEUED",
        Processing = "PROCESSING",
        NotRun = "NOT_RUN",
    }
}

reply! {
    /// A batch. Lengths of time are in milliseconds.
    pub(crate) struct BatchInfo {
        /// The batch time in milliseconds.
        batch_id: i64,
        batch_time: Date,
        status: BatchStatus,
        batch_duration: u64,
        /// In records.
        input_size: u64,
        scheduling_delay: Option<u64>,
        processing_time: Option<u64>,
        total_delay: Option<u64>,
        /// Those that are not finished, also those that have not begun but will.
        num_active_output_ops: usize,
        num_completed_output_ops: usize,
        num_failed_output_ops: usize,
        num_total_output_ops: usize,
        first_failure_reason: Option<String>,
    }
}

impl From<BatchState> for BatchStatus {
    fn from(state: BatchState) -> Self {
        match state {
            BatchState::Queued => BatchStatus::Queued,
            BatchState::Processing => BatchStatus::Processing,
            BatchState::Completed => BatchStatus::Completed,
            BatchState::NotRun => BatchStatus::NotRun,
        }
    }
}

pub(super) fn batches(call: &Call<'_>) -> Result<Vec<BatchInfo>, Refusal> {
    let stream = call.streaming()?;
    let wanted: Vec<BatchStatus> = call.choices("status")?;
    let infos = stream.batches().rev().map(|batch| info(stream, batch));
    Ok(infos
        .filter(|info| wanted.is_empty() || wanted.contains(&info.status))
        .collect())
}

pub(super) fn batch(call: &Call<'_>) -> Result<BatchInfo, Refusal> {
    Ok(info(call.streaming()?, find(call)?))
}

/// The batch that the address names.
pub(super) fn find<'a>(call: &Call<'a>) -> Result<&'a Batch, Refusal> {
    let stream = call.streaming()?;
    let time: i64 = call.number("batch-id")?;
    let batch = stream.batch(time);
    batch.ok_or_else(|| Refusal::unknown(format!("unknown batch: {time}")))
}

fn info(stream: &Streaming, batch: &Batch) -> BatchInfo {
    let record = &batch.record;
    let outputs = &record.outputs;
    let failed = outputs.iter().filter(|output| output.failure.is_some());
    let ended = outputs.iter().filter(|output| output.took.is_some());
    let (failed, ended) = (failed.count(), ended.count());
    // A batch tells of the outputs that have begun; the graph tells of all.
    let total = match batch.state {
        BatchState::Completed => outputs.len(),
        _ => outputs.len().max(stream.graph.outputs.len()),
    };
    BatchInfo {
        batch_id: batch.time(),
        batch_time: Date(at_millis(batch.time())),
        status: batch.state.into(),
        batch_duration: stream.interval.millis(),
        input_size: record.records(),
        scheduling_delay: record.scheduling_delay.map(|delay| delay.millis()),
        processing_time: record.processing_delay.map(|delay| delay.millis()),
        total_delay: record.total_delay().map(|delay| delay.millis()),
        num_active_output_ops: match batch.state {
            BatchState::NotRun => 0,
            _ => total.saturating_sub(ended),
        },
        num_completed_output_ops: ended.saturating_sub(failed),
        num_failed_output_ops: failed,
        num_total_output_ops: total,
        first_failure_reason: record.failure().map(str::to_owned),
    }
}
