//! Values that every task can read.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::context::Context;
use crate::error::Error;
use crate::site::Site;

/// A value that closures share, read only: Spark's `Broadcast`.
///
/// Made by [`Context::broadcast`]. A handle: clones share the value, which is never copied
/// in one process and is freed when the last handle is dropped, RDDs whose closures hold
/// one included.
///
/// ```
/// use std::collections::HashMap;
/// let ctx = headwater_core::Context::local(2).unwrap();
/// let names = ctx.broadcast(HashMap::from([(1, "one"), (2, "two")]));
/// let lookup = names.clone();
/// let words = ctx.parallelize(vec![2, 1], 2).map(move |n| lookup[&n]);
/// assert_eq!(words.collect().unwrap(), ["two", "one"]);
/// names.destroy();
/// assert!(words.collect().unwrap_err().to_string().contains("after it was destroyed"));
/// ```
pub struct Broadcast<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    id: u64,
    made: Site,
    destroyed: OnceLock<Site>,
    value: T,
}

impl<T> Clone for Broadcast<T> {
    fn clone(&self) -> Self {
        Broadcast {
            inner: self.inner.clone(),
        }
    }
}

impl Context {
    /// Makes a value that every task can read: Spark's `broadcast`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let factor = ctx.broadcast(10);
    /// let scaled = ctx.parallelize(vec![1, 2], 2).map(move |n| n * *factor);
    /// assert_eq!(scaled.collect().unwrap(), [10, 20]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn broadcast<T: Send + Sync + 'static>(&self, value: T) -> Broadcast<T> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let made = Site::here("broadcast");
        Broadcast {
            inner: Arc::new(Inner {
                id,
                made,
                destroyed: OnceLock::new(),
                value,
            }),
        }
    }
}

impl<T> Broadcast<T> {
    /// The broadcast's number within the process: Spark's `id`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let (a, b) = (ctx.broadcast(1), ctx.broadcast(1));
    /// assert_ne!(a.id(), b.id());
    /// assert_eq!(a.to_string(), format!("Broadcast({})", a.id()));
    /// ```
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// The line that made it.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.broadcast(1).site().operator(), "broadcast");
    /// ```
    #[must_use]
    pub fn site(&self) -> Site {
        self.inner.made
    }

    /// The value: Spark's `value`. Dereferencing the handle gives it too.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let names = ctx.broadcast(vec!["a", "b"]);
    /// assert_eq!((names.value().len(), names[1]), (2, "b"));
    /// ```
    ///
    /// # Panics
    /// After [`Broadcast::destroy`]. In a closure that fails its task, with an error that
    /// names this line and the one that destroyed the broadcast; where that may happen use
    /// [`Broadcast::try_value`].
    #[track_caller]
    #[must_use]
    pub fn value(&self) -> &T {
        if let Some(destroyed) = self.inner.destroyed.get() {
            gone(self.inner.id, *destroyed);
        }
        &self.inner.value
    }

    /// The value, if the broadcast was not destroyed.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let factor = ctx.broadcast(10);
    /// assert_eq!(factor.try_value().unwrap(), &10);
    /// factor.destroy();
    /// assert!(factor.try_value().is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] after [`Broadcast::destroy`].
    #[track_caller]
    pub fn try_value(&self) -> Result<&T, Error> {
        match self.inner.destroyed.get() {
            None => Ok(&self.inner.value),
            Some(destroyed) => Err(Error::Build {
                site: Site::here("value"),
                message: destroyed_message(self.inner.id, *destroyed),
            }),
        }
    }

    /// Lets executors drop their copies, to fetch them again when they are read: Spark's
    /// `unpersist`.
    ///
    /// Tasks of this process read the driver's own value, so here nothing changes: the
    /// value can still be used, and its memory is freed with the last handle.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let factor = ctx.broadcast(10);
    /// factor.unpersist();
    /// assert_eq!(*factor, 10);
    /// ```
    pub fn unpersist(&self) {}

    /// Forbids any further use of the value, through whatever handle: Spark's `destroy`.
    ///
    /// Tasks that are reading it finish with it. Its memory is freed with the last handle.
    /// Calling it again does nothing.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let factor = ctx.broadcast(10);
    /// factor.destroy();
    /// assert!(factor.clone().try_value().is_err());
    /// ```
    #[track_caller]
    pub fn destroy(&self) {
        // The line that came first is the one to name.
        let _ = self.inner.destroyed.set(Site::here("destroy"));
    }
}

#[track_caller]
#[cold]
#[expect(
    clippy::panic,
    reason = "a closure has no way to return an error; its task turns the panic into one"
)]
fn gone(id: u64, destroyed: Site) -> ! {
    panic!("{}", destroyed_message(id, destroyed))
}

fn destroyed_message(id: u64, destroyed: Site) -> String {
    format!(
        "Attempted to use Broadcast({id}) after it was destroyed ({destroyed}); \
         destroy it when nothing reads it any more, or broadcast the value again"
    )
}

impl<T> Deref for Broadcast<T> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        self.value()
    }
}

/// The text that Spark has for it, such as `Broadcast(3)`.
impl<T> fmt::Display for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broadcast({})", self.inner.id)
    }
}

impl<T: fmt::Debug> fmt::Debug for Broadcast<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("id", &self.inner.id)
            .field("value", &self.try_value().ok())
            .finish()
    }
}
