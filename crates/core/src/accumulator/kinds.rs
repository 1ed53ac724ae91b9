//! The accumulators that come with the engine, and how a context makes them.

use std::fmt;
use std::sync::Arc;

use super::{Accumulate, Accumulator};
use crate::context::Context;
use crate::record::Record;

/// An accumulator of integers: Spark's `LongAccumulator`.
pub type LongAccumulator = Accumulator<LongPart>;

/// An accumulator of floating numbers: Spark's `DoubleAccumulator`.
pub type DoubleAccumulator = Accumulator<DoublePart>;

/// An accumulator that collects what is added: Spark's `CollectionAccumulator`.
pub type CollectionAccumulator<T> = Accumulator<CollectionPart<T>>;

/// What a [`LongAccumulator`] keeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct LongPart {
    sum: i64,
    count: u64,
}

impl Accumulate for LongPart {
    type Input = i64;
    type Output = i64;

    fn add(&mut self, input: i64) {
        self.sum = self.sum.wrapping_add(input);
        self.count += 1;
    }

    fn merge(&mut self, other: Self) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.count += other.count;
    }

    fn value(&self) -> i64 {
        self.sum
    }

    fn kind(&self) -> &'static str {
        "LongAccumulator"
    }
}

impl Accumulator<LongPart> {
    /// What was added altogether, the same as the value: Spark's `sum`. It wraps around
    /// where it does not fit.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let sizes = ctx.long_accumulator("sizes");
    /// [4, 8].map(|size| sizes.add(size));
    /// assert_eq!((sizes.sum(), sizes.count(), sizes.avg()), (12, 2, 6.0));
    /// ```
    #[must_use]
    pub fn sum(&self) -> i64 {
        self.value()
    }

    /// How often something was added: Spark's `count`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let sizes = ctx.long_accumulator("sizes");
    /// sizes.add(4);
    /// assert_eq!(sizes.count(), 1);
    /// ```
    #[must_use]
    pub fn count(&self) -> u64 {
        self.read(|total| total.count)
    }

    /// The mean of what was added, NaN before anything was: Spark's `avg`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let sizes = ctx.long_accumulator("sizes");
    /// sizes.add(4);
    /// assert_eq!(sizes.avg(), 4.0);
    /// ```
    #[must_use]
    pub fn avg(&self) -> f64 {
        self.read(|total| total.sum as f64 / total.count as f64)
    }
}

/// What a [`DoubleAccumulator`] keeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct DoublePart {
    sum: f64,
    count: u64,
}

impl Accumulate for DoublePart {
    type Input = f64;
    type Output = f64;

    fn add(&mut self, input: f64) {
        self.sum += input;
        self.count += 1;
    }

    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    fn value(&self) -> f64 {
        self.sum
    }

    fn kind(&self) -> &'static str {
        "DoubleAccumulator"
    }
}

impl Accumulator<DoublePart> {
    /// What was added altogether, the same as the value: Spark's `sum`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let weights = ctx.double_accumulator("weights");
    /// [0.5, 2.0].map(|weight| weights.add(weight));
    /// assert_eq!((weights.sum(), weights.count(), weights.avg()), (2.5, 2, 1.25));
    /// ```
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.value()
    }

    /// How often something was added: Spark's `count`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let sizes = ctx.double_accumulator("sizes");
    /// sizes.add(2.5);
    /// assert_eq!(sizes.count(), 1);
    /// ```
    #[must_use]
    pub fn count(&self) -> u64 {
        self.read(|total| total.count)
    }

    /// The mean of what was added, NaN before anything was: Spark's `avg`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let sizes = ctx.double_accumulator("sizes");
    /// sizes.add(2.5);
    /// assert_eq!(sizes.avg(), 2.5);
    /// ```
    #[must_use]
    pub fn avg(&self) -> f64 {
        self.read(|total| total.sum / total.count as f64)
    }
}

/// What a [`CollectionAccumulator`] keeps.
#[derive(Debug, Clone)]
pub struct CollectionPart<T> {
    elements: Vec<T>,
}

impl<T: Record + fmt::Debug> Accumulate for CollectionPart<T> {
    type Input = T;
    type Output = Vec<T>;

    fn add(&mut self, input: T) {
        self.elements.push(input);
    }

    fn merge(&mut self, other: Self) {
        self.elements.extend(other.elements);
    }

    fn value(&self) -> Vec<T> {
        self.elements.clone()
    }

    fn fmt_value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.elements, f)
    }

    fn kind(&self) -> &'static str {
        "CollectionAccumulator"
    }
}

