//! Actions that want the least or the greatest records.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Rdd;
use super::actions::on_driver;
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::scheduler::ClosureOf;
use crate::site::Site;

/// So many records are kept at least before they are sorted and cut.
const BUFFER_MIN: usize = 64;

impl<T: Record> Rdd<T> {
    /// The `n` least records, ascending: Spark's `takeOrdered`.
    ///
    /// No partition keeps more than about `2 * n` records at a time. Of equal records the
    /// earlier ones are taken, and come first.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![5, 1, 4, 2], 2).take_ordered(2).unwrap(), [1, 2]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn take_ordered(&self, n: usize) -> Result<Vec<T>, Error>
    where
        T: Ord,
    {
        self.least(Site::here("take_ordered"), n, T::cmp)
    }

    /// The `n` records with the least keys, ascending: Spark's `takeOrdered` with an
    /// ordering. The key is computed whenever two records are compared.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["three", "a", "of"], 2);
    /// assert_eq!(words.take_ordered_by(2, |word| word.len()).unwrap(), ["a", "of"]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn take_ordered_by<K: Ord>(
        &self,
        n: usize,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Result<Vec<T>, Error> {
        let by_key = move |a: &T, b: &T| key(a).cmp(&key(b));
        self.least(Site::here("take_ordered_by"), n, by_key)
    }

    /// The `n` greatest records, descending: Spark's `top`.
    ///
    /// Of equal records the earlier ones are taken, and come first.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![5, 1, 4, 2], 2).top(2).unwrap(), [5, 4]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn top(&self, n: usize) -> Result<Vec<T>, Error>
    where
        T: Ord,
    {
        self.least(Site::here("top"), n, |a, b| b.cmp(a))
    }

    /// The `n` records with the greatest keys, descending: Spark's `top` with an ordering.
    /// The key is computed whenever two records are compared.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let counts = ctx.parallelize(vec![("to", 2), ("be", 3), ("or", 1)], 2);
    /// assert_eq!(counts.top_by(1, |(_, count)| *count).unwrap(), [("be", 3)]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn top_by<K: Ord>(
        &self,
        n: usize,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Result<Vec<T>, Error> {
        self.least(Site::here("top_by"), n, move |a: &T, b: &T| {
            key(b).cmp(&key(a))
        })
    }

    /// The least record, the first of several equal ones: Spark's `min`.
    ///
    /// Floating numbers have no total order of their own: use [`Rdd::min_by`] with
    /// `f64::total_cmp`, or `stats`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![5, 1, 4], 2).min().unwrap(), 1);
    /// ```
    ///
    /// # Errors
    /// [`Error::EmptyCollection`] when there is no record, and as [`Rdd::collect`].
    #[track_caller]
    pub fn min(&self) -> Result<T, Error>
    where
        T: Ord,
    {
        self.one(Site::here("min"), T::cmp)
    }

    /// The least record by a comparison: Spark's `min` with an ordering.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![0.5, -1.5], 2).min_by(f64::total_cmp).unwrap(), -1.5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::min`].
    #[track_caller]
    pub fn min_by(
        &self,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync + 'static,
    ) -> Result<T, Error> {
        self.one(Site::here("min_by"), compare)
    }

    /// The greatest record, the first of several equal ones: Spark's `max`.
    ///
    /// For floating numbers see [`Rdd::min`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1, 5, 4], 2).max().unwrap(), 5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::min`].
    #[track_caller]
    pub fn max(&self) -> Result<T, Error>
    where
        T: Ord,
    {
        self.one(Site::here("max"), |a, b| b.cmp(a))
    }

    /// The greatest record by a comparison: Spark's `max` with an ordering.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![0.5, -1.5], 2).max_by(f64::total_cmp).unwrap(), 0.5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::min`].
    #[track_caller]
    pub fn max_by(
        &self,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync + 'static,
    ) -> Result<T, Error> {
        self.one(Site::here("max_by"), move |a: &T, b: &T| compare(b, a))
    }

    fn one(
        &self,
        site: Site,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync + 'static,
    ) -> Result<T, Error> {
        self.least(site, 1, compare)?
            .pop()
            .ok_or(Error::EmptyCollection { site })
    }

    /// The first `n` records in the order that `compare` says.
    fn least(
        &self,
        site: Site,
        n: usize,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync + 'static,
    ) -> Result<Vec<T>, Error> {
        if n == 0 {
            return self.prepared_partitions(site).map(|_| Vec::new());
        }
        let compare = Arc::new(compare);
        let shared = compare.clone();
        let sinks = self.run_sinks(site, None, move || Least::new(n, shared.clone(), site))?;
        let mut records: Vec<T> = sinks.into_iter().flat_map(|least| least.records).collect();
        on_driver(site, move || {
            records.sort_by(&*compare);
            records.truncate(n);
            records
        })
    }
}

/// Keeps the least records of a partition: all until the buffer is full, then only those
/// before the last of the `n` least ones so far.
struct Least<T, C> {
    records: Vec<T>,
    n: usize,
    capacity: usize,
    /// Whether the first `n` records are sorted, so that the last of them is the bar.
    is_cut: bool,
    compare: Arc<C>,
    site: Site,
}

impl<T, C: Fn(&T, &T) -> Ordering> Least<T, C> {
    fn new(n: usize, compare: Arc<C>, site: Site) -> Self {
        let capacity = n.saturating_mul(2).max(BUFFER_MIN);
        Least {
            records: Vec::new(),
            n,
            capacity,
            is_cut: false,
            compare,
            site,
        }
    }

    #[inline]
    fn is_wanted(&self, record: &T) -> bool {
        match self.records.get(self.n - 1) {
            Some(bar) if self.is_cut => (self.compare)(record, bar) == Ordering::Less,
            _ => true,
        }
    }

    #[inline]
    fn keep(&mut self, record: T) {
        self.records.push(record);
        if self.records.len() >= self.capacity {
            self.cut();
        }
    }

    fn cut(&mut self) {
        // A stable sort keeps equal records in the order in which they came.
        self.records.sort_by(&*self.compare);
        self.records.truncate(self.n);
        self.is_cut = true;
    }
}

impl<T: Clone, C: Fn(&T, &T) -> Ordering> Sink<T> for Least<T, C> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let _closure = ClosureOf(self.site);
        for record in chunk.drain(..) {
            if self.is_wanted(&record) {
                self.keep(record);
            }
        }
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let _closure = ClosureOf(self.site);
        for record in chunk {
            if self.is_wanted(record) {
                self.keep(record.clone());
            }
        }
        Ok(())
    }
}
