//! Keeping computed partitions.
//!
//! [`level`] says where, `cache` is what tasks read through, `ledger` decides what stays
//! in memory and what has to go, `block`, `frames` and `disk` are a partition in memory,
//! as bytes, and in a file; `packed` lends the last two to other layers.

mod block;
mod cache;
mod disk;
pub(crate) mod frames;
mod info;
mod ledger;
mod level;
mod packed;

pub use block::estimate_bytes;
pub use info::{StorageInfo, StoredPartition};
pub use level::StorageLevel;
pub use packed::PackedRecords;

pub(crate) use block::Persistence;
pub(crate) use cache::{PartitionCache, Registration};
