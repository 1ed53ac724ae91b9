//! The records that one map task has for one partition of the next stage.

use crate::record::Wire;
use crate::storage::estimate_bytes;

/// Records in chunks: growing one never copies, and a reader frees what it has read.
pub(crate) struct Bucket<R> {
    pub(crate) chunks: Vec<Vec<R>>,
    pub(crate) records: usize,
}

impl<R> Default for Bucket<R> {
    fn default() -> Self {
        Bucket {
            chunks: Vec::new(),
            records: 0,
        }
    }
}

impl<R> Bucket<R> {
    /// A bucket of records that are there already.
    pub(crate) fn from_records(records: Vec<R>) -> Self {
        if records.is_empty() {
            return Bucket::default();
        }
        Bucket {
            records: records.len(),
            chunks: vec![records],
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, record: R, chunk_records: usize) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < last.capacity() => last.push(record),
            _ => self.push_slow(record, chunk_records),
        }
        self.records += 1;
    }

    #[cold]
    #[inline(never)]
    fn push_slow(&mut self, record: R, chunk_records: usize) {
        match self.chunks.last_mut() {
            // Small batches must not pay for a whole chunk.
            Some(last) if last.len() < chunk_records => {
                let wanted = (last.len() * 4).min(chunk_records);
                last.reserve_exact(wanted.saturating_sub(last.len()).max(1));
                last.push(record);
            }
            last => {
                let first = last.is_none();
                let capacity = if first {
                    8.min(chunk_records)
                } else {
                    chunk_records
                };
                let mut chunk = Vec::with_capacity(capacity);
                chunk.push(record);
                self.chunks.push(chunk);
            }
        }
    }
}

impl<R: Wire> Bucket<R> {
    /// About how much memory the records take: exact for plain ones, else by a sample.
    pub(crate) fn bytes(&self) -> u64 {
        let Some(first) = self.chunks.first() else {
            return 0;
        };
        let sampled = estimate_bytes(first);
        sampled.saturating_mul(self.records as u64) / first.len().max(1) as u64
    }
}

/// Fills the buckets of a map task.
pub(crate) struct BucketWriter<R> {
    pub(crate) buckets: Vec<Bucket<R>>,
    chunk_records: usize,
}

impl<R> BucketWriter<R> {
    pub(crate) fn new(partitions: usize, chunk_records: usize) -> Self {
        let buckets = std::iter::repeat_with(Bucket::default)
            .take(partitions)
            .collect();
        BucketWriter {
            buckets,
            chunk_records,
        }
    }

    /// Puts a record in a partition; `false` if there is no such partition.
    #[inline]
    #[must_use]
    pub(crate) fn put(&mut self, partition: usize, record: R) -> bool {
        match self.buckets.get_mut(partition) {
            Some(bucket) => {
                bucket.push(record, self.chunk_records);
                true
            }
            None => false,
        }
    }
}
