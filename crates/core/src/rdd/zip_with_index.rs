//! Records with their number.

use std::sync::{Arc, OnceLock};

use super::{AnyNode, Dependency, Node, NodeInfo, Rdd, read};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Pairs each record with its place in the whole RDD, from 0: Spark's `zipWithIndex`.
    ///
    /// Where a partition begins is only known when those before it are counted: the first
    /// action on an RDD of more than one partition runs a job for that, and reads the
    /// input twice. [`Rdd::zip_with_unique_id`] needs no such job.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let places = ctx.parallelize(vec!['a', 'b', 'c'], 2).zip_with_index();
    /// assert_eq!(places.collect().unwrap(), [('a', 0), ('b', 1), ('c', 2)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn zip_with_index(&self) -> Rdd<(T, u64)> {
        self.numbered(
            Site::here("zip_with_index"),
            Numbers::Places(OnceLock::new()),
        )
    }

    /// Pairs each record with a number that no other record has: Spark's
    /// `zipWithUniqueId`.
    ///
    /// The `k`-th record of partition `i` of `n` gets `k * n + i`, so that nothing has to
    /// be counted; where partitions differ in size there are gaps.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let ids = ctx.parallelize(vec!['a', 'b', 'c'], 2).zip_with_unique_id();
    /// assert_eq!(ids.collect().unwrap(), [('a', 0), ('b', 1), ('c', 3)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn zip_with_unique_id(&self) -> Rdd<(T, u64)> {
        self.numbered(Site::here("zip_with_unique_id"), Numbers::Interleaved)
    }

    fn numbered(&self, site: Site, numbers: Numbers) -> Rdd<(T, u64)> {
        let parent = self.node.clone();
        Rdd::new(&self.ctx, site, |info| Numbered {
            info,
            parent,
            numbers,
        })
    }
}

enum Numbers {
    /// One after the other; holds where each partition begins, once that is known.
    Places(OnceLock<Vec<u64>>),
    /// Each partition has every n-th number.
    Interleaved,
}

struct Numbered<T> {
    info: NodeInfo,
    parent: Arc<dyn Node<T>>,
    numbers: Numbers,
}

impl<T: Record> Numbered<T> {
    /// Counts every partition but the last, behind which nothing begins.
    fn starts(&self, runner: &JobRunner) -> Result<Vec<u64>, Error> {
        let partitions = self.parent.partitions();
        if partitions <= 1 {
            return Ok(vec![0]);
        }
        let counted = (0..partitions - 1).collect();
        let parent = self.parent.clone();
        let last = parent.clone().as_any_node();
        let sizes = runner.ahead_of_another_job().run(
            self.info.site,
            &last,
            Some(counted),
            move |task, partition| {
                let mut size = Size(0);
                read(&parent, task, partition, &mut size)?;
                Ok(size.0)
            },
        )?;
        let mut next = 0;
        let ends = sizes.into_iter().map(|size| {
            next += size;
            next
        });
        Ok(std::iter::once(0).chain(ends).collect())
    }
}

impl<T: Record> AnyNode for Numbered<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        if let Numbers::Places(starts) = &self.numbers
            && starts.get().is_none()
        {
            // Another job may have been quicker; it counted the same.
            let _ = starts.set(self.starts(runner)?);
        }
        Ok(())
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.parent.is_known_empty(partition)
    }
}

impl<T: Record> Node<(T, u64)> for Numbered<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(T, u64)>) -> Push {
        let (next, step) = match &self.numbers {
            Numbers::Places(starts) => {
                let start = starts.get().and_then(|starts| starts.get(partition));
                (*start.expect("prepared before any task runs"), 1)
            }
            Numbers::Interleaved => (partition as u64, self.parent.partitions() as u64),
        };
        let mut numbering = Numbering {
            next,
            step,
            buffer: Vec::new(),
            sink,
        };
        read(&self.parent, task, partition, &mut numbering)
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

struct Numbering<'a, T> {
    next: u64,
    step: u64,
    buffer: Vec<(T, u64)>,
    sink: &'a mut dyn Sink<(T, u64)>,
}

impl<T> Numbering<'_, T> {
    fn number(&mut self, records: impl Iterator<Item = T>) -> Push {
        self.buffer.extend(records.map(|record| {
            let number = self.next;
            self.next += self.step;
            (record, number)
        }));
        self.sink.push(&mut self.buffer)
    }
}

impl<T: Clone> Sink<T> for Numbering<'_, T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.number(chunk.drain(..))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.number(chunk.iter().cloned())
    }
}

struct Size(u64);

impl<T> Sink<T> for Size {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.0 += chunk.len() as u64;
        chunk.clear();
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.0 += chunk.len() as u64;
        Ok(())
    }
}
