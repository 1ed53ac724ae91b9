//! Describes the plan of a job to listeners.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::events::{JobPlan, OPERATORS_MAX, OperatorInfo, StagePlan};
use crate::rdd::{AnyNode, Dependency, needs};

/// The stages of a job and the operators in them. Each stage comes with the node at its end and
/// without its operators, which are looked for here.
pub(super) fn describe(stages: Vec<(StagePlan, Arc<dyn AnyNode>)>) -> JobPlan {
    let mut operators = Operators {
        known: BTreeMap::new(),
        listed: 0,
        truncated: false,
    };
    let mut described: Vec<StagePlan> = stages
        .into_iter()
        // The last stages are the first that someone wants to see.
        .rev()
        .map(|(stage, end)| StagePlan {
            operators: operators.of_stage(end),
            ..stage
        })
        .collect();
    described.reverse();
    JobPlan {
        stages: described,
        operators: operators.known.into_values().collect(),
        truncated: operators.truncated,
    }
}

struct Operators {
    known: BTreeMap<u64, OperatorInfo>,
    /// How many the stages have together; one may be in several of them.
    listed: usize,
    truncated: bool,
}

impl Operators {
    /// The operators from a node back to shuffles and to what is kept.
    fn of_stage(&mut self, end: Arc<dyn AnyNode>) -> Vec<u64> {
        let mut met = HashSet::new();
        // Not by calling itself, as lineages may be long.
        let mut ahead = vec![end];
        while let Some(node) = ahead.pop() {
            let id = node.info().id;
            if met.contains(&id) {
                continue;
            }
            if self.listed == OPERATORS_MAX {
                self.truncated = true;
                break;
            }
            self.listed += 1;
            met.insert(id);
            let is_cached = node.info().is_all_kept(|| node.partitions());
            let dependencies = if is_cached { Vec::new() } else { needs(&*node) };
            let described = self.known.entry(id);
            described.or_insert_with(|| operator(&*node, is_cached, &dependencies));
            ahead.extend(dependencies.into_iter().filter_map(Dependency::narrow));
        }
        let mut operators: Vec<u64> = met.into_iter().collect();
        operators.sort_unstable();
        operators
    }
}

fn operator(node: &dyn AnyNode, is_cached: bool, dependencies: &[Dependency]) -> OperatorInfo {
    let info = node.info();
    let parents = dependencies.iter().map(|dependency| match dependency {
        Dependency::Narrow(parent) => parent.info().id,
        Dependency::Shuffle(stage) => stage.map_side().info().id,
    });
    let mut named = HashSet::new();
    OperatorInfo {
        rdd: info.id,
        name: info.name().map(str::to_owned),
        site: info.site,
        parents: parents.filter(|parent| named.insert(*parent)).collect(),
        partitions: node.partitions(),
        level: info.level(),
        is_cached,
        scope: info.scope.as_deref().cloned(),
    }
}
