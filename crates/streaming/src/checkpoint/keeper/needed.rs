//! How much of the past is needed.

use std::sync::Arc;
use std::time::Duration;

use super::super::past::Past;
use super::super::plan::Limits;
use super::super::retention::Retained;
use super::Keeper;
use crate::state::{AnySteps, taken_in};
use crate::time::Time;

impl Keeper {
    /// The last batch that all states have taken in; none without states.
    pub(super) fn taken_in(&self, states: &[Arc<dyn AnySteps>]) -> Option<Time> {
        let zero = self.past.lock().zero;
        taken_in(states, zero)
    }

    /// How much is kept as long as some of the states are behind, since what they do has failed:
    /// they still need what they have not taken in, of the inputs and of the states that they read.
    /// What they have taken in counts when it is written; it is asked before the past is locked, so
    /// that it is never too much.
    pub(super) fn limits_with(&self, past: &Past, taken_in: Option<Time>) -> Limits {
        let needed = taken_in
            .into_iter()
            .chain(self.commits.lock().needed_since());
        let behind = needed
            .min()
            .map_or(Duration::ZERO, |at| past.ended.since(at));
        Limits {
            remembered: self.limits.remembered.saturating_add(behind),
            state_reaches_back: self.limits.state_reaches_back.saturating_add(behind),
            ..self.limits
        }
    }

    /// Takes in which states have come through the batches that are computed again; the past is
    /// locked, so that it tells of the same.
    pub(super) fn note_what_is_whole(&self, retained: &mut Retained, _past: &Past) {
        let commits = self.commits.lock();
        retained.still_computes(commits.computed_again());
    }
}
