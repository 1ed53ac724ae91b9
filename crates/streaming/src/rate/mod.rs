//! Backpressure: inputs take in what the batches manage, and no more than is allowed.
//!
//! At the end of each batch the [`RateController`] of each input learns how many of its records
//! were processed in which time; its estimator says how many a second that makes. A receiver
//! keeps to the rate by its [`RateLimiter`], through which every record is stored; a source that
//! is asked batch by batch is told a [`ReadRate`].

mod controller;
mod estimator;
mod limiter;
mod read_rate;
mod settings;
#[cfg(test)]
mod simulation;

use crate::batch::post;
use crate::events::{BatchInfo, RateInfo, StreamingEvent};
use crate::graph::Graph;
use crate::time::Time;

pub(crate) use controller::RateController;
use estimator::Processed;
pub(crate) use limiter::RateLimiter;
pub use read_rate::ReadRate;
pub(crate) use settings::RateSettings;

/// When a batch was queued, begun and ended by the stream's clock. What decides about rates is
/// measured by that, so that it can be tested; what reports show may be finer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchTimes {
    pub(crate) submitted: Time,
    pub(crate) started: Time,
    pub(crate) ended: Time,
}

impl BatchTimes {
    /// Of a batch that is queued now.
    pub(crate) fn of(now: Time) -> Self {
        BatchTimes {
            submitted: now,
            started: now,
            ended: now,
        }
    }
}

/// Adjusts the rates of the inputs to a batch that is done.
pub(crate) fn adjust(graph: &Graph, batch: &BatchInfo, times: BatchTimes) {
    for input in graph.inputs() {
        let Some(controller) = input.rate_controller() else {
            continue;
        };
        let stream_id = input.id();
        let Some(info) = batch.inputs.get(&stream_id) else {
            continue;
        };
        let processed = Processed {
            ended: times.ended,
            records: info.records,
            took: times.ended - times.started,
            waited: times.started - times.submitted,
        };
        if let Some(published) = controller.batch_completed(&processed) {
            post(graph.ctx.events(), || {
                StreamingEvent::RateUpdated(RateInfo {
                    stream_id,
                    time: batch.time,
                    rate: published.rate,
                    limit: published.limit,
                })
            });
        }
    }
}
