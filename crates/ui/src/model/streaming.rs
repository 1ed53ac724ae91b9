//! The stream: its inputs, its batches, its state.

use std::collections::{BTreeMap, VecDeque};

use super::{Cause, Checkpoints, Job, JobProgress, Limits, forget_first};
use crate::record::{
    At, BatchRecord, Graph, GraphInput, JobStart, OutputRecord, RateRecord, ReceiverRecord, Record,
    StateRecord, StreamStart, Took,
};

/// The properties of a job that name the batch and the output that called it.
const BATCH_TIME: &str = "streaming.batch_time";
const OUTPUT_ID: &str = "streaming.output_id";

/// A stream since its start.
#[derive(Debug)]
pub(crate) struct Streaming {
    pub(crate) started: At,
    pub(crate) stopped: Option<At>,
    pub(crate) interval: Took,
    /// How many of its outputs run at a time.
    pub(super) concurrent_jobs: usize,
    pub(crate) graph: Graph,
    /// By their numbers.
    pub(crate) inputs: BTreeMap<usize, Input>,
    /// Batches that are not done, by their times; also those that never will be.
    pub(crate) open: BTreeMap<i64, Batch>,
    /// The last batches that are done, oldest first.
    pub(crate) completed: VecDeque<Batch>,
    /// Failed batches before those, oldest first.
    pub(crate) failed_before: VecDeque<Batch>,
    /// All that ever were done, with their records.
    pub(crate) completed_total: u64,
    pub(crate) failed_total: u64,
    /// Those whose end was dropped; they are not among the others.
    pub(crate) lost_total: u64,
    pub(crate) processed_records: u64,
    /// What all batches were given.
    pub(crate) received_records: u64,
    /// How state was after the last batch that told it.
    pub(crate) states: Vec<StateRecord>,
    pub(crate) checkpoints: Checkpoints,
}

/// An input of the stream.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) is_receiver: bool,
    /// What was told of it last, if it is a receiver that has been started.
    pub(crate) receiver: Option<ReceiverRecord>,
    /// Its last estimated rate.
    pub(crate) rate: Option<RateRecord>,
}

#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) state: BatchState,
    pub(crate) record: BatchRecord,
    /// The jobs of its outputs, in the order of their starts.
    pub(crate) jobs: Vec<CalledJob>,
    /// What held it up, if it is done and was slow.
    pub(crate) why_slow: Option<Cause>,
}

/// A job that an output of a batch has called. Jobs are forgotten before batches are.
#[derive(Debug, Clone)]
pub(crate) struct CalledJob {
    pub(crate) output: usize,
    pub(crate) job: u64,
    /// How it ended, if that was told.
    pub(crate) end: Option<CalledEnd>,
}

#[derive(Debug, Clone)]
pub(crate) struct CalledEnd {
    pub(crate) took: Took,
    pub(crate) progress: JobProgress,
    pub(crate) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchState {
    Queued,
    Processing,
    Completed,
    /// It was queued when the stream stopped, or when a batch failed and ended the stream.
    NotRun,
}

impl Streaming {
    pub(super) fn new(start: &StreamStart, concurrent_jobs: usize) -> Self {
        let input = |input: &GraphInput| {
            let known = Input {
                name: input.name.clone(),
                is_receiver: input.is_receiver,
                ..Input::default()
            };
            Some((input.id?, known))
        };
        Streaming {
            started: start.at,
            stopped: None,
            interval: start.interval,
            concurrent_jobs,
            inputs: start.graph.inputs.iter().filter_map(input).collect(),
            graph: start.graph.clone(),
            open: BTreeMap::new(),
            completed: VecDeque::new(),
            failed_before: VecDeque::new(),
            completed_total: 0,
            failed_total: 0,
            lost_total: 0,
            processed_records: 0,
            received_records: 0,
            states: Vec::new(),
            checkpoints: Checkpoints::default(),
        }
    }

