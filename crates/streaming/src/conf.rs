//! The settings of streams.

use std::time::Duration;

use headwater_core::conf::{Bytes, ConfValue, Key, KeyInfo};

/// How long a receiver's single records are gathered before they become a block.
pub const BLOCK_INTERVAL: Key<Duration> = Key::new(
    "streaming.block_interval",
    "how long records of a receiver are gathered into one block, which becomes one partition",
)
.default("200ms")
.at_least("1ms")
.spark_names(&["spark.streaming.blockInterval"]);

/// How much a receiver may store ahead of the batches that process it.
pub const RECEIVER_MEMORY: Key<Bytes> = Key::new(
    "streaming.receiver.memory",
    "how much memory a receiver may fill with what no batch has finished with; beyond it, what \
     came last goes to disk, or the receiver waits; what gathered records own on the heap counts \
     once their block is whole, or before where the receiver says it (append_sized, and text)",
)
.default("512m")
.at_least("1k");

/// How much of what a receiver has stored may lie on disk instead of in memory.
pub const RECEIVER_DISK: Key<Bytes> = Key::new(
    "streaming.receiver.disk",
    "how much a receiver whose storage level uses the disk may have there beside \
     streaming.receiver.memory, in local.dir or in the checkpoint directory; when that is full, \
     too, the receiver waits; 0b keeps blocks in memory",
)
.default("8g");

/// How long a receiver waits for the batches before what it stores goes to disk.
pub const RECEIVER_SPILL_AFTER: Key<Duration> = Key::new(
    "streaming.receiver.spill_after",
    "how long a receiver whose memory is full waits for a batch to be done before it moves blocks \
     to disk; where batches are merely slower than the source, waiting is what costs least; 0s \
     uses the disk at once",
)
.default("10s");

/// How long a receiver waits before it starts again.
pub const RECEIVER_RESTART_DELAY: Key<Duration> = Key::new(
    "streaming.receiver.restart_delay",
    "how long a receiver that lost its source waits before it starts again",
)
.default("2s")
.spark_names(&["spark.streaming.receiverRestartDelay"]);

/// How often a receiver that never worked is tried.
pub const RECEIVER_START_ATTEMPTS: Key<u32> = Key::new(
    "streaming.receiver.start_attempts",
    "how often a receiver that never worked is tried, each time after twice the delay, before \
     the stream fails",
)
.default("4")
.at_least("1");

/// How much a receiver may store in a second.
pub const RECEIVER_MAX_RATE: Key<u64> = Key::new(
    "streaming.receiver.max_rate",
    "how many records a receiver may store in a second, however it stores them; 0 means no limit \
     (so do negative numbers in Spark, which are refused here)",
)
.default_note("no limit")
.spark_names(&["spark.streaming.receiver.maxRate"]);

/// Whether inputs are slowed down to what the batches manage.
pub const BACKPRESSURE_ENABLED: Key<bool> = Key::new(
    "streaming.backpressure.enabled",
    "whether receivers, and sources that can be told a rate, are slowed down to what the batches \
     manage to process",
)
.default("false")
.spark_names(&["spark.streaming.backpressure.enabled"]);

/// The rate until there is an estimate.
pub const BACKPRESSURE_INITIAL_RATE: Key<u64> = Key::new(
    "streaming.backpressure.initial_rate",
    "how many records a second each input takes until the first estimate; receivers keep to it \
     also without backpressure, other sources do not; 0 means no limit",
)
.default_note("streaming.receiver.max_rate for receivers, no limit for other sources")
.spark_names(&["spark.streaming.backpressure.initialRate"]);

/// What estimates rates.
pub const BACKPRESSURE_RATE_ESTIMATOR: Key<RateEstimator> = Key::new(
    "streaming.backpressure.rate_estimator",
    "what estimates the rate that the batches manage; `pid` is a controller with a \
     proportional, an integral and a derivative part",
)
.default("pid")
.spark_names(&["spark.streaming.backpressure.rateEstimator"]);

/// How much of the rate's error is corrected at once.
pub const PID_PROPORTIONAL: Key<f64> = Key::new(
    "streaming.backpressure.pid.proportional",
    "how much of the difference between the last rate and the processing rate is corrected by \
     each batch",
)
.default("1.0")
.at_least("0")
.spark_names(&["spark.streaming.backpressure.pid.proportional"]);

/// How much records that wait lower the rate.
pub const PID_INTEGRAL: Key<f64> = Key::new(
    "streaming.backpressure.pid.integral",
    "how much the records that wait, which the scheduling delay tells, lower the rate",
)
.default("0.2")
.at_least("0")
.spark_names(&["spark.streaming.backpressure.pid.integral"]);

/// How much a change of the rate's error counts.
pub const PID_DERIVED: Key<f64> = Key::new(
    "streaming.backpressure.pid.derived",
    "how much a change of the difference since the last batch counts; it answers faster, and \
     follows noise",
)
.default("0.0")
.at_least("0")
.spark_names(&["spark.streaming.backpressure.pid.derived"]);

