//! What all streams that keep state have in common.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::rdd::{Shown, Step};
use headwater_core::{Context, Key, Partitioning, Rdd, Record, Site, Wire};

use super::DStream;
use crate::error::PlanError;
use crate::graph::{AnyStream, Plan};
use crate::state::{
    Holds, Initial, Kept, LoadStep, Migrations, Movable, PartitionState, StepPlan, Steps, Store,
};
use crate::time::Time;

/// Gives the step of a batch and what belongs to it; none for a batch before a restart of whose
/// state nothing was kept.
pub(super) type StepAt<X> = dyn Fn(Time) -> Result<Option<(Step, X)>, PlanError> + Send + Sync;

/// A state that is being built: its steps, from which streams are made.
pub(super) struct Stateful<X> {
    steps: Arc<Steps<X>>,
    at: Arc<StepAt<X>>,
    plan: Plan,
}

impl<X> Stateful<X> {
    /// Gives the step of a batch, for further streams of the same state.
    pub(super) fn step_at(&self) -> Arc<StepAt<X>> {
        self.at.clone()
    }
}

impl<T: Record> DStream<T> {
    /// State that `plan` brings from batch to batch.
    pub(super) fn stateful<P: Movable, X: Clone + Send + Sync + 'static>(
        &self,
        (site, slide): (Site, Duration),
        kept: Kept<P>,
        plan: impl Fn(StepPlan<'_>) -> Result<(Step, X), PlanError> + Send + Sync + 'static,
    ) -> Stateful<X> {
        let steps = Steps::new(site, slide, kept);
        let (graph, planned) = (self.graph().clone(), steps.clone());
        Stateful {
            steps,
            at: Arc::new(move |time| match planned.has_begun(time) {
                true => planned.at(time, &graph, &plan).map(Some),
                false => Ok(None),
            }),
            plan: Plan {
                site,
                slide,
                // What is older is in the state.
                looks_back: slide.saturating_sub(self.slide()),
                parents: vec![self.erased()],
            },
        }
    }

    /// Keeps a mistake in what is said about versions of a state.
    pub(super) fn check_migrations<K: Key, S: Wire>(&self, site: Site, said: &Migrations<K, S>) {
        if let Some(message) = said.mistake() {
            self.graph().mistake(site, message);
        }
    }

    /// The stream of what `show` makes of each step.
    pub(super) fn stateful_stream<U: Record, X: Clone + Send + Sync + 'static>(
        &self,
        state: Stateful<X>,
        show: impl Fn(&Step, X, Time) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        let Stateful { steps, at, plan } = state;
        let ctx = self.graph().ctx.clone();
        let stream = self.graph().add(plan, move |time| match at(time)? {
            Some((step, with)) => Ok(show(&step, with, time)),
            None => Ok(ctx.parallelize(Vec::new(), 1)),
        });
        self.graph().add_state(stream.clone(), steps);
        DStream { stream }
    }

    /// The stream of the state itself, its keys placed by `partitioning` if that is given.
    pub(super) fn state_stream<K: Key, S: Wire, P: PartitionState<Record = (K, S)>>(
        &self,
        state: Stateful<()>,
        store: Arc<Store<P>>,
        partitioning: Option<Partitioning<K>>,
    ) -> DStream<(K, S)> {
        let (shown, reader) = (store.clone(), store.add_reader());
        let stream = self.stateful_stream(state, move |step, (), time| {
            show_state(step, &store, time, partitioning.clone())
        });
        AnyStream::info(&*stream.stream).set_shows(shown, reader);
        stream
    }
}

/// The RDD of a state as a batch left it.
pub(super) fn show_state<K: Key, S: Wire, P: PartitionState<Record = (K, S)>>(
    step: &Step,
    store: &Arc<Store<P>>,
    time: Time,
    partitioning: Option<Partitioning<K>>,
) -> Rdd<(K, S)> {
    let store = store.clone();
    let show = move |partition, to: &mut Shown<'_, (K, S)>| store.show(partition, time, to);
    match partitioning {
        Some(partitioning) => step.pair_rdd(partitioning, show),
        None => step.rdd(show),
    }
}

/// Initial states of a stream, and where they go.
#[derive(Clone)]
pub(super) struct InitialState<K, S, P> {
    pub(super) site: Site,
    pub(super) slide: Duration,
    pub(super) rdd: Option<Rdd<(K, S)>>,
    pub(super) partitioning: Partitioning<K>,
    pub(super) store: Arc<Store<P>>,
    pub(super) holds: Holds,
}

impl<K: Key, S: Wire, P: Initial<Record = (K, S)>> InitialState<K, S, P> {
    /// The step before the first batch, which is at `first`.
    pub(super) fn step(&self, ctx: &Context, first: Time) -> Step {
        let place = |rdd: &Rdd<(K, S)>| rdd.partition_by(self.partitioning.clone());
        let input: Vec<_> = self.rdd.iter().map(place).collect();
        let work = LoadStep {
            store: self.store.clone(),
            time: first - self.slide,
            stamp: first,
            holds: self.holds,
        };
        let partitions = self.partitioning.num_partitions();
        ctx.step(self.site, partitions, &input, None, work)
    }
}
