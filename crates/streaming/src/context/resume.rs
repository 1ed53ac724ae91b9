//! Going on where an earlier process has ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headwater_store::Location;

use super::Inner;
use crate::checkpoint::{
    Checkpointer, Keeper, Limits, Opened, Outputs, Part, Program, ReachingBack, Resumed,
};
use crate::conf::{self, OnFailure};
use crate::error::{PlanError, StreamError};
use crate::graph::{AnyStream, NodeId};
use crate::state::{AnySteps, AnyStore, taken_in};
use crate::time::Time;

/// After how many remembered batches the state is brought up to them: a job looks at every step
/// that was not taken, once for each batch whose state it reads.
const BROUGHT_UP_EVERY: usize = 200;

/// The checkpoint directory of a stream.
#[derive(Clone)]
pub(super) struct CheckpointDirectory {
    pub(super) at: Location,
    /// Go on from what is there; otherwise nothing must be there.
    pub(super) goes_on: bool,
}

impl CheckpointDirectory {
    /// Whether the past of an earlier stream may be there.
    pub(super) fn take_past(&self) -> Result<(), StreamError> {
        if self.goes_on {
            return Ok(());
        }
        Err(StreamError::Checkpoint {
            directory: self.at.to_string(),
            message: "a stream has left its past there; StreamingContext::get_or_create goes on \
                      from it, and a stream that begins anew needs an empty directory"
                .to_owned(),
        })
    }
}

impl Inner {
    /// Opens the checkpoint directory, if there is one.
    pub(super) fn open_checkpoint(&self) -> Result<Option<Opened>, StreamError> {
        let Some(directory) = self.checkpoint.lock().clone() else {
            return self.graph.check_without_directory().map(|()| None);
        };
        let allowed = self.ctx.conf().get(&conf::CHECKPOINT_ALLOW)?;
        let mut opened = Opened::open(&directory.at, &allowed.0, self.clock.now())?;
        if opened.holds_past() {
            directory.take_past()?;
        }
        if self.ctx.conf().get(&conf::CHECKPOINT_RUN_LAST_AGAIN)? {
            opened.forget_last_end();
        }
        Ok(Some(opened))
    }

    /// What a checkpoint knows about the program.
    pub(super) fn program(&self) -> Program {
        let (states, inputs) = (self.graph.state_in_use(), self.graph.inputs());
        let states = states
            .iter()
            .map(|(stream, steps)| Part::of_state(stream.info(), steps.takes_over().form()));
        let inputs = inputs.iter().map(|input| Part::of(input.stream()));
        Program {
            app_name: self.ctx.app_name().to_owned(),
            batch_ms: u64::try_from(self.graph.batch.as_millis()).unwrap_or(u64::MAX),
            states: states.collect(),
            inputs: inputs.collect(),
            outputs: Outputs::new(self.graph.outputs().iter().map(|output| {
                let stream = Part::of(output.stream.info());
                (Part::of_output(output), stream)
            })),
        }
    }

    /// What the inputs say about the positions of a checkpoint directory.
    pub(super) fn sources(&self) -> impl Fn(usize, &[u8]) -> Result<(), String> {
        let inputs = self.graph.inputs();
        move |place: usize, position: &[u8]| match inputs.get(place) {
            Some(input) => input.check_position(position),
            None => Ok(()),
        }
    }

    /// Brings the graph, which has begun, to where the past has ended, and has everything
    /// written from now on. The batches of which
    /// some state could not be planned, as far as they are remembered.
    pub(super) fn go_on_from(
        &self,
        opened: Opened,
        zero: Time,
    ) -> Result<BTreeSet<Time>, StreamError> {
        let conf = self.ctx.conf();
        let allowed = conf.get(&conf::CHECKPOINT_ALLOW)?;
        let (states, inputs) = (self.graph.live_state(), self.graph.inputs());
        let reaching: Vec<_> = states
            .iter()
            .map(|(stream, steps)| ReachingBack {
                steps: steps.clone(),
                back: self.reaches_back(&**stream, &**steps),
                reads: self.graph.reads_of(&**stream),
            })
            .collect();
        let input_memory = |input: &Arc<dyn crate::input::Input>| {
            input.reaches_back().max(input.stream().remembered())
        };
        // The next process may be told to run the last batch again, whatever this one was told.
        let again = self.graph.batch;
        let limits = Limits::of(
            conf.get(&conf::CHECKPOINT_KEEP)?,
            inputs.iter().map(input_memory),
            reaching.iter().map(|state| state.back),
            again,
        );
        self.warn_of_queues();
        let (program, sources) = (self.program(), self.sources());
        let ready = opened.hand_to(program, zero, &allowed.0, limits, &reaching, &sources)?;
        self.graph.number_outputs(&ready.outputs);
        let keeper = ready.keeper;
        let outcome = self.outcome.clone();
        keeper.on_failure(move |error| outcome.halt(error));
        let owner = self.graph.owner;
        let stores: Vec<_> = reaching.into_iter().map(|state| state.steps).collect();
        let restored = keeper
            .start_flushing(owner)
            .and_then(|()| self.restore(&keeper, ready.resumed.as_ref(), &stores));
        if let Err(error) = restored {
            // States may hold on to it.
            keeper.close();
            return Err(error);
        }
        let asked = states
            .iter()
            .filter_map(|(stream, _)| stream.info().checkpoint());
        let interval = match asked.map(|(_, interval)| interval).min() {
            Some(interval) => interval,
            None => conf.get(&conf::CHECKPOINT_INTERVAL)?,
        };
        let (ended, unplanned) = match ready.resumed {
            Some(Resumed { past }) => (past.ended, past.since.unplanned),
            None => (zero, BTreeSet::new()),
        };
        let checkpointer =
            Checkpointer::start(&self.ctx, owner, keeper.clone(), stores, interval, ended)
                .inspect_err(|_| keeper.close())?;
        self.graph.keep(keeper, checkpointer);
        Ok(unplanned)
    }

