//! Records of the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{At, Place, Took};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobStart {
    pub(crate) job: u64,
    pub(crate) at: At,
    pub(crate) action: Place,
    pub(crate) stages: Vec<StagePlanRecord>,
    pub(crate) operators: Vec<OperatorRecord>,
    /// There are more operators; the last ones are listed.
    #[serde(default)]
    pub(crate) is_truncated: bool,
    pub(crate) description: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) properties: BTreeMap<String, String>,
}

/// A stage of a job, run or not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StagePlanRecord {
    pub(crate) stage: u64,
    pub(crate) at: Place,
    pub(crate) tasks: usize,
    /// The stages that it waits for.
    pub(crate) needs: Vec<u64>,
    /// The RDDs that it computes, sources first.
    pub(crate) operators: Vec<u64>,
    /// Its output was there already.
    pub(crate) is_skipped: bool,
}

/// An RDD of a job's lineage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OperatorRecord {
    pub(crate) rdd: u64,
    pub(crate) name: Option<String>,
    pub(crate) at: Place,
    pub(crate) parents: Vec<u64>,
    pub(crate) partitions: usize,
    /// How it is kept; empty if it is not.
    pub(crate) level: String,
    pub(crate) is_cached: bool,
    /// What it was made for: a number and the name of a stream or an output.
    pub(crate) scope: Option<(u64, String)>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobEnd {
    pub(crate) job: u64,
    pub(crate) at: At,
    pub(crate) took: Took,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageStart {
    pub(crate) job: u64,
    pub(crate) stage: u64,
    pub(crate) at: At,
    pub(crate) place: Place,
    pub(crate) tasks: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageEnd {
    pub(crate) job: u64,
    pub(crate) stage: u64,
    pub(crate) at: At,
    pub(crate) error: Option<String>,
    pub(crate) counts: TaskCounts,
    pub(crate) accumulators: Vec<(String, String)>,
    pub(crate) operators: Vec<OperatorCount>,
}

/// What an operator gave to the next one in its stage, and its own time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OperatorCount {
    pub(crate) rdd: u64,
    pub(crate) records: u64,
    pub(crate) time: Took,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskStart {
    #[serde(default)]
    pub(crate) task: u64,
    pub(crate) job: u64,
    pub(crate) stage: u64,
    pub(crate) partition: usize,
    /// From 0 on.
    pub(crate) attempt: u32,
    pub(crate) at: At,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskEnd {
    pub(crate) task: u64,
    pub(crate) job: u64,
    pub(crate) stage: u64,
    pub(crate) partition: usize,
    /// From 0 on.
    pub(crate) attempt: u32,
    /// Which slot ran it; none did if it had nothing to do.
    pub(crate) slot: Option<usize>,
    /// When it began on its slot.
    pub(crate) launched: At,
    pub(crate) at: At,
    pub(crate) counts: TaskCounts,
    pub(crate) error: Option<String>,
    pub(crate) accumulators: Vec<(String, String)>,
    pub(crate) operators: Vec<OperatorCount>,
}

/// What tasks counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskCounts {
    pub(crate) records_read: u64,
    pub(crate) bytes_read: u64,
    pub(crate) shuffle_records_read: u64,
    pub(crate) shuffle_records_written: u64,
    pub(crate) bytes_written: u64,
    pub(crate) run_time: Took,
}

impl std::ops::AddAssign for TaskCounts {
    fn add_assign(&mut self, other: TaskCounts) {
        self.records_read += other.records_read;
        self.bytes_read += other.bytes_read;
        self.shuffle_records_read += other.shuffle_records_read;
        self.shuffle_records_written += other.shuffle_records_written;
        self.bytes_written += other.bytes_written;
        self.run_time = self.run_time + other.run_time;
    }
}
