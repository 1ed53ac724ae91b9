//! States that tell which records they have taken in, in which order, and how often.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Check;
use crate::time::Time;

/// What a partition of a state holds: it is another one if a record is missing, comes twice
/// or comes at another place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Value {
    records: u64,
    mixed: u64,
}

impl Value {
    pub(super) fn plus(self, records: &[u64]) -> Self {
        records.iter().fold(self, |value, record| Value {
            records: value.records + 1,
            mixed: (value.mixed.rotate_left(7) ^ record).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        })
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        postcard::to_stdvec(&self).unwrap_or_default()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Check<Self> {
        postcard::from_bytes(bytes).map_err(|error| error.to_string())
    }
}

/// A partition of a state, as a process holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Partition {
    pub(super) at: Option<Time>,
    pub(super) value: Value,
    /// The versions that may be asked for.
    versions: BTreeMap<Time, Value>,
}

impl Partition {
    /// What a snapshot holds.
    pub(super) fn restored(time: Time, value: Value) -> Self {
        Partition {
            at: Some(time),
            value,
            versions: BTreeMap::from([(time, value)]),
        }
    }

    /// Takes the step of a batch, unless it is taken.
    pub(super) fn step(&mut self, time: Time, records: &[u64]) {
        if self.at.is_none_or(|at| at < time) {
            self.value = self.value.plus(records);
            self.at = Some(time);
            self.versions.insert(time, self.value);
        }
    }

    pub(super) fn version(&self, time: Time) -> Check<Value> {
        let version = self.versions.get(&time);
        version
            .copied()
            .ok_or_else(|| format!("the state of {time} is not there, it is at {:?}", self.at))
    }

    pub(super) fn forget(&mut self, before: Time) {
        self.versions = self.versions.split_off(&before);
    }
}

/// The records of a partition.
pub(super) fn share(records: &[u64], partition: usize, partitions: usize) -> Vec<u64> {
    let is_ours = |record: &&u64| **record % partitions as u64 == partition as u64;
    records.iter().filter(is_ours).copied().collect()
}
