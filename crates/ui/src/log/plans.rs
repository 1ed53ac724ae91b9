//! Plans that are written once: a stream has the same few jobs in each batch, which differ by the
//! numbers of their stages and RDDs.
//!
//! The first job of a kind is written with its plan and marked ([`JobStart::is_pattern`]). Later
//! ones refer to it ([`JobStart::like`]). That holds within a part, so that parts can be removed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::record::{JobStart, Like, OperatorRecord, StagePlanRecord};

/// So many patterns are kept in a part: more kinds of jobs are no kinds.
const PATTERNS_MAX: usize = 1000;

/// A plan whose numbers begin at zero.
#[derive(PartialEq, Eq, Hash)]
struct Shape {
    stages: Vec<StagePlanRecord>,
    operators: Vec<OperatorRecord>,
    is_truncated: bool,
}

/// Where the numbers of a plan begin.
#[derive(Clone, Copy)]
struct Base {
    stage: u64,
    rdd: u64,
}

/// The plans that a part has, for who writes it.
#[derive(Default)]
pub(super) struct Written(HashMap<Shape, (u64, Base)>);

impl Written {
    /// A job as it is to be written.
    pub(super) fn shortened(&mut self, start: &JobStart) -> JobStart {
        let base = Base::of(start);
        let Some(shape) = shape(start, base) else {
            return start.clone();
        };
        if let Some((job, first)) = self.0.get(&shape)
            && let Some(stages) = base.stage.checked_sub(first.stage)
            && let Some(rdds) = base.rdd.checked_sub(first.rdd)
        {
            let job = *job;
            return JobStart {
                like: Some(Like { job, stages, rdds }),
                ..without_plan(start)
            };
        }
        let is_pattern = self.0.len() < PATTERNS_MAX;
        if is_pattern {
            self.0.insert(shape, (start.job, base));
        }
        JobStart {
            is_pattern,
            ..start.clone()
        }
    }

    /// Another part begins.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The plans that a part has told so far, for who reads it.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<u64, Arc<JobStart>>);

impl Told {
    /// Gives a job the plan that it refers to, unless that was lost.
    pub(super) fn complete(&mut self, start: &mut Arc<JobStart>) {
        if start.is_pattern {
            Arc::make_mut(start).is_pattern = false;
            if self.0.len() < PATTERNS_MAX {
                self.0.insert(start.job, start.clone());
            }
        }
        let Some(like) = start.like else { return };
        let start = Arc::make_mut(start);
        start.like = None;
        let Some(pattern) = self.0.get(&like.job) else {
            return;
        };
        let plan = moved(
            pattern,
            |stage| stage.checked_add(like.stages),
            |rdd| rdd.checked_add(like.rdds),
        );
        if let Some((stages, operators)) = plan {
            (start.stages, start.operators) = (stages, operators);
            start.is_truncated = pattern.is_truncated;
        }
    }

    /// Another part begins.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

impl Base {
    fn of(start: &JobStart) -> Self {
        Base {
            stage: start
                .stages
                .iter()
                .map(|plan| plan.stage)
                .min()
                .unwrap_or(0),
            rdd: start.operators.iter().map(|of| of.rdd).min().unwrap_or(0),
        }
    }
}

fn shape(start: &JobStart, base: Base) -> Option<Shape> {
    let (stages, operators) = moved(
        start,
        |stage| stage.checked_sub(base.stage),
        |rdd| rdd.checked_sub(base.rdd),
    )?;
    Some(Shape {
        stages,
        operators,
        is_truncated: start.is_truncated,
    })
}

/// A plan with other numbers; `None` if one of them is none, as of what a plan does not list.
fn moved(
    start: &JobStart,
    stage: impl Fn(u64) -> Option<u64>,
    rdd: impl Fn(u64) -> Option<u64>,
) -> Option<(Vec<StagePlanRecord>, Vec<OperatorRecord>)> {
    let stages = start.stages.iter().map(|plan| {
        Some(StagePlanRecord {
            stage: stage(plan.stage)?,
            at: plan.at.clone(),
            tasks: plan.tasks,
            needs: plan
                .needs
                .iter()
                .map(|need| stage(*need))
                .collect::<Option<_>>()?,
            operators: plan
                .operators
                .iter()
                .map(|of| rdd(*of))
                .collect::<Option<_>>()?,
            is_skipped: plan.is_skipped,
        })
    });
    let operators = start.operators.iter().map(|of| {
        Some(OperatorRecord {
            rdd: rdd(of.rdd)?,
            parents: of
                .parents
                .iter()
                .map(|parent| rdd(*parent))
                .collect::<Option<_>>()?,
            ..of.clone()
        })
    });
    Some((
        stages.collect::<Option<_>>()?,
        operators.collect::<Option<_>>()?,
    ))
}

/// All of a job but what its plan says.
fn without_plan(start: &JobStart) -> JobStart {
    JobStart {
        job: start.job,
        at: start.at,
        action: start.action.clone(),
        description: start.description.clone(),
        group: start.group.clone(),
        tags: start.tags.clone(),
        properties: start.properties.clone(),
        ..JobStart::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::testing::history::batch;

    fn jobs() -> Vec<Arc<JobStart>> {
        let records = (1..=8).flat_map(batch);
        let jobs = records.filter_map(|record| match record {
            Record::JobStarted(mut start) => {
                // Those of the history tell the time of their batch.
                let operators = &mut Arc::make_mut(&mut start).operators;
                operators.iter_mut().for_each(|of| of.scope = None);
                Some(start)
            }
            _ => None,
        });
        jobs.collect()
    }

    #[test]
    fn a_plan_is_written_once_and_each_job_has_it_when_it_is_read() {
        let (mut written, mut told) = (Written::default(), Told::default());
        let jobs = jobs();
        let lines: Vec<_> = jobs.iter().map(|job| written.shortened(job)).collect();
        let whole = lines.iter().filter(|line| line.is_pattern).count();
        assert!(whole < 4 && lines.len() > 12, "{whole} of {}", lines.len());
        for (line, job) in lines.iter().zip(&jobs) {
            assert_eq!(line.is_pattern, line.like.is_none());
            let text = serde_json::to_string(line).unwrap();
            let mut read = Arc::new(serde_json::from_str(&text).unwrap());
            told.complete(&mut read);
            assert_eq!(&read, job);
        }
    }
}
