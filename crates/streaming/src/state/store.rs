//! The state of a stream, by partition and by batch.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use headwater_core::Record;
use headwater_core::rdd::{Shown, StepError};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::touched::{Extent, Sums, Touched};
use super::written::{Written, finished};
use super::{StateChange, StateLog, StateSize};
use crate::graph::NodeId;
use crate::time::Time;

/// What a partition of a stateful stream keeps from batch to batch.
pub(crate) trait PartitionState: Clone + Send + Sync + 'static {
    /// What it shows.
    type Record: Record;

    /// What a batch does to it. Applied to an equal state it gives an equal state, so a log
    /// of changes brings a snapshot up to date.
    type Change: Serialize + DeserializeOwned;

    fn apply(&mut self, change: Self::Change);

    /// Everything that it shows, as it lies.
    fn records(&self) -> &[Self::Record];

    fn size(&self) -> StateSize;

    /// Whether a change makes it another one. If in doubt it does: then it is written once
    /// more.
    fn is_changed_by(&self, change: &Self::Change) -> bool;

    /// How many keys a change touches.
    fn extent(&self, change: &Self::Change) -> Extent;

    fn write(&self, to: Written<'_>) -> Result<Vec<u8>, postcard::Error>;

    /// Reads a state that was written by one with the same settings as this one.
    fn read(&self, bytes: &[u8]) -> Result<Self, String>;
}

/// Reads a value from all of some bytes: what is left over tells that it was another type.
pub(super) fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes are left over", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// A state that may be there before the first batch.
pub(crate) trait Initial: PartitionState {
    /// What makes an empty state hold these records, as young as a time; `holds` says which
    /// of several states of a key stays.
    fn load(records: Vec<Self::Record>, stamp: Time, holds: Holds) -> Self::Change;
}

/// Which of several initial states of a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    First,
    Last,
}

/// The partitions of a stream's state, each at the version of some batch.
///
/// A batch changes the current version in place when nobody can ask for it any more.
/// Otherwise it changes a copy: windows over state, `slice`, and batches that run at the
/// same time read older versions.
pub(crate) struct Store<P> {
    partitions: Vec<Partition<P>>,
    /// Versions of later batches than this may still be asked for.
    readable_after: AtomicI64,
    /// The same for each of the streams that show the state.
    readers: Mutex<Vec<Time>>,
    /// How much longer than its readers the next step needs a version.
    lag: Duration,
    log: OnceLock<(NodeId, Arc<dyn StateLog>)>,
    /// What batches have done, in sums that nobody has taken yet.
    pub(super) touched: Sums,
}

struct Partition<P> {
    /// The time of the current version, readable while a task works on the next one.
    at: AtomicI64,
    /// The last batch that changed anything.
    changed: AtomicI64,
    /// Held by the task that works on the next version, which takes a while.
    advancing: Mutex<()>,
    /// A panic has left the current version half changed.
    is_torn: AtomicBool,
    /// Held for moments only: the input of the next version may read this one.
    versions: Mutex<Versions<P>>,
}

struct Versions<P> {
    current: Arc<P>,
    older: BTreeMap<Time, Arc<P>>,
}

impl<P: PartitionState> Versions<P> {
    fn extent(&self, change: &P::Change) -> Extent {
        self.current.extent(change)
    }

    /// How many keys the current version has.
    fn keys(&self) -> usize {
        self.current.records().len()
    }
}

/// Before the first batch.
const NEVER: i64 = i64::MIN;

impl<P: PartitionState> Store<P> {
    pub(crate) fn new(partitions: usize, empty: &P) -> Arc<Self> {
        Store::lagging(partitions, empty, Duration::ZERO)
    }

    /// A store whose steps read the version before through a shuffle: it stays for longer.
    pub(crate) fn lagging(partitions: usize, empty: &P, lag: Duration) -> Arc<Self> {
        let partition = || Partition {
            at: AtomicI64::new(NEVER),
            changed: AtomicI64::new(NEVER),
            advancing: Mutex::new(()),
            is_torn: AtomicBool::new(false),
            versions: Mutex::new(Versions {
                current: Arc::new(empty.clone()),
                older: BTreeMap::new(),
            }),
        };
        Arc::new(Store {
            partitions: std::iter::repeat_with(partition).take(partitions).collect(),
            readable_after: AtomicI64::new(i64::MAX),
            readers: Mutex::default(),
            lag,
            log: OnceLock::new(),
            touched: Sums::default(),
        })
    }

    /// Keeps every version until [`AnyStore::forget`] says that this reader, whose number is
    /// given, does not need it.
    pub(crate) fn add_reader(&self) -> usize {
        let mut readers = self.readers.lock();
        readers.push(Time::from_millis(NEVER));
        self.readable_after.store(NEVER, Ordering::Relaxed);
        readers.len() - 1
    }

    pub(crate) fn is_at(&self, partition: usize, time: Time) -> bool {
        self.partitions
            .get(partition)
            .is_none_or(|partition| partition.at.load(Ordering::Acquire) >= time.as_millis())
    }

