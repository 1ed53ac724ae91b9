//! How the stream is doing: what `await_termination` waits for.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::StreamError;

/// The newest error, and whether the stream was stopped.
#[derive(Default)]
pub(crate) struct Outcome {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    error: Option<StreamError>,
    stopped: bool,
}

impl Outcome {
    /// Reports a failure. It stays, until a newer one replaces it.
    pub(crate) fn fail(&self, error: StreamError) {
        self.state.lock().error = Some(error);
        self.changed.notify_all();
    }

    pub(crate) fn stopped(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(crate) fn error(&self) -> Option<StreamError> {
        self.state.lock().error.clone()
    }

    /// Waits for the end: `true` when stopped, `false` when the time is over.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<bool, StreamError> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state.lock();
        loop {
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            if state.stopped {
                return Ok(true);
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return Ok(state.stopped);
                    }
                }
            }
        }
    }
}
