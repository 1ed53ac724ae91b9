//! Windows with an inverse function, whose cost follows what enters and what leaves them.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Key, Partitioning, Rdd, Record, Site, Wire};

use super::DStream;
use crate::error::PlanError;
use crate::state::{InverseStep, Kept, StepPlan, Store, Versions, Window, WindowFunctions};
use crate::time::{Time, is_multiple};

/// The settings of a window with an inverse function that have defaults.
///
/// ```
/// use headwater_streaming::InverseWindow;
/// use headwater_streaming::testing::run_batches;
/// use headwater_streaming::time::seconds;
/// let sums = run_batches(vec![vec![(1, 10)], vec![(1, 5)], vec![], vec![]], |pairs| {
///     let in_use = InverseWindow::new().filter(|_key, sum| *sum != 0).num_partitions(1);
///     let (add, subtract) = (|a, b| a + b, |a, b| a - b);
///     pairs.reduce_by_key_and_window_inverse_with(add, subtract, seconds(2), None, in_use)
/// });
/// assert_eq!(sums, [vec![(1, 10)], vec![(1, 15)], vec![(1, 5)], vec![]]);
/// ```
#[must_use = "settings do nothing until an operator takes them"]
pub struct InverseWindow<K, V> {
    partitioning: Option<Partitioning<K>>,
    filter: Option<Box<dyn Fn(&K, &V) -> bool + Send + Sync>>,
    recompute_every: Option<u32>,
}

impl<K: Key, V: Wire> InverseWindow<K, V> {
    /// The default settings.
    pub fn new() -> Self {
        InverseWindow {
            partitioning: None,
            filter: None,
            recompute_every: None,
        }
    }

    /// Into how many partitions keys are hashed; the default parallelism unless set.
    pub fn num_partitions(self, partitions: usize) -> Self {
        self.partitioner(partitions)
    }

    /// Where keys lie.
    pub fn partitioner(mut self, partitioning: impl Into<Partitioning<K>>) -> Self {
        self.partitioning = Some(partitioning.into());
        self
    }

    /// Keeps only the pairs for which a function is true: Spark's `filterFunc`.
    ///
    /// Without it a key stays for ever once it was in the window, with whatever the inverse
    /// function leaves, such as 0. The function must depend on nothing but the pair, and
    /// must only drop keys of which nothing is left in the window: when a key leaves the
    /// window that was dropped before, the batch fails.
    pub fn filter(mut self, stays: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Box::new(stays));
        self
    }

    /// Reduces the whole window anew every so many slides, as sums of floating-point numbers
    /// need, in which taking away what was added leaves an error. Keys that are no longer in
    /// the window disappear then.
    ///
    /// ```
    /// use headwater_streaming::InverseWindow;
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let batches = vec![vec![('a', 1e17)], vec![('a', 1.0)], vec![], vec![]];
    /// let sums = run_batches(batches, |pairs| {
    ///     let (add, subtract) = (|a, b| a + b, |a, b| a - b);
    ///     let exact = InverseWindow::new().recompute_every(3);
    ///     pairs.reduce_by_key_and_window_inverse_with(add, subtract, seconds(2), None, exact)
    /// });
    /// // 1e17 + 1 is 1e17, so that after taking 1e17 away 0 would be left instead of 1.
    /// assert_eq!(sums[2], [('a', 1.0)]);
    /// ```
    pub fn recompute_every(mut self, slides: u32) -> Self {
        self.recompute_every = Some(slides);
        self
    }
}

impl<K: Key, V: Wire> Default for InverseWindow<K, V> {
    fn default() -> Self {
        InverseWindow::new()
    }
}

