//! What is kept, for a user interface.

use crate::context::Context;
use crate::site::Site;

use super::StorageLevel;

/// What is kept of a persisted RDD: Spark's `RDDInfo`.
///
/// ```
/// let ctx = headwater_core::Context::local(1).unwrap();
/// let users = ctx.parallelize(vec![1_u64, 2, 3], 2).cache().named("users");
/// users.count().unwrap();
/// let info = &ctx.storage_info()[0];
/// assert_eq!((info.name.as_deref(), info.rdd), (Some("users"), users.id()));
/// assert_eq!((info.cached_partitions, info.partitions), (2, 2));
/// assert_eq!((info.memory_bytes, info.disk_bytes), (24, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageInfo {
    /// The RDD's number.
    pub rdd: u64,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The operator that made it.
    pub site: Site,
    /// Where its partitions are kept.
    pub level: StorageLevel,
    /// How many partitions it has.
    pub partitions: usize,
    /// How many of them are kept now, in memory or on disk.
    pub cached_partitions: usize,
    /// What they take in memory, as estimated when they were kept.
    pub memory_bytes: u64,
    /// What they take on disk. A partition may be in memory and on disk.
    pub disk_bytes: u64,
}

/// A partition of a persisted RDD that is kept now: Spark's `RDDPartitionInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredPartition {
    /// Its place in the RDD.
    pub partition: usize,
    /// Where it is kept now, which is less than the RDD's level allows: one that had to leave
    /// memory is on disk alone.
    pub level: StorageLevel,
    /// What it takes in memory, as estimated when it was kept; none while it leaves memory.
    pub memory_bytes: u64,
    /// What it takes on disk.
    pub disk_bytes: u64,
}

impl Context {
    /// The persisted RDDs, in the order of their ids, also those of which nothing is kept
    /// yet: Spark's `getPersistentRDDs` and `getRDDStorageInfo`.
    ///
    /// ```
    /// use headwater_core::StorageLevel;
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let kept = ctx.parallelize(vec![1, 2, 3], 2).persist(StorageLevel::DISK_ONLY);
    /// assert_eq!(ctx.storage_info()[0].cached_partitions, 0);
    /// kept.count().unwrap();
    /// assert!(ctx.storage_info()[0].disk_bytes > 0);
    /// kept.unpersist();
    /// assert!(ctx.storage_info().is_empty());
    /// ```
    #[must_use]
    pub fn storage_info(&self) -> Vec<StorageInfo> {
        let persisted = self.inner.cache.persisted().into_iter();
        persisted
            .map(|(node, level, sizes)| StorageInfo {
                rdd: node.info().id,
                name: node.info().name().map(str::to_owned),
                site: node.info().site,
                level,
                partitions: node.partitions(),
                cached_partitions: sizes.cached_partitions,
                memory_bytes: sizes.memory_bytes,
                disk_bytes: sizes.disk_bytes,
            })
            .collect()
    }

    /// The partitions of a persisted RDD that are kept now, in their order: what Spark tells as
    /// the `partitions` of its `RDDStorageInfo`. None for an RDD that is not persisted.
    ///
    /// They are looked up when this is called, under the lock that tasks take for each
    /// partition that they read from storage: meant for pages, not for loops.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let kept = ctx.parallelize(vec![1_u64, 2, 3], 2).cache();
    /// assert!(ctx.stored_partitions(kept.id()).is_empty());
    /// kept.count().unwrap();
    /// let stored = ctx.stored_partitions(kept.id());
    /// let sizes: Vec<_> = stored.iter().map(|one| (one.partition, one.memory_bytes)).collect();
    /// assert_eq!(sizes, [(0, 8), (1, 16)]);
    /// ```
    #[must_use]
    pub fn stored_partitions(&self, rdd: u64) -> Vec<StoredPartition> {
        self.inner.cache.stored_partitions(rdd)
    }
}
