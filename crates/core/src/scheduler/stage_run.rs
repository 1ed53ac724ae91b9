//! A stage of a job that runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::TaskMetrics;
use super::profile::Operators;
use crate::accumulator::Touched;
use crate::events::StagePlan;
use crate::rdd::AnyNode;
use crate::shuffle::ShuffleStage;
use crate::site::Site;

/// A stage of a job under way.
pub(super) struct StageRun {
    pub(super) id: u64,
    pub(super) site: Site,
    pub(super) kind: Kind,
    pub(super) needs: Vec<usize>,
    pub(super) started: bool,
    pub(super) done: bool,
    /// Whether listeners know that it is over, well or not.
    pub(super) told_end: bool,
    pub(super) tasks_left: usize,
    pub(super) metrics: TaskMetrics,
    pub(super) operators: Operators,
    /// The named accumulators that its tasks added to.
    pub(super) touched: Touched,
}

/// What the tasks of a stage do.
#[derive(Clone)]
pub(super) enum Kind {
    Map(Arc<dyn ShuffleStage>),
    Result {
        last: Arc<dyn AnyNode>,
        partitions: BTreeSet<usize>,
    },
}

impl Kind {
    /// What stays the same when the job is planned again.
    pub(super) fn key(&self) -> Option<u64> {
        match self {
            Kind::Map(stage) => Some(stage.shuffle_id()),
            Kind::Result { .. } => None,
        }
    }
}

impl StageRun {
    pub(super) fn new(id: u64, site: Site, kind: Kind, needs: Vec<usize>) -> Self {
        StageRun {
            id,
            site,
            kind,
            needs,
            started: false,
            done: false,
            told_end: false,
            tasks_left: 0,
            metrics: TaskMetrics::default(),
            operators: Operators::default(),
            touched: Touched::default(),
        }
    }

    /// What there is to tell of it before it runs, and the node at its end.
    pub(super) fn outline(&self, all: &[StageRun]) -> (StagePlan, Arc<dyn AnyNode>) {
        let (tasks, end, is_skipped) = match &self.kind {
            Kind::Map(stage) => match (stage.missing().len(), stage.map_side()) {
                (0, end) => (end.partitions(), end, true),
                (missing, end) => (missing, end, false),
            },
            Kind::Result { last, partitions } => (partitions.len(), last.clone(), false),
        };
        let needs = self.needs.iter().filter_map(|need| all.get(*need));
        let plan = StagePlan {
            id: self.id,
            site: self.site,
            tasks,
            needs: needs.map(|stage| stage.id).collect(),
            operators: Vec::new(),
            is_skipped,
        };
        (plan, end)
    }
}
