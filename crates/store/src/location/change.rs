//! Removing, copying and moving.

use std::sync::Arc;

use super::{At, Durability, Location, has_key};
use crate::error::{Failure, StoreError};
use crate::local;

impl Location {
    /// Removes a file or object; that nothing is there is no error.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at("memory://docs/delete")?;
    /// place.put(b"", Durability::Cached)?;
    /// place.delete()?;
    /// place.delete()?;
    /// assert!(!place.exists()?);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What removing says, such as that it is a directory.
    pub fn delete(&self) -> Result<(), StoreError> {
        let deleted = match &self.at {
            At::Local(path) => local::delete(path),
            At::Keyed { bucket, key } => bucket.objects.delete(vec![key.clone()]),
        };
        deleted.map_err(|failure| failure.while_doing("remove", self))
    }

    /// Removes what is here and everything below; that nothing is there is no error.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let top = Location::at("memory://docs/delete_all")?;
    /// top.join("a/b").put(b"", Durability::Cached)?;
    /// top.delete_all()?;
    /// assert!(!top.exists()?);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What listing or removing says; some of it may be gone then.
    pub fn delete_all(&self) -> Result<(), StoreError> {
        let deleted = match &self.at {
            At::Local(path) => local::delete_all(path),
            At::Keyed { bucket, key } => bucket.objects.delete_below(key),
        };
        deleted.map_err(|failure| failure.while_doing("remove", self))
    }

    /// Removes the files directly in this local directory that were being written when their
    /// process was killed: those with the names that files have here until they are whole. How
    /// many there were. That the directory is not there is no error, and in other stores nothing
    /// is done.
    ///
    /// A file that a living process is writing cannot be told from these, and that process then
    /// fails: only who knows that nobody writes to the directory may ask for this.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at(dir.path())?;
    /// place.join("whole").put(b"abc", Durability::Cached)?;
    /// let writer = place.join("unfinished").create(Durability::Cached)?;
    /// std::mem::forget(writer); // as if the process were killed
    /// assert_eq!(place.remove_unfinished()?, 1);
    /// assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What listing or removing says; some of them may be gone then.
    pub fn remove_unfinished(&self) -> Result<usize, StoreError> {
        match &self.at {
            At::Local(path) => {
                let removed = local::remove_unfinished(path);
                removed.map_err(|failure| failure.while_doing("remove", self))
            }
            At::Keyed { .. } => Ok(0),
        }
    }

    /// Copies a file or object, in place of what is there. Inside one object store the bytes
    /// do not travel.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let from = Location::at("memory://docs/copied")?;
    /// from.put(b"abc", Durability::Cached)?;
    /// let to = Location::at("memory://other/copy")?;
    /// from.copy_to(&to, Durability::Cached)?;
    /// assert_eq!((from.get()?, to.get()?), (b"abc".to_vec(), b"abc".to_vec()));
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when nothing is here, and what reading and writing say.
    pub fn copy_to(&self, to: &Location, durability: Durability) -> Result<(), StoreError> {
        if let (
            At::Keyed { bucket, key },
            At::Keyed {
                bucket: to_bucket,
                key: to_key,
            },
        ) = (&self.at, &to.at)
            && Arc::ptr_eq(bucket, to_bucket)
        {
            let copied = has_key(to_key).and_then(|()| bucket.objects.copy(key, to_key));
            return copied.map_err(|failure| failure.while_doing("copy", self));
        }
        let mut writer = to.create(durability)?;
        let copied = std::io::copy(&mut self.open()?, &mut writer);
        copied.map_err(|error| Failure::from(error).while_doing("copy", self))?;
        writer.finish()
    }

    /// Moves a file or object, in place of what is there: atomically on one local file
    /// system, otherwise as a copy after which this one is removed. Local directories are
    /// moved with all that is in them.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let (from, to) = (Location::at("memory://docs/from")?, Location::at("memory://docs/to")?);
    /// from.put(b"abc", Durability::Cached)?;
    /// from.rename_to(&to, Durability::Cached)?;
    /// assert!(!from.exists()? && to.get()? == b"abc");
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Location::copy_to`].
    pub fn rename_to(&self, to: &Location, durability: Durability) -> Result<(), StoreError> {
        if let (At::Local(from), At::Local(target)) = (&self.at, &to.at) {
            let renamed = local::rename(from, target, durability);
            return renamed.map_err(|failure| failure.while_doing("rename", self));
        }
        self.copy_to(to, durability)?;
        self.delete()
    }

    /// Has the name of this local file or directory on the disk, by syncing the directory that it
    /// stands in: what was moved with [`Durability::Cached`] is here after a power failure then.
    /// Object stores keep what they acknowledged, so there is nothing to do.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_store::{Durability, Location};
    /// let result = Location::at(dir.path().join("result"))?;
    /// let unfinished = result.with_name("unfinished");
    /// unfinished.join("part").put(b"abc", Durability::Synced)?;
    /// unfinished.rename_to(&result, Durability::Cached)?;
    /// result.sync_name()?;
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What opening or syncing the directory says.
    pub fn sync_name(&self) -> Result<(), StoreError> {
        let At::Local(path) = &self.at else {
            return Ok(());
        };
        local::sync_name(path).map_err(|failure| failure.while_doing("sync", self))
    }

    /// Makes the directory and those above it; nothing to do for object stores, where
    /// directories come with what is in them.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at(dir.path().join("a/b"))?;
    /// place.create_dir(Durability::Cached)?;
    /// assert!(place.exists()?);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Permission`] and the like; [`StoreError::Other`] when a file is there.
    pub fn create_dir(&self, durability: Durability) -> Result<(), StoreError> {
        let At::Local(path) = &self.at else {
            return Ok(());
        };
        let made = local::create_dir(path, durability);
        made.map_err(|failure| failure.while_doing("create", self))
    }
}
