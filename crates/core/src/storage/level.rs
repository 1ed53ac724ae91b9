//! Where kept partitions live.

use std::fmt;
use std::str::FromStr;

/// Where the partitions of a persisted RDD are kept: Spark's `StorageLevel`.
///
/// All of Spark's levels are there. Inside one process nothing is replicated, as a second
/// copy would be lost together with the first: a level that ends in `_2` or `_3` keeps one.
/// [`StorageLevel::OFF_HEAP`] keeps bytes, which lie outside of any collected heap anyway.
///
/// ```
/// use headwater_core::StorageLevel;
/// let level = StorageLevel::MEMORY_AND_DISK;
/// assert_eq!(level.to_string(), "StorageLevel(disk, memory, deserialized, 1 replicas)");
/// assert_eq!(level.description(), "Disk Memory Deserialized 1x Replicated");
/// assert_eq!("MEMORY_AND_DISK".parse(), Ok(level));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StorageLevel {
    pub(crate) memory: bool,
    pub(crate) disk: bool,
    pub(crate) deserialized: bool,
    off_heap: bool,
    replication: u8,
}

impl StorageLevel {
    /// Not kept at all.
    pub const NONE: Self = StorageLevel {
        memory: false,
        disk: false,
        deserialized: false,
        off_heap: false,
        replication: 1,
    };
    /// As records in memory; a partition that does not fit is computed again when needed.
    pub const MEMORY_ONLY: Self = StorageLevel {
        memory: true,
        deserialized: true,
        ..Self::NONE
    };
    /// As [`StorageLevel::MEMORY_ONLY`], on two machines where there are.
    pub const MEMORY_ONLY_2: Self = Self::MEMORY_ONLY.replicated(2);
    /// As bytes in memory, which is smaller and slower to read.
    pub const MEMORY_ONLY_SER: Self = StorageLevel {
        memory: true,
        ..Self::NONE
    };
    /// As [`StorageLevel::MEMORY_ONLY_SER`], on two machines where there are.
    pub const MEMORY_ONLY_SER_2: Self = Self::MEMORY_ONLY_SER.replicated(2);
    /// As records in memory; a partition that does not fit moves to disk.
    pub const MEMORY_AND_DISK: Self = StorageLevel {
        disk: true,
        ..Self::MEMORY_ONLY
    };
    /// As [`StorageLevel::MEMORY_AND_DISK`], on two machines where there are.
    pub const MEMORY_AND_DISK_2: Self = Self::MEMORY_AND_DISK.replicated(2);
    /// As bytes in memory; a partition that does not fit moves to disk.
    pub const MEMORY_AND_DISK_SER: Self = StorageLevel {
        disk: true,
        ..Self::MEMORY_ONLY_SER
    };
    /// As [`StorageLevel::MEMORY_AND_DISK_SER`], on two machines where there are.
    pub const MEMORY_AND_DISK_SER_2: Self = Self::MEMORY_AND_DISK_SER.replicated(2);
    /// On disk only.
    pub const DISK_ONLY: Self = StorageLevel {
        disk: true,
        ..Self::NONE
    };
    /// As [`StorageLevel::DISK_ONLY`], on two machines where there are.
    pub const DISK_ONLY_2: Self = Self::DISK_ONLY.replicated(2);
    /// As [`StorageLevel::DISK_ONLY`], on three machines where there are.
    pub const DISK_ONLY_3: Self = Self::DISK_ONLY.replicated(3);
    /// As bytes in memory, which here is the same as
    /// [`StorageLevel::MEMORY_AND_DISK_SER`].
    pub const OFF_HEAP: Self = StorageLevel {
        off_heap: true,
        ..Self::MEMORY_AND_DISK_SER
    };

    /// Every level, with its name.
    const NAMED: [(&'static str, Self); 13] = [
        ("NONE", Self::NONE),
        ("DISK_ONLY", Self::DISK_ONLY),
        ("DISK_ONLY_2", Self::DISK_ONLY_2),
        ("DISK_ONLY_3", Self::DISK_ONLY_3),
        ("MEMORY_ONLY", Self::MEMORY_ONLY),
        ("MEMORY_ONLY_2", Self::MEMORY_ONLY_2),
        ("MEMORY_ONLY_SER", Self::MEMORY_ONLY_SER),
        ("MEMORY_ONLY_SER_2", Self::MEMORY_ONLY_SER_2),
        ("MEMORY_AND_DISK", Self::MEMORY_AND_DISK),
        ("MEMORY_AND_DISK_2", Self::MEMORY_AND_DISK_2),
        ("MEMORY_AND_DISK_SER", Self::MEMORY_AND_DISK_SER),
        ("MEMORY_AND_DISK_SER_2", Self::MEMORY_AND_DISK_SER_2),
        ("OFF_HEAP", Self::OFF_HEAP),
    ];

    const fn replicated(self, replication: u8) -> Self {
        StorageLevel {
            replication,
            ..self
        }
    }

    /// The level that keeps on disk what does not fit elsewhere.
    pub(crate) const fn with_disk(self) -> Self {
        StorageLevel { disk: true, ..self }
    }

    /// The name of the constant.
    ///
    /// ```
    /// assert_eq!(headwater_core::StorageLevel::DISK_ONLY.name(), "DISK_ONLY");
    /// ```
    #[must_use]
    pub fn name(&self) -> &'static str {
        let mut named = Self::NAMED.iter();
        let found = named.find(|(_, level)| level == self);
        found.map_or("NONE", |(name, _)| name)
    }

