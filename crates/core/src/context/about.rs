//! What a context tells of itself.

use std::time::SystemTime;

use super::Context;
use crate::conf::Conf;
use crate::events::EventBus;

impl Context {
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

    /// Where tasks run, as the configuration says it: Spark's `master`.
    ///
    /// ```
    /// assert_eq!(headwater_core::Context::local(2).unwrap().master(), "local[2]");
    /// ```
    #[must_use]
    pub fn master(&self) -> &str {
        &self.inner.master
    }

    /// The version of Headwater: Spark's `version`.
    ///
    /// ```
    /// assert!(headwater_core::Context::local(1).unwrap().version().contains('.'));
    /// ```
    #[must_use]
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// How many partitions files are read into at least, when nothing says otherwise:
    /// Spark's `defaultMinPartitions`, the default parallelism but no more than 2.
    ///
    /// ```
    /// let partitions = |slots| {
    ///     headwater_core::Context::local(slots).unwrap().default_min_partitions()
    /// };
    /// assert_eq!((partitions(1), partitions(8)), (1, 2));
    /// ```
    #[must_use]
    pub fn default_min_partitions(&self) -> usize {
        self.default_parallelism().min(2)
    }

    /// The parallelism that was asked for, as opposed to the number of slots.
    pub(crate) fn configured_parallelism(&self) -> Option<usize> {
        self.inner.default_parallelism
    }
}
