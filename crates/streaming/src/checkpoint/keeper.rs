//! Writes what happens, while it happens.

mod failure;
mod needed;
mod unfinished;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use headwater_core::catch_panic;
use headwater_journal::{Journal, Sequence};
use headwater_store::{Location, StoreError};
use parking_lot::{Mutex, RwLock};

use self::failure::Failure;
use super::commits::Commits;
use super::entry::{Again, Change, CutInput, Entry};
use super::flusher::Flusher;
use super::info::{Checkpointed, JournalInfo};
use super::manifest::{Manifest, Snapshot};
use super::pace::Pace;
use super::parts::{self, PART_BYTES_MAX};
use super::past::{Cut, Past};
use super::plan::Limits;
use super::restore::Manifests;
use super::retention::{Retained, Surplus};
use super::snapshots::{self, Snapshots};
use super::weight::Weight;
use crate::batch::BatchEnd;
use crate::error::StreamError;
use crate::state::{AnySteps, StateChange, StateLog};
use crate::threads::Owner;
use crate::time::Time;

/// The directory of the snapshots of state.
pub(super) const STATES: &str = "state";
/// A manifest begins a new segment of the journal if the last one is at least so long.
const ROLL_FROM_BYTES: u64 = 64 << 10;

/// Keeps the checkpoint directory of a running stream.
pub(crate) struct Keeper {
    dir: Location,
    /// None once the stream has stopped, so that another one can open the directory, however
    /// long handles of this one live.
    journal: RwLock<Option<Journal>>,
    /// Makes blocks durable before the cut of their batch waits for it.
    flusher: OnceLock<Flusher>,
    /// Hears of the failure of the journal, from whatever finds it first.
    failure: Failure,
    /// Together with the journal, so that both have the same order.
    past: Mutex<Past>,
    commits: Mutex<Commits>,
    /// Held by the thread that writes ends, so that they have the order of the batches.
    ending: Mutex<()>,
    written: Mutex<Written>,
    /// When state may be written whole.
    pub(super) pace: Pace,
    /// How much was written since state was last written whole.
    pub(super) weight: Weight,
    /// Tells the snapshots of this process from those of others: the number of its first entry.
    first: Sequence,
    limits: Limits,
}

/// What was written beside the journal.
#[derive(Default)]
struct Written {
    retained: Retained,
    /// The latest snapshots that this process wrote.
    latest: Snapshots,
    /// Whether the snapshots are gone that a process wrote which was killed before its manifest.
    is_swept: bool,
    /// Whether a checkpoint has failed and what is left of it was not deleted.
    has_unfinished: bool,
}

impl Keeper {
    pub(crate) fn new(dir: Location, journal: Journal, past: Past, limits: Limits) -> Arc<Self> {
        Arc::new(Keeper {
            dir,
            first: journal.next(),
            journal: RwLock::new(Some(journal)),
            flusher: OnceLock::new(),
            failure: Failure::default(),
            commits: Mutex::new(Commits::new(past.ended)),
            past: Mutex::new(past),
            ending: Mutex::default(),
            written: Mutex::default(),
            pace: Pace::default(),
            weight: Weight::default(),
            limits,
        })
    }

    /// Takes over what earlier processes wrote: their manifests, and the snapshots that the
    /// program goes on from. What it begins with was appended. Of some states it computes earlier
    /// batches again.
    pub(super) fn goes_on_from(
        &self,
        manifests: Manifests,
        snapshots: Vec<Snapshot>,
        again: Vec<Again>,
    ) -> Result<(), StreamError> {
        let Manifests { read, unreadable } = manifests;
        let names = read.iter();
        let names = names.map(|(at, manifest)| (name_of(at), manifest));
        let mut retained = Retained::found(names, snapshots);
        retained.found_unreadable(unreadable);
        if let Some((_, oldest)) = read.first() {
            for (at, files) in self.named_since(oldest.next())? {
                retained.named(at, &files);
            }
        }
        retained.computes_again(again.clone());
        self.commits.lock().computes_again(again);
        self.written.lock().retained = retained;
        Ok(())
    }

    /// The snapshots that are there and that entries from this one on name. Their files tell
    /// the number of the entry, the first of the process that wrote them.
    fn named_since(&self, oldest: Sequence) -> Result<Vec<(Sequence, Vec<String>)>, StreamError> {
        let mut by = BTreeMap::<Sequence, Vec<String>>::new();
        for file in self.list_snapshots()? {
            if let Some(first) = Snapshot::first_entry_of(&file) {
                by.entry(first).or_default().push(file);
            }
        }
        let mut recent = by.split_off(&oldest);
        for (at, files) in &mut recent {
            // What an entry that cannot be read has named is not known: all of them may be.
            if let Ok(entry) = self.read(*at) {
                files.retain(|file| entry.names(file));
            }
        }
        Ok(recent.into_iter().collect())
    }

