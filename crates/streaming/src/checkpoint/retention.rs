//! What is kept beside the journal, and what may be forgotten: decisions over values, without
//! files.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use headwater_journal::Sequence;

use super::entry::Again;
use super::manifest::{Manifest, Snapshot};
use super::past::Past;
use super::plan::leave_out_replaced;
use crate::time::Time;

/// What lies in the directory beside the journal.
#[derive(Debug, Default)]
pub(super) struct Retained {
    /// The snapshots that a restart may begin with.
    pub(super) snapshots: Vec<Snapshot>,
    /// The manifests that are there, oldest first.
    manifests: Vec<Kept>,
    /// The names of manifests that cannot be read. They may be mended, and would need what they
    /// list, as long as they are not older than all that are kept.
    unreadable: Vec<String>,
    /// The states of which the process computes earlier batches again, until that is whole.
    again: Vec<Again>,
}

/// A manifest, and what it needs to be there.
#[derive(Debug)]
struct Kept {
    name: String,
    /// The first entry that it does not know.
    next: Sequence,
    oldest: Sequence,
    files: Vec<String>,
}

/// What nothing needs any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Surplus {
    pub(super) manifests: Vec<String>,
    /// Manifests that cannot be read, and would be surplus if they could.
    pub(super) unreadable: Vec<String>,
    /// Snapshots.
    pub(super) files: Vec<String>,
    /// Entries of the journal before this one.
    pub(super) entries_before: Option<Sequence>,
}

impl Retained {
    /// What is known after a restart: the manifests, oldest first, and the snapshots that the
    /// program goes on from.
    pub(super) fn found<'a>(
        manifests: impl IntoIterator<Item = (String, &'a Manifest)>,
        snapshots: Vec<Snapshot>,
    ) -> Self {
        let manifests = manifests.into_iter();
        Retained {
            snapshots,
            manifests: manifests.map(|(name, one)| Kept::of(name, one)).collect(),
            unreadable: Vec::new(),
            again: Vec::new(),
        }
    }

    /// Takes in of which states the process computes batches again that were done. What was written
    /// of them holds until that is whole.
    pub(super) fn computes_again(&mut self, again: Vec<Again>) {
        self.again = again;
    }

    /// Takes in which states are still on their way there.
    pub(super) fn still_computes(&mut self, on_their_way: &[Again]) {
        let (on_their_way, whole): (Vec<_>, Vec<_>) =
            (self.again.drain(..)).partition(|again| on_their_way.contains(again));
        leave_out_replaced(&mut self.snapshots, &whole);
        self.again = on_their_way;
    }

    /// Whether a state is not to be written whole yet: it may be anywhere on its way through the
    /// batches that are computed again, and no end says how far it is.
    pub(super) fn is_on_its_way(&self, state: usize) -> bool {
        self.again.iter().any(|again| again.state == state)
    }

    /// Lets go of the snapshots that no restart can need which begins with state so far before the
    /// last batch; as [`keep_needed`].
    pub(super) fn keep_needed(&mut self, past: &Past, reaches_back: Duration) -> Option<Time> {
        let states = past.program.states.len();
        // What takes the place of later snapshots goes on from those before.
        let again = self.again.iter().map(|again| again.after);
        let base = again.fold(past.ended - reaches_back, Time::min);
        keep_needed(&mut self.snapshots, states, base)
    }

    /// Takes in the names of manifests that are there and cannot be read.
    pub(super) fn found_unreadable(&mut self, names: Vec<String>) {
        self.unreadable = names;
    }

    /// Whether a manifest is there of which nobody knows what it lists.
    pub(super) fn has_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// Takes in the snapshots that an entry names: who goes on from a manifest before it comes to
    /// need them, though the manifest does not list them.
    pub(super) fn named(&mut self, at: Sequence, files: &[String]) {
        for kept in self.manifests.iter_mut().filter(|kept| kept.next <= at) {
            kept.files.extend_from_slice(files);
        }
    }

    /// Takes in a snapshot that was written, in place of one of the same version.
    pub(super) fn add(&mut self, snapshot: Snapshot) {
        let version = |one: &Snapshot| (one.state, one.partition, one.time);
        self.snapshots
            .retain(|one| version(one) != version(&snapshot));
        self.snapshots.push(snapshot);
    }