    /// Brings a partition to the version of a batch, unless it is there.
    ///
    /// `decide` looks at the current version and says what changes; when it fails or panics
    /// nothing has changed. `changed` is called together with the change.
    pub(crate) fn advance<R>(
        &self,
        partition: usize,
        time: Time,
        decide: impl FnOnce(&P) -> Result<(P::Change, R), StepError>,
        changed: impl FnOnce(R),
    ) -> Result<(), StepError> {
        let Some(slot) = self.partitions.get(partition) else {
            return Ok(());
        };
        let _one_at_a_time = slot.advancing.lock();
        if self.is_at(partition, time) {
            return Ok(());
        }
        if slot.is_torn.load(Ordering::Relaxed) {
            return Err(torn(partition).into());
        }
        let current = slot.versions.lock().current.clone();
        let (change, result) = decide(&current)?;
        self.append(partition, time, &change)?;
        drop(current);
        let mut versions = slot.versions.lock();
        // Should the user's code panic in the middle, the flag stays.
        slot.is_torn.store(true, Ordering::Relaxed);
        slot.note_change(&versions.current, &change, time);
        let (extent, before) = (versions.extent(&change), versions.keys());
        self.change(slot, &mut versions, change);
        self.touched.add(extent, before, versions.keys());
        slot.is_torn.store(false, Ordering::Relaxed);
        changed(result);
        slot.at.store(time.as_millis(), Ordering::Release);
        Ok(())
    }

    fn append(&self, partition: usize, time: Time, change: &P::Change) -> Result<(), StepError> {
        let Some((node, log)) = self.log.get() else {
            return Ok(());
        };
        let bytes = postcard::to_stdvec(change)
            .map_err(|error| format!("the change of state cannot be written: {error}"))?;
        log.append(&StateChange {
            node: *node,
            partition,
            time,
            bytes,
        })?;
        Ok(())
    }

    fn change(&self, slot: &Partition<P>, versions: &mut Versions<P>, to: P::Change) {
        let readable_after = self.readable_after.load(Ordering::Relaxed);
        let at = slot.at.load(Ordering::Relaxed);
        if at > readable_after {
            let kept = versions.current.clone();
            versions.older.insert(Time::from_millis(at), kept);
        }
        versions
            .older
            .retain(|time, _| time.as_millis() > readable_after);
        // A copy is made only if the old version was kept, or is being read just now.
        Arc::make_mut(&mut versions.current).apply(to);
    }

    pub(super) fn number_of_partitions(&self) -> usize {
        self.partitions.len()
    }

    /// Puts a state that was kept by an earlier process in the place of a partition's.
    pub(super) fn put_back(&self, partition: usize, at: Option<Time>, state: P) {
        if let Some(slot) = self.partitions.get(partition) {
            let mut versions = slot.versions.lock();
            versions.current = Arc::new(state);
            versions.older.clear();
            let at = at.map_or(NEVER, Time::as_millis);
            slot.changed.store(at, Ordering::Relaxed);
            slot.at.store(at, Ordering::Release);
        }
    }

    /// Shows the state of a partition as a batch left it.
    pub(crate) fn show(
        &self,
        partition: usize,
        time: Time,
        to: &mut Shown<'_, P::Record>,
    ) -> Result<(), StepError> {
        to.show(self.version(partition, time)?.records())
    }

    fn version(&self, partition: usize, time: Time) -> Result<Arc<P>, StepError> {
        let gone = || {
            StepError::from(format!(
                "the state of batch {time} is no longer there; read it in its batch, or make the \
                 stream remember() it for longer"
            ))
        };
        let slot = self.partitions.get(partition).ok_or_else(gone)?;
        let versions = slot.versions.lock();
        if slot.at.load(Ordering::Relaxed) == time.as_millis() {
            return Ok(versions.current.clone());
        }
        versions.older.get(&time).cloned().ok_or_else(gone)
    }
}

impl<P: PartitionState> Partition<P> {
    /// Notes that the current version is going to be another one, if it is.
    fn note_change(&self, current: &P, change: &P::Change, time: Time) {
        if current.is_changed_by(change) {
            self.changed.store(time.as_millis(), Ordering::Relaxed);
        }
    }
}

/// What is known of the current version of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Its batch.
    pub(crate) at: Time,
    /// The last batch that changed anything.
    pub(crate) changed: Time,
}

/// A store without its types.
pub(crate) trait AnyStore: Send + Sync {
    fn partitions(&self) -> usize;

    /// The batch whose version a partition has.
    fn at(&self, partition: usize) -> Option<Time>;

    /// The batch whose version every partition has, or a later one: where a batch has failed for
    /// some of them, that of those that are behind.
    fn reached(&self) -> Option<Time> {
        let partitions = (0..self.partitions()).map(|partition| self.at(partition));
        partitions.min().flatten()
    }

