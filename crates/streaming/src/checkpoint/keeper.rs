//! Writes what happens, while it happens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use headwater_journal::{Journal, JournalError, Sequence};
use headwater_store::{Durability, Location, StoreError};
use parking_lot::{Mutex, RwLock};

use super::entry::{Change, CutInput, Entry};
use super::manifest::{Manifest, Snapshot, seal};
use super::past::Past;
use crate::error::StreamError;
use crate::state::{AnySteps, StateChange, StateLog};
use crate::time::Time;

/// The directory of the snapshots of state.
pub(super) const STATES: &str = "state";

/// Keeps the checkpoint directory of a running stream.
pub(crate) struct Keeper {
    dir: Location,
    /// None once the stream has stopped, so that another one can open the directory, however
    /// long handles of this one live.
    journal: RwLock<Option<Journal>>,
    /// Together with the journal, so that both have the same order.
    past: Mutex<Past>,
    /// The changes of batches that have not ended.
    changes: Mutex<Vec<Change>>,
    /// The batches that are done, but not those before them; with the reason if they failed.
    done: Mutex<BTreeMap<Time, Option<String>>>,
    written: Mutex<Written>,
    /// Tells the snapshots of this process from those of others: the number of its first entry.
    first: Sequence,
    limits: Limits,
}

/// What was written beside the journal.
#[derive(Default)]
struct Written {
    snapshots: Vec<Snapshot>,
    /// The manifests that are there, oldest first.
    manifests: Vec<Kept>,
}

/// A manifest, and what it needs to be there.
struct Kept {
    at: Location,
    oldest: Sequence,
    files: Vec<String>,
}

impl Kept {
    fn of(at: Location, manifest: &Manifest) -> Self {
        let next = manifest.next();
        let files = manifest.snapshots.iter().map(|one| one.file.clone());
        Kept {
            at,
            oldest: manifest.past.oldest().unwrap_or(next).min(next),
            files: files.collect(),
        }
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many manifests.
    pub(crate) manifests: usize,
    /// For how long batches are needed after they are done.
    pub(crate) remembered: Duration,
    /// How far before the last batch a restart begins with state.
    pub(crate) state_reaches_back: Duration,
}

impl Keeper {
    pub(crate) fn new(dir: Location, journal: Journal, past: Past, limits: Limits) -> Arc<Self> {
        Arc::new(Keeper {
            dir,
            first: journal.next(),
            journal: RwLock::new(Some(journal)),
            past: Mutex::new(past),
            changes: Mutex::default(),
            done: Mutex::default(),
            written: Mutex::default(),
            limits,
        })
    }

    /// Takes over what earlier processes wrote: their manifests, oldest first, and the
    /// snapshots that the program goes on from.
    pub(crate) fn goes_on_from(
        &self,
        manifests: Vec<(Location, Manifest)>,
        snapshots: Vec<Snapshot>,
    ) {
        let mut written = self.written.lock();
        let kept = manifests.into_iter();
        written.manifests = kept.map(|(at, manifest)| Kept::of(at, &manifest)).collect();
        written.snapshots = snapshots;
    }

    /// Lets go of the directory.
    pub(crate) fn close(&self) {
        let journal = self.journal.write().take();
        drop(journal);
    }

    fn with_journal<R>(
        &self,
        work: impl FnOnce(&Journal) -> Result<R, JournalError>,
    ) -> Result<R, StreamError> {
        match &*self.journal.read() {
            Some(journal) => work(journal).map_err(|error| self.failed(&error.to_string())),
            None => Err(self.failed("the stream was stopped")),
        }
    }

    /// Reads an entry again.
    pub(crate) fn read(&self, at: Sequence) -> Result<Entry, StreamError> {
        let bytes = self.with_journal(|journal| journal.read(at))?;
        Entry::from_bytes(&bytes).map_err(|message| self.failed(&message))
    }

    /// What has happened so far.
    pub(super) fn past(&self) -> Past {
        self.past.lock().clone()
    }

    /// Appends an entry, which is not durable yet.
    pub(crate) fn append(&self, entry: Entry) -> Result<Sequence, StreamError> {
        let bytes = entry.to_bytes().map_err(|message| self.failed(&message))?;
        let mut past = self.past.lock();
        let at = self.with_journal(|journal| journal.append(&bytes))?;
        past.apply(at, entry)
            .map_err(|message| self.failed(&message))?;
        Ok(at)
    }

    /// Returns once an entry survives a power failure.
    pub(crate) fn sync_to(&self, at: Sequence) -> Result<(), StreamError> {
        self.with_journal(|journal| journal.sync_to(at))
    }

    /// Fixes what belongs to a batch, unless that was done by an earlier process.
    pub(crate) fn cut(&self, time: Time, inputs: Vec<CutInput>) -> Result<(), StreamError> {
        if self.past.lock().cuts.contains_key(&time) {
            return Ok(());
        }
        let at = self.append(Entry::Cut { time, inputs })?;
        self.sync_to(at)
    }

    /// Notes that a batch is done. Ends are written in the order of the batches: one that
    /// overtook another waits for it. The batches whose ends are written now.
    pub(crate) fn end(
        &self,
        time: Time,
        failure: Option<String>,
    ) -> Result<Vec<Time>, StreamError> {
        let mut done = self.done.lock();
        done.insert(time, failure);
        let (mut last, mut ended) = (None, Vec::new());
        while let Some(time) = self.first_open().filter(|time| done.contains_key(time)) {
            let failure = done.remove(&time).flatten();
            let changes = {
                let mut changes = self.changes.lock();
                let (ended, later) = std::mem::take(&mut *changes)
                    .into_iter()
                    .partition(|change| change.time <= time);
                *changes = later;
                ended
            };
            last = Some(self.append(Entry::Ended {
                time,
                changes,
                failure,
            })?);
            ended.push(time);
        }
        if let Some(last) = last {
            self.sync_to(last)?;
        }
        Ok(ended)
    }

