//! A job of one's own: what all actions are in the end.

use std::collections::HashSet;

use super::Rdd;
use super::partitions::PartitionIter;
use super::union::OTHER_CONTEXT;
use crate::context::Context;
use crate::error::Error;
use crate::record::Record;
use crate::site::Site;

impl Context {
    /// Calls a closure with the records of each partition and gives its results, in the
    /// order of the partitions: Spark's `runJob(rdd, func)`.
    ///
    /// The base of actions of one's own. A partition is gathered before the call, which
    /// happens on a task. For some partitions only, see [`Rdd::run_job`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..5, 1, 2);
    /// let largest = ctx.run_job(&numbers, |records| records.max());
    /// assert_eq!(largest.unwrap(), [Some(1), Some(4)]);
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when the RDD belongs to another context, and as [`Rdd::collect`].
    #[track_caller]
    pub fn run_job<T: Record, R: Send + 'static>(
        &self,
        rdd: &Rdd<T>,
        f: impl Fn(PartitionIter<T>) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, Error> {
        let site = Site::here("run_job");
        if !rdd.ctx.is_same_as(self) {
            let message = OTHER_CONTEXT.to_owned();
            return Err(Error::Build { site, message });
        }
        rdd.run_whole(site, None, move |records| Ok(f(records)))
    }
}

impl<T: Record> Rdd<T> {
    /// Calls a closure with the records of each of some partitions and gives its results, in
    /// the order in which the partitions are named: Spark's `runJob(rdd, func, partitions)`.
    ///
    /// Only what these partitions need is computed. As [`Context::run_job`] otherwise.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..6, 1, 3);
    /// let sums = numbers.run_job([2, 0], |records| records.sum::<i64>());
    /// assert_eq!(sums.unwrap(), [9, 1]);
    /// let error = numbers.run_job([3], |records| records.len()).unwrap_err();
    /// assert!(error.to_string().contains("partition 3"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when there is no such partition, or one is named twice, and as
    /// [`Rdd::collect`].
    #[track_caller]
    pub fn run_job<R: Send + 'static>(
        &self,
        partitions: impl IntoIterator<Item = usize>,
        f: impl Fn(PartitionIter<T>) -> R + Send + Sync + 'static,
    ) -> Result<Vec<R>, Error> {
        let site = Site::here("run_job");
        let total = self.prepared_partitions(site)?;
        let partitions: Vec<usize> = partitions.into_iter().collect();
        if let Some(message) = mistake(&partitions, total) {
            return Err(Error::Build { site, message });
        }
        self.run_whole(site, Some(partitions), move |records| Ok(f(records)))
    }
}

fn mistake(partitions: &[usize], total: usize) -> Option<String> {
    if let Some(missing) = partitions.iter().find(|partition| **partition >= total) {
        return Some(format!(
            "partition {missing} was asked for; there are {total}, numbered from 0"
        ));
    }
    let mut named = HashSet::new();
    let twice = partitions
        .iter()
        .find(|partition| !named.insert(**partition))?;
    Some(format!(
        "partition {twice} was asked for twice; a job computes each partition once"
    ))
}
