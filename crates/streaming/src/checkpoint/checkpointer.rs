//! The thread that writes state whole from time to time: when that is due by the time, or when
//! the changes since have become longer than the state. It waits for moments in which no batch
//! runs, but not for ever.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use headwater_core::Context;
use parking_lot::{Condvar, Mutex};

use super::info::{CheckpointFailure, CheckpointInfo};
use super::keeper::Keeper;
use super::pace::Pace;
use crate::batch::post;
use crate::error::StreamError;
use crate::events::StreamingEvent;
use crate::state::AnySteps;
use crate::threads::Owner;
use crate::time::Time;

/// Writes checkpoints beside the batches.
pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    ctx: Context,
    keeper: Arc<Keeper>,
    states: Vec<Arc<dyn AnySteps>>,
    interval: Duration,
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

struct Wanted {
    last: Time,
    /// Since which batch state should be written, until it is.
    due_since: Option<Time>,
    is_over: bool,
}

impl Checkpointer {
    pub(crate) fn start(
        ctx: &Context,
        owner: Owner,
        keeper: Arc<Keeper>,
        states: Vec<Arc<dyn AnySteps>>,
        interval: Duration,
        begin: Time,
    ) -> Result<Self, StreamError> {
        let shared = Arc::new(Shared {
            ctx: ctx.clone(),
            keeper,
            states,
            interval,
            wanted: Mutex::new(Wanted {
                last: begin,
                due_since: None,
                is_over: false,
            }),
            changed: Condvar::new(),
        });
        let work = shared.clone();
        let thread = owner.spawn("hw-checkpointer".to_owned(), move || work.run())?;
        Ok(Checkpointer {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Told of each batch that is done.
    pub(crate) fn ended(&self, time: Time) {
        let Shared {
            keeper, interval, ..
        } = &*self.shared;
        let mut wanted = self.shared.wanted.lock();
        match wanted.due_since {
            // A stream that is never idle has its state written all the same, but not so often
            // that it does little else.
            Some(since) => {
                let is_late = time - since >= *interval && keeper.weight.is_worth_waiting();
                keeper.pace.set_late(is_late);
            }
            None if time - wanted.last >= *interval || keeper.weight.is_heavy() => {
                wanted.last = time;
                wanted.due_since = Some(time);
                self.shared.changed.notify_all();
            }
            None => {}
        }
    }

    /// Ends the thread, after a last checkpoint if that is asked for.
    pub(crate) fn stop(&self, one_more: bool) -> Result<(), StreamError> {
        self.shared.wanted.lock().is_over = true;
        self.shared.changed.notify_all();
        self.shared.keeper.pace.end();
        if let Some(thread) = self.thread.lock().take() {
            // It reports what fails itself.
            let _ = thread.join();
        }
        if one_more {
            // No batch runs any more.
            let at_once = Pace::default();
            self.shared.checkpoint(&at_once)?;
        }
        Ok(())
    }
}

impl Shared {
    fn run(&self) {
        while self.wait_until_due() {
            let pace = &self.keeper.pace;
            if let Err(error) = self.checkpoint(pace) {
                tracing::error!("no checkpoint was written, the journal is kept longer: {error}");
            }
            let mut wanted = self.wanted.lock();
            wanted.due_since = None;
            pace.set_late(false);
        }
    }

    /// Writes a checkpoint, and tells how that went.
    fn checkpoint(&self, pace: &Pace) -> Result<(), StreamError> {
        let began = Instant::now();
        let written = self.keeper.checkpoint(&self.states, pace);
        let (at, took) = (SystemTime::now(), began.elapsed());
        let written = written.inspect_err(|error| {
            post(self.ctx.events(), || {
                let message = error.to_string().into();
                StreamingEvent::CheckpointFailed(CheckpointFailure { at, took, message })
            });
        })?;
        if let Some(written) = written {
            post(self.ctx.events(), || {
                StreamingEvent::CheckpointWritten(CheckpointInfo {
                    at,
                    took,
                    time: written.time,
                    state_bytes: written.state_bytes,
                    snapshots: written.snapshots,
                    unchanged: written.unchanged,
                    manifest: written.manifest,
                })
            });
        }
        Ok(())
    }

    /// `false` when nothing will be due any more.
    fn wait_until_due(&self) -> bool {
        let mut wanted = self.wanted.lock();
        while wanted.due_since.is_none() && !wanted.is_over {
            self.changed.wait(&mut wanted);
        }
        !wanted.is_over
    }
}
