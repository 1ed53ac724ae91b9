//! Where a context writes checkpoints, and how many it still has to write.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_store::{Durability, Location, StoreError};
use parking_lot::Mutex;

use crate::context::Context;
use crate::error::Error;
use crate::site::Site;

/// What a context knows of checkpoints.
#[derive(Default)]
pub(crate) struct Checkpoints {
    /// The directory of this context, below the one that the user chose.
    dir: Mutex<Option<Location>>,
    /// How many RDDs are marked whose checkpoints are not written.
    marked: Arc<AtomicUsize>,
}

/// Counts an RDD as marked for as long as it lives.
pub(super) struct Marked(Arc<AtomicUsize>);

impl Checkpoints {
    pub(super) fn dir(&self) -> Option<Location> {
        self.dir.lock().clone()
    }

    /// Whether any RDD is marked, so that it is worth looking for it.
    pub(super) fn are_marked(&self) -> bool {
        self.marked.load(Ordering::Acquire) > 0
    }

    pub(super) fn mark(&self) -> Marked {
        self.marked.fetch_add(1, Ordering::AcqRel);
        Marked(self.marked.clone())
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Context {
    /// Chooses where [`Rdd::checkpoint`] writes: Spark's `setCheckpointDir`.
    ///
    /// A path or the URL of an object store. Each context writes to a directory of its own
    /// below it, with a random name. It is made at once, and nothing removes it.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.set_checkpoint_dir("memory://docs/checkpoints").unwrap();
    /// assert!(ctx.checkpoint_dir().unwrap().starts_with("memory://docs/checkpoints/"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Store`] when the URL means nothing or the directory cannot be made.
    #[track_caller]
    pub fn set_checkpoint_dir(&self, path_or_url: impl AsRef<Path>) -> Result<(), Error> {
        let site = Site::here("set_checkpoint_dir");
        let make = || -> Result<Location, StoreError> {
            let dir = Location::at(path_or_url)?.join(&random_name());
            dir.create_dir(Durability::Synced)?;
            Ok(dir)
        };
        let dir = make().map_err(|source| Error::Store { site, source })?;
        *self.inner.checkpoints.dir.lock() = Some(dir);
        Ok(())
    }

    /// Where this context writes checkpoints, if that was chosen: Spark's
    /// `getCheckpointDir`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.checkpoint_dir(), None);
    /// ```
    #[must_use]
    pub fn checkpoint_dir(&self) -> Option<String> {
        let dir = self.inner.checkpoints.dir();
        dir.as_ref().map(Location::to_string)
    }
}

/// A name that no other context has, in the form of a random UUID.
fn random_name() -> String {
    let mut random = fastrand::Rng::new();
    let bits = random.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{bits:032x}");
    let group = |from, to| digits.get(from..to).unwrap_or_default();
    [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .map(|(from, to)| group(from, to))
        .join("-")
}
