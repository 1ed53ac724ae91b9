//! Where streams begin.

mod by_time;
mod queue;
mod received;
mod socket;

use std::time::Duration;

use headwater_core::{Record, Site};

use crate::StreamingContext;
use crate::dstream::DStream;
use crate::error::StreamError;
use crate::events::InputInfo;
use crate::graph::Plan;
use crate::time::Time;

pub use queue::Queue;
pub(crate) use received::ReceiverSettings;

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
}

impl StreamingContext {
    /// The records of several streams: Spark's `StreamingContext.union`. Duplicates stay;
    /// the streams must belong to this context and slide alike. An empty list is a mistake.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let (a, b) = (test.input(vec![vec![1]]), test.input(vec![vec![2], vec![3]]));
    /// let all = test.collect(&test.context().union(&[a.clone(), b, a]));
    /// test.run(2);
    /// assert_eq!(all.batches(), [vec![1, 2, 1], vec![3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn union<T: Record>(&self, streams: &[DStream<T>]) -> DStream<T> {
        let site = Site::here("union");
        let Some((first, others)) = streams.split_first() else {
            self.graph().mistake(
                site,
                "the union of no streams has no slide; give at least one",
            );
            let ctx = self.context().clone();
            return self.input_stream(site, move |_| Ok(ctx.empty()));
        };
        for other in others {
            first.check_partner(&other.erased(), other.graph(), site);
        }
        let plan = Plan {
            site,
            slide: first.slide(),
            looks_back: Duration::ZERO,
            parents: streams.iter().map(DStream::erased).collect(),
        };
        let (ctx, streams) = (self.context().clone(), streams.to_vec());
        let compute = move |time| {
            let rdds = streams
                .iter()
                .map(|each| each.stream.rdd_or_fail(time, site));
            Ok(ctx.union(&rdds.collect::<Result<Vec<_>, _>>()?))
        };
        DStream {
            stream: self.graph().add(plan, compute),
        }
    }
}
