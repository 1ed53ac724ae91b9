//! Output operations of a batch.

use super::call::{Call, Refusal};
use super::date::Date;
use super::described::reply;
use super::{batches, called};
use crate::model::Batch;
use crate::record::{At, OutputRecord};

reply! {
    /// An output operation of a batch.
    pub(crate) struct OutputOperationInfo {
        output_op_id: usize,
        name: String,
        description: String,
        start_time: Option<Date>,
        end_time: Option<Date>,
        /// In milliseconds.
        duration: Option<u64>,
        failure_reason: Option<String>,
        job_ids: Vec<u64>,
    }
}

pub(super) fn operations(call: &Call<'_>) -> Result<Vec<OutputOperationInfo>, Refusal> {
    let batch = batches::find(call)?;
    let outputs = batch.record.outputs.iter();
    Ok(outputs.map(|output| info(batch, output)).collect())
}

pub(super) fn operation(call: &Call<'_>) -> Result<OutputOperationInfo, Refusal> {
    let batch = batches::find(call)?;
    let id: usize = call.number("op-id")?;
    let mut outputs = batch.record.outputs.iter();
    let output = outputs.find(|output| output.output == id);
    let output =
        output.ok_or_else(|| Refusal::unknown(format!("unknown output operation: {id}")))?;
    Ok(info(batch, output))
}

fn info(batch: &Batch, output: &OutputRecord) -> OutputOperationInfo {
    let micros = |took: u64| i64::try_from(took).unwrap_or(i64::MAX);
    let end = |took: u64| At(output.started.0.saturating_add(micros(took)));
    OutputOperationInfo {
        output_op_id: output.output,
        name: called(&output.at),
        description: called(&output.at),
        start_time: Some(Date(output.started)),
        end_time: output.took.map(|took| Date(end(took.0))),
        duration: output.took.map(|took| took.millis()),
        failure_reason: output.failure.clone(),
        job_ids: batch
            .jobs_of(output.output)
            .map(|called| called.job)
            .collect(),
    }
}
