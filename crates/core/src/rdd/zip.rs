//! Two RDDs record by record.

use super::partitions::{Gather, PartitionIter};
use super::side_by_side::side_by_side;
use super::{Rdd, read};
use crate::chunk::{Push, Sink};
use crate::error::TaskError;
use crate::record::Record;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Pairs the first record of this RDD with the first one of another, the second with the
    /// second, and so on: Spark's `zip`.
    ///
    /// Both must have as many partitions, and as many records in each of them, as when one
    /// was mapped from the other: [`Rdd::zip_with_index`] and a join pair what lies
    /// differently. A partition of the other RDD is held in memory while one of this RDD
    /// passes by.
    ///
    /// The action reports [`Error::Build`](crate::Error::Build) when the numbers of
    /// partitions differ; a task fails when the numbers of records do.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["to", "be", "or"], 2);
    /// let zipped = words.zip(&words.map(str::len));
    /// assert_eq!(zipped.collect().unwrap(), [("to", 2), ("be", 2), ("or", 2)]);
    /// let error = words.zip(&ctx.range(0..3, 1, 3)).collect().unwrap_err();
    /// assert!(error.to_string().contains("[2, 3]"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn zip<U: Record>(&self, other: &Rdd<U>) -> Rdd<(T, U)> {
        let site = Site::here("zip");
        let (left, right) = (self.as_parent(), other.as_parent());
        let inputs = [self.as_input(), other.as_input()];
        side_by_side(&self.ctx, site, &inputs, move |task, partition, sink| {
            let mut gather = Gather::new();
            read(&right, task, partition, &mut gather)?;
            let others = gather.into_records();
            let mut zipping = Zipping {
                all: others.len(),
                others,
                buffer: Vec::new(),
                partition,
                site,
                sink,
            };
            read(&left, task, partition, &mut zipping)?;
            zipping.end()
        })
    }
}

struct Zipping<'a, T, U> {
    others: PartitionIter<U>,
    /// How many others there were in the beginning.
    all: usize,
    buffer: Vec<(T, U)>,
    partition: usize,
    site: Site,
    sink: &'a mut dyn Sink<(T, U)>,
}

impl<T, U> Zipping<'_, T, U> {
    fn zip(&mut self, records: impl ExactSizeIterator<Item = T>) -> Push {
        let is_too_much = records.len() > self.others.len();
        self.buffer.extend(records.zip(self.others.by_ref()));
        // Whoever stops at these pairs never meets the record that has no other.
        if !self.buffer.is_empty() {
            self.sink.push(&mut self.buffer)?;
        }
        if is_too_much {
            return self.unequal(format!("more than {}", self.all));
        }
        Ok(())
    }

    fn end(self) -> Push {
        match self.all - self.others.len() {
            zipped if zipped < self.all => self.unequal(zipped.to_string()),
            _ => Ok(()),
        }
    }

    fn unequal(&self, records: String) -> Push {
        Err(TaskError::Input {
            operator: self.site,
            message: format!(
                "partition {} has {records} records in the first RDD and {} in the second; only \
                 RDDs with the same number of records in each partition can be zipped",
                self.partition, self.all
            ),
        }
        .into())
    }
}

impl<T: Clone, U> Sink<T> for Zipping<'_, T, U> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.zip(chunk.drain(..))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.zip(chunk.iter().cloned())
    }
}