    /// Takes in a manifest that was written, perhaps in place of one with the same name. What
    /// may be deleted when so many manifests are kept.
    pub(super) fn written(
        &mut self,
        name: String,
        manifest: &Manifest,
        manifests_max: usize,
    ) -> Surplus {
        let mut gone = Vec::new();
        self.manifests.retain_mut(|kept| {
            let is_replaced = kept.name == name;
            if is_replaced {
                gone.append(&mut kept.files);
            }
            !is_replaced
        });
        self.unreadable.retain(|one| *one != name);
        self.manifests.push(Kept::of(name, manifest));
        let surplus = self.manifests.len().saturating_sub(manifests_max.max(1));
        let mut names = Vec::new();
        for old in self.manifests.drain(..surplus) {
            names.push(old.name);
            gone.extend(old.files);
        }
        let needed: HashSet<_> = self.manifests.iter().flat_map(|kept| &kept.files).collect();
        gone.retain(|file| !needed.contains(file));
        // Two old manifests may have needed it.
        gone.sort_unstable();
        gone.dedup();
        Surplus {
            manifests: names,
            unreadable: self.unreadable_surplus(manifests_max),
            files: gone,
            entries_before: self.manifests.iter().map(|kept| kept.oldest).min(),
        }
    }

    /// The unreadable manifests before as many readable ones as are kept. Those after the oldest
    /// of them stay: nobody knows what was lost with them.
    fn unreadable_surplus(&mut self, manifests_max: usize) -> Vec<String> {
        let oldest = self.manifests.iter().map(|kept| &kept.name).min();
        let oldest = oldest.filter(|_| self.manifests.len() >= manifests_max);
        let is_surplus = |name: &mut String| oldest.is_some_and(|oldest| *name < *oldest);
        self.unreadable.extract_if(.., is_surplus).collect()
    }

    /// Whether no manifest is there but those that are known. One that failed may have been
    /// written all the same, and then needs what it lists.
    pub(super) fn knows_all(&self, mut names: impl Iterator<Item = String>) -> bool {
        names.all(|name| self.manifests.iter().any(|kept| kept.name == name))
    }

    /// The snapshots that no manifest needs, nor will the next one: those of checkpoints that were
    /// not finished.
    pub(super) fn unlisted(&self, mut files: Vec<String>) -> Vec<String> {
        let kept = self.manifests.iter().flat_map(|kept| &kept.files);
        let next = self.snapshots.iter().map(|one| &one.file);
        let listed: HashSet<_> = kept.chain(next).collect();
        files.retain(|file| !listed.contains(file));
        files
    }
}

impl Kept {
    fn of(name: String, manifest: &Manifest) -> Self {
        let next = manifest.next();
        let files = manifest.snapshots.iter().map(|one| one.file.clone());
        Kept {
            name,
            next,
            oldest: manifest.past.oldest().unwrap_or(next).min(next),
            files: files.collect(),
        }
    }
}

