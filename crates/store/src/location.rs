//! A place for a file or object, and everything that can be done with it.

mod change;
mod list;
mod read;
mod write;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use list::{Child, Entry};

use crate::error::{Failure, StoreError};
use crate::memory;
use crate::objects::{Bucket, Meta};
use crate::url::{Parsed, Scheme, parse};

/// A place where a file or object is or may be: a local path, or a key of an object store.
///
/// A handle; making one touches neither disk nor network. What is below a place is what a
/// directory holds, or the objects whose keys go on with a `/` and a name.
///
/// Two places are equal when they are written alike in the same store.
///
/// ```
/// use headwater_store::Location;
/// let logs = Location::at("memory://docs/logs")?;
/// assert_eq!(logs.join("today").to_string(), "memory://docs/logs/today");
/// assert_eq!(Location::at("file:///tmp/logs")?, Location::at("/tmp/logs")?);
/// # Ok::<(), headwater_store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct Location {
    at: At,
}

#[derive(Clone)]
enum At {
    Local(PathBuf),
    Keyed { bucket: Arc<Bucket>, key: String },
}

/// What a successful write to the local file system has survived. Object stores always keep
/// what they acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, but not a power failure: the system writes it out later.
    Cached,
    /// A power failure: the file and the directories that lead to it were synced.
    Synced,
}

impl Location {
    /// The place that a path or URL names; see the crate's page for the kinds.
    ///
    /// ```
    /// use headwater_store::{Location, StoreError};
    /// assert!(Location::at("some/path")?.as_path().is_some());
    /// let error = Location::at("ftp://host/file").unwrap_err();
    /// assert!(matches!(error, StoreError::InvalidUrl { .. }));
    /// # Ok::<(), StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError::InvalidUrl`] when the URL is not understood or holds credentials,
    /// [`StoreError::FeatureMissing`] when its kind of store was not compiled in, and
    /// [`StoreError::Other`] when the environment lacks an option that the store needs.
    pub fn at(path_or_url: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path_or_url.as_ref();
        // A path that is no text can only be a local one.
        let parsed = path.to_str().map(parse).transpose()?;
        let at = match parsed {
            None => At::Local(path.to_owned()),
            Some(Parsed::Local(path)) => At::Local(PathBuf::from(path)),
            Some(Parsed::Keyed { scheme, base, key }) => At::Keyed {
                bucket: bucket(scheme, base)?,
                key: key.to_owned(),
            },
        };
        Ok(Location { at })
    }

    /// The local path; `None` for an object.
    #[must_use]
    pub fn as_path(&self) -> Option<&Path> {
        match &self.at {
            At::Local(path) => Some(path),
            At::Keyed { .. } => None,
        }
    }

    /// The last part of the path or key; empty for a whole store.
    ///
    /// ```
    /// # use headwater_store::Location;
    /// assert_eq!(Location::at("memory://docs/a/b.txt")?.name(), "b.txt");
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match &self.at {
            At::Local(path) => path.file_name().unwrap_or_default().to_string_lossy(),
            At::Keyed { key, .. } => key.rsplit('/').next().unwrap_or_default().into(),
        }
    }

    /// The place of this name below.
    #[must_use]
    pub fn join(&self, name: &str) -> Location {
        let at = match &self.at {
            At::Local(path) => At::Local(path.join(name.trim_start_matches('/'))),
            At::Keyed { bucket, key } => At::Keyed {
                bucket: bucket.clone(),
                key: format!("{key}/{name}").trim_matches('/').to_owned(),
            },
        };
        Location { at }
    }

    /// The place of another name beside this one.
    ///
    /// ```
    /// # use headwater_store::Location;
    /// let report = Location::at("memory://docs/a/b.txt")?;
    /// assert_eq!(report.with_name("c.txt").to_string(), "memory://docs/a/c.txt");
    /// # Ok::<(), headwater_store::StoreError>(())
    /// ```
    #[must_use]
    pub fn with_name(&self, name: &str) -> Location {
        let at = match &self.at {
            At::Local(path) => At::Local(path.with_file_name(name)),
            At::Keyed { bucket, key } => At::Keyed {
                bucket: bucket.clone(),
                key: match key.rsplit_once('/') {
                    Some((above, _)) => format!("{above}/{name}"),
                    None => name.to_owned(),
                },
            },
        };
        Location { at }
    }

    /// The typed error of reading or writing a stream of this place.
    ///
    /// ```
    /// use headwater_store::{Location, StoreError};
    /// use std::io::{Error, ErrorKind};
    /// let place = Location::at("memory://docs/x")?;
    /// let error = place.failed("read", Error::from(ErrorKind::PermissionDenied));
    /// assert!(matches!(error, StoreError::Permission { action: "read", .. }));
    /// # Ok::<(), StoreError>(())
    /// ```
    #[must_use]
    pub fn failed(&self, action: &'static str, error: io::Error) -> StoreError {
        Failure::from(error).while_doing(action, self)
    }

    fn entry(&self, at: At, meta: Meta) -> Entry {
        Entry {
            location: Location { at },
            bytes: meta.bytes,
            modified: meta.modified,
        }
    }

    /// What sorts places of one store.
    fn key(&self) -> &[u8] {
        match &self.at {
            At::Local(path) => path.as_os_str().as_encoded_bytes(),
            At::Keyed { key, .. } => key.as_bytes(),
        }
    }
}

impl At {
    fn keyed(bucket: &Arc<Bucket>, key: String) -> Self {
        At::Keyed {
            bucket: bucket.clone(),
            key,
        }
    }
}

fn has_key(key: &str) -> Result<(), Failure> {
    if key.is_empty() {
        let message = "the URL names a whole store; add a name behind a /".to_owned();
        return Err(Failure::Other(message));
    }
    Ok(())
}

fn bucket(scheme: Scheme, base: &str) -> Result<Arc<Bucket>, StoreError> {
    if scheme == Scheme::Memory {
        return Ok(memory::bucket(base));
    }
    #[cfg(any(feature = "remote", feature = "hdfs"))]
    if let Some(bucket) = crate::network::bucket(scheme, base)? {
        return Ok(bucket);
    }
    Err(StoreError::FeatureMissing {
        url: base.to_owned(),
        scheme: base.split(':').next().unwrap_or_default().to_owned(),
        feature: scheme.feature().unwrap_or_default(),
    })
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        match (&self.at, &other.at) {
            (At::Local(one), At::Local(other)) => one == other,
            (
                At::Keyed { bucket, .. },
                At::Keyed {
                    bucket: other_bucket,
                    ..
                },
            ) => bucket.url == other_bucket.url && self.key() == other.key(),
            _ => false,
        }
    }
}

impl Eq for Location {}

/// The local path, or the URL.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Local(path) => path.display().fmt(f),
            At::Keyed { bucket, key } if key.is_empty() => f.write_str(&bucket.url),
            At::Keyed { bucket, key } => write!(f, "{}/{key}", bucket.url),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
