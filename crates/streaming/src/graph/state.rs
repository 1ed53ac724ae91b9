//! The streams of a graph that keep state: planned and completed in each batch.

use std::sync::Arc;

use super::{AnyStream, Graph, StreamInfo, needed_for};
use crate::error::StreamError;
use crate::state::{AnySteps, StateInfo};
use crate::time::Time;

/// How many batches wait at most for a state that fails again and again: each keeps its input,
/// and what all streams have made of it.
const BEHIND_MAX: usize = 1000;

impl Graph {
    /// Notes that a stream keeps state.
    pub(crate) fn add_state(&self, stream: Arc<dyn AnyStream>, steps: Arc<dyn AnySteps>) {
        self.stateful.lock().push((stream, steps));
    }

    /// The streams that keep state, in the order in which they were built.
    pub(crate) fn stateful(&self) -> Vec<(Arc<dyn AnyStream>, Arc<dyn AnySteps>)> {
        self.stateful.lock().clone()
    }

    /// Plans what a batch does to state, also where no output of the batch looks at it; `None`
    /// if it does nothing to any.
    pub(crate) fn plan_state(&self, time: Time) -> Option<Result<(), StreamError>> {
        let mut planned = None;
        for (stream, steps) in self.live_state() {
            let result = match stream.plan(time) {
                Ok(false) => continue,
                Ok(true) => Ok(()),
                Err(error) => Err(state_error(time, &*steps, &error)),
            };
            planned = Some(planned.unwrap_or(Ok(())).and(result));
        }
        planned
    }

    /// Brings all state to a batch, also where no output of the batch looked at it. One that
    /// fails keeps no other back; if one is too far behind, that is the error.
    pub(crate) fn complete_state(&self, time: Time) -> Result<(), StreamError> {
        let mut completed = Ok(());
        for (_, steps) in self.live_state() {
            let Err(error) = steps.complete(time) else {
                continue;
            };
            let batches = steps.behind(time);
            if batches < BEHIND_MAX {
                completed = completed.and(Err(state_error(time, &*steps, &error)));
            } else {
                completed = Err(StreamError::StateBehind {
                    time,
                    site: steps.site(),
                    batches,
                    message: error.to_string(),
                });
            }
        }
        completed
    }

    /// The states, and what has happened to them since this was asked last.
    pub(crate) fn take_state_infos(&self) -> Vec<StateInfo> {
        let live = self.live_state();
        let infos = live.iter();
        infos
            .map(|(stream, steps)| StateInfo::take(stream.info(), &**steps))
            .collect()
    }

    /// Forgets what has happened to states: nobody wants to know it.
    pub(crate) fn forget_touched(&self) {
        for (_, steps) in self.live_state() {
            let _ = steps.store().take_touched();
        }
    }

    /// Checks that state which was restored is that of the time before the first batch.
    pub(crate) fn check_restored(&self, zero: Time) -> Result<(), StreamError> {
        let fits = |(_, steps): (_, Arc<dyn AnySteps>)| {
            steps.store().check_restored(zero).map_err(|message| {
                let site = steps.site();
                StreamError::State(format!(
                    "the restored state of {site} does not fit: {message}"
                ))
            })
        };
        self.stateful().into_iter().try_for_each(fits)
    }

    /// The state in use that is computed from a stream.
    pub(crate) fn state_over(&self, input: &StreamInfo) -> Vec<Arc<dyn AnySteps>> {
        let mut live = self.live_state();
        live.retain(|(stream, _)| {
            let needed = needed_for([stream].into_iter());
            needed.iter().any(|needed| needed.info().id == input.id)
        });
        live.into_iter().map(|(_, steps)| steps).collect()
    }

    /// The state that outputs depend on; what no output needs is not kept, as nothing is
    /// computed that no output needs.
    pub(crate) fn live_state(&self) -> Vec<(Arc<dyn AnyStream>, Arc<dyn AnySteps>)> {
        self.live_state.lock().clone()
    }
}

fn state_error(time: Time, steps: &dyn AnySteps, error: &dyn std::error::Error) -> StreamError {
    StreamError::Stateful {
        time,
        site: steps.site(),
        message: error.to_string(),
    }
}
