//! Streams whose batches are a function of the batch time.

use headwater_core::{Rdd, Record, Site};

use crate::StreamingContext;
use crate::dstream::DStream;
use crate::error::PlanError;
use crate::time::Time;

/// In how many partitions records that come as a vector are cut.
const SLICES: usize = 2;

impl StreamingContext {
    /// A stream whose records of a batch are a function of the batch time.
    ///
    /// Such a source can be asked again for an earlier time, and by another process: the
    /// function must depend on nothing but the time. It runs on the driver.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let ticks = test.context().stream_by_time(|time| vec![time.as_millis()]);
    /// let out = test.collect(&ticks);
    /// test.run(2);
    /// assert_eq!(out.batches(), [vec![1000], vec![2000]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn stream_by_time<T: Record>(
        &self,
        f: impl Fn(Time) -> Vec<T> + Send + Sync + 'static,
    ) -> DStream<T> {
        let ctx = self.context().clone();
        self.input_stream(Site::here("stream_by_time"), move |time| {
            Ok(ctx.parallelize(f(time), SLICES))
        })
    }

    /// A stream whose RDD of a batch is a function of the batch time; as
    /// [`StreamingContext::stream_by_time`], with a choice of partitions.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let ctx = test.context().context().clone();
    /// let numbers = test.context().rdd_stream_by_time(move |time| ctx.range(0..time.as_millis(), 500, 3));
    /// let out = test.collect(&numbers);
    /// test.run(1);
    /// assert_eq!(out.batches(), [vec![0, 500]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn rdd_stream_by_time<T: Record>(
        &self,
        f: impl Fn(Time) -> Rdd<T> + Send + Sync + 'static,
    ) -> DStream<T> {
        self.input_stream(Site::here("rdd_stream_by_time"), move |time| {
            Ok(Site::uncover(|| f(time)))
        })
    }

    /// A stream that gives the same RDD in every batch: Spark's `ConstantInputDStream`.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let rdd = test.context().context().parallelize(vec![7], 1);
    /// let out = test.collect(&test.context().constant_stream(&rdd));
    /// test.run(2);
    /// assert_eq!(out.batches(), [vec![7], vec![7]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn constant_stream<T: Record>(&self, rdd: &Rdd<T>) -> DStream<T> {
        let rdd = rdd.clone();
        let compute = move |_| -> Result<Rdd<T>, PlanError> { Ok(rdd.clone()) };
        self.input_stream(Site::here("constant_stream"), compute)
    }
}
