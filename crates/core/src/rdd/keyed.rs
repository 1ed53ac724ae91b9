//! Records as pairs, for what operators by key do, and the grouping that is no more than that.

use super::Rdd;
use super::map::MapStep;
use crate::record::{Key, Record, Wire};
use crate::shuffle::Partitioning;
use crate::site::Site;

impl<T: Wire> Rdd<T> {
    /// Gathers the records that have the same key, in the order in which they came: Spark's
    /// `groupBy`.
    ///
    /// This is [`Rdd::key_by`] and [`Rdd::group_by_key`]: every record moves, and a group is
    /// held in memory. Where groups are reduced anyway, [`Rdd::reduce_by_key`] moves far
    /// less.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let groups = ctx.range(0..5, 1, 2).group_by(|n| n % 2);
    /// let mut groups = groups.collect().unwrap();
    /// groups.sort();
    /// assert_eq!(groups, [(0, vec![0, 2, 4]), (1, vec![1, 3])]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by<K: Key>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Rdd<(K, Vec<T>)> {
        let site = Site::here("group_by");
        let keyed = self.keyed(site, key);
        keyed.values_by_key(site, &keyed.default_partitioning())
    }

    /// As [`Rdd::group_by`], with a number of partitions or a partitioner.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let groups = ctx.range(0..5, 1, 2).group_by_partitioned(|n| n / 10, 3);
    /// assert_eq!(groups.num_partitions(), 3);
    /// assert_eq!(groups.collect().unwrap(), [(0, vec![0, 1, 2, 3, 4])]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn group_by_partitioned<K: Key>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        partitioning: impl Into<Partitioning<K>>,
    ) -> Rdd<(K, Vec<T>)> {
        let site = Site::here("group_by");
        let keyed = self.keyed(site, key);
        keyed.values_by_key(site, &partitioning.into())
    }
}

impl<T: Record> Rdd<T> {
    /// Each record behind the key that a closure makes of it.
    pub(super) fn keyed<K: Record>(
        &self,
        site: Site,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
    ) -> Rdd<(K, T)> {
        let f = move |record| (key(&record), record);
        self.step(site, None, MapStep { f })
    }

    /// Each record as a key that has no value.
    pub(super) fn as_keys(&self, site: Site) -> Rdd<(T, ())> {
        let f = |record| (record, ());
        self.step(site, None, MapStep { f })
    }
}

impl<T: Record> Rdd<(T, ())> {
    /// The records that [`Rdd::as_keys`] made keys.
    pub(super) fn as_records(&self, site: Site) -> Rdd<T> {
        let f = |(record, ())| record;
        self.step(site, None, MapStep { f })
    }
}