    /// Whether time can go on after `zero`.
    fn check_restored(&self, zero: Time) -> Result<(), String> {
        let version = |partition| match self.at(partition) {
            Some(at) => format!("of batch {at}"),
            None => "empty".to_owned(),
        };
        let other = (1..self.partitions()).find(|other| self.at(*other) != self.at(0));
        if let Some(other) = other {
            return Err(format!(
                "its partition 0 is {}, its partition {other} is {}",
                version(0),
                version(other)
            ));
        }
        match self.at(0) {
            Some(at) if at != zero => Err(format!(
                "it is of batch {at}, and by the clock time would go on after {zero}"
            )),
            _ => Ok(()),
        }
    }

    fn size(&self) -> StateSize;

    /// What batches have done since this was asked last.
    fn take_touched(&self) -> Touched;

    /// What is known of a partition that has a version.
    fn marks(&self, partition: usize) -> Option<Marks>;

    /// Writes a partition as it is.
    fn snapshot(&self, partition: usize) -> Result<(Option<Time>, Vec<u8>), String> {
        let written = self.snapshot_unless(partition, &|| false)?;
        written.ok_or_else(|| "nobody wanted it, and it was given up".to_owned())
    }

    /// As `snapshot`, but `None` when `is_wanted` says that somebody wants the partition,
    /// which is held until then: a change would have to be made to a copy.
    fn snapshot_unless(
        &self,
        partition: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<(Option<Time>, Vec<u8>)>, String>;

    fn restore(&self, partition: usize, time: Time, bytes: &[u8]) -> Result<(), String>;

    fn replay(&self, partition: usize, time: Time, change: &[u8]) -> Result<(), String>;

    /// Writes every change from now on; the first log stays.
    fn set_log(&self, node: NodeId, log: Arc<dyn StateLog>) -> bool;

    /// Says that a reader does not ask for versions up to a batch any more.
    fn forget(&self, reader: usize, up_to: Time);
}

impl<P: PartitionState> AnyStore for Store<P> {
    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn at(&self, partition: usize) -> Option<Time> {
        let at = self.partitions.get(partition)?.at.load(Ordering::Acquire);
        (at != NEVER).then(|| Time::from_millis(at))
    }

    fn size(&self) -> StateSize {
        let sizes = self.partitions.iter().map(|slot| {
            let (current, older) = {
                let versions = slot.versions.lock();
                (versions.current.clone(), versions.older.clone())
            };
            let older = older.values().map(|version| version.size().bytes);
            let current = current.size();
            StateSize {
                bytes: current.bytes + older.sum::<u64>(),
                ..current
            }
        });
        sizes.fold(StateSize::default(), StateSize::plus)
    }

    fn take_touched(&self) -> Touched {
        self.touched.take()
    }

    fn marks(&self, partition: usize) -> Option<Marks> {
        let slot = self.partitions.get(partition)?;
        let _both_of_one_version = slot.versions.lock();
        let at = self.at(partition)?;
        let changed = Time::from_millis(slot.changed.load(Ordering::Relaxed));
        Some(Marks { at, changed })
    }

    fn snapshot_unless(
        &self,
        partition: usize,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Option<(Option<Time>, Vec<u8>)>, String> {
        let slot = self.partitions.get(partition).ok_or_else(no_partition)?;
        let (at, current) = {
            let versions = slot.versions.lock();
            if slot.is_torn.load(Ordering::Relaxed) {
                return Err(torn(partition));
            }
            (self.at(partition), versions.current.clone())
        };
        // Without the lock: batches go on while a large state is written.
        let written = finished(current.write(Written::new(is_wanted)))?;
        Ok(written.map(|bytes| (at, bytes)))
    }

    fn restore(&self, partition: usize, time: Time, bytes: &[u8]) -> Result<(), String> {
        let slot = self.partitions.get(partition).ok_or_else(no_partition)?;
        let current = slot.versions.lock().current.clone();
        self.put_back(partition, Some(time), current.read(bytes)?);
        Ok(())
    }

    fn replay(&self, partition: usize, time: Time, change: &[u8]) -> Result<(), String> {
        let slot = self.partitions.get(partition).ok_or_else(no_partition)?;
        let change = decoded(change)?;
        let mut versions = slot.versions.lock();
        if !self.is_at(partition, time) {
            slot.note_change(&versions.current, &change, time);
            Arc::make_mut(&mut versions.current).apply(change);
            slot.at.store(time.as_millis(), Ordering::Release);
        }
        Ok(())
    }

    fn set_log(&self, node: NodeId, log: Arc<dyn StateLog>) -> bool {
        self.log.set((node, log)).is_ok()
    }

    fn forget(&self, reader: usize, up_to: Time) {
        let mut readers = self.readers.lock();
        if let Some(of_reader) = readers.get_mut(reader) {
            *of_reader = up_to - self.lag;
        }
        let all = readers.iter().min().copied().unwrap_or(up_to);
        self.readable_after
            .store(all.as_millis(), Ordering::Relaxed);
    }
}

fn torn(partition: usize) -> String {
    format!(
        "partition {partition} of the state was left half changed by a panic in a key's Hash or Eq \
         or in a Drop; it cannot be used any more"
    )
}

fn no_partition() -> String {
    "the state has fewer partitions".to_owned()
}
