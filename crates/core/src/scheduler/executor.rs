//! Who runs tasks: an interface, and the pool of local threads that is its first form.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use super::stack::STACK_BYTES;
use crate::error::Error;

/// A task that is ready to run. Running it never panics and always reports its end.
pub(crate) struct Work {
    /// Gets the number of the slot that it runs on.
    pub(crate) run: Box<dyn FnOnce(usize) + Send>,
}

/// Runs tasks.
///
/// # Contract
/// - [`Executor::submit`] returns at once; the scheduler bounds how much it hands over.
/// - Work that is taken before [`Executor::shut_down`] is run, once, on a thread on which
///   nothing else runs at that time; work that is submitted later is dropped, which the
///   scheduler notices because the work's reporting end is dropped with it.
pub(crate) trait Executor: Send + Sync {
    fn slots(&self) -> usize;

    fn submit(&self, work: Work);

    fn shut_down(&self);
}

/// One thread for each slot, fed from one queue, first in first out.
pub(crate) struct LocalExecutor {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    slots: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work_came: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    closed: bool,
}

impl LocalExecutor {
    pub(crate) fn start(slots: usize) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let executor = LocalExecutor {
            shared,
            threads: Mutex::default(),
            slots,
        };
        for slot in 0..slots {
            let shared = executor.shared.clone();
            let thread = std::thread::Builder::new()
                .name(format!("hw-slot-{slot}"))
                .stack_size(STACK_BYTES)
                .spawn(move || work_on(slot, &shared))
                .map_err(|error| Error::io("start a thread for", format!("slot {slot}"), error))?;
            executor.threads.lock().push(thread);
        }
        Ok(executor)
    }
}

impl Executor for LocalExecutor {
    fn slots(&self) -> usize {
        self.slots
    }

    fn submit(&self, work: Work) {
        let mut state = self.shared.state.lock();
        if state.closed {
            return;
        }
        state.queue.push_back(work);
        drop(state);
        self.shared.work_came.notify_one();
    }

    fn shut_down(&self) {
        self.shared.state.lock().closed = true;
        self.shared.work_came.notify_all();
        let me = std::thread::current().id();
        if super::in_task() {
            // Others may wait for what this task holds; they end by themselves.
            self.threads.lock().clear();
            return;
        }
        for thread in self.threads.lock().drain(..) {
            if thread.thread().id() != me {
                // Tasks catch their panics, so the thread has nothing to report.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for LocalExecutor {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn work_on(slot: usize, shared: &Shared) {
    loop {
        let work = {
            let mut state = shared.state.lock();
            loop {
                if let Some(work) = state.queue.pop_front() {
                    break work;
                }
                if state.closed {
                    return;
                }
                shared.work_came.wait(&mut state);
            }
        };
        // A slot outlives whatever its tasks do.
        if catch_unwind(AssertUnwindSafe(|| (work.run)(slot))).is_err() {
            tracing::error!("a panic escaped from a task");
        }
    }
}
