//! Records of the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{At, Place, Took, is_default};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobStart {
    pub(crate) job: u64,
    pub(crate) at: At,
    pub(crate) action: Place,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) stages: Vec<StagePlanRecord>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) operators: Vec<OperatorRecord>,
    /// There are more operators; the last ones are listed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_truncated: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) properties: BTreeMap<String, String>,
    /// In a log only: later jobs refer to the plan of this one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_pattern: bool,
    /// In a log only: the plan is that of an earlier job, and is left out here.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) like: Option<Like>,
}

/// Where the plan of a job is found: at another job, whose stages and RDDs have lower numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Like {
    pub(crate) job: u64,
    /// So much is added to the numbers of stages.
    pub(crate) stages: u64,
    /// So much is added to the numbers of RDDs.
    pub(crate) rdds: u64,
}

/// A stage of a job, run or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct StagePlanRecord {
    pub(crate) stage: u64,
    pub(crate) at: Place,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) tasks: usize,
    /// The stages that it waits for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) needs: Vec<u64>,
    /// The RDDs that it computes, sources first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) operators: Vec<u64>,
    /// Its output was there already.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_skipped: bool,
}

/// An RDD of a job's lineage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct OperatorRecord {
    pub(crate) rdd: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) name: Option<String>,
    pub(crate) at: Place,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) parents: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) partitions: usize,
    /// How it is kept; empty if it is not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) level: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_cached: bool,
    /// What it was made for: a number and the name of a stream or an output.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) scope: Option<(u64, String)>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobEnd {
    pub(crate) job: u64,
    pub(crate) at: At,
    pub(crate) took: Took,
    #[serde(default, skip_serializing_if = "is_default")]
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
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) error: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) counts: TaskCounts,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) accumulators: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) operators: Vec<OperatorCount>,
}

/// What an operator gave to the next one in its stage, and its own time. It is written as a list,
/// as each task has one for each operator; older logs have names in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "(u64, u64, Took)")]
pub(crate) struct OperatorCount {
    pub(crate) rdd: u64,
    pub(crate) records: u64,
    pub(crate) time: Took,
}

impl From<OperatorCount> for (u64, u64, Took) {
    fn from(count: OperatorCount) -> Self {
        (count.rdd, count.records, count.time)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskStart {
    #[serde(default)]
    pub(crate) task: u64,
    pub(crate) job: u64,
    pub(crate) stage: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) partition: usize,
    /// From 0 on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) attempt: u32,
    pub(crate) at: At,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskEnd {
    pub(crate) task: u64,
    pub(crate) job: u64,
    pub(crate) stage: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) partition: usize,
    /// From 0 on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) attempt: u32,
    /// Which slot ran it; none did if it had nothing to do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) slot: Option<usize>,
    /// When it began on its slot.
    pub(crate) launched: At,
    pub(crate) at: At,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) counts: TaskCounts,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) error: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) accumulators: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) operators: Vec<OperatorCount>,
}

/// What tasks counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskCounts {
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) records_read: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) bytes_read: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) shuffle_records_read: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) shuffle_records_written: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) bytes_written: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) files_skipped: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) run_time: Took,
}

impl std::ops::AddAssign for TaskCounts {
    fn add_assign(&mut self, other: TaskCounts) {
        self.records_read += other.records_read;
        self.bytes_read += other.bytes_read;
        self.shuffle_records_read += other.shuffle_records_read;
        self.shuffle_records_written += other.shuffle_records_written;
        self.bytes_written += other.bytes_written;
        self.files_skipped += other.files_skipped;
        self.run_time = self.run_time + other.run_time;
    }
}
