//! The thread that writes state whole from time to time.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::keeper::Keeper;
use crate::error::StreamError;
use crate::state::AnySteps;
use crate::threads::Owner;
use crate::time::Time;

/// Writes checkpoints beside the batches.
pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    keeper: Arc<Keeper>,
    states: Vec<Arc<dyn AnySteps>>,
    interval: Duration,
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

struct Wanted {
    last: Time,
    is_due: bool,
    is_over: bool,
}

impl Checkpointer {
    pub(crate) fn start(
        owner: Owner,
        keeper: Arc<Keeper>,
        states: Vec<Arc<dyn AnySteps>>,
        interval: Duration,
        begin: Time,
    ) -> Result<Self, StreamError> {
        let shared = Arc::new(Shared {
            keeper,
            states,
            interval,
            wanted: Mutex::new(Wanted {
                last: begin,
                is_due: false,
                is_over: false,
            }),
            changed: Condvar::new(),
        });
        let work = shared.clone();
        let thread = owner.spawn("headwater-checkpointer".to_owned(), move || work.run())?;
        Ok(Checkpointer {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Told of each batch that is done.
    pub(crate) fn ended(&self, time: Time) {
        let mut wanted = self.shared.wanted.lock();
        if time - wanted.last >= self.shared.interval {
            wanted.last = time;
            wanted.is_due = true;
            self.shared.changed.notify_all();
        }
    }

    /// Ends the thread, after a last checkpoint if that is asked for.
    pub(crate) fn stop(&self, one_more: bool) -> Result<(), StreamError> {
        self.shared.wanted.lock().is_over = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // It reports what fails itself.
            let _ = thread.join();
        }
        if one_more {
            self.shared.keeper.checkpoint(&self.shared.states)?;
        }
        Ok(())
    }
}

impl Shared {
    fn run(&self) {
        loop {
            {
                let mut wanted = self.wanted.lock();
                while !wanted.is_due && !wanted.is_over {
                    self.changed.wait(&mut wanted);
                }
                if wanted.is_over {
                    return;
                }
                wanted.is_due = false;
            }
            if let Err(error) = self.keeper.checkpoint(&self.states) {
                tracing::error!("no checkpoint was written, the journal is kept longer: {error}");
            }
        }
    }
}
