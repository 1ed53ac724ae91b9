//! Where lineages begin: collections, ranges and readers.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use super::{AnyNode, Dependency, Node, NodeInfo, Rdd};
use crate::chunk::{Emitter, Push, Sink, push_shared_in_chunks};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::record::Record;
use crate::scheduler::{ClosureOf, JobRunner, TaskContext};
use crate::site::Site;

/// Partitions that are kept in memory and shared with their readers.
pub(crate) struct Kept<T> {
    pub(crate) info: NodeInfo,
    pub(crate) partitions: Vec<Slice<T>>,
}

/// A part of a shared vector.
pub(crate) struct Slice<T> {
    records: Arc<Vec<T>>,
    range: Range<usize>,
}

impl<T> Slice<T> {
    pub(crate) fn whole(records: Arc<Vec<T>>) -> Self {
        Slice {
            range: 0..records.len(),
            records,
        }
    }

    fn get(&self) -> &[T] {
        self.records.get(self.range.clone()).unwrap_or_default()
    }
}

/// Cuts a collection as Spark does: slice `i` of `n` is `[i * len / n, (i + 1) * len / n)`.
pub(crate) fn slices<T>(records: Vec<T>, slices: usize) -> Vec<Slice<T>> {
    let records = Arc::new(records);
    let at = |i: usize| (i as u128 * records.len() as u128 / slices as u128) as usize;
    (0..slices)
        .map(|i| Slice {
            records: records.clone(),
            range: at(i)..at(i + 1),
        })
        .collect()
}

impl<T: Record> AnyNode for Kept<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.partitions
            .get(partition)
            .is_none_or(|slice| slice.range.is_empty())
    }
}

impl<T: Record> Node<T> for Kept<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        let records = self.partitions.get(partition).map_or(&[][..], Slice::get);
        task.count_read(records.len());
        push_shared_in_chunks(records, task.chunk_records, sink, || task.check_cancelled())
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

/// A reader of partitions: the way to make an RDD of anything.
///
/// # Contract
/// - The number of partitions never changes, and a partition gives the same records each
///   time that it is read: a task may be tried again, and an RDD that is not cached is
///   read anew by each action. The engine cannot check this.
/// - [`PartitionSource::read`] is called on task threads, several partitions at a time.
///   It should look at [`Emitter::is_done`] now and then, and return early when it is.
/// - An error fails the task, which is tried again as configured.
///
/// ```
/// use headwater_core::{Context, Emitter, PartitionSource};
///
/// struct Squares;
///
/// impl PartitionSource<u64> for Squares {
///     fn partitions(&self) -> usize {
///         2
///     }
///     fn read(&self, partition: usize, out: &mut Emitter<'_, u64>) -> Result<(), String> {
///         out.extend((0..3).map(|n| (partition as u64 * 3 + n).pow(2)));
///         Ok(())
///     }
/// }
///
/// let ctx = Context::local(2).unwrap();
/// assert_eq!(ctx.from_source(Squares).collect().unwrap(), [0, 1, 4, 9, 16, 25]);
/// ```
pub trait PartitionSource<T>: Send + Sync + 'static {
    /// How many partitions there are.
    fn partitions(&self) -> usize;

    /// Emits the records of a partition.
    ///
    /// # Errors
    /// A text that says what failed and what to do about it.
    fn read(&self, partition: usize, out: &mut Emitter<'_, T>) -> Result<(), String>;
}

/// The node of a user's reader.
pub(crate) struct Read<T, S> {
    info: NodeInfo,
    source: S,
    records: PhantomData<fn() -> T>,
}

impl<T: Record, S: PartitionSource<T>> Read<T, S> {
    pub(crate) fn new(info: NodeInfo, source: S) -> Self {
        Read {
            info,
            source,
            records: PhantomData,
        }
    }
}

impl<T: Record, S: PartitionSource<T>> AnyNode for Read<T, S> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    fn partitions(&self) -> usize {
        self.source.partitions()
    }
}

