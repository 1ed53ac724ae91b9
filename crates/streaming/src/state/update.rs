//! `update_state_by_key`: a batch visits every key.

use std::sync::Arc;

use headwater_core::rdd::{Advance, StepError, StepInput};
use headwater_core::{Key, Wire};

use super::change::TableChange;
use super::entries::Entries;
use super::store::Store;
use super::table::StateTable;
use crate::time::Time;

/// One batch of `update_state_by_key`, with a function of keys.
pub(crate) struct UpdateStep<K, S, F> {
    pub(crate) store: Arc<Store<StateTable<K, S>>>,
    pub(crate) time: Time,
    pub(crate) function: F,
}

impl<K, V, S, F> Advance<(K, V)> for UpdateStep<K, S, F>
where
    K: Key,
    V: Wire,
    S: Wire,
    F: Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
{
    fn is_done(&self, partition: usize) -> bool {
        self.store.is_at(partition, self.time)
    }

    fn advance(
        &self,
        partition: usize,
        input: &mut StepInput<'_, (K, V)>,
    ) -> Result<(), StepError> {
        let decide = |table: &StateTable<K, S>| {
            let mut groups = Entries::hashed_like(table.entries());
            input.read(0, |chunk| {
                for (key, value) in chunk.drain(..) {
                    let values: Option<&mut Vec<V>> = groups.entry(key, Vec::new);
                    if let Some(values) = values {
                        values.push(value);
                    }
                }
            })?;
            Ok((self.visit_all(table, groups), ()))
        };
        self.store.advance(partition, self.time, decide, |()| {})
    }
}

impl<K, S, F> UpdateStep<K, S, F> {
    fn visit_all<V>(
        &self,
        table: &StateTable<K, S>,
        groups: Entries<K, Vec<V>>,
    ) -> TableChange<K, S>
    where
        K: Key,
        S: Wire,
        F: Fn(Time, &K, Vec<V>, Option<S>) -> Option<S>,
    {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (key, values) in groups.into_vec() {
            let entries = table.entries();
            match entries.find(entries.hash(&key), &key) {
                Some(place) => known.push((place, values)),
                None => unknown.push((key, values)),
            }
        }
        // In the order of the table, so that one pass over it meets them.
        known.sort_unstable_by_key(|(place, _)| *place);
        let mut known = known.into_iter().peekable();
        let mut states = Vec::with_capacity(table.as_slice().len());
        for (place, (key, state)) in (0_u32..).zip(table.as_slice()) {
            let group = known.next_if(|(at, _)| *at == place);
            let values = group.map_or_else(Vec::new, |(_, values)| values);
            // The old state stays until the whole batch has gone well.
            states.push((self.function)(self.time, key, values, Some(state.clone())));
        }
        let added = unknown.into_iter().filter_map(|(key, values)| {
            let state = (self.function)(self.time, &key, values, None)?;
            Some((key, state))
        });
        let added = added.collect();
        TableChange::All { states, added }
    }
}