/// The lowest rate that is estimated.
pub const PID_MIN_RATE: Key<AboveZero> = Key::new(
    "streaming.backpressure.pid.min_rate",
    "the lowest estimate, in records a second, so that batches never run dry",
)
.default("100")
.spark_names(&["spark.streaming.backpressure.pid.minRate"]);

/// Where checkpoints are kept.
pub const CHECKPOINT_DIRECTORY: Key<String> = Key::new(
    "streaming.checkpoint.directory",
    "where checkpoints are kept: a directory or the URL of an object store; as \
     `StreamingContext::checkpoint` says",
)
.spark_names(&["spark.streaming.checkpoint.directory"]);

/// How often state is written whole.
pub const CHECKPOINT_INTERVAL: Key<Duration> = Key::new(
    "streaming.checkpoint.interval",
    "how often state is written whole and old entries of the journal are dropped; every batch is \
     safe in the journal in any case",
)
.default("10s")
.at_least("1ms");

/// How many checkpoints are kept.
pub const CHECKPOINT_KEEP: Key<usize> = Key::new(
    "streaming.checkpoint.keep",
    "how many checkpoints are kept, so that there is an older one if the newest is damaged",
)
.default("2")
.at_least("1");

/// What a changed program may do.
pub const CHECKPOINT_ALLOW: Key<Allowed> = Key::new(
    "streaming.checkpoint.allow",
    "what a changed program is allowed to do to the checkpoint that it goes on from: \
     `drop:NAME`, `rename:OLD=NEW`, `damage`, with commas between",
)
.default("");

/// Whether a start only tells what it would do.
pub const CHECKPOINT_DRY_RUN: Key<bool> = Key::new(
    "streaming.checkpoint.dry_run",
    "whether `start` prints what the program would take from its checkpoint directory, and what \
     would be lost, instead of starting; the directory is not changed",
)
.default("false");

/// Whether the last batch is run once more.
pub const CHECKPOINT_RUN_LAST_AGAIN: Key<bool> = Key::new(
    "streaming.checkpoint.run_last_again",
    "whether a restart runs the last batch once more, though it was done, as Spark does; its \
     outputs are told that it is a re-run",
)
.default("false");

/// Whether what is received is written to the checkpoint directory.
pub const RECEIVER_LOG: Key<bool> = Key::new(
    "streaming.receiver.write_ahead_log.enable",
    "whether what receivers store is written to the checkpoint directory, if there is one, so \
     that a restart finds it; where this is set to true, there has to be one",
)
.default("true")
.spark_names(&["spark.streaming.receiver.writeAheadLog.enable"]);

/// How far back a file stream looks for files.
pub const FILE_STREAM_MIN_REMEMBER: Key<Duration> = Key::new(
    "streaming.file_stream.min_remember_duration",
    "how far back from the batch time a file stream looks for files, in whole batches of at least \
     this; a file that was last written before is not read",
)
.default("60s")
.at_least("1ms")
.spark_names(&[
    "spark.streaming.fileStream.minRememberDuration",
    "spark.streaming.minRememberDuration",
]);

/// How many output operations run at a time.
pub const CONCURRENT_JOBS: Key<usize> = Key::new(
    "streaming.concurrent_jobs",
    "how many output operations run at a time; with more than 1 those of one batch, and of \
     consecutive batches, overlap",
)
.default("1")
.at_least("1")
.at_most("1024")
.spark_names(&["spark.streaming.concurrentJobs"]);

/// How many batches may wait.
pub const WAITING_BATCHES_MAX: Key<usize> = Key::new(
    "streaming.waiting_batches_max",
    "how many batches may wait for their turn; further ones are cut when there is room again",
)
.default("1000")
.at_least("1");

/// How often an output operation is tried.
pub const OUTPUT_ATTEMPTS: Key<u32> = Key::new(
    "streaming.output.attempts",
    "how often an output operation that fails is tried before its batch counts as failed",
)
.default("1")
.at_least("1");

/// What a failed batch does to the stream.
pub const ON_FAILURE: Key<OnFailure> = Key::new(
    "streaming.on_failure",
    "what happens after a failed batch: `stop` cuts no more batches, `continue` records the \
     failure and goes on",
)
.default("stop");

/// Whether persisted RDDs of old batches are dropped.
pub const UNPERSIST: Key<bool> = Key::new(
    "streaming.unpersist",
    "whether persisted RDDs of batches that nothing remembers are dropped at once",
)
.default("true")
.spark_names(&["spark.streaming.unpersist"]);

/// How long a graceful stop may take.
pub const GRACEFUL_STOP_TIMEOUT: Key<Duration> = Key::new(
    "streaming.graceful_stop_timeout",
    "how long a graceful stop waits for what was received to be processed",
)
.default_note("ten batch intervals, at least ten seconds")
.spark_names(&["spark.streaming.gracefulStopTimeout"]);

