//! Who goes where.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::RangePartitioner;
use crate::hash::partition_of;
use crate::record::Key;

/// Decides in which partition a key lives.
///
/// # Contract
/// - [`Partitioner::partition`] depends on nothing but the key, and is the same in every
///   process: a task that is tried again, or run elsewhere, must place keys alike. The
///   engine cannot check this.
/// - The answer is below [`Partitioner::num_partitions`]; a larger one fails the task.
/// - Equal identities place every key alike: operators rely on it to leave out a shuffle.
///
/// ```
/// use headwater_core::{Context, Partitioner};
///
/// struct ByFirstLetter;
///
/// impl Partitioner<String> for ByFirstLetter {
///     fn num_partitions(&self) -> usize {
///         2
///     }
///     fn partition(&self, key: &String) -> usize {
///         usize::from(key.as_str() >= "n")
///     }
///     fn identity(&self) -> Option<String> {
///         Some("by first letter".to_owned())
///     }
/// }
///
/// let ctx = Context::local(2).unwrap();
/// let pairs = ctx.parallelize(vec![("b".to_owned(), 1), ("x".to_owned(), 2)], 1);
/// let placed = pairs.partition_by(std::sync::Arc::new(ByFirstLetter)).glom();
/// assert_eq!(placed.collect().unwrap().len(), 2);
/// ```
pub trait Partitioner<K>: Send + Sync {
    /// How many partitions there are, at least 1.
    fn num_partitions(&self) -> usize;

    /// The partition of a key.
    fn partition(&self, key: &K) -> usize;

    /// What makes this partitioner equal to another one with as many partitions.
    ///
    /// Without an identity a partitioner is equal to itself only.
    fn identity(&self) -> Option<String> {
        None
    }
}

/// Places keys by their stable hash (see [`crate::hash`]): Spark's `HashPartitioner`.
///
/// ```
/// use headwater_core::{HashPartitioner, Partitioner};
/// let partitioner = HashPartitioner::new(4);
/// assert_eq!(Partitioner::<i64>::num_partitions(&partitioner), 4);
/// assert!(partitioner.partition(&"key") < 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashPartitioner {
    partitions: usize,
}

impl HashPartitioner {
    /// A partitioner over `partitions` partitions; zero is refused by the operator that
    /// gets it.
    #[must_use]
    pub fn new(partitions: usize) -> Self {
        HashPartitioner { partitions }
    }
}

impl<K: std::hash::Hash> Partitioner<K> for HashPartitioner {
    fn num_partitions(&self) -> usize {
        self.partitions
    }

    fn partition(&self, key: &K) -> usize {
        partition_of(key, self.partitions)
    }

    fn identity(&self) -> Option<String> {
        Some("hash".to_owned())
    }
}

/// What the `_partitioned` operators take: a number of partitions, or a partitioner.
///
/// ```
/// use headwater_core::{Context, HashPartitioner};
/// let ctx = Context::local(2).unwrap();
/// let pairs = ctx.parallelize(vec![("a", 1), ("b", 2)], 2).map(|(k, v)| (k.to_string(), v));
/// let by_count = pairs.group_by_key_partitioned(3);
/// let by_partitioner = pairs.group_by_key_partitioned(HashPartitioner::new(3));
/// assert_eq!(by_count.num_partitions(), by_partitioner.num_partitions());
/// ```
pub struct Partitioning<K> {
    pub(crate) how: How<K>,
}

pub(crate) enum How<K> {
    Hash(usize),
    Range(Arc<RangePartitioner<K>>),
    Custom(Arc<dyn Partitioner<K>>),
}

impl<K> Clone for Partitioning<K> {
    fn clone(&self) -> Self {
        let how = match &self.how {
            How::Hash(partitions) => How::Hash(*partitions),
            How::Range(range) => How::Range(range.clone()),
            How::Custom(custom) => How::Custom(custom.clone()),
        };
        Partitioning { how }
    }
}

impl<K> From<usize> for Partitioning<K> {
    fn from(partitions: usize) -> Self {
        Partitioning {
            how: How::Hash(partitions),
        }
    }
}

impl<K> From<HashPartitioner> for Partitioning<K> {
    fn from(partitioner: HashPartitioner) -> Self {
        Partitioning {
            how: How::Hash(partitioner.partitions),
        }
    }
}