    /// Whether partitions may be kept in memory: Spark's `useMemory`.
    ///
    /// ```
    /// assert!(!headwater_core::StorageLevel::DISK_ONLY.uses_memory());
    /// ```
    #[must_use]
    pub fn uses_memory(&self) -> bool {
        self.memory
    }

    /// Whether partitions may be kept on disk: Spark's `useDisk`.
    ///
    /// ```
    /// assert!(headwater_core::StorageLevel::MEMORY_AND_DISK.uses_disk());
    /// ```
    #[must_use]
    pub fn uses_disk(&self) -> bool {
        self.disk
    }

    /// Whether the level asks for memory outside of the heap: Spark's `useOffHeap`.
    ///
    /// ```
    /// assert!(headwater_core::StorageLevel::OFF_HEAP.uses_off_heap());
    /// ```
    #[must_use]
    pub fn uses_off_heap(&self) -> bool {
        self.off_heap
    }

    /// Whether memory holds records rather than their bytes: Spark's `deserialized`.
    ///
    /// ```
    /// assert!(!headwater_core::StorageLevel::MEMORY_ONLY_SER.is_deserialized());
    /// ```
    #[must_use]
    pub fn is_deserialized(&self) -> bool {
        self.deserialized
    }

    /// On how many machines a partition is kept where there are as many: Spark's
    /// `replication`.
    ///
    /// ```
    /// assert_eq!(headwater_core::StorageLevel::DISK_ONLY_3.replication(), 3);
    /// ```
    #[must_use]
    pub fn replication(&self) -> u8 {
        self.replication
    }

    /// What this level has become for a partition that is, or is not, in memory and on disk.
    pub(super) fn of_kept(self, in_memory: bool, on_disk: bool) -> Self {
        StorageLevel {
            memory: in_memory,
            disk: on_disk,
            deserialized: in_memory && self.deserialized,
            ..self
        }
    }

    /// The level in words, as user interfaces show it: Spark's `description`.
    ///
    /// ```
    /// let text = headwater_core::StorageLevel::DISK_ONLY_2.description();
    /// assert_eq!(text, "Disk Serialized 2x Replicated");
    /// ```
    #[must_use]
    pub fn description(&self) -> String {
        let disk = if self.disk { "Disk " } else { "" };
        let memory = match (self.memory, self.off_heap) {
            (false, _) => "",
            (true, false) => "Memory ",
            (true, true) => "Memory (off heap) ",
        };
        let form = if self.deserialized {
            "Deserialized"
        } else {
            "Serialized"
        };
        format!("{disk}{memory}{form} {}x Replicated", self.replication)
    }
}

impl fmt::Display for StorageLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageLevel(")?;
        let words = [
            (self.disk, "disk, "),
            (self.memory, "memory, "),
            (self.off_heap, "offheap, "),
            (self.deserialized, "deserialized, "),
        ];
        for (_, word) in words.into_iter().filter(|(has, _)| *has) {
            f.write_str(word)?;
        }
        write!(f, "{} replicas)", self.replication)
    }
}

/// Reads the name of a level: Spark's `fromString`.
impl FromStr for StorageLevel {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut named = Self::NAMED.iter();
        let found = named.find(|(other, _)| *other == name);
        found.map(|(_, level)| *level).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMED.iter().map(|(name, _)| *name).collect();
            format!(
                "`{name}` is no storage level; there are {}",
                names.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::StorageLevel;

    /// Disk, memory, off heap, deserialised, replication, as in Spark.
    #[test]
    fn levels_are_spark_s() {
        let expected = [
            ("NONE", (0, 0, 0, 0, 1)),
            ("DISK_ONLY", (1, 0, 0, 0, 1)),
            ("DISK_ONLY_2", (1, 0, 0, 0, 2)),
            ("DISK_ONLY_3", (1, 0, 0, 0, 3)),
            ("MEMORY_ONLY", (0, 1, 0, 1, 1)),
            ("MEMORY_ONLY_2", (0, 1, 0, 1, 2)),
            ("MEMORY_ONLY_SER", (0, 1, 0, 0, 1)),
            ("MEMORY_ONLY_SER_2", (0, 1, 0, 0, 2)),
            ("MEMORY_AND_DISK", (1, 1, 0, 1, 1)),
            ("MEMORY_AND_DISK_2", (1, 1, 0, 1, 2)),
            ("MEMORY_AND_DISK_SER", (1, 1, 0, 0, 1)),
            ("MEMORY_AND_DISK_SER_2", (1, 1, 0, 0, 2)),
            ("OFF_HEAP", (1, 1, 1, 0, 1)),
        ];
        for (name, (disk, memory, off_heap, deserialized, replication)) in expected {
            let level: StorageLevel = name.parse().unwrap();
            assert_eq!(level.name(), name);
            assert_eq!(
                (
                    u8::from(level.uses_disk()),
                    u8::from(level.uses_memory()),
                    u8::from(level.uses_off_heap()),
                    u8::from(level.is_deserialized()),
                    level.replication(),
                ),
                (disk, memory, off_heap, deserialized, replication),
                "{name}"
            );
        }
        let text = StorageLevel::OFF_HEAP.to_string();
        assert_eq!(text, "StorageLevel(disk, memory, offheap, 1 replicas)");
        assert_eq!(StorageLevel::NONE.to_string(), "StorageLevel(1 replicas)");
        let words = StorageLevel::OFF_HEAP.description();
        assert_eq!(words, "Disk Memory (off heap) Serialized 1x Replicated");
        assert!(
            "DISK"
                .parse::<StorageLevel>()
                .unwrap_err()
                .contains("DISK_ONLY_3")
        );
    }
}
