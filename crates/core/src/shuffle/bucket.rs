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

    /// A bucket of chunks, none of which is empty.
    pub(crate) fn from_chunks(chunks: Vec<Vec<R>>) -> Self {
        Bucket {
            records: chunks.iter().map(Vec::len).sum(),
            chunks,
        }
    }

    /// Moves the records to the end of a vector, which grows by no more than is needed, and
    /// frees each chunk when it is empty.
    pub(crate) fn append_to(self, records: &mut Vec<R>) {
        records.reserve_exact(self.records);
        for mut chunk in self.chunks {
            records.append(&mut chunk);
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

/// Fills buckets record by record.
pub(crate) struct BucketWriter<R> {
    /// The chunk of each bucket that is being filled.
    open: Vec<Vec<R>>,
    full: Vec<Vec<Vec<R>>>,
    /// Empty chunks to fill before others are made.
    spare: Vec<Vec<R>>,
    chunk_records: usize,
}

impl<R> BucketWriter<R> {
    pub(crate) fn new(partitions: usize, chunk_records: usize) -> Self {
        BucketWriter {
            open: std::iter::repeat_with(Vec::new).take(partitions).collect(),
            full: std::iter::repeat_with(Vec::new).take(partitions).collect(),
            spare: Vec::new(),
            chunk_records,
        }
    }

    /// How many buckets there are.
    pub(crate) fn partitions(&self) -> usize {
        self.open.len()
    }

    /// Puts a record in a partition; `false` if there is no such partition.
    #[inline]
    #[must_use]
    pub(crate) fn put(&mut self, partition: usize, record: R) -> bool {
        match self.open.get_mut(partition) {
            Some(open) if open.len() < open.capacity() => {
                open.push(record);
                true
            }
            _ => self.put_slow(partition, record),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_slow(&mut self, partition: usize, record: R) -> bool {
        let Some((open, full)) = self
            .open
            .get_mut(partition)
            .zip(self.full.get_mut(partition))
        else {
            return false;
        };
        if open.len() < self.chunk_records {
            // Small batches must not pay for a whole chunk.
            let wanted = (open.len() * 4).clamp(8, self.chunk_records);
            open.reserve_exact(wanted.saturating_sub(open.len()).max(1));
        } else {
            let empty = self.spare.pop();
            let empty = empty.unwrap_or_else(|| Vec::with_capacity(self.chunk_records));
            full.push(std::mem::replace(open, empty));
        }
        open.push(record);
        true
    }

    /// Gives an empty chunk to be filled again.
    ///
    /// Whoever moves records from one set of buckets to another needs no more memory so, not
    /// even if the allocator is slow to use again what another thread has allocated.
    pub(crate) fn recycle(&mut self, chunk: Vec<R>) {
        if chunk.is_empty() && chunk.capacity() >= self.chunk_records {
            self.spare.push(chunk);
        }
    }

    /// What was put in each partition, in that order.
    pub(crate) fn into_buckets(self) -> Vec<Bucket<R>> {
        let close = |(mut full, open): (Vec<Vec<R>>, Vec<R>)| {
            if !open.is_empty() {
                full.push(open);
            }
            Bucket::from_chunks(full)
        };
        self.full.into_iter().zip(self.open).map(close).collect()
    }
}