    pub(super) fn apply(&mut self, record: &Record, limits: Limits) {
        match record {
            Record::StreamStopped { at } => {
                self.stopped = Some(*at);
                self.forgo_queued();
            }
            Record::Receiver(receiver) => {
                let input = self.inputs.entry(receiver.stream).or_default();
                input.name.clone_from(&receiver.name);
                input.is_receiver = true;
                input.receiver = Some(receiver.clone());
            }
            Record::RateUpdated(rate) => {
                self.inputs.entry(rate.stream).or_default().rate = Some(*rate);
            }
            Record::BatchSubmitted(batch) => {
                self.received_records += batch.records();
                self.note(batch, BatchState::Queued);
                forget_first(&mut self.open, 0, limits.going_on, |_| false, drop);
            }
            Record::BatchStarted(batch) => self.note(batch, BatchState::Processing),
            Record::BatchDropped(batch) => self.note(batch, BatchState::NotRun),
            Record::OutputStarted(output) | Record::OutputCompleted(output) => {
                self.note_output(output);
            }
            Record::CheckpointWritten(checkpoint) => self.checkpoints.written(checkpoint),
            Record::CheckpointFailed(failure) => self.checkpoints.failed(failure),
            _ => {}
        }
    }

    /// Notes that what is queued will not be run, as the stream or the program is over.
    pub(super) fn forgo_queued(&mut self) {
        let open = self.open.values_mut();
        open.filter(|batch| batch.state == BatchState::Queued)
            .for_each(|batch| batch.state = BatchState::NotRun);
    }

    fn note(&mut self, record: &BatchRecord, state: BatchState) {
        let batch = self.noted(record, state);
        self.open.insert(record.time, batch);
    }

    /// A batch as it is now, taken out of those that are not done.
    fn noted(&mut self, record: &BatchRecord, state: BatchState) -> Batch {
        for input in &record.inputs {
            self.inputs.entry(input.input).or_default();
        }
        let jobs = self.open.remove(&record.time).map(|batch| batch.jobs);
        Batch {
            state,
            record: record.clone(),
            jobs: jobs.unwrap_or_default(),
            why_slow: None,
        }
    }

    /// Takes a batch that is done out of those that are not.
    pub(super) fn complete(&mut self, record: &BatchRecord) -> Batch {
        self.completed_total += 1;
        self.failed_total += u64::from(record.failure().is_some());
        self.processed_records += record.records();
        if !record.states.is_empty() {
            self.states.clone_from(&record.states);
        }
        self.noted(record, BatchState::Completed)
    }

    pub(super) fn keep(&mut self, completed: Batch, limits: Limits) {
        self.completed.push_back(completed);
        let surplus = self.completed.len().saturating_sub(limits.batches);
        let older = self.completed.drain(..surplus);
        self.failed_before
            .extend(older.filter(|batch| batch.record.failure().is_some()));
        let surplus = self
            .failed_before
            .len()
            .saturating_sub(limits.failed_batches);
        self.failed_before.drain(..surplus);
    }

    fn note_output(&mut self, output: &OutputRecord) {
        let Some(batch) = self.open.get_mut(&output.time) else {
            return;
        };
        let outputs = &mut batch.record.outputs;
        match outputs
            .iter_mut()
            .find(|known| known.output == output.output)
        {
            Some(known) => known.clone_from(output),
            None => outputs.push(output.clone()),
        }
    }

    /// Notes which batch has called a job, if one has.
    pub(super) fn job_started(&mut self, start: &JobStart) {
        let Some((time, output)) = caller(start) else {
            return;
        };
        if let Some(batch) = self.open.get_mut(&time) {
            batch.jobs.push(CalledJob {
                output,
                job: start.job,
                end: None,
            });
        }
    }

    /// Notes how a job has ended, if a batch has called it.
    pub(super) fn job_ended(&mut self, job: &Job) {
        let Some((time, _)) = caller(&job.start) else {
            return;
        };
        // An asynchronous action may go on when its batch is done.
        let mut completed = self.completed.iter_mut().rev();
        let batch = match self.open.get_mut(&time) {
            Some(batch) => Some(batch),
            None => completed.find(|batch| batch.time() == time),
        };
        let mut called = batch.into_iter().flat_map(|batch| &mut batch.jobs);
        if let Some(called) = called.find(|called| called.job == job.id()) {
            called.end = job.called_end();
        }
    }

