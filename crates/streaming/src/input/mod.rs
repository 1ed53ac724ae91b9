//! Where streams begin.

mod acknowledged;
mod by_time;
mod bygone;
mod files;
mod queue;
mod received;
mod server;
mod socket;
mod source;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::checkpoint::{InputPast, InputRange, Keeper};
use crate::error::{Mistake, StreamError};
use crate::events::{InputInfo, ReceiverInfo};
use crate::graph::StreamInfo;
use crate::rate::RateController;
use crate::time::Time;

pub use files::FileStreamOptions;
pub(crate) use files::{asks_a_source, files_of_range, reads_files};
pub use queue::Queue;
pub(crate) use received::ReceiverSettings;
pub(crate) use source::in_source;
pub use source::{InputSource, SourceBatch};

/// How long a stop that is not graceful waits for receivers, as in Spark.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What belongs to a batch.
#[derive(Default)]
pub(crate) struct Allocated {
    /// What events show of it.
    pub(crate) info: Option<InputInfo>,
    /// How it is found again after a restart, if it can be.
    pub(crate) range: Option<InputRange>,
}

/// An input stream as the batches see it, without its record type.
pub(crate) trait Input: Send + Sync {
    /// The number of the input, in the order of creation.
    fn id(&self) -> usize;

    /// The stream of the input.
    fn stream(&self) -> &StreamInfo;

    /// How far before the last batch what was taken in has to be known after a restart.
    fn reaches_back(&self) -> Duration {
        Duration::ZERO
    }

    /// Why a position that an earlier process has stored is none of this input's source, if it
    /// is none. Asked before the start, where no name says it.
    fn check_position(&self, _position: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// Called before the start when there is a checkpoint directory: what is taken in is
    /// written there, under this number, and what was taken in before is found there.
    fn keep(
        &self,
        _keeper: &Arc<Keeper>,
        _number: usize,
        _past: Option<&InputPast<'_>>,
    ) -> Result<(), StreamError> {
        Ok(())
    }

    /// What is wrong with a start without a checkpoint directory, if something is.
    fn mistake_without_directory(&self) -> Option<Mistake> {
        None
    }

    /// Called when the context starts, before the first batch.
    fn start(&self) -> Result<(), StreamError> {
        Ok(())
    }

    /// Called before the input is stopped in either way, and before any other is waited for: what
    /// takes in from outside begins to end.
    fn begin_stop(&self) {}

    /// Called when the context begins to stop gracefully: nothing more comes in from outside.
    /// What batches ask for they still get, and those that are left are whole.
    fn stop_receiving(&self, _limit: Duration) {}

    /// Called when the context stops, perhaps several times: nothing more is taken in.
    /// What has not ended when the limit is over is left to end by itself.
    fn stop(&self, _limit: Duration) {}

    /// Fixes what belongs to the batch of a time; says what it is, if that is known. An error
    /// ends the stream.
    fn allocate(&self, _time: Time) -> Result<Allocated, StreamError> {
        Ok(Allocated::default())
    }

    /// Whether something was taken in that belongs to no batch yet.
    fn has_unallocated(&self) -> bool {
        false
    }

    /// Called when a batch is done for good, in the order of the batches.
    fn committed(&self, _time: Time) {}

    /// Called when a batch is done.
    fn end_batch(&self, _time: Time) {}

    /// What the receiver of the input is called, if it has one.
    fn receiver_name(&self) -> Option<String> {
        None
    }

    /// The receiver of the input, while it runs.
    fn receiver(&self) -> Option<ReceiverInfo> {
        None
    }

    /// What adjusts how much the input takes in, if something does.
    fn rate_controller(&self) -> Option<&RateController> {
        None
    }
}

/// Stops all inputs, at once.
pub(crate) fn stop_all(inputs: &[Arc<dyn Input>]) {
    end_all(inputs, STOP_LIMIT, |input, left| input.stop(left));
}

/// Has nothing more come in from outside, and waits for at most so long for that.
pub(crate) fn stop_receiving(inputs: &[Arc<dyn Input>], limit: Duration) {
    end_all(inputs, limit, |input, left| input.stop_receiving(left));
}

/// Ends all inputs, each within what is left of the time for all of them together.
fn end_all(inputs: &[Arc<dyn Input>], limit: Duration, end: impl Fn(&dyn Input, Duration)) {
    inputs.iter().for_each(|input| input.begin_stop());
    let began = Instant::now();
    for input in inputs {
        end(&**input, limit.saturating_sub(began.elapsed()));
    }
}