    fn list_snapshots(&self) -> Result<Vec<String>, StreamError> {
        let there = snapshots::list(&self.dir.join(STATES));
        there.map_err(|error| self.failed(&error.to_string()))
    }

    /// Starts the thread that [`Keeper::flush_soon`] wakes.
    pub(crate) fn start_flushing(self: &Arc<Self>, owner: Owner) -> Result<(), StreamError> {
        let keeper = Arc::downgrade(self);
        let flush = move || {
            let keeper = keeper.upgrade();
            // A journal that failed says so to those who wait for it.
            keeper.is_some_and(|keeper| keeper.with_journal(Journal::commit).is_ok())
        };
        // It is started once.
        let _ = self.flusher.set(Flusher::start(owner, flush)?);
        Ok(())
    }

    /// Has everything that was appended made durable, without waiting for it.
    pub(crate) fn flush_soon(&self) {
        if let Some(flusher) = self.flusher.get() {
            flusher.wake();
        }
    }

    /// Lets go of the directory.
    pub(crate) fn close(&self) {
        if let Some(flusher) = self.flusher.get() {
            flusher.stop();
        }
        let journal = self.journal.write().take();
        drop(journal);
    }

    /// Reads an entry again.
    pub(crate) fn read(&self, at: Sequence) -> Result<Entry, StreamError> {
        let read = |at| self.with_journal(|journal| journal.read(at));
        parts::read_entry(at, read, |message| self.failed(message))
    }

    /// Shows the bytes of the parts of a block, one after the other.
    pub(crate) fn read_block(
        &self,
        parts: &[Sequence],
        mut show: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), StreamError> {
        let mut mistake = Ok(());
        self.with_journal(|journal| {
            journal.read_each(parts, |entry| {
                if mistake.is_ok() {
                    let bytes = Entry::bytes_of_block(entry);
                    let no_block = || "an entry of the journal is no block".to_owned();
                    let bytes = bytes.and_then(|bytes| bytes.ok_or_else(no_block));
                    mistake = bytes.and_then(&mut show);
                }
            })
        })?;
        mistake.map_err(|message| self.failed(&message))
    }

    /// What has happened so far.
    pub(super) fn past(&self) -> Past {
        self.past.lock().clone()
    }

    /// Appends an entry, which is not durable yet; the number of its last record.
    pub(crate) fn append(&self, entry: Entry) -> Result<Sequence, StreamError> {
        let bytes = entry.to_bytes().map_err(|message| self.failed(&message))?;
        let records = parts::records_of(&bytes, PART_BYTES_MAX);
        self.append_as(records, |past, at| past.apply(at, entry))
    }

    /// Appends a block, given without its bytes, and these.
    pub(crate) fn append_block(&self, entry: Entry, bytes: &[u8]) -> Result<Sequence, StreamError> {
        let head = entry.block_head(bytes.len());
        let head = head.map_err(|message| self.failed(&message))?;
        self.append_as([(head, bytes)], |past, at| {
            past.apply_block(at, entry, bytes.len())
        })
    }

    /// Appends the records of an entry, each given as a head and the rest, without others between
    /// them. The number of the last one.
    fn append_as<'a>(
        &self,
        records: impl IntoIterator<Item = (Vec<u8>, &'a [u8])>,
        apply: impl FnOnce(&mut Past, Sequence) -> Result<(), String>,
    ) -> Result<Sequence, StreamError> {
        let mut past = self.past.lock();
        let mut numbers = None;
        for (head, rest) in records {
            let at = self.with_journal(|journal| journal.append_parts(&[&head, rest]))?;
            self.weight.add_entry((head.len() + rest.len()) as u64);
            let (first, _) = numbers.unwrap_or((at, at));
            numbers = Some((first, at));
        }
        let (first, last) = numbers.ok_or_else(|| self.failed("an entry without bytes"))?;
        apply(&mut past, first).map_err(|message| self.failed(&message))?;
        Ok(last)
    }

    /// Returns once an entry survives a power failure.
    pub(crate) fn sync_to(&self, at: Sequence) -> Result<(), StreamError> {
        self.with_journal(|journal| journal.sync_to(at))
    }

    /// What belongs to a batch, if an earlier process has cut it.
    pub(crate) fn cut_of(&self, time: Time) -> Option<Cut> {
        self.past.lock().cuts.get(&time).cloned()
    }

    /// Whether a batch was cut at a time or later.
    pub(crate) fn has_cut_since(&self, time: Time) -> bool {
        self.past.lock().cuts.range(time..).next().is_some()
    }

