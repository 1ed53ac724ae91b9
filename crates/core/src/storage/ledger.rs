//! What is kept where, and what has to go: decisions only, no input or output.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::rdd::AnyNode;

use super::StorageLevel;
use super::block::Block;
use super::disk::DiskFile;
use super::info::StoredPartition;

/// One assignment of a level to an RDD. A later assignment gets another one, so that a
/// task that is still running under the earlier one stores nothing under the later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StoreId(u64);

/// A partition of a persisted RDD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) store: StoreId,
    pub(super) partition: usize,
}

/// Every kept partition, the budget, and the order of use.
pub(super) struct Ledger {
    budget_bytes: u64,
    used_bytes: u64,
    ticks: u64,
    next_store: u64,
    stores: BTreeMap<StoreId, Store>,
}

/// What is kept of one RDD.
pub(super) struct Store {
    pub(super) node: Weak<dyn AnyNode>,
    pub(super) rdd: u64,
    pub(super) level: StorageLevel,
    partitions: HashMap<usize, Entry>,
}

#[derive(Default)]
struct Entry {
    /// Held by the task that computes the partition.
    gate: Arc<Mutex<()>>,
    memory: Option<InMemory>,
    disk: Option<Arc<DiskFile>>,
}

struct InMemory {
    block: Block,
    bytes: u64,
    last_used: u64,
    /// It is on its way to disk: readable, but not counted any more.
    leaving: bool,
}

/// Where a partition was found.
pub(super) enum Found {
    Memory(Block),
    Disk(Arc<DiskFile>),
}

/// Whether a block was let in, and what had to go for it.
#[derive(Default)]
pub(super) struct Admission {
    pub(super) kept: bool,
    /// To be written to disk, then reported by [`Ledger::has_left`].
    pub(super) to_disk: Vec<(Place, u64, Block)>,
    /// To be dropped, best after the ledger's lock is released.
    pub(super) dropped: Vec<Block>,
}

/// Sizes of what is kept of one RDD.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) cached_partitions: usize,
    pub(super) memory_bytes: u64,
    pub(super) disk_bytes: u64,
}

impl Ledger {
    pub(super) fn new(budget_bytes: u64) -> Self {
        let stores = BTreeMap::new();
        Ledger {
            budget_bytes,
            used_bytes: 0,
            ticks: 0,
            next_store: 0,
            stores,
        }
    }

    pub(super) fn register(
        &mut self,
        node: Weak<dyn AnyNode>,
        rdd: u64,
        level: StorageLevel,
    ) -> StoreId {
        let id = StoreId(self.next_store);
        self.next_store += 1;
        self.stores.insert(
            id,
            Store {
                node,
                rdd,
                level,
                partitions: HashMap::new(),
            },
        );
        id
    }

    pub(super) fn set_node(&mut self, store: StoreId, node: Weak<dyn AnyNode>) {
        if let Some(store) = self.stores.get_mut(&store) {
            store.node = node;
        }
    }

    /// Forgets an RDD; what was kept of it goes when the result is dropped.
    pub(super) fn remove(&mut self, store: StoreId) -> Option<Store> {
        let removed = self.stores.remove(&store)?;
        self.used_bytes -= removed.counted_bytes();
        Some(removed)
    }

    pub(super) fn remove_all(&mut self) -> BTreeMap<StoreId, Store> {
        self.used_bytes = 0;
        std::mem::take(&mut self.stores)
    }

    pub(super) fn stores(&self) -> impl Iterator<Item = &Store> {
        self.stores.values()
    }

    pub(super) fn store(&self, store: StoreId) -> Option<&Store> {
        self.stores.get(&store)
    }

    /// The lock of the task that computes a partition; `None` once the RDD is forgotten.
    pub(super) fn gate(&mut self, place: Place) -> Option<Arc<Mutex<()>>> {
        let store = self.stores.get_mut(&place.store)?;
        Some(
            store
                .partitions
                .entry(place.partition)
                .or_default()
                .gate
                .clone(),
        )
    }

    pub(super) fn find(&mut self, place: Place) -> Option<Found> {
        self.ticks += 1;
        let ticks = self.ticks;
        let entry = self.entry(place)?;
        if let Some(memory) = &mut entry.memory {
            memory.last_used = ticks;
            return Some(Found::Memory(memory.block.clone()));
        }
        entry.disk.clone().map(Found::Disk)
    }

    /// Lets a block into memory if there is room, or room can be made.
    ///
    /// The least recently used partitions of other RDDs go first. Partitions of the same
    /// RDD stay: a job that reads more than fits would otherwise throw out each partition
    /// just before it comes to read it again.
    pub(super) fn admit(&mut self, place: Place, block: Block, bytes: u64) -> Admission {
        let Some(entry) = self.entry(place) else {
            return Admission::default();
        };
        if entry.memory.is_some() {
            return Admission::default();
        }
        let Some(victims) = self.victims(place.store, bytes) else {
            return Admission::default();
        };
        let mut admission = Admission {
            kept: true,
            ..Admission::default()
        };
        for victim in victims {
            self.evict(victim, &mut admission);
        }
        self.ticks += 1;
        self.used_bytes += bytes;
        let last_used = self.ticks;
        if let Some(entry) = self.entry(place) {
            entry.memory = Some(InMemory {
                block,
                bytes,
                last_used,
                leaving: false,
            });
        }
        admission
    }

