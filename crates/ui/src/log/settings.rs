//! The settings of the event log: Spark's `spark.eventLog.*`.

use std::time::Duration;

use headwater_core::Conf;
use headwater_core::conf::{Bytes, Key, KeyInfo};
use headwater_store::Location;

use super::LogError;

const ENABLED: Key<bool> = Key::new(
    "event_log.enabled",
    "whether what happens is logged, to be looked at when the program has ended",
)
.default("false")
.spark_names(&["spark.eventLog.enabled"]);

const DIR: Key<String> = Key::new(
    "event_log.dir",
    "the directory or object-store URL below which programs write their event logs",
)
.default_note("needed when event_log.enabled is true")
.spark_names(&["spark.eventLog.dir"]);

const ROLL: Key<Bytes> = Key::new(
    "event_log.roll",
    "at which size a part of the event log ends and another one begins",
)
.default("32m")
.at_least("1k")
.spark_names(&["spark.eventLog.rolling.maxFileSize"]);

const PARTS_MAX: Key<u64> = Key::new(
    "event_log.parts_max",
    "how many parts of a program's event log are kept: the first, and the last ones",
)
.default("32")
.at_least("2")
.spark_names(&["spark.history.fs.eventLog.rolling.maxFilesToRetain"]);

const FLUSH: Key<Duration> = Key::new(
    "event_log.flush",
    "how often the summary of the event log is written, and on object stores the first MiB of \
     its open part",
)
.default("10s")
.at_least("100ms");

const QUEUE: Key<usize> = Key::new(
    "event_log.queue",
    "how many events wait to be written before further ones are dropped and counted",
)
.default("10000")
.at_least("1")
.spark_names(&["spark.scheduler.listenerbus.eventqueue.eventLog.capacity"]);

/// All settings of the event log, for tables of what can be set.
pub const EVENT_LOG_KEYS: &[KeyInfo] = &[
    ENABLED.info(),
    DIR.info(),
    ROLL.info(),
    PARTS_MAX.info(),
    FLUSH.info(),
    QUEUE.info(),
];

/// Where and how to log.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) dir: Location,
    pub(super) roll_bytes: u64,
    pub(super) parts_max: u64,
    pub(super) flush: Duration,
    pub(super) queue: usize,
}

impl Settings {
    /// What the configuration says; `None` if nothing is to be logged.
    pub(super) fn read(conf: &Conf) -> Result<Option<Self>, LogError> {
        conf.validate(&[EVENT_LOG_KEYS])?;
        if !conf.get(&ENABLED)? {
            return Ok(None);
        }
        Ok(Some(Settings {
            dir: Location::at(conf.get(&DIR)?)?,
            roll_bytes: conf.get(&ROLL)?.0,
            parts_max: conf.get(&PARTS_MAX)?,
            flush: conf.get(&FLUSH)?,
            queue: conf.get(&QUEUE)?,
        }))
    }
}
