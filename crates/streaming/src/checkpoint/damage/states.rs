//! From where states can be brought back when changes of them are lost.

use std::collections::BTreeSet;

use super::super::manifest::Snapshot;
use super::super::matching::label;
use super::super::past::Past;
use super::super::restore::Found;
use super::in_words;
use crate::time::{Time, millis};

/// A state that is further behind begins anew: the batches since would all have to be planned
/// before the first new one.
const BEHIND_MAX: usize = 900;

/// The batches of which the changes are lost, or have nothing to go on from.
#[derive(Default)]
pub(super) struct LostChanges {
    pub(super) of: BTreeSet<Time>,
    /// All of them from this one on.
    pub(super) from: Option<Time>,
}

/// What becomes of a state.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It was written whole after all that is lost, and begins there.
    Forward,
    /// It is brought back as it was before what is lost, and takes in the batches since again.
    Back,
    /// It begins empty.
    Anew,
}

/// Leaves of the states what can be brought back exactly. `unrecorded` are batches of whose input
/// something is lost.
pub(super) fn settle(
    found: &mut Found,
    lost: &LostChanges,
    unrecorded: &BTreeSet<Time>,
    lines: &mut Vec<String>,
) {
    let Found {
        past, snapshots, ..
    } = found;
    let ended = past.ended;
    let known = lost.of.iter().copied();
    let Some(first) = known.clone().chain(lost.from).min() else {
        return;
    };
    let last = known.chain(lost.from.map(|_| ended)).max().unwrap_or(first);
    let states = 0..past.program.states.len();
    let is_sure_since = |state| {
        let whole = whole_at(snapshots, state, ended);
        whole.is_some_and(|at| at >= last && lost.from.is_none())
    };
    // What one state shows others may read, so they go back together.
    let goes_forward = states.clone().all(is_sure_since);
    let ways: Vec<_> = states
        .map(|state| match goes_forward {
            true => Way::Forward,
            false if can_go_back(past, snapshots, state, first) => Way::Back,
            false if is_sure_since(state) => Way::Forward,
            false => Way::Anew,
        })
        .collect();
    for (state, way) in ways.into_iter().enumerate() {
        let Found {
            past, snapshots, ..
        } = &mut *found;
        let label = label(&past.program.states, state);
        lines.push(match way {
            Way::Forward => {
                go_forward(past, snapshots, state, last);
                format!(
                    "how the state {label} was before batch {last}: what looks back further finds \
                     nothing"
                )
            }
            Way::Back => {
                let at = go_back(past, snapshots, state, first);
                format!(
                    "changes of the state {label} by batches from {first} on: it goes on as batch \
                     {at} left it, and takes in the batches since again{}",
                    without(&missing(past, at, unrecorded), past.program.batch_ms)
                )
            }
            Way::Anew => {
                begin_anew(found, state);
                format!("the state {label}: it begins anew after batch {ended}")
            }
        });
    }
}

/// The last batch after which each partition of a state was written whole.
fn whole_at(snapshots: &[Snapshot], state: usize, up_to: Time) -> Option<Time> {
    let of_state = || snapshots.iter().filter(|one| one.state == state);
    let partitions = of_state().next()?.partitions;
    let newest = |partition| {
        let times = of_state().filter(|one| one.partition == partition && one.time <= up_to);
        times.map(|one| one.time).max()
    };
    (0..partitions).map(newest).min().flatten()
}

/// Whether all is there that brings a state to just before a batch, soon enough to go on.
fn can_go_back(past: &Past, snapshots: &[Snapshot], state: usize, first: Time) -> bool {
    let before = first - millis(1);
    let has_all = past.states_since.get(state).is_some_and(Option::is_none);
    let whole = whole_at(snapshots, state, before);
    let at = last_before(past, snapshots, state, first);
    let step = millis(past.program.batch_ms.max(1));
    (has_all || whole.is_some()) && (at + step).to(past.ended, step).count() <= BEHIND_MAX
}

/// The last version of a state before a batch.
fn last_before(past: &Past, snapshots: &[Snapshot], state: usize, first: Time) -> Time {
    let changes = past.changes.range(..first);
    let changes = changes.filter(|(_, of)| of.states.contains(&Some(state)));
    let whole = whole_at(snapshots, state, first - millis(1));
    let begun = past.states_begun.get(state).copied();
    let known = changes.map(|(time, _)| *time).chain(whole).chain(begun);
    known.max().unwrap_or(past.zero).min(past.ended)
}

fn go_back(past: &mut Past, snapshots: &mut Vec<Snapshot>, state: usize, first: Time) -> Time {
    let at = last_before(past, snapshots, state, first);
    snapshots.retain(|one| one.state != state || one.time < first);
    let is_gone = |time: Time| time >= first;
    past.forget_changes(state, is_gone);
    at
}

fn go_forward(past: &mut Past, snapshots: &mut Vec<Snapshot>, state: usize, last: Time) {
    snapshots.retain(|one| one.state != state || one.time >= last);
    past.forget_changes(state, |time| time <= last);
    if let Some(since) = past.states_since.get_mut(state) {
        *since = (*since).max(Some(last));
    }
}

/// Leaves nothing of a state.
pub(super) fn begin_anew(found: &mut Found, state: usize) {
    let Found {
        past,
        snapshots,
        anew,
        ..
    } = found;
    anew.insert(state);
    snapshots.retain(|one| one.state != state);
    past.forget_changes(state, |_| true);
    if let Some(begun) = past.states_begun.get_mut(state) {
        *begun = past.ended;
    }
    if let Some(since) = past.states_since.get_mut(state) {
        *since = None;
    }
}

/// The batches after one of which not everything is recorded.
fn missing(past: &Past, at: Time, unrecorded: &BTreeSet<Time>) -> Vec<Time> {
    if past.program.inputs.is_empty() {
        return Vec::new();
    }
    let step = millis(past.program.batch_ms.max(1));
    let is_missing = |time: &Time| !past.cuts.contains_key(time) || unrecorded.contains(time);
    (at + step)
        .to(past.ended, step)
        .filter(is_missing)
        .collect()
}

fn without(batches: &[Time], batch_ms: u64) -> String {
    match batches {
        [] => String::new(),
        _ => format!(
            ", but lacks records of batch {}, which are not recorded any more",
            in_words(batches, batch_ms)
        ),
    }
}
