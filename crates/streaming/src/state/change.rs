//! What a batch does to a table of states, and tables as the state of a partition.

use headwater_core::{Key, Wire};
use serde::{Deserialize, Serialize};

use super::StateSize;
use super::entries::Entries;
use super::movable::Movable;
use super::store::{Holds, Initial, PartitionState, decoded};
use super::table::StateTable;
use super::touched::Extent;
use super::written::Written;
use crate::time::Time;

/// The changes of one batch to a table. Keys that are in the table are named by their places
/// in it, which equal tables have in common.
#[derive(Serialize, Deserialize)]
pub(crate) enum TableChange<K, S> {
    /// Some keys were touched.
    Some {
        /// How young those become that are not removed.
        stamp: Time,
        put: Vec<(u32, S)>,
        /// Those that keep their state, but grow young.
        stamped: Vec<u32>,
        removed: Vec<u32>,
        added: Vec<(K, S)>,
    },
    /// Every key was visited: the states by place, then the keys that are new.
    All {
        states: Vec<Option<S>>,
        added: Vec<(K, S)>,
    },
}

impl<K: Key, S: Wire> PartitionState for StateTable<K, S> {
    type Record = (K, S);
    type Change = TableChange<K, S>;

    fn apply(&mut self, change: TableChange<K, S>) {
        let (stamp, added) = match change {
            TableChange::Some {
                stamp,
                put,
                stamped,
                removed,
                added,
            } => {
                for (place, state) in put {
                    self.put_at(place, state, stamp);
                }
                stamped.iter().for_each(|place| self.renew(*place, stamp));
                self.remove_all(removed);
                (stamp, added)
            }
            TableChange::All { states, added } => {
                self.put_all(states);
                (Time::ZERO, added)
            }
        };
        for (key, state) in added {
            self.put(key, state, stamp);
        }
        self.shrink();
    }

    fn records(&self) -> &[(K, S)] {
        self.as_slice()
    }

    fn size(&self) -> StateSize {
        StateSize::of(self.as_slice(), self.bytes())
    }

    fn is_changed_by(&self, change: &TableChange<K, S>) -> bool {
        match change {
            TableChange::Some {
                stamp: _,
                put,
                stamped,
                removed,
                added,
            } => {
                let is_same = put.is_empty() && stamped.is_empty() && removed.is_empty();
                !(is_same && added.is_empty())
            }
            TableChange::All { states, added } => !(states.is_empty() && added.is_empty()),
        }
    }

    fn extent(&self, change: &TableChange<K, S>) -> Extent {
        match change {
            TableChange::Some {
                put,
                removed,
                added,
                ..
            } => Extent::Some {
                put: (put.len() + added.len()) as u64,
                removed: removed.len() as u64,
            },
            TableChange::All { added, .. } => Extent::Every {
                added: added.len() as u64,
            },
        }
    }

    fn write(&self, to: Written<'_>) -> Result<Vec<u8>, postcard::Error> {
        postcard::serialize_with_flavor(&self.written(), to)
    }

    fn read(&self, bytes: &[u8]) -> Result<Self, String> {
        StateTable::from_written(decoded(bytes)?, self.is_aging())
            .ok_or_else(|| "the table of states contradicts itself".to_owned())
    }
}

impl<K: Key, S: Wire> Movable for StateTable<K, S> {
    type Key = K;
    type Value = S;

    const STRUCTURE: &'static str = "a table";

    fn empty(has_ages: bool) -> Self {
        StateTable::new(has_ages)
    }

    fn with_ages(self, has_ages: bool, stamp: Time) -> Self {
        self.aging(has_ages, stamp)
    }

    fn is_in_place(&self, is_here: impl Fn(&K) -> bool) -> bool {
        self.as_slice().iter().all(|(key, _)| is_here(key))
    }

    fn spread(parts: Vec<Self>, into: usize, place: impl Fn(&K) -> usize) -> Vec<Self> {
        StateTable::spread(parts, into, place)
    }
}

impl<K: Key, S: Wire> Initial for StateTable<K, S> {
    fn load(records: Vec<(K, S)>, stamp: Time, holds: Holds) -> TableChange<K, S> {
        let mut added = Entries::new();
        for (key, state) in records {
            let mut state = Some(state);
            let there = added.entry(key, || state.take());
            if let (Some(there), Some(state), Holds::Last) = (there, state, holds) {
                *there = Some(state);
            }
        }
        let added = added.into_vec().into_iter();
        let added = added
            .filter_map(|(key, state)| Some((key, state?)))
            .collect();
        TableChange::Some {
            stamp,
            put: Vec::new(),
            stamped: Vec::new(),
            removed: Vec::new(),
            added,
        }
    }
}