    /// Begins a batch. Fixes what belongs to it, and says how long that took; `None` if it was
    /// done by an earlier process.
    pub(crate) fn cut(
        &self,
        time: Time,
        inputs: Option<Vec<CutInput>>,
    ) -> Result<Option<Duration>, StreamError> {
        self.pace.batch_begins();
        let Some(inputs) = inputs else {
            return Ok(None);
        };
        let began = Instant::now();
        let at = self.append(Entry::Cut { time, inputs })?;
        self.sync_to(at)?;
        Ok(Some(began.elapsed()))
    }

    /// What the journal takes, and how long; `None` once the stream has stopped.
    pub(crate) fn journal_info(&self) -> Option<JournalInfo> {
        let known = self.with_journal(|journal| Ok((journal.size(), journal.statistics())));
        let (size, statistics) = known.ok()?;
        Some(JournalInfo {
            segments: size.segments,
            bytes: size.bytes,
            written_records: statistics.records,
            written_bytes: statistics.bytes,
            syncs: statistics.syncs,
        })
    }

    /// Notes that a batch is done. Ends are written in the order of the batches: one that
    /// overtook another waits for it. The batches whose ends are written now. `has_come_to` says
    /// whether a state has taken in a batch.
    pub(crate) fn end(
        &self,
        time: Time,
        end: BatchEnd,
        has_come_to: impl Fn(usize, Time) -> bool,
    ) -> Result<Vec<Time>, StreamError> {
        let _in_order = self.ending.lock();
        self.commits.lock().done(time, end);
        let (mut last, mut ended) = (None, Vec::new());
        while let Some((time, end)) = self.next_end(&has_come_to) {
            let changes = end.changes().iter();
            let bytes = changes.map(|change| change.bytes.len() as u64).sum();
            self.weight.add_changes(bytes);
            last = Some(self.append_end(end)?);
            ended.push(time);
        }
        if let Some(last) = last {
            self.sync_to(last)?;
        }
        self.pace.batches_ended(ended.len());
        Ok(ended)
    }

    fn next_end(&self, has_come_to: impl Fn(usize, Time) -> bool) -> Option<(Time, Entry)> {
        let first_open = self.past.lock().first_open();
        self.commits.lock().next_end(first_open, has_come_to)
    }

    /// What is computed again is whole with the entry that says so, for whoever looks at the past.
    fn append_end(&self, end: Entry) -> Result<Sequence, StreamError> {
        let bytes = end.to_bytes().map_err(|message| self.failed(&message))?;
        self.append_as(parts::records_of(&bytes, PART_BYTES_MAX), |past, at| {
            self.commits.lock().have_ended(&end);
            past.apply(at, end)
        })
    }

    /// Writes snapshots of state, in the moments that `pace` gives, and a manifest, and drops
    /// what no restart needs. Nothing comes of it when the stream is over before.
    pub(super) fn checkpoint(
        &self,
        states: &[Arc<dyn AnySteps>],
        pace: &Pace,
    ) -> Result<Option<Checkpointed>, StreamError> {
        let mut written = self.written.lock();
        let checkpoint = self.write_checkpoint(&mut written, states, pace);
        written.has_unfinished |= checkpoint.is_err();
        self.clear_unfinished(&mut written, states);
        checkpoint
    }

    fn write_checkpoint(
        &self,
        written: &mut Written,
        states: &[Arc<dyn AnySteps>],
        pace: &Pace,
    ) -> Result<Option<Checkpointed>, StreamError> {
        self.weight.start_again();
        // What was written for another reason is none of this checkpoint's.
        let _ = written.latest.take_wrote();
        let mut partitions = 0;
        let dir = self.dir.join(STATES);
        self.note_what_is_whole(&mut written.retained, &self.past.lock());
        for (number, steps) in states.iter().enumerate() {
            if written.retained.is_on_its_way(number) {
                continue;
            }
            let state = (number, self.first);
            let write = || written.latest.write(&dir, pace, state, steps.store());
            // What the user's types do when they are written is the user's code.
            let snapshots = catch_panic(steps.site(), write);
            let snapshots = snapshots.unwrap_or_else(|panic| Err(panic.to_string()));
            match snapshots.map_err(|message| self.failed(&message))? {
                Some(snapshots) => {
                    partitions += snapshots.len() as u64;
                    let retained = &mut written.retained;
                    snapshots.into_iter().for_each(|one| retained.add(one));
                }
                None => return Ok(None),
            }
        }
        self.weight.set_state(written.latest.bytes());
        let (snapshots, state_bytes) = written.latest.take_wrote();
        let (time, manifest) = self.write_manifest(written, states)?;
        Ok(Some(Checkpointed {
            time,
            state_bytes,
            snapshots,
            unchanged: partitions.saturating_sub(snapshots),
            manifest,
        }))
    }

