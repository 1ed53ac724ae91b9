//! Why a batch was slow, from the times that were recorded; it is decided when the batch is done.
//!
//! A batch is slow if its processing took longer than the interval or its total delay was more
//! than twice the interval. Several things may have held it up; what took the most time is
//! named, if it took at least a fifth of the total delay:
//!
//! * it **waited** for batches before it: its scheduling delay;
//! * one **skewed partition**: what the longest task of a stage took more than the median task,
//!   if it took more than three times as long and more than 20 ms;
//! * a **retry**: the time of attempts that failed, of tasks that were tried again;
//! * the **journal**: what noting its beginning and its end took;
//! * an output's own **code**: the time of an output outside of its jobs.
//!
//! If none of them took that much, the output that took more than 60 percent of the processing
//! time is named if there are several, and otherwise the stage that took the longest.

use super::{Batch, Job, Jobs, Stage, Streaming, Task, TaskState};
use crate::record::{BatchRecord, OutputRecord, Place, Took};

/// What is named took at least this part of the total delay.
const NAMED_PART: u64 = 5;
/// A batch that waits this many intervals is slow, however fast it is then.
const SLOW_INTERVALS: u64 = 2;
/// A task that takes so many times as long as the median is skewed...
const SKEW_TIMES: u64 = 3;
/// ... unless it is short.
const SKEW_MIN: Took = Took(20_000);
/// An output that takes more than this percentage of the processing time is why it took so long.
const OUTPUT_PERCENT: u64 = 60;

/// What held a batch up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cause {
    Waited {
        length: Took,
        /// The batch that ran when this one was queued.
        before: Option<i64>,
    },
    Skewed {
        stage: Place,
        partition: usize,
        records: u64,
        length: Took,
        median: Took,
    },
    Retried {
        stage: Place,
        /// The one that was tried most often.
        partition: usize,
        attempts: usize,
        length: Took,
    },
    Journal {
        length: Took,
    },
    /// An output's code outside of jobs.
    Code {
        output: Blamed,
        length: Took,
    },
    Output {
        output: Blamed,
        length: Took,
    },
    Stage {
        stage: Place,
        length: Took,
        tasks: usize,
    },
}

/// The output that held a batch up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blamed {
    pub(crate) output: usize,
    /// What its sink is called, if it has a name.
    pub(crate) name: Option<String>,
    pub(crate) at: Place,
    pub(crate) attempts: u32,
}

/// A job that an output of a batch called.
struct Called<'a> {
    output: usize,
    /// `None` if it is forgotten.
    job: Option<&'a Job>,
    /// The stages that it ran itself, as far as they are known.
    stages: Vec<&'a Stage>,
}

/// Whether a batch that is done took longer than it should have.
pub(crate) fn is_slow(batch: &BatchRecord, interval: Took) -> bool {
    let is_longer = |took: Option<Took>, bound: Took| took.is_some_and(|took| took > bound);
    is_longer(batch.processing_delay, interval)
        || is_longer(
            batch.total_delay(),
            Took(interval.0.saturating_mul(SLOW_INTERVALS)),
        )
}

/// What held a batch up, if it was slow and anything is known of it.
pub(super) fn why(batch: &Batch, jobs: &Jobs, streaming: &Streaming) -> Option<Cause> {
    if !is_slow(&batch.record, streaming.interval) {
        return None;
    }
    let mut cause = cause(&batch.record, &called(batch, jobs))?;
    if let Cause::Code { output, .. } | Cause::Output { output, .. } = &mut cause {
        output.name = streaming.output_name(output.output).map(str::to_owned);
    }
    Some(cause)
}

/// The jobs of a batch with the stages that each of them ran.
fn called<'a>(batch: &Batch, jobs: &'a Jobs) -> Vec<Called<'a>> {
    let called = batch.jobs.iter().map(|called| {
        let job = jobs.jobs.get(&called.job);
        let stages = job.into_iter().flat_map(|job| jobs.stages_of(job));
        Called {
            output: called.output,
            job,
            stages: stages.filter(|stage| stage.job == called.job).collect(),
        }
    });
    called.collect()
}

