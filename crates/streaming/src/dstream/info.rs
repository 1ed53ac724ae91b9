//! Who a stream is, and where it belongs.

use std::time::Duration;

use headwater_core::{Context, Record, Site};

use super::DStream;
use crate::StreamingContext;
use crate::graph::{AnyStream, NodeId};

impl<T: Record> DStream<T> {
    /// How far apart the batches of this stream are: Spark's `slideDuration`.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let numbers = ssc.stream_by_time(|_| vec![1]);
    /// assert_eq!(numbers.window(seconds(6), seconds(2)).slide(), seconds(2));
    /// ```
    #[must_use]
    pub fn slide(&self) -> Duration {
        self.stream.as_any().slide
    }

    /// The stream's number in its graph, the same in every process that runs the program.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let numbers = ssc.stream_by_time(|_| vec![1]);
    /// assert_eq!(numbers.map(|n| n + 1).id().index(), numbers.id().index() + 1);
    /// ```
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.stream.as_any().id
    }

    /// The operator that made the stream and the line that called it.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// assert_eq!(ssc.stream_by_time(|_| vec![1]).count().site().operator(), "count");
    /// ```
    #[must_use]
    pub fn site(&self) -> Site {
        self.stream.as_any().site
    }

    /// Names the stream. A name must be unique in its graph; it identifies the stream's
    /// state and outputs in checkpoints and the stream in the UI, whatever else changes around it.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let visits = ssc.stream_by_time(|_| vec![1]).named("visits");
    /// assert_eq!(visits.name(), Some("visits"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        if let Err(name) = self.stream.as_any().set_name(name.into()) {
            let message = format!("the stream has a name already and cannot become `{name}`");
            self.graph().mistake(Site::here("named"), message);
        }
        self
    }

    /// The name that [`DStream::named`] gave.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// assert_eq!(ssc.stream_by_time(|_| vec![1]).name(), None);
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.stream.as_any().name()
    }

    /// The engine's context, for broadcasts, accumulators and data at rest: Spark's
    /// `context.sparkContext`.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// assert_eq!(ssc.stream_by_time(|_| vec![1]).context().app_id(), ctx.app_id());
    /// ```
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.graph().ctx
    }

    /// The streaming context that the stream belongs to: Spark's `context`. `None` once
    /// its last handle was dropped, since a stream does not keep its context alive.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let numbers = ssc.stream_by_time(|_| vec![1]);
    /// assert_eq!(numbers.streaming_context().unwrap().batch_duration(), seconds(1));
    /// drop(ssc);
    /// assert!(numbers.streaming_context().is_none());
    /// ```
    #[must_use]
    pub fn streaming_context(&self) -> Option<StreamingContext> {
        self.graph().handle.get()?.upgrade()
    }

    /// The streams that this one is made from, by their numbers: Spark's `dependencies`.
    /// A source has none; a window with a reduction is several streams, one after another.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(1).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let numbers = ssc.stream_by_time(|_| vec![1]);
    /// assert_eq!(numbers.union(&numbers).dependencies(), [numbers.id(), numbers.id()]);
    /// ```
    #[must_use]
    pub fn dependencies(&self) -> Vec<NodeId> {
        let parents = self.stream.parents().iter();
        parents.map(|parent| parent.info().id).collect()
    }
}
