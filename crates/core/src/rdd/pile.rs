//! Gathering a large partition without growing a vector.

use crate::chunk::{Push, Sink};

/// As many records as a chunk that is begun here has room for.
const ROOM_MAX: usize = 1024;

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
        let mut records = Vec::with_capacity(self.records);
        for mut chunk in self.chunks {
            records.append(&mut chunk);
        }
        records
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
}
