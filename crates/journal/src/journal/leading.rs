//! Group commit: one of those who wait writes for all.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, MutexGuard};

use super::{Journal, State};
use crate::buffer::Buffer;
use crate::error::JournalError;

impl Journal {
    /// Writes what is pending, or waits until somebody else has written something.
    pub(super) fn lead_or_wait(&self, state: &mut MutexGuard<'_, State>) {
        if state.is_led {
            self.changed.wait(state);
            return;
        }
        let next = Buffer::begin(state.pending.end(), mem::take(&mut state.spare));
        let buffer = Arc::new(mem::replace(&mut state.pending, next));
        state.writing = Some(buffer.clone());
        let began = Instant::now();
        let written = self.leading(state, || self.medium.lock().write(&buffer));
        state.writing = None;
        if let Some(placed) = written {
            let (records, bytes) = (buffer.count, buffer.body.len());
            state.statistics.add(records, bytes, began.elapsed());
            state.log.add(placed);
        }
        // Nobody else holds it, unless a reader looks something up in it right now.
        let memory = Arc::into_inner(buffer).map_or_else(Vec::new, |buffer| buffer.body);
        // One huge record must not hold its memory forever.
        if memory.capacity() / 2 <= self.options.buffer_bytes_max {
            state.spare = memory;
        }
    }

    /// Does the work of the one who writes, while others may append. Whatever goes wrong
    /// poisons the journal, a panic too: who waits must not wait forever.
    pub(crate) fn leading<T>(
        &self,
        state: &mut MutexGuard<'_, State>,
        work: impl FnOnce() -> Result<T, JournalError>,
    ) -> Option<T> {
        struct Leader<'a, 'b> {
            state: &'a mut MutexGuard<'b, State>,
            changed: &'a Condvar,
            outcome: Result<(), JournalError>,
        }
        impl Drop for Leader<'_, '_> {
            fn drop(&mut self) {
                self.state.is_led = false;
                if let Err(error) = mem::replace(&mut self.outcome, Ok(())) {
                    tracing::error!(%error, "the journal takes nothing any more");
                    self.state.poison = Some(Arc::new(error));
                }
                self.changed.notify_all();
            }
        }
        state.is_led = true;
        let leader = &mut Leader {
            state,
            changed: &self.changed,
            outcome: Err(JournalError::WriterPanicked),
        };
        let done = MutexGuard::unlocked(leader.state, work);
        let (outcome, done) = match done {
            Ok(done) => (Ok(()), Some(done)),
            Err(error) => (Err(error), None),
        };
        leader.outcome = outcome;
        done
    }

    /// Waits until nobody writes.
    pub(crate) fn wait_for_leader(&self, state: &mut MutexGuard<'_, State>) {
        while state.is_led {
            self.changed.wait(state);
        }
    }
}
