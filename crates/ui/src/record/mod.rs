//! What happened, as values that can be written: a line of the event log each.
//!
//! Everything that a page shows is a fold over these ([`crate::model`]), so that a running
//! stream and one that is read from its log are shown by the same code. Fields that are added
//! later have a default, so that older logs are read.

mod job;
mod of_event;
mod of_job;
mod of_stream;
mod place;
mod shared;
mod stream;
mod time;

use std::sync::Arc;

use headwater_streaming::conf::CONCURRENT_JOBS;
use serde::{Deserialize, Serialize};

pub(crate) use job::{
    JobEnd, JobStart, Like, OperatorCount, OperatorRecord, StageEnd, StagePlanRecord, StageStart,
    TaskCounts, TaskEnd, TaskStart,
};
pub(crate) use place::Place;
pub(crate) use stream::{
    BatchRecord, CheckpointFailure, CheckpointRecord, Graph, GraphInput, GraphOutput, GraphStream,
    InputGave, OutputRecord, RateRecord, ReceiverRecord, ReceiverState, StateRecord, StoredRecord,
    StreamStart,
};
pub(crate) use time::{At, Took};

/// What is not written, as it is what a field is without being written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Record {
    /// A log begins; a program that was started.
    Application(Application),
    /// The program's context was stopped.
    ApplicationEnded {
        at: At,
    },
    JobStarted(#[serde(with = "shared")] Arc<JobStart>),
    JobEnded(JobEnd),
    StageSubmitted(StageStart),
    StageCompleted(StageEnd),
    TaskStarted(TaskStart),
    TaskEnded(#[serde(with = "shared")] Arc<TaskEnd>),
    StreamStarted(StreamStart),
    StreamStopped {
        at: At,
    },
    Receiver(ReceiverRecord),
    BatchSubmitted(BatchRecord),
    BatchStarted(BatchRecord),
    OutputStarted(OutputRecord),
    OutputCompleted(OutputRecord),
    BatchCompleted(BatchRecord),
    BatchDropped(BatchRecord),
    RateUpdated(RateRecord),
    CheckpointWritten(CheckpointRecord),
    CheckpointFailed(CheckpointFailure),
    /// Events that the log has not got.
    Dropped {
        at: At,
        events: u64,
    },
}

/// The program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Application {
    /// The version of the log's format.
    pub(crate) format: u32,
    pub(crate) id: String,
    pub(crate) name: String,
    /// The release of Headwater.
    pub(crate) version: String,
    pub(crate) user: String,
    pub(crate) host: String,
    pub(crate) master: String,
    pub(crate) slots: usize,
    pub(crate) started: At,
    pub(crate) settings: Vec<Setting>,
    /// The machine and the process: names and values.
    pub(crate) runtime: Vec<(String, String)>,
}

/// A setting, with secrets left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
    /// Where the value came from.
    pub(crate) origin: String,
}

impl Application {
    /// How many outputs of batches run at a time.
    pub(crate) fn concurrent_jobs(&self) -> usize {
        let mut settings = self.settings.iter();
        let setting = settings.find(|setting| setting.key == CONCURRENT_JOBS.name());
        let value = setting.and_then(|setting| setting.value.parse().ok());
        value.unwrap_or(1)
    }
}

impl Record {
    /// When it happened.
    pub(crate) fn at(&self) -> Option<At> {
        Some(match self {
            Record::Application(application) => application.started,
            Record::ApplicationEnded { at }
            | Record::StreamStopped { at }
            | Record::Dropped { at, .. } => *at,
            Record::JobStarted(start) => start.at,
            Record::JobEnded(end) => end.at,
            Record::StageSubmitted(start) => start.at,
            Record::StageCompleted(end) => end.at,
            Record::TaskStarted(start) => start.at,
            Record::TaskEnded(end) => end.at,
            Record::StreamStarted(start) => start.at,
            Record::BatchSubmitted(batch)
            | Record::BatchStarted(batch)
            | Record::BatchCompleted(batch)
            | Record::BatchDropped(batch) => batch.submitted,
            Record::OutputStarted(output) | Record::OutputCompleted(output) => output.started,
            Record::CheckpointWritten(checkpoint) => checkpoint.at,
            Record::CheckpointFailed(failure) => failure.at,
            Record::Receiver(_) | Record::RateUpdated(_) => return None,
        })
    }
}
