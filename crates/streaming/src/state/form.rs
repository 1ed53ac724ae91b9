//! How a state is kept, as a checkpoint knows it: enough to tell whether another program can
//! read it as it is, or has to bring it into another form first.

use std::fmt::Write as _;

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
    /// Whether the user can give versions to the values at all.
    pub(crate) has_versions: bool,
    /// The versions whose values can be made into those of this one.
    pub(crate) migrates_from: Vec<u32>,
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
    /// Whether what was kept in another form can be brought into this one; if not, why, and
    /// what to do.
    pub(crate) fn takes_over(&self, was: &Form) -> Result<(), String> {
        if was.structure != self.structure {
            return Err(format!(
                "it was kept as {} and is now kept as {}; give the operator another name",
                was.structure, self.structure
            ));
        }
        if was.key != self.key {
            return Err(format!(
                "its keys were {} and are now {}; keys cannot be migrated, give the operator \
                 another name",
                was.key, self.key
            ));
        }
        if was.key_shape != self.key_shape {
            return Err(format!(
                "the fields of its keys ({}) have changed; keys cannot be migrated, give the \
                 operator another name",
                was.key
            ));
        }
        if was.version != self.version {
            return self.migrates(was);
        }
        if was.value != self.value || was.value_shape != self.value_shape {
            return Err(self.advice(was));
        }
        Ok(())
    }

    fn migrates(&self, was: &Form) -> Result<(), String> {
        if self.migrates_from.contains(&was.version) {
            return Ok(());
        }
        let mut message = format!(
            "its values have version {} ({}), and the program keeps version {} ({})",
            was.version, was.value, self.version, self.value
        );
        // Writing to a string cannot fail.
        let _ = match self.migrates_from.as_slice() {
            [] => write!(message, " without a migration"),
            [known @ .., last] => {
                let known = known.iter().map(|version| format!("{version}, "));
                let known = known.collect::<String>();
                write!(message, " with migrations from {known}{last} only")
            }
        };
        let _ = write!(
            message,
            "; add .migrate_from::<Old>({}, |old: Old| ..) with a type Old that is what {} was",
            was.version, was.value
        );
        if was.version > self.version {
            message.push_str(", or run the newer program");
        }
        Err(message)
    }

    /// What to do about values that have changed under the same version.
    pub(super) fn advice(&self, was: &Form) -> String {
        let types = match &self.value {
            now if *now == was.value => format!("the fields of its values ({now}) have changed"),
            now => format!("its values were {} and are {now}", was.value),
        };
        if !self.has_versions {
            return format!("{types}; give the operator another name and begin it anew");
        }
        format!(
            "{types}, and both have version {}: give the new ones .version({}) and \
             .migrate_from::<Old>({}, |old: Old| ..), with a type Old that is what they were",
            was.version,
            was.version.saturating_add(1),
            was.version
        )
    }

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
