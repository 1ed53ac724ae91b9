//! Records of streams.

use serde::{Deserialize, Serialize};

use super::{At, Place, Took, is_default};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StreamStart {
    pub(crate) at: At,
    pub(crate) interval: Took,
    pub(crate) graph: Graph,
}

/// All streams of the program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Graph {
    pub(crate) streams: Vec<GraphStream>,
    pub(crate) inputs: Vec<GraphInput>,
    pub(crate) outputs: Vec<GraphOutput>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphStream {
    pub(crate) id: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) name: Option<String>,
    pub(crate) at: Place,
    pub(crate) record_type: String,
    pub(crate) slide: Took,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) parents: Vec<usize>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) keeps_state: bool,
    /// How its RDDs are kept; empty if they are not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) level: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphInput {
    /// The number that batches and receivers use, if they tell of it.
    pub(crate) id: Option<usize>,
    pub(crate) name: String,
    pub(crate) stream: usize,
    /// Such as `receiver` or `files`.
    pub(crate) kind: String,
    pub(crate) is_receiver: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphOutput {
    pub(crate) id: usize,
    /// What its sink or its stream is called, if it is called anything.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) name: Option<String>,
    pub(crate) at: Place,
    pub(crate) stream: usize,
}

/// What a receiver does now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceiverState {
    Started,
    Error,
    #[default]
    Stopped,
    Slowed,
    Resumed,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReceiverRecord {
    pub(crate) what: ReceiverState,
    pub(crate) stream: usize,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_active: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) last_error: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) last_error_at: Option<At>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) stored: StoredRecord,
}

/// What a receiver has stored that no batch is done with, and what it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredRecord {
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) memory_bytes: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) memory_bytes_max: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) disk_bytes: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) disk_bytes_max: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) waits_since: Option<At>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct BatchRecord {
    /// The batch time, in milliseconds.
    pub(crate) time: i64,
    pub(crate) submitted: At,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) scheduling_delay: Option<Took>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) processing_delay: Option<Took>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) inputs: Vec<InputGave>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) outputs: Vec<OutputRecord>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) state_failure: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) states: Vec<StateRecord>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) commit_took: Option<Took>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) cut_took: Option<Took>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) is_rerun: bool,
    /// The batch that was running when this one was submitted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) waited_for: Option<i64>,
}

impl BatchRecord {
    pub(crate) fn records(&self) -> u64 {
        self.inputs.iter().map(|input| input.records).sum()
    }

    pub(crate) fn total_delay(&self) -> Option<Took> {
        Some(self.scheduling_delay? + self.processing_delay?)
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        let mut outputs = self.outputs.iter();
        let of_output = outputs.find_map(|output| output.failure.as_deref());
        of_output.or(self.state_failure.as_deref())
    }
}

/// What an input gave to a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct InputGave {
    pub(crate) input: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) records: u64,
    /// File names or offset ranges, where the input tells them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) description: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutputRecord {
    /// The batch time, in milliseconds.
    pub(crate) time: i64,
    pub(crate) output: usize,
    pub(crate) at: Place,
    pub(crate) started: At,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) took: Option<Took>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) failure: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) attempts: u32,
}

/// The state of an operator after a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StateRecord {
    pub(crate) stream: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) name: Option<String>,
    pub(crate) at: Place,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) keys: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) bytes: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) updated: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) added: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) removed: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) timed_out: u64,
}

/// A checkpoint that was written: state, and what older entries of the journal had said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckpointRecord {
    /// When it was done.
    pub(crate) at: At,
    pub(crate) took: Took,
    /// The last batch of which it knows the end, in milliseconds.
    pub(crate) time: i64,
    /// What the snapshots are together.
    pub(crate) state_bytes: u64,
    /// How many partitions of states were written whole.
    pub(crate) snapshots: u64,
    /// How many partitions were as they had been written before.
    pub(crate) unchanged: u64,
    /// The file in the checkpoint directory that names them all.
    pub(crate) manifest: String,
}

/// A checkpoint that could not be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckpointFailure {
    pub(crate) at: At,
    pub(crate) took: Took,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RateRecord {
    pub(crate) stream: usize,
    /// The batch time, in milliseconds.
    pub(crate) time: i64,
    pub(crate) rate: u64,
    pub(crate) limit: u64,
}