/// Whether termination signals end a stream gracefully.
pub const STOP_GRACEFULLY_ON_SHUTDOWN: Key<bool> = Key::new(
    "streaming.stop_gracefully_on_shutdown",
    "whether SIGTERM and SIGINT end a started stream gracefully instead of ending the process; as \
     `StreamingContext::stop_on_signals` says",
)
.default("false")
.spark_names(&["spark.streaming.stopGracefullyOnShutdown"]);

/// Every key of this layer.
pub const STREAMING_KEYS: &[KeyInfo] = &[
    BLOCK_INTERVAL.info(),
    RECEIVER_MEMORY.info(),
    RECEIVER_DISK.info(),
    RECEIVER_SPILL_AFTER.info(),
    RECEIVER_RESTART_DELAY.info(),
    RECEIVER_START_ATTEMPTS.info(),
    RECEIVER_MAX_RATE.info(),
    BACKPRESSURE_ENABLED.info(),
    BACKPRESSURE_INITIAL_RATE.info(),
    BACKPRESSURE_RATE_ESTIMATOR.info(),
    PID_PROPORTIONAL.info(),
    PID_INTEGRAL.info(),
    PID_DERIVED.info(),
    PID_MIN_RATE.info(),
    CHECKPOINT_DIRECTORY.info(),
    CHECKPOINT_INTERVAL.info(),
    CHECKPOINT_KEEP.info(),
    CHECKPOINT_ALLOW.info(),
    CHECKPOINT_DRY_RUN.info(),
    CHECKPOINT_RUN_LAST_AGAIN.info(),
    RECEIVER_LOG.info(),
    FILE_STREAM_MIN_REMEMBER.info(),
    CONCURRENT_JOBS.info(),
    WAITING_BATCHES_MAX.info(),
    OUTPUT_ATTEMPTS.info(),
    ON_FAILURE.info(),
    UNPERSIST.info(),
    GRACEFUL_STOP_TIMEOUT.info(),
    STOP_GRACEFULLY_ON_SHUTDOWN.info(),
];

/// What a failed batch does to the stream (`streaming.on_failure`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// No more batches are cut; `await_termination` returns the error.
    Stop,
    /// The failure is logged, listeners are told, and the next batch runs, unless a state is too
    /// far behind.
    Continue,
}

impl ConfValue for OnFailure {
    const ACCEPTED: &'static str = "`stop` or `continue`";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match text {
            "stop" => Ok(OnFailure::Stop),
            "continue" => Ok(OnFailure::Continue),
            _ => Err("there is no such policy".to_owned()),
        }
    }

    fn conf_text(&self) -> String {
        match self {
            OnFailure::Stop => "stop".to_owned(),
            OnFailure::Continue => "continue".to_owned(),
        }
    }
}

/// What a changed program is allowed to do to its checkpoint (`streaming.checkpoint.allow`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(pub(crate) crate::checkpoint::Allowed);

/// As the key is read.
impl std::str::FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Allowed)
    }
}

impl ConfValue for Allowed {
    const ACCEPTED: &'static str =
        "`drop:NAME`, `rename:OLD=NEW` and `damage`, with commas between";

    fn parse_conf(text: &str) -> Result<Self, String> {
        text.parse()
    }

    fn conf_text(&self) -> String {
        self.0.to_string()
    }
}

/// What estimates rates (`streaming.backpressure.rate_estimator`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateEstimator {
    /// Spark's controller, the only one that it has.
    Pid,
}

impl ConfValue for RateEstimator {
    const ACCEPTED: &'static str = "`pid`";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match text {
            "pid" => Ok(RateEstimator::Pid),
            _ => Err("there is no such estimator".to_owned()),
        }
    }

    fn conf_text(&self) -> String {
        match self {
            RateEstimator::Pid => "pid".to_owned(),
        }
    }
}

/// A number above zero, which may be as small as one likes
/// (`streaming.backpressure.pid.min_rate`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct AboveZero(f64);

impl AboveZero {
    /// The number.
    ///
    /// ```
    /// use headwater_streaming::conf::AboveZero;
    /// use headwater_core::conf::ConfValue;
    /// assert_eq!(AboveZero::parse_conf("0.5").map(AboveZero::get), Ok(0.5));
    /// assert!(AboveZero::parse_conf("0").is_err());
    /// ```
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl ConfValue for AboveZero {
    const ACCEPTED: &'static str = "a number above 0";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match f64::parse_conf(text)? {
            number if number > 0.0 => Ok(AboveZero(number)),
            _ => Err("it is not above 0".to_owned()),
        }
    }

    fn conf_text(&self) -> String {
        self.0.conf_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_sound() {
        for key in STREAMING_KEYS {
            assert_eq!(key.check_declaration(), Ok(()), "{}", key.name());
        }
    }
}
