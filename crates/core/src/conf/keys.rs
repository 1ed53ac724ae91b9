//! The keys of the core.

use std::env;
use std::path::PathBuf;

use super::key::{Key, KeyInfo};
use super::value::Bytes;
use super::{Conf, ConfError, Master};

/// Where tasks run.
pub const MASTER: Key<Master> = Key::new("master", "where tasks run").default("local[*]");

/// The name of the program, as its web UI and logs show it.
pub const APP_NAME: Key<String> = Key::new(
    "app.name",
    "the name of the program, as its web UI and logs show it",
)
.default("headwater");

/// How many partitions a shuffle or a parallelised collection has, where the program names no
/// number; see [`Conf::default_parallelism`].
pub const DEFAULT_PARALLELISM: Key<usize> = Key::new(
    "default.parallelism",
    "how many partitions there are where no number is given",
)
.default_note("the number of slots")
.at_least("1");

/// At which failure of one task its job fails; see [`Conf::task_max_failures`], which knows what
/// the master says about it.
pub const TASK_MAX_FAILURES: Key<u32> = Key::new(
    "task.max_failures",
    "at which failure of one task its job fails; if unset, a local master means 1",
)
.default("4")
.at_least("1");

/// The memory that cached partitions may take.
pub const STORAGE_MEMORY: Key<Bytes> = Key::new(
    "storage.memory",
    "the memory that cached partitions may take",
)
.default("512m")
.spark_names(&["spark.memory.fraction", "spark.memory.storageFraction"]);

/// The directory for files that live no longer than the process; see [`Conf::local_dir`].
pub const LOCAL_DIR: Key<PathBuf> = Key::new(
    "local.dir",
    "the directory for files that live no longer than the process",
)
.default_note("the system's temporary directory");

/// By how much `take` widens its search when the partitions that it looked at hold too little.
pub const RDD_LIMIT_SCALE_UP_FACTOR: Key<u32> = Key::new(
    "rdd.limit.scale_up_factor",
    "by how much `take` widens its search when the partitions it looked at hold too little",
)
.default("4")
.at_least("2");

/// How many events wait for one listener before further ones are dropped and counted.
pub const LISTENER_BUS_QUEUE_CAPACITY: Key<usize> = Key::new(
    "listener_bus.queue.capacity",
    "how many events wait for one listener before further ones are dropped and counted",
)
.default("10000")
.at_least("1")
.spark_names(&["spark.scheduler.listenerbus.eventqueue.capacity"]);

/// Whether listeners are told how many records each operator gave and how long it took.
pub const EVENTS_OPERATORS: Key<bool> = Key::new(
    "events.operators",
    "whether listeners are told how many records each operator gave and how long it took;      nothing is measured while nobody listens",
)
.default("true");

/// Up to which size the output of a shuffle is kept for later jobs.
pub const SHUFFLE_KEEP: Key<Bytes> = Key::new(
    "shuffle.keep",
    "up to which size a shuffle's output is kept for later jobs; larger output is handed over \
     to its first reader and computed again for the next one",
)
.default("64m");

/// How many records operators exchange at a time.
pub const CHUNK_RECORDS: Key<usize> = Key::new(
    "chunk.records",
    "how many records operators exchange at a time",
)
.default("1024")
.at_least("16")
.at_most("65536");

/// How long a line of a text file may be; it is in memory as a whole.
pub const FILES_LINE_BYTES_MAX: Key<Bytes> = Key::new(
    "files.line_bytes_max",
    "how long a line of a text file may be; a longer one fails its task",
)
.default("64m")
.at_least("1m");

/// How much a file that is read as one record may hold, decompressed.
pub const FILES_WHOLE_FILE_BYTES_MAX: Key<Bytes> = Key::new(
    "files.whole_file_bytes_max",
    "how much a file that is read as one record may hold, decompressed; a larger one fails its \
     task",
)
.default("2147483647b");

/// Whether the rest of a damaged file is skipped, instead of failing its task.
pub const FILES_IGNORE_CORRUPT_FILES: Key<bool> = Key::new(
    "files.ignore_corrupt_files",
    "whether of a damaged file what comes before the damage is read and the rest skipped with a \
     warning; otherwise it fails its task",
)
.default("false");

