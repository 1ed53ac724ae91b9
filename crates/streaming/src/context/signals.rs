//! Ending streams in good order when the system asks the process to end.
//!
//! One thread of the process takes the signals. It never waits for a stream, so that it is
//! there for the next signal.

#[cfg(not(unix))]
use super::Inner;
use super::StreamingContext;
use crate::error::StreamError;

impl StreamingContext {
    /// From now on SIGTERM and SIGINT (Ctrl-C) end the stream gracefully instead of the process:
    /// Spark's `spark.streaming.stopGracefullyOnShutdown`, which is also a setting here,
    /// `streaming.stop_gracefully_on_shutdown`, of the same effect at the start.
    ///
    /// The **first** signal stops the receivers and has everything processed that they stored,
    /// as [`StreamingContext::stop`] does; with a checkpoint directory a last checkpoint is
    /// written. Then [`StreamingContext::await_termination`] returns, and the program ends as it
    /// likes. The **second** one is for those who cannot wait for that: running jobs are
    /// cancelled, waiting batches dropped, and `await_termination` returns an error at once,
    /// even if some closure cannot be cancelled. With a checkpoint directory nothing is lost
    /// either way. The **third** one, or one after the end of the stream, has the effect that it
    /// would have without this call: it ends the process.
    ///
    /// A signal is for all streams of the process that asked for it. The engine's context is
    /// not stopped. Calling this twice does nothing more.
    ///
    /// ```
    /// use headwater_streaming::{StreamingContext, time::millis};
    /// let ctx = headwater_core::Context::local(2)?;
    /// let ssc = StreamingContext::new(&ctx, millis(10))?;
    /// ssc.stream_by_time(|_| vec![1]).print();
    /// ssc.stop_on_signals()?;
    /// ssc.start()?;
    /// // A program waits without a limit, and goes on from here after Ctrl-C.
    /// ssc.await_termination_or_timeout(millis(50))?;
    /// # Ok::<(), headwater_streaming::StreamError>(())
    /// ```
    ///
    /// # Errors
    /// [`StreamError::State`] when the system does not let signals be handled, and on systems
    /// that are not Unix.
    pub fn stop_on_signals(&self) -> Result<(), StreamError> {
        watch(&self.inner)
    }
}

#[cfg(not(unix))]
fn watch(_inner: &std::sync::Arc<Inner>) -> Result<(), StreamError> {
    Err(StreamError::State(
        "signals can end a stream gracefully on Unix only; call stop() instead".to_owned(),
    ))
}

#[cfg(unix)]
use unix::watch;

#[cfg(unix)]
mod unix {
    use std::os::raw::c_int;
    use std::sync::{Arc, Weak};
    use std::thread::Builder;

    use parking_lot::Mutex;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::{emulate_default_handler, signal_name};

    use super::super::{Inner, Stop};
    use crate::batch::Outcome;
    use crate::error::StreamError;

    static WATCH: Mutex<Watch> = Mutex::new(Watch {
        is_running: false,
        streams: Vec::new(),
    });

    /// Who is to hear of signals.
    struct Watch {
        is_running: bool,
        streams: Vec<Watched>,
    }

    struct Watched {
        stream: Weak<Inner>,
        outcome: Arc<Outcome>,
        asked: Asked,
    }

    /// What a stream was asked for by the signals so far.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Asked {
        Nothing,
        ToStop,
        ToStopAtOnce,
    }

    pub(super) fn watch(inner: &Arc<Inner>) -> Result<(), StreamError> {
        let mut watch = WATCH.lock();
        if !watch.is_running {
            run().map_err(|error| {
                StreamError::State(format!("signals cannot be handled: {error}"))
            })?;
            watch.is_running = true;
        }
        watch.streams.retain(Watched::is_there);
        let stream = Arc::downgrade(inner);
        if !watch
            .streams
            .iter()
            .any(|known| known.stream.ptr_eq(&stream))
        {
            watch.streams.push(Watched {
                stream,
                outcome: inner.outcome.clone(),
                asked: Asked::Nothing,
            });
        }
        Ok(())
    }

    /// Starts the thread that takes signals, for as long as the process runs.
    fn run() -> std::io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let thread = Builder::new().name("hw-signals".to_owned());
        thread.spawn(move || signals.forever().for_each(take))?;
        Ok(())
    }

    /// Passes a signal on to the streams that can do something about it. When there are none
    /// it has its default effect.
    fn take(signal: c_int) {
        let name = signal_name(signal).unwrap_or("a signal");
        let mut watch = WATCH.lock();
        watch.streams.retain(Watched::is_there);
        let mut is_taken = false;
        for watched in &mut watch.streams {
            is_taken |= watched.take(name);
        }
        drop(watch);
        if !is_taken {
            // Fails only for signals that cannot be had, which these are not.
            let _ = emulate_default_handler(signal);
        }
    }

    impl Watched {
        fn is_there(&self) -> bool {
            self.stream.strong_count() > 0 && !self.outcome.is_stopped()
        }

        /// Asks the stream for the next thing; `false` if it cannot be asked for more.
        fn take(&mut self, signal: &'static str) -> bool {
            let stream = self.stream.clone();
            let (next, act): (_, Box<dyn FnOnce() + Send>) = match self.asked {
                Asked::Nothing => (
                    Asked::ToStop,
                    Box::new(move || stop_gracefully(&stream, signal)),
                ),
                Asked::ToStop => (
                    Asked::ToStopAtOnce,
                    Box::new(move || stop_at_once(&stream, signal)),
                ),
                Asked::ToStopAtOnce => return false,
            };
            self.asked = next;
            // On a thread of its own, which may be the one that drops the stream.
            let thread = Builder::new().name("hw-signal-stop".to_owned());
            thread.spawn(act).is_ok()
        }
    }

    fn stop_gracefully(stream: &Weak<Inner>, signal: &str) {
        if let Some(stream) = stream.upgrade() {
            tracing::info!(
                "{signal}: the stream is stopped gracefully; another one stops it at once"
            );
            // Whoever waits for the termination is told.
            let _ = stream.stop_streams(Stop::OnSignal);
        }
    }

    fn stop_at_once(stream: &Weak<Inner>, signal: &str) {
        if let Some(stream) = stream.upgrade() {
            stream.cut_short(&format!("a second signal ({signal})"));
        }
    }
}
