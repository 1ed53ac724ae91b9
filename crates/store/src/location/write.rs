//! Putting files and objects in place.

use std::path::Path;

use super::{At, Durability, Location, has_key};
use crate::error::{Failure, StoreError};
use crate::local::{self, Unfinished};
use crate::objects::Existing;
use crate::writer::Writer;

impl Location {
    /// Writes a whole object: readers see all of it or what was there before. Directories
    /// are made as needed.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at(dir.path().join("deep/file"))?;
    /// place.put(b"one", Durability::Synced)?;
    /// place.put(b"two", Durability::Synced)?;
    /// assert_eq!(place.get()?, b"two");
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Permission`], [`StoreError::NoSpace`] and the like; what was there
    /// stays, unless only the last sync of [`Durability::Synced`] failed.
    pub fn put(&self, bytes: &[u8], durability: Durability) -> Result<(), StoreError> {
        self.put_as(bytes, durability, Existing::Replace)
    }

    /// Writes a whole object where none is; of several who try at once, one succeeds.
    ///
    /// ```
    /// use headwater_store::{Durability, Location, StoreError};
    /// let lock = Location::at("memory://docs/lock")?;
    /// lock.put_if_absent(b"mine", Durability::Synced)?;
    /// let error = lock.put_if_absent(b"yours", Durability::Synced).unwrap_err();
    /// assert!(matches!(error, StoreError::AlreadyExists { .. }));
    /// assert_eq!(lock.get()?, b"mine");
    /// # Ok::<(), StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when something is there, and as [`Location::put`].
    pub fn put_if_absent(&self, bytes: &[u8], durability: Durability) -> Result<(), StoreError> {
        self.put_as(bytes, durability, Existing::Refuse)
    }

    fn put_as(
        &self,
        bytes: &[u8],
        durability: Durability,
        existing: Existing,
    ) -> Result<(), StoreError> {
        let put = match &self.at {
            At::Local(path) => local::put(path, bytes, durability, existing),
            At::Keyed { bucket, key } => {
                has_key(key).and_then(|()| bucket.objects.put(key, bytes.to_vec(), existing))
            }
        };
        put.map_err(|failure| failure.while_doing("write", self))
    }

    /// Begins an object of any length; see [`Writer`].
    ///
    /// # Errors
    /// As [`Location::put`].
    pub fn create(&self, durability: Durability) -> Result<Writer, StoreError> {
        self.writer(|path| Unfinished::beside(path, durability))
    }

    /// As [`Location::create`], but a local file is written at `temporary` until it is
    /// published. Its directory must be there: one that somebody has removed is not made again.
    /// For object stores `temporary` has no meaning.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_store::{Durability, Location};
    /// let result = Location::at(dir.path())?;
    /// let temporary = result.join("part-0.unfinished");
    /// let part = result.join("part-0").create_through(&temporary, Durability::Cached)?;
    /// assert!(temporary.exists()?);
    /// part.finish()?;
    /// assert!(result.join("part-0").exists()? && !temporary.exists()?);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Location::put`]; [`StoreError::NotFound`] when the directory of `temporary` is not
    /// there.
    pub fn create_through(
        &self,
        temporary: &Location,
        durability: Durability,
    ) -> Result<Writer, StoreError> {
        let at = temporary.as_path();
        self.writer(|path| match at {
            Some(at) => Unfinished::at(at.to_owned(), durability),
            None => Unfinished::beside(path, durability),
        })
    }

    fn writer(
        &self,
        begin: impl FnOnce(&Path) -> Result<Unfinished, Failure>,
    ) -> Result<Writer, StoreError> {
        let begun = match &self.at {
            At::Local(path) => begin(path).map(|file| Writer::local(path.clone(), file)),
            At::Keyed { bucket, key } => {
                has_key(key).map(|()| Writer::keyed(bucket.clone(), key.clone()))
            }
        };
        begun.map_err(|failure| failure.while_doing("write", self))
    }
}
