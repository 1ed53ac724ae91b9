//! The narrow operators of pairs: what leaves keys where they are, or leaves them out.

use std::mem;

use super::Rdd;
use super::map::{MapStep, Out, Step};
use crate::chunk::{Emitter, Push};
use crate::record::Record;
use crate::scheduler::ClosureOf;
use crate::site::Site;

impl<K: Record, V: Record> Rdd<(K, V)> {
    /// Changes the values only: Spark's `mapValues`. The placement of keys stays, so that
    /// a later operation by key need not shuffle.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let prices = ctx.parallelize(vec![("tea", 2), ("cake", 3)], 1).map_values(|v| v * 10);
    /// assert_eq!(prices.collect().unwrap(), [("tea", 20), ("cake", 30)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn map_values<U: Record>(&self, f: impl Fn(V) -> U + Send + Sync + 'static) -> Rdd<(K, U)> {
        let f = move |(key, value)| (key, f(value));
        self.step(
            Site::here("map_values"),
            self.node.placement(),
            MapStep { f },
        )
    }

    /// Turns each value into any number of values of the same key: Spark's
    /// `flatMapValues`. The placement of keys stays.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.parallelize(vec![("a", 2), ("b", 0)], 1).flat_map_values(|n| 0..n);
    /// assert_eq!(pairs.collect().unwrap(), [("a", 0), ("a", 1)]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn flat_map_values<U, I>(&self, f: impl Fn(V) -> I + Send + Sync + 'static) -> Rdd<(K, U)>
    where
        U: Record,
        I: IntoIterator<Item = U>,
    {
        let site = Site::here("flat_map_values");
        self.step(site, self.node.placement(), FlatMapValuesStep { f })
    }

    /// The keys: Spark's `keys`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![("a", 1), ("b", 2)], 1).keys().collect().unwrap(), ["a", "b"]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn keys(&self) -> Rdd<K> {
        self.step(Site::here("keys"), None, MapStep { f: |(key, _)| key })
    }

    /// The values: Spark's `values`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![("a", 1), ("b", 2)], 1).values().collect().unwrap(), [1, 2]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn values(&self) -> Rdd<V> {
        self.step(
            Site::here("values"),
            None,
            MapStep {
                f: |(_, value)| value,
            },
        )
    }
}

struct FlatMapValuesStep<F> {
    f: F,
}

impl<F> FlatMapValuesStep<F> {
    #[inline]
    fn emit_all<K: Clone, V, U, I: IntoIterator<Item = U>>(
        &self,
        pairs: impl Iterator<Item = (K, V)>,
        out: &mut Out<'_, (K, U)>,
    ) -> Push
    where
        F: Fn(V) -> I,
    {
        let _closure = ClosureOf(out.site);
        let mut emitter = Emitter::new(out.task, out.sink);
        for (key, value) in pairs {
            let mut values = (self.f)(value).into_iter();
            let Some(mut last) = values.next() else {
                continue;
            };
            // One behind, so that the last one gets the key itself.
            emitter.extend(values.map(|next| (key.clone(), mem::replace(&mut last, next))));
            emitter.check()?;
            emitter.emit((key, last));
        }
        emitter.finish()
    }
}

impl<K, V, U, I, F> Step<(K, V), (K, U)> for FlatMapValuesStep<F>
where
    K: Record,
    V: Record,
    I: IntoIterator<Item = U>,
    F: Fn(V) -> I + Send + Sync + 'static,
{
    fn push(
        &self,
        chunk: &mut Vec<(K, V)>,
        _buffer: &mut Vec<(K, U)>,
        out: &mut Out<'_, (K, U)>,
    ) -> Push {
        self.emit_all(chunk.drain(..), out)
    }

    fn push_shared(
        &self,
        chunk: &[(K, V)],
        _buffer: &mut Vec<(K, U)>,
        out: &mut Out<'_, (K, U)>,
    ) -> Push {
        self.emit_all(chunk.iter().cloned(), out)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::Context;

    /// Counts its clones.
    struct Counted(Arc<AtomicUsize>);

    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Counted(self.0.clone())
        }
    }

    #[test]
    fn flat_map_values_moves_what_it_owns() {
        let (keys, values) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (key, value) = (keys.clone(), values.clone());
        let ctx = Context::local(1).unwrap();
        let pairs = ctx
            .range(0..4, 1, 1)
            .map(move |n| (Counted(key.clone()), (n, Counted(value.clone()))));
        let results = pairs.flat_map_values(|(n, _)| 0..n);
        assert_eq!(results.values().collect().unwrap(), [0, 0, 1, 0, 1, 2]);
        assert_eq!(values.load(Ordering::Relaxed), 0);
        // The last result of a pair gets the key itself.
        assert_eq!(keys.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn flat_map_values_leaves_shared_records_as_they_are() {
        let ctx = Context::local(1).unwrap();
        let pairs = ctx.parallelize(vec![("a".to_owned(), 2), ("b".to_owned(), 0)], 1);
        let results = pairs.flat_map_values(|n| 0..n);
        let expected = [("a".to_owned(), 0), ("a".to_owned(), 1)];
        assert_eq!(results.collect().unwrap(), expected);
        assert_eq!(results.collect().unwrap(), expected);
    }
}
