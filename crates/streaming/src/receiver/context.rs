//! What a receiver stores through.

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

/// The receiver was stopped: nothing was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiver was stopped, so nothing more is stored")]
pub struct StoreError;

impl<T: Send + Sync + 'static> ReceiverContext<T> {
    pub(super) fn new(blocks: Arc<BlockStore<T>>, control: Arc<Control>, generation: u64) -> Self {
        ReceiverContext {
            blocks,
            control,
            generation,
        }
    }

    /// Stores one record: Spark's `store(item)`. Records of one block interval become a
    /// block. Waits while the batches are too far behind.
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped.
    pub fn store(&self, record: T) -> Result<(), StoreError> {
        self.check()?;
        self.blocks.store(record)?;
        self.control.worked();
        Ok(())
    }

    /// Stores many records as [`ReceiverContext::store`] does each, at the cost of one:
    /// they join the block of their interval. The vector is left empty.
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped.
    pub fn append(&self, records: &mut Vec<T>) -> Result<(), StoreError> {
        self.append_sized(records, 0)
    }

    /// As [`ReceiverContext::append`], for records that hold `heap_bytes` beside their own
    /// size, so that the bound on stored memory is kept.
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped.
    pub fn append_sized(&self, records: &mut Vec<T>, heap_bytes: u64) -> Result<(), StoreError> {
        self.check()?;
        self.blocks.append(records, heap_bytes)?;
        self.control.worked();
        Ok(())
    }

    /// Stores many records as a block of their own: Spark's `store(iterator)`. When it
    /// returns the block is recorded, so that the source may be told.
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

    fn check(&self) -> Result<(), StoreError> {
        if self.is_stopped() {
            Err(StoreError)
        } else {
            Ok(())
        }
    }
}