    /// Writes a manifest of what is known, so that the directory has one.
    pub(crate) fn begin(&self, states: &[Arc<dyn AnySteps>]) -> Result<(), StreamError> {
        let mut written = self.written.lock();
        self.write_manifest(&mut written, states)?;
        Ok(())
    }

    /// Deletes, once, the snapshots of a process that was killed before its manifest.
    fn sweep(&self, written: &mut Written) -> Result<(), StreamError> {
        // A manifest that cannot be read may be mended, and would need its snapshots.
        if written.is_swept || written.retained.has_unreadable() {
            return Ok(());
        }
        self.tidy(Surplus {
            files: written.retained.unlisted(self.list_snapshots()?),
            ..Surplus::default()
        })?;
        written.is_swept = true;
        Ok(())
    }

    /// The last batch that the manifest knows, and its name.
    fn write_manifest(
        &self,
        written: &mut Written,
        states: &[Arc<dyn AnySteps>],
    ) -> Result<(Time, String), StreamError> {
        let retained = &mut written.retained;
        let taken_in = self.taken_in(states);
        let manifest = {
            let mut past = self.past.lock();
            let limits = self.limits_with(&past, taken_in);
            self.note_what_is_whole(retained, &past);
            let contained = retained.keep_needed(&past, limits.state_reaches_back);
            past.prune(limits.remembered, contained);
            // Under the lock, so that the past holds all entries before.
            let next = self.with_journal(|journal| Ok(journal.next()))?;
            Manifest {
                past: past.clone(),
                next: next.0,
                snapshots: retained.snapshots.clone(),
            }
        };
        // What the manifest says has happened must be there when it is.
        self.with_journal(Journal::commit)?;
        // Entries go by whole segments: those before this moment are to be able to.
        self.with_journal(|journal| journal.roll_from(ROLL_FROM_BYTES))?;
        // Snapshots of large states take a while: who has taken the directory over meanwhile may
        // have a manifest of this name, and need what is deleted here.
        self.with_journal(Journal::confirm)?;
        manifest
            .write(&self.dir)
            .map_err(|message| self.failed(&message))?;
        if let Err(error) = self.with_journal(Journal::confirm) {
            // It is there, and needs what it lists. What may go for it goes with the next one.
            retained.written(manifest.name(), &manifest, usize::MAX);
            return Err(error);
        }
        self.tidy(retained.written(manifest.name(), &manifest, self.limits.manifests))?;
        self.sweep(written)?;
        Ok((manifest.past.ended, manifest.name()))
    }

    /// Writes snapshots of a state at once.
    pub(super) fn snapshots_of(
        &self,
        state: usize,
        steps: &dyn AnySteps,
    ) -> Result<Vec<Snapshot>, StreamError> {
        let (dir, at_once) = (self.dir.join(STATES), Pace::default());
        let latest = &mut self.written.lock().latest;
        let snapshots = latest.write(&dir, &at_once, (state, self.first), steps.store());
        let snapshots = snapshots.map_err(|message| self.failed(&message))?;
        Ok(snapshots.unwrap_or_default())
    }

    /// Does not take these snapshots for the latest of their states, which go back behind them.
    pub(super) fn forget_latest(&self, snapshots: &[Snapshot]) {
        let files: Vec<_> = snapshots.iter().map(|one| one.file.clone()).collect();
        self.written.lock().latest.forget(&files);
    }

    /// Deletes what nothing needs. Some of it may be gone: a process that was killed may have
    /// deleted it.
    fn tidy(&self, surplus: Surplus) -> Result<(), StreamError> {
        for manifest in &surplus.unreadable {
            tracing::warn!(
                "{}: {manifest} cannot be read and is older than all that are kept; it is deleted",
                self.dir
            );
        }
        let manifests = surplus.manifests.iter().chain(&surplus.unreadable);
        let manifests = manifests.map(|name| self.dir.join(name));
        let states = self.dir.join(STATES);
        let files = surplus.files.iter().map(|name| states.join(name));
        for file in manifests.chain(files) {
            match file.delete() {
                Err(StoreError::NotFound { .. }) => {}
                deleted => deleted.map_err(|error| self.failed(&error.to_string()))?,
            }
        }
        surplus.entries_before.map_or(Ok(()), |oldest| {
            self.with_journal(|journal| journal.forget_before(oldest))
        })
    }

    pub(crate) fn failed(&self, message: &str) -> StreamError {
        StreamError::Checkpoint {
            directory: self.dir.to_string(),
            message: message.to_owned(),
        }
    }
}

fn name_of(at: &Location) -> String {
    at.name().into_owned()
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
