//! Windows: the batches of a stretch of time as one.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Context, Key, Partitioning, Record, Site, Wire};

use super::DStream;
use crate::graph::Plan;
use crate::time::{length_text, nearest_multiples};

impl<T: Record> DStream<T> {
    /// The records of the last `window`, every `slide`: Spark's `window`.
    ///
    /// At the times that are a multiple of `slide` after the start, the batches with
    /// stamps in `(time - window, time]`, oldest first. So it is in every operator with a
    /// window:
    ///
    /// - Without a slide (`None`) the window slides with this stream, batch by batch.
    /// - The first windows are partial: nothing waits until a whole window has gone by.
    /// - A slide longer than the window leaves batches out.
    /// - Both must be multiples of this stream's slide, and not zero. What is not is a
    ///   mistake: `start` names the line, both durations and the nearest valid ones.
    ///
    /// Since each batch is read several times, consider [`DStream::persist`] on the parent
    /// where making it is expensive.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let windows = run_batches(vec![vec!['a'], vec!['b'], vec!['c']], |letters| {
    ///     letters.window(seconds(2), seconds(1))
    /// });
    /// assert_eq!(windows, [vec!['a'], vec!['a', 'b'], vec!['b', 'c']]);
    ///
    /// let windows = run_batches(vec![vec!['a'], vec!['b'], vec!['c']], |letters| {
    ///     letters.window(seconds(3), None)
    /// });
    /// assert_eq!(windows, [vec!['a'], vec!['a', 'b'], vec!['a', 'b', 'c']]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn window(&self, window: Duration, slide: impl Into<Option<Duration>>) -> DStream<T> {
        self.windowed(Site::here("window"), window, self.slide_or_own(slide))
    }

    /// All records of each window reduced to one: Spark's `reduceByWindow`. A window
    /// without records gives none.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let sums = run_batches(vec![vec![1, 2], vec![3], vec![]], |numbers| {
    ///     numbers.reduce_by_window(|a, b| a + b, seconds(2), seconds(1))
    /// });
    /// assert_eq!(sums, [vec![3], vec![6], vec![3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_window(
        &self,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<T>
    where
        T: Wire,
    {
        let site = Site::here("reduce_by_window");
        let slide = self.slide_or_own(slide);
        let f = Arc::new(f);
        let last = f.clone();
        let each = self.each_rdd(site, move |rdd, _| {
            let f = f.clone();
            Ok(rdd.reduce_into_rdd(move |a, b| f(a, b)))
        });
        each.windowed(site, window, slide)
            .each_rdd(site, move |rdd, _| {
                let f = last.clone();
                Ok(rdd.reduce_into_rdd(move |a, b| f(a, b)))
            })
    }

    pub(crate) fn windowed(&self, site: Site, window: Duration, slide: Duration) -> DStream<T> {
        self.check_multiple(site, "window", window);
        self.check_multiple(site, "slide", slide);
        let step = self.slide();
        let parent = self.stream.clone();
        let plan = Plan {
            site,
            slide,
            looks_back: window,
            parents: vec![self.erased()],
        };
        let graph = self.graph().clone();
        let compute = move |time| {
            let zero = graph.zero_time().unwrap_or(time);
            let oldest = (time - window + step).max(zero + step);
            let rdds = oldest
                .to(time, step)
                .filter_map(|each| parent.rdd(each).transpose());
            let rdds = rdds.collect::<Result<Vec<_>, _>>()?;
            Ok(union(&graph.ctx, rdds))
        };
        let stream = self.graph().add(plan, compute);
        stream.set_unites(self.stream.clone());
        DStream { stream }
    }

    /// The slide of a window that says nothing else is this stream's own.
    pub(crate) fn slide_or_own(&self, slide: impl Into<Option<Duration>>) -> Duration {
        slide.into().unwrap_or_else(|| self.slide())
    }

    /// Keeps a mistake when a window's length or slide does not fit this stream.
    pub(crate) fn check_multiple(&self, site: Site, what: &str, length: Duration) {
        let step = self.slide();
        if let Some(nearest) = nearest_multiples(length, step) {
            let message = format!(
                "the {what} duration ({}) must be a multiple of the parent's slide duration \
                 ({}); {nearest}",
                length_text(length),
                length_text(step),
            );
            self.graph().mistake(site, message);
        }
    }
}

