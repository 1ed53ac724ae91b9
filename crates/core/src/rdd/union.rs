//! Several RDDs as one.

use std::sync::{Arc, OnceLock};

use super::{AnyNode, Dependency, Node, NodeInfo, Parent, Rdd, refuse};
use crate::chunk::{Push, Sink};
use crate::context::Context;
use crate::record::Record;
use crate::scheduler::TaskContext;
use crate::shuffle::Placement;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// The records of this RDD and then those of another: Spark's `union`, `++`.
    ///
    /// Nothing is moved and duplicates stay: the other's partitions follow this one's. Two
    /// RDDs whose keys are placed alike keep that placement: partition `i` is then both
    /// partitions `i`, one after the other.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let both = ctx.parallelize(vec![1, 2], 2).union(&ctx.parallelize(vec![2, 3], 1));
    /// assert_eq!(both.collect().unwrap(), [1, 2, 2, 3]);
    /// assert_eq!(both.num_partitions(), 3);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn union(&self, other: &Rdd<T>) -> Rdd<T> {
        self.ctx
            .united(Site::here("union"), &[self.clone(), other.clone()])
    }
}

impl Context {
    /// The records of all RDDs, in the order of the list: Spark's `SparkContext.union`.
    ///
    /// As [`Rdd::union`], flat for any number of inputs. An empty list gives an RDD without
    /// partitions.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let hours: Vec<_> = (0..3).map(|hour| ctx.parallelize(vec![hour; 2], 1)).collect();
    /// assert_eq!(ctx.union(&hours).collect().unwrap(), [0, 0, 1, 1, 2, 2]);
    /// assert_eq!(ctx.union::<i32>(&[]).num_partitions(), 0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn union<T: Record>(&self, rdds: &[Rdd<T>]) -> Rdd<T> {
        if rdds.is_empty() {
            return self.empty();
        }
        self.united(Site::here("union"), rdds)
    }

    /// As [`Context::union`], but never merging partitions: what `new UnionRDD` makes in Spark.
    ///
    /// The result has all partitions of all inputs, and forgets how keys are placed.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let placed = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 1).partition_by(2);
    /// let inputs = [placed.clone(), placed];
    /// assert_eq!(ctx.union(&inputs).num_partitions(), 2);
    /// assert_eq!(ctx.union_unmerged(&inputs).num_partitions(), 4);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn union_unmerged<T: Record>(&self, rdds: &[Rdd<T>]) -> Rdd<T> {
        self.united_as(Site::here("union_unmerged"), rdds, |_| None)
    }

    fn united<T: Record>(&self, site: Site, rdds: &[Rdd<T>]) -> Rdd<T> {
        self.united_as(site, rdds, common_placement)
    }

    fn united_as<T: Record>(
        &self,
        site: Site,
        rdds: &[Rdd<T>],
        placement: fn(&[Arc<dyn Node<T>>]) -> Option<Placement>,
    ) -> Rdd<T> {
        if rdds.iter().any(|rdd| !rdd.ctx.is_same_as(self)) {
            return refuse(self, site, OTHER_CONTEXT);
        }
        let parents: Vec<_> = rdds.iter().map(|rdd| rdd.node.clone()).collect();
        let placement = placement(&parents);
        Rdd::new(self, site, |info| Union {
            info,
            parents: parents.into_iter().map(Parent::new).collect(),
            placement,
            ends: OnceLock::new(),
        })
    }

    /// Whether both are handles of one context: lineages cannot span two.
    pub(crate) fn is_same_as(&self, other: &Context) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

pub(crate) const OTHER_CONTEXT: &str = "the RDDs belong to different contexts, each with its own \
     tasks; make all of them from one context";

/// The placement that all inputs have. One without partitions has no say: it has no keys.
fn common_placement<T: Record>(parents: &[Arc<dyn Node<T>>]) -> Option<Placement> {
    let mut filled = parents.iter().filter(|parent| parent.partitions() > 0);
    let first = filled.next()?;
    let placement = first.placement()?;
    let is_common = filled.all(|parent| {
        parent.partitions() == first.partitions()
            && parent
                .placement()
                .is_some_and(|other| other.is_same_as(&placement))
    });
    is_common.then_some(placement)
}

struct Union<T> {
    info: NodeInfo,
    parents: Vec<Parent<T>>,
    /// Set when the inputs are placed alike, and so are read side by side.
    placement: Option<Placement>,
    /// How many partitions there are up to and with each input, known once all of those are
    /// prepared.
    ends: OnceLock<Vec<usize>>,
}

impl<T: Record> Union<T> {
    fn ends(&self) -> &[usize] {
        self.ends.get_or_init(|| {
            let counts = self.parents.iter().map(|parent| parent.partitions());
            let ends = counts.scan(0, |end, count| {
                *end += count;
                Some(*end)
            });
            ends.collect()
        })
    }

    /// What a partition is made of: partitions of the inputs, in order.
    fn pieces(&self, partition: usize) -> Vec<(&Arc<dyn Node<T>>, usize)> {
        if self.placement.is_some() {
            let side_by_side = self.parents.iter().map(|parent| (&**parent, partition));
            return side_by_side
                .filter(|(parent, at)| *at < parent.partitions())
                .collect();
        }
        let ends = self.ends();
        let input = ends.partition_point(|end| *end <= partition);
        let before = input.checked_sub(1).and_then(|last| ends.get(last));
        let start = before.copied().unwrap_or(0);
        let parent = self.parents.get(input);
        parent
            .map(|parent| (&**parent, partition - start))
            .into_iter()
            .collect()
    }
}

