//! The context: where every RDD begins, and what runs its jobs.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use crate::accumulator::Accumulator;
use crate::conf::{Conf, Master, keys};
use crate::error::Error;
use crate::events::EventBus;
use crate::rdd::{Kept, PartitionSource, Rdd};
use crate::record::Record;
use crate::scheduler::{Executor, JobRunner, LocalExecutor, RunningJobs, install_hook};
use crate::site::Site;
use crate::storage::PartitionCache;

/// The entry point of the engine: Spark's `SparkContext`.
///
/// A handle; clones are the same context. It stops when [`Context::stop`] is called or
/// the last handle, RDDs included, is dropped.
///
/// ```
/// use headwater_core::{Conf, Context};
/// let ctx = Context::new(Conf::new().master("local[2]").app_name("squares")).unwrap();
/// let sum: i64 = ctx.range(0..4, 1, 2).map(|n| n * n).sum().unwrap();
/// assert_eq!(sum, 14);
/// ```
#[derive(Clone)]
pub struct Context {
    pub(crate) inner: Arc<ContextInner>,
}

/// What the handles share.
pub(crate) struct ContextInner {
    pub(crate) executor: Box<dyn Executor>,
    pub(crate) events: EventBus,
    pub(crate) cache: Arc<PartitionCache>,
    pub(crate) running: RunningJobs,
    pub(crate) chunk_records: usize,
    pub(crate) max_failures: u32,
    pub(crate) shuffle_keep_bytes: u64,
    conf: Conf,
    default_parallelism: Option<usize>,
    app_id: String,
    app_name: String,
    start_time: SystemTime,
    next_rdd: AtomicU64,
    next_job: AtomicU64,
    next_stage: AtomicU64,
    stopped: AtomicBool,
}

/// What the driver says about the jobs that it runs from now on.
#[derive(Clone, Default)]
pub(crate) struct LocalProperties {
    pub(crate) description: Option<Arc<str>>,
    pub(crate) group: Option<Arc<str>>,
}

thread_local! {
    static PROPERTIES: RefCell<LocalProperties> = RefCell::default();
}

impl Context {
    /// Starts a context.
    ///
    /// ```
    /// use headwater_core::{Conf, Context};
    /// assert!(Context::new(Conf::new().master("local[2]")).is_ok());
    /// let error = Context::new(Conf::new().master("local[0]")).unwrap_err();
    /// assert!(error.to_string().contains("local[0]"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Conf`] when the configuration has unknown keys or malformed values, all of
    /// them at once; [`Error::Io`] when threads cannot be started.
    pub fn new(conf: Conf) -> Result<Self, Error> {
        conf.validate(&[])?;
        install_hook();
        let Master::Local { slots, .. } = conf.get(&keys::MASTER)?;
        let start_time = SystemTime::now();
        let since_epoch = start_time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let inner = ContextInner {
            executor: Box::new(LocalExecutor::start(slots)?),
            events: EventBus::new(conf.get(&keys::LISTENER_BUS_QUEUE_CAPACITY)?),
            cache: Arc::new(PartitionCache::new(
                conf.get(&keys::STORAGE_MEMORY)?.0,
                conf.local_dir()?,
            )),
            running: RunningJobs::default(),
            chunk_records: conf.get(&keys::CHUNK_RECORDS)?,
            max_failures: conf.task_max_failures()?,
            shuffle_keep_bytes: conf.get(&keys::SHUFFLE_KEEP)?.0,
            default_parallelism: conf.get_optional(&keys::DEFAULT_PARALLELISM)?,
            app_id: format!("local-{}", since_epoch.as_millis()),
            app_name: conf.get(&keys::APP_NAME)?,
            start_time,
            next_rdd: AtomicU64::new(0),
            next_job: AtomicU64::new(0),
            next_stage: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            conf,
        };
        Ok(Context {
            inner: Arc::new(inner),
        })
    }

    /// A context with `slots` task slots in this process, for programs and tests that need
    /// no other configuration.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.default_parallelism(), 2);
    /// ```
    ///
    /// # Errors
    /// As [`Context::new`], for instance when `slots` is zero.
    pub fn local(slots: usize) -> Result<Self, Error> {
        Context::new(Conf::new().master(format!("local[{slots}]")))
    }

