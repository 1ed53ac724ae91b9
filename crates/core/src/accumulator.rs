//! Counters that tasks add to and the driver reads.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// How a task's part of an accumulator is kept and merged.
trait Merge: Send + Sync {
    fn merge(&self, part: Box<dyn Any + Send>);
    fn describe(&self, part: &(dyn Any + Send)) -> String;
    fn name(&self) -> Option<Arc<str>>;
}

/// What one task added to one accumulator.
pub(crate) struct Update {
    to: Arc<dyn Merge>,
    part: Box<dyn Any + Send>,
}

thread_local! {
    static PARTS: RefCell<Option<Vec<Part>>> = const { RefCell::new(None) };
}

struct Part {
    key: usize,
    to: Arc<dyn Merge>,
    /// Taken out while it is added to: a closure that merges may add to other accumulators.
    value: Option<Box<dyn Any + Send>>,
}

pub(crate) fn begin_task() {
    PARTS.with_borrow_mut(|parts| *parts = Some(Vec::new()));
}

pub(crate) fn end_task() -> Vec<Update> {
    let parts = PARTS.with_borrow_mut(Option::take).unwrap_or_default();
    parts
        .into_iter()
        .filter_map(|Part { to, value, .. }| Some(Update { to, part: value? }))
        .collect()
}

/// Where the running task keeps its part of an accumulator, and the part itself if there is
/// one; `None` outside tasks.
fn take_part<A: Clone + Send + Sync + 'static>(
    to: &Arc<Inner<A>>,
) -> Option<(usize, Option<Box<dyn Any + Send>>)> {
    let key = Arc::as_ptr(to).cast::<()>() as usize;
    PARTS.with_borrow_mut(|parts| {
        let parts = parts.as_mut()?;
        if let Some(at) = parts.iter().position(|part| part.key == key) {
            return Some((at, parts.get_mut(at)?.value.take()));
        }
        let to = to.clone();
        parts.push(Part {
            key,
            to,
            value: None,
        });
        Some((parts.len() - 1, None))
    })
}

fn put_part_back(at: usize, value: Box<dyn Any + Send>) {
    PARTS.with_borrow_mut(|parts| {
        let Some(parts) = parts else { return };
        let Some(part) = parts.get_mut(at) else {
            return;
        };
        // A closure that added to its own accumulator made a part anew, which counts too.
        if let Some(anew) = part.value.replace(value) {
            let (key, to) = (part.key, part.to.clone());
            parts.push(Part {
                key,
                to,
                value: Some(anew),
            });
        }
    });
}

/// Merges the parts of a task that succeeded.
pub(crate) fn merge(updates: Vec<Update>) {
    for update in updates {
        update.to.merge(update.part);
    }
}

pub(crate) fn describe(updates: &[Update]) -> Vec<(Arc<str>, String)> {
    updates
        .iter()
        .filter_map(|update| Some((update.to.name()?, update.to.describe(&*update.part))))
        .collect()
}

/// A value that closures add to; only the driver reads it.
///
/// Made by [`crate::Context::long_accumulator`], `double_accumulator`,
/// `collection_accumulator` and [`crate::Context::accumulator`]. What a task adds counts
/// once, when the task succeeds: a task that fails and is tried again adds nothing twice.
/// An RDD that is computed again by a later job (because it is not cached) adds again, as
/// in Spark.
///
/// ```
/// use headwater_core::Context;
/// let ctx = Context::local(2).unwrap();
/// let odd = ctx.long_accumulator("odd numbers");
/// let count = odd.clone();
/// ctx.range(0..10, 1, 4).for_each(move |n| if n % 2 == 1 { count.add(1) }).unwrap();
/// assert_eq!(odd.value(), 5);
/// ```
pub struct Accumulator<A> {
    inner: Arc<Inner<A>>,
}

impl<A> Clone for Accumulator<A> {
    fn clone(&self) -> Self {
        Accumulator {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<A> {
    name: Option<Arc<str>>,
    zero: A,
    total: Mutex<A>,
    merge: Box<dyn Fn(&mut A, A) + Send + Sync>,
    describe: fn(&A) -> String,
}

impl<A: Clone + Send + Sync + fmt::Debug + 'static> Accumulator<A> {
    pub(crate) fn new(
        name: Option<&str>,
        zero: A,
        merge: impl Fn(&mut A, A) + Send + Sync + 'static,
    ) -> Self {
        Accumulator {
            inner: Arc::new(Inner {
                name: name.map(Arc::from),
                total: Mutex::new(zero.clone()),
                zero,
                merge: Box::new(merge),
                describe: |part| format!("{part:?}"),
            }),
        }
    }

    /// Adds to the accumulator; in a task this touches nothing that is shared.
    pub fn add(&self, amount: A) {
        self.update(|to, merge| merge(to, amount));
    }

    fn update(&self, change: impl FnOnce(&mut A, &dyn Fn(&mut A, A))) {
        let inner = &self.inner;
        let Some((at, part)) = take_part(inner) else {
            return change(&mut inner.total.lock(), &inner.merge);
        };
        let mut part = part.unwrap_or_else(|| Box::new(inner.zero.clone()));
        if let Some(part) = part.downcast_mut() {
            change(part, &inner.merge);
        }
        put_part_back(at, part);
    }

    /// What was added by the driver and by every task that succeeded so far.
    #[must_use]
    pub fn value(&self) -> A {
        self.inner.total.lock().clone()
    }

    /// Sets the accumulator back to its zero.
    pub fn reset(&self) {
        *self.inner.total.lock() = self.inner.zero.clone();
    }

    /// The name under which events carry it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }
}

impl<T: Clone + Send + Sync + fmt::Debug + 'static> Accumulator<Vec<T>> {
    /// Adds one element to an accumulator that collects.
    pub fn push(&self, element: T) {
        self.update(|to, _| to.push(element));
    }
}

impl<A: fmt::Debug> fmt::Debug for Accumulator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accumulator")
            .field("name", &self.inner.name)
            .field("value", &*self.inner.total.lock())
            .finish()
    }
}

impl<A: Clone + Send + Sync + 'static> Merge for Inner<A> {
    fn merge(&self, part: Box<dyn Any + Send>) {
        if let Ok(part) = part.downcast::<A>() {
            (self.merge)(&mut self.total.lock(), *part);
        }
    }

    fn describe(&self, part: &(dyn Any + Send)) -> String {
        part.downcast_ref().map(self.describe).unwrap_or_default()
    }

    fn name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }
}
