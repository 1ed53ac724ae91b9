//! How the stream is doing: what `await_termination` waits for.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::clock::Signal;
use crate::error::StreamError;

/// The newest error, and whether the stream was stopped.
#[derive(Default)]
pub(crate) struct Outcome {
    state: Mutex<State>,
    changed: Condvar,
    /// Notified when the stream is halted, for the thread that cuts batches.
    halting: Signal,
}

#[derive(Default)]
struct State {
    error: Option<StreamError>,
    halted: bool,
    /// A stop is under way.
    ending: bool,
    stopped: bool,
}

impl Outcome {
    /// Reports a failure. It stays, until a newer one replaces it.
    pub(crate) fn fail(&self, error: StreamError) {
        self.state.lock().error = Some(error);
        self.changed.notify_all();
    }

    /// Reports a failure that ends the stream: no more batches are wanted.
    pub(crate) fn halt(&self, error: StreamError) {
        self.state.lock().halted = true;
        self.fail(error);
        self.halting.notify();
    }

    /// What wakes the thread that cuts batches, so that it need not come to its next batch to
    /// find that no more are wanted.
    pub(crate) fn halting(&self) -> Signal {
        self.halting.clone()
    }

    /// Reports a failure to end in good order. Those who were told of the end already are not
    /// told another one.
    pub(crate) fn fail_unless_stopped(&self, error: &StreamError) {
        let mut state = self.state.lock();
        if !state.stopped {
            state.error.get_or_insert_with(|| error.clone());
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// What has ended the stream before anyone stopped it.
    pub(crate) fn halted(&self) -> Option<StreamError> {
        let state = self.state.lock();
        state.error.clone().filter(|_| state.halted)
    }

    pub(crate) fn ending(&self) {
        self.state.lock().ending = true;
    }

    pub(crate) fn stopped(&self) {
        let mut state = self.state.lock();
        state.stopped = true;
        state.ending = false;
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for the end: `true` when stopped, `false` when the time is over.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Result<bool, StreamError> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.state.lock();
        let mut is_over = false;
        loop {
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            if state.stopped || is_over {
                return Ok(state.stopped);
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    is_over = self.changed.wait_until(&mut state, deadline).timed_out();
                }
            }
        }
    }

    /// Waits for a stop that is under way.
    pub(crate) fn wait_ended(&self) {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.ending);
    }
}
