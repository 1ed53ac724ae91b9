//! A sink that fails now and then, before and after it has done what it was asked for.

use std::panic::resume_unwind;

use fastrand::Rng;
use headwater::{BatchId, BatchRun, Begun, PartitionIter, TransactionalSink};
use parking_lot::Mutex;

/// A sink with failures of its own.
pub(super) struct FailingSink<S> {
    inner: S,
    /// It fails about once in so many calls.
    fails: Option<u32>,
    rng: Mutex<Rng>,
}

impl<S> FailingSink<S> {
    pub(super) fn new(inner: S, fails: Option<u32>, seed: u64) -> Self {
        FailingSink {
            inner,
            fails,
            rng: Mutex::new(Rng::with_seed(seed)),
        }
    }

    /// Does something, unless it fails before; and may say that it failed when it did not.
    fn at_risk<R>(
        &self,
        name: &str,
        work: impl FnOnce(&S) -> Result<R, String>,
    ) -> Result<R, String> {
        let Some(fails) = self.fails else {
            return work(&self.inner);
        };
        let drawn = self.rng.lock().u32(..fails * 3);
        if drawn == 0 {
            return Err(format!("{name} fails before, as planned"));
        }
        let done = work(&self.inner)?;
        match drawn {
            1 => Err(format!("{name} fails after, as planned")),
            2 => resume_unwind(Box::new(format!("{name} panics after, as planned"))),
            _ => Ok(done),
        }
    }
}

impl<T, S: TransactionalSink<T>> TransactionalSink<T> for FailingSink<S> {
    fn recover(&self) -> Result<(), String> {
        self.at_risk("recover", |sink| sink.recover())
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        self.at_risk("begin", |sink| sink.begin(run))
    }

    fn write(
        &self,
        batch: BatchId,
        partition: usize,
        records: PartitionIter<T>,
    ) -> Result<(), String> {
        self.at_risk("write", |sink| sink.write(batch, partition, records))
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        self.at_risk("commit", |sink| sink.commit(batch))
    }

    fn abort(&self, batch: BatchId) -> Result<(), String> {
        self.at_risk("abort", |sink| sink.abort(batch))
    }
}
