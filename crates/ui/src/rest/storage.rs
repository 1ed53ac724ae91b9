//! RDDs that are kept. They are asked of the running program; a finished one keeps none.

use headwater_core::{StorageInfo, StoredPartition};

use super::EXECUTOR;
use super::call::{Call, Refusal};
use super::described::reply;
use crate::live::Live;

reply! {
    /// An RDD that is kept. Sizes are in bytes.
    pub(crate) struct RddStorageInfo {
        id: u64,
        name: String,
        num_partitions: usize,
        num_cached_partitions: usize,
        storage_level: String,
        memory_used: u64,
        disk_used: u64,
        data_distribution: Option<Vec<RddDataDistribution>>,
        /// Those that are kept.
        partitions: Option<Vec<RddPartitionInfo>>,
    }
}

reply! {
    /// What of an RDD a process keeps.
    pub(crate) struct RddDataDistribution {
        address: String,
        memory_used: u64,
        /// What is left for all RDDs together.
        memory_remaining: u64,
        disk_used: u64,
        on_heap_memory_used: Option<u64>,
        off_heap_memory_used: Option<u64>,
        on_heap_memory_remaining: Option<u64>,
        off_heap_memory_remaining: Option<u64>,
    }
}

reply! {
    /// A partition of an RDD that is kept.
    pub(crate) struct RddPartitionInfo {
        block_name: String,
        /// Where it is now, which may be less than the level of the RDD.
        storage_level: String,
        memory_used: u64,
        disk_used: u64,
        /// The ids of those that keep it.
        executors: Vec<&'static str>,
    }
}

/// What all RDDs together take.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stored {
    pub(crate) partitions: usize,
    pub(crate) memory_bytes: u64,
    pub(crate) memory_bytes_max: u64,
    pub(crate) disk_bytes: u64,
}

impl Stored {
    pub(crate) fn of(call: &Call<'_>) -> Self {
        call.live.map(Stored::by).unwrap_or_default()
    }

    pub(crate) fn by(live: &Live) -> Self {
        let start = Stored {
            memory_bytes_max: live.storage_memory().unwrap_or_default(),
            ..Stored::default()
        };
        live.storage().iter().fold(start, |sum, rdd| Stored {
            partitions: sum.partitions + rdd.cached_partitions,
            memory_bytes: sum.memory_bytes + rdd.memory_bytes,
            disk_bytes: sum.disk_bytes + rdd.disk_bytes,
            ..sum
        })
    }
}

pub(super) fn rdds(call: &Call<'_>) -> Result<Vec<RddStorageInfo>, Refusal> {
    let rdds = call.live.map(Live::storage).unwrap_or_default();
    Ok(rdds.iter().map(info).collect())
}

pub(super) fn rdd(call: &Call<'_>) -> Result<RddStorageInfo, Refusal> {
    let id: u64 = call.number("rdd-id")?;
    let rdds = call.live.map(Live::storage).unwrap_or_default();
    let rdd = rdds.iter().find(|rdd| rdd.rdd == id);
    let rdd = rdd.ok_or_else(|| Refusal::unknown(format!("no rdd found w/ id {id}")))?;
    let all = Stored::of(call);
    let remaining = all.memory_bytes_max.saturating_sub(all.memory_bytes);
    let here = RddDataDistribution {
        address: call.model.application.host.clone(),
        memory_used: rdd.memory_bytes,
        memory_remaining: remaining,
        disk_used: rdd.disk_bytes,
        on_heap_memory_used: Some(rdd.memory_bytes),
        off_heap_memory_used: Some(0),
        on_heap_memory_remaining: Some(remaining),
        off_heap_memory_remaining: Some(0),
    };
    let stored = call.live.map(|live| live.stored_partitions(id));
    let partition = |stored: &StoredPartition| RddPartitionInfo {
        block_name: block_name(id, stored.partition),
        storage_level: stored.level.description(),
        memory_used: stored.memory_bytes,
        disk_used: stored.disk_bytes,
        executors: vec![EXECUTOR],
    };
    Ok(RddStorageInfo {
        data_distribution: Some(vec![here]),
        partitions: stored.map(|stored| stored.iter().map(partition).collect()),
        ..info(rdd)
    })
}

/// What Spark calls a kept partition.
pub(crate) fn block_name(rdd: u64, partition: usize) -> String {
    format!("rdd_{rdd}_{partition}")
}

fn info(rdd: &StorageInfo) -> RddStorageInfo {
    let name = rdd.name.clone();
    RddStorageInfo {
        id: rdd.rdd,
        name: name.unwrap_or_else(|| rdd.site.operator().to_owned()),
        num_partitions: rdd.partitions,
        num_cached_partitions: rdd.cached_partitions,
        storage_level: rdd.level.description(),
        memory_used: rdd.memory_bytes,
        disk_used: rdd.disk_bytes,
        data_distribution: None,
        partitions: None,
    }
}
