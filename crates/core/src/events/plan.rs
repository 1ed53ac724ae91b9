//! What a job is going to do: its stages, and the operators in them.

use crate::scope::Scope;
use crate::site::Site;
use crate::storage::StorageLevel;

/// How many operators a plan lists at most; lineages may be as long as a stream lives.
pub(crate) const OPERATORS_MAX: usize = 2000;

/// What a job does, as data for a user interface: Spark's job DAG.
///
/// ```
/// use headwater_core::{Context, events::Event};
/// use std::sync::mpsc::sync_channel;
///
/// let ctx = Context::local(1).unwrap();
/// let (to, plans) = sync_channel(1);
/// ctx.events().add(move |event: &Event| {
///     if let Event::JobStarted(job) = event {
///         to.send(job.plan.clone()).unwrap();
///     }
/// });
/// let pairs = ctx.range(0..9, 1, 2).map(|n| (n % 3, n));
/// pairs.reduce_by_key(|a, b| a + b).count().unwrap();
/// let plan = plans.recv().unwrap();
/// let [map, result] = &plan.stages[..] else { panic!("{plan:?}") };
/// assert_eq!(result.needs, [map.id]);
/// let operators: Vec<_> = plan.operators.iter().map(|of| of.site.operator()).collect();
/// assert_eq!(operators, ["range", "map", "reduce_by_key", "reduce_by_key"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobPlan {
    /// The stages, each after those that it needs; the last one gives the job's result.
    pub stages: Vec<StagePlan>,
    /// The operators of all stages, each once, in the order of their RDDs.
    pub operators: Vec<OperatorInfo>,
    /// Whether there are more operators than are listed: those of the last stages are.
    pub truncated: bool,
}

/// A stage of a [`JobPlan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StagePlan {
    /// The stage.
    pub id: u64,
    /// The operator at the stage's end, or the action.
    pub site: Site,
    /// How many tasks it seems to take; [`StageSubmitted`](super::StageSubmitted) tells how
    /// many it took, as partitions that turn out to be empty need none. For a skipped stage
    /// how many it would have taken.
    pub tasks: usize,
    /// The stages whose output it reads.
    pub needs: Vec<u64>,
    /// The RDDs that are computed in it, or read from storage, in the order of their numbers:
    /// inputs come before what is made of them. The output of a shuffle is an RDD of the
    /// stage that reads it.
    pub operators: Vec<u64>,
    /// Whether its output is there from an earlier job, so that it does not run. What is
    /// behind a skipped stage is not in the plan.
    pub is_skipped: bool,
}

/// An operator of a [`JobPlan`]: what makes one RDD.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperatorInfo {
    /// The RDD's number.
    pub rdd: u64,
    /// The RDD's name, if it was given one.
    pub name: Option<String>,
    /// The operator and the user's line.
    pub site: Site,
    /// The RDDs that the job reads to compute this one: none where it is read from storage or
    /// from a checkpoint. Those behind a shuffle are computed in another stage, and are not
    /// in the plan when that one is behind a skipped stage.
    pub parents: Vec<u64>,
    /// How many partitions the RDD has.
    pub partitions: usize,
    /// Where its partitions are kept; [`StorageLevel::NONE`] if they are not.
    pub level: StorageLevel,
    /// Whether all of them are kept by now, so that it is not computed again.
    pub is_cached: bool,
    /// What the layer that made the RDD calls it.
    pub scope: Option<Scope>,
}
