//! Output partition by partition, on the tasks.

use std::fmt;
use std::sync::Arc;

use headwater_core::{Error, PartitionIter, Rdd, Record, Site};
use serde::{Deserialize, Serialize};

use super::{BatchId, DStream};
use crate::graph::{OutputId, OutputNumber, OutputResult};
use crate::time::Time;

/// What tells the write of one partition from every other write of the program: the key
/// with which a sink can be idempotent.
///
/// A task that failed, an output that is tried again and a batch that is run again after a
/// crash all have the key of the first attempt and the same records, as far as the sources
/// give the same again. A sink that overwrites what it has under the key, or skips a key
/// that it knows, holds every record exactly once.
///
/// ```
/// use headwater_streaming::{OutputNumber, PartitionKey, time::Time};
/// let (time, output) = (Time::from_millis(2000), OutputNumber::new(0));
/// let key = PartitionKey { time, output, partition: 1 };
/// assert_eq!(key.to_string(), "2000-0-1");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionKey {
    /// The batch.
    pub time: Time,
    /// The output operation, by the number that it keeps when the program changes.
    pub output: OutputNumber,
    /// The number of the partition in the batch.
    pub partition: usize,
}

/// As text that can be part of a file name or of a row's key.
impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, output) = (self.time, self.output);
        write!(f, "{}-{}", BatchId { time, output }, self.partition)
    }
}

impl<T: Record> DStream<T> {
    /// Calls a function once for each partition of each batch, on the tasks: what in Spark
    /// is `foreachRDD(rdd => rdd.foreachPartition(f))`, the way to a sink with a cost per
    /// connection.
    ///
    /// It is called for empty partitions too. It may return nothing or a `Result`; an error
    /// or a panic fails its task, which is tried again as configured: what was written
    /// before is written again. [`DStream::for_each_partition_with_key`] tells the
    /// attempts of one write from other writes.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let sizes = test.context().context().collection_accumulator("sizes");
    /// let to = sizes.clone();
    /// let numbers = test.input(vec![vec![1, 2, 3]]);
    /// numbers.for_each_partition(move |records| to.push(records.len()));
    /// test.run(1);
    /// let mut sizes = sizes.value();
    /// sizes.sort();
    /// assert_eq!(sizes, [1, 2]);
    /// ```
    #[track_caller]
    pub fn for_each_partition<R: OutputResult>(
        &self,
        f: impl Fn(PartitionIter<T>) -> R + Send + Sync + 'static,
    ) -> OutputId {
        let site = Site::here("for_each_partition");
        let f = Arc::new(f);
        self.output(site, move |rdd, _| {
            let f = f.clone();
            let write = move |records| f(records).into_outcome();
            let written = site.cover(|| rdd.try_for_each_partition(write));
            written.map_err(|error| error.to_string())
        })
    }

    /// As [`DStream::for_each_partition`], with the key of the write: batch time, output
    /// and number of the partition.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// use std::{collections::BTreeMap, sync::{Arc, Mutex}};
    /// let test = TestStream::new(seconds(1));
    /// let table = Arc::new(Mutex::new(BTreeMap::new()));
    /// let to = table.clone();
    /// let letters = test.input(vec![vec!['a', 'b'], vec!['c']]);
    /// letters.for_each_partition_with_key(move |key, records| {
    ///     to.lock().unwrap().insert(key.to_string(), records.into_vec());
    /// });
    /// test.run(2);
    /// let table = table.lock().unwrap();
    /// assert_eq!(table["1000-0-1"], ['b']);
    /// assert_eq!(table["2000-0-0"], []);
    /// ```
    #[track_caller]
    pub fn for_each_partition_with_key<R: OutputResult>(
        &self,
        f: impl Fn(PartitionKey, PartitionIter<T>) -> R + Send + Sync + 'static,
    ) -> OutputId {
        let site = Site::here("for_each_partition_with_key");
        let f = Arc::new(f);
        self.output_with_run(site, move |rdd, run| {
            let f = f.clone();
            let write =
                move |partition, records| f(run.id.partition(partition), records).into_outcome();
            let written = site.cover(|| write_partitions(rdd, write));
            written.map_err(|error| error.to_string())
        })
    }
}

/// Calls a function for each partition with its number.
pub(crate) fn write_partitions<T: Record>(
    rdd: &Rdd<T>,
    write: impl Fn(usize, PartitionIter<T>) -> Result<(), String> + Send + Sync + 'static,
) -> Result<(), Error> {
    // One record for each partition, which moves on as a whole.
    let numbered = rdd.map_partitions_with_index(|at, records| [(at, records.into_vec())]);
    numbered.try_for_each_partition(move |mut one| {
        one.try_for_each(|(at, records)| write(at, PartitionIter::from(records)))
    })
}
