//! What runs between start and stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::{Inner, Running, Stop};
use crate::batch::{AtEnd, JobGenerator, JobScheduler, post};
use crate::checkpoint::{Begin, Opened};
use crate::clock::Clock;
use crate::error::StreamError;
use crate::events::StreamingEvent;
use crate::graph::StreamingState;
use crate::input::{stop_all, stop_receiving};
use crate::rate;

/// How long the end of a stream waits for listeners: a program may end right after it, and they
/// would not hear the last events.
const LAST_EVENTS: Duration = Duration::from_secs(2);

impl Inner {
    /// Starts the threads of a stream whose graph was checked.
    pub(super) fn begin(&self) -> Result<Running, StreamError> {
        let batch = self.graph.batch;
        let opened = self.open_checkpoint()?;
        let past = opened.as_ref().and_then(Opened::times);
        let Begin { zero, ended, first } = Begin::of(past, self.clock.now(), batch);
        if opened.is_none() {
            self.graph.check_restored(zero)?;
        }
        self.graph.begin(zero);
        // What is planned from here on may look at the batches before.
        self.graph.note_cut(first - batch);
        let unplanned = match opened {
            Some(opened) => self.go_on_from(opened, zero)?,
            None => {
                self.warn_of_state();
                BTreeSet::new()
            }
        };
        // The numbers of outputs are known now.
        let graph_info = self
            .graph_info
            .get_or_init(|| Arc::new(self.graph.to_info()));
        let at = SystemTime::now();
        post(self.ctx.events(), || StreamingEvent::Started {
            at,
            batch_duration: batch,
            graph: graph_info.clone(),
        });
        let (graph, of, inputs_of) = (self.graph.clone(), self.graph.clone(), self.graph.clone());
        let (commits, states) = (self.graph.clone(), self.graph.clone());
        let at_end = AtEnd {
            complete_state: Box::new(move |time| of.complete_state(time)),
            commit: Box::new(move |time, end| commits.commit(time, end)),
            done: Box::new(move |time| graph.end_batch(time)),
            states: Box::new(move |is_wanted| match is_wanted {
                true => states.take_state_infos(),
                false => {
                    states.forget_touched();
                    Vec::new()
                }
            }),
            completed: Box::new(move |batch, times| rate::adjust(&inputs_of, batch, times)),
            clock: self.clock.clone(),
        };
        let policy = self.settings.policy;
        let (outcome, owner) = (self.outcome.clone(), self.graph.owner);
        let scheduler = JobScheduler::start(&self.ctx, policy, outcome, owner, at_end)?;
        let scheduler = Arc::new(scheduler);
        for input in self.graph.inputs() {
            input.start()?;
        }
        self.plan_remembered((zero, ended), &unplanned)?;
        let generator =
            JobGenerator::start(&self.graph, &scheduler, &self.clock, &self.outcome, first)?;
        Ok(Running {
            generator: Arc::new(generator),
            scheduler,
        })
    }

    fn warn_of_state(&self) {
        if let Some((_, steps)) = self.graph.stateful().first() {
            tracing::info!(
                "{} keeps state in memory; without a checkpoint directory it is lost with the \
                 process",
                steps.site()
            );
        }
    }

    /// Ends them again; gracefully in the order in which nothing is lost.
    pub(super) fn stop_streams(&self, how: Stop) -> Result<(), StreamError> {
        let running = {
            let mut running = self.running.lock();
            self.graph.set_state(StreamingState::Stopped);
            if running.is_some() {
                self.outcome.ending();
            }
            running.take()
        };
        // Without the lock: a part of the stream that is waited for may call stop() too.
        let Some(running) = running else {
            if !self.graph.owner.owns_this_thread() {
                // Another thread may be stopping it at this moment.
                self.outcome.wait_ended();
                self.outcome.stopped();
            }
            return Ok(());
        };
        let result = self.end(&running, how != Stop::AtOnce);
        if how == Stop::OnSignal
            && let Err(error) = &result
        {
            self.outcome.fail_unless_stopped(error);
        }
        self.outcome.stopped();
        self.ending.lock().running = None;
        result
    }

