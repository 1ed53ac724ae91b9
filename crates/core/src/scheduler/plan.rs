//! Cuts a lineage into stages.

use std::collections::HashMap;
use std::sync::Arc;

use super::JobRunner;
use crate::error::Error;
use crate::rdd::{AnyNode, Dependency};
use crate::shuffle::ShuffleStage;

/// The stages of a job that have to run, each after those that it needs.
pub(crate) struct Plan {
    /// The shuffles whose output is missing, parents first.
    pub(crate) shuffles: Vec<PlannedShuffle>,
    /// The shuffles, by their place in `shuffles`, that the last stage waits for.
    pub(crate) result_needs: Vec<usize>,
}

pub(crate) struct PlannedShuffle {
    pub(crate) stage: Arc<dyn ShuffleStage>,
    pub(crate) needs: Vec<usize>,
}

/// Prepares the nodes of a lineage and finds its stages.
///
/// Every shuffle of the lineage is listed, also one whose output is there: the
/// scheduler asks for the missing map partitions when it comes to run it. A shuffle
/// behind one that is complete, or behind an RDD that is checkpointed or whose partitions are
/// all kept, is not visited, as nobody will read it.
pub(crate) fn plan(last: &Arc<dyn AnyNode>, runner: &JobRunner) -> Result<Plan, Error> {
    let mut planner = Planner {
        runner,
        shuffles: Vec::new(),
        places: HashMap::new(),
        readers: HashMap::new(),
        visited: HashMap::new(),
    };
    let result_needs = planner.visit(last)?;
    for shuffle in &planner.shuffles {
        let readers = planner.readers.get(&shuffle.stage.shuffle_id());
        // A job that only looks at the data is followed by the one that it looks for.
        if runner.keeps_shuffles() || readers.is_some_and(|readers| *readers > 1) {
            shuffle.stage.keep_output();
        }
    }
    Ok(Plan {
        shuffles: planner.shuffles,
        result_needs,
    })
}

struct Planner<'a> {
    runner: &'a JobRunner,
    shuffles: Vec<PlannedShuffle>,
    places: HashMap<u64, usize>,
    /// How many reading nodes each shuffle has: with one its records can be moved.
    readers: HashMap<u64, usize>,
    /// What nodes need that were visited: a lineage may meet one on very many ways.
    visited: HashMap<u64, Vec<usize>>,
}

impl Planner<'_> {
    /// The shuffles that computing `node` needs directly; prepares what is in between.
    fn visit(&mut self, node: &Arc<dyn AnyNode>) -> Result<Vec<usize>, Error> {
        let id = node.info().id;
        if let Some(needs) = self.visited.get(&id) {
            for need in needs {
                if let Some(shuffle) = self.shuffles.get(*need) {
                    *self.readers.entry(shuffle.stage.shuffle_id()).or_default() += 1;
                }
            }
            return Ok(needs.clone());
        }
        let mut needs = Vec::new();
        let info = node.info();
        if !info.is_checkpointed() && !info.is_all_kept(|| node.partitions()) {
            for dependency in node.dependencies() {
                match dependency {
                    Dependency::Narrow(parent) => needs.extend(self.visit(&parent)?),
                    Dependency::Shuffle(stage) => needs.push(self.visit_shuffle(stage)?),
                }
            }
            node.prepare(self.runner)?;
        }
        needs.sort_unstable();
        needs.dedup();
        self.visited.insert(id, needs.clone());
        Ok(needs)
    }

    fn visit_shuffle(&mut self, stage: Arc<dyn ShuffleStage>) -> Result<usize, Error> {
        let id = stage.shuffle_id();
        *self.readers.entry(id).or_default() += 1;
        if let Some(place) = self.places.get(&id) {
            return Ok(*place);
        }
        let needs = if stage.is_complete() {
            Vec::new()
        } else {
            self.visit(&stage.map_side())?
        };
        stage.prepare(self.runner)?;
        let place = self.shuffles.len();
        self.shuffles.push(PlannedShuffle { stage, needs });
        self.places.insert(id, place);
        Ok(place)
    }
}
