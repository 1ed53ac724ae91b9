//! The stages of an RDD one task at a time, for execution outside this process.
//!
//! An action runs its stages here. A cluster instead runs single tasks wherever it likes:
//! it numbers the stages, asks for the bytes of map tasks, hands them to whoever runs the
//! next stage, and asks for the bytes of the last one.

use std::collections::HashSet;
use std::sync::Arc;

use super::partitions::Gather;
use super::{AnyNode, Dependency, Node, Rdd, needs, read};
use crate::context::Context;
use crate::error::Error;
use crate::record::Wire;
use crate::shuffle::ShuffleStage;
use crate::site::Site;

/// The stages of one RDD: those that end in a shuffle, numbered parents first, then the
/// last one, whose tasks give the RDD's partitions.
///
/// Two processes that built the RDD alike number its stages alike.
///
/// ```
/// let ctx = headwater_core::Context::local(2).unwrap();
/// let build = || ctx.range(0..9, 1, 3).map(|n| (n % 2, n)).reduce_by_key_partitioned(|a, b| a + b, 2);
/// let (here, there) = (build(), build());
/// let (from, to) = (here.stages(), there.stages());
/// // The map tasks run on one RDD, the last stage on the other one.
/// for partition in 0..from.tasks(0).unwrap() {
///     to.import(0, partition, &from.run(0, partition).unwrap()).unwrap();
/// }
/// let bytes = to.run(1, 0).unwrap();
/// let records: Vec<(i64, i64)> = headwater_core::rdd::Stages::decode(&bytes).unwrap();
/// assert!(records.iter().all(|pair| [(0, 20), (1, 16)].contains(pair)));
/// ```
pub struct Stages {
    ctx: Context,
    last: Arc<dyn AnyNode>,
    shuffles: Vec<Arc<dyn ShuffleStage>>,
    compute_last: Box<dyn Fn(usize) -> Result<Vec<u8>, Error> + Send + Sync>,
    site: Site,
}

impl<T: Wire> Rdd<T> {
    /// The stages of this RDD, to run their tasks one by one (see [`Stages`]).
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..9, 1, 3).stages().len(), 1);
    /// assert_eq!(ctx.range(0..9, 1, 3).repartition(2).stages().len(), 2);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn stages(&self) -> Stages {
        let site = Site::here("stages");
        let last = self.node.clone().as_any_node();
        let mut shuffles = Vec::new();
        number(&last, &mut shuffles, &mut HashSet::new());
        let rdd = self.clone();
        Stages {
            ctx: self.ctx.clone(),
            last,
            shuffles,
            compute_last: Box::new(move |partition| partition_bytes(&rdd, site, partition)),
            site,
        }
    }
}

/// Lists the shuffles of a lineage, parents first, each once.
fn number(
    node: &Arc<dyn AnyNode>,
    shuffles: &mut Vec<Arc<dyn ShuffleStage>>,
    seen: &mut HashSet<u64>,
) {
    if !seen.insert(node.info().id) {
        return;
    }
    for dependency in needs(&**node) {
        match dependency {
            Dependency::Narrow(parent) => number(&parent, shuffles, seen),
            Dependency::Shuffle(stage) => {
                number(&stage.map_side(), shuffles, seen);
                shuffles.push(stage);
            }
        }
    }
}

fn partition_bytes<T: Wire>(rdd: &Rdd<T>, site: Site, partition: usize) -> Result<Vec<u8>, Error> {
    let node: Arc<dyn Node<T>> = rdd.node.clone();
    let gathered = rdd.run(site, Some(vec![partition]), move |task, partition| {
        let mut gather = Gather::new();
        read(&node, task, partition, &mut gather)?;
        Ok(gather.into_vec())
    })?;
    let records = gathered.concat();
    postcard::to_stdvec(&records).map_err(|error| codec(site, "write a partition", error))
}

fn codec(site: Site, action: &'static str, why: impl std::fmt::Display) -> Error {
    Error::Codec {
        action,
        message: format!("{site}: {why}"),
    }
}

impl Stages {
    /// How many stages there are, at least 1.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "there is always the last stage"
    )]
    pub fn len(&self) -> usize {
        self.shuffles.len() + 1
    }

    /// How many tasks a stage has.
    ///
    /// # Errors
    /// [`Error::Codec`] when there is no such stage, and what fails before planning, such
    /// as a file that is not there.
    pub fn tasks(&self, stage: usize) -> Result<usize, Error> {
        self.prepare()?;
        if stage == self.shuffles.len() {
            return Ok(self.last.partitions());
        }
        Ok(self.shuffle(stage)?.map_side().partitions())
    }

    /// Runs one task: of a stage before a shuffle it gives the buckets, of the last stage
    /// the records, as bytes.
    ///
    /// Output of earlier stages that was not imported is computed here.
    ///
    /// # Errors
    /// [`Error::Job`] when the task fails, [`Error::Codec`] when there is no such task or
    /// records cannot be written as bytes.
    pub fn run(&self, stage: usize, partition: usize) -> Result<Vec<u8>, Error> {
        let tasks = self.tasks(stage)?;
        if partition >= tasks {
            let why = format!("there is no task {partition}: stage {stage} has {tasks}");
            return Err(codec(self.site, "run a task", why));
        }
        if stage == self.shuffles.len() {
            return (self.compute_last)(partition);
        }
        let shuffle = self.shuffle(stage)?.clone();
        // The bytes may be asked for again, also after a task here read the buckets.
        shuffle.keep_output();
        shuffle.forget_taken();
        let map_side = shuffle.map_side();
        if shuffle.missing().contains(&partition) {
            let running = shuffle.clone();
            self.ctx.runner().run(
                self.site,
                &map_side,
                Some(vec![partition]),
                move |task, at| running.run_map(task, at),
            )?;
        }
        shuffle.export(partition)
    }

    /// Takes over the output of a task that ran elsewhere.
    ///
    /// # Errors
    /// [`Error::Codec`] when there is no such stage or the bytes are damaged.
    pub fn import(&self, stage: usize, partition: usize, bytes: &[u8]) -> Result<(), Error> {
        self.prepare()?;
        let shuffle = self.shuffle(stage)?;
        shuffle.keep_output();
        shuffle.import(partition, bytes)
    }

    /// The records of a task of the last stage.
    ///
    /// # Errors
    /// [`Error::Codec`] when the bytes are damaged or hold another type.
    pub fn decode<T: Wire>(bytes: &[u8]) -> Result<Vec<T>, Error> {
        postcard::from_bytes(bytes).map_err(|error| Error::Codec {
            action: "read the records of a task",
            message: error.to_string(),
        })
    }

    fn shuffle(&self, stage: usize) -> Result<&Arc<dyn ShuffleStage>, Error> {
        self.shuffles.get(stage).ok_or_else(|| {
            let why = format!("there is no stage {stage} that ends in a shuffle");
            codec(self.site, "find a stage", why)
        })
    }

    /// Plans as an action would: sizes and ranges are known afterwards.
    fn prepare(&self) -> Result<(), Error> {
        crate::scheduler::plan(&self.last, &self.ctx.runner()).map(|_| ())
    }
}