    fn end(&self, running: &Running, gracefully: bool) -> Result<(), StreamError> {
        let inputs = self.graph.inputs();
        let limit = self.settings.graceful_stop_timeout;
        let gracefully = gracefully && self.begin_ending(running);
        let result = if gracefully {
            stop_receiving(&inputs, limit);
            self.finish(running)
        } else {
            Ok(())
        };
        // The scheduler first: a generator may be waiting for room in its queue.
        running.scheduler.stop();
        running.generator.stop();
        stop_all(&inputs);
        let kept = self.graph.stop_keeping(gracefully && result.is_ok());
        let result = result.and(kept);
        self.graph.dismantle();
        let at = SystemTime::now();
        post(self.ctx.events(), || StreamingEvent::Stopped { at });
        self.ctx.events().flush_timeout(LAST_EVENTS);
        result
    }

    /// Lets others cut the stop short from now on; `false` when they already have.
    fn begin_ending(&self, running: &Running) -> bool {
        let mut ending = self.ending.lock();
        ending.running = Some(running.clone());
        !ending.is_cut_short
    }

    /// Ends the waiting of a graceful stop, and of those who wait for the termination, who get
    /// the error. What cannot be cancelled goes on until it or the process ends.
    pub(super) fn cut_short(&self, why: &str) {
        let running = {
            let mut ending = self.ending.lock();
            ending.is_cut_short = true;
            ending.running.take()
        };
        let batches = running.map_or(0, |running| {
            let batches = running.scheduler.unfinished();
            running.scheduler.close();
            running.generator.close();
            batches
        });
        let undone = undone(batches);
        self.outcome
            .fail_unless_stopped(&StreamError::State(format!(
                "{why} ended the stream before the graceful stop was done; {undone}"
            )));
        self.outcome.stopped();
    }

    /// Processes what was received until now; an error if that cannot be.
    fn finish(&self, running: &Running) -> Result<(), StreamError> {
        let limit = self.settings.graceful_stop_timeout;
        let deadline = Instant::now().checked_add(limit);
        let is_cut = running.generator.finish(deadline);
        let is_done = is_cut && running.scheduler.wait_idle(deadline);
        if let Some(error) = self.outcome.halted() {
            return Err(error);
        }
        if self.ending.lock().is_cut_short {
            let message = "the graceful stop was cut short".to_owned();
            return Err(StreamError::State(message));
        }
        if is_done {
            return Ok(());
        }
        let dropped = dropped(running.scheduler.unfinished(), is_cut);
        Err(StreamError::State(format!(
            "after {limit:?} of a graceful stop {dropped} not done and dropped; \
             streaming.graceful_stop_timeout gives more time"
        )))
    }
}

/// What a stop that was cut short has left, in words.
fn undone(batches: usize) -> String {
    const NEXT: &str = "with a checkpoint directory the next start does";
    match batches {
        0 => format!("no batch was begun and not done; what was received since, {NEXT}"),
        1 => format!("1 batch was not done, {NEXT} it"),
        _ => format!("{batches} batches were not done, {NEXT} them"),
    }
}

/// What a stop that took too long has left, in words, with their verb.
fn dropped(batches: usize, is_cut: bool) -> String {
    let received = "what was received last";
    match (batches, is_cut) {
        // It was done between the end of the time and now.
        (0, true) => "the last batch was".to_owned(),
        (0, false) => format!("{received} was"),
        (1, true) => "1 batch was".to_owned(),
        (1, false) => format!("1 batch and {received} were"),
        (_, true) => format!("{batches} batches were"),
        (_, false) => format!("{batches} batches and {received} were"),
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.running.lock().is_some() {
            // Nobody can wait for the result any more.
            let _ = self.stop_streams(Stop::AtOnce);
        }
        self.graph.dismantle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_stop_is_told_in_sentences() {
        assert!(undone(0).starts_with("no batch was begun and not done"));
        assert!(undone(1).starts_with("1 batch was not done") && undone(1).ends_with("does it"));
        assert!(undone(2).starts_with("2 batches were") && undone(2).ends_with("does them"));
        assert_eq!(dropped(0, false), "what was received last was");
        assert_eq!(dropped(1, true), "1 batch was");
        assert_eq!(dropped(2, true), "2 batches were");
        assert_eq!(
            dropped(2, false),
            "2 batches and what was received last were"
        );
    }
}
