//! Who hears that the journal has failed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_journal::{Journal, JournalError};

use super::Keeper;
use crate::error::StreamError;

/// The failure of a journal, which nothing mends.
#[derive(Default)]
pub(super) struct Failure {
    listener: OnceLock<Box<Listener>>,
    was_told: AtomicBool,
}

type Listener = dyn Fn(StreamError) + Send + Sync;

impl Failure {
    /// Tells it, the first time. Whoever left it to the next cut to find it would wait for as long
    /// as a batch, and receive for nothing meanwhile.
    fn tell(&self, failed: &StreamError) {
        if let Some(tell) = self.listener.get()
            && !self.was_told.swap(true, Ordering::AcqRel)
        {
            tell(failed.clone());
        }
    }
}

impl Keeper {
    /// From now on somebody hears once that the journal takes nothing any more, from whatever
    /// finds it first.
    pub(crate) fn on_failure(&self, tell: impl Fn(StreamError) + Send + Sync + 'static) {
        // There is one stream for each directory.
        let _ = self.failure.listener.set(Box::new(tell));
    }

    /// Does something with the journal, and tells when that finds that it has failed.
    pub(super) fn with_journal<R>(
        &self,
        work: impl FnOnce(&Journal) -> Result<R, JournalError>,
    ) -> Result<R, StreamError> {
        let worked = match &*self.journal.read() {
            Some(journal) => work(journal),
            None => return Err(self.failed("the stream was stopped")),
        };
        worked.map_err(|error| {
            let failed = self.failed(&error.to_string());
            if matches!(error, JournalError::Poisoned { .. }) {
                self.failure.tell(&failed);
            }
            failed
        })
    }
}