impl<T: Record> AnyNode for Union<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let narrow = |parent: &Parent<T>| Dependency::Narrow(Arc::clone(parent).as_any_node());
        self.parents.iter().map(narrow).collect()
    }

    fn partitions(&self) -> usize {
        let counts = self.parents.iter().map(|parent| parent.partitions());
        if self.placement.is_some() {
            counts.max().unwrap_or(0)
        } else {
            counts.sum()
        }
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.pieces(partition)
            .into_iter()
            .all(|(parent, at)| parent.is_known_empty(at))
    }
}

impl<T: Record> Node<T> for Union<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        for (parent, at) in self.pieces(partition) {
            super::read(parent, task, at, sink)?;
        }
        Ok(())
    }

    fn placement(&self) -> Option<Placement> {
        self.placement.clone()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{Emitter, Error, PartitionSource};

    #[test]
    fn a_common_placement_stays() {
        let ctx = Context::local(2).unwrap();
        let pairs = |values: [i32; 3], partitions: usize| {
            let pairs = values.into_iter().map(|v| (v, v)).collect();
            ctx.parallelize(pairs, 2).partition_by(partitions)
        };
        let alike = ctx.union(&[pairs([1, 2, 3], 4), ctx.empty(), pairs([3, 4, 5], 4)]);
        assert_eq!(alike.num_partitions(), 4);
        assert!(alike.node.placement().is_some());
        let groups = alike.group_by_key();
        let direct = groups.node.clone().as_any_node().dependencies();
        assert!(
            matches!(&direct[..], [Dependency::Narrow(_)]),
            "grouped without a shuffle"
        );
        let mut groups = groups.collect().unwrap();
        groups.sort();
        assert_eq!(groups[2], (3, vec![3, 3]));

        let mixed = pairs([1, 2, 3], 4).union(&pairs([3, 4, 5], 3));
        assert_eq!(mixed.num_partitions(), 7);
        assert!(mixed.node.placement().is_none());
        let unplaced = pairs([1, 2, 3], 4).union(&ctx.parallelize(vec![(1, 1)], 4));
        assert!(unplaced.node.placement().is_none());
    }

    #[test]
    fn what_is_not_merged_keeps_all_partitions_and_no_placement() {
        let ctx = Context::local(2).unwrap();
        let placed = ctx.parallelize(vec![(1, 1), (2, 2)], 2).partition_by(2);
        let both = ctx.union_unmerged(&[placed.clone(), ctx.empty(), placed.clone()]);
        let parts = placed.glom().collect().unwrap();
        assert_eq!(
            both.glom().collect().unwrap(),
            [parts.clone(), parts].concat()
        );
        let one = ctx.union_unmerged(&[placed]);
        assert!(both.node.placement().is_none() && one.node.placement().is_none());
        assert_eq!(ctx.union_unmerged::<i32>(&[]).num_partitions(), 0);
    }

    #[test]
    fn contexts_do_not_mix() {
        let (one, two) = (Context::local(1).unwrap(), Context::local(1).unwrap());
        let mixed = one
            .parallelize(vec![1], 1)
            .union(&two.parallelize(vec![2], 1));
        let error = mixed.collect().unwrap_err();
        assert!(matches!(error, Error::Build { .. }));
        assert!(error.to_string().contains("different contexts"), "{error}");
    }

    #[test]
    fn a_mistake_in_an_input_is_reported() {
        let ctx = Context::local(1).unwrap();
        let wrong = ctx.parallelize(vec![1], 0);
        let error = ctx
            .union(&[ctx.parallelize(vec![1], 1), wrong])
            .collect()
            .unwrap_err();
        assert!(matches!(error, Error::Build { .. }));
    }

    struct Asked(Arc<AtomicUsize>);

    impl PartitionSource<u8> for Asked {
        fn partitions(&self) -> usize {
            self.0.fetch_add(1, Ordering::Relaxed);
            2
        }

        fn read(&self, partition: usize, out: &mut Emitter<'_, u8>) -> Result<(), String> {
            out.emit(partition as u8);
            Ok(())
        }
    }

    #[test]
    fn many_inputs_are_looked_at_a_few_times_each() {
        let ctx = Context::local(1).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let inputs: Vec<_> = (0..100)
            .map(|_| ctx.from_source(Asked(asked.clone())))
            .collect();
        let all = ctx.union(&inputs).collect().unwrap();
        assert_eq!(all, [0, 1].repeat(100));
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked <= 10 * 100, "asked {asked} times");
    }

    #[test]
    fn inputs_without_partitions_are_stepped_over() {
        let ctx = Context::local(1).unwrap();
        let (none, some) = (ctx.empty(), ctx.parallelize(vec![1, 2], 2));
        let inputs = [&none, &some, &none, &none, &some, &none].map(Clone::clone);
        let all = ctx.union(&inputs);
        assert_eq!(all.glom().collect().unwrap(), [[1], [2], [1], [2]]);
    }
}
