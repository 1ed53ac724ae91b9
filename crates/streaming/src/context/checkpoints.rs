//! Where a stream's past is kept.

use headwater_core::Conf;

use super::StreamingContext;
use super::resume::CheckpointDirectory;
use crate::checkpoint::locate;
use crate::conf;
use crate::error::StreamError;
use crate::graph::StreamingState;

impl StreamingContext {
    /// Keeps everything that the stream does in a directory, so that another process can go on
    /// after a crash: Spark's `checkpoint(directory)`. It may be the URL of an object store.
    ///
    /// A stream that is begun like this begins anew: `start` refuses a directory in which a
    /// stream has left its past. [`StreamingContext::get_or_create`] goes on from it.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.checkpoint(directory).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`StreamError::Checkpoint`] when the URL is not understood, [`StreamError::State`]
    /// after the start.
    pub fn checkpoint(&self, directory: &str) -> Result<(), StreamError> {
        let at = locate(directory)?;
        if self.state() != StreamingState::Initialized {
            return Err(StreamError::State(
                "the checkpoint directory has to be set before start()".to_owned(),
            ));
        }
        let mut checkpoint = self.inner.checkpoint.lock();
        // What `get_or_create` has said holds.
        if checkpoint.as_ref().is_none_or(|known| known.at != at) {
            *checkpoint = Some(CheckpointDirectory { at, goes_on: false });
        }
        Ok(())
    }

    /// A stream that goes on from what is in a directory, or begins if nothing is there:
    /// Spark's `StreamingContext.getOrCreate`.
    ///
    /// The directory holds no code: `setup` builds the graph each time, and `start` brings
    /// states, unfinished batches and received records back into it. The program may have
    /// changed meanwhile: states and inputs are found again by their
    /// [names](crate::DStream::named), or, without one, by operator, record type and order.
    /// What holds data and has no place any more makes `start` fail with a list of what
    /// `streaming.checkpoint.allow` would have to allow.
    ///
    /// Batches that were not done run again, with the same input; then those of the time in
    /// which no process ran; then time goes on.
    ///
    /// ```
    /// use headwater_core::Context;
    /// use headwater_streaming::clock::ManualClock;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// // Counts the batches; each life runs three of them.
    /// let life = |begin_ms| {
    ///     let clock = ManualClock::at(Time::from_millis(begin_ms));
    ///     let ctx = Context::local(2).unwrap();
    ///     let test = TestStream::with_clock(&ctx, seconds(1), clock).unwrap();
    ///     test.context().go_on_from(directory).unwrap();
    ///     let ones = test.context().stream_by_time(|_| vec![('b', 1)]);
    ///     let count = |new: Vec<i32>, old: Option<usize>| Some(old.unwrap_or(0) + new.len());
    ///     let counts = test.collect(&ones.update_state_by_key(count));
    ///     test.run(3);
    ///     counts.batches().concat().pop().unwrap()
    /// };
    /// assert_eq!(life(0), ('b', 3));
    /// assert_eq!(life(3_000), ('b', 6));
    /// ```
    ///
    /// # Errors
    /// What `setup` returns, and [`StreamError::Checkpoint`] when the URL is not understood.
    pub fn get_or_create<E: From<StreamError>>(
        directory: &str,
        setup: impl FnOnce() -> Result<StreamingContext, E>,
    ) -> Result<StreamingContext, E> {
        let ssc = setup()?;
        ssc.go_on_from(directory)?;
        Ok(ssc)
    }

    /// As [`StreamingContext::get_or_create`], for a graph that is there already: it will go
    /// on from what is in a directory, or begin there.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// ssc.go_on_from(directory).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`StreamingContext::checkpoint`].
    pub fn go_on_from(&self, directory: &str) -> Result<(), StreamError> {
        self.checkpoint(directory)?;
        if let Some(checkpoint) = &mut *self.inner.checkpoint.lock() {
            checkpoint.goes_on = true;
        }
        Ok(())
    }

    /// The context of this process that runs, or else as
    /// [`StreamingContext::get_or_create`]: Spark's `getActiveOrCreate`.
    ///
    /// ```
    /// use headwater_streaming::{StreamError, StreamingContext, time::seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// let ssc = StreamingContext::get_active_or_create(directory, || {
    ///     let ctx = headwater_core::Context::local(2)?;
    ///     StreamingContext::new(&ctx, seconds(1))
    /// })?;
    /// # drop(ssc);
    /// # Ok::<(), StreamError>(())
    /// ```
    ///
    /// # Errors
    /// As [`StreamingContext::get_or_create`].
    pub fn get_active_or_create<E: From<StreamError>>(
        directory: &str,
        setup: impl FnOnce() -> Result<StreamingContext, E>,
    ) -> Result<StreamingContext, E> {
        match StreamingContext::get_active() {
            Some(active) => Ok(active),
            None => StreamingContext::get_or_create(directory, setup),
        }
    }
}

impl CheckpointDirectory {
    /// What the configuration says.
    pub(super) fn configured(conf: &Conf) -> Result<Option<Self>, StreamError> {
        let directory = conf.get_optional(&conf::CHECKPOINT_DIRECTORY)?;
        let directory = directory.map(|directory| {
            let at = locate(&directory)?;
            Ok(CheckpointDirectory { at, goes_on: false })
        });
        directory.transpose()
    }
}
