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

/// A node or shuffle that is being visited. A lineage may be long, so that visits which call
/// each other would take a deep stack.
struct Visit {
    what: Visited,
    ahead: std::vec::IntoIter<Dependency>,
    needs: Vec<usize>,
}

enum Visited {
    /// A node that will be computed.
    Needed(Arc<dyn AnyNode>),
    /// A node that is read from what is kept of it.
    Kept(Arc<dyn AnyNode>),
    Shuffle(Arc<dyn ShuffleStage>),
}

/// What there is to do for a dependency.
enum Found {
    Known(Vec<usize>),
    New(Visit),
}

impl Planner<'_> {
    /// The shuffles that computing `last` needs directly; prepares what is in between.
    fn visit(&mut self, last: &Arc<dyn AnyNode>) -> Result<Vec<usize>, Error> {
        let mut waiting = Vec::new();
        let mut found = self.look_at(Dependency::Narrow(last.clone()));
        loop {
            let needs = match found {
                Found::Known(needs) => Some(needs),
                Found::New(visit) => {
                    waiting.push(visit);
                    None
                }
            };
            let Some(visit) = waiting.last_mut() else {
                return Ok(needs.unwrap_or_default());
            };
            visit.needs.extend(needs.into_iter().flatten());
            found = match visit.ahead.next() {
                Some(dependency) => self.look_at(dependency),
                None => match waiting.pop() {
                    Some(visit) => Found::Known(self.leave(visit)?),
                    None => Found::Known(Vec::new()),
                },
            };
        }
    }

    fn look_at(&mut self, dependency: Dependency) -> Found {
        let (what, ahead) = match dependency {
            Dependency::Narrow(node) => {
                let info = node.info();
                if let Some(needs) = self.visited.get(&info.id) {
                    for need in needs {
                        if let Some(shuffle) = self.shuffles.get(*need) {
                            *self.readers.entry(shuffle.stage.shuffle_id()).or_default() += 1;
                        }
                    }
                    return Found::Known(needs.clone());
                }
                if info.is_checkpointed() || info.is_all_kept(|| node.partitions()) {
                    (Visited::Kept(node), Vec::new())
                } else {
                    let dependencies = node.dependencies();
                    (Visited::Needed(node), dependencies)
                }
            }
            Dependency::Shuffle(stage) => {
                let id = stage.shuffle_id();
                *self.readers.entry(id).or_default() += 1;
                if let Some(place) = self.places.get(&id) {
                    return Found::Known(vec![*place]);
                }
                let map_side = (!stage.is_complete()).then(|| stage.map_side());
                let ahead = map_side.map(Dependency::Narrow).into_iter().collect();
                (Visited::Shuffle(stage), ahead)
            }
        };
        Found::New(Visit {
            what,
            ahead: ahead.into_iter(),
            needs: Vec::new(),
        })
    }

    /// Ends a visit, when what is below it is prepared.
    fn leave(&mut self, visit: Visit) -> Result<Vec<usize>, Error> {
        let mut needs = visit.needs;
        let node = match visit.what {
            Visited::Shuffle(stage) => {
                stage.prepare(self.runner)?;
                let place = self.shuffles.len();
                self.places.insert(stage.shuffle_id(), place);
                self.shuffles.push(PlannedShuffle { stage, needs });
                return Ok(vec![place]);
            }
            Visited::Needed(node) => {
                node.prepare(self.runner)?;
                node
            }
            Visited::Kept(node) => node,
        };
        needs.sort_unstable();
        needs.dedup();
        self.visited.insert(node.info().id, needs.clone());
        Ok(needs)
    }
}
