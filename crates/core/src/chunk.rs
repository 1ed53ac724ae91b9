//! How records flow inside a task: in chunks, from the source to the last operator.
//!
//! A task is one chain of [`Sink`]s. The source pushes a chunk of about a thousand
//! records into the first sink, whose inner loop is compiled for its closure and
//! pushes its results into the next one: one virtual call serves a whole chunk, and
//! the buffers between operators are reused, so that they stay in the processor's
//! first cache.

use crate::error::TaskError;
use crate::scheduler::TaskContext;

/// Why a sink takes no more records.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has all it needs, as `take` does; this is no failure.
    Enough,
    /// The task failed.
    Failed(TaskError),
}

impl From<TaskError> for Stop {
    fn from(error: TaskError) -> Self {
        Stop::Failed(error)
    }
}

/// The answer of a sink to a chunk: go on, or stop.
pub(crate) type Push = Result<(), Stop>;

/// The next operator of a task.
pub(crate) trait Sink<T> {
    /// Takes every record out of `chunk`, which is left empty with its capacity.
    fn push(&mut self, chunk: &mut Vec<T>) -> Push;

    /// Reads records that others keep as well, cloning only what it has to keep.
    fn push_shared(&mut self, chunk: &[T]) -> Push;
}

/// Pushes a shared slice of any length in chunks.
pub(crate) fn push_shared_in_chunks<T>(
    records: &[T],
    chunk_records: usize,
    sink: &mut dyn Sink<T>,
    mut before_each: impl FnMut() -> Push,
) -> Push {
    for chunk in records.chunks(chunk_records.max(1)) {
        before_each()?;
        sink.push_shared(chunk)?;
    }
    Ok(())
}

/// Up to how many records of one iterator may be made for nothing after the last wanted one.
const NOT_WORTH_LEAVING: usize = 1 << 16;

/// Where `flat_map_into` and sources put their records, any number for each input.
///
/// It is an [`Extend`], so that an iterator can be emptied into it without being
/// collected first.
///
/// ```
/// use headwater_core::{Context, Text};
/// let ctx = Context::local(2).unwrap();
/// let lines = ctx.parallelize(vec![Text::from("to be"), Text::from("or not to be")], 2);
/// let words = lines.flat_map_into(|line, out| out.extend(line.words()));
/// assert_eq!(words.count().unwrap(), 6);
/// ```
pub struct Emitter<'a, T> {
    buffer: Vec<T>,
    task: &'a TaskContext,
    sink: &'a mut dyn Sink<T>,
    stopped: Option<Stop>,
}

impl<'a, T> Emitter<'a, T> {
    pub(crate) fn new(task: &'a TaskContext, sink: &'a mut dyn Sink<T>) -> Self {
        Emitter {
            buffer: Vec::new(),
            task,
            sink,
            stopped: None,
        }
    }

    /// Emits one record.
    #[inline]
    pub fn emit(&mut self, record: T) {
        if self.buffer.len() == self.buffer.capacity() {
            self.make_room();
        }
        self.buffer.push(record);
    }

    /// Emits records that stay where they are: operators that only look at them copy nothing.
    ///
    /// ```
    /// use headwater_core::{Context, Emitter, PartitionSource};
    ///
    /// struct Kept(Vec<u64>);
    ///
    /// impl PartitionSource<u64> for Kept {
    ///     fn partitions(&self) -> usize {
    ///         1
    ///     }
    ///     fn read(&self, _: usize, out: &mut Emitter<'_, u64>) -> Result<(), String> {
    ///         out.emit_shared(&self.0);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let ctx = Context::local(1).unwrap();
    /// assert_eq!(ctx.from_source(Kept(vec![1, 2, 3])).sum().unwrap(), 6);
    /// ```
    pub fn emit_shared(&mut self, records: &[T]) {
        self.flush();
        if self.stopped.is_none() {
            let task = self.task;
            let check = || task.check_cancelled();
            let pushed = push_shared_in_chunks(records, task.chunk_records, self.sink, check);
            self.stopped = pushed.err();
        }
    }

    /// Whether nothing more is wanted; what is emitted from now on is dropped.
    ///
    /// A source that makes records without end has to look at this.
    #[inline]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.stopped.is_some()
    }

    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        if self.buffer.capacity() >= self.task.chunk_records {
            self.flush();
        } else {
            // Small batches must not pay for a whole chunk.
            let wanted = (self.buffer.capacity() * 4).clamp(16, self.task.chunk_records);
            self.buffer.reserve_exact(wanted - self.buffer.len());
        }
    }

    fn flush(&mut self) {
        if self.stopped.is_none() && !self.buffer.is_empty() {
            // One input may give records without end: the source is not asked on the way.
            let pushed = self.task.check_cancelled();
            self.stopped = pushed.and_then(|()| self.sink.push(&mut self.buffer)).err();
        }
        self.buffer.clear();
    }

    /// Pushes what is left and tells how it went.
    pub(crate) fn finish(mut self) -> Push {
        self.flush();
        self.stopped.map_or(Ok(()), Err)
    }

    /// Tells how it went so far, without pushing what is buffered.
    #[inline]
    pub(crate) fn check(&mut self) -> Push {
        match self.stopped.take() {
            None => Ok(()),
            Some(stop) => Err(stop),
        }
    }
}

impl<T> Extend<T> for Emitter<'_, T> {
    #[inline]
    fn extend<I: IntoIterator<Item = T>>(&mut self, records: I) {
        let records = records.into_iter();
        // Iterators that split text are nearly twice as fast from the inside; but only from
        // the outside can one be left before its end.
        if records
            .size_hint()
            .1
            .is_some_and(|upper| upper <= NOT_WORTH_LEAVING)
        {
            return records.for_each(|record| self.emit(record));
        }
        for record in records {
            self.emit(record);
            if self.stopped.is_some() {
                return;
            }
        }
    }
}
