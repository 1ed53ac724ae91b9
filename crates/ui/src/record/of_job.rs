//! Records of the engine's events.

use std::fmt::Display;

use headwater_core::events::{
    AccumulatorInfo, JobEnded, JobStarted, OperatorInfo, StageCompleted, StagePlan, StageSubmitted,
    TaskEnded, TaskStarted,
};
use headwater_core::{OperatorMetrics, StorageLevel, TaskMetrics};

use super::{
    JobEnd, JobStart, OperatorCount, OperatorRecord, StageEnd, StagePlanRecord, StageStart,
    TaskCounts, TaskEnd, TaskStart,
};

pub(super) fn text(error: &Option<impl Display>) -> Option<String> {
    error.as_ref().map(ToString::to_string)
}

impl From<TaskMetrics> for TaskCounts {
    fn from(metrics: TaskMetrics) -> Self {
        TaskCounts {
            records_read: metrics.records_read,
            bytes_read: metrics.bytes_read,
            shuffle_records_read: metrics.shuffle_records_read,
            shuffle_records_written: metrics.shuffle_records_written,
            bytes_written: metrics.bytes_written,
            files_skipped: metrics.files_skipped,
            run_time: metrics.run_time.into(),
        }
    }
}

fn accumulators(infos: &[AccumulatorInfo]) -> Vec<(String, String)> {
    let pair = |info: &AccumulatorInfo| (info.name.to_string(), info.value.clone());
    infos.iter().map(pair).collect()
}

impl From<&JobStarted> for JobStart {
    fn from(event: &JobStarted) -> Self {
        JobStart {
            job: event.job,
            at: event.at.into(),
            action: event.action.into(),
            stages: event.plan.stages.iter().map(Into::into).collect(),
            operators: event.plan.operators.iter().map(Into::into).collect(),
            is_truncated: event.plan.truncated,
            description: text(&event.description),
            group: text(&event.group),
            tags: event.tags.iter().map(ToString::to_string).collect(),
            properties: (*event.properties).clone(),
            is_pattern: false,
            like: None,
        }
    }
}

impl From<&StagePlan> for StagePlanRecord {
    fn from(plan: &StagePlan) -> Self {
        StagePlanRecord {
            stage: plan.id,
            at: plan.site.into(),
            tasks: plan.tasks,
            needs: plan.needs.clone(),
            operators: plan.operators.clone(),
            is_skipped: plan.is_skipped,
        }
    }
}

impl From<&OperatorInfo> for OperatorRecord {
    fn from(info: &OperatorInfo) -> Self {
        let scope = info.scope.as_ref();
        OperatorRecord {
            rdd: info.rdd,
            name: info.name.clone(),
            at: info.site.into(),
            parents: info.parents.clone(),
            partitions: info.partitions,
            level: level(info.level),
            is_cached: info.is_cached,
            scope: scope.map(|scope| (scope.id, scope.name.to_string())),
        }
    }
}

/// How something is kept; empty if it is not.
pub(super) fn level(level: StorageLevel) -> String {
    match level {
        StorageLevel::NONE => String::new(),
        level => level.description(),
    }
}

fn operators(metrics: &[OperatorMetrics]) -> Vec<OperatorCount> {
    let count = |one: &OperatorMetrics| OperatorCount {
        rdd: one.rdd,
        records: one.records,
        time: one.time.into(),
    };
    metrics.iter().map(count).collect()
}

impl From<&JobEnded> for JobEnd {
    fn from(event: &JobEnded) -> Self {
        JobEnd {
            job: event.job,
            at: event.at.into(),
            took: event.took.into(),
            error: text(&event.error),
        }
    }
}

impl From<&StageSubmitted> for StageStart {
    fn from(event: &StageSubmitted) -> Self {
        StageStart {
            job: event.job,
            stage: event.stage,
            at: event.at.into(),
            place: event.site.into(),
            tasks: event.tasks,
        }
    }
}

impl From<&StageCompleted> for StageEnd {
    fn from(event: &StageCompleted) -> Self {
        StageEnd {
            job: event.job,
            stage: event.stage,
            at: event.at.into(),
            error: text(&event.error),
            counts: event.metrics.into(),
            accumulators: accumulators(&event.accumulators),
            operators: operators(&event.operators),
        }
    }
}

/// Spark counts the attempts of a task from 0, and the engine from 1.
fn attempt(event: u32) -> u32 {
    event.saturating_sub(1)
}

impl From<&TaskStarted> for TaskStart {
    fn from(event: &TaskStarted) -> Self {
        TaskStart {
            task: event.task,
            job: event.job,
            stage: event.stage,
            partition: event.partition,
            attempt: attempt(event.attempt),
            at: event.at.into(),
        }
    }
}

impl From<&TaskEnded> for TaskEnd {
    fn from(event: &TaskEnded) -> Self {
        TaskEnd {
            task: event.task,
            job: event.job,
            stage: event.stage,
            partition: event.partition,
            attempt: attempt(event.attempt),
            slot: event.slot,
            launched: event.launched.into(),
            at: event.at.into(),
            counts: event.metrics.into(),
            error: text(&event.error),
            accumulators: accumulators(&event.accumulators),
            operators: operators(&event.operators),
        }
    }
}
