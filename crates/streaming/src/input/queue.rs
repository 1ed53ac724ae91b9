//! Streams that are fed from a queue of RDDs, for tests and small tools.

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_core::{Context, Rdd, Record, Site};
use parking_lot::Mutex;

use crate::StreamingContext;
use crate::dstream::DStream;

/// The queue behind a [`StreamingContext::queue_stream`]; a handle that can be filled
/// before and after the start.
pub struct Queue<T> {
    ctx: Context,
    rdds: Arc<Mutex<VecDeque<Rdd<T>>>>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue {
            ctx: self.ctx.clone(),
            rdds: self.rdds.clone(),
        }
    }
}

impl<T: Record> Queue<T> {
    pub(crate) fn new(ctx: &Context) -> Self {
        Queue {
            ctx: ctx.clone(),
            rdds: Arc::default(),
        }
    }

    /// Appends an RDD, which will be one batch.
    pub fn push(&self, rdd: Rdd<T>) {
        self.rdds.lock().push_back(rdd);
    }

    /// Appends records, cut in `slices` partitions, as one batch.
    pub fn push_records(&self, records: Vec<T>, slices: usize) {
        self.push(self.ctx.parallelize(records, slices));
    }

    /// How many batches wait in the queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rdds.lock().len()
    }

    /// Whether no batch waits in the queue.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self, one_at_a_time: bool) -> Vec<Rdd<T>> {
        let mut rdds = self.rdds.lock();
        let count = if one_at_a_time {
            rdds.len().min(1)
        } else {
            rdds.len()
        };
        rdds.drain(..count).collect()
    }
}

impl StreamingContext {
    /// A stream that takes one RDD of a queue for each batch: Spark's `queueStream`.
    ///
    /// When the queue is empty the batch is empty and has one partition. Returns the queue
    /// beside the stream.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let (queue, numbers) = test.context().queue_stream();
    /// queue.push_records(vec![1, 2], 2);
    /// queue.push_records(vec![3], 1);
    /// let out = test.collect(&numbers);
    /// test.run(3);
    /// assert_eq!(out.batches(), [vec![1, 2], vec![3], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn queue_stream<T: Record>(&self) -> (Queue<T>, DStream<T>) {
        self.queued(Site::here("queue_stream"), true, None)
    }

    /// As [`StreamingContext::queue_stream`], taking one RDD or all that wait for each
    /// batch, with what an empty queue gives.
    ///
    /// A batch of all that wait has all their partitions, one RDD's after the other's, also
    /// where their keys are placed alike. Without a default an empty queue gives an empty
    /// batch of one partition.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let default = test.context().context().parallelize(vec![0], 1);
    /// let (queue, numbers) = test.context().queue_stream_with(false, Some(default));
    /// queue.push_records(vec![1], 1);
    /// queue.push_records(vec![2], 1);
    /// let out = test.collect(&numbers);
    /// test.run(2);
    /// assert_eq!(out.batches(), [vec![1, 2], vec![0]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn queue_stream_with<T: Record>(
        &self,
        one_at_a_time: bool,
        default: Option<Rdd<T>>,
    ) -> (Queue<T>, DStream<T>) {
        self.queued(Site::here("queue_stream_with"), one_at_a_time, default)
    }

    fn queued<T: Record>(
        &self,
        site: Site,
        one_at_a_time: bool,
        default: Option<Rdd<T>>,
    ) -> (Queue<T>, DStream<T>) {
        let ctx = self.context();
        let default = default.unwrap_or_else(|| ctx.parallelize(Vec::new(), 1));
        let queue = Queue::new(self.context());
        let source = queue.clone();
        let stream = self.input_stream(site, move |_| {
            let taken = source.take(one_at_a_time);
            Ok(match taken.as_slice() {
                [] => default.clone(),
                [one] if one_at_a_time => one.clone(),
                all => source.ctx.union_unmerged(all),
            })
        });
        (queue, stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestStream;
    use crate::time::seconds;

    /// The partitions of each batch of a queue that is filled before the start.
    fn partitions<T: Record>(
        one_at_a_time: bool,
        default: impl FnOnce(&Context) -> Option<Rdd<T>>,
        fill: impl FnOnce(&Context, &Queue<T>),
    ) -> Vec<Vec<Vec<T>>> {
        let test = TestStream::new(seconds(1));
        let ctx = test.context().context().clone();
        let (queue, stream) = test
            .context()
            .queue_stream_with(one_at_a_time, default(&ctx));
        fill(&ctx, &queue);
        let out = test.collect(&stream);
        test.run(2);
        let firings = out.firings().into_iter();
        firings.map(|firing| firing.partitions).collect()
    }

    #[test]
    fn all_that_wait_keep_their_partitions_wherever_their_keys_are() {
        let all = partitions(
            false,
            |_| None,
            |ctx, queue| {
                for key in [1, 2] {
                    let pairs = ctx.parallelize(vec![(key, 1), (key, 1)], 1);
                    queue.push(pairs.reduce_by_key_partitioned(|a, b| a + b, 2));
                }
            },
        );
        assert_eq!(all[0].len(), 4);
        assert_eq!(all[0].concat(), [(1, 2), (2, 2)]);
        assert_eq!(all[1], [[]]);
    }

    #[test]
    fn an_empty_queue_gives_the_default_as_it_is() {
        let of = |default: fn(&Context) -> Rdd<i32>| {
            let batches = partitions(
                true,
                |ctx| Some(default(ctx)),
                |_, queue| queue.push_records(vec![1], 1),
            );
            assert_eq!(batches[0], [[1]]);
            batches[1].clone()
        };
        assert_eq!(
            of(|ctx| ctx.parallelize(vec![7, 8, 9], 2)),
            [vec![7], vec![8, 9]]
        );
        assert!(of(Context::empty).is_empty());
    }
}
