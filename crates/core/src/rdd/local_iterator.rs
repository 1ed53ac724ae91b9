//! The records on the driver, one partition at a time.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;

use super::{FutureAction, Rdd};
use crate::error::Error;
use crate::record::Record;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Every record, in the order of the partitions, with one partition at a time on the
    /// driver: Spark's `toLocalIterator`.
    ///
    /// Nothing runs before the first record is asked for; then each partition is a job of
    /// its own, run when the one before it is used up. After an error the iterator ends.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let mut squares = ctx.range(0..4, 1, 2).map(|n| n * n).to_local_iterator();
    /// assert_eq!(squares.next().unwrap().unwrap(), 0);
    /// let rest: Result<Vec<i64>, _> = squares.collect();
    /// assert_eq!(rest.unwrap(), [1, 4, 9]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn to_local_iterator(&self) -> LocalIterator<T> {
        let site = Site::here("to_local_iterator");
        LocalIterator::new(self, site, false)
    }

    /// As [`Rdd::to_local_iterator`], computing the next partition while one is used:
    /// Spark's `toLocalIterator` with `prefetchPartitions`, in Python.
    ///
    /// Two partitions are on the driver at a time. Dropping the iterator cancels the job that
    /// works ahead.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["to", "be", "or"], 3);
    /// let all: Result<Vec<_>, _> = words.to_local_iterator_prefetching().collect();
    /// assert_eq!(all.unwrap(), ["to", "be", "or"]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn to_local_iterator_prefetching(&self) -> LocalIterator<T> {
        let site = Site::here("to_local_iterator_prefetching");
        LocalIterator::new(self, site, true)
    }
}

/// The records of an RDD, a partition at a time; see [`Rdd::to_local_iterator`].
pub struct LocalIterator<T> {
    rdd: Rdd<T>,
    site: Site,
    prefetches: bool,
    records: std::vec::IntoIter<T>,
    /// The partitions that no job was run for, once their number is known.
    left: Option<Range<usize>>,
    /// The job of the partition that comes next.
    ahead: Option<FutureAction<Vec<T>>>,
}

impl<T: Record> LocalIterator<T> {
    fn new(rdd: &Rdd<T>, site: Site, prefetches: bool) -> Self {
        LocalIterator {
            rdd: rdd.clone(),
            site,
            prefetches,
            records: Vec::new().into_iter(),
            left: None,
            ahead: None,
        }
    }

    /// The records of the next partition; `None` after the last one.
    fn next_partition(&mut self) -> Result<Option<Vec<T>>, Error> {
        if self.left.is_none() {
            self.left = Some(0..self.rdd.prepared_partitions(self.site)?);
        }
        let records = match self.ahead.take() {
            Some(ahead) => ahead.wait()?,
            None => match self.take_next() {
                Some(partition) => partition_of(&self.rdd, self.site, partition)?,
                None => return Ok(None),
            },
        };
        if self.prefetches
            && let Some(partition) = self.take_next()
        {
            let (rdd, site) = (self.rdd.clone(), self.site);
            let job = move || partition_of(&rdd, site, partition);
            self.ahead = Some(FutureAction::start(&self.rdd.ctx, site, job));
        }
        Ok(Some(records))
    }

    fn take_next(&mut self) -> Option<usize> {
        self.left.as_mut()?.next()
    }
}

fn partition_of<T: Record>(rdd: &Rdd<T>, site: Site, partition: usize) -> Result<Vec<T>, Error> {
    let parts = rdd.gather(site, Some(vec![partition]))?;
    Ok(parts.into_iter().flatten().collect())
}

impl<T: Record> Iterator for LocalIterator<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Result<T, Error>> {
        loop {
            if let Some(record) = self.records.next() {
                return Some(Ok(record));
            }
            match self.next_partition() {
                Ok(records) => self.records = records?.into_iter(),
                Err(error) => {
                    self.left = Some(0..0);
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<T: Record> FusedIterator for LocalIterator<T> {}

impl<T> Drop for LocalIterator<T> {
    fn drop(&mut self) {
        if let Some(ahead) = &self.ahead {
            ahead.cancel();
        }
    }
}

impl<T> fmt::Debug for LocalIterator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIterator")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}
