//! A hash table that remembers the order of insertion: the heart of combining by key.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

use super::index::Index;

/// How many pairs go through the table together: few enough that they stay in the first
/// cache from one pass to the next.
const AHEAD: usize = 256;

/// Keys with what was accumulated for them, in the order in which the keys came.
///
/// The entries lie in one vector, which becomes the output as it is; the index holds
/// their places. So the order of results depends on the input alone, though the hash is
/// seeded anew for each table, and growing the index touches no key.
///
/// A table that is larger than the caches is slow because each look-up waits for memory.
/// Pairs are therefore looked up a few hundred at a time, in passes whose steps do not
/// depend on each other, so that the processor has many of those waits under way at once.
pub(crate) struct Table<K, A> {
    index: Index,
    entries: Vec<(K, A)>,
    hasher: RandomState,
    ahead: Ahead,
}

/// What the passes over a few hundred pairs hand to each other.
#[derive(Default)]
struct Ahead {
    hashes: Vec<u32>,
    candidates: Vec<Option<u32>>,
}

impl<K: Hash + Eq, A> Table<K, A> {
    pub(crate) fn new() -> Self {
        Table {
            index: Index::new(),
            entries: Vec::new(),
            hasher: RandomState::default(),
            ahead: Ahead::default(),
        }
    }

    #[inline]
    fn hash(&self, key: &K) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    #[inline]
    fn is_at(&self, place: u32, key: &K) -> bool {
        self.entries
            .get(place as usize)
            .is_some_and(|(there, _)| there == key)
    }

    #[inline]
    fn find(&self, hash: u32, key: &K) -> Option<u32> {
        self.index.find(hash, |place| self.is_at(place, key))
    }

    #[inline]
    fn insert(&mut self, hash: u32, key: K, acc: A) {
        // Four thousand million distinct keys in one partition would not fit in memory.
        self.index.insert(hash, self.entries.len() as u32);
        self.entries.push((key, acc));
    }

    /// Looks the first keys of `pairs` up, without waiting for one before the next.
    #[inline]
    fn look_ahead<V>(&self, pairs: &[(K, V)], ahead: &mut Ahead) {
        let pairs = pairs.get(..AHEAD).unwrap_or(pairs);
        ahead.hashes.clear();
        ahead
            .hashes
            .extend(pairs.iter().map(|(key, _)| self.hash(key)));
        ahead.candidates.clear();
        ahead
            .candidates
            .extend(ahead.hashes.iter().map(|hash| self.index.first(*hash)));
        for (candidate, (key, _)) in ahead.candidates.iter_mut().zip(pairs) {
            *candidate = candidate.filter(|place| self.is_at(*place, key));
        }
    }

    #[inline]
    fn add<V>(
        &mut self,
        (hash, candidate): (u32, Option<u32>),
        (key, value): (K, V),
        create: impl Fn(V) -> A,
        merge: impl Fn(&mut A, V),
    ) {
        let place = candidate.or_else(|| self.find(hash, &key));
        match place.and_then(|place| self.entries.get_mut(place as usize)) {
            Some((_, acc)) => merge(acc, value),
            None => self.insert(hash, key, create(value)),
        }
    }

    /// Merges a chunk of pairs, which is left empty.
    #[inline]
    pub(crate) fn merge<V>(
        &mut self,
        chunk: &mut Vec<(K, V)>,
        create: impl Fn(V) -> A,
        merge: impl Fn(&mut A, V),
    ) {
        let mut ahead = std::mem::take(&mut self.ahead);
        let mut pairs = chunk.drain(..);
        while !pairs.as_slice().is_empty() {
            self.look_ahead(pairs.as_slice(), &mut ahead);
            let found = ahead
                .hashes
                .iter()
                .copied()
                .zip(ahead.candidates.iter().copied());
            for (found, pair) in found.zip(&mut pairs) {
                self.add(found, pair, &create, &merge);
            }
        }
        drop(pairs);
        self.ahead = ahead;
    }

    /// As [`Table::merge`], for pairs that stay with someone else, so that they are cloned.
    #[inline]
    pub(crate) fn merge_shared<V: Clone>(
        &mut self,
        chunk: &[(K, V)],
        create: impl Fn(V) -> A,
        merge: impl Fn(&mut A, V),
    ) where
        K: Clone,
    {
        let mut ahead = std::mem::take(&mut self.ahead);
        for pairs in chunk.chunks(AHEAD) {
            self.look_ahead(pairs, &mut ahead);
            let found = ahead
                .hashes
                .iter()
                .copied()
                .zip(ahead.candidates.iter().copied());
            for (found, pair) in found.zip(pairs) {
                self.add(found, pair.clone(), &create, &merge);
            }
        }
        self.ahead = ahead;
    }

    /// What was accumulated for a key.
    pub(crate) fn get(&self, key: &K) -> Option<&A> {
        let place = self.find(self.hash(key), key)?;
        self.entries.get(place as usize).map(|(_, acc)| acc)
    }

    /// Adds a key that is not there yet; `false` if it is there.
    pub(crate) fn insert_new(&mut self, key: K, acc: A) -> bool {
        let hash = self.hash(&key);
        let is_new = self.find(hash, &key).is_none();
        if is_new {
            self.insert(hash, key, acc);
        }
        is_new
    }

    /// The entries in the order in which their keys came.
    pub(crate) fn into_entries(self) -> Vec<(K, A)> {
        self.entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn agrees_with_a_hash_map_and_keeps_the_order(
            chunks in prop::collection::vec(prop::collection::vec((0_u16..50, 0_i64..9), 0..40), 0..8)
        ) {
            let mut table = Table::new();
            let mut naive: HashMap<u16, i64> = HashMap::new();
            let mut order = Vec::new();
            for (at, chunk) in chunks.into_iter().enumerate() {
                for (key, value) in &chunk {
                    if !naive.contains_key(key) {
                        order.push(*key);
                    }
                    *naive.entry(*key).or_default() += value;
                }
                if at % 2 == 0 {
                    table.merge_shared(&chunk, |v| v, |acc, v| *acc += v);
                } else {
                    let mut chunk = chunk;
                    table.merge(&mut chunk, |v| v, |acc, v| *acc += v);
                    prop_assert!(chunk.is_empty());
                }
            }
            let expected: Vec<_> = order.iter().map(|key| (*key, naive[key])).collect();
            prop_assert_eq!(table.into_entries(), expected);
        }
    }
}
