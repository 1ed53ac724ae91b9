//! What pages show: a fold over records, bounded however long a program runs.
//!
//! [`Model::apply`] is the only way in which it changes. It knows no clock, no thread and no
//! context, so a history gives the same model as the events of a running stream did.

mod checkpoints;
mod gaps;
mod jobs;
mod names;
mod progress;
mod streaming;
#[cfg(test)]
mod tests;
mod why;

use std::collections::BTreeMap;

pub(crate) use checkpoints::Checkpoints;
pub(crate) use jobs::{Job, JobState, Jobs, Stage, StageState, Task, TaskState};
pub(crate) use progress::{JobProgress, Progress};
pub(crate) use streaming::{Batch, BatchState, CalledJob, Input, Streaming, caller};
pub(crate) use why::{Blamed, Cause, is_slow};

use crate::record::{Application, At, BatchRecord, Record};

/// How much of the past is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) jobs: usize,
    pub(crate) stages: usize,
    /// Of each stage.
    pub(crate) tasks: usize,
    pub(crate) batches: usize,
    /// Those that failed and are older than these batches.
    pub(crate) failed_batches: usize,
    /// Jobs, stages and batches that are not over: more of each than any program has at a time.
    pub(crate) going_on: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            jobs: 1000,
            stages: 1000,
            tasks: 10_000,
            batches: 1000,
            failed_batches: 1000,
            going_on: 10_000,
        }
    }
}

/// A program and what it has done.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) application: Application,
    pub(crate) ended: Option<At>,
    /// When something happened last.
    pub(crate) last: At,
    pub(crate) jobs: Jobs,
    /// How many events are missing.
    pub(crate) dropped: u64,
    /// The stream, once it was started.
    pub(crate) streaming: Option<Streaming>,
    limits: Limits,
}

impl Model {
    pub(crate) fn new(limits: Limits) -> Self {
        Model {
            limits,
            ..Model::default()
        }
    }

    /// Takes in what happened.
    pub(crate) fn apply(&mut self, record: &Record) {
        if let Some(at) = record.at() {
            self.last = self.last.max(at);
        }
        let limits = self.limits;
        match record {
            Record::Application(application) => self.application = application.clone(),
            Record::ApplicationEnded { at } => {
                self.ended = Some(*at);
                if let Some(streaming) = &mut self.streaming {
                    streaming.forgo_queued();
                }
            }
            Record::Dropped { events, .. } => self.dropped += events,
            Record::StreamStarted(start) => {
                let concurrent_jobs = self.application.concurrent_jobs();
                self.streaming = Some(Streaming::new(start, concurrent_jobs));
            }
            Record::JobStarted(start) => {
                if let Some(streaming) = &mut self.streaming {
                    streaming.job_started(start);
                }
                self.jobs.job_started(start, limits);
            }
            Record::JobEnded(end) => {
                let job = self.jobs.job_ended(end);
                if let (Some(streaming), Some(job)) = (&mut self.streaming, job) {
                    streaming.job_ended(job);
                }
                self.jobs.forget(limits);
            }
            Record::BatchCompleted(batch) => self.batch_completed(batch),
            Record::StageSubmitted(start) => self.jobs.stage_submitted(start),
            Record::StageCompleted(end) => self.jobs.stage_completed(end),
            Record::TaskStarted(start) => self.jobs.task_started(start, limits),
            Record::TaskEnded(end) => self.jobs.task_ended(end, limits),
            Record::StreamStopped { .. }
            | Record::Receiver(_)
            | Record::BatchSubmitted(_)
            | Record::BatchStarted(_)
            | Record::BatchDropped(_)
            | Record::OutputStarted(_)
            | Record::OutputCompleted(_)
            | Record::RateUpdated(_)
            | Record::CheckpointWritten(_)
            | Record::CheckpointFailed(_) => {
                if let Some(streaming) = &mut self.streaming {
                    streaming.apply(record, limits);
                }
            }
        }
    }

    fn batch_completed(&mut self, record: &BatchRecord) {
        let Some(streaming) = &mut self.streaming else {
            return;
        };
        let mut batch = streaming.complete(record);
        // Now, as its stages may be forgotten before it is.
        batch.why_slow = why::why(&batch, &self.jobs, streaming);
        streaming.keep(batch, self.limits);
        self.forget_lost(record.time);
    }
}

/// Removes the oldest ones that are over, as many as are too many. In a long stream there is one
/// each time, which is found without a look at the others. If those that go on are themselves
/// more than can be, the ends of the oldest were among the events that were dropped.
fn forget_first<K: Ord, V>(
    all: &mut BTreeMap<K, V>,
    limit: usize,
    going_on: usize,
    is_over: impl Fn(&V) -> bool,
    mut forget: impl FnMut(V),
) {
    let surplus = all.len().saturating_sub(limit);
    let over = all.extract_if(.., |_, one| is_over(one));
    over.take(surplus).for_each(|(_, one)| forget(one));
    while all.len() > limit.max(going_on)
        && let Some((_, one)) = all.pop_first()
    {
        forget(one);
    }
}
