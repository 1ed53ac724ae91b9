//! How a stream begins or goes on: decisions over values, without files.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::entry::{Again, Change, CutInput, InputRange};
use super::manifest::Snapshot;
use super::past::{Changes, Past};
use crate::time::Time;

/// The times with which a process begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin {
    /// When time began, exclusive.
    pub(crate) zero: Time,
    /// Every batch up to this one is done.
    pub(crate) ended: Time,
    /// The first batch that is cut: one that was not done, or the first one missed.
    pub(crate) first: Time,
}

impl Begin {
    /// Goes on after the zero and the last done batch of a past, or begins now.
    pub(crate) fn of(past: Option<(Time, Time)>, now: Time, batch: Duration) -> Self {
        let now = now.floor(batch);
        let (zero, ended) = past.unwrap_or((now, now));
        Begin {
            zero,
            ended,
            first: ended + batch,
        }
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many manifests.
    pub(crate) manifests: usize,
    /// For how long batches are needed after they are done.
    pub(crate) remembered: Duration,
    /// How far before the last batch a restart begins with state.
    pub(crate) state_reaches_back: Duration,
}

impl Limits {
    /// What inputs remember and how far states reach back, each a little further if the last
    /// batch may have to be run again.
    pub(crate) fn of(
        manifests: usize,
        inputs_remember: impl IntoIterator<Item = Duration>,
        states_reach_back: impl IntoIterator<Item = Duration>,
        again: Duration,
    ) -> Self {
        let remembered = inputs_remember.into_iter().max().unwrap_or_default();
        let longest = states_reach_back.into_iter().max().unwrap_or_default();
        Limits {
            manifests,
            remembered: remembered.saturating_add(again),
            state_reaches_back: longest.saturating_add(again),
        }
    }
}

/// The first batch to which a state can be brought back, if not all of its changes are there.
pub(super) fn earliest(past: &Past, snapshots: &[Snapshot], state: usize) -> Option<Time> {
    past.states_since.get(state).copied().flatten()?;
    let mut oldest: BTreeMap<usize, Time> = BTreeMap::new();
    for snapshot in snapshots.iter().filter(|one| one.state == state) {
        let known = oldest.entry(snapshot.partition).or_insert(snapshot.time);
        *known = snapshot.time.min(*known);
    }
    oldest.into_values().max()
}

/// The batches between two times, the second one included, that had something of an input which
/// the program does not have any more: without it they cannot be computed again as they were.
pub(super) fn bereft<'a>(
    past: &'a Past,
    inputs_from: &'a [Option<usize>],
    (after, up_to): (Time, Time),
) -> impl Iterator<Item = Time> + 'a {
    let is_empty =
        |range: &InputRange| matches!(range, InputRange::Blocks { from, to } if from >= to);
    let is_gone =
        move |cut: &CutInput| !inputs_from.contains(&Some(cut.input)) && !is_empty(&cut.range);
    let between = (Bound::Excluded(after), Bound::Included(up_to.max(after)));
    let cuts = past.cuts.range(between);
    let bereft = cuts.filter(move |(_, cut)| cut.inputs.iter().any(is_gone));
    bereft.map(|(time, _)| *time)
}

/// A state that stands in the way of running the last batch again: it was written anew after that
/// batch, in another form or without an input, and cannot be brought back to before it.
pub(super) fn kept_after_last(past: &Past, snapshots: &[Snapshot]) -> Option<usize> {
    let before = past.ended_before?;
    let is_later = |state: &usize| {
        let since = past.states_since.get(*state).copied().flatten();
        let earliest = earliest(past, snapshots, *state);
        earliest.is_some_and(|at| at > before)
            || since.is_some_and(|since| since > before)
            || past.is_replaced_by_last(*state)
    };
    (0..past.program.states.len()).find(is_later)
}

/// Leaves out snapshots of batches that were not done: they run again, perhaps by a changed
/// program, and what they change then belongs to the state that they find then.
pub(super) fn leave_out_unfinished(snapshots: &mut Vec<Snapshot>, ended: Time) {
    snapshots.retain(|one| one.time <= ended);
}

/// Leaves out snapshots that were written of batches before these were computed again.
pub(super) fn leave_out_replaced(snapshots: &mut Vec<Snapshot>, again: &[Again]) {
    snapshots.retain(|one| !again.iter().any(|again| again.replaces(one)));
}

/// Whether anything that still holds is written of a state after a batch.
pub(super) fn has_later(past: &Past, snapshots: &[Snapshot], state: usize, base: Time) -> bool {
    let later = |time: Time| time > base && time <= past.ended;
    let mut changes = past.changes.iter();
    snapshots
        .iter()
        .any(|one| one.state == state && later(one.time))
        || changes.any(|(time, of)| *time > base && of.states.contains(&Some(state)))
}

/// The snapshot with which each partition of a state begins, when the state begins as it was
/// at `base`: the newest one that is not younger.
pub(super) fn snapshots_at(
    snapshots: &[Snapshot],
    state: usize,
    base: Time,
) -> BTreeMap<usize, &Snapshot> {
    let mut newest: BTreeMap<usize, &Snapshot> = BTreeMap::new();
    let fits = |one: &&Snapshot| one.state == state && one.time <= base;
    for snapshot in snapshots.iter().filter(fits) {
        let known = newest.entry(snapshot.partition).or_insert(snapshot);
        if known.time <= snapshot.time {
            *known = snapshot;
        }
    }
    newest
}

/// The state that takes in a change when each state begins as it was at its base; none if the
/// program does not have it any more, or if the change is, or was, computed again.
pub(super) fn state_of(
    past: &Past,
    change: &Change,
    entry: &Changes,
    base_of: impl Fn(usize) -> Option<Time>,
) -> Option<usize> {
    let state = entry.states.get(change.state).copied().flatten()?;
    let is_taken_in = change.time <= base_of(state)?;
    let holds = is_taken_in && !past.is_replaced(state, change.time, entry.at);
    holds.then_some(state)
}
