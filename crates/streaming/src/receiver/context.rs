//! What a receiver stores through.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::blocks::BlockStore;
use super::supervisor::Control;
use super::with_cause;

/// A receiver's hold on the stream: storing, restarting, stopping. Cheap to clone.
pub struct ReceiverContext<T> {
    blocks: Arc<BlockStore<T>>,
    control: Arc<Control>,
    /// Which start of the receiver this context belongs to.
    generation: u64,
}

impl<T> Clone for ReceiverContext<T> {
    fn clone(&self) -> Self {
        ReceiverContext {
            blocks: self.blocks.clone(),
            control: self.control.clone(),
            generation: self.generation,
        }
    }
}

/// Why nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The receiver was stopped.
    #[error("the receiver was stopped, so nothing more is stored")]
    Stopped,
    /// It could not be written to the checkpoint directory. The stream stops; what was
    /// acknowledged before is safe, and this is not.
    #[error("not stored: {0}")]
    Checkpoint(Arc<str>),
}

impl<T: Send + Sync + 'static> ReceiverContext<T> {
    pub(super) fn new(blocks: Arc<BlockStore<T>>, control: Arc<Control>, generation: u64) -> Self {
        ReceiverContext {
            blocks,
            control,
            generation,
        }
    }

    /// Stores one record: Spark's `store(item)`. Records of one block interval become a
    /// block. Waits while the batches are too far behind, and as long as the rate asks
    /// (`streaming.receiver.max_rate`, `streaming.backpressure.enabled`).
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped.
    pub fn store(&self, record: T) -> Result<(), StoreError> {
        self.check()?;
        self.pass(1)?;
        self.blocks.store(record)?;
        self.control.worked();
        Ok(())
    }

    /// Stores many records as [`ReceiverContext::store`] does each, at the cost of one:
    /// they join the block of their interval. The vector is left empty. Where the rate does
    /// not allow all of them yet, they are stored in parts, each when it is allowed.
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped; the vector then holds the records that
    /// were not stored.
    pub fn append(&self, records: &mut Vec<T>) -> Result<(), StoreError> {
        self.append_sized(records, 0)
    }

    /// As [`ReceiverContext::append`], for records that hold `heap_bytes` beside their own
    /// size, so that the bound on stored memory is kept.
    ///
    /// # Errors
    /// As [`ReceiverContext::append`].
    pub fn append_sized(&self, records: &mut Vec<T>, heap_bytes: u64) -> Result<(), StoreError> {
        self.check()?;
        let passed = self.pass_some(records.len())?;
        if passed < records.len() {
            return self.append_in_parts(records, heap_bytes, passed);
        }
        self.blocks.append(records, heap_bytes)?;
        self.control.worked();
        Ok(())
    }

    /// Appends records as the rate allows, so that batches get their share of them and not all
    /// at once; the first `passed` at once.
    fn append_in_parts(
        &self,
        records: &mut Vec<T>,
        heap_bytes: u64,
        mut passed: usize,
    ) -> Result<(), StoreError> {
        let count = (records.len() as u64).max(1);
        let (bytes_each, mut more_bytes) = (heap_bytes / count, heap_bytes % count);
        let mut part = Vec::new();
        let mut rest = mem::take(records).into_iter();
        let result = loop {
            part.extend(rest.by_ref().take(passed));
            let part_bytes = bytes_each * passed as u64 + mem::take(&mut more_bytes);
            if let Err(stopped) = self.blocks.append(&mut part, part_bytes) {
                break Err(stopped);
            }
            self.control.worked();
            if rest.len() == 0 {
                break Ok(());
            }
            match self.pass_some(rest.len()) {
                Ok(some) => passed = some,
                Err(stopped) => break Err(stopped),
            }
        };
        // What was not stored is given back.
        part.extend(rest);
        *records = part;
        result
    }

    /// Stores many records as a block of their own: Spark's `store(iterator)`. When it
    /// returns the block is recorded, so that the source may be told. It waits until the rate
    /// allows the whole block.
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped.
    pub fn store_many(&self, records: impl IntoIterator<Item = T>) -> Result<(), StoreError> {
        self.store_block(Arc::new(records.into_iter().collect()))
    }

    /// Stores a block that is there already, without copying it: Spark's
    /// `store(ArrayBuffer)` and `store(ByteBuffer)`.
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped.
    pub fn store_block(&self, records: Arc<Vec<T>>) -> Result<(), StoreError> {
        self.check()?;
        self.pass(records.len())?;
        self.blocks.store_block(records)?;
        self.control.worked();
        Ok(())
    }

    /// Reports an error to events and pages; the receiver goes on: Spark's `reportError`.
    pub fn report_error(&self, message: &str, cause: Option<&dyn std::error::Error>) {
        self.control.report(with_cause(message, cause));
    }

    /// Asks for a restart after the configured delay, and returns at once: Spark's
    /// `restart`. The receiver is stopped, then started again.
    pub fn restart(&self, message: &str) {
        self.control
            .restart(self.generation, message.to_owned(), None);
    }

    /// As [`ReceiverContext::restart`], after another delay.
    pub fn restart_after(&self, message: &str, delay: Duration) {
        self.control
            .restart(self.generation, message.to_owned(), Some(delay));
    }

    /// Asks for the end of the receiver, which is final, and returns at once: Spark's
    /// `stop`, without Spark's starting it again.
    pub fn stop(&self, message: &str) {
        self.control.stop(self.generation, message.to_owned());
    }

    /// Says that the source is there, for example that a connection stands. A receiver
    /// that never said so, nor stored anything, and fails again and again is given up.
    pub fn connected(&self) {
        self.control.worked();
    }

    /// Whether the receiver is to end: Spark's `isStopped`.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        !self.control.is_current(self.generation)
    }

    /// The number of the input stream, in the order of creation: Spark's `streamId`.
    #[must_use]
    pub fn stream_id(&self) -> usize {
        self.control.stream_id()
    }

    /// Waits until the rate allows all of so many records.
    fn pass(&self, records: usize) -> Result<(), StoreError> {
        let limiter = &self.blocks.limiter;
        limiter.acquire(records, || self.is_stopped())
    }

    /// Waits until the rate allows some of so many records; how many.
    fn pass_some(&self, records: usize) -> Result<usize, StoreError> {
        let limiter = &self.blocks.limiter;
        limiter.acquire_some(records, || self.is_stopped())
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.is_stopped() {
            Err(StoreError::Stopped)
        } else {
            Ok(())
        }
    }
}
