//! Actions: what runs a job and gives its result to the driver.

use super::partitions::Gather;
use super::{Rdd, read};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::ClosureOf;
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
        let parts = self.gather(Site::here("collect"), None)?;
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
        let counts = self.run_sinks(Site::here("count"), None, Count::default)?;
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
        let site = Site::here("for_each");
        let node = self.node.clone();
        let results = self.run(site, None, move |task, partition| {
            let mut each = Each { f: &f, site };
            read(&node, task, partition, &mut each)
        })?;
        drop(results);
        Ok(())
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
                Ok(()) | Err(crate::chunk::Stop::Enough) => Ok(sink),
                Err(failed) => Err(failed),
            }
        })
    }

    /// Runs a job over some partitions (all when `None`).
    pub(crate) fn run<R: Send + 'static>(
        &self,
        site: Site,
        partitions: Option<Vec<usize>>,
        work: impl Fn(&crate::scheduler::TaskContext, usize) -> Result<R, crate::chunk::Stop>
        + Send
        + Sync
        + 'static,
    ) -> Result<Vec<R>, Error> {
        self.ctx.runner().run(site, &self.node.clone().as_any_node(), partitions, work)
    }
}

#[derive(Default)]
struct Count {
    records: u64,
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
