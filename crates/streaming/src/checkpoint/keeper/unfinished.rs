//! What a checkpoint that failed has left.

use super::super::manifest::Manifest;
use super::super::retention::{Surplus, keep_needed};
use super::{Keeper, Written, name_of};
use crate::error::StreamError;

impl Keeper {
    /// Deletes the snapshots of checkpoints that failed, but those that the next manifest lists: a
    /// directory that takes these and no manifest must not fill with them.
    pub(super) fn drop_unfinished(&self, written: &mut Written) -> Result<(), StreamError> {
        let retained = &mut written.retained;
        {
            let past = self.past.lock();
            let base = past.ended - self.limits.state_reaches_back;
            keep_needed(&mut retained.snapshots, past.program.states.len(), base);
        }
        let there = Manifest::list(&self.dir).map_err(|error| self.failed(&error.to_string()))?;
        if retained.has_unreadable() || !retained.knows_all(there.iter().map(name_of)) {
            return Ok(());
        }
        self.tidy(Surplus {
            files: retained.unlisted(self.list_snapshots()?),
            ..Surplus::default()
        })
    }
}
