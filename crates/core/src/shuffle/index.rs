//! From the hash of a key to the place of its entry.

/// An open-addressed table of places, in which the hash lies beside the place.
///
/// A slot is one word, so that a look-up that finds its key at once, as most do, reads one
/// word here and the entry; and growing moves words without looking at any key.
#[derive(Default)]
pub(super) struct Index {
    /// A power of two of them; `EMPTY`, or the hash in the upper half and the place below.
    slots: Vec<u64>,
    used: usize,
}

/// No place is that high: a table holds fewer entries.
const EMPTY: u64 = u64::MAX;
const SLOTS_AT_FIRST: usize = 16;

impl Index {
    pub(super) fn new() -> Self {
        Index::default()
    }

    /// Takes everything out, and keeps the room for as much again.
    pub(super) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.used = 0;
    }

    #[inline]
    fn slot(&self, at: usize) -> u64 {
        // Masking keeps it in range, except while there are no slots at all.
        self.slots
            .get(at & self.slots.len().wrapping_sub(1))
            .copied()
            .unwrap_or(EMPTY)
    }

    /// The place in the first slot of a hash, if its hash is this one: with few exceptions
    /// that of the key, or there is none.
    #[inline]
    pub(super) fn first(&self, hash: u32) -> Option<u32> {
        let slot = self.slot(hash as usize);
        ((slot >> 32) as u32 == hash && slot != EMPTY).then_some(slot as u32)
    }

    /// The first place with this hash that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = hash as usize;
        loop {
            let slot = self.slot(at);
            if slot == EMPTY {
                return None;
            }
            if (slot >> 32) as u32 == hash && is_it(slot as u32) {
                return Some(slot as u32);
            }
            at = at.wrapping_add(1);
        }
    }

    /// Adds a place; that of an equal key must not be there yet.
    #[inline]
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        // At most half full, so that runs stay short.
        if self.used * 2 >= self.slots.len() {
            self.grow();
        }
        self.used += 1;
        put(&mut self.slots, u64::from(hash) << 32 | u64::from(place));
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let larger = (self.slots.len() * 2).max(SLOTS_AT_FIRST);
        let slots = std::mem::replace(&mut self.slots, vec![EMPTY; larger]);
        for slot in slots.into_iter().filter(|slot| *slot != EMPTY) {
            put(&mut self.slots, slot);
        }
    }
}

/// Puts a word in the first free slot from where its hash points.
#[inline]
fn put(slots: &mut [u64], word: u64) {
    let mask = slots.len().wrapping_sub(1);
    let mut at = (word >> 32) as usize;
    while let Some(slot) = slots.get_mut(at & mask) {
        if *slot == EMPTY {
            *slot = word;
            return;
        }
        at = at.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_and_growth_lose_nothing() {
        let mut index = Index::new();
        assert_eq!(index.find(7, |_| true), None);
        // A third of the places share one hash, others collide in their low bits.
        let hash = |place: u32| {
            if place.is_multiple_of(3) {
                7
            } else {
                place << 20
            }
        };
        for place in 0..500 {
            index.insert(hash(place), place);
        }
        for place in 0..500 {
            assert_eq!(index.find(hash(place), |each| each == place), Some(place));
        }
        assert_eq!(index.find(8, |_| true), None);
        assert_eq!(index.find(7, |_| false), None);
    }

    #[test]
    fn the_highest_hash_is_not_taken_for_an_empty_slot() {
        let mut index = Index::new();
        assert_eq!(index.first(u32::MAX), None);
        index.insert(u32::MAX, 3);
        assert_eq!(index.first(u32::MAX), Some(3));
        assert_eq!(index.find(u32::MAX, |_| true), Some(3));
    }
}
