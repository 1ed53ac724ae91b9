//! Keeping computed partitions.

mod cache;
mod level;

pub use level::StorageLevel;

pub(crate) use cache::{PartitionCache, Persistence};