impl<K: Key, V: Wire> DStream<(K, V)> {
    /// Merges the values of each key of each window, from the window before: Spark's
    /// `reduceByKeyAndWindow` with an inverse function.
    ///
    /// Each batch is reduced on its own. What enters the window is merged with `f`, what
    /// leaves it is taken away with `inverse`, so a slide costs as much as these batches,
    /// however long the window is: `f(inverse(before, leaving), entering)`. A key stays, as
    /// 0 for example, after its last value has left; see [`InverseWindow::filter`]. The
    /// window is kept as state: see [`DStream::map_with_state`] about failures and restarts.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let sums = run_batches(vec![vec![(1, 10)], vec![(1, 5)], vec![], vec![]], |pairs| {
    ///     pairs.reduce_by_key_and_window_inverse(|a, b| a + b, |a, b| a - b, seconds(2), seconds(1))
    /// });
    /// assert_eq!(sums, [vec![(1, 10)], vec![(1, 15)], vec![(1, 5)], vec![(1, 0)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key_and_window_inverse(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<(K, V)> {
        let site = Site::here("reduce_by_key_and_window_inverse");
        let lengths = (window, self.slide_or_own(slide));
        self.inverse_window(site, f, inverse, lengths, InverseWindow::new())
    }

    /// As [`DStream::reduce_by_key_and_window_inverse`], with a number of partitions or a
    /// partitioner, a filter, and more: see [`InverseWindow`].
    ///
    /// ```
    /// use headwater_streaming::InverseWindow;
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let sums = run_batches(vec![vec![(1, 10)], vec![]], |pairs| {
    ///     let settings = InverseWindow::new().num_partitions(3);
    ///     let (add, subtract) = (|a, b| a + b, |a, b| a - b);
    ///     pairs.reduce_by_key_and_window_inverse_with(add, subtract, seconds(1), None, settings)
    /// });
    /// assert_eq!(sums, [vec![(1, 10)], vec![(1, 0)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_key_and_window_inverse_with(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
        settings: InverseWindow<K, V>,
    ) -> DStream<(K, V)> {
        let site = Site::here("reduce_by_key_and_window_inverse");
        let lengths = (window, self.slide_or_own(slide));
        self.inverse_window(site, f, inverse, lengths, settings)
    }

    fn inverse_window(
        &self,
        site: Site,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        lengths: (Duration, Duration),
        settings: InverseWindow<K, V>,
    ) -> DStream<(K, V)> {
        let partitioning = settings
            .partitioning
            .unwrap_or_else(|| self.default_partitioning());
        let f = Arc::new(f);
        let reduce = f.clone();
        let functions = WindowFunctions {
            reduce: Box::new(move |a, b| reduce(a, b)),
            inverse: Box::new(inverse),
            filter: settings.filter,
        };
        if settings.recompute_every == Some(0) {
            let message = "the window cannot be computed anew every 0 slides; leave \
                           recompute_every out to go on from the window before";
            self.graph().mistake(site, message);
        }
        let every = settings.recompute_every;
        self.reduced(site, f, partitioning.clone())
            .inverse_of_reduced(site, functions, lengths, partitioning, every)
    }

    /// The windows of a stream whose batches hold each key once, in its place.
    fn inverse_of_reduced(
        &self,
        site: Site,
        functions: WindowFunctions<K, V>,
        (window, slide): (Duration, Duration),
        partitioning: Partitioning<K>,
        recompute_every: Option<u32>,
    ) -> DStream<(K, V)> {
        self.check_multiple(site, "window", window);
        self.check_multiple(site, "slide", slide);
        let partitions = partitioning.num_partitions();
        let store = Store::new(partitions, &Window::new());
        let kept = Kept {
            store: store.clone(),
            partitioning: partitioning.clone(),
            is_anywhere: false,
            has_ages: false,
            versions: Versions::without(),
        };
        let functions = Arc::new(functions);
        let afresh = recompute_every.map(|slides| slide.saturating_mul(slides.max(1)));
        let (graph, to, each) = (self.graph().clone(), store.clone(), self.slide());
        let parent = self.stream.clone();
        let plan = move |of: StepPlan<'_>| {
            let time = of.time;
            let zero = graph.zero_time().unwrap_or(time);
            let since = (time - window.min(slide)).max(zero);
            let entering: Vec<Time> = (since + each).to(time, each).collect();
            let read = |time| of.input(&graph.ctx, partitions, || parent.rdd_or_fail(time, site));
            let rdds = entering.iter().map(|time| read(*time));
            let rdds = rdds.collect::<Result<Vec<Rdd<_>>, PlanError>>()?;
            let since_zero = time.checked_since(zero).unwrap_or_default();
            let work = InverseStep {
                store: to.clone(),
                time,
                window,
                entering,
                functions: functions.clone(),
                afresh: afresh.is_some_and(|every| is_multiple(since_zero, every)),
            };
            let step = graph.ctx.step(site, partitions, &rdds, of.before, work);
            Ok((step, ()))
        };
        let state = self.stateful((site, slide), kept, plan);
        self.state_stream(state, store, Some(partitioning))
    }
}

