//! Reading files and objects, and asking for them.

use std::fs::File;
use std::ops::Range;

use super::{At, Entry, Location, has_key};
use crate::error::{Failure, StoreError};
use crate::local;
use crate::reader::Reader;

impl Location {
    /// The whole object.
    ///
    /// ```
    /// use headwater_store::{Location, StoreError};
    /// let error = Location::at("memory://docs/nothing")?.get().unwrap_err();
    /// assert!(matches!(error, StoreError::NotFound { .. }));
    /// # Ok::<(), StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when nothing is there, and what reading says.
    pub fn get(&self) -> Result<Vec<u8>, StoreError> {
        self.get_as(None)
    }

    /// A range of the object; one that ends behind the object is cut.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at("memory://docs/range")?;
    /// place.put(b"abcdef", Durability::Cached)?;
    /// assert_eq!(place.get_range(2..4)?, b"cd");
    /// assert_eq!(place.get_range(4..99)?, b"ef");
    /// assert!(place.get_range(6..7).is_err());
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`] when not even the first byte exists, and as
    /// [`Location::get`]. An empty range reads nothing and never fails.
    pub fn get_range(&self, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.get_as(Some(range))
    }

    fn get_as(&self, range: Option<Range<u64>>) -> Result<Vec<u8>, StoreError> {
        let got = match &self.at {
            At::Local(path) => local::get(path, range),
            At::Keyed { bucket, key } => bucket.objects.get(key, range),
        };
        got.map_err(|failure| failure.while_doing("read", self))
    }

    /// Opens the object for reading; see [`Reader`].
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when nothing is there, and what opening says.
    pub fn open(&self) -> Result<Reader, StoreError> {
        match &self.at {
            At::Local(_) => self.open_sized(0),
            At::Keyed { .. } => self.open_sized(self.head()?.bytes),
        }
    }

    /// As [`Location::open`] for an object whose length is known, say from a listing, which
    /// saves a request. Objects are read up to that length; for local files it is ignored.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at("memory://docs/sized")?;
    /// place.put(b"abcdef", Durability::Cached)?;
    /// assert_eq!(std::io::read_to_string(place.open_sized(6)?)?, "abcdef");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Location::open`]; for an object that is not there only reading tells.
    pub fn open_sized(&self, bytes: u64) -> Result<Reader, StoreError> {
        match &self.at {
            At::Local(path) => match File::open(path) {
                Ok(file) => Ok(Reader::local(file)),
                Err(error) => Err(Failure::from(error).while_doing("read", self)),
            },
            At::Keyed { bucket, key } => Ok(Reader::keyed(bucket.clone(), key.clone(), bytes)),
        }
    }

    /// Length and age of the object.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let place = Location::at("memory://docs/head")?;
    /// place.put(b"abc", Durability::Cached)?;
    /// assert_eq!(place.head()?.bytes, 3);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when no file or object is there, also when a directory is.
    pub fn head(&self) -> Result<Entry, StoreError> {
        let meta = match &self.at {
            At::Local(path) => local::head(path),
            At::Keyed { bucket, key } => has_key(key).and_then(|()| bucket.objects.head(key)),
        };
        match meta {
            Ok(meta) => Ok(self.entry(self.at.clone(), meta)),
            Err(failure) => Err(failure.while_doing("look at", self)),
        }
    }

    /// Whether a file, an object, a directory or anything below is there.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let top = Location::at("memory://docs/exists")?;
    /// assert!(!top.exists()?);
    /// top.join("below").put(b"", Durability::Cached)?;
    /// assert!(top.exists()?);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What asking says; not being there is no error.
    pub fn exists(&self) -> Result<bool, StoreError> {
        let found = match &self.at {
            At::Local(path) => path.try_exists().map_err(Failure::from),
            At::Keyed { bucket, key } => match bucket.objects.list(key, 1) {
                Ok(below) if below.is_empty() && !key.is_empty() => {
                    match bucket.objects.head(key) {
                        Err(Failure::NotFound) => Ok(false),
                        head => head.map(|_| true),
                    }
                }
                below => below.map(|below| !below.is_empty()),
            },
        };
        found.map_err(|failure| failure.while_doing("look for", self))
    }
}
