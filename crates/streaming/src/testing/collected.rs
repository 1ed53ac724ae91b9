//! What came out, and whether that was expected.

use std::fmt::Debug;
use std::sync::Arc;

use headwater_core::Record;
use parking_lot::Mutex;

use super::diff::{Order, difference};
use crate::dstream::DStream;
use crate::time::Time;

/// The batches that an output gave so far; a handle. Made by
/// [`TestStream::collect`](super::TestStream::collect).
pub struct Collected<T> {
    firings: Arc<Mutex<Vec<Firing<T>>>>,
}

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Collected {
            firings: self.firings.clone(),
        }
    }
}

/// One batch of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing<T> {
    /// The batch time.
    pub time: Time,
    /// The records of each partition, in order.
    pub partitions: Vec<Vec<T>>,
}

impl<T: Record> Collected<T> {
    #[track_caller]
    pub(super) fn of(stream: &DStream<T>) -> Self {
        let collected = Collected {
            firings: Arc::default(),
        };
        let to = collected.firings.clone();
        stream.foreach_rdd(move |rdd, time| {
            let partitions = rdd.glom().collect()?;
            to.lock().push(Firing { time, partitions });
            Ok::<_, headwater_core::Error>(())
        });
        collected
    }
}

impl<T: Clone> Collected<T> {
    /// The records of each batch, in the order of the batches.
    #[must_use]
    pub fn batches(&self) -> Vec<Vec<T>> {
        let firings = self.firings.lock();
        firings
            .iter()
            .map(|firing| firing.partitions.concat())
            .collect()
    }

    /// Each batch with its time and partitions.
    #[must_use]
    pub fn firings(&self) -> Vec<Firing<T>> {
        self.firings.lock().clone()
    }

    /// The batch times at which there was a batch.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// let test = TestStream::new(seconds(1));
    /// let input = test.input(vec![vec![1], vec![2], vec![3]]);
    /// let out = test.collect(&input.window(seconds(2), seconds(2)));
    /// test.run(3);
    /// assert_eq!(out.times(), [Time::from_millis(2000)]);
    /// ```
    #[must_use]
    pub fn times(&self) -> Vec<Time> {
        self.firings.lock().iter().map(|each| each.time).collect()
    }

    /// The records of the batch of a time; none if there was no batch.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// let test = TestStream::new(seconds(1));
    /// let out = test.collect(&test.input(vec![vec![1], vec![2, 3]]));
    /// test.run(2);
    /// assert_eq!(out.at(Time::from_millis(2000)), Some(vec![2, 3]));
    /// assert_eq!(out.at(Time::from_millis(3000)), None);
    /// ```
    #[must_use]
    pub fn at(&self, time: Time) -> Option<Vec<T>> {
        let firings = self.firings.lock();
        let firing = firings.iter().find(|firing| firing.time == time)?;
        Some(firing.partitions.concat())
    }

    /// Compares all batches, each with its records in order.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let out = test.collect(&test.input(vec![vec![1, 2], vec![]]));
    /// test.run(2);
    /// out.assert_batches([vec![1, 2], vec![]]);
    /// ```
    ///
    /// # Panics
    /// When they differ: says for each batch what was expected, what came, which records
    /// are missing and which are extra.
    #[track_caller]
    pub fn assert_batches<B: Into<Vec<T>>>(&self, expected: impl IntoIterator<Item = B>)
    where
        T: PartialEq + Debug,
    {
        self.assert(Order::Counts, expected.into_iter().map(Into::into));
    }

    /// As [`Collected::assert_batches`], with the records of a batch in any order: what
    /// shuffles give has none.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let out = test.collect(&test.input(vec![vec!['a', 'b', 'a']]).count_by_value());
    /// test.run(1);
    /// out.assert_unordered([[('a', 2), ('b', 1)]]);
    /// ```
    ///
    /// # Panics
    /// As [`Collected::assert_batches`].
    #[track_caller]
    pub fn assert_unordered<B: Into<Vec<T>>>(&self, expected: impl IntoIterator<Item = B>)
    where
        T: PartialEq + Debug,
    {
        self.assert(Order::IsFree, expected.into_iter().map(Into::into));
    }

    #[track_caller]
    #[expect(clippy::panic, reason = "a difference fails the test")]
    fn assert(&self, order: Order, expected: impl Iterator<Item = Vec<T>>)
    where
        T: PartialEq + Debug,
    {
        let came: Vec<_> = self.times().into_iter().zip(self.batches()).collect();
        let expected: Vec<_> = expected.collect();
        if let Some(text) = difference(&expected, &came, order) {
            panic!("{text}");
        }
    }
}
