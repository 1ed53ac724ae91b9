//! Where files of state are damaged or gone: what is left, found by reading all that are listed.

use std::collections::BTreeMap;

use headwater_journal::Recovered;
use headwater_store::Location;

use super::damage::without_snapshots;
use super::keeper::STATES;
use super::manifest::{Manifest, Snapshot, Unsealed, read_sealed};
use super::restore::Found;

/// Why files cannot be read, by their names below the directory of states.
pub(super) type Unreadable = BTreeMap<String, String>;

/// Those of some snapshots that are damaged or gone.
fn unreadable_of<'a>(
    dir: &Location,
    snapshots: impl IntoIterator<Item = &'a Snapshot>,
) -> Result<Unreadable, String> {
    let (states, mut unreadable) = (dir.join(STATES), Unreadable::new());
    for one in snapshots {
        match read_sealed(&states.join(&one.file)) {
            Ok(_) => {}
            Err(Unsealed::Lost(message)) => drop(unreadable.insert(one.file.clone(), message)),
            // It may be whole, so that nobody may go on without it.
            Err(Unsealed::Failed(message)) => return Err(message),
        }
    }
    Ok(unreadable)
}

/// What is left of what the newest of some manifests says, which come oldest first, without the
/// files that cannot be read, and what that means. `forgets` lets a past forget what this one has
/// forgotten.
pub(super) fn without_damaged(
    dir: &Location,
    found: Found,
    manifests: &[(Location, Manifest)],
    recovered: &Recovered,
    forgets: impl Fn(&mut Found),
) -> Result<(Found, String), String> {
    let older: Vec<_> = older_of(manifests, recovered)
        .map(|(name, mut older)| {
            forgets(&mut older);
            (name, older)
        })
        .collect();
    let listed = older.iter().flat_map(|(_, older)| &older.snapshots);
    let unreadable = unreadable_of(dir, found.snapshots.iter().chain(listed))?;
    Ok(without_snapshots(found, older, &unreadable))
}

/// What the manifests before the newest say, brought up to date, newest first; without those for
/// which the journal lacks something.
fn older_of(
    manifests: &[(Location, Manifest)],
    recovered: &Recovered,
) -> impl Iterator<Item = (String, Found)> {
    manifests.iter().rev().skip(1).filter_map(|(at, manifest)| {
        let (found, losses) = Found::mended(manifest, recovered).ok()?;
        let is_whole = losses.message().is_none();
        is_whole.then(|| (at.name().into_owned(), found))
    })
}
