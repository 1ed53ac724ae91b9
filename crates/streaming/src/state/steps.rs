//! From batch times to steps of state: one after the other, none left out, none twice.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::rdd::Step;
use headwater_core::{Context, Error, Rdd, Record, Site};
use parking_lot::Mutex;

use super::movable::Movable;
use super::older::{Kept, TakesOver};
use super::store::AnyStore;
use crate::error::PlanError;
use crate::graph::Graph;
use crate::time::Time;

/// The steps of a stateful stream, each with what belongs to it.
pub(crate) struct Steps<X> {
    site: Site,
    slide: Duration,
    store: Arc<dyn AnyStore>,
    takes_over: Box<dyn TakesOver>,
    /// In a stream that goes on, the batch up to which nothing of the state is there: it is
    /// new, or was not kept for longer.
    begins_after: OnceLock<Time>,
    /// The steps of batches that are not done, and the last one before them, oldest first.
    planned: Mutex<VecDeque<(Time, Step, X)>>,
}

/// What a step is planned from.
#[derive(Clone, Copy)]
pub(crate) struct StepPlan<'a> {
    /// The batch.
    pub(crate) time: Time,
    /// The step before; none before the first one.
    pub(crate) before: Option<&'a Step>,
    /// The batch is over, and what it should have read will never be there.
    is_lost: bool,
}

impl StepPlan<'_> {
    /// The input of the step, or nothing in its place when that is lost.
    pub(crate) fn input<T: Record>(
        &self,
        ctx: &Context,
        partitions: usize,
        read: impl FnOnce() -> Result<Rdd<T>, PlanError>,
    ) -> Result<Rdd<T>, PlanError> {
        match read() {
            Err(_) if self.is_lost => Ok(ctx.parallelize(Vec::new(), partitions.max(1))),
            read => read,
        }
    }
}

impl<X: Clone> Steps<X> {
    pub(crate) fn new<P: Movable>(site: Site, slide: Duration, state: Kept<P>) -> Arc<Self> {
        Arc::new(Steps {
            site,
            slide,
            store: state.store.clone(),
            takes_over: Box::new(state),
            begins_after: OnceLock::new(),
            planned: Mutex::default(),
        })
    }

    /// Whether a batch is none of those before a restart of whose state nothing was kept.
    pub(crate) fn has_begun(&self, time: Time) -> bool {
        self.begins_after.get().is_none_or(|batch| time > *batch)
    }