    /// Notes a file with a partition; `false` if the RDD is forgotten.
    pub(super) fn set_disk(&mut self, place: Place, file: Arc<DiskFile>) -> bool {
        let Some(entry) = self.entry(place) else {
            return false;
        };
        entry.disk = Some(file);
        true
    }

    /// Notes that an evicted block is on disk now, or is lost if writing it failed.
    pub(super) fn has_left(&mut self, place: Place, file: Option<Arc<DiskFile>>) -> Option<Block> {
        let entry = self.entry(place)?;
        entry.disk = file;
        entry
            .memory
            .take_if(|memory| memory.leaving)
            .map(|memory| memory.block)
    }

    /// Forgets a file that is damaged.
    pub(super) fn forget_disk(&mut self, place: Place, file: &Arc<DiskFile>) {
        if let Some(entry) = self.entry(place) {
            entry.disk.take_if(|known| Arc::ptr_eq(known, file));
        }
    }

    fn entry(&mut self, place: Place) -> Option<&mut Entry> {
        self.stores
            .get_mut(&place.store)?
            .partitions
            .get_mut(&place.partition)
    }

    /// What has to go so that `bytes` more fit; `None` if they cannot.
    fn victims(&self, for_store: StoreId, bytes: u64) -> Option<Vec<Place>> {
        if bytes > self.budget_bytes {
            return None;
        }
        let mut excess = (self.used_bytes + bytes).saturating_sub(self.budget_bytes);
        if excess == 0 {
            return Some(Vec::new());
        }
        let mut candidates = Vec::new();
        for (id, store) in self.stores.iter().filter(|(id, _)| **id != for_store) {
            candidates.extend(store.counted().map(|(partition, memory)| {
                (
                    memory.last_used,
                    Place {
                        store: *id,
                        partition,
                    },
                    memory.bytes,
                )
            }));
        }
        candidates.sort_unstable();
        let mut victims = Vec::new();
        for (_, place, bytes) in candidates {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(bytes);
            victims.push(place);
        }
        (excess == 0).then_some(victims)
    }

    fn evict(&mut self, place: Place, admission: &mut Admission) {
        let Some(store) = self.stores.get_mut(&place.store) else {
            return;
        };
        let (rdd, level) = (store.rdd, store.level);
        let Some(entry) = store.partitions.get_mut(&place.partition) else {
            return;
        };
        let Some(memory) = &mut entry.memory else {
            return;
        };
        self.used_bytes -= memory.bytes;
        if level.disk && entry.disk.is_none() {
            memory.leaving = true;
            admission.to_disk.push((place, rdd, memory.block.clone()));
        } else {
            admission
                .dropped
                .extend(entry.memory.take().map(|memory| memory.block));
        }
    }
}

impl Store {
    pub(super) fn sizes(&self) -> Sizes {
        let kept = self.partitions.values();
        let on_disk = kept.clone().filter_map(|entry| entry.disk.as_ref());
        Sizes {
            cached_partitions: kept
                .filter(|entry| entry.memory.is_some() || entry.disk.is_some())
                .count(),
            memory_bytes: self.counted_bytes(),
            disk_bytes: on_disk.map(|file| file.bytes).sum(),
        }
    }

    /// What is kept of each partition, in their order.
    pub(super) fn stored_partitions(&self) -> Vec<StoredPartition> {
        let kept = self.partitions.iter().filter_map(|(partition, entry)| {
            let (memory, disk) = (entry.memory.as_ref(), entry.disk.as_ref());
            let counted = memory.filter(|memory| !memory.leaving);
            (memory.is_some() || disk.is_some()).then(|| StoredPartition {
                partition: *partition,
                level: self.level.of_kept(memory.is_some(), disk.is_some()),
                memory_bytes: counted.map_or(0, |memory| memory.bytes),
                disk_bytes: disk.map_or(0, |file| file.bytes),
            })
        });
        let mut kept: Vec<_> = kept.collect();
        kept.sort_unstable_by_key(|one| one.partition);
        kept
    }

    fn counted(&self) -> impl Iterator<Item = (usize, &InMemory)> {
        self.partitions.iter().filter_map(|(partition, entry)| {
            let memory = entry.memory.as_ref().filter(|memory| !memory.leaving)?;
            Some((*partition, memory))
        })
    }

    fn counted_bytes(&self) -> u64 {
        self.counted().map(|(_, memory)| memory.bytes).sum()
    }
}