/// Whether files that are not there are skipped, instead of failing their task.
pub const FILES_IGNORE_MISSING_FILES: Key<bool> = Key::new(
    "files.ignore_missing_files",
    "whether files that are not there, or not any more, are skipped with a warning; otherwise \
     they fail their task",
)
.default("false");

/// Every key of the core; [`Conf::validate`] always knows them.
pub const CORE_KEYS: &[KeyInfo] = &[
    MASTER.info(),
    APP_NAME.info(),
    DEFAULT_PARALLELISM.info(),
    TASK_MAX_FAILURES.info(),
    STORAGE_MEMORY.info(),
    LOCAL_DIR.info(),
    RDD_LIMIT_SCALE_UP_FACTOR.info(),
    LISTENER_BUS_QUEUE_CAPACITY.info(),
    EVENTS_OPERATORS.info(),
    CHUNK_RECORDS.info(),
    SHUFFLE_KEEP.info(),
    FILES_LINE_BYTES_MAX.info(),
    FILES_WHOLE_FILE_BYTES_MAX.info(),
    FILES_IGNORE_CORRUPT_FILES.info(),
    FILES_IGNORE_MISSING_FILES.info(),
];

/// Values that depend on more than one key or on the machine.
impl Conf {
    /// The number of partitions where the program names none: `default.parallelism`, or else the
    /// number of slots of the master.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().master("local[3]");
    /// assert_eq!(conf.default_parallelism()?, 3);
    /// assert_eq!(conf.set("default.parallelism", 8).default_parallelism()?, 8);
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn default_parallelism(&self) -> Result<usize, ConfError> {
        match self.get_optional(&DEFAULT_PARALLELISM)? {
            Some(partitions) => Ok(partitions),
            None => match self.get(&MASTER)? {
                Master::Local { slots, .. } => Ok(slots),
            },
        }
    }

    /// At which failure of one task its job fails: the F of `local[N,F]`, or else
    /// `task.max_failures` where it is set, or else 1, since a local task that failed once mostly
    /// fails again.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().master("local[3]");
    /// assert_eq!(conf.task_max_failures()?, 1);
    /// assert_eq!(conf.clone().master("local[3,2]").task_max_failures()?, 2);
    /// assert_eq!(conf.set("task.max_failures", 5).task_max_failures()?, 5);
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn task_max_failures(&self) -> Result<u32, ConfError> {
        let Master::Local { max_failures, .. } = self.get(&MASTER)?;
        let says_so = self.text(MASTER.name()).map(Master::explicit_max_failures);
        if matches!(says_so, Some(Ok(Some(_)))) || self.text(TASK_MAX_FAILURES.name()).is_none() {
            return Ok(max_failures);
        }
        self.get(&TASK_MAX_FAILURES)
    }

    /// The directory for files that live no longer than the process: `local.dir`, or else the
    /// system's temporary directory.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// assert_eq!(Conf::new().local_dir()?, std::env::temp_dir());
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn local_dir(&self) -> Result<PathBuf, ConfError> {
        Ok(self.get_optional(&LOCAL_DIR)?.unwrap_or_else(env::temp_dir))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_sound_and_every_name_is_once() {
        let mut names: Vec<_> = CORE_KEYS.iter().map(KeyInfo::name).collect();
        names.sort_unstable();
        let mut once = names.clone();
        once.dedup();
        assert_eq!(names, once);
        for key in CORE_KEYS {
            assert_eq!(key.check_declaration(), Ok(()));
        }
    }

    #[test]
    fn a_failure_count_in_the_master_wins_even_if_it_is_one() {
        let conf = Conf::new()
            .master("local[2,1]")
            .set_key(&TASK_MAX_FAILURES, 7);
        assert_eq!(conf.task_max_failures().ok(), Some(1));
    }

    #[test]
    fn a_bad_master_is_reported_by_what_depends_on_it() {
        let conf = Conf::new().master("yarn");
        assert!(conf.default_parallelism().is_err());
        let error = conf.task_max_failures().unwrap_err().to_string();
        assert!(
            error.contains("`master` = `yarn` (from the program)"),
            "{error}"
        );
        assert!(error.contains("local[N,F]"), "{error}");
    }
}
