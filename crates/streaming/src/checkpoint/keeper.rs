//! Writes what happens, while it happens.

use std::sync::Arc;

use headwater_journal::{Journal, JournalError, Sequence};
use headwater_store::{Durability, Location, StoreError};
use parking_lot::{Mutex, RwLock};

use super::commits::Commits;
use super::entry::{Change, CutInput, Entry};
use super::manifest::{Manifest, Snapshot, seal};
use super::past::Past;
use super::plan::Limits;
use super::retention::{Retained, Surplus, keep_needed};
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
    commits: Mutex<Commits>,
    /// Held by the thread that writes ends, so that they have the order of the batches.
    ending: Mutex<()>,
    written: Mutex<Retained>,
    /// Tells the snapshots of this process from those of others: the number of its first entry.
    first: Sequence,
    limits: Limits,
}

impl Keeper {
    pub(crate) fn new(dir: Location, journal: Journal, past: Past, limits: Limits) -> Arc<Self> {
        Arc::new(Keeper {
            dir,
            first: journal.next(),
            journal: RwLock::new(Some(journal)),
            past: Mutex::new(past),
            commits: Mutex::default(),
            ending: Mutex::default(),
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
        let manifests = manifests.iter();
        let manifests = manifests.map(|(at, manifest)| (at.name().into_owned(), manifest));
        *self.written.lock() = Retained::found(manifests, snapshots);
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
        let _in_order = self.ending.lock();
        self.commits.lock().done(time, failure);
        let (mut last, mut ended) = (None, Vec::new());
        while let Some((time, end)) = self.next_end() {
            last = Some(self.append(end)?);
            ended.push(time);
        }
        if let Some(last) = last {
            self.sync_to(last)?;
        }
        Ok(ended)
    }

    fn next_end(&self) -> Option<(Time, Entry)> {
        let first_open = self.past.lock().first_open();
        self.commits.lock().next_end(first_open)
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
        let mut written = self.written.lock();
        self.write_manifest(&mut written)?;
        // What a process wrote that was killed before its manifest.
        let unlisted = Surplus {
            files: written.unlisted(self.snapshot_files()?),
            ..Surplus::default()
        };
        self.tidy(unlisted)
    }

    fn snapshot_files(&self) -> Result<Vec<String>, StreamError> {
        match self.dir.join(STATES).list() {
            Ok(files) => {
                let names = files.iter().map(|file| file.location.name().into_owned());
                Ok(names.collect())
            }
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn write_manifest(&self, written: &mut Retained) -> Result<(), StreamError> {
        let manifest = {
            let mut past = self.past.lock();
            let base = past.ended - self.limits.state_reaches_back;
            let contained = keep_needed(&mut written.snapshots, past.program.states.len(), base);
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
        manifest
            .write(&self.dir)
            .map_err(|message| self.failed(&message))?;
        self.tidy(written.written(manifest.name(), &manifest, self.limits.manifests))
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
            let place = (state, partition);
            let snapshot = Snapshot::of(place, store.partitions(), time, self.first);
            self.snapshot_at(&snapshot)
                .put(&seal(&bytes), Durability::Synced)
                .map_err(|error| self.failed(&error.to_string()))?;
            snapshots.push(snapshot);
        }
        Ok(snapshots)
    }

    /// Deletes what nothing needs.
    fn tidy(&self, surplus: Surplus) -> Result<(), StreamError> {
        let failed = |error: StoreError| self.failed(&error.to_string());
        for manifest in surplus.manifests {
            self.dir.join(&manifest).delete().map_err(failed)?;
        }
        for file in surplus.files {
            match self.dir.join(STATES).join(&file).delete() {
                // A process that was killed may have deleted it.
                Err(StoreError::NotFound { .. }) => {}
                deleted => deleted.map_err(failed)?,
            }
        }
        surplus.entries_before.map_or(Ok(()), |oldest| {
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

impl StateLog for Keeper {
    /// Changes wait in memory for the end of their batch, with which they are written.
    fn append(&self, change: &StateChange) -> Result<(), String> {
        self.commits.lock().changed(Change {
            state: change.node.0,
            partition: change.partition,
            time: change.time,
            bytes: change.bytes.clone(),
        });
        Ok(())
    }
}
