//! From batch times to steps of state: one after the other, none left out, none twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::rdd::Step;
use headwater_core::{Error, Site};
use parking_lot::Mutex;

use super::store::AnyStore;
use crate::error::PlanError;
use crate::graph::Graph;
use crate::time::Time;

/// The steps of a stateful stream, each with what belongs to it.
pub(crate) struct Steps<X> {
    site: Site,
    slide: Duration,
    store: Arc<dyn AnyStore>,
    /// The steps of batches that are not done, and the last one before them, oldest first.
    planned: Mutex<VecDeque<(Time, Step, X)>>,
}

/// How many batches wait at most for one that fails again and again: each keeps its input.
const BEHIND_MAX: usize = 1000;

impl<X: Clone> Steps<X> {
    pub(crate) fn new(site: Site, slide: Duration, store: Arc<dyn AnyStore>) -> Arc<Self> {
        Arc::new(Steps {
            site,
            slide,
            store,
            planned: Mutex::default(),
        })
    }

    /// The step of a batch. `plan` makes a step from its time and the step before it; it is
    /// called for every batch since the last one that was planned, also for those that
    /// nobody asked for, since each step goes on from the one before.
    ///
    /// Called by one thread at a time, as every computation of an RDD of a batch is.
    pub(crate) fn at(
        &self,
        time: Time,
        graph: &Graph,
        plan: impl Fn(Time, Option<&Step>) -> Result<(Step, X), PlanError>,
    ) -> Result<(Step, X), PlanError> {
        if let Some(planned) = self.find(|at| at == time) {
            return Ok(planned);
        }
        let zero = graph.zero_time().unwrap_or(time);
        loop {
            let last = self.planned.lock().back().cloned();
            let next = match &last {
                Some((at, ..)) => *at + self.slide,
                None => self.store.at(0).unwrap_or(zero) + self.slide,
            };
            if next > time {
                let message = format!("the state of batch {time} is no longer there");
                return Err(PlanError::new(self.site, message));
            }
            if self.planned.lock().len() > BEHIND_MAX {
                let message = format!(
                    "the state is {BEHIND_MAX} batches behind, since none of them could be computed"
                );
                return Err(PlanError::new(self.site, message));
            }
            // Without the lock: planning a parent may lead back here, for another batch.
            let (step, with) = plan(next, last.as_ref().map(|(_, step, _)| step))?;
            self.planned
                .lock()
                .push_back((next, step.clone(), with.clone()));
            if next == time {
                return Ok((step, with));
            }
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

    /// Takes the steps up to a batch that were planned and that no output has asked for.
    fn complete(&self, up_to: Time) -> Result<(), Error>;
}

impl<X: Clone + Send + Sync> AnySteps for Steps<X> {
    fn site(&self) -> Site {
        self.site
    }

    fn store(&self) -> &Arc<dyn AnyStore> {
        &self.store
    }

    fn complete(&self, up_to: Time) -> Result<(), Error> {
        let Some((step, _)) = self.find(|at| at <= up_to) else {
            return Ok(());
        };
        step.complete()?;
        // The last one stays, as the one to go on from.
        let mut planned = self.planned.lock();
        while planned.get(1).is_some_and(|(at, ..)| *at <= up_to) {
            planned.pop_front();
        }
        Ok(())
    }
}
