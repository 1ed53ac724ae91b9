//! Actions that make one value of all records.

use std::sync::Arc;

use super::Rdd;
use super::actions::on_driver;
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::ClosureOf;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Makes one record of all by a function of two: Spark's `reduce`.
    ///
    /// Each partition is reduced on its task, and the results, in the order of the
    /// partitions, on the driver; so the function must be associative, but need not be
    /// commutative.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1, 2, 3], 2).reduce(|a, b| a + b).unwrap(), 6);
    /// assert!(ctx.empty::<i32>().reduce(|a, b| a + b).is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::EmptyCollection`] when there is no record, and as [`Rdd::collect`].
    #[track_caller]
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> Result<T, Error> {
        let site = Site::here("reduce");
        let f = Arc::new(f);
        let shared = f.clone();
        let parts = self.run_sinks(site, None, move || {
            let f = shared.clone();
            Reduce { acc: None, f, site }
        })?;
        let reduced = on_driver(site, move || {
            parts
                .into_iter()
                .filter_map(|part| part.acc)
                .reduce(|a, b| f(a, b))
        })?;
        reduced.ok_or(Error::EmptyCollection { site })
    }

    /// Makes one record of all by a function of two, starting with a zero: Spark's `fold`.
    ///
    /// The zero is used once for each partition, also for an empty one, and once more on
    /// the driver: it should be neutral.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(1..11, 1, 3);
    /// assert_eq!(numbers.fold(0, |a, b| a + b).unwrap(), 55);
    /// assert_eq!(numbers.fold(1, |a, b| a + b).unwrap(), 55 + 3 + 1);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn fold(&self, zero: T, f: impl Fn(T, T) -> T + Send + Sync + 'static) -> Result<T, Error> {
        let f = Arc::new(f);
        let add = f.clone();
        let merge = move |a, b| f(a, b);
        self.aggregated_at(Site::here("fold"), zero, move |a, b| add(a, b), merge)
    }

    /// Makes one value of another type of all records: Spark's `aggregate`.
    ///
    /// `add` takes a record in, `merge` joins what two partitions gave. The zero is used
    /// once for each partition, also for an empty one, and once more on the driver.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["to", "be", "or"], 2);
    /// let letters = words.aggregate(0, |n, word| n + word.len(), |a, b| a + b);
    /// assert_eq!(letters.unwrap(), 6);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn aggregate<A: Record>(
        &self,
        zero: A,
        add: impl Fn(A, T) -> A + Send + Sync + 'static,
        merge: impl Fn(A, A) -> A + Send + Sync + 'static,
    ) -> Result<A, Error> {
        self.aggregated_at(Site::here("aggregate"), zero, add, merge)
    }

    fn aggregated_at<A: Record>(
        &self,
        site: Site,
        zero: A,
        add: impl Fn(A, T) -> A + Send + Sync + 'static,
        merge: impl Fn(A, A) -> A,
    ) -> Result<A, Error> {
        let add = Arc::new(add);
        let start = zero.clone();
        let parts = self.run_sinks(site, None, move || Aggregate {
            acc: Some(start.clone()),
            add: add.clone(),
            site,
        })?;
        on_driver(site, || {
            parts
                .into_iter()
                .filter_map(|part| part.acc)
                .fold(zero, merge)
        })
    }
}

struct Reduce<T, F> {
    /// `None` before the first record.
    acc: Option<T>,
    f: Arc<F>,
    site: Site,
}

impl<T, F: Fn(T, T) -> T> Reduce<T, F> {
    #[inline]
    fn take_in(&mut self, mut records: impl Iterator<Item = T>) {
        let _closure = ClosureOf(self.site);
        let first = self.acc.take().or_else(|| records.next());
        self.acc = first.map(|first| records.fold(first, &*self.f));
    }
}

impl<T: Clone, F: Fn(T, T) -> T> Sink<T> for Reduce<T, F> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.take_in(chunk.drain(..));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.take_in(chunk.iter().cloned());
        Ok(())
    }
}

struct Aggregate<A, F> {
    /// `None` only while the closure runs.
    acc: Option<A>,
    add: Arc<F>,
    site: Site,
}

impl<A, F> Aggregate<A, F> {
    #[inline]
    fn take_in<T>(&mut self, records: impl Iterator<Item = T>)
    where
        F: Fn(A, T) -> A,
    {
        let _closure = ClosureOf(self.site);
        self.acc = self.acc.take().map(|acc| records.fold(acc, &*self.add));
    }
}

impl<T: Clone, A, F: Fn(A, T) -> A> Sink<T> for Aggregate<A, F> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        self.take_in(chunk.drain(..));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        self.take_in(chunk.iter().cloned());
        Ok(())
    }
}
