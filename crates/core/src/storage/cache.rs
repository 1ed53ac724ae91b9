//! What tasks read kept partitions through.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::chunk::{Push, Sink, Stop, push_shared_in_chunks};
use crate::error::TaskError;
use crate::rdd::{AnyNode, Gather, Node, produce};
use crate::record::Record;
use crate::scheduler::TaskContext;

use super::StorageLevel;
use super::block::{Block, Persistence, Records};
use super::disk::{DiskFile, DiskStore};
use super::frames::FrameReader;
use super::info::StoredPartition;
use super::ledger::{Admission, Found, Ledger, Place, Sizes, Store, StoreId};

/// Every kept partition of a context.
///
/// The ledger's lock is held for decisions only: computing, encoding, reading and writing
/// happen outside. A partition that several tasks want at the same time is computed by the
/// first of them, behind the partition's gate. A task holds gates only along one path from
/// an RDD to those that it is made from, so that two tasks never wait for each other.
pub(crate) struct PartitionCache {
    ledger: Mutex<Ledger>,
    disk: DiskStore,
}

/// Keeps the partitions of an RDD for as long as it lives itself.
pub(crate) struct Registration {
    cache: Arc<PartitionCache>,
    store: StoreId,
}

/// A partition that was just computed.
enum Computed<T> {
    Shared(Arc<Records<T>>),
    Own(Vec<T>),
}

impl PartitionCache {
    pub(crate) fn new(budget_bytes: u64, local_dir: PathBuf) -> Self {
        PartitionCache {
            ledger: Mutex::new(Ledger::new(budget_bytes)),
            disk: DiskStore::new(local_dir),
        }
    }

    /// Begins to keep the partitions of an RDD.
    pub(crate) fn register(
        self: &Arc<Self>,
        node: Weak<dyn AnyNode>,
        rdd: u64,
        level: StorageLevel,
    ) -> Registration {
        let store = self.ledger.lock().register(node, rdd, level);
        Registration {
            cache: self.clone(),
            store,
        }
    }

    /// Frees everything; what is computed from now on is not kept.
    pub(crate) fn close(&self) {
        let freed = self.ledger.lock().remove_all();
        drop(freed);
        self.disk.close();
    }

    /// Writes a file beside those of the partitions.
    pub(super) fn write_file(&self, name: &str, bytes: &[u8]) -> io::Result<Arc<DiskFile>> {
        self.disk.write(name, bytes)
    }

    /// The nodes that are persisted, with the sizes of what is kept of them.
    pub(super) fn persisted(&self) -> Vec<(Arc<dyn AnyNode>, StorageLevel, Sizes)> {
        let by_rdd: BTreeMap<u64, _> = self
            .ledger
            .lock()
            .stores()
            .map(|store| (store.rdd, (store.node.clone(), store.level, store.sizes())))
            .collect();
        // Handles may drop their last reference here, for which they take the lock.
        by_rdd
            .into_values()
            .filter_map(|(node, level, sizes)| Some((node.upgrade()?, level, sizes)))
            .collect()
    }

    /// What is kept of an RDD, by its last assignment of a level.
    pub(super) fn stored_partitions(&self, rdd: u64) -> Vec<StoredPartition> {
        let ledger = self.ledger.lock();
        let store = ledger.stores().filter(|store| store.rdd == rdd).last();
        store.map(Store::stored_partitions).unwrap_or_default()
    }

    /// Pushes a partition from where it is kept, or computes and keeps it.
    pub(crate) fn read_through<T: Record>(
        &self,
        node: &Arc<dyn Node<T>>,
        how: &Persistence<T>,
        task: &TaskContext,
        partition: usize,
        sink: &mut dyn Sink<T>,
    ) -> Push {
        let place = Place {
            store: how.store,
            partition,
        };
        if let Some(pushed) = self.push_found(how, place, task, sink) {
            return pushed;
        }
        let Some(gate) = self.ledger.lock().gate(place) else {
            return produce(node, task, partition, sink);
        };
        let turn = gate.lock();
        // Another task may have computed it while this one waited.
        if let Some(found) = self.find(place) {
            drop(turn);
            if let Some(pushed) = self.push(found, how, place, task, sink) {
                return pushed;
            }
            return produce(node, task, partition, sink);
        }
        let records = compute(node, task, partition)?;
        let computed = self.keep(records, how, place, node.info().id, task);
        drop(turn);
        match computed {
            Computed::Shared(kept) => push_shared(&kept.records, task, sink),
            Computed::Own(records) => push_own(records, task, sink),
        }
    }

    fn find(&self, place: Place) -> Option<Found> {
        self.ledger.lock().find(place)
    }

