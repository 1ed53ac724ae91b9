//! A hash map whose entries lie in one vector, in the order of arrival.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Keys with what belongs to them, readable as one slice, and an index of 32-bit places
/// beside it: five to ten bytes a key.
///
/// The order depends on what was added and removed alone, never on hashes.
#[derive(Clone)]
pub(super) struct Entries<K, A> {
    entries: Vec<(K, A)>,
    index: HashTable<u32>,
    hasher: RandomState,
}

/// Room for so many entries is never given back.
pub(super) const SMALL: usize = 1024;

impl<K: Hash + Eq, A> Entries<K, A> {
    pub(super) fn new() -> Self {
        Entries::with_hasher(RandomState::default())
    }

    /// Empty entries in which keys have the same hashes as in others.
    pub(super) fn hashed_like<B>(other: &Entries<K, B>) -> Self {
        Entries::with_hasher(other.hasher.clone())
    }

    fn with_hasher(hasher: RandomState) -> Self {
        Entries {
            entries: Vec::new(),
            index: HashTable::new(),
            hasher,
        }
    }

    #[inline]
    pub(super) fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The place of a key with this hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &K) -> Option<u32> {
        let is_it = |place: &u32| self.get(*place).is_some_and(|(there, _)| there == key);
        self.index.find(hash, is_it).copied()
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&(K, A)> {
        self.entries.get(place as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut (K, A)> {
        self.entries.get_mut(place as usize)
    }

    pub(super) fn as_slice(&self) -> &[(K, A)] {
        &self.entries
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut A> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    pub(super) fn into_vec(self) -> Vec<(K, A)> {
        self.entries
    }

    /// The same keys with what a function makes of what belongs to them.
    pub(super) fn map_values<B>(self, f: impl Fn(A) -> B) -> Entries<K, B> {
        let entries = self.entries.into_iter();
        Entries {
            entries: entries.map(|(key, value)| (key, f(value))).collect(),
            index: self.index,
            hasher: self.hasher,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Makes room for so many more keys at once.
    pub(super) fn reserve(&mut self, more: usize) {
        self.entries.reserve_exact(more);
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.reserve(more, |place| {
            let entry = entries.get(*place as usize);
            entry.map_or(0, |(key, _)| hasher.hash_one(key))
        });
    }

    /// Adds a key that is not there yet, at the end.
    pub(super) fn add(&mut self, hash: u64, key: K, value: A) -> u32 {
        // Four thousand million keys in one partition would not fit in memory.
        let place = self.entries.len() as u32;
        self.entries.push((key, value));
        let (entries, hasher) = (&self.entries, &self.hasher);
        self.index.insert_unique(hash, place, |place| {
            let entry = entries.get(*place as usize);
            entry.map_or(0, |(key, _)| hasher.hash_one(key))
        });
        place
    }

    /// What belongs to a key, made if it is not there yet.
    #[inline]
    pub(super) fn entry(&mut self, key: K, make: impl FnOnce() -> A) -> Option<&mut A> {
        let hash = self.hash(&key);
        let place = match self.find(hash, &key) {
            Some(place) => place,
            None => self.add(hash, key, make()),
        };
        self.get_mut(place).map(|(_, value)| value)
    }

    /// Removes the entry at a place; the last one moves there.
    pub(super) fn swap_remove(&mut self, place: u32) {
        let last = (self.entries.len() as u32).wrapping_sub(1);
        self.point(place, None);
        if place != last {
            self.point(last, Some(place));
        }
        self.entries.swap_remove(place as usize);
    }

    /// Makes the index entry of a place point elsewhere, or nowhere.
    fn point(&mut self, place: u32, to: Option<u32>) {
        let Some((key, _)) = self.entries.get(place as usize) else {
            return;
        };
        let hash = self.hasher.hash_one(key);
        if let Ok(mut entry) = self.index.find_entry(hash, |there| *there == place) {
            match to {
                Some(to) => *entry.get_mut() = to,
                None => drop(entry.remove()),
            }
        }
    }

    /// Gives memory back when most of it is unused.
    pub(super) fn shrink(&mut self) {
        let len = self.entries.len();
        if self.entries.capacity() > SMALL && len < self.entries.capacity() / 4 {
            self.entries.shrink_to(2 * len);
            let (entries, hasher) = (&self.entries, &self.hasher);
            self.index.shrink_to(2 * len, |place| {
                let entry = entries.get(*place as usize);
                entry.map_or(0, |(key, _)| hasher.hash_one(key))
            });
        }
    }

    /// The memory of entries and index, in bytes, without what keys and values own elsewhere.
    pub(super) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<(K, A)>() + self.index.allocation_size()
    }
}
