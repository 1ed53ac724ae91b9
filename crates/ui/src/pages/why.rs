//! Why a batch was slow, in one sentence, from the times that were recorded.
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

use jiff::tz::TimeZone;

use super::format::{batch_time, counted, length, place};
use crate::model::{Batch, Job, Jobs, Stage, Task, TaskState};
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

/// A job that an output of a batch called.
pub(crate) struct Called<'a> {
    pub(crate) output: usize,
    /// `None` if it is forgotten.
    pub(crate) job: Option<&'a Job>,
    /// The stages that it ran itself, as far as they are known.
    pub(crate) stages: Vec<&'a Stage>,
}

/// What held a batch up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cause<'a> {
    Waited {
        length: Took,
        /// The batch that ran when this one was queued.
        before: Option<i64>,
    },
    Skewed {
        stage: &'a Place,
        partition: usize,
        records: u64,
        length: Took,
        median: Took,
    },
    Retried {
        stage: &'a Place,
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
        output: &'a OutputRecord,
        length: Took,
    },
    Output {
        output: &'a OutputRecord,
        length: Took,
    },
    Stage {
        stage: &'a Place,
        length: Took,
        tasks: usize,
    },
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

/// The jobs of a batch with the stages that each of them ran.
pub(crate) fn called<'a>(batch: &Batch, jobs: &'a Jobs) -> Vec<Called<'a>> {
    let called = batch.jobs.iter().map(|(output, id)| {
        let job = jobs.jobs.get(id);
        let stages = job.into_iter().flat_map(|job| jobs.stages_of(job));
        Called {
            output: *output,
            job,
            stages: stages.filter(|stage| stage.job == *id).collect(),
        }
    });
    called.collect()
}

/// What held a batch up, if it was slow and anything is known of it.
pub(crate) fn why<'a>(
    batch: &'a BatchRecord,
    called: &[Called<'a>],
    interval: Took,
) -> Option<Cause<'a>> {
    if !is_slow(batch, interval) {
        return None;
    }
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
fn longest<'a>(causes: impl Iterator<Item = (Took, Cause<'a>)>) -> Option<(Took, Cause<'a>)> {
    causes.reduce(|most, next| if next.0 > most.0 { next } else { most })
}

fn waited(batch: &BatchRecord) -> Option<(Took, Cause<'_>)> {
    let length = batch.scheduling_delay?;
    let before = batch.waited_for;
    Some((length, Cause::Waited { length, before }))
}

