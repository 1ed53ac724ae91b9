//! Brings states back as an older program has kept them, and writes those that are kept in
//! another form from now on.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Site, catch_panic};
use headwater_journal::Sequence;

use super::entry::{Change, Entry, Reformed};
use super::keeper::Keeper;
use super::manifest::{Snapshot, read_sealed};
use super::past::Past;
use super::plan::{earliest, snapshots_at, state_of};
use crate::error::StreamError;
use crate::state::{AnySteps, Older};
use crate::time::Time;

/// A state, and how far before the last batch its readers remember it.
pub(crate) type ReachingBack = (Arc<dyn AnySteps>, Duration);

/// What an older program has kept of its states.
pub(super) struct OldStates<'a> {
    pub(super) keeper: &'a Keeper,
    pub(super) past: &'a Past,
    pub(super) snapshots: &'a [Snapshot],
}

/// A state on its way back.
struct Returning<'a> {
    steps: &'a Arc<dyn AnySteps>,
    /// Its number in the new program, and in the old one.
    new: usize,
    old: usize,
    /// The last batch whose changes it gets: so far before the last one that what readers
    /// remember can be computed again.
    base: Time,
    older: Box<dyn Older>,
}

impl OldStates<'_> {
    /// Brings the states of a program to where their streams begin. Those that it keeps in
    /// another form than they were kept in are written in this form.
    pub(super) fn restore(
        &self,
        states: &[ReachingBack],
        states_from: &[Option<usize>],
    ) -> Result<Vec<Reformed>, StreamError> {
        let mut returning = Vec::new();
        for (new, ((steps, reaches_back), from)) in states.iter().zip(states_from).enumerate() {
            let part = from.and_then(|old| Some((old, self.past.program.states.get(old)?)));
            let Some((old, form)) = part.and_then(|(old, part)| Some((old, part.form.as_ref()?)))
            else {
                steps.begin_after(self.past.ended, self.past.zero);
                continue;
            };
            let mut base = self.past.ended - *reaches_back;
            let earliest = earliest(self.past, self.snapshots, old);
            if let Some(earliest) = earliest.filter(|earliest| *earliest > base) {
                tracing::warn!(
                    "the state of {} was not kept as it was before batch {earliest}, as far back \
                     as the program looks now; what looks back finds no records before",
                    steps.site()
                );
                steps.begin_after(earliest, self.past.zero);
                base = earliest;
            }
            if let Some(begun) = self.past.states_begun.get(old) {
                // Nothing may have been kept of it yet.
                steps.begin_after(*begun, self.past.zero);
            }
            let older = steps.takes_over().older(form);
            let mut state = Returning {
                steps,
                new,
                old,
                base,
                older: older.map_err(|message| self.failed(&**steps, &message))?,
            };
            self.read_snapshots(&mut state)?;
            returning.push(state);
        }
        self.replay(&mut returning)?;
        let reformed = returning.into_iter().map(|state| self.hand_over(state));
        Ok(reformed
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Reads the newest snapshot of each partition that is not of a later batch than wanted.
    fn read_snapshots(&self, state: &mut Returning<'_>) -> Result<(), StreamError> {
        let newest = snapshots_at(self.snapshots, state.old, state.base);
        for (partition, snapshot) in newest {
            let bytes = read_sealed(&self.keeper.snapshot_at(snapshot));
            let restored = bytes.and_then(|bytes| {
                let site = state.steps.site();
                guarded(site, || {
                    state.older.restore(partition, snapshot.time, &bytes)
                })
            });
            restored.map_err(|message| self.failed(&**state.steps, &message))?;
        }
        Ok(())
    }

    /// Applies the changes that were written after the snapshots.
    fn replay(&self, states: &mut [Returning<'_>]) -> Result<(), StreamError> {
        for at in self.past.changes.values() {
            for change in self.changes(Sequence(at.at))? {
                let base_of = |old| {
                    let returning = states.iter().find(|state| state.old == old);
                    returning.map(|state| state.base)
                };
                let old = state_of(&change, at, base_of);
                let Some(state) = states.iter_mut().find(|state| Some(state.old) == old) else {
                    continue;
                };
                let Change {
                    partition,
                    time,
                    ref bytes,
                    ..
                } = change;
                let site = state.steps.site();
                guarded(site, || state.older.replay(partition, time, bytes))
                    .map_err(|message| self.failed(&**state.steps, &message))?;
            }
        }
        Ok(())
    }

    fn changes(&self, at: Sequence) -> Result<Vec<Change>, StreamError> {
        match self.keeper.read(at)? {
            Entry::Ended { changes, .. } => Ok(changes),
            _ => Ok(Vec::new()),
        }
    }

    fn hand_over(&self, state: Returning<'_>) -> Result<Option<Reformed>, StreamError> {
        let is_all = !self.has_later(state.old, state.base);
        let Returning {
            steps, new, older, ..
        } = state;
        let handed_over = guarded(steps.site(), || older.hand_over(is_all));
        let is_reformed = handed_over.map_err(|message| self.failed(&**steps, &message))?;
        if !is_reformed {
            return Ok(None);
        }
        let snapshots = self.keeper.snapshots_of(new, &**steps)?;
        Ok(Some(Reformed {
            state: new,
            snapshots,
        }))
    }

    /// Whether anything is written of a state after a batch.
    fn has_later(&self, state: usize, base: Time) -> bool {
        let mut snapshots = self.snapshots.iter();
        let mut changes = self.past.changes.iter();
        snapshots.any(|one| one.state == state && one.time > base)
            || changes.any(|(time, of)| *time > base && of.states.contains(&Some(state)))
    }

    fn failed(&self, steps: &dyn AnySteps, message: &str) -> StreamError {
        self.keeper.failed(&format!(
            "the state of {} cannot be restored: {message}",
            steps.site()
        ))
    }
}

/// Does what may run code of the user, such as a migration or a partitioner.
fn guarded<R>(site: Site, work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_panic(site, work).map_err(|panic| panic.to_string())?
}
