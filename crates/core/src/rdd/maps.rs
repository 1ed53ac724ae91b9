//! Actions whose result is a map on the driver, or one key's part of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::actions::on_driver;
use super::{Rdd, read};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::{Key, Record, Wire};
use crate::scheduler::ClosureOf;
use crate::shuffle::Table;
use crate::site::Site;

impl<T: Key> Rdd<T> {
    /// How often each record occurs: Spark's `countByValue`.
    ///
    /// The map is on the driver and must fit there; otherwise map each record to
    /// `(record, 1)` and use [`Rdd::reduce_by_key`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let counts = ctx.parallelize(vec![1, 2, 1], 2).count_by_value().unwrap();
    /// assert_eq!((counts[&1], counts[&2]), (2, 1));
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn count_by_value(&self) -> Result<HashMap<T, u64>, Error> {
        let site = Site::here("count_by_value");
        self.as_keys(site).counts(site)
    }
}

impl<K: Key, V: Wire> Rdd<(K, V)> {
    /// How many pairs each key has: Spark's `countByKey`.
    ///
    /// The map is on the driver and must fit there.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (1, 'c')], 2);
    /// let counts = pairs.count_by_key().unwrap();
    /// assert_eq!((counts[&1], counts[&2]), (2, 1));
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn count_by_key(&self) -> Result<HashMap<K, u64>, Error> {
        self.counts(Site::here("count_by_key"))
    }

    fn counts(&self, site: Site) -> Result<HashMap<K, u64>, Error> {
        let counts = self
            .counted(site, self.default_partitioning())
            .gather(site, None)?;
        Ok(counts.into_iter().flatten().collect())
    }
}

impl<K: Key, V: Record> Rdd<(K, V)> {
    /// The pairs as a map on the driver: Spark's `collectAsMap`.
    ///
    /// Of several pairs with one key the last one stays.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let map = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (1, 'c')], 2).collect_as_map().unwrap();
    /// assert_eq!((map[&1], map[&2]), ('c', 'b'));
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn collect_as_map(&self) -> Result<HashMap<K, V>, Error> {
        let pairs = self.gather(Site::here("collect_as_map"), None)?;
        Ok(pairs.into_iter().flatten().collect())
    }

    /// The values of one key, in order: Spark's `lookup`.
    ///
    /// Where it is known in which partition a key lives (after [`Rdd::partition_by`] or an
    /// operator by key) only that partition is read, otherwise all of them.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (1, 'c')], 2);
    /// assert_eq!(pairs.lookup(&1).unwrap(), ['a', 'c']);
    /// assert!(pairs.partition_by(4).lookup(&7).unwrap().is_empty());
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn lookup(&self, key: &K) -> Result<Vec<V>, Error> {
        let site = Site::here("lookup");
        let total = self.prepared_partitions(site)?;
        let placement = self
            .node
            .placement()
            .and_then(|placement| placement.of::<K>());
        let home = match placement {
            Some(placement) => Some(on_driver(site, || placement.partition(key))?),
            None => None,
        };
        // A partitioner that breaks its contract is found out by the shuffle that uses it.
        let partitions = home.filter(|home| *home < total).map(|home| vec![home]);
        let key = Arc::new(key.clone());
        let make = move || Lookup {
            key: key.clone(),
            values: Vec::new(),
            site,
        };
        let found = self.run_sinks(site, partitions, make)?;
        Ok(found.into_iter().flat_map(|lookup| lookup.values).collect())
    }

    /// Merges the values of each key and gives the map to the driver: Spark's
    /// `reduceByKeyLocally`.
    ///
    /// There is no shuffle: each partition makes a map, and the driver merges the maps in
    /// the order of the partitions. Good for few keys.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![(1, 10), (2, 20), (1, 30)], 2);
    /// let sums = pairs.reduce_by_key_locally(|a, b| a + b).unwrap();
    /// assert_eq!((sums[&1], sums[&2]), (40, 20));
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn reduce_by_key_locally(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> Result<HashMap<K, V>, Error> {
        let site = Site::here("reduce_by_key_locally");
        let f = Arc::new(f);
        let (node, shared) = (self.node.clone(), f.clone());
        let tables = self.run(site, None, move |task, partition| {
            let mut sink = ReduceByKey {
                table: Table::new(),
                f: &*shared,
                site,
            };
            read(&node, task, partition, &mut sink)?;
            Ok(sink.table.into_entries())
        })?;
        on_driver(site, move || {
            let mut table = Table::new();
            for mut entries in tables {
                table.merge(
                    &mut entries,
                    |value| value,
                    |acc, other| join(acc, other, &*f),
                );
            }
            let entries = table.into_entries().into_iter();
            entries
                .filter_map(|(key, value)| Some((key, value?)))
                .collect()
        })
    }
}

/// Reduces in place; the `Option` is empty only while the closure runs.
#[inline]
fn join<V>(acc: &mut Option<V>, other: Option<V>, f: &impl Fn(V, V) -> V) {
    *acc = match (acc.take(), other) {
        (Some(a), Some(b)) => Some(f(a, b)),
        (a, b) => a.or(b),
    };
}

struct ReduceByKey<'a, K, V, F> {
    table: Table<K, Option<V>>,
    f: &'a F,
    site: Site,
}

impl<K: Hash + Eq + Clone, V: Clone, F: Fn(V, V) -> V> Sink<(K, V)> for ReduceByKey<'_, K, V, F> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let _closure = ClosureOf(self.site);
        self.table
            .merge(chunk, Some, |acc, value| join(acc, Some(value), self.f));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let _closure = ClosureOf(self.site);
        self.table
            .merge_shared(chunk, Some, |acc, value| join(acc, Some(value), self.f));
        Ok(())
    }
}

/// Keeps the values of one key.
struct Lookup<K, V> {
    key: Arc<K>,
    values: Vec<V>,
    site: Site,
}

impl<K: Eq, V: Clone> Sink<(K, V)> for Lookup<K, V> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let _closure = ClosureOf(self.site);
        let found = chunk.drain(..).filter(|(key, _)| *key == *self.key);
        self.values.extend(found.map(|(_, value)| value));
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let _closure = ClosureOf(self.site);
        let found = chunk.iter().filter(|(key, _)| *key == *self.key);
        self.values.extend(found.map(|(_, value)| value.clone()));
        Ok(())
    }
}
