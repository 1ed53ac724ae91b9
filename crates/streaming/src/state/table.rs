//! A table of states that is changed in place and read as one slice.

use headwater_core::{Key, Record};
use serde::{Deserialize, Serialize};

use super::ages::Ages;
use super::entries::Entries;
use super::movable::dealt;
use crate::time::Time;

/// Keys with their states.
///
/// With time-outs, keys are also linked in the order of their age, so that finding those
/// that are due costs nothing for the others.
#[derive(Clone)]
pub(crate) struct StateTable<K, S> {
    entries: Entries<K, S>,
    ages: Option<Ages>,
}

/// A table as it is written: the entries in their order, and their stamps.
#[derive(Serialize, Deserialize)]
pub(crate) struct WrittenTable<E, A> {
    entries: E,
    /// The places from the oldest to the newest, each with its stamp in milliseconds.
    ages: Option<A>,
}

impl<K: Key, S: Record> StateTable<K, S> {
    /// An empty table; with `is_aging` it knows when each key was last stamped.
    pub(crate) fn new(is_aging: bool) -> Self {
        StateTable {
            entries: Entries::new(),
            ages: is_aging.then(Ages::default),
        }
    }

    pub(crate) fn is_aging(&self) -> bool {
        self.ages.is_some()
    }

    /// Keys and states as they lie.
    pub(super) fn entries(&self) -> &Entries<K, S> {
        &self.entries
    }

    /// Everything, in the table's order.
    pub(crate) fn as_slice(&self) -> &[(K, S)] {
        self.entries.as_slice()
    }

    /// The places that were last stamped before a time, the oldest first.
    pub(super) fn stamped_before(&self, time: Time) -> impl Iterator<Item = u32> {
        self.ages.iter().flat_map(move |ages| ages.before(time))
    }

    /// Puts the state of a key in place of the one that it had, stamped with a time.
    pub(super) fn put(&mut self, key: K, state: S, stamp: Time) {
        let hash = self.entries.hash(&key);
        let place = self.entries.find(hash, &key);
        match place {
            Some(place) => self.put_at(place, state, stamp),
            None => self.add(hash, key, state, stamp),
        }
    }

    /// Puts a state at the place of its key, stamped with a time.
    pub(super) fn put_at(&mut self, place: u32, state: S, stamp: Time) {
        if let Some((_, old)) = self.entries.get_mut(place) {
            *old = state;
            self.renew(place, stamp);
        }
    }

    /// Puts the state of every key, by the places of the keys; a key without one is removed.
    pub(super) fn put_all(&mut self, states: Vec<Option<S>>) {
        let mut gone = Vec::new();
        for (place, (old, state)) in (0..).zip(self.entries.iter_mut().zip(states)) {
            match state {
                Some(state) => *old = state,
                None => gone.push(place),
            }
        }
        self.remove_all(gone);
    }

    /// Removes the keys at some places.
    pub(super) fn remove_all(&mut self, mut places: Vec<u32>) {
        // From the end, so that what moves into a gap is never itself to be removed.
        places.sort_unstable();
        places
            .into_iter()
            .rev()
            .for_each(|place| self.remove_at(place));
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(place) = self.entries.find(self.entries.hash(key), key) {
            self.remove_at(place);
        }
    }

    fn add(&mut self, hash: u64, key: K, state: S, stamp: Time) {
        self.entries.add(hash, key, state);
        if let Some(ages) = &mut self.ages {
            ages.push(stamp);
        }
    }

    /// Renews the stamp of a place.
    pub(super) fn renew(&mut self, place: u32, stamp: Time) {
        if let Some(ages) = &mut self.ages {
            ages.renew(place, stamp);
        }
    }

    fn remove_at(&mut self, place: u32) {
        if self.entries.get(place).is_none() {
            return;
        }
        self.entries.swap_remove(place);
        if let Some(ages) = &mut self.ages {
            ages.swap_remove(place);
        }
    }

