//! The thread that makes entries durable while nobody waits for them, so that those who wait
//! later find little left to write.

use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use crate::error::StreamError;
use crate::threads::Owner;

/// Does one thing each time that it is asked to, on a thread of its own. What is asked for
/// while it is being done is done once more, however often it was asked for.
pub(super) struct Flusher {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Default)]
struct Wanted {
    flush: bool,
    is_over: bool,
}

impl Flusher {
    /// Starts the thread; it ends when `flush` says that there is nothing to do any more.
    pub(super) fn start(
        owner: Owner,
        flush: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self, StreamError> {
        let shared = Arc::new(Shared::default());
        let work = shared.clone();
        let thread = owner.spawn(
            "hw-journal".to_owned(),
            move || {
                while work.next() && flush() {}
            },
        )?;
        Ok(Flusher {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Asks, and returns at once.
    pub(super) fn wake(&self) {
        self.shared.wanted.lock().flush = true;
        self.shared.changed.notify_one();
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        self.shared.wanted.lock().is_over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // It reports what fails itself.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn next(&self) -> bool {
        let mut wanted = self.wanted.lock();
        while !wanted.flush && !wanted.is_over {
            self.changed.wait(&mut wanted);
        }
        wanted.flush = false;
        !wanted.is_over
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn it_flushes_when_it_is_asked_to_and_ends() {
        let (sender, flushed) = sync_channel(10);
        let flush = move || sender.send(()).is_ok();
        let flusher = Flusher::start(Owner::new(), flush).unwrap();
        for _ in 0..3 {
            flusher.wake();
            flushed.recv().unwrap();
        }
        flusher.stop();
        // The thread has let go of its end.
        assert!(flushed.recv().is_err());
    }
}
