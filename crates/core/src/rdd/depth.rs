//! How long lineages are, and may be.

use std::collections::HashMap;
use std::sync::Arc;

use super::{AnyNode, Dependency, needs};

/// How many operators may follow each other in one stage: they are nested calls in a task, and
/// must fit on its stack.
pub(super) const OPERATORS_MAX: u32 = 4000;

pub(super) fn too_long() -> String {
    format!(
        "more than {OPERATORS_MAX} operators follow each other without a shuffle, too many for \
         the stack of a task; checkpoint() cuts the lineage, so call it now and then and go on \
         with the RDD that it gives"
    )
}

/// The length of a lineage.
#[derive(Clone, Copy, Default)]
pub(crate) struct Depth {
    /// How many operators the node's stage has up to it.
    pub(crate) in_stage: u32,
    /// The most that any stage of the lineage has.
    pub(crate) longest: u32,
}

impl Depth {
    /// From what the parents noted when they were built: an upper bound, as a checkpoint may
    /// have cut their lineages since.
    pub(super) fn of(node: &dyn AnyNode) -> Self {
        let parents = needs(node).into_iter();
        Self::above(parents.map(|dependency| match dependency {
            Dependency::Narrow(parent) => noted(&parent),
            Dependency::Shuffle(stage) => noted(&stage.map_side()).behind_a_shuffle(),
        }))
    }

    fn above(parents: impl Iterator<Item = Depth>) -> Self {
        let mut depth = Depth::default();
        for parent in parents {
            depth.in_stage = depth.in_stage.max(parent.in_stage);
            depth.longest = depth.longest.max(parent.longest);
        }
        depth.in_stage += 1;
        depth.longest = depth.longest.max(depth.in_stage);
        depth
    }

    fn behind_a_shuffle(self) -> Self {
        Depth {
            in_stage: 0,
            longest: self.longest,
        }
    }

    /// From the lineage as it is now, every node of the stage visited.
    pub(super) fn now(last: &Arc<dyn AnyNode>) -> Self {
        let mut known: HashMap<u64, Depth> = HashMap::new();
        // Not by calling itself: it is asked for lineages that are too long for that.
        let mut waiting = vec![(last.clone(), false)];
        while let Some((node, parents_are_known)) = waiting.pop() {
            let id = node.info().id;
            if known.contains_key(&id) {
                continue;
            }
            let parents = needs(&*node);
            if parents_are_known || parents.is_empty() {
                let parents = parents.into_iter().map(|dependency| match dependency {
                    Dependency::Narrow(parent) => {
                        known.get(&parent.info().id).copied().unwrap_or_default()
                    }
                    Dependency::Shuffle(stage) => noted(&stage.map_side()).behind_a_shuffle(),
                });
                let depth = Self::above(parents);
                known.insert(id, depth);
                continue;
            }
            waiting.push((node, true));
            waiting.extend(
                parents
                    .into_iter()
                    .filter_map(|dependency| Some((dependency.narrow()?, false))),
            );
        }
        known.get(&last.info().id).copied().unwrap_or_default()
    }
}

fn noted(node: &Arc<dyn AnyNode>) -> Depth {
    match node.info().is_checkpointed() {
        true => Depth::default(),
        false => node.info().depth(&**node),
    }
}

/// Whether a node that is being built has too many operators before it.
pub(super) fn is_too_long(node: &Arc<dyn AnyNode>) -> bool {
    let bound = Depth::of(&**node);
    let depth = match bound.in_stage > OPERATORS_MAX {
        true => Depth::now(node),
        false => bound,
    };
    node.info().set_depth(depth);
    depth.in_stage > OPERATORS_MAX
}

#[cfg(test)]
mod tests {
    use super::OPERATORS_MAX;
    use crate::{Context, Rdd};

    fn longer(start: Rdd<i64>, steps: u32) -> Rdd<i64> {
        (0..steps).fold(start, |rdd, _| rdd.map(|n| n + 1))
    }

    /// As many as there may be; the source is one of them.
    const MOST: u32 = OPERATORS_MAX - 1;

    #[test]
    fn the_longest_lineage_runs_on_any_thread() {
        let ctx = Context::local(2).unwrap();
        let far = longer(ctx.range(0..4, 1, 2), MOST);
        let (most, ends) = (i64::from(MOST), far.clone());
        // The least that a thread of a program is likely to have.
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let sums = thread.spawn(move || (far.sum().unwrap(), far.num_partitions()));
        assert_eq!(sums.unwrap().join().unwrap(), (6 + 4 * most, 2));
        assert_eq!(ends.count_async().wait().unwrap(), 4);
        let first = ends.to_local_iterator_prefetching().next();
        assert_eq!(first.unwrap().unwrap(), most);
    }

    #[test]
    fn a_long_lineage_of_many_inputs_or_without_records_fits_too() {
        let ctx = Context::local(2).unwrap();
        let one = ctx.range(0..1, 1, 1);
        let all = (1..MOST).fold(one.clone(), |rdd, _| rdd.union(&one));
        assert_eq!(all.num_partitions(), MOST as usize);
        assert_eq!(all.count().unwrap(), u64::from(MOST));
        let nothing = longer(ctx.parallelize(Vec::new(), 2), MOST);
        assert_eq!(nothing.count().unwrap(), 0);
    }

    #[test]
    fn a_longer_one_is_refused_with_advice() {
        let ctx = Context::local(1).unwrap();
        let error = longer(ctx.range(0..4, 1, 1), MOST + 10)
            .count()
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("map at ") && text.contains("depth.rs"),
            "{text}"
        );
        assert!(text.contains("checkpoint() cuts the lineage"), "{text}");
    }

    #[test]
    fn shuffles_and_checkpoints_begin_anew() {
        let ctx = Context::local(2).unwrap();
        let shuffled = (0..3).fold(ctx.range(0..4, 1, 2), |rdd, _| {
            longer(rdd, MOST - 10).repartition(2)
        });
        assert_eq!(shuffled.count().unwrap(), 4);
        // Built on a mark whose checkpoint is written only afterwards.
        let mut rdd = ctx.range(0..4, 1, 2);
        for _ in 0..5 {
            let marked = longer(rdd, 1000).local_checkpoint();
            rdd = longer(marked, 1000);
            assert_eq!(rdd.count().unwrap(), 4);
        }
        assert_eq!(rdd.min().unwrap(), 10_000);
    }
}