fn union<T: Record>(ctx: &Context, rdds: Vec<headwater_core::Rdd<T>>) -> headwater_core::Rdd<T> {
    match rdds.as_slice() {
        [one] => one.clone(),
        many => ctx.union(many),
    }
}

impl<K: Key, V: Wire> DStream<(K, V)> {
    /// Gathers the values of each key of each window: Spark's `groupByKeyAndWindow`. Values
    /// of older batches come first.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let groups = run_batches(vec![vec![(1, 'a')], vec![(1, 'b')]], |pairs| {
    ///     pairs.group_by_key_and_window(seconds(2), seconds(1))
    /// });
    /// assert_eq!(groups, [vec![(1, vec!['a'])], vec![(1, vec!['a', 'b'])]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_key_and_window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<(K, Vec<V>)> {
        let site = Site::here("group_by_key_and_window");
        self.grouped_in_window(
            site,
            window,
            self.slide_or_own(slide),
            self.default_partitioning(),
        )
    }

    /// As [`DStream::group_by_key_and_window`], with a number of partitions or a
    /// partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let groups = run_batches(vec![vec![(1, 'a')]], |pairs| {
    ///     pairs.group_by_key_and_window_partitioned(seconds(1), seconds(1), 3)
    /// });
    /// assert_eq!(groups, [vec![(1, vec!['a'])]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_key_and_window_partitioned(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, Vec<V>)> {
        let site = Site::here("group_by_key_and_window");
        self.grouped_in_window(site, window, self.slide_or_own(slide), partitioning.into())
    }

    fn grouped_in_window(
        &self,
        site: Site,
        window: Duration,
        slide: Duration,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, Vec<V>)> {
        self.check_partitions(site, partitioning.num_partitions());
        let each = partitioning.clone();
        self.each_rdd(site, move |rdd, _| {
            Ok(rdd.group_by_key_partitioned(each.clone()))
        })
        .windowed(site, window, slide)
        .each_rdd(site, move |rdd, _| {
            let append = |mut all: Vec<V>, more: Vec<V>| {
                all.extend(more);
                all
            };
            Ok(rdd.reduce_by_key_partitioned(append, partitioning.clone()))
        })
    }

    /// Merges the values of each key of each window: Spark's `reduceByKeyAndWindow`
    /// without an inverse function.
    ///
    /// Each batch is reduced on its own, then the batches of the window together. A key
    /// that is not in the window disappears.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let sums = run_batches(vec![vec![(1, 10)], vec![(1, 5)], vec![]], |pairs| {
    ///     pairs.reduce_by_key_and_window(|a, b| a + b, seconds(2), seconds(1))
    /// });
    /// assert_eq!(sums, [vec![(1, 10)], vec![(1, 15)], vec![(1, 5)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key_and_window(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<(K, V)> {
        let site = Site::here("reduce_by_key_and_window");
        self.reduced_in_window(
            site,
            f,
            window,
            self.slide_or_own(slide),
            self.default_partitioning(),
        )
    }

    /// As [`DStream::reduce_by_key_and_window`], with a number of partitions or a
    /// partitioner.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let sums = run_batches(vec![vec![(1, 10), (1, 5)]], |pairs| {
    ///     pairs.reduce_by_key_and_window_partitioned(|a, b| a + b, seconds(1), seconds(1), 2)
    /// });
    /// assert_eq!(sums, [vec![(1, 15)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key_and_window_partitioned(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
        partitioning: impl Into<Partitioning<K>>,
    ) -> DStream<(K, V)> {
        let site = Site::here("reduce_by_key_and_window");
        self.reduced_in_window(
            site,
            f,
            window,
            self.slide_or_own(slide),
            partitioning.into(),
        )
    }

    fn reduced_in_window(
        &self,
        site: Site,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: Duration,
        partitioning: Partitioning<K>,
    ) -> DStream<(K, V)> {
        let f = Arc::new(f);
        self.reduced(site, f.clone(), partitioning.clone())
            .windowed(site, window, slide)
            .reduced(site, f, partitioning)
    }
}
