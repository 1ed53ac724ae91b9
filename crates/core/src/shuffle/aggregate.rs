//! How the values of a key become one: what each operator by key brings along.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::record::Wire;

/// How values of one key become one result.
pub(crate) trait Aggregator<V, C>: Send + Sync + 'static {
    /// What is kept for a key on the way; crosses the shuffle.
    type Acc: Wire;

    fn create(&self, value: V) -> Self::Acc;

    fn merge_value(&self, acc: &mut Self::Acc, value: V);

    fn merge_acc(&self, acc: &mut Self::Acc, other: Self::Acc);

    fn finish(&self, acc: Self::Acc) -> Option<C>;
}

/// `reduce_by_key`: two values become one. The `Option` lets the closure take the old
/// value without cloning it; it is `None` only while the closure runs.
pub(crate) struct Reducing<F>(pub(crate) F);

impl<V: Wire, F: Fn(V, V) -> V + Send + Sync + 'static> Aggregator<V, V> for Reducing<F> {
    type Acc = Option<V>;

    #[inline]
    fn create(&self, value: V) -> Option<V> {
        Some(value)
    }

    #[inline]
    fn merge_value(&self, acc: &mut Option<V>, value: V) {
        *acc = Some(match acc.take() {
            Some(old) => (self.0)(old, value),
            None => value,
        });
    }

    #[inline]
    fn merge_acc(&self, acc: &mut Option<V>, other: Option<V>) {
        if let Some(value) = other {
            self.merge_value(acc, value);
        }
    }

    fn finish(&self, acc: Option<V>) -> Option<V> {
        acc
    }
}

/// `combine_by_key` and what is built on it.
pub(crate) struct Combined<F, G, H> {
    pub(crate) create: F,
    pub(crate) merge_value: G,
    pub(crate) merge_combiners: H,
}

impl<V, C, F, G, H> Aggregator<V, C> for Combined<F, G, H>
where
    C: Wire,
    F: Fn(V) -> C + Send + Sync + 'static,
    G: Fn(C, V) -> C + Send + Sync + 'static,
    H: Fn(C, C) -> C + Send + Sync + 'static,
{
    type Acc = Option<C>;

    #[inline]
    fn create(&self, value: V) -> Option<C> {
        Some((self.create)(value))
    }

    #[inline]
    fn merge_value(&self, acc: &mut Option<C>, value: V) {
        *acc = Some(match acc.take() {
            Some(old) => (self.merge_value)(old, value),
            None => (self.create)(value),
        });
    }

    #[inline]
    fn merge_acc(&self, acc: &mut Option<C>, other: Option<C>) {
        *acc = match (acc.take(), other) {
            (Some(old), Some(new)) => Some((self.merge_combiners)(old, new)),
            (old, new) => old.or(new),
        };
    }

    fn finish(&self, acc: Option<C>) -> Option<C> {
        acc
    }
}

/// Counting, in place.
pub(crate) struct Counting;

impl<V> Aggregator<V, u64> for Counting {
    type Acc = u64;

    #[inline]
    fn create(&self, _value: V) -> u64 {
        1
    }

    #[inline]
    fn merge_value(&self, acc: &mut u64, _value: V) {
        *acc += 1;
    }

    #[inline]
    fn merge_acc(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }

    fn finish(&self, acc: u64) -> Option<u64> {
        Some(acc)
    }
}

/// What is left to do when map tasks have combined already: merge what they made.
pub(super) struct Merging<A, V> {
    aggregator: Arc<A>,
    values: PhantomData<fn(V)>,
}

impl<A, V> Merging<A, V> {
    pub(super) fn new(aggregator: Arc<A>) -> Self {
        Merging {
            aggregator,
            values: PhantomData,
        }
    }
}

impl<V: 'static, C, A: Aggregator<V, C>> Aggregator<A::Acc, C> for Merging<A, V> {
    type Acc = A::Acc;

    #[inline]
    fn create(&self, acc: A::Acc) -> A::Acc {
        acc
    }

    #[inline]
    fn merge_value(&self, acc: &mut A::Acc, other: A::Acc) {
        self.aggregator.merge_acc(acc, other);
    }

    #[inline]
    fn merge_acc(&self, acc: &mut A::Acc, other: A::Acc) {
        self.aggregator.merge_acc(acc, other);
    }

    fn finish(&self, acc: A::Acc) -> Option<C> {
        self.aggregator.finish(acc)
    }
}
