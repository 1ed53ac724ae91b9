//! Start, wait, stop.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::in_task;

use super::{ACTIVE, Stop, StreamingContext};
use crate::error::StreamError;
use crate::graph::StreamingState;
use crate::input::{in_source, stop_all};

impl StreamingContext {
    /// Starts cutting batches: Spark's `start`.
    ///
    /// The first batch is at the first multiple of the batch duration after now. Calling
    /// it on a running context does nothing but warn. With `streaming.checkpoint.dry_run` it
    /// prints what it would take from the checkpoint directory, and the context is stopped.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(1)).unwrap();
    /// let windows = ssc.stream_by_time(|_| vec![1]).window(seconds(3), seconds(2));
    /// windows.window(seconds(3), None).print();
    /// let error = ssc.start().unwrap_err().to_string();
    /// assert!(error.contains("the nearest are 2000 ms or 4000 ms"));
    /// ```
    ///
    /// # Errors
    /// [`StreamError::Graph`] with every mistake of the graph, [`StreamError::State`] when
    /// there is no output operation or the context was stopped. Nothing runs then.
    pub fn start(&self) -> Result<(), StreamError> {
        let inner = &self.inner;
        if inner.settings.stop_on_signals {
            self.stop_on_signals()?;
        }
        let mut running = inner.running.lock();
        match self.state() {
            StreamingState::Active => {
                tracing::warn!("the streaming context was started already");
                return Ok(());
            }
            StreamingState::Stopped => {
                return Err(StreamError::State(
                    "a streaming context that was stopped cannot be started again; make a new one"
                        .to_owned(),
                ));
            }
            StreamingState::Initialized => {}
        }
        let started = inner
            .graph
            .check_whole()
            .and_then(|()| inner.is_rehearsal());
        let started = started.and_then(|is_rehearsal| match is_rehearsal {
            true => inner.rehearse().map(|()| None),
            false => inner.begin().map(Some),
        });
        match started {
            Ok(None) => return Ok(()),
            Ok(begun) => *running = begun,
            Err(error) => {
                inner.graph.set_state(StreamingState::Stopped);
                // What made the start fail is what is told.
                let _ = inner.graph.stop_keeping(false);
                stop_all(&inner.graph.inputs());
                // So that nobody waits for the end of what never began.
                inner.outcome.fail(error.clone());
                inner.outcome.stopped();
                return Err(error);
            }
        }
        let mut active = ACTIVE.lock();
        active.retain(|context| context.strong_count() > 0);
        active.push(Arc::downgrade(inner));
        Ok(())
    }

    /// Waits until the context is stopped or fails: Spark's `awaitTermination`.
    ///
    /// ```
    /// # use headwater_streaming::{testing::TestStream, time::seconds};
    /// # let test = TestStream::new(seconds(1));
    /// # let ssc = test.context().clone();
    /// # test.collect(&test.input(vec![vec![1]]));
    /// # test.run(1);
    /// let stopping = ssc.clone();
    /// std::thread::spawn(move || stopping.stop(true, false));
    /// ssc.await_termination().unwrap();
    /// ```
    ///
    /// # Errors
    /// What made a batch or a receiver fail. The error stays: every later call returns it
    /// again, or a newer one.
    pub fn await_termination(&self) -> Result<(), StreamError> {
        self.inner.outcome.wait(None).map(|_| ())
    }

    /// As [`StreamingContext::await_termination`], for a limited time: `true` when the
    /// context was stopped, `false` when the time is over. Spark's
    /// `awaitTerminationOrTimeout`.
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, time::{millis, seconds}};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(2)).unwrap();
    /// assert!(!ssc.await_termination_or_timeout(millis(1)).unwrap());
    /// ```
    ///
    /// # Errors
    /// As [`StreamingContext::await_termination`].
    pub fn await_termination_or_timeout(&self, limit: Duration) -> Result<bool, StreamError> {
        self.inner.outcome.wait(Some(limit))
    }

    /// Stops the stream, and with `stop_context` the engine's context too: Spark's `stop`.
    ///
    /// Gracefully, the receivers are stopped first and everything that they stored is
    /// processed; this waits for the next batch time where something was stored after the
    /// last one, and for at most `streaming.graceful_stop_timeout` until the receivers have
    /// ended, and as long again until the batches are done. Otherwise running jobs
    /// are cancelled, those too that an output begins after it has stopped its stream, and
    /// waiting batches dropped. When this returns, and when `await_termination` does without an
    /// error, listeners have been told everything, unless they are slower than two seconds.
    /// Stopping twice does nothing but wait for the other stop. An output operation may stop its
    /// own stream, but not gracefully; a
    /// closure that runs in a task may not, nor may an [`InputSource`](crate::InputSource).
    ///
    /// ```
    /// # use headwater_streaming::{StreamingContext, StreamingState, time::seconds};
    /// # let ctx = headwater_core::Context::local(2).unwrap();
    /// let ssc = StreamingContext::new(&ctx, seconds(2)).unwrap();
    /// ssc.stop(true, true).unwrap();
    /// assert_eq!(ssc.state(), StreamingState::Stopped);
    /// ```
    ///
    /// # Errors
    /// [`StreamError::State`] when it is called by a listener or a source, or gracefully by a
    /// part of the stream, which would wait for itself. A graceful stop returns what made the stream
    /// fail, or says what could not be processed in time; the stream is stopped all the same.
    pub fn stop(&self, stop_context: bool, gracefully: bool) -> Result<(), StreamError> {
        let inner = &self.inner;
        if inner.ctx.events().is_bus_thread() {
            return Err(StreamError::State(
                "stop() was called by a listener, which would wait for itself; \
                 call it from another thread"
                    .to_owned(),
            ));
        }
        if in_task() {
            return Err(StreamError::State(
                "stop() was called inside a task, for which it would wait; call it from an \
                 output operation or another thread"
                    .to_owned(),
            ));
        }
        if in_source() {
            return Err(StreamError::State(
                "stop() was called by a source that is being asked, for whose answer it would \
                 wait; call it from an output operation or another thread"
                    .to_owned(),
            ));
        }
        if gracefully && inner.graph.owner.owns_this_thread() {
            return Err(StreamError::State(
                "a graceful stop() was asked for by a part of the stream itself, for which it \
                 would wait; call it from another thread, or stop at once"
                    .to_owned(),
            ));
        }
        let how = if gracefully {
            Stop::Gracefully
        } else {
            Stop::AtOnce
        };
        let result = inner.stop_streams(how);
        if stop_context {
            inner.ctx.stop();
        }
        result
    }
}
