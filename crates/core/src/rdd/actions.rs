//! Actions: what runs a job and gives its result to the driver.

use std::fmt::Display;

use super::partitions::{Gather, PartitionIter};
use super::{Rdd, read};
use crate::chunk::{Push, Sink, Stop};
use crate::error::{Error, TaskError};
use crate::record::Record;
use crate::scheduler::{ClosureOf, TaskContext, catch_panic, in_task, plan};
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Every record, in the order of the partitions: Spark's `collect`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1, 2, 3], 2).collect().unwrap(), [1, 2, 3]);
    /// ```
    ///
    /// # Errors
    /// [`Error::Job`] when a task fails, [`Error::Build`] when an operator was misused.
    #[track_caller]
    pub fn collect(&self) -> Result<Vec<T>, Error> {
        self.collect_at(Site::here("collect"))
    }

    pub(super) fn collect_at(&self, site: Site) -> Result<Vec<T>, Error> {
        let parts = self.gather(site, None)?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// How many records there are: Spark's `count`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..10, 1, 3).count().unwrap(), 10);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn count(&self) -> Result<u64, Error> {
        self.count_at(Site::here("count"))
    }

    pub(super) fn count_at(&self, site: Site) -> Result<u64, Error> {
        let counts = self.run_sinks(site, None, Count::default)?;
        Ok(counts.iter().map(|count| count.records).sum())
    }

    /// Calls a closure for each record, on the tasks: Spark's `foreach`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let sum = ctx.long_accumulator("sum");
    /// let to = sum.clone();
    /// ctx.parallelize(vec![1, 2, 3], 2).for_each(move |x| to.add(x)).unwrap();
    /// assert_eq!(sum.value(), 6);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`]; a panic of the closure fails its task.
    #[track_caller]
    pub fn for_each(&self, f: impl Fn(T) + Send + Sync + 'static) -> Result<(), Error> {
        self.for_each_at(Site::here("for_each"), f)
    }

    pub(super) fn for_each_at(
        &self,
        site: Site,
        f: impl Fn(T) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let node = self.node.clone();
        self.run(site, None, move |task, partition| {
            let mut each = Each { f: &f, site };
            read(&node, task, partition, &mut each)
        })?;
        Ok(())
    }

    /// Calls a closure once for each partition, on the tasks: Spark's `foreachPartition`.
    ///
    /// It is called for empty partitions too. The place for what has a cost per partition,
    /// such as a connection. Where the closure can fail, use
    /// [`Rdd::try_for_each_partition`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let lengths = ctx.collection_accumulator::<usize>("lengths");
    /// let to = lengths.clone();
    /// let rdd = ctx.parallelize(vec![1, 2, 3], 2);
    /// rdd.for_each_partition(move |records| to.push(records.len())).unwrap();
    /// let mut lengths = lengths.value();
    /// lengths.sort();
    /// assert_eq!(lengths, [1, 2]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`]; a panic of the closure fails its task.
    #[track_caller]
    pub fn for_each_partition(
        &self,
        f: impl Fn(PartitionIter<T>) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.for_each_partition_at(Site::here("for_each_partition"), f)
    }

    pub(super) fn for_each_partition_at(
        &self,
        site: Site,
        f: impl Fn(PartitionIter<T>) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.each_partition(site, move |records| {
            f(records);
            Ok(())
        })
    }

    /// As [`Rdd::for_each_partition`], for a closure that can fail.
    ///
    /// An error fails the task, which is tried again as configured and then fails the job:
    /// what the closure did before it failed happens again.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let lines = ctx.parallelize(vec!["1", "2", "x"], 2);
    /// let check = lines.try_for_each_partition(|mut records| {
    ///     records.try_for_each(|line| line.parse::<i32>().map(|_| ()))
    /// });
    /// assert!(check.unwrap_err().to_string().contains("invalid digit"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Job`] with [`TaskError::User`] and the closure's words when it fails, and
    /// as [`Rdd::collect`].
    #[track_caller]
    pub fn try_for_each_partition<E: Display>(
        &self,
        f: impl Fn(PartitionIter<T>) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.each_partition(Site::here("try_for_each_partition"), move |records| {
            f(records).map_err(|error| error.to_string())
        })
    }

    fn each_partition(
        &self,
        site: Site,
        f: impl Fn(PartitionIter<T>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        self.run_whole(site, None, f)?;
        Ok(())
    }

    /// Runs `f` over the records of each of some partitions (all when `None`).
    pub(super) fn run_whole<R: Send + 'static>(
        &self,
        site: Site,
        partitions: Option<Vec<usize>>,
        f: impl Fn(PartitionIter<T>) -> Result<R, String> + Send + Sync + 'static,
    ) -> Result<Vec<R>, Error> {
        let node = self.node.clone();
        self.run(site, partitions, move |task, partition| {
            let mut gather = Gather::new();
            read(&node, task, partition, &mut gather)?;
            let _closure = ClosureOf(site);
            f(gather.into_records()).map_err(|message| {
                Stop::from(TaskError::User {
                    operator: site,
                    message,
                })
            })
        })
    }

    /// How many partitions there are, once all that decides it was looked at.
    ///
    /// Reports mistakes of building also where an action has no job to run.
    pub(super) fn prepared_partitions(&self, site: Site) -> Result<usize, Error> {
        if in_task() {
            return Err(Error::NestedAction { site });
        }
        if self.ctx.is_stopped() {
            return Err(Error::Stopped { site });
        }
        plan(&self.node.clone().as_any_node(), &self.ctx.runner())?;
        Ok(self.node.partitions())
    }

    /// The records of some partitions (all when `None`), one vector each.
    pub(crate) fn gather(
        &self,
        site: Site,
        partitions: Option<Vec<usize>>,
    ) -> Result<Vec<Vec<T>>, Error> {
        let gathered = self.run_sinks(site, partitions, Gather::new)?;
        Ok(gathered.into_iter().map(Gather::into_vec).collect())
    }

    /// Reads each partition into a sink of its own and gives the sinks back.
    pub(crate) fn run_sinks<S: Sink<T> + Send + 'static>(
        &self,
        site: Site,
        partitions: Option<Vec<usize>>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<Vec<S>, Error> {
        let node = self.node.clone();
        self.run(site, partitions, move |task, partition| {
            let mut sink = make();
            match read(&node, task, partition, &mut sink) {
                Ok(()) | Err(Stop::Enough) => Ok(sink),
                Err(failed) => Err(failed),
            }
        })
    }

    /// Runs a job over some partitions (all when `None`).
    pub(crate) fn run<R: Send + 'static>(
        &self,
        site: Site,
        partitions: Option<Vec<usize>>,
        work: impl Fn(&TaskContext, usize) -> Result<R, Stop> + Send + Sync + 'static,
    ) -> Result<Vec<R>, Error> {
        self.ctx
            .runner()
            .run(site, &self.node.clone().as_any_node(), partitions, work)
    }
}

/// Runs code of the user on the driver, where the results of the tasks are merged.
pub(super) fn on_driver<R>(site: Site, merge: impl FnOnce() -> R) -> Result<R, Error> {
    catch_panic(site, merge).map_err(|cause| Error::Driver { cause })
}

#[derive(Default)]
pub(super) struct Count {
    pub(super) records: u64,
}

impl<T> Sink<T> for Count {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.records += chunk.len() as u64;
        chunk.clear();
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.records += chunk.len() as u64;
        Ok(())
    }
}

struct Each<'a, F> {
    f: &'a F,
    site: Site,
}

impl<T: Clone, F: Fn(T)> Sink<T> for Each<'_, F> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let _closure = ClosureOf(self.site);
        chunk.drain(..).for_each(self.f);
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let _closure = ClosureOf(self.site);
        chunk.iter().cloned().for_each(self.f);
        Ok(())
    }
}