    /// The step of a batch. `plan` makes a step from its time and the step before it; it is
    /// called for every batch since the last one that was planned, since each step goes on
    /// from the one before. A batch whose input could not even be planned later is over: its
    /// outputs have failed, and state goes on without it.
    ///
    /// Called by one thread at a time, as every computation of an RDD of a batch is.
    pub(crate) fn at(
        &self,
        time: Time,
        graph: &Graph,
        plan: impl Fn(StepPlan<'_>) -> Result<(Step, X), PlanError>,
    ) -> Result<(Step, X), PlanError> {
        if let Some(planned) = self.find(|at| at == time) {
            return Ok(planned);
        }
        self.drop_complete();
        let zero = graph.zero_time().unwrap_or(time);
        loop {
            let last = self.planned.lock().back().cloned();
            let next = self.after(last.as_ref().map(|(at, ..)| *at), zero);
            if next > time {
                let message = format!("the state of batch {time} is no longer there");
                return Err(PlanError::new(self.site, message));
            }
            let before = last.as_ref().map(|(_, step, _)| step);
            // Without the lock: planning a parent may lead back here, for another batch.
            let (step, with) = self.plan(next, time, before, &plan)?;
            self.planned
                .lock()
                .push_back((next, step.clone(), with.clone()));
            if next == time {
                return Ok((step, with));
            }
        }
    }

    fn plan(
        &self,
        time: Time,
        asked: Time,
        before: Option<&Step>,
        plan: impl Fn(StepPlan<'_>) -> Result<(Step, X), PlanError>,
    ) -> Result<(Step, X), PlanError> {
        let of = |is_lost| StepPlan {
            time,
            before,
            is_lost,
        };
        match plan(of(false)) {
            Err(error) if time < asked => {
                tracing::error!(
                    batch = %time,
                    "the state of {} goes on without the records of this batch: {error}",
                    self.site
                );
                plan(of(true))
            }
            planned => planned,
        }
    }

    /// The time of the step that follows the last planned one.
    fn after(&self, last: Option<Time>, zero: Time) -> Time {
        let last = last.or_else(|| self.store.reached());
        let last = last.or_else(|| self.begins_after.get().copied());
        last.unwrap_or(zero) + self.slide
    }

    /// Drops the steps that are taken, but for the last of them, from which time goes on.
    fn drop_complete(&self) {
        let mut planned = self.planned.lock();
        while planned.len() > 1
            && planned
                .front()
                .is_some_and(|(_, step, _)| step.is_complete())
        {
            planned.pop_front();
        }
    }

    /// The last planned step of the batches that are wanted.
    fn find(&self, is_wanted: impl Fn(Time) -> bool) -> Option<(Step, X)> {
        let planned = self.planned.lock();
        let found = planned.iter().rfind(|(at, ..)| is_wanted(*at));
        found.map(|(_, step, with)| (step.clone(), with.clone()))
    }
}

/// Steps without the types of their state.
pub(crate) trait AnySteps: Send + Sync {
    fn site(&self) -> Site;

    fn store(&self) -> &Arc<dyn AnyStore>;

    /// How the state goes on from what was kept of it.
    fn takes_over(&self) -> &dyn TakesOver;

    /// Says that nothing of the state is there up to a batch. Readers that look back further
    /// find it empty, as they do in a stream that has just begun. Time began at `zero`.
    fn begin_after(&self, batch: Time, zero: Time);

    /// Takes the steps up to a batch that were planned and that no output has asked for.
    fn complete(&self, up_to: Time) -> Result<(), Error>;

    /// How many steps up to a batch were planned and are not taken everywhere.
    fn behind(&self, up_to: Time) -> usize;

    /// The first batch whose step is not taken everywhere; time began at `zero`.
    fn pending(&self, zero: Time) -> Time;
}

impl<X: Clone + Send + Sync> AnySteps for Steps<X> {
    fn site(&self) -> Site {
        self.site
    }

    fn store(&self) -> &Arc<dyn AnyStore> {
        &self.store
    }

    fn takes_over(&self) -> &dyn TakesOver {
        &*self.takes_over
    }

    fn begin_after(&self, batch: Time, zero: Time) {
        let since_zero = batch.checked_since(zero).unwrap_or_default().as_millis();
        let past_slide = since_zero.checked_rem(self.slide.as_millis()).unwrap_or(0);
        let past_slide = Duration::from_millis(u64::try_from(past_slide).unwrap_or(0));
        // What was said first holds.
        let _ = self.begins_after.set(batch.max(zero) - past_slide);
    }

    fn complete(&self, up_to: Time) -> Result<(), Error> {
        let Some((step, _)) = self.find(|at| at <= up_to) else {
            return Ok(());
        };
        step.complete()?;
        self.drop_complete();
        Ok(())
    }

    fn behind(&self, up_to: Time) -> usize {
        let planned = self.planned.lock();
        let is_behind = |(at, step, _): &&(Time, Step, X)| *at <= up_to && !step.is_complete();
        planned.iter().filter(is_behind).count()
    }

    fn pending(&self, zero: Time) -> Time {
        let planned = self.planned.lock();
        let first = planned.iter().find(|(_, step, _)| !step.is_complete());
        match first {
            Some((at, ..)) => *at,
            None => self.after(planned.back().map(|(at, ..)| *at), zero),
        }
    }
}

/// The last moment of which all of these states have taken in everything; none without states.
/// Time began at `zero`.
pub(crate) fn taken_in<'a>(
    states: impl IntoIterator<Item = &'a Arc<dyn AnySteps>>,
    zero: Time,
) -> Option<Time> {
    let pending = states.into_iter().map(|steps| steps.pending(zero)).min();
    pending.map(|first| first - Duration::from_millis(1))
}