impl<T: Record> DStream<T> {
    /// All records of each window reduced to one, from the window before: Spark's
    /// `reduceByWindow` with an inverse function.
    ///
    /// What enters the window is merged with `f`, what leaves it is taken away with
    /// `inverse`, so a slide costs as much as these batches, however long the window is.
    /// Before the first record nothing is given; from then on one record for each slide,
    /// such as 0 for a window without records.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let sums = run_batches(vec![vec![], vec![1, 2], vec![3], vec![], vec![]], |numbers| {
    ///     numbers.reduce_by_window_inverse(|a, b| a + b, |a, b| a - b, seconds(2), seconds(1))
    /// });
    /// assert_eq!(sums, [vec![], vec![3], vec![6], vec![3], vec![0]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn reduce_by_window_inverse(
        &self,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        inverse: impl Fn(T, T) -> T + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<T>
    where
        T: Wire,
    {
        let site = Site::here("reduce_by_window_inverse");
        let lengths = (window, self.slide_or_own(slide));
        let f = Arc::new(f);
        let reduce = f.clone();
        let one = self.each_rdd(site, move |rdd, _| {
            let f = f.clone();
            Ok(rdd.reduce_into_rdd(move |a, b| f(a, b)))
        });
        one.window_of_one(site, move |a, b| reduce(a, b), inverse, lengths)
    }

    /// How many records each window has: Spark's `countByWindow`. A window without
    /// records gives 0, also before the first data.
    ///
    /// What enters the window is added and what leaves it is taken away, so a slide costs as
    /// much as these batches, however long the window is.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let counts = run_batches(vec![vec![], vec!['a', 'b'], vec!['c']], |letters| {
    ///     letters.count_by_window(seconds(2), seconds(1))
    /// });
    /// assert_eq!(counts, [vec![0], vec![2], vec![3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_by_window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<u64> {
        let site = Site::here("count_by_window");
        let lengths = (window, self.slide_or_own(slide));
        self.each_rdd(site, |rdd, _| Ok(rdd.count_into_rdd()))
            .window_of_one(site, |a, b| a + b, |a, b| a - b, lengths)
    }

    /// The windows of a stream whose batches hold at most one record, in one partition.
    fn window_of_one(
        &self,
        site: Site,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        inverse: impl Fn(T, T) -> T + Send + Sync + 'static,
        lengths: (Duration, Duration),
    ) -> DStream<T>
    where
        T: Wire,
    {
        let functions = WindowFunctions {
            reduce: Box::new(f),
            inverse: Box::new(inverse),
            filter: None,
        };
        self.each_rdd(site, |rdd, _| Ok(rdd.map(|record| ((), record))))
            .inverse_of_reduced(site, functions, lengths, Partitioning::from(1), None)
            .each_rdd(site, |rdd, _| Ok(rdd.values()))
    }

    /// How often each value comes in each window: Spark's `countByValueAndWindow`. A value
    /// that is not in the window disappears.
    ///
    /// As cheap as [`DStream::count_by_window`], whatever the length of the window.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let counts = run_batches(vec![vec!['a', 'a'], vec!['a'], vec![]], |letters| {
    ///     letters.count_by_value_and_window(seconds(2), seconds(1))
    /// });
    /// assert_eq!(counts, [vec![('a', 2)], vec![('a', 3)], vec![('a', 1)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_by_value_and_window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> DStream<(T, u64)>
    where
        T: Key,
    {
        let site = Site::here("count_by_value_and_window");
        let lengths = (window, self.slide_or_own(slide));
        self.counted_in_window(site, lengths, self.default_partitions())
    }

    /// As [`DStream::count_by_value_and_window`], over a number of partitions.
    ///
    /// ```
    /// use headwater_streaming::testing::run_batches;
    /// use headwater_streaming::time::seconds;
    /// let counts = run_batches(vec![vec![7, 7], vec![]], |numbers| {
    ///     numbers.count_by_value_and_window_partitioned(seconds(1), None, 3)
    /// });
    /// assert_eq!(counts, [vec![(7, 2)], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn count_by_value_and_window_partitioned(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
        partitions: usize,
    ) -> DStream<(T, u64)>
    where
        T: Key,
    {
        let site = Site::here("count_by_value_and_window");
        let lengths = (window, self.slide_or_own(slide));
        self.counted_in_window(site, lengths, partitions)
    }

    fn counted_in_window(
        &self,
        site: Site,
        lengths: (Duration, Duration),
        partitions: usize,
    ) -> DStream<(T, u64)>
    where
        T: Key,
    {
        let functions = WindowFunctions {
            reduce: Box::new(|a, b| a + b),
            inverse: Box::new(|a, b| a - b),
            filter: Some(Box::new(|_, count| *count != 0)),
        };
        let placed = Partitioning::from(partitions);
        self.counted(site, partitions)
            .inverse_of_reduced(site, functions, lengths, placed, None)
    }
}
