//! Every record with every other.

use std::sync::Arc;

use super::partitions::Gather;
use super::union::OTHER_CONTEXT;
use super::{AnyNode, Dependency, Node, NodeInfo, Rdd, read, refuse};
use crate::chunk::{Emitter, Push, Sink};
use crate::record::Record;
use crate::scheduler::TaskContext;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Each record of this RDD with each record of another: Spark's `cartesian`.
    ///
    /// With `p` and `q` partitions there are `p * q`, number `i * q + j` for this one's
    /// `i` and the other's `j`. A partition of the other RDD is held in memory while one
    /// of this RDD passes by, so the smaller one belongs on the right. Both are read many
    /// times; cache them if they are costly.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sizes = ctx.parallelize(vec!["S", "L"], 1);
    /// let shirts = sizes.cartesian(&ctx.parallelize(vec!["red", "blue"], 1));
    /// let expected = [("S", "red"), ("S", "blue"), ("L", "red"), ("L", "blue")];
    /// assert_eq!(shirts.collect().unwrap(), expected);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn cartesian<U: Record>(&self, other: &Rdd<U>) -> Rdd<(T, U)> {
        let site = Site::here("cartesian");
        if !self.ctx.is_same_as(&other.ctx) {
            return refuse(&self.ctx, site, OTHER_CONTEXT);
        }
        let (left, right) = (self.node.clone(), other.node.clone());
        Rdd::new(&self.ctx, site, |info| Cartesian { info, left, right })
    }
}

struct Cartesian<T, U> {
    info: NodeInfo,
    left: Arc<dyn Node<T>>,
    right: Arc<dyn Node<U>>,
}

impl<T: Record, U: Record> Cartesian<T, U> {
    /// The partitions of the two inputs that meet in one of ours.
    fn sides(&self, partition: usize) -> (usize, usize) {
        let right = self.right.partitions().max(1);
        (partition / right, partition % right)
    }
}

impl<T: Record, U: Record> AnyNode for Cartesian<T, U> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        let (left, right) = (
            self.left.clone().as_any_node(),
            self.right.clone().as_any_node(),
        );
        let mut dependencies = vec![
            Dependency::Narrow(left.clone()),
            Dependency::Narrow(right.clone()),
        ];
        // An input that several tasks read is named again: a shuffle in it then has more
        // than one reader, and must not hand its output to the first task that comes.
        if right.partitions() > 1 {
            dependencies.push(Dependency::Narrow(left.clone()));
        }
        if left.partitions() > 1 {
            dependencies.push(Dependency::Narrow(right));
        }
        dependencies
    }

    fn partitions(&self) -> usize {
        self.left.partitions() * self.right.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        let (left, right) = self.sides(partition);
        self.left.is_known_empty(left) || self.right.is_known_empty(right)
    }
}

impl<T: Record, U: Record> Node<(T, U)> for Cartesian<T, U> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(T, U)>) -> Push {
        let (left, right) = self.sides(partition);
        let mut gather = Gather::new();
        read(&self.right, task, right, &mut gather)?;
        let mut pairing = Pairing {
            others: &gather.into_vec(),
            task,
            sink,
        };
        read(&self.left, task, left, &mut pairing)
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

struct Pairing<'a, T, U> {
    others: &'a [U],
    task: &'a TaskContext,
    sink: &'a mut dyn Sink<(T, U)>,
}

impl<T: Clone, U: Clone> Sink<T> for Pairing<'_, T, U> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let result = self.push_shared(chunk);
        chunk.clear();
        result
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let mut out = Emitter::new(self.task, self.sink);
        for record in chunk {
            // A chunk may grow a thousandfold here: a cancelled task must notice on the way.
            self.task.check_cancelled()?;
            out.extend(
                self.others
                    .iter()
                    .map(|other| (record.clone(), other.clone())),
            );
            out.check()?;
        }
        out.finish()
    }
}