    /// A batch by its time, if it is not forgotten.
    pub(crate) fn batch(&self, time: i64) -> Option<&Batch> {
        let done = || {
            let newest_first = self.completed.iter().rev();
            let mut done = newest_first.chain(self.failed_before.iter().rev());
            done.find(|batch| batch.time() == time)
        };
        self.open.get(&time).or_else(done)
    }

    /// All batches that are known, oldest first; without failed ones that are older than others
    /// that are forgotten.
    pub(crate) fn batches(&self) -> impl DoubleEndedIterator<Item = &Batch> {
        // Batches may complete out of order, and late ones are few.
        let mut all: Vec<_> = self.completed.iter().chain(self.open.values()).collect();
        all.sort_by_key(|batch| batch.time());
        all.into_iter()
    }

    pub(crate) fn in_state(&self, state: BatchState) -> impl Iterator<Item = &Batch> {
        self.open.values().filter(move |batch| batch.state == state)
    }

    /// How many batches wait or run.
    pub(crate) fn active(&self) -> usize {
        self.open.len() - self.in_state(BatchState::NotRun).count()
    }

    /// How many receivers there are, and how many of them work.
    pub(crate) fn receivers(&self) -> (usize, usize) {
        let receivers = self.inputs.values().filter(|input| input.is_receiver);
        let active = receivers.clone().filter(|input| {
            let receiver = input.receiver.as_ref();
            receiver.is_some_and(|receiver| receiver.is_active)
        });
        (receivers.clone().count(), active.count())
    }

    /// How many records a second a number of records in a batch is.
    pub(crate) fn rate_of(&self, records: u64) -> f64 {
        records as f64 / self.interval.seconds_f64().max(1e-6)
    }

    /// The mean of a delay over the batches that are kept and have it, in milliseconds.
    pub(crate) fn mean_ms(&self, delay: impl Fn(&BatchRecord) -> Option<Took>) -> Option<f64> {
        let delays = self.batches().filter_map(|batch| delay(&batch.record));
        mean(delays.map(Took::millis_f64))
    }

    /// The mean of an input's rate over all batches that are kept, or that of all inputs.
    pub(crate) fn mean_rate(&self, input: Option<usize>) -> Option<f64> {
        mean(
            self.batches()
                .map(|batch| self.rate_of(batch.records_of(input))),
        )
    }
}

impl Job {
    /// What its batch keeps of its end.
    fn called_end(&self) -> Option<CalledEnd> {
        Some(CalledEnd {
            took: self.took()?,
            progress: self.progress?,
            error: self.error().map(str::to_owned),
        })
    }
}

/// The batch, by its time, and the output of it that have called a job, if they have.
pub(crate) fn caller(start: &JobStart) -> Option<(i64, usize)> {
    let text = |key| start.properties.get(key);
    Some((
        text(BATCH_TIME)?.parse().ok()?,
        text(OUTPUT_ID)?.parse().ok()?,
    ))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), one| (sum + one, count + 1));
    (count > 0).then(|| sum / count as f64)
}

impl Batch {
    pub(crate) fn time(&self) -> i64 {
        self.record.time
    }

    /// Since when it has waited for its first output to begin, if it waits.
    pub(crate) fn waits_since(&self) -> Option<At> {
        (self.state == BatchState::Queued).then_some(self.record.submitted)
    }

    /// Since when its outputs have run, if they run.
    pub(crate) fn runs_since(&self) -> Option<At> {
        let waited = i64::try_from(self.record.scheduling_delay?.0).unwrap_or(i64::MAX);
        let began = At(self.record.submitted.0.saturating_add(waited));
        (self.state == BatchState::Processing).then_some(began)
    }

    /// What an input gave, or all of them together.
    pub(crate) fn records_of(&self, input: Option<usize>) -> u64 {
        let inputs = self.record.inputs.iter();
        let wanted = inputs.filter(|gave| input.is_none_or(|input| gave.input == input));
        wanted.map(|gave| gave.records).sum()
    }

    /// The jobs that an output called.
    pub(crate) fn jobs_of(&self, output: usize) -> impl Iterator<Item = &CalledJob> {
        self.jobs.iter().filter(move |job| job.output == output)
    }
}