    fn push_found<T: Record>(
        &self,
        how: &Persistence<T>,
        place: Place,
        task: &TaskContext,
        sink: &mut dyn Sink<T>,
    ) -> Option<Push> {
        let found = self.find(place)?;
        self.push(found, how, place, task, sink)
    }

    /// Pushes what was found; `None` if it is damaged and has to be computed again.
    fn push<T: Record>(
        &self,
        found: Found,
        how: &Persistence<T>,
        place: Place,
        task: &TaskContext,
        sink: &mut dyn Sink<T>,
    ) -> Option<Push> {
        match found {
            Found::Memory(Block::Records(block)) => {
                let kept = Records::of(block)?;
                task.count_read(kept.records.len());
                Some(push_shared(&kept.records, task, sink))
            }
            Found::Memory(Block::Bytes(bytes)) => Some(push_bytes(&bytes, how, task, sink)),
            Found::Disk(file) => {
                let bytes = self.read(&file, place, task)?;
                if !how.level.memory {
                    return Some(push_bytes(&bytes, how, task, sink));
                }
                self.push_into_memory(bytes, how, place, task, sink)
            }
        }
    }

    /// Brings a partition from disk back into memory, if it fits, and pushes it.
    fn push_into_memory<T: Record>(
        &self,
        bytes: Vec<u8>,
        how: &Persistence<T>,
        place: Place,
        task: &TaskContext,
        sink: &mut dyn Sink<T>,
    ) -> Option<Push> {
        if !how.level.deserialized {
            let (size, bytes) = (bytes.len() as u64, Arc::new(bytes));
            self.admit(place, Block::Bytes(bytes.clone()), size, task);
            return Some(push_bytes(&bytes, how, task, sink));
        }
        let records = match decode(&bytes, how) {
            Ok(records) => records,
            Err(what) => return Some(Err(unreadable(how, &what))),
        };
        drop(bytes);
        task.count_read(records.len());
        let size = (how.estimate_bytes)(&records);
        let kept = Records::new(records, how);
        self.admit(place, Block::Records(kept.clone()), size, task);
        Some(push_shared(&kept.records, task, sink))
    }

    fn read(&self, file: &Arc<DiskFile>, place: Place, task: &TaskContext) -> Option<Vec<u8>> {
        match file.read() {
            Ok(bytes) => {
                task.count_bytes_read(file.bytes);
                Some(bytes)
            }
            Err(error) => {
                tracing::warn!(error, "a cached partition is damaged and is computed again");
                self.ledger.lock().forget_disk(place, file);
                None
            }
        }
    }

    /// Keeps what was computed, as far as level and room allow.
    fn keep<T: Record>(
        &self,
        records: Vec<T>,
        how: &Persistence<T>,
        place: Place,
        rdd: u64,
        task: &TaskContext,
    ) -> Computed<T> {
        if how.level.memory && how.level.deserialized {
            let size = (how.estimate_bytes)(&records);
            let kept = Records::new(records, how);
            if !self.admit(place, Block::Records(kept.clone()), size, task) && how.level.disk {
                self.keep_on_disk((how.encode)(&kept.records).map(Arc::new), place, rdd, task);
            }
            return Arc::try_unwrap(kept)
                .map_or_else(Computed::Shared, |own| Computed::Own(own.records));
        }
        let bytes = (how.encode)(&records).map(Arc::new);
        if let (true, Ok(bytes)) = (how.level.memory, &bytes)
            && self.admit(place, Block::Bytes(bytes.clone()), bytes.len() as u64, task)
        {
            return Computed::Own(records);
        }
        if how.level.disk {
            self.keep_on_disk(bytes, place, rdd, task);
        } else if let Err(error) = bytes {
            warn_not_kept(rdd, place, &error);
        }
        Computed::Own(records)
    }

    /// Lets a block into memory; evicted ones move to disk first where their level says so.
    fn admit(&self, place: Place, block: Block, bytes: u64, task: &TaskContext) -> bool {
        let admission = self.ledger.lock().admit(place, block, bytes);
        let Admission {
            kept,
            to_disk,
            dropped,
        } = admission;
        drop(dropped);
        for (place, rdd, block) in to_disk {
            let file = self.write(block.encode(), place, rdd, task);
            let left = self.ledger.lock().has_left(place, file);
            drop(left);
        }
        kept
    }

    fn keep_on_disk(
        &self,
        bytes: Result<Arc<Vec<u8>>, String>,
        place: Place,
        rdd: u64,
        task: &TaskContext,
    ) {
        if let Some(file) = self.write(bytes, place, rdd, task) {
            self.ledger.lock().set_disk(place, file);
        }
    }

