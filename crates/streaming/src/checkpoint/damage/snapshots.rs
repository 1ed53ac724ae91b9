//! What becomes of states of which files are damaged or gone.
//!
//! A file holds one partition as one batch left it, and changes bring it up to date. So where
//! an older file of each partition is there, with all changes since, nothing is lost. Partitions
//! of a state are never taken from here and there: they go on together, or begin anew together.

use std::collections::{BTreeMap, BTreeSet};

use super::super::manifest::Snapshot;
use super::super::matching::label;
use super::super::past::Past;
use super::super::plan::earliest;
use super::super::restore::Found;
use super::super::unreadable::Unreadable;
use super::states::begin_anew;
use crate::time::Time;

/// What is left without some files, and what that means. Of the checkpoints `older` than that
/// of `found`, newest first and each with its name, one is used that has all states whole where
/// `found` has not.
pub(in super::super) fn without_snapshots(
    mut found: Found,
    older: impl IntoIterator<Item = (String, Found)>,
    unreadable: &Unreadable,
) -> (Found, String) {
    let (mut lines, (mut back, mut anew)) = (Vec::new(), let_go_of(&mut found, unreadable));
    let whole = |(name, mut other): (String, Found)| {
        let is_whole = let_go_of(&mut other, unreadable).1.is_empty();
        is_whole.then_some((name, other))
    };
    let mut older = older.into_iter().filter_map(whole);
    if !anew.is_empty()
        && let Some((name, other)) = older.next()
    {
        lines.push(format!(
            "files of the last checkpoint: {name} is used, and the changes since bring all states \
             back as they were"
        ));
        (found, back, anew) = (other, Vec::new(), Vec::new());
    }
    for (state, earliest) in back {
        let label = label(&found.past.program.states, state);
        let looks_back = earliest.map_or(String::new(), |at| {
            format!("; what looks back further than to batch {at} finds nothing")
        });
        lines.push(format!(
            "files of the state {label}: older files and the changes since bring it back as it \
             was{looks_back}"
        ));
    }
    for state in anew {
        let (label, ended) = (label(&found.past.program.states, state), found.past.ended);
        lines.push(format!(
            "the state {label}: it begins anew after batch {ended}"
        ));
        begin_anew(&mut found, state);
    }
    let (files, lines) = (
        unreadable.values().cloned().collect::<Vec<_>>().join("; "),
        lines.join("\n  "),
    );
    let message =
        format!("files of state are damaged or gone: {files}; a restart lacks\n  {lines}\n");
    (found, message)
}

/// The states that had some of the files: those that are brought back without them, with the
/// first batch to which, if that is not as before, and those that are not.
type Lost = (Vec<(usize, Option<Time>)>, Vec<usize>);

fn let_go_of(found: &mut Found, unreadable: &Unreadable) -> Lost {
    let Found {
        past, snapshots, ..
    } = found;
    let is_gone = |one: &Snapshot| unreadable.contains_key(&one.file);
    let states: BTreeSet<_> = snapshots
        .iter()
        .filter(|one| is_gone(one))
        .map(|one| one.state)
        .collect();
    let partitions: BTreeMap<_, _> = snapshots
        .iter()
        .map(|one| (one.state, one.partitions))
        .collect();
    let before: Vec<_> = states
        .iter()
        .map(|state| earliest(past, snapshots, *state))
        .collect();
    snapshots.retain(|one| !is_gone(one));
    let mut lost = Lost::default();
    for (state, before) in states.into_iter().zip(before) {
        let partitions = partitions.get(&state).copied().unwrap_or_default();
        if is_whole(past, snapshots, state, partitions) {
            let now = earliest(past, snapshots, state);
            lost.0.push((state, now.filter(|now| Some(*now) > before)));
        } else {
            lost.1.push(state);
        }
    }
    lost
}

/// Whether files and changes bring every partition of a state to the last done batch.
fn is_whole(past: &Past, snapshots: &[Snapshot], state: usize, partitions: usize) -> bool {
    let Some(since) = past.states_since.get(state).copied().flatten() else {
        return true;
    };
    let of_state = |one: &&Snapshot| one.state == state && one.time >= since;
    let there: BTreeSet<_> = snapshots
        .iter()
        .filter(of_state)
        .filter(|one| one.time <= past.ended)
        .map(|one| one.partition)
        .collect();
    there.len() == partitions
}
