//! What a layer above calls the RDDs that it makes for one of its own operators.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static SCOPE: RefCell<Option<Arc<Scope>>> = const { RefCell::new(None) };
}

/// A label of all RDDs that were made together: Spark's `RDDOperationScope`.
///
/// A layer above the engine makes several RDDs for one operator of its own, such as a stream
/// for each batch. Made inside [`Scope::within`] they carry its scope, so that whoever shows a
/// job's plan can draw them in one box (see [`OperatorInfo`](crate::events::OperatorInfo)).
///
/// ```
/// use headwater_core::{Context, Scope};
/// let ctx = Context::local(1).unwrap();
/// let scope = Scope::new(3, "word counts").at_millis(5000);
/// let counts = scope.within(|| ctx.range(0..4, 1, 1).map(|n| n * 2));
/// let scope = counts.scope().unwrap();
/// assert_eq!((scope.id, &*scope.name, scope.at_millis), (3, "word counts", Some(5000)));
/// assert!(counts.filter(|_| true).scope().is_none(), "this one was made outside");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Scope {
    /// Tells the layer's operators apart; means nothing to the engine.
    pub id: u64,
    /// What people call the operator.
    pub name: Arc<str>,
    /// The batch that the RDDs are of, in milliseconds since 1970, if the layer has batches.
    pub at_millis: Option<i64>,
}

impl Scope {
    /// A scope of no batch.
    ///
    /// ```
    /// assert_eq!(headwater_core::Scope::new(1, "joined").at_millis, None);
    /// ```
    #[must_use]
    pub fn new(id: u64, name: impl Into<Arc<str>>) -> Self {
        Scope {
            id,
            name: name.into(),
            at_millis: None,
        }
    }

    /// The same scope, of the batch of that time.
    ///
    /// ```
    /// let scope = headwater_core::Scope::new(1, "joined").at_millis(2000);
    /// assert_eq!(scope.at_millis, Some(2000));
    /// ```
    #[must_use]
    pub fn at_millis(self, millis: i64) -> Self {
        Scope {
            at_millis: Some(millis),
            ..self
        }
    }

    /// Runs `build`; the RDDs that it makes on this thread carry the scope, except those that
    /// it makes within a further one.
    ///
    /// ```
    /// use headwater_core::{Context, Scope};
    /// let ctx = Context::local(1).unwrap();
    /// let (inner, outer) = Scope::new(0, "outer").within(|| {
    ///     let inner = Scope::new(1, "inner").within(|| ctx.range(0..4, 1, 1));
    ///     let outer = inner.map(|n| n + 1);
    ///     (inner, outer)
    /// });
    /// assert_eq!(&*inner.scope().unwrap().name, "inner");
    /// assert_eq!(&*outer.scope().unwrap().name, "outer");
    /// ```
    pub fn within<R>(self, build: impl FnOnce() -> R) -> R {
        let _restore = Restore(SCOPE.replace(Some(Arc::new(self))));
        build()
    }

    /// The innermost scope that this thread is in.
    pub(crate) fn current() -> Option<Arc<Scope>> {
        SCOPE.with_borrow(Option::clone)
    }
}

/// Leaves a scope, also when a panic passes.
struct Restore(Option<Arc<Scope>>);

impl Drop for Restore {
    fn drop(&mut self) {
        SCOPE.set(self.0.take());
    }
}
