//! Where a graph writes what happens, if anywhere, and in which order inputs hear of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Graph;
use crate::batch::BatchEnd;
use crate::checkpoint::{Checkpointer, Keeper};
use crate::error::StreamError;
use crate::time::Time;

/// What writes a stream's checkpoints.
#[derive(Clone)]
pub(super) struct Keeping {
    keeper: Arc<Keeper>,
    checkpointer: Arc<Checkpointer>,
}

/// Which batches are committed next, where no keeper says so.
#[derive(Default)]
pub(super) struct Commits {
    /// Held by the thread that commits, so that inputs hear of one batch after the other.
    in_order: Mutex<()>,
    /// The batches that are not committed, and whether they are done.
    open: Mutex<BTreeMap<Time, bool>>,
}

impl Commits {
    fn begun(&self, time: Time) {
        self.open.lock().insert(time, false);
    }

    /// A batch is done: those that no older one keeps back any more, in their order.
    fn done(&self, time: Time) -> Vec<Time> {
        let mut open = self.open.lock();
        open.insert(time, true);
        let first_open = open.iter().find(|(_, is_done)| !**is_done);
        let later = match first_open.map(|(time, _)| *time) {
            Some(first_open) => open.split_off(&first_open),
            None => BTreeMap::new(),
        };
        std::mem::replace(&mut *open, later).into_keys().collect()
    }
}

impl Graph {
    /// A batch is about to be queued; called in the order of the batches.
    pub(crate) fn begins_batch(&self, time: Time) {
        // A keeper knows the batches by their cuts, those of earlier processes too.
        if self.keeping.lock().is_none() {
            self.commits.begun(time);
        }
    }

    /// From now on what happens is written.
    pub(crate) fn keep(&self, keeper: Arc<Keeper>, checkpointer: Checkpointer) {
        *self.keeping.lock() = Some(Keeping {
            keeper,
            checkpointer: Arc::new(checkpointer),
        });
    }

    pub(crate) fn keeper(&self) -> Option<Arc<Keeper>> {
        let keeping = self.keeping.lock();
        keeping.as_ref().map(|keeping| keeping.keeper.clone())
    }

    /// Makes what a batch has done last, and tells inputs of each batch that is committed now: in
    /// the order of the batches, one at a time, whichever thread comes first. How long the
    /// writing took, if it is written.
    pub(crate) fn commit(
        &self,
        time: Time,
        end: BatchEnd,
    ) -> Result<Option<Duration>, StreamError> {
        let _in_order = self.commits.in_order.lock();
        let mut took = None;
        let keeping = self.keeping.lock().clone();
        let ended = match keeping {
            None => self.commits.done(time),
            Some(Keeping {
                keeper,
                checkpointer,
            }) => {
                let began = Instant::now();
                let (states, zero) = (self.live_state(), self.zero_time().unwrap_or(time));
                let has_come_to = |state: usize, batch| {
                    let state = states.get(state);
                    state.is_none_or(|(_, steps)| steps.pending(zero) > batch)
                };
                let ended = keeper.end(time, end, has_come_to)?;
                // One that overtook another is written with that.
                took = ended.contains(&time).then(|| began.elapsed());
                ended.iter().for_each(|time| checkpointer.ended(*time));
                ended
            }
        };
        for input in self.inputs() {
            ended.iter().for_each(|time| input.committed(*time));
        }
        Ok(took)
    }

    /// Ends writing, after a last checkpoint if that is asked for, and lets go of the
    /// directory.
    pub(crate) fn stop_keeping(&self, one_more: bool) -> Result<(), StreamError> {
        let Some(keeping) = self.keeping.lock().take() else {
            return Ok(());
        };
        let stopped = keeping.checkpointer.stop(one_more);
        keeping.keeper.close();
        stopped
    }
}
