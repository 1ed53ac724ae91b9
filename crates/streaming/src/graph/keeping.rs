//! Where a graph writes what happens, if anywhere.

use std::sync::Arc;

use super::Graph;
use crate::checkpoint::{Checkpointer, Keeper};
use crate::error::StreamError;
use crate::time::Time;

/// What writes a stream's checkpoints.
#[derive(Clone)]
pub(super) struct Keeping {
    keeper: Arc<Keeper>,
    checkpointer: Arc<Checkpointer>,
}

impl Graph {
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

    /// Makes what a batch has done last.
    pub(crate) fn commit(&self, time: Time, failure: Option<&str>) -> Result<(), StreamError> {
        let keeping = self.keeping.lock().clone();
        let ended = match keeping {
            None => vec![time],
            Some(Keeping {
                keeper,
                checkpointer,
            }) => {
                let ended = keeper.end(time, failure.map(str::to_owned))?;
                ended.iter().for_each(|time| checkpointer.ended(*time));
                ended
            }
        };
        for input in self.inputs() {
            ended.iter().for_each(|time| input.committed(*time));
        }
        Ok(())
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
