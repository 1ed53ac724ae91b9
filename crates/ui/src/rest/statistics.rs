//! The stream as a whole.

use super::call::{Call, Refusal};
use super::date::Date;
use super::described::reply;
use crate::record::{BatchRecord, Took};

reply! {
    /// A stream since its start.
    pub(crate) struct StreamingStatistics {
        start_time: Date,
        /// In milliseconds.
        batch_duration: u64,
        num_receivers: usize,
        num_active_receivers: usize,
        num_inactive_receivers: usize,
        num_total_completed_batches: u64,
        num_retained_completed_batches: usize,
        /// Batches that wait or run.
        num_active_batches: usize,
        /// Records of the batches that are completed.
        num_processed_records: u64,
        num_received_records: u64,
        /// In records a second, over the batches that are kept.
        avg_input_rate: Option<f64>,
        /// In milliseconds, as all delays.
        avg_scheduling_delay: Option<u64>,
        avg_processing_time: Option<u64>,
        avg_total_delay: Option<u64>,
    }
}

pub(super) fn statistics(call: &Call<'_>) -> Result<StreamingStatistics, Refusal> {
    let stream = call.streaming()?;
    let (receivers, active) = stream.receivers();
    let mean = |delay: fn(&BatchRecord) -> Option<Took>| {
        let delays = stream.batches().filter_map(|batch| delay(&batch.record));
        let (sum, count) = delays.fold((0_u64, 0_u64), |(sum, count), one| {
            (sum + one.millis(), count + 1)
        });
        sum.checked_div(count)
    };
    Ok(StreamingStatistics {
        start_time: stream.started.into(),
        batch_duration: stream.interval.millis(),
        num_receivers: receivers,
        num_active_receivers: active,
        num_inactive_receivers: receivers - active,
        num_total_completed_batches: stream.completed_total,
        num_retained_completed_batches: stream.completed.len(),
        num_active_batches: stream.active(),
        num_processed_records: stream.processed_records,
        num_received_records: stream.received_records,
        avg_input_rate: stream.mean_rate(None),
        avg_scheduling_delay: mean(|batch| batch.scheduling_delay),
        avg_processing_time: mean(|batch| batch.processing_delay),
        avg_total_delay: mean(BatchRecord::total_delay),
    })
}