    fn write(
        &self,
        bytes: Result<Arc<Vec<u8>>, String>,
        place: Place,
        rdd: u64,
        task: &TaskContext,
    ) -> Option<Arc<DiskFile>> {
        let written = bytes.and_then(|bytes| {
            let name = format!("rdd-{rdd}-part-{:05}", place.partition);
            let file = self.disk.write(&name, &bytes);
            file.map_err(|error| error.to_string())
        });
        match written {
            Ok(file) => {
                task.count_bytes_written(file.bytes);
                Some(file)
            }
            Err(error) => {
                warn_not_kept(rdd, place, &error);
                None
            }
        }
    }
}

impl Registration {
    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// Shows the partitions as those of another node from now on.
    pub(crate) fn keep_for(&self, node: Weak<dyn AnyNode>) {
        self.cache.ledger.lock().set_node(self.store, node);
    }

    /// Whether all of `partitions` are kept, so that nothing before the RDD is needed.
    pub(crate) fn keeps_all(&self, partitions: impl FnOnce() -> usize) -> bool {
        let ledger = self.cache.ledger.lock();
        let kept = ledger
            .store(self.store)
            .map_or(0, |store| store.sizes().cached_partitions);
        drop(ledger);
        kept > 0 && kept >= partitions()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let freed = self.cache.ledger.lock().remove(self.store);
        drop(freed);
    }
}

fn warn_not_kept(rdd: u64, place: Place, error: &str) {
    tracing::warn!(
        rdd,
        partition = place.partition,
        error,
        "a partition could not be kept"
    );
}

fn compute<T: Record>(
    node: &Arc<dyn Node<T>>,
    task: &TaskContext,
    partition: usize,
) -> Result<Vec<T>, Stop> {
    let mut gather = Gather::new();
    match produce(node, task, partition, &mut gather) {
        // Gathering never asks to stop: a node that stops by itself has given all it has.
        Ok(()) | Err(Stop::Enough) => Ok(gather.into_vec()),
        Err(failed) => Err(failed),
    }
}

fn push_shared<T>(records: &[T], task: &TaskContext, sink: &mut dyn Sink<T>) -> Push {
    push_shared_in_chunks(records, task.chunk_records, sink, || task.check_cancelled())
}

fn push_own<T>(mut records: Vec<T>, task: &TaskContext, sink: &mut dyn Sink<T>) -> Push {
    if records.len() <= task.chunk_records {
        return if records.is_empty() {
            Ok(())
        } else {
            sink.push(&mut records)
        };
    }
    let mut left = records.into_iter();
    let mut chunk = Vec::with_capacity(task.chunk_records);
    while left.len() > 0 {
        task.check_cancelled()?;
        chunk.extend(left.by_ref().take(task.chunk_records));
        sink.push(&mut chunk)?;
        chunk.clear();
    }
    Ok(())
}

/// Every record of a partition at once.
fn decode<T: Record>(bytes: &[u8], how: &Persistence<T>) -> Result<Vec<T>, String> {
    let mut records = Vec::new();
    let mut frames = FrameReader::begin(bytes).map_err(|damage| damage.to_string())?;
    while let Some((count, payload)) = frames.next_frame().map_err(|damage| damage.to_string())? {
        (how.decode_into)(count, payload, &mut records)?;
    }
    Ok(records)
}

/// The failure of a task that cannot read a kept partition.
///
/// The bytes are as they were written, so the fault is in the record type: what is computed
/// again could not be read again either.
fn unreadable<T>(how: &Persistence<T>, what: &str) -> Stop {
    let message =
        format!("a kept partition cannot be read: {what}; look at how the record uses serde");
    TaskError::Input {
        operator: how.site,
        message,
    }
    .into()
}

/// Decodes a partition frame by frame, each of which is a chunk.
fn push_bytes<T: Record>(
    bytes: &[u8],
    how: &Persistence<T>,
    task: &TaskContext,
    sink: &mut dyn Sink<T>,
) -> Push {
    let unreadable = |what: String| unreadable(how, &what);
    let mut frames = FrameReader::begin(bytes).map_err(|damage| unreadable(damage.to_string()))?;
    let mut chunk = Vec::new();
    loop {
        task.check_cancelled()?;
        let frame = frames
            .next_frame()
            .map_err(|damage| unreadable(damage.to_string()))?;
        let Some((count, payload)) = frame else {
            return Ok(());
        };
        (how.decode_into)(count, payload, &mut chunk).map_err(unreadable)?;
        task.count_read(chunk.len());
        sink.push(&mut chunk)?;
        chunk.clear();
    }
}