    /// Distributes a collection over `slices` partitions: Spark's `parallelize`.
    ///
    /// Slice `i` of `n` holds the elements from `i * len / n` to before `(i + 1) * len / n`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let parts = ctx.parallelize((0..10).collect::<Vec<_>>(), 4).glom().collect().unwrap();
    /// assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 2, 3]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn parallelize<T: Record>(&self, records: Vec<T>, slices: usize) -> Rdd<T> {
        Kept::parallelize(self, Site::here("parallelize"), records, slices)
    }

    /// An RDD of partitions that are there already and stay shared: nothing is copied.
    ///
    /// ```
    /// use std::sync::Arc;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let block = Arc::new(vec![1, 2, 3]);
    /// let rdd = ctx.from_partitions(vec![block.clone(), block]);
    /// assert_eq!(rdd.count().unwrap(), 6);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_partitions<T: Record>(&self, partitions: Vec<Arc<Vec<T>>>) -> Rdd<T> {
        Kept::from_partitions(self, Site::here("from_partitions"), partitions)
    }

    /// An RDD without partitions: Spark's `emptyRDD`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.empty::<i32>().num_partitions(), 0);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn empty<T: Record>(&self) -> Rdd<T> {
        Kept::from_partitions(self, Site::here("empty"), Vec::new())
    }

    /// The numbers from the range's start to before its end, by `step`, in `slices`
    /// partitions: Spark's `range`. They are made when they are read.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..10, 3, 2).collect().unwrap(), [0, 3, 6, 9]);
    /// assert_eq!(ctx.range(3..0, -1, 1).collect().unwrap(), [3, 2, 1]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn range(&self, range: Range<i64>, step: i64, slices: usize) -> Rdd<i64> {
        crate::rdd::range(self, Site::here("range"), range, step, slices)
    }

    /// An RDD of whatever a reader gives (see [`PartitionSource`]).
    ///
    /// ```
    /// # use headwater_core::{Context, Emitter, PartitionSource};
    /// struct Once;
    /// impl PartitionSource<u8> for Once {
    ///     fn partitions(&self) -> usize { 1 }
    ///     fn read(&self, _: usize, out: &mut Emitter<'_, u8>) -> Result<(), String> {
    ///         out.emit(7);
    ///         Ok(())
    ///     }
    /// }
    /// let ctx = Context::local(1).unwrap();
    /// assert_eq!(ctx.from_source(Once).collect().unwrap(), [7]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn from_source<T: Record>(&self, source: impl PartitionSource<T>) -> Rdd<T> {
        crate::rdd::from_source(self, Site::here("from_source"), source)
    }

    /// An accumulator of integers: Spark's `longAccumulator`. An empty name hides it from
    /// events.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let seen = ctx.long_accumulator("seen");
    /// let count = seen.clone();
    /// ctx.range(0..7, 1, 2).for_each(move |_| count.add(1)).unwrap();
    /// assert_eq!(seen.value(), 7);
    /// ```
    #[must_use]
    pub fn long_accumulator(&self, name: &str) -> Accumulator<i64> {
        Accumulator::new(shown(name), 0, |total, part| *total += part)
    }

    /// An accumulator of floating numbers: Spark's `doubleAccumulator`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let weight = ctx.double_accumulator("weight");
    /// let sum = weight.clone();
    /// ctx.parallelize(vec![0.5, 1.5], 2).for_each(move |w| sum.add(w)).unwrap();
    /// assert_eq!(weight.value(), 2.0);
    /// ```
    #[must_use]
    pub fn double_accumulator(&self, name: &str) -> Accumulator<f64> {
        Accumulator::new(shown(name), 0.0, |total, part| *total += part)
    }

    /// An accumulator that collects what is pushed to it: Spark's `collectionAccumulator`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let bad = ctx.collection_accumulator::<String>("bad lines");
    /// let to = bad.clone();
    /// ctx.parallelize(vec!["x".to_string()], 1).for_each(move |line| to.push(line)).unwrap();
    /// assert_eq!(bad.value(), ["x"]);
    /// ```
    #[must_use]
    pub fn collection_accumulator<T: Record + fmt::Debug>(
        &self,
        name: &str,
    ) -> Accumulator<Vec<T>> {
        Accumulator::new(shown(name), Vec::new(), |total, part| total.extend(part))
    }

    /// An accumulator of one's own: a zero, and how a part is merged into the total.
    /// Spark's `register(AccumulatorV2)`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let longest = ctx.accumulator("longest", 0_usize, |total, part| *total = part.max(*total));
    /// let max = longest.clone();
    /// ctx.parallelize(vec!["a", "bcd"], 2).for_each(move |s| max.add(s.len())).unwrap();
    /// assert_eq!(longest.value(), 3);
    /// ```
    #[must_use]
    pub fn accumulator<A: Record + fmt::Debug>(
        &self,
        name: &str,
        zero: A,
        merge: impl Fn(&mut A, A) + Send + Sync + 'static,
    ) -> Accumulator<A> {
        Accumulator::new(shown(name), zero, merge)
    }

    /// How many partitions operators make when nothing says otherwise: Spark's
    /// `defaultParallelism`, the number of slots unless `default.parallelism` is set.
    ///
    /// ```
    /// assert_eq!(headwater_core::Context::local(3).unwrap().default_parallelism(), 3);
    /// ```
    #[must_use]
    pub fn default_parallelism(&self) -> usize {
        self.inner
            .default_parallelism
            .unwrap_or_else(|| self.inner.executor.slots())
    }

    /// Where listeners are added and events posted.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert!(!ctx.events().is_listened());
    /// ```
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.inner.events
    }

    /// The configuration that the context was made with: Spark's `getConf`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.conf().text("master"), Some("local[1]"));
    /// ```
    #[must_use]
    pub fn conf(&self) -> &Conf {
        &self.inner.conf
    }

    /// The application's name: Spark's `appName`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.app_name(), "headwater");
    /// ```
    #[must_use]
    pub fn app_name(&self) -> &str {
        &self.inner.app_name
    }

    /// The application's id, `local-` and the start time in milliseconds: Spark's
    /// `applicationId`.
    ///
    /// ```
    /// assert!(headwater_core::Context::local(1).unwrap().app_id().starts_with("local-"));
    /// ```
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.inner.app_id
    }

    /// When the context was started: Spark's `startTime`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert!(ctx.start_time() <= std::time::SystemTime::now());
    /// ```
    #[must_use]
    pub fn start_time(&self) -> SystemTime {
        self.inner.start_time
    }

    /// Runs driver code whose jobs carry a description and a group: Spark's
    /// `setJobDescription` and `setJobGroup`, for as long as the closure runs.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let n = ctx.with_job_group("nightly", "count users", || ctx.range(0..3, 1, 1).count());
    /// assert_eq!(n.unwrap(), 3);
    /// ```
    pub fn with_job_group<R>(&self, group: &str, description: &str, run: impl FnOnce() -> R) -> R {
        let properties = LocalProperties {
            description: shown(description).map(Arc::from),
            group: shown(group).map(Arc::from),
        };
        let _restore = Restore(PROPERTIES.replace(properties));
        run()
    }

    /// Cancels a running job: Spark's `cancelJob`. Its action returns an error for which
    /// [`Error::is_cancelled`] holds, once its tasks have noticed at their next chunk.
    ///
    /// `false` if no such job runs.
    ///
    /// ```
    /// assert!(!headwater_core::Context::local(1).unwrap().cancel_job(7));
    /// ```
    pub fn cancel_job(&self, job: u64) -> bool {
        self.inner.running.cancel(job)
    }

    /// Cancels the running jobs of a group: Spark's `cancelJobGroup`.
    ///
    /// ```
    /// headwater_core::Context::local(1).unwrap().cancel_job_group("nightly");
    /// ```
    pub fn cancel_job_group(&self, group: &str) {
        self.inner.running.cancel_group(group);
    }

    /// Cancels every running job: Spark's `cancelAllJobs`.
    ///
    /// ```
    /// headwater_core::Context::local(1).unwrap().cancel_all_jobs();
    /// ```
    pub fn cancel_all_jobs(&self) {
        self.inner.running.cancel_all();
    }

    /// Stops the context: running jobs are cancelled, events delivered, threads ended.
    /// Calling it again does nothing. Spark's `stop`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.stop();
    /// assert!(ctx.is_stopped() && ctx.range(0..3, 1, 1).count().is_err());
    /// ```
    pub fn stop(&self) {
        self.inner.stop();
    }

    /// Whether the context was stopped: Spark's `isStopped`.
    ///
    /// ```
    /// assert!(!headwater_core::Context::local(1).unwrap().is_stopped());
    /// ```
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.inner.is_stopped()
    }

    pub(crate) fn runner(&self) -> JobRunner {
        JobRunner::new(self.inner.clone())
    }

    pub(crate) fn next_rdd_id(&self) -> u64 {
        self.inner.next_rdd.fetch_add(1, Ordering::Relaxed)
    }

    /// The parallelism that was asked for, as opposed to the number of slots.
    pub(crate) fn configured_parallelism(&self) -> Option<usize> {
        self.inner.default_parallelism
    }
}

fn shown(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

struct Restore(LocalProperties);

impl Drop for Restore {
    fn drop(&mut self) {
        PROPERTIES.set(std::mem::take(&mut self.0));
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("app_id", &self.inner.app_id)
            .field("app_name", &self.inner.app_name)
            .field("slots", &self.inner.executor.slots())
            .finish_non_exhaustive()
    }
}

impl ContextInner {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(crate) fn next_job_id(&self) -> u64 {
        self.next_job.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn next_stage_id(&self) -> u64 {
        self.next_stage.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn local_properties(&self) -> LocalProperties {
        PROPERTIES.with_borrow(Clone::clone)
    }

    fn stop(&self) {
        if self.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        self.running.cancel_all();
        self.executor.shut_down();
        self.cache.close();
        self.events.close();
    }
}

impl Drop for ContextInner {
    fn drop(&mut self) {
        self.stop();
    }
}