fn cause(batch: &BatchRecord, called: &[Called<'_>]) -> Option<Cause> {
    let least = Took(batch.total_delay()?.0 / NAMED_PART);
    let stages = || {
        called
            .iter()
            .flat_map(|called| called.stages.iter().copied())
    };
    let causes = waited(batch)
        .into_iter()
        .chain(stages().filter_map(skewed))
        .chain(stages().filter_map(retried))
        .chain(journal(batch))
        .chain(
            batch
                .outputs
                .iter()
                .filter_map(|output| code(output, called)),
        );
    match longest(causes) {
        Some((lost, cause)) if lost >= least => Some(cause),
        _ => output(batch)
            .or_else(|| longest(stages().filter_map(stage)))
            .map(|(_, cause)| cause),
    }
}

/// What took the longest; the first, if several took the same.
fn longest(causes: impl Iterator<Item = (Took, Cause)>) -> Option<(Took, Cause)> {
    causes.reduce(|most, next| if next.0 > most.0 { next } else { most })
}

fn waited(batch: &BatchRecord) -> Option<(Took, Cause)> {
    let length = batch.scheduling_delay?;
    let before = batch.waited_for;
    Some((length, Cause::Waited { length, before }))
}

fn skewed(stage: &Stage) -> Option<(Took, Cause)> {
    let ended = stage
        .tasks
        .values()
        .filter(|task| task.state() == TaskState::Success);
    let mut tasks: Vec<_> = ended.collect();
    let longest = *tasks.iter().max_by_key(|task| ran(task))?;
    let middle = (tasks.len() - 1) / 2;
    let (_, median, _) = tasks.select_nth_unstable_by_key(middle, |task| ran(task));
    let (length, median) = (ran(longest), ran(median));
    if length <= SKEW_MIN || length.0 <= median.0.saturating_mul(SKEW_TIMES) {
        return None;
    }
    let counts = longest.end.as_ref()?.counts;
    let cause = Cause::Skewed {
        stage: stage.place.clone(),
        partition: longest.partition,
        records: counts.records_read + counts.shuffle_records_read,
        length,
        median,
    };
    Some((Took(length.0 - median.0), cause))
}

/// How long a task ran; nothing while it runs.
fn ran(task: &Task) -> Took {
    let end = task.end.as_ref();
    end.map_or(Took::default(), |end| end.at.since(end.launched))
}

fn retried(stage: &Stage) -> Option<(Took, Cause)> {
    let failed = || {
        stage
            .tasks
            .values()
            .filter(|task| task.state() == TaskState::Failed)
    };
    let attempts = |partition: usize| {
        let tasks = stage.tasks.range((partition, 0)..=(partition, u32::MAX));
        tasks.count()
    };
    // The last attempt of a task that was given up is no retry, but its first one was for it.
    let counted = failed().map(|task| (attempts(task.partition), task.partition));
    let (attempts, partition) = counted.max_by_key(|(attempts, _)| *attempts)?;
    let length = failed().map(ran).sum();
    let cause = Cause::Retried {
        stage: stage.place.clone(),
        partition,
        attempts,
        length,
    };
    (attempts > 1).then_some((length, cause))
}

fn journal(batch: &BatchRecord) -> Option<(Took, Cause)> {
    let length = batch.cut_took.unwrap_or_default() + batch.commit_took.unwrap_or_default();
    (length > Took::default()).then_some((length, Cause::Journal { length }))
}

/// An output's time outside of its jobs; not known if some of its jobs are forgotten or run.
fn code(output: &OutputRecord, called: &[Called<'_>]) -> Option<(Took, Cause)> {
    let jobs = called
        .iter()
        .filter(|called| called.output == output.output);
    let jobs: Option<Vec<_>> = jobs.map(|called| called.job?.took()).collect();
    let jobs: Took = jobs?.into_iter().sum();
    let length = Took(output.took?.0.saturating_sub(jobs.0));
    let output = output.into();
    Some((length, Cause::Code { output, length }))
}

fn output(batch: &BatchRecord) -> Option<(Took, Cause)> {
    let most = batch.outputs.iter().max_by_key(|output| output.took)?;
    let (length, processing) = (most.took?, batch.processing_delay?);
    let is_most = length.0.saturating_mul(100) > processing.0.saturating_mul(OUTPUT_PERCENT);
    let cause = Cause::Output {
        output: most.into(),
        length,
    };
    (is_most && batch.outputs.len() > 1).then_some((length, cause))
}

fn stage(stage: &Stage) -> Option<(Took, Cause)> {
    let length = stage.took()?;
    let cause = Cause::Stage {
        stage: stage.place.clone(),
        length,
        tasks: stage.tasks_len,
    };
    Some((length, cause))
}

impl From<&OutputRecord> for Blamed {
    fn from(output: &OutputRecord) -> Self {
        Blamed {
            output: output.output,
            name: None,
            at: output.at.clone(),
            attempts: output.attempts,
        }
    }
}

#[cfg(test)]
mod tests;
