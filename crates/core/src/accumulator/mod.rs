//! Counters that tasks add to and the driver reads.
//!
//! An [`Accumulator`] is a shared total of some [`Accumulate`] type; `kinds` has the types
//! that come with the engine, `parts` what a running task has added so far.

mod kinds;
mod parts;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use kinds::{
    CollectionAccumulator, CollectionPart, DoubleAccumulator, DoublePart, FoldedPart,
    LongAccumulator, LongPart,
};
pub(crate) use parts::{Touched, Update, begin_task, end_task, merge, merge_and_tell};

/// What can be accumulated: Spark's `AccumulatorV2`, for accumulators of one's own.
///
/// # Contract
/// - The value that is given to [`crate::Context::register`] is the zero: merging a clone of
///   it changes nothing. Each task starts from such a clone.
/// - [`Accumulate::merge`] is associative and commutative, because tasks end in any order.
///   The engine cannot check either.
/// - A panic in `add` fails the task; one in `merge` fails the job.
///
/// ```
/// use headwater_core::{Accumulate, Context};
/// use std::collections::BTreeSet;
///
/// #[derive(Clone, Default)]
/// struct Distinct(BTreeSet<String>);
///
/// impl Accumulate for Distinct {
///     type Input = String;
///     type Output = usize;
///     fn add(&mut self, word: String) {
///         self.0.insert(word);
///     }
///     fn merge(&mut self, other: Self) {
///         self.0.extend(other.0);
///     }
///     fn value(&self) -> usize {
///         self.0.len()
///     }
/// }
///
/// let ctx = Context::local(2).unwrap();
/// let words = ctx.register(Distinct::default(), "words");
/// let seen = words.clone();
/// let lines = ctx.parallelize(vec!["to", "be", "to"], 2);
/// lines.for_each(move |word| seen.add(word.to_owned())).unwrap();
/// assert_eq!(words.value(), 2);
/// ```
pub trait Accumulate: Clone + Send + Sync + 'static {
    /// What is added.
    type Input;

    /// What the driver reads.
    type Output: fmt::Debug;

    /// Takes one input in.
    fn add(&mut self, input: Self::Input);

    /// Takes in what a task has accumulated.
    fn merge(&mut self, other: Self);

    /// The value so far.
    fn value(&self) -> Self::Output;

    /// How texts show the value. To be overridden where making the value is costly.
    ///
    /// # Errors
    /// Those of the formatter.
    fn fmt_value(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value(), f)
    }

    /// What texts call such an accumulator; the type's own name unless this is overridden.
    fn kind(&self) -> &'static str {
        let path = std::any::type_name::<Self>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path)
    }
}

/// A value that closures add to; only the driver reads it: Spark's accumulators.
///
/// Made by [`crate::Context::long_accumulator`], `double_accumulator`,
/// `collection_accumulator`, `accumulator` and [`crate::Context::register`]. A handle;
/// clones share the value. What a task adds counts once, when the task succeeds: a task
/// that fails and is tried again adds nothing twice. An RDD that is computed again by a
/// later job (because it is not cached) adds again, as in Spark. Events carry the
/// accumulators that have a name, see [`crate::events::AccumulatorInfo`].
///
/// ```
/// use headwater_core::Context;
/// let ctx = Context::local(2).unwrap();
/// let odd = ctx.long_accumulator("odd numbers");
/// let count = odd.clone();
/// ctx.range(0..10, 1, 4).for_each(move |n| if n % 2 == 1 { count.add(1) }).unwrap();
/// assert_eq!(odd.value(), 5);
/// let text = format!("LongAccumulator(id: {}, name: Some(odd numbers), value: 5)", odd.id());
/// assert_eq!(odd.to_string(), text);
/// ```
pub struct Accumulator<A: Accumulate> {
    inner: Arc<Inner<A>>,
}

impl<A: Accumulate> Clone for Accumulator<A> {
    fn clone(&self) -> Self {
        Accumulator {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<A> {
    id: u64,
    name: Option<Arc<str>>,
    zero: A,
    total: Mutex<A>,
}

impl<A: Accumulate> Accumulator<A> {
    /// An empty name hides the accumulator from events.
    pub(crate) fn new(name: &str, zero: A) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Accumulator {
            inner: Arc::new(Inner {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                name: Some(name).filter(|name| !name.is_empty()).map(Arc::from),
                total: Mutex::new(zero.clone()),
                zero,
            }),
        }
    }

    /// Adds to the accumulator; in a task this touches nothing that is shared.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let seen = ctx.long_accumulator("seen");
    /// seen.add(2);
    /// assert_eq!(seen.value(), 2);
    /// ```
    pub fn add(&self, input: A::Input) {
        let inner = &self.inner;
        let Some((at, part)) = parts::take_part(inner.id, || inner.clone()) else {
            return inner.total.lock().add(input);
        };
        let mut part = part.unwrap_or_else(|| Box::new(inner.zero.clone()));
        if let Some(part) = part.downcast_mut::<A>() {
            part.add(input);
        }
        parts::put_part_back(at, part);
    }

    /// What was added by the driver and by every task that succeeded so far.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let seen = ctx.long_accumulator("seen");
    /// let count = seen.clone();
    /// ctx.range(0..5, 1, 2).for_each(move |_| count.add(1)).unwrap();
    /// assert_eq!(seen.value(), 5);
    /// ```
    #[must_use]
    pub fn value(&self) -> A::Output {
        self.inner.total.lock().value()
    }

    /// Sets the accumulator back to its zero.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let seen = ctx.long_accumulator("seen");
    /// seen.add(2);
    /// seen.reset();
    /// assert_eq!(seen.value(), 0);
    /// ```
    pub fn reset(&self) {
        *self.inner.total.lock() = self.inner.zero.clone();
    }

    /// The accumulator's number within the process: Spark's `id`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let (a, b) = (ctx.long_accumulator("a"), ctx.long_accumulator("b"));
    /// assert_ne!(a.id(), b.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// The name under which events carry it.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.long_accumulator("seen").name(), Some("seen"));
    /// assert_eq!(ctx.long_accumulator("").name(), None);
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    /// Looks at what was accumulated so far.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&A) -> R) -> R {
        look(&self.inner.total.lock())
    }
}

impl<A: Accumulate> fmt::Display for Accumulator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.inner.name {
            Some(name) => format!("Some({name})"),
            None => "None".to_owned(),
        };
        let total = self.inner.total.lock();
        let (kind, id, value) = (total.kind(), self.inner.id, Shown(&*total));
        write!(f, "{kind}(id: {id}, name: {name}, value: {value:?})")
    }
}

impl<A: Accumulate> fmt::Debug for Accumulator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<A: Accumulate> parts::Shared for Inner<A> {
    fn id(&self) -> u64 {
        self.id
    }

    fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    fn merge(&self, part: Box<dyn Any + Send>) {
        if let Ok(part) = part.downcast::<A>() {
            self.total.lock().merge(*part);
        }
    }

    fn describe_part(&self, part: &(dyn Any + Send)) -> String {
        let part = part.downcast_ref::<A>();
        part.map(|part| parts::text_of(&Shown(part)))
            .unwrap_or_default()
    }

    fn describe(&self) -> String {
        parts::text_of(&Shown(&*self.total.lock()))
    }
}

/// Shows the value of a total.
struct Shown<'a, A>(&'a A);

impl<A: Accumulate> fmt::Debug for Shown<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_value(f)
    }
}
