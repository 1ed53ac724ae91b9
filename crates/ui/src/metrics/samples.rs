//! Values that are known when somebody asks, as metrics.

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;

/// Names and values that tell samples of a metric apart.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Values that rise and fall, by their labels.
#[derive(Debug)]
struct Gauges(Vec<(Labels, f64)>);

/// Values that only rise, by their labels.
#[derive(Debug)]
struct Counters(Vec<(Labels, f64)>);

impl TypedMetric for Gauges {
    const TYPE: MetricType = MetricType::Gauge;
}

impl EncodeMetric for Gauges {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.0 {
            match labels.is_empty() {
                true => encoder.encode_gauge(value)?,
                false => encoder.encode_family(labels)?.encode_gauge(value)?,
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Counters {
    const TYPE: MetricType = MetricType::Counter;
}

impl EncodeMetric for Counters {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.0 {
            if labels.is_empty() {
                encoder.encode_counter::<NoLabelSet, _, f64>(value, None)?;
            } else {
                let mut encoder = encoder.encode_family(labels)?;
                encoder.encode_counter::<NoLabelSet, _, f64>(value, None)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// Adds a value that rises and falls.
pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str, value: f64) {
    gauges(registry, name, help, vec![(Labels::new(), value)]);
}

pub(super) fn gauges(registry: &mut Registry, name: &str, help: &str, all: Vec<(Labels, f64)>) {
    registry.register(name, help, Gauges(all));
}

/// Adds a value that only rises; its samples end with `_total`.
pub(super) fn counter(registry: &mut Registry, name: &str, help: &str, value: f64) {
    counters(registry, name, help, vec![(Labels::new(), value)]);
}

pub(super) fn counters(registry: &mut Registry, name: &str, help: &str, all: Vec<(Labels, f64)>) {
    registry.register(name, help, Counters(all));
}

/// A value for each state.
pub(super) fn by_state<const N: usize>(states: [(&'static str, f64); N]) -> Vec<(Labels, f64)> {
    let states = states.into_iter();
    states
        .map(|(state, value)| (vec![("state", state.to_owned())], value))
        .collect()
}
