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
    "how much a receiver may store that no batch has finished with; a receiver that is faster \
     than the batches waits; what records own on the heap counts where the receiver says it \
     (append_sized, and text)",
)
.default("512m")
.at_least("1k");

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

/// Every key of this layer.
pub const STREAMING_KEYS: &[KeyInfo] = &[
    BLOCK_INTERVAL.info(),
    RECEIVER_MEMORY.info(),
    RECEIVER_RESTART_DELAY.info(),
    RECEIVER_START_ATTEMPTS.info(),
    FILE_STREAM_MIN_REMEMBER.info(),
    CONCURRENT_JOBS.info(),
    WAITING_BATCHES_MAX.info(),
    OUTPUT_ATTEMPTS.info(),
    ON_FAILURE.info(),
    UNPERSIST.info(),
    GRACEFUL_STOP_TIMEOUT.info(),
];

/// What a failed batch does to the stream (`streaming.on_failure`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// No more batches are cut; `await_termination` returns the error.
    Stop,
    /// The failure is logged, listeners are told, and the next batch runs.
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
