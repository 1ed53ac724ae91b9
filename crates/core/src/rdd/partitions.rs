//! A partition as a whole, for operators that look at more than one record.

use std::iter::FusedIterator;

use crate::chunk::{Push, Sink};

/// The records of one partition, in order.
///
/// What `map_partitions`, `for_each_partition` and their kin hand to closures.
///
/// ```
/// let ctx = headwater_core::Context::local(2).unwrap();
/// let firsts = ctx.parallelize(vec![1, 2, 3, 4], 2).map_partitions(|mut records| records.next());
/// assert_eq!(firsts.collect().unwrap(), [1, 3]);
/// ```
#[derive(Debug)]
pub struct PartitionIter<T> {
    records: std::vec::IntoIter<T>,
}

impl<T> PartitionIter<T> {
    /// The records that are left, as a vector. Nothing is copied when none was taken yet.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.records.collect()
    }
}

impl<T> Iterator for PartitionIter<T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        self.records.next()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl<T> ExactSizeIterator for PartitionIter<T> {}

impl<T> FusedIterator for PartitionIter<T> {}

impl<T> DoubleEndedIterator for PartitionIter<T> {
    #[inline]
    fn next_back(&mut self) -> Option<T> {
        self.records.next_back()
    }
}

impl<T> From<Vec<T>> for PartitionIter<T> {
    fn from(records: Vec<T>) -> Self {
        PartitionIter {
            records: records.into_iter(),
        }
    }
}

/// Gathers the records of a partition.
pub(crate) struct Gather<T> {
    records: Vec<T>,
}

impl<T> Gather<T> {
    pub(crate) fn new() -> Self {
        Gather {
            records: Vec::new(),
        }
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        self.records
    }

    pub(crate) fn into_records(self) -> PartitionIter<T> {
        PartitionIter::from(self.records)
    }
}

impl<T: Clone> Sink<T> for Gather<T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        if self.records.is_empty() {
            std::mem::swap(&mut self.records, chunk);
        } else {
            self.records.append(chunk);
        }
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.records.extend_from_slice(chunk);
        Ok(())
    }
}