impl<K, P: Partitioner<K> + 'static> From<Arc<P>> for Partitioning<K> {
    fn from(partitioner: Arc<P>) -> Self {
        Partitioning {
            how: How::Custom(partitioner),
        }
    }
}

impl<K> From<RangePartitioner<K>> for Partitioning<K> {
    fn from(range: RangePartitioner<K>) -> Self {
        Partitioning {
            how: How::Range(Arc::new(range)),
        }
    }
}

impl<K: Key> Partitioning<K> {
    /// How many partitions there are. A range partitioner may turn out to need fewer.
    #[must_use]
    pub fn num_partitions(&self) -> usize {
        match &self.how {
            How::Hash(partitions) => *partitions,
            How::Range(range) => range.num_partitions(),
            How::Custom(custom) => custom.num_partitions(),
        }
    }

    /// The partition of a key.
    #[inline]
    #[must_use]
    pub fn partition(&self, key: &K) -> usize {
        match &self.how {
            How::Hash(partitions) => partition_of(key, *partitions),
            How::Range(range) => range.partition(key),
            How::Custom(custom) => custom.partition(key),
        }
    }

    fn describe(&self) -> String {
        let (kind, identity) = match &self.how {
            How::Hash(_) => ("hash", None),
            How::Range(_) => ("range", None),
            How::Custom(custom) => ("custom", custom.identity()),
        };
        let partitions = self.num_partitions();
        format!("{kind}\n{partitions}\n{}\n", identity.unwrap_or_default())
    }

    /// Whether the other one is known to place every key alike.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        match (&self.how, &other.how) {
            (How::Hash(a), How::Hash(b)) => a == b,
            (How::Range(a), How::Range(b)) => Arc::ptr_eq(a, b),
            (How::Custom(a), How::Custom(b)) => {
                std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
                    || (a.num_partitions() == b.num_partitions()
                        && a.identity().is_some()
                        && a.identity() == b.identity())
            }
            _ => false,
        }
    }
}

impl<K> fmt::Debug for Partitioning<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Hash(partitions) => write!(f, "HashPartitioner({partitions})"),
            How::Range(_) => write!(f, "RangePartitioner"),
            How::Custom(custom) => write!(f, "Partitioner({})", custom.num_partitions()),
        }
    }
}

/// A partitioning without its key type, as nodes pass it on.
#[derive(Clone)]
pub(crate) struct Placement {
    partitioning: Arc<dyn Any + Send + Sync>,
    /// Compares two placements; knows the key type that they no longer tell.
    is_same: fn(&Placement, &Placement) -> bool,
    /// Tells what it knows of itself.
    describe: fn(&Placement) -> String,
}

impl Placement {
    pub(crate) fn new<K: Key>(partitioning: Partitioning<K>) -> Self {
        let is_same = |one: &Placement, other: &Placement| match (one.of::<K>(), other.of::<K>()) {
            (Some(one), Some(other)) => one.is_same_as(&other),
            _ => false,
        };
        let describe = |placement: &Placement| {
            placement
                .of::<K>()
                .map_or_else(String::new, |p| p.describe())
        };
        Placement {
            partitioning: Arc::new(partitioning),
            is_same,
            describe,
        }
    }

    /// Kind, number of partitions and identity, a line each.
    pub(crate) fn describe(&self) -> String {
        (self.describe)(self)
    }

    /// Whether keys are of the same type and known to be placed alike.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        (self.is_same)(self, other)
    }

    pub(crate) fn of<K: Key>(&self) -> Option<Partitioning<K>> {
        self.partitioning.downcast_ref::<Partitioning<K>>().cloned()
    }
}

/// Which of several inputs' placements an operator without an own wish uses.
///
/// Spark's rule: the existing partitioning with the most partitions, if that is at least
/// the default parallelism or within an order of magnitude of the widest input; otherwise
/// hashing over the configured parallelism or, without one, the widest input.
pub(crate) fn default_partitioning<K: Key>(
    existing: impl IntoIterator<Item = Option<Placement>>,
    widest_input: usize,
    configured: Option<usize>,
) -> Partitioning<K> {
    let largest = existing
        .into_iter()
        .filter_map(|placement| placement?.of::<K>())
        .max_by_key(Partitioning::num_partitions);
    let fallback = configured.unwrap_or(widest_input).max(1);
    match largest {
        Some(existing)
            if existing.num_partitions() >= fallback
                || existing.num_partitions().saturating_mul(10) > widest_input =>
        {
            existing
        }
        _ => Partitioning::from(fallback),
    }
}
