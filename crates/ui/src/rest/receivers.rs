//! Inputs: receivers, and inputs that have none.

use super::EXECUTOR;
use super::call::{Call, Refusal};
use super::date::Date;
use super::described::reply;
use crate::model::{Input, Streaming};

reply! {
    /// An input; what is known of receivers alone is absent of others.
    pub(crate) struct ReceiverInfo {
        stream_id: usize,
        stream_name: String,
        is_active: Option<bool>,
        executor_id: Option<&'static str>,
        executor_host: Option<String>,
        last_error_time: Option<Date>,
        last_error_message: Option<String>,
        last_error: Option<String>,
        /// In records a second, over the batches that are kept.
        avg_event_rate: Option<f64>,
        /// Batch times in milliseconds, with records a second.
        event_rates: Vec<(i64, f64)>,
    }
}

pub(super) fn receivers(call: &Call<'_>) -> Result<Vec<ReceiverInfo>, Refusal> {
    let stream = call.streaming()?;
    let inputs = stream.inputs.iter();
    Ok(inputs
        .map(|(id, input)| info(call, stream, *id, input))
        .collect())
}

pub(super) fn receiver(call: &Call<'_>) -> Result<ReceiverInfo, Refusal> {
    let stream = call.streaming()?;
    let id: usize = call.number("stream-id")?;
    let input = stream.inputs.get(&id);
    let input = input.ok_or_else(|| Refusal::unknown(format!("unknown receiver: {id}")))?;
    Ok(info(call, stream, id, input))
}

fn info(call: &Call<'_>, stream: &Streaming, id: usize, input: &Input) -> ReceiverInfo {
    let receiver = input.receiver.as_ref();
    let error = receiver.map(|receiver| &receiver.last_error);
    let error = error.filter(|error| !error.is_empty());
    let name = match input.name.is_empty() {
        true => format!("Stream-{id}"),
        false => input.name.clone(),
    };
    let rates = stream.batches().map(|batch| {
        let records = batch.records_of(Some(id));
        (batch.time(), stream.rate_of(records))
    });
    ReceiverInfo {
        stream_id: id,
        stream_name: name,
        is_active: receiver.map(|receiver| receiver.is_active),
        executor_id: receiver.map(|_| EXECUTOR),
        executor_host: receiver.map(|_| call.model.application.host.clone()),
        last_error_time: receiver
            .and_then(|receiver| receiver.last_error_at)
            .map(Date),
        last_error_message: error.map(|error| error.lines().next().unwrap_or_default().to_owned()),
        last_error: error.cloned(),
        avg_event_rate: stream.mean_rate(Some(id)),
        event_rates: rates.collect(),
    }
}
