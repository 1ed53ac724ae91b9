//! The table of one side of a join: every row of the side, found by its key.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

/// How many lookups are begun before the first one is ended: their waits for memory
/// overlap in the processor.
pub(crate) const LOOKED_UP_AHEAD: usize = 256;

/// The end of a chain, and the place of a row that is not there.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// Rows in the order in which they came, with an index of their keys.
///
/// The index is made once, when all rows are known: an array of slots, each of which holds
/// the first row of a key. Rows of the same key are linked from there in their order, so
/// that a key that occurs once costs one slot and no allocation of its own.
pub(crate) struct JoinTable<K, W> {
    rows: Vec<(K, W)>,
    /// The next row with the same key; empty while no key has been seen twice.
    next: Vec<u32>,
    slots: Vec<Slot>,
    hasher: RandomState,
}

/// The first row of a key, beside the upper half of the key's hash.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    row: u32,
}

const FREE: Slot = Slot {
    tag: 0,
    row: NO_ROW,
};

impl<K: Hash + Eq, W> JoinTable<K, W> {
    /// Indexes the rows; `None` if there are too many to be numbered.
    pub(crate) fn new(rows: Vec<(K, W)>) -> Option<Self> {
        if rows.len() >= NO_ROW as usize {
            return None;
        }
        let slots = vec![FREE; (rows.len() * 4 / 3 + 1).next_power_of_two()];
        let hasher = RandomState::default();
        let mut table = JoinTable {
            rows,
            next: Vec::new(),
            slots,
            hasher,
        };
        table.index();
        Some(table)
    }

    /// Goes from the last row to the first, so that each chain begins with its first row.
    fn index(&mut self) {
        let mut hashes = Vec::with_capacity(LOOKED_UP_AHEAD);
        let mut end = self.rows.len();
        while end > 0 {
            let begin = end.saturating_sub(LOOKED_UP_AHEAD);
            hashes.clear();
            hashes.extend(self.rows[begin..end].iter().map(|(key, _)| self.hash(key)));
            for (row, hash) in (begin..end).zip(&hashes).rev() {
                self.insert(row, *hash);
            }
            end = begin;
        }
    }

    fn insert(&mut self, row: usize, hash: u64) {
        let place = self.place(hash, &self.rows[row].0);
        let first = self.slots[place].row;
        if first != NO_ROW {
            if self.next.is_empty() {
                self.next = vec![NO_ROW; self.rows.len()];
            }
            self.next[row] = first;
        }
        self.slots[place] = Slot {
            tag: tag(hash),
            row: row as u32,
        };
    }

    #[inline]
    fn hash(&self, key: &K) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The slot of a key, or the free one where it would be. A quarter of the slots is
    /// always free, so that the search ends.
    #[inline]
    fn place(&self, hash: u64, key: &K) -> usize {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            let is_here = slot.row == NO_ROW
                || (slot.tag == tag(hash) && self.rows[slot.row as usize].0 == *key);
            if is_here {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    /// Finds the first row of each of the keys, [`NO_ROW`] for a key that has none.
    pub(crate) fn find_all<V>(&self, pairs: &[(K, V)], found: &mut Found) {
        found.hashes.clear();
        found
            .hashes
            .extend(pairs.iter().map(|(key, _)| self.hash(key)));
        found.rows.clear();
        let keys = pairs.iter().map(|(key, _)| key);
        let places = found
            .hashes
            .iter()
            .zip(keys)
            .map(|(hash, key)| self.place(*hash, key));
        found.rows.extend(places.map(|place| self.slots[place].row));
    }

    /// The row after `row` with the same key.
    #[inline]
    pub(crate) fn next(&self, row: u32) -> u32 {
        self.next.get(row as usize).copied().unwrap_or(NO_ROW)
    }

    #[inline]
    pub(crate) fn value(&self, row: u32) -> &W {
        &self.rows[row as usize].1
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn into_rows(self) -> Vec<(K, W)> {
        self.rows
    }
}

#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Where keys were found; kept between lookups for its buffers.
#[derive(Default)]
pub(crate) struct Found {
    hashes: Vec<u64>,
    pub(crate) rows: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_of_a_key_is_found_in_its_order(
            rows in prop::collection::vec((0_u16..300, 0_u32..1000), 0..700),
            asked in prop::collection::vec((0_u16..400, Just(())), 0..50),
        ) {
            let table = JoinTable::new(rows.clone()).unwrap();
            let mut found = Found::default();
            table.find_all(&asked, &mut found);
            prop_assert_eq!(found.rows.len(), asked.len());
            for ((key, ()), first) in asked.iter().zip(&found.rows) {
                let mut values = Vec::new();
                let mut row = *first;
                while row != NO_ROW {
                    values.push(*table.value(row));
                    row = table.next(row);
                }
                let of_key = rows.iter().filter(|(k, _)| k == key);
                prop_assert_eq!(values, of_key.map(|(_, value)| *value).collect::<Vec<_>>());
            }
            prop_assert_eq!(table.into_rows(), rows);
        }
    }
}
