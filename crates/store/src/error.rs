//! What can go wrong with a file or object.

use std::io;

/// Why an operation on a file or object failed. Messages hold no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing is there.
    #[error("cannot {action} {url}: there is no such file or object")]
    NotFound {
        /// What was being done.
        action: &'static str,
        /// The place.
        url: String,
    },
    /// Something is there already.
    #[error("cannot {action} {url}: it already exists")]
    AlreadyExists {
        /// What was being done.
        action: &'static str,
        /// The place.
        url: String,
    },
    /// The caller may not do that.
    #[error("cannot {action} {url}: permission denied: {message}")]
    Permission {
        /// What was being done.
        action: &'static str,
        /// The place.
        url: String,
        /// What the system said.
        message: String,
    },
    /// The disk or the quota is full.
    #[error("cannot {action} {url}: no space is left: {message}")]
    NoSpace {
        /// What was being done.
        action: &'static str,
        /// The place.
        url: String,
        /// What the system said.
        message: String,
    },
    /// A range begins at or behind the end of the object.
    #[error("cannot {action} {url}: byte {start} is not in it; it has {bytes} bytes")]
    OutOfRange {
        /// What was being done.
        action: &'static str,
        /// The place.
        url: String,
        /// Where the range begins.
        start: u64,
        /// How long the object is.
        bytes: u64,
    },
    /// Support for this kind of store was not compiled in.
    #[error(
        "{url}: {scheme}:// is not compiled in; switch on the feature `{feature}` of the crate \
         headwater"
    )]
    FeatureMissing {
        /// The place.
        url: String,
        /// The URL's scheme.
        scheme: String,
        /// The cargo feature to switch on.
        feature: &'static str,
    },
    /// The URL means nothing.
    #[error("the URL {url:?} cannot be used: {message}")]
    InvalidUrl {
        /// The URL, without what may be secret in it.
        url: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Anything else: the network, a damaged disk, an option that is missing.
    #[error("cannot {action} {url}: {message}")]
    Other {
        /// What was being done.
        action: &'static str,
        /// The place.
        url: String,
        /// What the system or the store said.
        message: String,
    },
}

/// A failure before it is known what was being done, and where.
#[derive(Debug)]
pub(crate) enum Failure {
    NotFound,
    AlreadyExists,
    Permission(String),
    NoSpace(String),
    OutOfRange {
        start: u64,
        bytes: u64,
    },
    Other(String),
    /// One that was told before, and went through an `io::Error`.
    Told(StoreError),
}

impl Failure {
    pub(crate) fn while_doing(self, action: &'static str, url: impl ToString) -> StoreError {
        let url = url.to_string();
        match self {
            Failure::NotFound => StoreError::NotFound { action, url },
            Failure::AlreadyExists => StoreError::AlreadyExists { action, url },
            Failure::Permission(message) => StoreError::Permission {
                action,
                url,
                message,
            },
            Failure::NoSpace(message) => StoreError::NoSpace {
                action,
                url,
                message,
            },
            Failure::OutOfRange { start, bytes } => StoreError::OutOfRange {
                action,
                url,
                start,
                bytes,
            },
            Failure::Other(message) => StoreError::Other {
                action,
                url,
                message,
            },
            Failure::Told(error) => error,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        if let Some(told) = inner {
            return Failure::Told(StoreError::clone(told));
        }
        match error.kind() {
            ErrorKind::NotFound => Failure::NotFound,
            ErrorKind::AlreadyExists => Failure::AlreadyExists,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                Failure::Permission(error.to_string())
            }
            // A file that may not grow has met a limit, of its system or of the process.
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Failure::NoSpace(error.to_string())
            }
            _ => Failure::Other(error.to_string()),
        }
    }
}

/// The kind follows the variant, and the error itself is the `io::Error`'s inner error.
impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        use io::ErrorKind;
        let kind = match &error {
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            StoreError::Permission { .. } => ErrorKind::PermissionDenied,
            StoreError::NoSpace { .. } => ErrorKind::StorageFull,
            StoreError::FeatureMissing { .. } => ErrorKind::Unsupported,
            StoreError::InvalidUrl { .. } | StoreError::OutOfRange { .. } => {
                ErrorKind::InvalidInput
            }
            StoreError::Other { .. } => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_through_io() {
        let told = Failure::NoSpace("full".to_owned()).while_doing("write", "x");
        let through = io::Error::from(told.clone());
        assert_eq!(through.kind(), io::ErrorKind::StorageFull);
        let back = Failure::from(through).while_doing("close", "y");
        assert_eq!(back, told);
    }
}
