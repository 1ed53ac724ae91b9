//! Measured streams: their batches, as they complete.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use headwater::time::Time;
use headwater::{BatchInfo, Conf, Context, StreamingContext, StreamingListener};

use crate::SLOTS;
use crate::error::BenchError;
use crate::measure::millis;

/// How many completed batches may wait to be looked at; the listener waits when it is full.
const WAITING: usize = 100_000;

/// A stream that completes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A context with the usual slots, and some settings.
pub(crate) fn context(settings: &[(&str, &str)]) -> Result<Context, BenchError> {
    let conf = Conf::new().master(format!("local[{SLOTS}]"));
    let with = |conf: Conf, (key, value): &(&str, &str)| conf.set(*key, value);
    Ok(Context::new(settings.iter().fold(conf, with))?)
}

/// A completed batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) time: Time,
    /// When its last output was done, in milliseconds since the epoch.
    pub(crate) end_ms: f64,
    /// How long its outputs took, in milliseconds.
    pub(crate) processing_ms: f64,
    /// How many records its inputs gave.
    pub(crate) records: u64,
    failure: Option<String>,
}

impl Batch {
    /// From the batch time until the last output was done: planning and waiting included.
    pub(crate) fn delay_ms(&self) -> f64 {
        self.end_ms - self.time.as_millis() as f64
    }

    /// A batch of time zero that was done at a time, with a number of records.
    #[cfg(test)]
    pub(crate) fn done(end_ms: f64, records: u64) -> Batch {
        Batch {
            time: Time::ZERO,
            end_ms,
            processing_ms: 1.0,
            records,
            failure: None,
        }
    }

    fn of(info: &BatchInfo) -> Batch {
        let submitted = info
            .submitted
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let end = submitted + info.total_delay().unwrap_or_default();
        Batch {
            time: info.time,
            end_ms: millis(end),
            processing_ms: millis(info.processing_delay.unwrap_or_default()),
            records: info.records(),
            failure: info.failure().map(str::to_owned),
        }
    }
}

/// Sends each completed batch on.
struct Watcher(SyncSender<Batch>);

impl StreamingListener for Watcher {
    fn on_batch_completed(&mut self, info: &BatchInfo) {
        // After the measurement nobody listens any more.
        let _ = self.0.send(Batch::of(info));
    }
}

/// A started stream; dropping it stops it.
pub(crate) struct Stream {
    what: &'static str,
    ssc: StreamingContext,
    completed: Receiver<Batch>,
}

impl Stream {
    /// Starts a stream whose outputs are all there.
    pub(crate) fn start(what: &'static str, ssc: StreamingContext) -> Result<Self, BenchError> {
        let (sender, completed) = sync_channel(WAITING);
        ssc.add_listener(Watcher(sender));
        ssc.start()?;
        Ok(Stream {
            what,
            ssc,
            completed,
        })
    }

    /// Waits for the next batch.
    pub(crate) fn next(&self) -> Result<Batch, BenchError> {
        let deadline = Instant::now() + PATIENCE;
        match self.next_until(deadline)? {
            Some(batch) => Ok(batch),
            None => Err(BenchError::Stuck {
                what: self.what,
                seconds: PATIENCE.as_secs(),
            }),
        }
    }

    /// Waits for the next batch, or until a time.
    pub(crate) fn next_until(&self, until: Instant) -> Result<Option<Batch>, BenchError> {
        let left = until.saturating_duration_since(Instant::now());
        match self.completed.recv_timeout(left) {
            Ok(Batch {
                time,
                failure: Some(message),
                ..
            }) => Err(BenchError::Batch { time, message }),
            Ok(batch) => Ok(Some(batch)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                // What made a receiver fail would otherwise look like silence.
                self.ssc.await_termination_or_timeout(Duration::ZERO)?;
                Ok(None)
            }
        }
    }

    /// The first batch that completes after a length of time.
    pub(crate) fn after(&self, length: Duration) -> Result<Batch, BenchError> {
        let from = Instant::now() + length;
        loop {
            let batch = self.next()?;
            if Instant::now() >= from {
                return Ok(batch);
            }
        }
    }

    /// The next so many batches.
    pub(crate) fn take(&self, count: usize) -> Result<Vec<Batch>, BenchError> {
        (0..count).map(|_| self.next()).collect()
    }

    /// All batches that complete within a length of time.
    pub(crate) fn during(&self, length: Duration) -> Result<Vec<Batch>, BenchError> {
        let until = Instant::now() + length;
        let mut batches = Vec::new();
        while let Some(batch) = self.next_until(until)? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The figures are taken; nothing depends on how the stream ends.
        let _ = self.ssc.stop(false, false);
    }
}

#[cfg(test)]
mod tests {
    use headwater::time::millis;

    use super::*;

    fn stream_of(output: fn() -> Result<(), String>) -> Stream {
        let ctx = Context::local(1).unwrap();
        let ssc = StreamingContext::new(&ctx, millis(2)).unwrap();
        let (_, numbers) = ssc.queue_stream::<i32>();
        numbers.foreach_rdd(move |_, _| output());
        Stream::start("test", ssc).unwrap()
    }

    #[test]
    fn batches_come_in_their_order() {
        let batches = stream_of(|| Ok(())).take(3).unwrap();
        assert!(batches.is_sorted_by_key(|batch| batch.time));
        assert!(batches.iter().all(|batch| batch.delay_ms() >= 0.0));
    }

    #[test]
    fn a_batch_that_fails_is_an_error() {
        let error = stream_of(|| Err("no luck".to_owned())).take(1).unwrap_err();
        assert!(error.to_string().contains("no luck"), "{error}");
    }
}
