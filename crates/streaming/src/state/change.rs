//! What a batch does to a table of states, and tables as the state of a partition.

use headwater_core::{Key, Wire};
use serde::{Deserialize, Serialize};

use super::StateSize;
use super::entries::Entries;
use super::store::{Holds, Initial, PartitionState};
use super::table::StateTable;
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

    fn write(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(&self.written())
    }

    fn read(&self, bytes: &[u8]) -> Result<Self, String> {
        let written = postcard::from_bytes(bytes).map_err(|error| error.to_string())?;
        StateTable::from_written(written, self.is_aging())
            .ok_or_else(|| "the table of states contradicts itself".to_owned())
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