/// Keeps of each partition's snapshots the newest that a restart may begin with, and all later
/// ones. The batch up to which all partitions of all states have one that contains its
/// changes; none while one of so many states has no snapshot, since its first changes may have
/// been made after the others' snapshots.
fn keep_needed(snapshots: &mut Vec<Snapshot>, states: usize, base: Time) -> Option<Time> {
    let mut newest: HashMap<(usize, usize), Option<Time>> = HashMap::new();
    let mut partitions = vec![None; states];
    for one in snapshots.iter() {
        let known = newest.entry((one.state, one.partition)).or_default();
        *known = (*known).max(Some(one.time).filter(|at| *at <= base));
        if let Some(partitions) = partitions.get_mut(one.state) {
            *partitions = Some(one.partitions);
        }
    }
    snapshots.retain(|one| {
        let newest = newest.get(&(one.state, one.partition)).copied().flatten();
        newest.is_none_or(|newest| one.time >= newest)
    });
    let of_state = |(state, partitions): (usize, Option<usize>)| {
        let newest = |partition| newest.get(&(state, partition)).copied().flatten();
        (0..partitions?).map(newest).min().flatten()
    };
    partitions
        .into_iter()
        .enumerate()
        .map(of_state)
        .min()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::super::program::Program;
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn snapshot(state: usize, partition: usize, second: i64) -> Snapshot {
        Snapshot::of((state, partition), 2, at(second), Sequence(0))
    }

    #[test]
    fn the_newest_snapshot_before_the_base_stays_with_all_later_ones() {
        let mut snapshots = vec![
            snapshot(0, 0, 1),
            snapshot(0, 1, 1),
            snapshot(0, 0, 3),
            snapshot(0, 1, 2),
            snapshot(0, 0, 9),
        ];
        let contained = keep_needed(&mut snapshots, 1, at(4));
        assert_eq!(contained, Some(at(2)));
        let left = [snapshot(0, 0, 3), snapshot(0, 1, 2), snapshot(0, 0, 9)];
        assert_eq!(snapshots, left);
        assert_eq!(keep_needed(&mut snapshots, 1, at(2)), None);
    }

    #[test]
    fn changes_stay_until_every_partition_of_every_state_has_a_snapshot() {
        let mut snapshots = vec![snapshot(0, 0, 1), snapshot(0, 1, 1)];
        assert_eq!(keep_needed(&mut snapshots, 2, at(4)), None);
        snapshots.push(snapshot(1, 0, 2));
        assert_eq!(keep_needed(&mut snapshots, 2, at(4)), None);
        snapshots.push(snapshot(1, 1, 2));
        assert_eq!(keep_needed(&mut snapshots, 2, at(4)), Some(at(1)));
        assert_eq!(keep_needed(&mut Vec::new(), 0, at(4)), None);
    }

    fn manifest(next: u64, snapshots: Vec<Snapshot>) -> Manifest {
        let program = Program::of_parts(&[], &[]);
        Manifest {
            past: Past::new(program, Time::ZERO),
            next,
            snapshots,
        }
    }

    #[test]
    fn what_no_manifest_needs_may_go() {
        let (one, two) = (snapshot(0, 0, 1), snapshot(0, 0, 2));
        let mut retained = Retained::default();
        let first = manifest(3, vec![one.clone()]);
        let nothing = retained.written("a".to_owned(), &first, 2);
        assert_eq!((nothing.manifests.len(), nothing.files.len()), (0, 0));
        let second = manifest(5, vec![one.clone(), two.clone()]);
        let nothing = retained.written("b".to_owned(), &second, 2);
        assert_eq!(nothing.entries_before, Some(Sequence(3)));
        // One that replaces another needs less.
        let third = manifest(7, vec![two.clone()]);
        let first_gone = retained.written("c".to_owned(), &third, 2);
        assert_eq!(first_gone.manifests, ["a"]);
        assert!(first_gone.files.is_empty());
        let replaced = retained.written("b".to_owned(), &third, 2);
        assert_eq!(replaced.files, [one.file]);
        assert_eq!(replaced.entries_before, Some(Sequence(7)));
        retained.add(two.clone());
        retained.add(two.clone());
        assert_eq!(retained.snapshots.len(), 1);
        let files = vec![two.file, "left by a crash".to_owned()];
        assert_eq!(retained.unlisted(files), ["left by a crash"]);
    }

    #[test]
    fn what_an_entry_names_is_needed_by_the_manifests_before_it() {
        let (one, two) = (manifest(3, vec![]), manifest(5, vec![]));
        let names = [("a".to_owned(), &one), ("b".to_owned(), &two)];
        let mut retained = Retained::found(names, vec![]);
        retained.named(Sequence(4), &["moved".to_owned()]);
        assert!(retained.unlisted(vec!["moved".to_owned()]).is_empty());
        // The manifest after the entry does not need it.
        let first_gone = retained.written("c".to_owned(), &manifest(7, vec![]), 2);
        assert_eq!(
            (first_gone.manifests, first_gone.files),
            (vec!["a".to_owned()], vec!["moved".to_owned()])
        );
    }

    #[test]
    fn an_unreadable_manifest_goes_when_as_many_as_are_kept_are_newer() {
        let one = manifest(3, vec![]);
        let mut retained = Retained::found([("b".to_owned(), &one)], vec![]);
        retained.found_unreadable(["a", "c", "e"].map(str::to_owned).to_vec());
        let gone = |retained: &mut Retained, name: &str, next| {
            retained
                .written(name.to_owned(), &manifest(next, vec![]), 2)
                .unreadable
        };
        // The kept are b and d.
        assert_eq!(gone(&mut retained, "d", 5), ["a"]);
        // d and e, of which e is written anew.
        assert_eq!(gone(&mut retained, "e", 7), ["c"]);
        assert!(!retained.has_unreadable());
        // One alone is not as many as are kept.
        let mut retained = Retained::default();
        retained.found_unreadable(vec!["a".to_owned()]);
        assert!(gone(&mut retained, "b", 3).is_empty() && retained.has_unreadable());
    }
}
