//! How a state is kept, as a checkpoint knows it: enough to tell whether another program can
//! read it as it is, or has to bring it into another form first.

use serde::{Deserialize, Serialize};

/// The form of a state. What a checkpoint holds of a state, snapshots and changes, is in the
/// form that the program in force gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Form {
    /// What holds keys and values.
    pub(crate) structure: String,
    /// The types of keys and values, as the compiler writes them.
    pub(crate) key: String,
    pub(crate) value: String,
    /// What their bytes consist of.
    pub(crate) key_shape: u64,
    pub(crate) value_shape: u64,
    /// The version of the values, as the user counts them.
    pub(crate) version: u32,
    /// Whether it is known how old keys are.
    pub(crate) has_ages: bool,
    pub(crate) partitions: usize,
    pub(crate) lies: Lies,
}

/// What is known of where keys lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lies {
    /// Where their hash says, which is the same in every process and release.
    ByHash,
    /// Where a partitioner of the user says, whose code may have changed.
    ByPartitioner,
    /// In any partition: they are brought to their place when they are needed.
    Anywhere,
}

impl Form {
    /// Whether one can be read as the other, but for where keys lie and how old they are.
    pub(crate) fn is_read_as(&self, other: &Form) -> bool {
        self.structure == other.structure
            && self.key == other.key
            && self.value == other.value
            && self.key_shape == other.key_shape
            && self.value_shape == other.value_shape
            && self.version == other.version
    }

    /// Whether keys are known to lie in the same places in both.
    pub(super) fn lies_like(&self, other: &Form) -> bool {
        let is_known = match (self.lies, other.lies) {
            (_, Lies::Anywhere) | (Lies::ByHash, Lies::ByHash) => true,
            (Lies::Anywhere | Lies::ByPartitioner, _) | (_, Lies::ByPartitioner) => false,
        };
        self.partitions == other.partitions && is_known
    }
}
