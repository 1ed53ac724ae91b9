//! The form of `update_state_by_key` whose function sees whole partitions.

use std::sync::Arc;

use headwater_core::rdd::{Advance, StepError, StepInput};
use headwater_core::{Key, Wire};
use serde::{Deserialize, Serialize};

use super::StateSize;
use super::entries::Entries;
use super::movable::{Movable, dealt};
use super::store::{Holds, Initial, PartitionState, Store, decoded};
use super::touched::Extent;
use super::written::Written;
use crate::time::Time;

/// What the function gave for a partition: keys may be anywhere, and several times.
#[derive(Clone)]
pub(crate) struct Rows<K, S>(Arc<Vec<(K, S)>>);

impl<K, S> Rows<K, S> {
    pub(crate) fn new() -> Self {
        Rows(Arc::default())
    }
}

impl<K: Key, S: Wire> PartitionState for Rows<K, S> {
    type Record = (K, S);
    type Change = Vec<(K, S)>;

    fn apply(&mut self, rows: Vec<(K, S)>) {
        self.0 = Arc::new(rows);
    }

    fn records(&self) -> &[(K, S)] {
        &self.0
    }

    fn size(&self) -> StateSize {
        StateSize::of(&self.0, self.0.capacity() * size_of::<(K, S)>())
    }

    fn is_changed_by(&self, rows: &Vec<(K, S)>) -> bool {
        !(self.0.is_empty() && rows.is_empty())
    }

    /// The rows are new as a whole: which of the keys were there is not known.
    fn extent(&self, rows: &Vec<(K, S)>) -> Extent {
        Extent::Every {
            added: rows.len().saturating_sub(self.0.len()) as u64,
        }
    }

    fn write(&self, to: Written<'_>) -> Result<Vec<u8>, postcard::Error> {
        postcard::serialize_with_flavor(self.records(), to)
    }

    fn read(&self, bytes: &[u8]) -> Result<Self, String> {
        Ok(Rows(Arc::new(decoded(bytes)?)))
    }
}

impl<K: Key, S: Wire> Rows<K, S> {
    /// The same keys with what a function makes of their states.
    pub(super) fn map_values<U>(self, f: impl Fn(S) -> U) -> Rows<K, U> {
        let rows = Arc::unwrap_or_clone(self.0).into_iter();
        Rows(Arc::new(rows.map(|(key, state)| (key, f(state))).collect()))
    }
}

impl<K: Key, S: Wire> Movable for Rows<K, S> {
    type Key = K;
    type Value = S;

    const STRUCTURE: &'static str = "rows of a partition function";

    fn empty(_has_ages: bool) -> Self {
        Rows::new()
    }

    fn is_in_place(&self, is_here: impl Fn(&K) -> bool) -> bool {
        self.0.iter().all(|(key, _)| is_here(key))
    }

    fn spread(parts: Vec<Self>, into: usize, place: impl Fn(&K) -> usize) -> Vec<Self> {
        let rows = parts
            .into_iter()
            .flat_map(|part| Arc::unwrap_or_clone(part.0));
        let dealt = dealt(rows, into, place).into_iter();
        dealt.map(|rows| Rows(Arc::new(rows))).collect()
    }
}

impl<K: Key, S: Wire> Initial for Rows<K, S> {
    fn load(rows: Vec<(K, S)>, _stamp: Time, _holds: Holds) -> Vec<(K, S)> {
        // The first step takes the first state of each key.
        rows
    }
}

/// A record of the step's input. Where keys may lie anywhere, the states that the batch before
/// left and the new values come by the same shuffle, states first.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Item<V, S> {
    State(S),
    Value(V),
}

/// One batch.
pub(crate) struct RewriteStep<K, S, F> {
    pub(crate) store: Arc<Store<Rows<K, S>>>,
    pub(crate) time: Time,
    pub(crate) function: F,
    /// Keys lie where they belong: the states of a partition are those that it has.
    pub(crate) reads_own: bool,
}

impl<K, V, S, F> Advance<(K, Item<V, S>)> for RewriteStep<K, S, F>
where
    K: Key,
    V: Wire,
    S: Wire,
    F: Fn(Time, Vec<(K, Vec<V>, Option<S>)>) -> Vec<(K, S)> + Send + Sync + 'static,
{
    fn is_done(&self, partition: usize) -> bool {
        self.store.is_at(partition, self.time)
    }

    fn advance(
        &self,
        partition: usize,
        input: &mut StepInput<'_, (K, Item<V, S>)>,
    ) -> Result<(), StepError> {
        let decide = |rows: &Rows<K, S>| {
            let mut keys: Entries<K, (Vec<V>, Option<S>)> = Entries::new();
            // Of several states of a key the first one holds.
            for (key, new) in rows.records().iter().filter(|_| self.reads_own) {
                if let Some((_, state)) = keys.entry(key.clone(), Default::default) {
                    state.get_or_insert_with(|| new.clone());
                }
            }
            input.read(0, |chunk| {
                for (key, item) in chunk.drain(..) {
                    match (keys.entry(key, Default::default), item) {
                        (Some((values, _)), Item::Value(value)) => values.push(value),
                        (Some((_, state)), Item::State(new)) => {
                            state.get_or_insert(new);
                        }
                        (None, _) => {}
                    }
                }
            })?;
            let keys = keys.into_vec().into_iter();
            let keys = keys.map(|(key, (values, state))| (key, values, state));
            Ok(((self.function)(self.time, keys.collect()), ()))
        };
        self.store.advance(partition, self.time, decide, |()| {})
    }
}