    /// Gives memory back after many keys have gone.
    pub(super) fn shrink(&mut self) {
        self.entries.shrink();
        if let Some(ages) = &mut self.ages {
            ages.shrink();
        }
    }

    /// The memory of the table itself, in bytes; what keys and states own elsewhere is not
    /// known here.
    pub(super) fn bytes(&self) -> usize {
        self.entries.bytes() + self.ages.as_ref().map_or(0, Ages::bytes)
    }

    /// The same keys, of the same ages, with what a function makes of their states.
    pub(super) fn map_values<U>(self, f: impl Fn(S) -> U) -> StateTable<K, U> {
        StateTable {
            entries: self.entries.map_values(f),
            ages: self.ages,
        }
    }

    /// The same keys with ages or without; those whose age is not known get a stamp.
    pub(super) fn aging(self, is_aging: bool, stamp: Time) -> Self {
        let len = self.entries.len();
        let ages = match (self.ages, is_aging) {
            (_, false) => None,
            (Some(ages), true) => Some(ages),
            (None, true) => Some(Ages::of(len, stamp)),
        };
        StateTable { ages, ..self }
    }

    /// The entries of tables in other tables, each in that of which `place` says the number.
    /// Ages stay: each table has its keys in the order of their stamps.
    pub(super) fn spread(parts: Vec<Self>, into: usize, place: impl Fn(&K) -> usize) -> Vec<Self> {
        let is_aging = parts.iter().any(StateTable::is_aging);
        let entries = parts.into_iter().flat_map(|StateTable { entries, ages }| {
            let stamps = ages.map_or_else(Vec::new, |ages| ages.by_place());
            let stamps = stamps.into_iter().chain(std::iter::repeat(Time::ZERO));
            let entries = entries.into_vec().into_iter().zip(stamps);
            entries.map(|((key, state), stamp)| (key, (state, stamp)))
        });
        let dealt = dealt(entries, into, place).into_iter();
        dealt
            .map(|entries| StateTable::of(entries, is_aging))
            .collect()
    }

    /// A table of keys with their states and stamps.
    fn of(entries: Vec<(K, (S, Time))>, is_aging: bool) -> Self {
        let mut table = StateTable::new(is_aging);
        table.entries.reserve(entries.len());
        let mut by_age = Vec::new();
        for (key, (state, stamp)) in entries {
            let hash = table.entries.hash(&key);
            // A key that a partitioner put in two places stays once.
            if table.entries.find(hash, &key).is_none() {
                by_age.push((table.entries.len() as u32, stamp));
                table.add(hash, key, state, stamp);
            }
        }
        if is_aging {
            by_age.sort_by_key(|(_, stamp)| *stamp);
            let by_age = by_age.into_iter();
            by_age.for_each(|(place, stamp)| table.renew(place, stamp));
        }
        table
    }

    /// The table in a form that can be written.
    pub(super) fn written(&self) -> WrittenTable<&[(K, S)], &Ages> {
        WrittenTable {
            entries: self.as_slice(),
            ages: self.ages.as_ref(),
        }
    }

    /// The table that was written; `None` when it contradicts itself.
    pub(super) fn from_written(
        written: WrittenTable<Vec<(K, S)>, Vec<(u32, i64)>>,
        is_aging: bool,
    ) -> Option<Self> {
        let mut table = StateTable::new(is_aging);
        table.entries.reserve(written.entries.len());
        for (key, state) in written.entries {
            let hash = table.entries.hash(&key);
            if table.entries.find(hash, &key).is_some() {
                return None;
            }
            table.add(hash, key, state, Time::ZERO);
        }
        if is_aging {
            let stamps = written.ages?;
            let mut seen = vec![false; table.entries.len()];
            for (place, stamp) in stamps {
                let seen = seen.get_mut(place as usize)?;
                if std::mem::replace(seen, true) {
                    return None;
                }
                table.renew(place, Time::from_millis(stamp));
            }
            if seen.contains(&false) {
                return None;
            }
        }
        Some(table)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Change {
        Put(u8, u32),
        Remove(u8),
        Stamp(u8),
        All(u32),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            4 => (0_u8..40, any::<u32>()).prop_map(|(key, state)| Change::Put(key, state)),
            2 => (0_u8..40).prop_map(Change::Remove),
            1 => (0_u8..40).prop_map(Change::Stamp),
            1 => (1_u32..5).prop_map(Change::All),
        ]
    }

