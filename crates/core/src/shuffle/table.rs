//! A hash table that remembers the order of insertion: the heart of combining by key.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Few enough that the keys are still in the first cache when they are looked up.
const HASHED_AHEAD: usize = 256;

/// Keys with what was accumulated for them, in the order in which the keys came.
///
/// The entries lie in one vector, which becomes the output as it is; the index holds
/// their places. So the order of results depends on the input alone, though the hash is
/// seeded anew for each table, and growing the index touches no key.
pub(crate) struct Table<K, A> {
    index: HashTable<Place>,
    entries: Vec<(K, A)>,
    hasher: RandomState,
    /// The hashes of a chunk, computed ahead: the probes then overlap in the processor.
    hashes: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    at: u32,
}

/// Spreads the 32 bits that a place keeps over the 64 that the index looks at.
#[inline]
fn index_hash(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<K: Hash + Eq, A> Table<K, A> {
    pub(crate) fn new() -> Self {
        Table {
            index: HashTable::new(),
            entries: Vec::new(),
            hasher: RandomState::default(),
            hashes: Vec::new(),
        }
    }

    #[inline]
    fn hash(&self, key: &K) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    #[inline]
    fn find(&self, hash: u32, key: &K) -> Option<usize> {
        let found = self.index.find(index_hash(hash), |place| {
            place.hash == hash
                && self
                    .entries
                    .get(place.at as usize)
                    .is_some_and(|(there, _)| there == key)
        });
        found.map(|place| place.at as usize)
    }

    #[inline]
    fn insert(&mut self, hash: u32, key: K, acc: A) {
        // Four thousand million distinct keys in one partition would not fit in memory.
        let place = Place {
            hash,
            at: self.entries.len() as u32,
        };
        self.index
            .insert_unique(index_hash(hash), place, |place| index_hash(place.hash));
        self.entries.push((key, acc));
    }

    /// Merges a chunk of pairs, which is left empty.
    #[inline]
    pub(crate) fn merge<V>(
        &mut self,
        chunk: &mut Vec<(K, V)>,
        create: impl Fn(V) -> A,
        merge: impl Fn(&mut A, V),
    ) {
        let mut hashes = std::mem::take(&mut self.hashes);
        let mut pairs = chunk.drain(..);
        while !pairs.as_slice().is_empty() {
            let ahead = pairs.as_slice().iter().take(HASHED_AHEAD);
            hashes.clear();
            hashes.extend(ahead.map(|(key, _)| self.hash(key)));
            for (hash, (key, value)) in hashes.iter().zip(&mut pairs) {
                match self
                    .find(*hash, &key)
                    .and_then(|at| self.entries.get_mut(at))
                {
                    Some((_, acc)) => merge(acc, value),
                    None => self.insert(*hash, key, create(value)),
                }
            }
        }
        drop(pairs);
        self.hashes = hashes;
    }

    /// As [`Table::merge`], for pairs that stay with someone else: new keys are cloned.
    #[inline]
    pub(crate) fn merge_shared<V: Clone>(
        &mut self,
        chunk: &[(K, V)],
        create: impl Fn(V) -> A,
        merge: impl Fn(&mut A, V),
    ) where
        K: Clone,
    {
        for (key, value) in chunk {
            let hash = self.hash(key);
            match self.find(hash, key).and_then(|at| self.entries.get_mut(at)) {
                Some((_, acc)) => merge(acc, value.clone()),
                None => self.insert(hash, key.clone(), create(value.clone())),
            }
        }
    }

    /// What was accumulated for a key.
    pub(crate) fn get(&self, key: &K) -> Option<&A> {
        self.find(self.hash(key), key)
            .and_then(|at| self.entries.get(at))
            .map(|(_, acc)| acc)
    }

    /// What was accumulated for a key, made by `create` if it is new.
    pub(crate) fn entry(&mut self, key: K, create: impl FnOnce() -> A) -> &mut A {
        let hash = self.hash(&key);
        let at = self.find(hash, &key).unwrap_or_else(|| {
            self.insert(hash, key, create());
            self.entries.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the place was found or made just now"
        )]
        &mut self.entries[at].1
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
            for (key, sum) in &naive {
                prop_assert_eq!(table.get(key), Some(sum));
            }
            let expected: Vec<_> = order.iter().map(|key| (*key, naive[key])).collect();
            prop_assert_eq!(table.into_entries(), expected);
        }
    }
}
