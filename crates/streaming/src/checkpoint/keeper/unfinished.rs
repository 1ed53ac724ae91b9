//! What a checkpoint that failed has left.

use std::sync::Arc;

use headwater_journal::Journal;

use super::super::manifest::{Manifest, Snapshot};
use super::super::retention::Surplus;
use super::{Keeper, Written, name_of};
use crate::error::StreamError;
use crate::state::AnySteps;

impl Keeper {
    /// Drops what a checkpoint has left that failed now or earlier. What cannot be dropped, as in
    /// an outage of the store, stays until the next checkpoint.
    pub(super) fn clear_unfinished(&self, written: &mut Written, states: &[Arc<dyn AnySteps>]) {
        if !written.has_unfinished {
            return;
        }
        match self.drop_unfinished(written, states) {
            Ok(()) => written.has_unfinished = false,
            Err(error) => {
                tracing::warn!("what a failed checkpoint has left stays until the next: {error}");
            }
        }
    }

    /// Deletes the snapshots of checkpoints that failed, but those that the next manifest lists: a
    /// directory that takes these and no manifest must not fill with them. Those of another
    /// process stay: it may have taken the directory over.
    fn drop_unfinished(
        &self,
        written: &mut Written,
        states: &[Arc<dyn AnySteps>],
    ) -> Result<(), StreamError> {
        // Where the journal has failed, nobody knows whose the directory is.
        self.with_journal(Journal::confirm)?;
        let retained = &mut written.retained;
        let taken_in = self.taken_in(states);
        {
            let past = self.past.lock();
            let limits = self.limits_with(&past, taken_in);
            self.note_what_is_whole(retained, &past);
            retained.keep_needed(&past, limits.state_reaches_back);
        }
        let there = Manifest::list(&self.dir).map_err(|error| self.failed(&error.to_string()))?;
        if retained.has_unreadable() || !retained.knows_all(there.iter().map(name_of)) {
            return Ok(());
        }
        let mut files = retained.unlisted(self.list_snapshots()?);
        files.retain(|file| Snapshot::first_entry_of(file) == Some(self.first));
        // The next checkpoint must not list them, should the states be unchanged until then.
        written.latest.forget(&files);
        self.tidy(Surplus {
            files,
            ..Surplus::default()
        })
    }
}
