//! The context: where every RDD begins, and what runs its jobs.
//!
//! `make` has the RDDs that it begins, `about` what it tells of itself, `properties` what a
//! thread says about its jobs, `cancel` how they are ended.

mod about;
mod cancel;
mod make;
mod properties;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

pub(crate) use properties::{LocalProperties, ThreadProperties};

use crate::conf::{Conf, Master, keys};
use crate::error::Error;
use crate::events::EventBus;
use crate::files::Ignore;
use crate::rdd::Checkpoints;
use crate::scheduler::{Executor, JobRunner, JobTable, LocalExecutor, SlotTable, install_hook};
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
    pub(crate) jobs: JobTable,
    pub(crate) slots: Arc<SlotTable>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) chunk_records: usize,
    pub(crate) max_failures: u32,
    /// Whether listeners are told what each operator does.
    pub(crate) measure_operators: bool,
    pub(crate) shuffle_keep_bytes: u64,
    pub(crate) line_bytes_max: u64,
    pub(crate) whole_file_bytes_max: u64,
    pub(crate) ignore: Ignore,
    conf: Conf,
    default_parallelism: Option<usize>,
    app_id: String,
    app_name: String,
    master: String,
    start_time: SystemTime,
    next_rdd: AtomicU64,
    next_job: AtomicU64,
    next_stage: AtomicU64,
    next_task: AtomicU64,
    stopped: AtomicBool,
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
        let master = conf.get(&keys::MASTER)?;
        let Master::Local { slots, .. } = master;
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
            jobs: JobTable::default(),
            slots: Arc::new(SlotTable::new(slots, start_time)),
            checkpoints: Checkpoints::default(),
            chunk_records: conf.get(&keys::CHUNK_RECORDS)?,
            max_failures: conf.task_max_failures()?,
            measure_operators: conf.get(&keys::EVENTS_OPERATORS)?,
            shuffle_keep_bytes: conf.get(&keys::SHUFFLE_KEEP)?.0,
            line_bytes_max: conf.get(&keys::FILES_LINE_BYTES_MAX)?.0,
            whole_file_bytes_max: conf.get(&keys::FILES_WHOLE_FILE_BYTES_MAX)?.0,
            ignore: Ignore {
                corrupt: conf.get(&keys::FILES_IGNORE_CORRUPT_FILES)?,
                missing: conf.get(&keys::FILES_IGNORE_MISSING_FILES)?,
            },
            default_parallelism: conf.get_optional(&keys::DEFAULT_PARALLELISM)?,
            app_id: format!("local-{}", since_epoch.as_millis()),
            app_name: conf.get(&keys::APP_NAME)?,
            master: conf
                .text(keys::MASTER.name())
                .map_or_else(|| master.to_string(), str::to_owned),
            start_time,
            next_rdd: AtomicU64::new(0),
            next_job: AtomicU64::new(0),
            next_stage: AtomicU64::new(0),
            next_task: AtomicU64::new(0),
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

    pub(crate) fn next_task_id(&self) -> u64 {
        self.next_task.fetch_add(1, Ordering::Relaxed)
    }

    fn stop(&self) {
        if self.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        self.jobs.cancel_all();
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
