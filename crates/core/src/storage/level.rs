//! Where kept partitions live.

use std::fmt;

/// Where the partitions of a persisted RDD are kept: Spark's `StorageLevel`.
///
/// Replication and off-heap memory have no meaning in one process; levels that ask for
/// them are not offered.
///
/// ```
/// use headwater_core::StorageLevel;
/// let text = StorageLevel::MEMORY_AND_DISK.to_string();
/// assert_eq!(text, "StorageLevel(disk, memory, deserialized, 1 replicas)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StorageLevel {
    pub(crate) memory: bool,
    pub(crate) disk: bool,
    pub(crate) deserialized: bool,
}

impl StorageLevel {
    /// Not kept at all.
    pub const NONE: Self = StorageLevel {
        memory: false,
        disk: false,
        deserialized: false,
    };
    /// As records in memory; a partition that does not fit is computed again when needed.
    pub const MEMORY_ONLY: Self = StorageLevel {
        memory: true,
        disk: false,
        deserialized: true,
    };
    /// As bytes in memory, which is smaller and slower to read.
    pub const MEMORY_ONLY_SER: Self = StorageLevel {
        memory: true,
        disk: false,
        deserialized: false,
    };
    /// As records in memory; a partition that does not fit moves to disk.
    pub const MEMORY_AND_DISK: Self = StorageLevel {
        memory: true,
        disk: true,
        deserialized: true,
    };
    /// As bytes in memory; a partition that does not fit moves to disk.
    pub const MEMORY_AND_DISK_SER: Self = StorageLevel {
        memory: true,
        disk: true,
        deserialized: false,
    };
    /// On disk only.
    pub const DISK_ONLY: Self = StorageLevel {
        memory: false,
        disk: true,
        deserialized: false,
    };

    /// The name of the constant.
    ///
    /// ```
    /// assert_eq!(headwater_core::StorageLevel::DISK_ONLY.name(), "DISK_ONLY");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.memory, self.disk, self.deserialized) {
            (true, false, true) => "MEMORY_ONLY",
            (true, false, false) => "MEMORY_ONLY_SER",
            (true, true, true) => "MEMORY_AND_DISK",
            (true, true, false) => "MEMORY_AND_DISK_SER",
            (false, true, _) => "DISK_ONLY",
            (false, false, _) => "NONE",
        }
    }

    /// Whether partitions may be kept in memory.
    ///
    /// ```
    /// assert!(!headwater_core::StorageLevel::DISK_ONLY.uses_memory());
    /// ```
    #[must_use]
    pub fn uses_memory(&self) -> bool {
        self.memory
    }

    /// Whether partitions may be kept on disk.
    ///
    /// ```
    /// assert!(headwater_core::StorageLevel::MEMORY_AND_DISK.uses_disk());
    /// ```
    #[must_use]
    pub fn uses_disk(&self) -> bool {
        self.disk
    }

    /// Whether memory holds records rather than their bytes.
    ///
    /// ```
    /// assert!(!headwater_core::StorageLevel::MEMORY_ONLY_SER.is_deserialized());
    /// ```
    #[must_use]
    pub fn is_deserialized(&self) -> bool {
        self.deserialized
    }
}

impl fmt::Display for StorageLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageLevel(")?;
        if self.disk {
            f.write_str("disk, ")?;
        }
        if self.memory {
            f.write_str("memory, ")?;
        }
        if self.deserialized {
            f.write_str("deserialized, ")?;
        }
        f.write_str("1 replicas)")
    }
}
