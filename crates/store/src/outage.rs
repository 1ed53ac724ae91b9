//! Stores in memory of which requests fail for a while.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Failure;
use crate::memory;

/// What is asked of a store in memory, as an [`Outage`] sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// An object, a range of it, or its size.
    Get,
    /// That an object be there.
    Put,
    /// What is below a key.
    List,
    /// That an object be gone.
    Delete,
}

/// For as long as it lives, requests to a `memory://` store fail, for tests of what becomes of a
/// program then. What was asked before stays as it is, and a request that fails changes nothing.
///
/// A store has one outage at a time: a later one takes the place of the one before.
pub struct Outage {
    switch: Switch,
    fails: Arc<Fails>,
}

/// Whether a request for a key fails.
type Fails = dyn Fn(Request, &str) -> bool + Send + Sync;

/// The outage of a store, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Switch(Arc<Mutex<Option<Arc<Fails>>>>);

impl Outage {
    /// Begins an outage of the store `memory://name`. Each request is shown with its key, on the
    /// thread that makes it, and fails if the closure says so.
    ///
    /// ```
    /// use headwater_store::{Durability, Location, Outage, Request, StoreError};
    /// let place = Location::at("memory://outage/kept")?;
    /// let outage = Outage::begin("outage", |request, key| {
    ///     request == Request::Put && key == "kept"
    /// });
    /// let error = place.put(b"x", Durability::Synced).unwrap_err();
    /// assert!(matches!(error, StoreError::Other { .. }));
    /// drop(outage);
    /// place.put(b"x", Durability::Synced)?;
    /// # Ok::<(), StoreError>(())
    /// ```
    #[must_use = "the outage is over when it is dropped"]
    pub fn begin(
        name: &str,
        fails: impl Fn(Request, &str) -> bool + Send + Sync + 'static,
    ) -> Outage {
        let switch = memory::switch(&format!("memory://{name}"));
        let fails: Arc<Fails> = Arc::new(fails);
        *switch.0.lock() = Some(fails.clone());
        Outage { switch, fails }
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        let mut current = self.switch.0.lock();
        let is_ours = |current: &Arc<Fails>| Arc::ptr_eq(current, &self.fails);
        if current.as_ref().is_some_and(is_ours) {
            *current = None;
        }
    }
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").finish_non_exhaustive()
    }
}

impl Switch {
    /// Fails if the request does.
    pub(crate) fn check(&self, request: Request, key: &str) -> Result<(), Failure> {
        // Not asked under the lock: the closure may look at the store.
        let fails = self.0.lock().clone();
        match fails {
            Some(fails) if fails(request, key) => {
                let message = "the store cannot be reached".to_owned();
                Err(Failure::Other(message))
            }
            _ => Ok(()),
        }
    }
}
