//! A kept partition in memory, as records or as bytes.

use std::any::Any;
use std::sync::Arc;

use crate::record::{Record, Wire};
use crate::site::Site;

use super::StorageLevel;
use super::frames;
use super::ledger::StoreId;

/// How many records are looked at to guess the size of all.
const SAMPLE_RECORDS: usize = 100;

/// Appends the records of a frame, of which there are as many as the first argument says.
type DecodeInto<T> = fn(u32, &[u8], &mut Vec<T>) -> Result<(), String>;

/// How an RDD is kept, with what turns its records into bytes and back.
///
/// The functions are there so that only `persist` has to ask for serde, and not every
/// operator through which a kept partition may be read.
pub(crate) struct Persistence<T> {
    pub(super) store: StoreId,
    pub(super) site: Site,
    pub(super) level: StorageLevel,
    pub(super) encode: fn(&[T]) -> Result<Vec<u8>, String>,
    pub(super) decode_into: DecodeInto<T>,
    pub(super) estimate_bytes: fn(&[T]) -> u64,
}

impl<T: Wire> Persistence<T> {
    pub(crate) fn new(store: StoreId, site: Site, level: StorageLevel) -> Self {
        Persistence {
            store,
            site,
            level,
            encode: frames::encode,
            decode_into: frames::decode_into,
            estimate_bytes,
        }
    }
}

/// A partition in memory; clones share it.
#[derive(Clone)]
pub(super) enum Block {
    Records(Arc<dyn Encodable>),
    Bytes(Arc<Vec<u8>>),
}

impl Block {
    /// The bytes to write to disk.
    pub(super) fn encode(&self) -> Result<Arc<Vec<u8>>, String> {
        match self {
            Block::Records(records) => records.encode().map(Arc::new),
            Block::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

/// Records whose type is forgotten.
pub(super) trait Encodable: Any + Send + Sync {
    fn encode(&self) -> Result<Vec<u8>, String>;
}

/// The records of a partition.
pub(super) struct Records<T> {
    pub(super) records: Vec<T>,
    encode: fn(&[T]) -> Result<Vec<u8>, String>,
}

impl<T: Record> Records<T> {
    pub(super) fn new(mut records: Vec<T>, how: &Persistence<T>) -> Arc<Self> {
        records.shrink_to_fit();
        Arc::new(Records {
            records,
            encode: how.encode,
        })
    }

    /// The typed records of a block of this RDD.
    pub(super) fn of(block: Arc<dyn Encodable>) -> Option<Arc<Self>> {
        let any: Arc<dyn Any + Send + Sync> = block;
        any.downcast().ok()
    }
}

impl<T: Record> Encodable for Records<T> {
    fn encode(&self) -> Result<Vec<u8>, String> {
        (self.encode)(&self.records)
    }
}

/// What records take in memory, in bytes, guessed.
///
/// A type without drop glue owns nothing outside itself. For the others, what they own is
/// taken to be as large as they are when written, which a sample from all over the
/// partition tells.
pub fn estimate_bytes<T: Wire>(records: &[T]) -> u64 {
    let inline = size_of_val(records) as u64;
    if !std::mem::needs_drop::<T>() || records.is_empty() {
        return inline;
    }
    let sampled = records.len().min(SAMPLE_RECORDS);
    let written: u64 = (0..sampled)
        .filter_map(|i| records.get(i * records.len() / sampled))
        .map(written_bytes)
        .sum();
    let owned = u128::from(written) * records.len() as u128 / sampled as u128;
    inline.saturating_add(u64::try_from(owned).unwrap_or(u64::MAX))
}

fn written_bytes<T: Wire>(record: &T) -> u64 {
    let counter = postcard::ser_flavors::Size::default();
    // What cannot be written has no size here; writing it reports the reason.
    postcard::serialize_with_flavor(record, counter).map_or(0, |bytes| bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_records_are_measured_exactly() {
        assert_eq!(estimate_bytes(&[1_u64; 1000]), 8000);
        assert_eq!(estimate_bytes::<String>(&[]), 0);
    }

    #[test]
    fn owned_memory_is_sampled_from_all_over_the_partition() {
        let mut texts = vec![String::new(); 500];
        texts.extend(vec!["x".repeat(1000); 500]);
        let estimate = estimate_bytes(&texts);
        let real = 1000 * size_of::<String>() as u64 + 500 * 1000;
        assert!(estimate.abs_diff(real) < real / 20, "{estimate} for {real}");
    }

    #[test]
    fn a_block_remembers_its_type() {
        let site = Site::here("cache");
        let how = Persistence::<u8>::new(StoreId::default(), site, StorageLevel::MEMORY_ONLY);
        let block: Arc<dyn Encodable> = Records::new(vec![1_u8], &how);
        assert!(Records::<u16>::of(block.clone()).is_none());
        assert_eq!(Records::<u8>::of(block).unwrap().records, [1]);
    }
}
