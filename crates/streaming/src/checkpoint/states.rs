//! Brings states back as an older program has kept them, and writes those that are kept in
//! another form from now on.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Site, catch_panic};
use headwater_journal::Sequence;
use headwater_store::Location;

use super::behind::{Reached, further_back};
use super::entry::{Again, Change, Reformed};
use super::keeper::{Keeper, STATES};
use super::manifest::{Snapshot, Unsealed, read_sealed};
use super::past::Past;
use super::plan::{bereft, earliest, has_later, snapshots_at, state_of};
use super::reach::{Reads, Since, Untaken};
use super::restore::error;
use super::unreadable::Unreadable;
use crate::error::StreamError;
use crate::state::{AnySteps, Older};
use crate::time::Time;

/// A state that readers remember.
pub(crate) struct ReachingBack {
    pub(crate) steps: Arc<dyn AnySteps>,
    /// How far before the last batch they do.
    pub(crate) back: Duration,
    pub(crate) reads: Reads,
}

/// What an older program has kept of its states.
pub(super) struct OldStates<'a> {
    pub(super) dir: &'a Location,
    pub(super) past: &'a Past,
    pub(super) snapshots: &'a [Snapshot],
    /// Which inputs of the program go on from which of the older one.
    pub(super) inputs_from: &'a [Option<usize>],
}

/// States as their files tell, before the changes since. No stream knows of it yet.
pub(super) struct Reading<'a> {
    returning: Vec<Returning<'a>>,
    /// From when on there is each state of the program.
    since: Vec<Since>,
    /// What begins after which batch.
    begins: Vec<(&'a dyn AnySteps, Time)>,
    /// The files that cannot be read.
    pub(super) unreadable: Unreadable,
}

/// What was done to bring states back.
#[derive(Default)]
pub(super) struct Restored {
    /// Those that are kept in another form from now on.
    pub(super) reformed: Vec<Reformed>,
    /// Those that batches after one of theirs have to be computed of again.
    pub(super) again: Vec<Again>,
}

/// A state on its way back.
struct Returning<'a> {
    steps: &'a Arc<dyn AnySteps>,
    reads: &'a Reads,
    /// Its number in the new program, and in the old one.
    new: usize,
    old: usize,
    /// The batch after which it began.
    begun: Time,
    /// The last batch whose changes it gets: so far before the last one that what readers
    /// remember can be computed again.
    base: Time,
    older: Box<dyn Older>,
}

impl Returning<'_> {
    /// The batch whose version all of it has. Time began at `zero`.
    fn reached(&self, zero: Time) -> Time {
        let begun = || self.begun.floor_from(self.reads.slide, zero);
        self.older.reached().unwrap_or_else(begun)
    }
}

