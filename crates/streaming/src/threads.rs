//! The threads of a stream, which know whose they are.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use headwater_core::STACK_BYTES;

use crate::error::StreamError;

static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OWNER: Cell<Option<Owner>> = const { Cell::new(None) };
}

/// Tells the threads and jobs of one streaming context from those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(u64);

impl Owner {
    pub(crate) fn new() -> Self {
        Owner(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts a thread of this stream.
    pub(crate) fn spawn(
        self,
        name: String,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<JoinHandle<()>, StreamError> {
        let run = move || {
            OWNER.set(Some(self));
            run();
        };
        // Some of them build RDDs and run jobs, which may be long ones.
        let thread = std::thread::Builder::new().name(name.clone());
        let thread = thread.stack_size(STACK_BYTES).spawn(run);
        thread.map_err(|error| StreamError::State(format!("cannot start thread {name}: {error}")))
    }

    /// Whether the caller runs on a thread of this stream, which must not wait for the end
    /// of the stream.
    pub(crate) fn owns_this_thread(self) -> bool {
        OWNER.get() == Some(self)
    }

    /// The job group of everything that the stream runs, so that a stop can cancel it and
    /// nothing else.
    pub(crate) fn job_group(self) -> String {
        format!("streaming-{}", self.0)
    }
}
