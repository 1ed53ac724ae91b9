//! What is below a place.

use std::time::SystemTime;

use super::{At, Location};
use crate::error::{Failure, StoreError};
use crate::local;

/// A file or object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub location: Location,
    /// How long it is.
    pub bytes: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// What is directly below a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Child {
    /// A file or object.
    File(Entry),
    /// A directory, or what keys have in common up to their next `/`.
    Directory(Location),
}

impl Child {
    /// The child's place.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let top = Location::at("memory://child")?;
    /// top.join("a/b").put(b"", Durability::Cached)?;
    /// assert_eq!(top.children()?[0].location(), &top.join("a"));
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    #[must_use]
    pub fn location(&self) -> &Location {
        match self {
            Child::File(entry) => &entry.location,
            Child::Directory(location) => location,
        }
    }
}

impl Location {
    /// Every file or object below, at any depth, in the order of their names. Empty when
    /// nothing is there. Files that are being written are left out.
    ///
    /// ```
    /// use headwater_store::{Durability, Location};
    /// let top = Location::at("memory://docs/list")?;
    /// top.join("b").put(b"", Durability::Cached)?;
    /// top.join("a/c").put(b"", Durability::Cached)?;
    /// let names: Vec<_> = top.list()?.iter().map(|entry| entry.location.to_string()).collect();
    /// assert_eq!(names, ["memory://docs/list/a/c", "memory://docs/list/b"]);
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// What listing says.
    pub fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let mut entries: Vec<Entry> = match &self.at {
            At::Local(path) => {
                let files = local::list(path);
                let files = files.map_err(|failure| failure.while_doing("list", self))?;
                let entry = |(path, meta)| self.entry(At::Local(path), meta);
                files.into_iter().map(entry).collect()
            }
            At::Keyed { bucket, key } => {
                let objects = bucket.objects.list(key, usize::MAX);
                let objects = objects.map_err(|failure| failure.while_doing("list", self))?;
                let entry = |(key, meta)| self.entry(At::keyed(bucket, key), meta);
                objects.into_iter().map(entry).collect()
            }
        };
        entries.sort_unstable_by(|a, b| a.location.key().cmp(b.location.key()));
        Ok(entries)
    }

    /// What is directly below, in the order of the names.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a local path that is not there; an object store cannot
    /// tell that from an empty directory. Otherwise what listing says.
    pub fn children(&self) -> Result<Vec<Child>, StoreError> {
        let failed = |failure: Failure| failure.while_doing("list", self);
        let mut children: Vec<Child> = match &self.at {
            At::Local(path) => {
                let found = local::entries(path).map_err(failed)?.into_iter();
                let child = |found: local::Found| match found.file {
                    Some(meta) => Child::File(self.entry(At::Local(found.path), meta)),
                    None => Child::Directory(Location {
                        at: At::Local(found.path),
                    }),
                };
                found.map(child).collect()
            }
            At::Keyed { bucket, key } => {
                let level = bucket.objects.level(key).map_err(failed)?;
                let file = |(key, meta)| Child::File(self.entry(At::keyed(bucket, key), meta));
                let directory = |key| {
                    Child::Directory(Location {
                        at: At::keyed(bucket, key),
                    })
                };
                let files = level.objects.into_iter().map(file);
                files
                    .chain(level.prefixes.into_iter().map(directory))
                    .collect()
            }
        };
        children.sort_unstable_by(|a, b| a.location().key().cmp(b.location().key()));
        Ok(children)
    }
}
