//! Moving records between partitions: who goes where, and how stages hand over.
//!
//! Read [`partitioner`] first, then [`exchange`], the only node at which stages are cut;
//! [`table`] and [`combine`] combine records by key on its two sides.

mod aggregate;
mod bucket;
mod combine;
mod exchange;
mod group;
mod index;
mod partitioner;
mod range;
mod table;

pub use partitioner::{HashPartitioner, Partitioner, Partitioning};
pub use range::RangePartitioner;

pub(crate) use aggregate::{Aggregator, Combined, Counting, Reducing};
pub(crate) use bucket::{Bucket, BucketWriter};
pub(crate) use combine::{PlaceByKey, combine_by_key};
pub(crate) use exchange::{Exchange, MapSide, ShuffleStage};
pub(crate) use group::GroupNode;
pub(crate) use partitioner::{How, Placement, default_partitioning};
pub(crate) use table::Table;
