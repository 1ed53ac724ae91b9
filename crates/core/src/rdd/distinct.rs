//! Each record once.

use super::narrow::Keeps;
use super::{Rdd, read, refuse};
use crate::chunk::{Emitter, Push, Sink};
use crate::rdd::by_key::NO_PARTITIONS;
use crate::record::Key;
use crate::shuffle::{Aggregator, Partitioning, Table};
use crate::site::Site;

impl<T: Key> Rdd<T> {
    /// Each record once, in as many partitions as there are: Spark's `distinct`.
    ///
    /// Duplicates are dropped inside each partition before records move. The order is
    /// lost, but is the same for the same input. Pairs that are placed by their key do not
    /// move, as equal pairs are together already.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let mut words = ctx.parallelize(vec![2, 1, 2, 3, 1], 2).distinct().collect().unwrap();
    /// words.sort();
    /// assert_eq!(words, [1, 2, 3]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn distinct(&self) -> Rdd<T> {
        self.unique(Site::here("distinct"), self.node.partitions().max(1))
    }

    /// As [`Rdd::distinct`], in `partitions` partitions.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let once = ctx.parallelize(vec![7, 7, 7], 3).distinct_partitioned(1);
    /// assert_eq!(once.glom().collect().unwrap(), [[7]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn distinct_partitioned(&self, partitions: usize) -> Rdd<T> {
        self.unique(Site::here("distinct"), partitions)
    }

    fn unique(&self, site: Site, partitions: usize) -> Rdd<T> {
        if partitions == 0 {
            return refuse(&self.ctx, site, NO_PARTITIONS);
        }
        // Equal records have equal keys, so that any placement brought them together.
        if let Some(placement) = self.node.placement()
            && self.node.partitions() == partitions
        {
            let keeps = Keeps {
                placement: Some(placement),
                emptiness: true,
            };
            return self.narrow(site, keeps, |parent, task, partition, sink| {
                let mut seen = Seen {
                    table: Table::new(),
                };
                read(parent, task, partition, &mut seen)?;
                let mut out = Emitter::new(task, sink);
                let entries = seen.table.into_entries().into_iter();
                out.extend(entries.map(|(record, ())| record));
                out.finish()
            });
        }
        let keys = self.as_keys(site);
        let once = keys.combined(site, Partitioning::from(partitions), true, Once);
        once.as_records(site)
    }
}

/// Nothing is kept for a key but that it was there.
struct Once;

impl Aggregator<(), ()> for Once {
    type Acc = ();

    fn create(&self, _value: ()) {}

    fn merge_value(&self, _acc: &mut (), _value: ()) {}

    fn merge_acc(&self, _acc: &mut (), _other: ()) {}

    fn finish(&self, _acc: ()) -> Option<()> {
        Some(())
    }
}

struct Seen<T> {
    table: Table<T, ()>,
}

impl<T: Key> Sink<T> for Seen<T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        for record in chunk.drain(..) {
            self.table.insert_new(record, ());
        }
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        for record in chunk {
            if self.table.get(record).is_none() {
                self.table.insert_new(record.clone(), ());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Error};

    #[test]
    fn placed_pairs_stay_where_they_are() {
        let ctx = Context::local(2).unwrap();
        let pairs = ctx.parallelize(vec![(1, 'a'), (2, 'b'), (1, 'a'), (1, 'c')], 2);
        let once = pairs.partition_by(3).distinct();
        assert!(once.node.placement().is_some());
        assert!(once.distinct_partitioned(2).node.placement().is_none());
        let mut once = once.collect().unwrap();
        once.sort();
        assert_eq!(once, [(1, 'a'), (1, 'c'), (2, 'b')]);
    }

    #[test]
    fn nothing_is_distinct_in_nothing() {
        let ctx = Context::local(1).unwrap();
        assert_eq!(ctx.empty::<i32>().distinct().count().unwrap(), 0);
        let wrong = ctx.range(0..3, 1, 1).distinct_partitioned(0).collect();
        assert!(matches!(wrong, Err(Error::Build { .. })));
    }
}
