//! Gathering a large partition without growing a vector, and cutting it in small parts.

use crate::chunk::{Push, Sink, Stop};
use crate::shuffle::{Bucket, BucketWriter};

/// As many records as a chunk that is begun here has room for.
const ROOM_MAX: usize = 1024;

/// About how many records a part has: few enough that what is done with them one after the
/// other, such as looking for their keys, stays in the second cache.
const PART_RECORDS: usize = 1 << 13;
/// With more parts, the places that are written to at a time would not stay in the cache.
const PARTS_MAX: usize = 1 << 9;

/// Gathers the records of a partition chunk by chunk, and lays them side by side once their
/// number is known.
///
/// A vector that grows by doubling touches twice the memory that it ends with, and for
/// millions of records touching new memory is what costs most. Chunks that are well filled
/// are kept as they come; records of others are moved together.
pub(crate) struct Pile<T> {
    chunks: Vec<Vec<T>>,
    records: usize,
}

impl<T> Pile<T> {
    pub(crate) fn new() -> Self {
        Pile {
            chunks: Vec::new(),
            records: 0,
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<T> {
        if self.chunks.len() == 1 {
            return self.chunks.pop().unwrap_or_default();
        }
        let mut records = Vec::new();
        Bucket::from_chunks(self.chunks).append_to(&mut records);
        records
    }

    /// How many parts the records should be cut in: a power of two, 1 where there are few.
    pub(crate) fn parts(&self) -> usize {
        let parts = (self.records / PART_RECORDS).clamp(1, PARTS_MAX);
        1 << parts.ilog2()
    }

    /// Every `step`th record, so that about `wanted` are looked at.
    pub(crate) fn sample(&self, wanted: usize) -> impl Iterator<Item = &T> {
        let step = self.records / wanted.max(1) + 1;
        let mut skip = 0;
        self.chunks.iter().flat_map(move |chunk| {
            let from = skip;
            let taken = chunk.len().saturating_sub(from).div_ceil(step);
            skip = from + taken * step - chunk.len();
            chunk.iter().skip(from).step_by(step)
        })
    }

    /// Cuts the records in parts, each of which keeps their order: a record goes to the part
    /// that `part_of` says, which is below `parts`. `before_each` chunk may stop it.
    ///
    /// The chunks of the pile become those of the parts, so that the records are never held
    /// twice.
    pub(crate) fn into_parts(
        self,
        parts: usize,
        chunk_records: usize,
        mut before_each: impl FnMut() -> Push,
        part_of: impl Fn(&T) -> usize,
    ) -> Result<Vec<Bucket<T>>, Stop> {
        if parts <= 1 {
            return Ok(vec![Bucket::from_chunks(self.chunks)]);
        }
        let mut writer = BucketWriter::new(parts, chunk_records);
        for mut chunk in self.chunks {
            before_each()?;
            for record in chunk.drain(..) {
                let put = writer.put(part_of(&record), record);
                debug_assert!(put, "each record has a part");
            }
            writer.recycle(chunk);
        }
        Ok(writer.into_buckets())
    }

    /// The chunk that has room for `more` records, begun if there is none.
    fn room_for(&mut self, more: usize) -> &mut Vec<T> {
        let has_room = |last: &Vec<T>| last.capacity() - last.len() >= more;
        if !self.chunks.last().is_some_and(has_room) {
            // Small partitions must not pay for a whole chunk.
            let room = more.max(self.records.min(ROOM_MAX));
            self.chunks.push(Vec::with_capacity(room));
        }
        self.records += more;
        let last = self.chunks.len() - 1;
        &mut self.chunks[last]
    }
}

impl<T: Clone> Sink<T> for Pile<T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        if chunk.len() >= chunk.capacity() / 2 {
            self.records += chunk.len();
            self.chunks.push(std::mem::take(chunk));
        } else {
            self.room_for(chunk.len()).append(chunk);
        }
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.room_for(chunk.len()).extend_from_slice(chunk);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_stay_in_their_order(
            chunks in prop::collection::vec(
                (prop::collection::vec(0_u8..9, 0..9), 0_usize..3),
                0..9,
            )
        ) {
            let mut pile = Pile::new();
            let mut expected = Vec::new();
            for (chunk, how) in chunks {
                expected.extend_from_slice(&chunk);
                let mut sparse = Vec::with_capacity(64);
                sparse.extend_from_slice(&chunk);
                let pushed = match how {
                    0 => pile.push_shared(&chunk),
                    1 => pile.push(&mut sparse),
                    _ => pile.push(&mut chunk.clone()),
                };
                prop_assert!(pushed.is_ok());
            }
            prop_assert_eq!(pile.into_vec(), expected);
        }
    }

    proptest! {
        #[test]
        fn a_sample_is_every_so_manyth_record(
            lengths in prop::collection::vec(0_usize..9, 0..9),
            wanted in 1_usize..20,
        ) {
            let mut pile = Pile::new();
            let mut next = 0;
            for length in lengths {
                let chunk: Vec<usize> = (next..next + length).collect();
                next += length;
                prop_assert!(pile.push_shared(&chunk).is_ok());
            }
            let sample: Vec<usize> = pile.sample(wanted).copied().collect();
            let expected: Vec<usize> = (0..next).step_by(next / wanted + 1).collect();
            prop_assert!(sample.len() <= wanted);
            prop_assert_eq!(sample, expected);
        }

        #[test]
        fn parts_keep_the_order(
            records in prop::collection::vec(0_u16..99, 0..400),
            parts in 1_usize..9,
            shared in 1_usize..40,
        ) {
            let mut pile = Pile::new();
            for (at, chunk) in records.chunks(shared).enumerate() {
                let pushed = match at % 2 {
                    0 => pile.push_shared(chunk),
                    _ => pile.push(&mut chunk.to_vec()),
                };
                prop_assert!(pushed.is_ok());
            }
            let part_of = |record: &u16| usize::from(*record) % parts;
            let cut = pile.into_parts(parts, 16, || Ok(()), part_of).unwrap();
            prop_assert_eq!(cut.len(), parts);
            for (part, bucket) in cut.into_iter().enumerate() {
                let expected = records.iter().filter(|record| part_of(record) == part);
                let expected: Vec<u16> = expected.copied().collect();
                prop_assert_eq!(bucket.records, expected.len());
                prop_assert_eq!(bucket.chunks.concat(), expected);
            }
        }
    }

    #[test]
    fn only_large_piles_are_cut() {
        let parts = |records| {
            let chunks = vec![vec![(); records]];
            Pile { chunks, records }.parts()
        };
        assert_eq!((parts(0), parts(PART_RECORDS * 2 - 1)), (1, 1));
        assert_eq!((parts(PART_RECORDS * 2), parts(PART_RECORDS * 7)), (2, 4));
        assert_eq!(parts(PART_RECORDS * PARTS_MAX * 9), PARTS_MAX);
    }
}
