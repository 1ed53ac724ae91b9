//! Inputs and receivers.

use prometheus_client::registry::Registry;

use super::folded::Folded;
use super::samples::{Labels, counters, gauges};
use crate::live::Live;
use crate::model::{Input, Streaming};
use crate::record::ReceiverRecord;

pub(super) fn register(
    registry: &mut Registry,
    stream: &Streaming,
    live: Option<&Live>,
    folded: &Folded,
) {
    let inputs = || {
        stream
            .inputs
            .iter()
            .map(|(id, input)| (labels(*id, input), *id, input))
    };
    let records = inputs().map(|(labels, id, _)| (labels, folded.records_of(id) as f64));
    counters(
        registry,
        "headwater_streaming_input_records",
        "Records that an input gave to completed batches",
        records.collect(),
    );
    let newest = stream.batches().next_back();
    let rate = |id| newest.map_or(0.0, |batch| stream.rate_of(batch.records_of(Some(id))));
    gauges(
        registry,
        "headwater_streaming_input_rate",
        "What an input gave to the newest batch, in records a second",
        inputs().map(|(labels, id, _)| (labels, rate(id))).collect(),
    );
    let limits = inputs().filter_map(|(labels, _, input)| Some((labels, input.rate?.limit as f64)));
    gauges(
        registry,
        "headwater_streaming_input_rate_limit",
        "What backpressure lets an input take, in records a second",
        limits.collect(),
    );
    let told = inputs().filter_map(|(labels, id, input)| {
        let receiver = input.receiver.clone()?;
        Some((labels, id, receiver))
    });
    receivers(registry, &now(told.collect(), live));
}

fn labels(id: usize, input: &Input) -> Labels {
    vec![("input", id.to_string()), ("name", input.name.clone())]
}

type Receivers = Vec<(Labels, ReceiverRecord)>;

/// What receivers hold now, where they can be asked: they tell it only when their state changes.
fn now(told: Vec<(Labels, usize, ReceiverRecord)>, live: Option<&Live>) -> Receivers {
    let asked = live.map(Live::receivers).unwrap_or_default();
    let newest = |id, told| {
        let mut asked = asked.iter().filter(|receiver| receiver.stream == id);
        asked.next().cloned().unwrap_or(told)
    };
    told.into_iter()
        .map(|(labels, id, receiver)| (labels, newest(id, receiver)))
        .collect()
}

fn receivers(registry: &mut Registry, receivers: &Receivers) {
    let all: [(&str, &str, fn(&ReceiverRecord) -> f64); 6] = [
        ("active", "Whether a receiver works", |receiver| {
            f64::from(receiver.is_active)
        }),
        (
            "waiting",
            "Whether a receiver waits, since it has stored as much as it may",
            |receiver| f64::from(receiver.stored.waits_since.is_some()),
        ),
        (
            "memory_bytes",
            "What a receiver has stored in memory",
            |receiver| receiver.stored.memory_bytes as f64,
        ),
        (
            "memory_limit_bytes",
            "What a receiver may store in memory",
            |receiver| receiver.stored.memory_bytes_max as f64,
        ),
        (
            "disk_bytes",
            "What a receiver has stored on disk",
            |receiver| receiver.stored.disk_bytes as f64,
        ),
        (
            "disk_limit_bytes",
            "What a receiver may store on disk",
            |receiver| receiver.stored.disk_bytes_max as f64,
        ),
    ];
    for (name, help, value) in all {
        let values = receivers
            .iter()
            .map(|(labels, receiver)| (labels.clone(), value(receiver)));
        let name = format!("headwater_streaming_receiver_{name}");
        gauges(registry, &name, help, values.collect());
    }
}
