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
    /// It could not be written to the checkpoint directory: a record of it cannot be encoded, or
    /// the journal has failed, upon which the stream stops. What was acknowledged before is safe,
    /// and this is not.
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
        self.blocks.store(self.generation, record)?;
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
        self.blocks.append(self.generation, records, heap_bytes)?;
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
            if let Err(stopped) = self.blocks.append(self.generation, &mut part, part_bytes) {
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
        self.store_at(records, None)
    }

    /// As [`ReceiverContext::store_many`], with the position of the source after the records:
    /// see [`ReceiverContext::store_block_at`].
    ///
    /// # Errors
    /// As [`ReceiverContext::store_block_at`].
    pub fn store_many_at(
        &self,
        records: impl IntoIterator<Item = T>,
        position: &[u8],
    ) -> Result<(), StoreError> {
        self.store_block_at(Arc::new(records.into_iter().collect()), position)
    }

    /// Stores a block, and with the same stroke where the source is after it: an offset, a
    /// cursor, the number of a message, in bytes that only the receiver understands. Spark has
    /// no such thing.
    ///
    /// When it returns both are recorded, and with a checkpoint directory both are safe. Should
    /// the process die before, the directory holds both or neither of them. So a receiver that
    /// begins each start at [`ReceiverContext::last_position`], and stores everything with a
    /// position, takes each record of a source that can go on from a position exactly once,
    /// whether or not the source learned that the records had arrived.
    ///
    /// A block without records only records the position. What [`ReceiverContext::store`] and
    /// [`ReceiverContext::append`] gathered before stays before the block and is recorded with
    /// it; the positions of several threads are those of the source only if one stores after
    /// the other.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::{Receiver, ReceiverContext, time::seconds};
    ///
    /// /// Reads a list that can be read from any place, and loses it after each two records.
    /// struct Messages(Vec<&'static str>);
    ///
    /// impl Receiver<String> for Messages {
    ///     fn on_start(&self, ctx: &ReceiverContext<String>) -> Result<(), String> {
    ///         let last = ctx.last_position().map_err(|error| error.to_string())?;
    ///         let next = last.map_or(0, |position| usize::from(position[0]));
    ///         let two: Vec<_> = self.0.iter().skip(next).take(2).map(|s| s.to_string()).collect();
    ///         let after = next + two.len();
    ///         ctx.store_many_at(two, &[after as u8]).map_err(|error| error.to_string())?;
    ///         Err("the connection is lost".to_owned())
    ///     }
    ///     fn on_stop(&self) {}
    /// }
    ///
    /// let test = TestStream::new(seconds(1));
    /// let messages = Messages(vec!["a", "b", "c", "d", "e"]);
    /// let out = test.collect(&test.context().receiver_stream(messages));
    /// while out.batches().concat().len() < 5 {
    ///     test.run(1);
    /// }
    /// assert_eq!(out.batches().concat(), ["a", "b", "c", "d", "e"]);
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] once the receiver was stopped, or when the checkpoint directory cannot be
    /// written.
    pub fn store_block_at(&self, records: Arc<Vec<T>>, position: &[u8]) -> Result<(), StoreError> {
        self.store_at(records, Some(position))
    }

    /// The position of the source after what was stored last, by this start of the receiver or
    /// an earlier one, in this process or an earlier one that wrote to the same checkpoint
    /// directory; none if there never was one. The batches may have processed it long ago, and
    /// the program may have changed, as long as it still has the input.
    ///
    /// With a checkpoint directory it returns once the position is safe, so that the source may
    /// be told.
    ///
    /// # Errors
    /// [`StoreError`] when the position cannot be made safe, since the directory cannot be written
    /// any more or the stream has ended. Nothing can be stored then either, and nothing is known of
    /// what was stored last: it is not as if there never was a position.
    pub fn last_position(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.blocks.last_position()
    }

    fn store_at(&self, records: Arc<Vec<T>>, position: Option<&[u8]>) -> Result<(), StoreError> {
        self.check()?;
        self.pass(records.len())?;
        self.blocks
            .store_block(self.generation, records, position)?;
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

    /// How many records the rate allows in a time, at least one: a block that is larger than
    /// what comes in one block interval waits as long as several would.
    pub(crate) fn allowed_in(&self, time: Duration) -> usize {
        let Some(limit) = self.blocks.limiter.limit() else {
            return usize::MAX;
        };
        let records = u128::from(limit).saturating_mul(time.as_millis()) / 1000;
        usize::try_from(records).unwrap_or(usize::MAX).max(1)
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