    /// The first batch that was cut and has not ended.
    fn first_open(&self) -> Option<Time> {
        let past = self.past.lock();
        let after = past.ended + Duration::from_millis(1);
        past.cuts.range(after..).next().map(|(time, _)| *time)
    }

    /// Writes a snapshot of all state and a manifest, and drops what no restart needs.
    pub(crate) fn checkpoint(&self, states: &[Arc<dyn AnySteps>]) -> Result<(), StreamError> {
        let mut written = self.written.lock();
        for (number, steps) in states.iter().enumerate() {
            let snapshots = self.snapshots_of(number, &**steps)?;
            written.snapshots.extend(snapshots);
        }
        self.write_manifest(&mut written)
    }

    /// Writes a manifest of what is known, so that the directory has one.
    pub(crate) fn begin(&self) -> Result<(), StreamError> {
        self.write_manifest(&mut self.written.lock())
    }

    fn write_manifest(&self, written: &mut Written) -> Result<(), StreamError> {
        let manifest = {
            let mut past = self.past.lock();
            let base = past.ended - self.limits.state_reaches_back;
            let contained = keep_needed(&mut written.snapshots, base);
            past.prune(self.limits.remembered, contained);
            // Under the lock, so that the past holds all entries before.
            let next = self.with_journal(|journal| Ok(journal.next()))?;
            Manifest {
                past: past.clone(),
                next: next.0,
                snapshots: written.snapshots.clone(),
            }
        };
        // What the manifest says has happened must be there when it is.
        self.with_journal(Journal::commit)?;
        let at = manifest
            .write(&self.dir)
            .map_err(|message| self.failed(&message))?;
        let manifests = std::mem::take(&mut written.manifests).into_iter();
        let (replaced, others): (Vec<_>, Vec<_>) = manifests.partition(|kept| kept.at == at);
        written.manifests = others;
        written.manifests.push(Kept::of(at, &manifest));
        self.tidy(written, replaced.into_iter().flat_map(|kept| kept.files))
    }

    pub(super) fn snapshots_of(
        &self,
        state: usize,
        steps: &dyn AnySteps,
    ) -> Result<Vec<Snapshot>, StreamError> {
        let store = steps.store();
        let mut snapshots = Vec::new();
        for partition in 0..store.partitions() {
            let (time, bytes) = store
                .snapshot(partition)
                .map_err(|message| self.failed(&message))?;
            let Some(time) = time else { continue };
            let file = format!(
                "{:020}-{state}-{partition}-{}",
                time.as_millis(),
                self.first.0
            );
            let at = self.dir.join(STATES).join(&file);
            at.put(&seal(&bytes), Durability::Synced)
                .map_err(|error| self.failed(&error.to_string()))?;
            snapshots.push(Snapshot {
                state,
                partition,
                partitions: store.partitions(),
                time,
                file,
            });
        }
        Ok(snapshots)
    }

    /// Deletes manifests, and what none of those that are left needs: of what they held, and of
    /// what `replaced` ones did.
    fn tidy(
        &self,
        written: &mut Written,
        replaced: impl Iterator<Item = String>,
    ) -> Result<(), StreamError> {
        let failed = |error: StoreError| self.failed(&error.to_string());
        let mut gone: Vec<_> = replaced.collect();
        while written.manifests.len() > self.limits.manifests.max(1) {
            let old = written.manifests.remove(0);
            old.at.delete().map_err(failed)?;
            gone.extend(old.files);
        }
        let needed: HashSet<_> = written
            .manifests
            .iter()
            .flat_map(|kept| &kept.files)
            .collect();
        for file in gone.into_iter().filter(|file| !needed.contains(file)) {
            match self.dir.join(STATES).join(&file).delete() {
                // Two old manifests may have needed it.
                Err(StoreError::NotFound { .. }) => {}
                deleted => deleted.map_err(failed)?,
            }
        }
        let oldest = written.manifests.iter().map(|kept| kept.oldest).min();
        oldest.map_or(Ok(()), |oldest| {
            self.with_journal(|journal| journal.forget_before(oldest))
        })
    }

    /// Where a snapshot lies.
    pub(crate) fn snapshot_at(&self, snapshot: &Snapshot) -> Location {
        self.dir.join(STATES).join(&snapshot.file)
    }

    pub(crate) fn failed(&self, message: &str) -> StreamError {
        StreamError::Checkpoint {
            directory: self.dir.to_string(),
            message: message.to_owned(),
        }
    }
}

/// Keeps of each partition's snapshots the newest that a restart may begin with, and all later
/// ones. The batch up to which all partitions have one that contains its changes.
fn keep_needed(snapshots: &mut Vec<Snapshot>, base: Time) -> Option<Time> {
    let mut newest: HashMap<(usize, usize), Option<Time>> = HashMap::new();
    for one in snapshots.iter() {
        let known = newest.entry((one.state, one.partition)).or_default();
        *known = (*known).max(Some(one.time).filter(|at| *at <= base));
    }
    snapshots.retain(|one| {
        let newest = newest.get(&(one.state, one.partition)).copied().flatten();
        newest.is_none_or(|newest| one.time >= newest)
    });
    newest.into_values().min().flatten()
}

impl StateLog for Keeper {
    /// Changes wait in memory for the end of their batch, with which they are written.
    fn append(&self, change: &StateChange) -> Result<(), String> {
        self.changes.lock().push(Change {
            state: change.node.0,
            partition: change.partition,
            time: change.time,
            bytes: change.bytes.clone(),
        });
        Ok(())
    }
}