impl OldStates<'_> {
    /// Reads the files with which the states of a program begin.
    pub(super) fn read<'s>(
        &self,
        states: &'s [ReachingBack],
        states_from: &[Option<usize>],
    ) -> Result<Reading<'s>, StreamError> {
        let (mut returning, mut begins) = (Vec::new(), Vec::new());
        let (mut unreadable, mut since) = (Unreadable::new(), Vec::new());
        for (new, (state, from)) in states.iter().zip(states_from).enumerate() {
            let steps = &state.steps;
            let part = from.and_then(|old| Some((old, self.past.program.states.get(old)?)));
            let Some((old, form)) = part.and_then(|(old, part)| Some((old, part.form.as_ref()?)))
            else {
                begins.push((&**steps, self.past.ended));
                since.push(Since::new(self.past.ended));
                continue;
            };
            let begun = self.past.states_begun.get(old).copied();
            let begun = begun.unwrap_or(self.past.zero);
            // What it began with is kept with the batch that it began after.
            let mut base = (self.past.ended - state.back).max(begun);
            let mut of_state = Since::new(begun);
            if let Some((earliest, why)) = self.earliest(&state.reads, (old, begun), &since)
                && earliest > base
            {
                tracing::warn!(
                    "the state of {} begins as batch {earliest} left it: {why}; what looks back \
                     further finds no records",
                    steps.site()
                );
                begins.push((&**steps, earliest));
                (base, of_state.hidden) = (earliest, Some(earliest));
            }
            // Nothing may have been kept of it yet.
            begins.push((&**steps, begun));
            since.push(of_state);
            let older = steps.takes_over().older(form);
            let mut state = Returning {
                steps,
                reads: &state.reads,
                new,
                old,
                begun,
                base,
                older: older.map_err(|message| self.failed(&**steps, &message))?,
            };
            unreadable.append(&mut self.read_snapshots(&mut state)?);
            returning.push(state);
        }
        Ok(Reading {
            returning,
            since,
            begins,
            unreadable,
        })
    }

    /// The first batch that can be the last one whose changes a state gets, where not every one
    /// can, and why. The state was kept as `old`, and began after the batch `begun`; `others` are
    /// the states before it in the program.
    fn earliest(
        &self,
        reads: &Reads,
        (old, begun): (usize, Time),
        others: &[Since],
    ) -> Option<Untaken> {
        let kept = earliest(self.past, self.snapshots, old);
        let kept = kept.map(|batch| (batch, "it was not kept as it was before"));
        let all = (self.past.zero, self.past.ended);
        // To compute such a batch again would be to take from the state what it has.
        let is_bereft = bereft(self.past, self.inputs_from, all).next().is_some();
        let untaken = reads.untaken((self.past, self.inputs_from), begun, is_bereft, others);
        let all = untaken.into_iter().chain(kept);
        all.max_by_key(|(batch, _)| *batch)
    }

    /// Whether the program is without an input that the older one had. Where its records were is
    /// not known for long: no later process may compute batches again that may have had some.
    fn drops_inputs(&self) -> bool {
        let mut old = 0..self.past.program.inputs.len();
        old.any(|input| !self.inputs_from.contains(&Some(input)))
    }

    /// Brings the states of a program to where their streams begin. Written whole, as they are
    /// there, are those that it keeps in another form than they were kept in, and all where it is
    /// without an input that may have fed them.
    pub(super) fn restore(
        &self,
        keeper: &Keeper,
        mut reading: Reading<'_>,
    ) -> Result<Restored, StreamError> {
        for (steps, batch) in &reading.begins {
            steps.begin_after(*batch, self.past.zero);
        }
        self.replay(keeper, &mut reading.returning)?;
        if self.go_further_back(&mut reading)? {
            self.replay(keeper, &mut reading.returning)?;
        }
        self.warn_of_lost(&reading);
        let mut restored = Restored::default();
        for state in reading.returning {
            self.hand_over(keeper, state, &mut restored)?;
        }
        Ok(restored)
    }

    /// Begins earlier with states that others read which are behind, and with those of which some
    /// partitions are behind others: only where all are of one batch can they read each other, or
    /// be united. Whether there are any.
    fn go_further_back(&self, reading: &mut Reading<'_>) -> Result<bool, StreamError> {
        let further = further_back(reading.returning.iter().map(|state| Reached {
            place: state.new,
            reads: state.reads,
            base: state.base,
            reached: state.reached(self.past.zero),
        }));
        let mut is_any = false;
        for state in &mut reading.returning {
            let asked = further.get(&state.new).map(|back| state.base - *back);
            let reached = state.reached(self.past.zero);
            let even = state.older.is_uneven().then_some(reached);
            let Some(wanted) = asked.into_iter().chain(even).min() else {
                continue;
            };
            let mut base = wanted.max(state.begun);
            let earliest = self.earliest(state.reads, (state.old, state.begun), &reading.since);
            if let Some((earliest, _)) = earliest.filter(|(earliest, _)| *earliest > base) {
                base = earliest.min(state.base);
                reading.since[state.new].hidden = Some(base);
            }
            if let Some(message) = self.begin_at(state, base)? {
                let site = state.steps.site();
                tracing::warn!("the state of {site} begins as it is: {message}");
                reading.since[state.new].hidden = Some(state.base);
            }
            is_any = true;
        }
        Ok(is_any)
    }

    /// Says which states cannot take in what they have not yet, since it is not there any more.
    fn warn_of_lost(&self, reading: &Reading<'_>) {
        let (dir, ended) = (self.dir, self.past.ended);
        for state in &reading.returning {
            let reached = state.reached(self.past.zero);
            if reached + state.reads.slide > ended {
                continue;
            }
            let hidden = state.reads.states.iter();
            let hidden = hidden.filter_map(|(place, _)| reading.since.get(*place)?.hidden);
            let earliest = self.earliest(state.reads, (state.old, state.begun), &reading.since);
            let mut gone = hidden.chain(earliest.map(|(batch, _)| batch));
            if gone.any(|batch| batch > reached) {
                tracing::warn!(
                    "{dir}: the state of {} has not taken in the batches after {reached} up to \
                     {ended}, and not all of their records are there any more: it goes on without \
                     these",
                    state.steps.site(),
                );
            }
        }
    }

    /// Begins with a state as its files tell of it at a batch. It stays as it is, and the reason is
    /// given, if they cannot be read.
    fn begin_at(
        &self,
        state: &mut Returning<'_>,
        base: Time,
    ) -> Result<Option<String>, StreamError> {
        let mut earlier = self.unread(state, base)?;
        let unreadable = self.read_snapshots(&mut earlier)?.into_values().next();
        if unreadable.is_none() {
            *state = earlier;
        }
        Ok(unreadable)
    }

    /// A state that is to begin with a batch, of which nothing was read.
    fn unread<'s>(&self, state: &Returning<'s>, base: Time) -> Result<Returning<'s>, StreamError> {
        let part = self.past.program.states.get(state.old);
        let form = part.and_then(|part| part.form.as_ref());
        let form = form.ok_or_else(|| "how it was kept is not known".to_owned());
        let older = form.and_then(|form| state.steps.takes_over().older(form));
        Ok(Returning {
            base,
            older: older.map_err(|message| self.failed(&**state.steps, &message))?,
            ..*state
        })
    }

    /// Reads the newest snapshot of each partition that is not of a later batch than wanted. The
    /// files that cannot be read.
    fn read_snapshots(&self, state: &mut Returning<'_>) -> Result<Unreadable, StreamError> {
        let newest = snapshots_at(self.snapshots, state.old, state.base);
        let (places, mut unreadable) = (self.dir.join(STATES), Unreadable::new());
        for (partition, snapshot) in newest {
            let bytes = match read_sealed(&places.join(&snapshot.file)) {
                Ok(bytes) => bytes,
                Err(Unsealed::Lost(message)) => {
                    unreadable.insert(snapshot.file.clone(), message);
                    continue;
                }
                Err(Unsealed::Failed(message)) => {
                    return Err(self.failed(&**state.steps, &message));
                }
            };
            let restored = guarded(state.steps.site(), || {
                state.older.restore(partition, snapshot.time, &bytes)
            });
            restored.map_err(|message| self.failed(&**state.steps, &message))?;
        }
        Ok(unreadable)
    }

    /// Applies the changes that were written after the snapshots.
    fn replay(&self, keeper: &Keeper, states: &mut [Returning<'_>]) -> Result<(), StreamError> {
        for at in self.past.changes.values() {
            for change in changes(keeper, Sequence(at.at))? {
                let base_of = |old| {
                    let returning = states.iter().find(|state| state.old == old);
                    returning.map(|state| state.base)
                };
                let old = state_of(self.past, &change, at, base_of);
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

    /// Puts a state in its place.
    fn hand_over(
        &self,
        keeper: &Keeper,
        state: Returning<'_>,
        restored: &mut Restored,
    ) -> Result<(), StreamError> {
        let Returning {
            steps, new, base, ..
        } = state;
        let is_all = !has_later(self.past, self.snapshots, state.old, base);
        let (first, last) = (
            self.unread(&state, base)?,
            self.unread(&state, self.past.ended)?,
        );
        let is_reformed = self.put_in_place(state, is_all)?;
        if is_reformed || self.drops_inputs() {
            let mut snapshots = Vec::new();
            if !is_all {
                snapshots = self.written_last(keeper, last)?;
                keeper.forget_latest(&snapshots);
                let first = self.brought_back(keeper, first)?;
                self.put_in_place(first, is_all)?;
            }
            snapshots.extend(keeper.snapshots_of(new, &**steps)?);
            restored.reformed.push(Reformed {
                state: new,
                snapshots,
            });
        }
        if !is_all {
            // What is computed again may not be what it was: the program may have changed, or
            // what failed then works now. The changes that follow hold on top of that alone, not
            // of those that were written of the same batches.
            restored.again.push(Again {
                state: new,
                after: base,
            });
        }
        Ok(())
    }

    /// Puts what was read of a state in its place: whether it is kept in another form from now on.
    fn put_in_place(&self, state: Returning<'_>, is_all: bool) -> Result<bool, StreamError> {
        let Returning { steps, older, .. } = state;
        let handed_over = guarded(steps.site(), || older.hand_over(is_all));
        handed_over.map_err(|message| self.failed(&**steps, &message))
    }

    /// Writes a state as the last batch left it, which is there until what comes before is computed
    /// again. Nothing is written where that batch has failed for some of it, or cannot be read.
    fn written_last(
        &self,
        keeper: &Keeper,
        mut last: Returning<'_>,
    ) -> Result<Vec<Snapshot>, StreamError> {
        let is_readable = self.read_snapshots(&mut last)?.is_empty();
        self.replay(keeper, std::slice::from_mut(&mut last))?;
        if !is_readable || last.older.is_uneven() {
            return Ok(Vec::new());
        }
        let (new, steps) = (last.new, last.steps);
        self.put_in_place(last, true)?;
        keeper.snapshots_of(new, &**steps)
    }

    /// Reads a state as it was at its batch.
    fn brought_back<'s>(
        &self,
        keeper: &Keeper,
        mut state: Returning<'s>,
    ) -> Result<Returning<'s>, StreamError> {
        if let Some(message) = self.read_snapshots(&mut state)?.into_values().next() {
            return Err(self.failed(&**state.steps, &message));
        }
        self.replay(keeper, std::slice::from_mut(&mut state))?;
        Ok(state)
    }

    fn failed(&self, steps: &dyn AnySteps, message: &str) -> StreamError {
        let site = steps.site();
        let message = format!("the state of {site} cannot be restored: {message}");
        error(self.dir, &message)
    }
}

fn changes(keeper: &Keeper, at: Sequence) -> Result<Vec<Change>, StreamError> {
    Ok(keeper.read(at)?.into_changes())
}

/// Does what may run code of the user, such as a migration or a partitioner.
fn guarded<R>(site: Site, work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_panic(site, work).map_err(|panic| panic.to_string())?
}
