//! What survives a crash: a journal, manifests, snapshots.

use std::collections::{BTreeMap, HashSet, VecDeque};

use fastrand::Rng;
use headwater_journal::Sequence;

use super::super::entry::Entry;
use super::super::manifest::{Manifest, Snapshot, seal, unseal};
use super::super::retention::Surplus;
use super::Check;
use super::state::Value;

#[derive(Debug, Default)]
pub(super) struct Disk {
    /// The entries that are there, the first one with the number `first`.
    entries: VecDeque<Vec<u8>>,
    first: u64,
    /// Entries before this one survive a crash.
    synced: u64,
    manifests: BTreeMap<String, Vec<u8>>,
    snapshots: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(super) fn append(&mut self, entry: &Entry) -> Check<Sequence> {
        let at = self.next();
        self.entries.push_back(entry.to_bytes()?);
        Ok(Sequence(at))
    }

    pub(super) fn sync(&mut self) {
        self.synced = self.next();
    }

    pub(super) fn is_synced(&self, at: Sequence) -> bool {
        at.0 < self.synced
    }

    pub(super) fn read(&self, at: u64) -> Check<Entry> {
        let place = at.checked_sub(self.first);
        let bytes = place.and_then(|place| self.entries.get(usize::try_from(place).ok()?));
        let bytes = bytes.ok_or_else(|| format!("entry {at} is needed and is not there"))?;
        Entry::from_bytes(bytes)
    }

    pub(super) fn write_manifest(&mut self, manifest: &Manifest) -> Check {
        self.manifests.insert(manifest.name(), manifest.to_bytes()?);
        Ok(())
    }

    pub(super) fn write_snapshot(&mut self, snapshot: &Snapshot, value: Value) {
        let sealed = seal(&value.to_bytes());
        self.snapshots.insert(snapshot.file.clone(), sealed);
    }

    pub(super) fn read_snapshot(&self, snapshot: &Snapshot) -> Check<Value> {
        let sealed = self.snapshots.get(&snapshot.file);
        let sealed = sealed.ok_or_else(|| format!("{snapshot:?} is needed and was deleted"))?;
        Value::from_bytes(unseal(sealed)?)
    }

    /// The manifests that can be read, oldest first.
    pub(super) fn read_manifests(&self) -> Vec<(String, Manifest)> {
        let read = |(name, sealed): (&String, &Vec<u8>)| {
            let manifest = Manifest::from_unsealed(unseal(sealed).ok()?).ok()?;
            Some((name.clone(), manifest))
        };
        self.manifests.iter().filter_map(read).collect()
    }

    /// Deletes one of the things that nothing needs; `false` when nothing is left to do.
    pub(super) fn delete_some(&mut self, surplus: &mut Surplus) -> bool {
        if let Some(manifest) = surplus.manifests.pop() {
            self.manifests.remove(&manifest);
        } else if let Some(file) = surplus.files.pop() {
            self.snapshots.remove(&file);
        } else if let Some(before) = surplus.entries_before.take() {
            let forgotten = before.0.min(self.next()).saturating_sub(self.first);
            // No more than the entries that there are.
            self.entries.drain(..forgotten as usize);
            self.first += forgotten;
        } else {
            return false;
        }
        true
    }

    /// What was not synced is lost, but for a beginning of it; and the newest manifest may
    /// be damaged, if there is one before it; whether it was.
    pub(super) fn crash(&mut self, damages: bool, rng: &mut Rng) -> bool {
        let unsynced = self.next().saturating_sub(self.synced.max(self.first));
        let lost = rng.u64(0..=unsynced);
        let left = self.entries.len() - lost as usize;
        self.entries.truncate(left);
        self.synced = self.next();
        if !damages || rng.u8(0..4) > 0 {
            return false;
        }
        let mut readable = self.read_manifests();
        let newest = readable.pop().filter(|_| !readable.is_empty());
        let sealed = newest.and_then(|(name, _)| self.manifests.get_mut(&name));
        if let Some(sealed) = sealed {
            sealed.truncate(rng.usize(0..sealed.len()));
            return true;
        }
        false
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn snapshots(&self) -> Vec<String> {
        self.snapshots.keys().cloned().collect()
    }

    /// No snapshot is there that no manifest lists.
    pub(super) fn check_listed(&self) -> Check {
        let manifests = self.read_manifests();
        let snapshots = manifests.iter().flat_map(|(_, one)| &one.snapshots);
        let listed: HashSet<_> = snapshots.map(|one| &one.file).collect();
        match self.snapshots.keys().find(|file| !listed.contains(file)) {
            Some(file) => Err(format!(
                "the snapshot {file} is kept, and no manifest lists it"
            )),
            None => Ok(()),
        }
    }
}