fn skewed(stage: &Stage) -> Option<(Took, Cause<'_>)> {
    let ended = stage
        .tasks
        .values()
        .filter(|task| task.state() == TaskState::Success);
    let mut tasks: Vec<_> = ended.collect();
    tasks.sort_by_key(|task| ran(task));
    let longest = *tasks.last()?;
    let median = ran(tasks[(tasks.len() - 1) / 2]);
    let length = ran(longest);
    if length <= SKEW_MIN || length.0 <= median.0.saturating_mul(SKEW_TIMES) {
        return None;
    }
    let counts = longest.end.as_ref()?.counts;
    let cause = Cause::Skewed {
        stage: &stage.place,
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

fn retried(stage: &Stage) -> Option<(Took, Cause<'_>)> {
    let failed = || {
        stage
            .tasks
            .values()
            .filter(|task| task.state() == TaskState::Failed)
    };
    let attempts = |partition: usize| {
        let tasks = stage.tasks.values();
        tasks.filter(|task| task.partition == partition).count()
    };
    // The last attempt of a task that was given up is no retry, but its first one was for it.
    let counted = failed().map(|task| (attempts(task.partition), task.partition));
    let (attempts, partition) = counted.max_by_key(|(attempts, _)| *attempts)?;
    let length = failed().map(ran).sum();
    let cause = Cause::Retried {
        stage: &stage.place,
        partition,
        attempts,
        length,
    };
    (attempts > 1).then_some((length, cause))
}

fn journal(batch: &BatchRecord) -> Option<(Took, Cause<'_>)> {
    let length = batch.cut_took.unwrap_or_default() + batch.commit_took.unwrap_or_default();
    (length > Took::default()).then_some((length, Cause::Journal { length }))
}

/// An output's time outside of its jobs; not known if some of its jobs are forgotten or run.
fn code<'a>(output: &'a OutputRecord, called: &[Called<'_>]) -> Option<(Took, Cause<'a>)> {
    let jobs = called
        .iter()
        .filter(|called| called.output == output.output);
    let jobs: Option<Vec<_>> = jobs.map(|called| called.job?.took()).collect();
    let jobs: Took = jobs?.into_iter().sum();
    let length = Took(output.took?.0.saturating_sub(jobs.0));
    Some((length, Cause::Code { output, length }))
}

fn output(batch: &BatchRecord) -> Option<(Took, Cause<'_>)> {
    let most = batch.outputs.iter().max_by_key(|output| output.took)?;
    let (length, processing) = (most.took?, batch.processing_delay?);
    let is_most = length.0.saturating_mul(100) > processing.0.saturating_mul(OUTPUT_PERCENT);
    let cause = Cause::Output {
        output: most,
        length,
    };
    (is_most && batch.outputs.len() > 1).then_some((length, cause))
}

fn stage(stage: &Stage) -> Option<(Took, Cause<'_>)> {
    let length = stage.took()?;
    let cause = Cause::Stage {
        stage: &stage.place,
        length,
        tasks: stage.tasks_len,
    };
    Some((length, cause))
}

impl Cause<'_> {
    /// The cause as a sentence.
    pub(crate) fn sentence(&self, interval: Took, zone: &TimeZone) -> String {
        match self {
            Cause::Waited {
                length: took,
                before,
            } => {
                let before = match before {
                    Some(time) => format!("batch of {}", batch_time(*time, interval, zone)),
                    None => "batch before it".to_owned(),
                };
                format!("It waited {} for the {before}.", length(*took))
            }
            Cause::Journal { length: took } => {
                format!("Writing its entries to the journal took {}.", length(*took))
            }
            Cause::Code {
                output,
                length: took,
            } => {
                let took = length(*took);
                of_output(output, &format!("took {took} outside of its jobs"))
            }
            Cause::Output {
                output,
                length: took,
            } => {
                let took = length(*took);
                of_output(output, &format!("took {took}, most of the processing time"))
            }
            Cause::Skewed { .. } | Cause::Retried { .. } | Cause::Stage { .. } => self.of_stage(),
        }
    }

    /// The sentence of a cause that lies in a stage; empty for others.
    fn of_stage(&self) -> String {
        match self {
            Cause::Skewed {
                stage,
                partition,
                records,
                length: took,
                median,
            } => format!(
                "One partition is skewed: partition {partition} of {} took {} for {}, while the \
                 median task took {}.",
                place(stage),
                length(*took),
                counted(*records, "record"),
                length(*median)
            ),
            Cause::Retried {
                stage,
                partition,
                attempts,
                length: took,
            } => format!(
                "A retry: partition {partition} of {} was tried {attempts} times, and attempts \
                 that failed took {}.",
                place(stage),
                length(*took)
            ),
            Cause::Stage {
                stage,
                length: took,
                tasks,
            } => format!(
                "It had that much to do: the longest stage, {}, took {} for {}.",
                place(stage),
                length(*took),
                counted(*tasks as u64, "task")
            ),
            _ => String::new(),
        }
    }
}

/// What an output did, and how often it was tried.
fn of_output(output: &OutputRecord, what: &str) -> String {
    let tries = match output.attempts {
        0 | 1 => String::new(),
        attempts => format!(", and was tried {attempts} times"),
    };
    format!(
        "Output {}, {}, {what}{tries}.",
        output.output,
        place(&output.at)
    )
}

#[cfg(test)]
mod tests;