    /// Brings inputs back, and has what happens to them and to states written.
    fn restore(
        &self,
        keeper: &Arc<Keeper>,
        resumed: Option<&Resumed>,
        states: &[Arc<dyn AnySteps>],
    ) -> Result<(), StreamError> {
        let last = resumed.and_then(|resumed| {
            let cut = resumed.past.cuts.keys().next_back().copied();
            cut.max(resumed.past.since.may_have_run)
        });
        if let Some(last) = last {
            self.graph.set_reruns_up_to(last);
        }
        for (number, steps) in states.iter().enumerate() {
            if !steps.store().set_log(NodeId(number), keeper.clone()) {
                let message = format!(
                    "the state of {} has a log of its own; with a checkpoint directory it is \
                     logged there",
                    steps.site()
                );
                return Err(StreamError::State(message));
            }
        }
        let resumed = resumed.map(|resumed| {
            let (zero, ended) = (resumed.past.zero, resumed.past.ended);
            let taken_in = taken_in(states, zero);
            (
                resumed,
                taken_in.map_or(ended, |taken_in| taken_in.min(ended)),
            )
        });
        for (number, input) in self.graph.inputs().iter().enumerate() {
            let past = resumed.and_then(|(resumed, taken_in)| resumed.input(number, taken_in));
            input.keep(keeper, number, past.as_ref())?;
        }
        keeper.begin(states)
    }

    fn warn_of_queues(&self) {
        for stream in self.graph.streams() {
            let site = stream.info().site;
            if stream.info().reads_queue() {
                tracing::warn!(
                    "{site}: what is in a queue is not found again after a restart; a source or a \
                     receiver is"
                );
            }
        }
    }

    /// Plans what readers of state remember of the batches before the first one of this
    /// process, and what states that are behind have not taken in, as it would have been planned
    /// in its time.
    pub(super) fn plan_remembered(
        &self,
        (zero, ended): (Time, Time),
        unplanned: &BTreeSet<Time>,
    ) -> Result<(), StreamError> {
        let (batch, streams) = (self.graph.batch, self.graph.streams());
        let states = self.graph.live_state().into_iter().map(|(stream, steps)| {
            let remembered = ended - self.reaches_back(&*stream, &*steps);
            let since = remembered.min(steps.pending(zero) - batch);
            let is_reader = |reader: &&Arc<dyn AnyStream>| {
                reader.info().is_of_state(stream.info(), steps.store())
            };
            let readers: Vec<_> = streams.iter().filter(is_reader).collect();
            (steps, since, readers)
        });
        let states: Vec<_> = states.collect();
        let Some(first) = states.iter().map(|(_, since, _)| *since).min() else {
            return Ok(());
        };
        // All states of a batch before the next one: they read each other.
        for (number, time) in (1_usize..).zip((first + batch).to(ended, batch)) {
            for (steps, _, readers) in states.iter().filter(|(_, since, _)| time > *since) {
                for reader in readers {
                    if let Err(error) = reader.plan(time) {
                        self.go_on_without((time, unplanned), &**steps, &error)?;
                    }
                }
            }
            if number.is_multiple_of(BROUGHT_UP_EVERY) {
                states
                    .iter()
                    .for_each(|(steps, ..)| self.bring_up(&**steps, time));
            }
        }
        Ok(())
    }

    /// Deals with a remembered batch that cannot be planned. If it could not in its time either, in
    /// a stream that goes on after failures, the state goes on without its records as it did then.
    /// Otherwise the state has them, and would lose them.
    fn go_on_without(
        &self,
        (time, unplanned): (Time, &BTreeSet<Time>),
        steps: &dyn AnySteps,
        error: &PlanError,
    ) -> Result<(), StreamError> {
        let site = steps.site();
        let goes_on = self.settings.policy.on_failure == OnFailure::Continue;
        let allowed = self.ctx.conf().get(&conf::CHECKPOINT_ALLOW)?;
        if (goes_on && unplanned.contains(&time)) || allowed.0.damage() {
            tracing::error!(batch = %time, "the state of {site} goes on without it: {error}");
            return Ok(());
        }
        Err(StreamError::Stateful {
            time,
            site,
            message: format!(
                "{error}; the batch is done, and others look back at it: start the stream again \
                 once that is mended, or with streaming.checkpoint.allow=damage, and the state \
                 goes on without its records"
            ),
        })
    }

    /// Takes the steps that were planned up to a remembered batch.
    fn bring_up(&self, steps: &dyn AnySteps, time: Time) {
        let group = self.graph.owner.job_group();
        let description = format!("state of batch time {time}");
        let complete = || steps.complete(time);
        let completed = self.ctx.with_job_group(&group, &description, complete);
        if let Err(error) = completed {
            // The first batch takes these steps too, and fails if it cannot.
            let site = steps.site();
            tracing::warn!(batch = %time, "the state of {site} is not brought up yet: {error}");
        }
    }

    /// How far before the last batch a state has to begin again, so that all that its readers
    /// remember is there.
    fn reaches_back(&self, stream: &dyn AnyStream, steps: &dyn AnySteps) -> Duration {
        let store: &Arc<dyn AnyStore> = steps.store();
        let readers = self.graph.streams().into_iter();
        let readers = readers.map(|reader| reader.info().remembers(store));
        let info = stream.info();
        let longest = readers.max().unwrap_or_default().max(info.remembered());
        longest.saturating_sub(info.slide)
    }
}