impl<T: Record + fmt::Debug> Accumulator<CollectionPart<T>> {
    /// Adds one element, in a vector's word for it; the same as [`Accumulator::add`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let bad = ctx.collection_accumulator::<u8>("bad");
    /// bad.push(7);
    /// assert_eq!(bad.value(), [7]);
    /// ```
    pub fn push(&self, element: T) {
        self.add(element);
    }
}

/// What an accumulator of [`Context::accumulator`] keeps: a value and how to merge another
/// one into it.
#[derive(Clone)]
pub struct FoldedPart<V> {
    value: V,
    merge: Arc<dyn Fn(&mut V, V) + Send + Sync>,
}

impl<V: Record + fmt::Debug> Accumulate for FoldedPart<V> {
    type Input = V;
    type Output = V;

    fn add(&mut self, input: V) {
        (self.merge)(&mut self.value, input);
    }

    fn merge(&mut self, other: Self) {
        (self.merge)(&mut self.value, other.value);
    }

    fn value(&self) -> V {
        self.value.clone()
    }

    fn kind(&self) -> &'static str {
        "Accumulator"
    }
}

impl Context {
    /// An accumulator of integers: Spark's `longAccumulator`. An empty name hides it from
    /// events.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let seen = ctx.long_accumulator("seen");
    /// let count = seen.clone();
    /// ctx.range(0..7, 1, 2).for_each(move |_| count.add(1)).unwrap();
    /// assert_eq!(seen.value(), 7);
    /// ```
    #[must_use]
    pub fn long_accumulator(&self, name: &str) -> LongAccumulator {
        self.register(LongPart::default(), name)
    }

    /// An accumulator of floating numbers: Spark's `doubleAccumulator`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let weight = ctx.double_accumulator("weight");
    /// let sum = weight.clone();
    /// ctx.parallelize(vec![0.5, 1.5], 2).for_each(move |w| sum.add(w)).unwrap();
    /// assert_eq!(weight.value(), 2.0);
    /// ```
    #[must_use]
    pub fn double_accumulator(&self, name: &str) -> DoubleAccumulator {
        self.register(DoublePart::default(), name)
    }

    /// An accumulator that collects what is added to it: Spark's `collectionAccumulator`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let bad = ctx.collection_accumulator::<String>("bad lines");
    /// let to = bad.clone();
    /// ctx.parallelize(vec!["x".to_string()], 1).for_each(move |line| to.add(line)).unwrap();
    /// assert_eq!(bad.value(), ["x"]);
    /// ```
    #[must_use]
    pub fn collection_accumulator<T: Record + fmt::Debug>(
        &self,
        name: &str,
    ) -> CollectionAccumulator<T> {
        let elements = Vec::new();
        self.register(CollectionPart { elements }, name)
    }

    /// An accumulator of a zero, and of how a part is merged into the total. Where what is
    /// added has another type than what is read, use [`Context::register`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let longest = ctx.accumulator("longest", 0_usize, |total, part| *total = part.max(*total));
    /// let max = longest.clone();
    /// ctx.parallelize(vec!["a", "bcd"], 2).for_each(move |s| max.add(s.len())).unwrap();
    /// assert_eq!(longest.value(), 3);
    /// ```
    #[must_use]
    pub fn accumulator<V: Record + fmt::Debug>(
        &self,
        name: &str,
        zero: V,
        merge: impl Fn(&mut V, V) + Send + Sync + 'static,
    ) -> Accumulator<FoldedPart<V>> {
        let merge = Arc::new(merge);
        self.register(FoldedPart { value: zero, merge }, name)
    }

    /// An accumulator of one's own type, which starts with `zero`: Spark's
    /// `register(AccumulatorV2)`. An empty name hides it from events.
    ///
    /// ```
    /// use headwater_core::{Accumulate, Context};
    ///
    /// #[derive(Clone)]
    /// struct Least(i64);
    ///
    /// impl Accumulate for Least {
    ///     type Input = i64;
    ///     type Output = i64;
    ///     fn add(&mut self, input: i64) {
    ///         self.0 = self.0.min(input);
    ///     }
    ///     fn merge(&mut self, other: Self) {
    ///         self.add(other.0);
    ///     }
    ///     fn value(&self) -> i64 {
    ///         self.0
    ///     }
    /// }
    ///
    /// let ctx = Context::local(2).unwrap();
    /// let least = ctx.register(Least(i64::MAX), "least");
    /// let to = least.clone();
    /// ctx.parallelize(vec![3, 1, 2], 2).for_each(move |n| to.add(n)).unwrap();
    /// assert_eq!(least.value(), 1);
    /// ```
    #[must_use]
    pub fn register<A: Accumulate>(&self, zero: A, name: &str) -> Accumulator<A> {
        Accumulator::new(name, zero)
    }
}