    fn stamp_key(table: &mut StateTable<String, u32>, key: &String, stamp: Time) {
        if let Some(place) = table.entries.find(table.entries.hash(key), key) {
            table.renew(place, stamp);
        }
    }

    fn sorted(table: &StateTable<String, u32>) -> Vec<(String, u32)> {
        let mut entries = table.as_slice().to_vec();
        entries.sort();
        entries
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(changes in prop::collection::vec(change(), 0..200)) {
            let name = |key: u8| format!("key {key}");
            let mut table = StateTable::new(true);
            // The state and the stamp of each key.
            let mut naive: BTreeMap<String, (u32, i64)> = BTreeMap::new();
            for (now, change) in (0_i64..).zip(changes) {
                let stamp = Time::from_millis(now);
                match change {
                    Change::Put(key, state) => {
                        table.put(name(key), state, stamp);
                        naive.insert(name(key), (state, now));
                    }
                    Change::Remove(key) => {
                        table.remove(&name(key));
                        naive.remove(&name(key));
                    }
                    Change::Stamp(key) => {
                        stamp_key(&mut table, &name(key), stamp);
                        naive.entry(name(key)).and_modify(|entry| entry.1 = now);
                    }
                    Change::All(by) => {
                        let kept = |state: u32| (!state.is_multiple_of(by + 1)).then_some(state / 2);
                        let states = table.as_slice().iter().map(|(_, state)| kept(*state));
                        let states = states.collect();
                        table.put_all(states);
                        naive.retain(|_, (state, _)| kept(*state).is_some());
                        naive.values_mut().for_each(|(state, _)| *state /= 2);
                    }
                }
                let expected: Vec<_> =
                    naive.iter().map(|(key, (state, _))| (key.clone(), *state)).collect();
                prop_assert_eq!(sorted(&table), expected);
                for key in naive.keys() {
                    let place = table.entries.find(table.entries.hash(key), key);
                    prop_assert_eq!(&table.entries.get(place.unwrap()).unwrap().0, key);
                }
                let limit = now - 20;
                let due: Vec<_> = table
                    .stamped_before(Time::from_millis(limit))
                    .map(|place| table.entries.get(place).unwrap().0.clone())
                    .collect();
                let mut expected: Vec<_> =
                    naive.iter().filter(|(_, (_, at))| *at < limit).collect();
                expected.sort_by_key(|(_, (_, at))| *at);
                prop_assert_eq!(due, expected.into_iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
            }
            let bytes = postcard::to_stdvec(&table.written()).unwrap();
            let again = StateTable::from_written(postcard::from_bytes(&bytes).unwrap(), true).unwrap();
            prop_assert_eq!(again.as_slice(), table.as_slice());
            let all = Time::from_millis(i64::MAX);
            prop_assert!(again.stamped_before(all).eq(table.stamped_before(all)));
        }
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let written = |entries, ages| WrittenTable { entries, ages };
        let twice = written(vec![(1, 1), (1, 2)], None);
        assert!(StateTable::from_written(twice, false).is_none());
        for ages in [vec![], vec![(0, 1), (0, 1)], vec![(1, 1)]] {
            let bad = written(vec![(1, 1)], Some(ages));
            assert!(StateTable::from_written(bad, true).is_none());
        }
    }
}
