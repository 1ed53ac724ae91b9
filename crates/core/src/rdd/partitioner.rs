//! How the pairs of an RDD are placed.

use super::Rdd;
use crate::record::{Key, Record};
use crate::shuffle::Partitioning;

impl<K: Key, V: Record> Rdd<(K, V)> {
    /// How keys are placed, where that is known: Spark's `partitioner`.
    ///
    /// It is known after [`Rdd::partition_by`], after operators by key and sorts, and after
    /// what keeps the keys as they are, such as [`Rdd::map_values`] and [`Rdd::filter`]. An
    /// operator that is given the result does not move the pairs again.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b')], 2);
    /// assert!(pairs.partitioner().is_none());
    /// let placed = pairs.partition_by(4);
    /// let partitioner = placed.partitioner().unwrap();
    /// assert_eq!(partitioner.num_partitions(), 4);
    /// assert!(partitioner.is_same_as(&placed.filter(|_| true).partitioner().unwrap()));
    /// assert!(placed.map(|pair| pair).partitioner().is_none());
    /// ```
    #[must_use]
    pub fn partitioner(&self) -> Option<Partitioning<K>> {
        self.node.placement()?.of::<K>()
    }
}
