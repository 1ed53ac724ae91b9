//! Where streams begin.

mod by_time;
mod files;
mod queue;
mod received;
mod socket;
mod source;

use std::time::Duration;

use crate::error::StreamError;
use crate::events::InputInfo;
use crate::rate::RateController;
use crate::time::Time;

pub use files::FileStreamOptions;
pub use queue::Queue;
pub(crate) use received::ReceiverSettings;
pub use source::{InputSource, SourceBatch};

/// How long a stop that is not graceful waits for a receiver, as in Spark.
pub(crate) const STOP_LIMIT: Duration = Duration::from_secs(10);

/// An input stream as the batches see it, without its record type.
pub(crate) trait Input: Send + Sync {
    /// The number of the input, in the order of creation.
    fn id(&self) -> usize;

    /// Called when the context starts, before the first batch.
    fn start(&self) -> Result<(), StreamError> {
        Ok(())
    }

    /// Called when the context stops, perhaps several times: nothing more is taken in.
    /// What has not ended when the limit is over is left to end by itself.
    fn stop(&self, _limit: Duration) {}

    /// Fixes what belongs to the batch of a time; says what it is, if that is known.
    fn allocate(&self, _time: Time) -> Option<InputInfo> {
        None
    }

    /// Whether something was taken in that belongs to no batch yet.
    fn has_unallocated(&self) -> bool {
        false
    }

    /// Called when a batch is done.
    fn end_batch(&self, _time: Time) {}

    /// What adjusts how much the input takes in, if something does.
    fn rate_controller(&self) -> Option<&RateController> {
        None
    }
}
