//! Mistakes in a graph, found while it is built and when it is whole.

use std::collections::HashSet;

use headwater_core::Site;

use super::{Graph, StreamingState};
use crate::error::{Mistake, StreamError};
use crate::time::{length_text, nearest_multiples};

impl Graph {
    /// Keeps a mistake for `start` to report; once that is over, for `await_termination`.
    pub(crate) fn mistake(&self, site: Site, message: impl Into<String>) {
        let message = message.into();
        let mistake = Mistake { site, message };
        let mut mistakes = self.mistakes.lock();
        mistakes.push(mistake);
        if self.state() != StreamingState::Initialized {
            self.outcome.fail(StreamError::Graph(mistakes.clone()));
        }
    }

    /// Whether it is too late to add anything; then that is a mistake.
    pub(super) fn refuse_when_frozen(&self, site: Site) -> bool {
        let message = match self.state() {
            StreamingState::Initialized => return false,
            StreamingState::Active => {
                "added after start(); build the whole graph, then start it: adding inputs, \
                 operators and outputs to a running stream is not supported"
            }
            StreamingState::Stopped => {
                "added after stop(); a stopped stream cannot be changed or started again"
            }
        };
        self.mistake(site, message);
        true
    }

    /// Reports the mistakes made so far.
    pub(crate) fn check(&self) -> Result<(), StreamError> {
        let mistakes = self.mistakes.lock();
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(StreamError::Graph(mistakes.clone()))
        }
    }

    /// Checks what can only be known when the graph is whole.
    pub(crate) fn check_whole(&self) -> Result<(), StreamError> {
        self.check_names();
        self.check_checkpoints();
        self.check()?;
        if self.outputs.lock().is_empty() {
            return Err(StreamError::State(
                "no output operation is registered, so there is nothing to run; \
                 end a stream in print(), foreach_rdd() or the like"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Checks that no input needs the checkpoint directory that there is not.
    pub(crate) fn check_without_directory(&self) -> Result<(), StreamError> {
        let inputs = self.inputs().into_iter();
        for mistake in inputs.filter_map(|input| input.mistake_without_directory()) {
            self.mistake(mistake.site, mistake.message);
        }
        self.check()
    }

    fn check_names(&self) {
        let mut seen = HashSet::new();
        for stream in self.streams() {
            let info = stream.info();
            if let Some(name) = info.name()
                && !seen.insert(name.to_owned())
            {
                let message = format!("another stream has the name `{name}` already");
                self.mistake(info.site, message);
            }
        }
    }

    fn check_checkpoints(&self) {
        for stream in self.streams() {
            let info = stream.info();
            if let Some((site, interval)) = info.checkpoint()
                && let Some(nearest) = nearest_multiples(interval, info.slide)
            {
                let message = format!(
                    "the checkpoint interval ({}) of {} must be a multiple of its slide \
                     duration ({}); {nearest}",
                    length_text(interval),
                    info.site,
                    length_text(info.slide),
                );
                self.mistake(site, message);
            }
        }
    }
}
