//! Keeping the partitions of an RDD for the jobs to come.

use std::sync::Arc;

use super::{Rdd, refuse};
use crate::record::{Record, Wire};
use crate::site::Site;
use crate::storage::{Persistence, StorageLevel};

impl<T: Wire> Rdd<T> {
    /// Keeps the partitions as they are computed: Spark's `persist(level)`.
    ///
    /// Nothing is computed now; the first job that reads a partition keeps it, and later
    /// jobs read it from there. It is this RDD that is kept, not only the returned handle.
    /// The partitions are freed by [`Rdd::unpersist`] or when the last handle, including
    /// those of RDDs made from this one, is dropped.
    ///
    /// Memory is bounded by `storage.memory` over all RDDs of the context. When it is
    /// full, the least recently used partitions of other RDDs go first: to disk if their
    /// level has it, otherwise they are computed again when they are next read. A partition
    /// that does not fit even so is treated the same way. What is lost or damaged on disk
    /// is computed again too. Records that serde writes but cannot read back fail the task.
    ///
    /// Assigning the same level again does nothing; a different one is a mistake, which
    /// the action of the returned RDD reports, until [`Rdd::unpersist`] is called.
    ///
    /// ```
    /// use headwater_core::{Context, StorageLevel};
    /// let ctx = Context::local(2).unwrap();
    /// let computed = ctx.long_accumulator("computed");
    /// let count = computed.clone();
    /// let squares = ctx
    ///     .range(0..4, 1, 2)
    ///     .map(move |x| { count.add(1); x * x })
    ///     .persist(StorageLevel::MEMORY_AND_DISK);
    /// assert_eq!(squares.collect().unwrap(), [0, 1, 4, 9]);
    /// assert_eq!(squares.collect().unwrap(), [0, 1, 4, 9]);
    /// assert_eq!(computed.value(), 4);
    /// ```
    #[track_caller]
    #[must_use = "the action of the returned RDD reports a level that was refused"]
    pub fn persist(&self, level: StorageLevel) -> Rdd<T> {
        self.persist_at(Site::here("persist"), level)
    }

    /// Keeps the partitions as records in memory: Spark's `cache`, which is
    /// [`Rdd::persist`] with [`StorageLevel::MEMORY_ONLY`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["to".to_string(), "be".to_string()], 2).cache();
    /// assert_eq!(words.count().unwrap(), 2);
    /// assert_eq!(ctx.storage_info()[0].cached_partitions, 2);
    /// ```
    #[track_caller]
    #[must_use = "the action of the returned RDD reports a level that was refused"]
    pub fn cache(&self) -> Rdd<T> {
        self.persist_at(Site::here("cache"), StorageLevel::MEMORY_ONLY)
    }

    fn persist_at(&self, site: Site, level: StorageLevel) -> Rdd<T> {
        let info = self.node.info();
        let assigned = info.persist(level, || {
            let node = Arc::downgrade(&self.node.clone().as_any_node());
            let registration = self.ctx.inner.cache.register(node, info.id, level);
            let how = Persistence::<T>::new(registration.store(), info.site, level);
            (Arc::new(how), registration)
        });
        match assigned {
            Ok(()) => self.clone(),
            Err(assigned) => refuse(
                &self.ctx,
                site,
                format!(
                    "the storage level is already {}, and cannot become {}; unpersist first",
                    assigned.name(),
                    level.name(),
                ),
            ),
        }
    }
}

impl<T: Record> Rdd<T> {
    /// Frees the kept partitions and keeps none any more: Spark's `unpersist`.
    ///
    /// They are gone when this returns; tasks that are reading one go on. A new level may
    /// be assigned afterwards. Without a level this does nothing.
    ///
    /// ```
    /// use headwater_core::StorageLevel;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..4, 1, 2).cache();
    /// numbers.count().unwrap();
    /// numbers.unpersist();
    /// assert_eq!(numbers.storage_level(), StorageLevel::NONE);
    /// assert_eq!(numbers.persist(StorageLevel::DISK_ONLY).count().unwrap(), 4);
    /// ```
    pub fn unpersist(&self) {
        self.node.info().unpersist();
    }

    /// The level that was assigned, [`StorageLevel::NONE`] if none is: Spark's
    /// `getStorageLevel`.
    ///
    /// ```
    /// use headwater_core::StorageLevel;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..4, 1, 2).cache().storage_level(), StorageLevel::MEMORY_ONLY);
    /// ```
    #[must_use]
    pub fn storage_level(&self) -> StorageLevel {
        self.node.info().level()
    }
}
