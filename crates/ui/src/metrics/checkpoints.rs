//! How writing state whole goes.

use prometheus_client::registry::Registry;

use super::samples::{counter, gauge};
use crate::model::Checkpoints;

pub(super) fn register(registry: &mut Registry, checkpoints: &Checkpoints) {
    counter(
        registry,
        "headwater_streaming_checkpoints",
        "Checkpoints that were written",
        checkpoints.written_total as f64,
    );
    counter(
        registry,
        "headwater_streaming_failed_checkpoints",
        "Checkpoints that could not be written",
        checkpoints.failed_total as f64,
    );
    // There is no number that means that none was written: alerts would take it for one.
    let Some(last) = &checkpoints.last else {
        return;
    };
    let all = [
        (
            "time_seconds",
            "When the last checkpoint was done, in seconds since 1970",
            last.at.0 as f64 / 1e6,
        ),
        (
            "duration_seconds",
            "How long the last checkpoint took, with the time in which it gave way to batches",
            last.took.seconds_f64(),
        ),
        (
            "bytes",
            "How much state was written whole for the last checkpoint",
            last.state_bytes as f64,
        ),
        (
            "snapshots",
            "How many partitions of states were written whole for the last checkpoint",
            last.snapshots as f64,
        ),
    ];
    for (name, help, value) in all {
        let name = format!("headwater_streaming_last_checkpoint_{name}");
        gauge(registry, &name, help, value);
    }
}