impl<T: Record, S: PartitionSource<T>> Node<T> for Read<T, S> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        let operator = self.info.site;
        let mut counting = Counting { task, sink };
        let mut out = Emitter::new(task, &mut counting);
        let result = {
            let _closure = ClosureOf(operator);
            self.source.read(partition, &mut out)
        };
        result.map_err(|message| TaskError::User { operator, message })?;
        out.finish()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

/// Counts what a source gives.
struct Counting<'a, T> {
    task: &'a TaskContext,
    sink: &'a mut dyn Sink<T>,
}

impl<T> Sink<T> for Counting<'_, T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.task.count_read(chunk.len());
        self.sink.push(chunk)
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.task.count_read(chunk.len());
        self.sink.push_shared(chunk)
    }
}

/// A node in place of one that could not be built: the mistake waits for the action.
pub(crate) struct Refused {
    pub(crate) info: NodeInfo,
    pub(crate) error: Error,
}

impl AnyNode for Refused {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    fn partitions(&self) -> usize {
        0
    }

    fn prepare(&self, _runner: &JobRunner) -> Result<(), Error> {
        Err(self.error.clone())
    }

    fn find_inputs(&self) -> Result<(), Error> {
        Err(self.error.clone())
    }
}

impl<T: Record> Node<T> for Refused {
    fn compute(&self, _task: &TaskContext, _partition: usize, _sink: &mut dyn Sink<T>) -> Push {
        Ok(())
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

impl<T: Record> Kept<T> {
    pub(crate) fn parallelize(ctx: &Context, site: Site, records: Vec<T>, count: usize) -> Rdd<T> {
        if count == 0 {
            return refuse(ctx, site, "0 slices asked for; at least 1 is needed");
        }
        Rdd::new(ctx, site, |info| Kept {
            info,
            partitions: slices(records, count),
        })
    }

    pub(crate) fn from_partitions(
        ctx: &Context,
        site: Site,
        partitions: Vec<Arc<Vec<T>>>,
    ) -> Rdd<T> {
        let partitions = partitions.into_iter().map(Slice::whole).collect();
        Rdd::new(ctx, site, |info| Kept { info, partitions })
    }
}

/// An RDD whose action reports a mistake of building.
pub(crate) fn refuse<T: Record>(ctx: &Context, site: Site, message: impl Into<String>) -> Rdd<T> {
    let error = Error::Build {
        site,
        message: message.into(),
    };
    Rdd::new(ctx, site, |info| Refused { info, error })
}

pub(crate) fn from_source<T: Record>(
    ctx: &Context,
    site: Site,
    source: impl PartitionSource<T>,
) -> Rdd<T> {
    Rdd::new(ctx, site, |info| Read::new(info, source))
}

pub(crate) fn range(
    ctx: &Context,
    site: Site,
    range: Range<i64>,
    step: i64,
    slices: usize,
) -> Rdd<i64> {
    if step == 0 {
        return refuse(
            ctx,
            site,
            "a step of 0 never ends; give a positive or negative one",
        );
    }
    if slices == 0 {
        return refuse(ctx, site, "0 slices asked for; at least 1 is needed");
    }
    let span = (i128::from(range.end) - i128::from(range.start)) * i128::from(step.signum());
    let len = span
        .max(0)
        .unsigned_abs()
        .div_ceil(u128::from(step.unsigned_abs()));
    from_source(
        ctx,
        site,
        Numbers {
            start: range.start,
            step,
            len,
            slices,
        },
    )
}

/// The numbers of a range, made as they are read.
struct Numbers {
    start: i64,
    step: i64,
    len: u128,
    slices: usize,
}

impl PartitionSource<i64> for Numbers {
    fn partitions(&self) -> usize {
        self.slices
    }

    fn read(&self, partition: usize, out: &mut Emitter<'_, i64>) -> Result<(), String> {
        let at = |slice: usize| slice as u128 * self.len / self.slices as u128;
        // Below 2^64 elements, so nothing wraps that is in the range.
        let number = |i: u128| self.start.wrapping_add((i as i64).wrapping_mul(self.step));
        out.extend((at(partition)..at(partition + 1)).map(number));
        Ok(())
    }
}
