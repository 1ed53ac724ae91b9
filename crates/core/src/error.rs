//! What can go wrong, said so that the user can act on it.

use std::fmt;
use std::sync::Arc;

use headwater_store::StoreError;

use crate::conf::ConfError;
use crate::site::Site;

/// An error of the engine. Its `Debug` is its message, so that a `main` that returns it shows
/// what a user can read.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong; nothing was started.
    #[error(transparent)]
    Conf(Arc<ConfError>),
    /// An operator was given something impossible, such as zero partitions.
    #[error("{site}: {message}")]
    Build {
        /// The operator.
        site: Site,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A job failed.
    #[error(transparent)]
    Job(Arc<JobError>),
    /// A closure panicked on the driver, where jobs are planned and results are merged.
    #[error("{cause} (on the driver, outside the tasks)")]
    Driver {
        /// What panicked, and where.
        cause: TaskError,
    },
    /// `first`, `reduce`, `max`, `min` or the like of an RDD without records.
    #[error("{site}: the collection is empty; ask is_empty() first or use fold, which has a zero")]
    EmptyCollection {
        /// The action.
        site: Site,
    },
    /// Reading or writing failed outside a task.
    #[error("{action} {target}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or directory.
        target: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// A file, directory or object could not be read or written outside a task.
    #[error("{site}: {source}")]
    Store {
        /// The operator.
        site: Site,
        /// What was being done, where, and what the store said.
        source: StoreError,
    },
    /// Bytes do not hold what they should.
    #[error("cannot {action}: {message}")]
    Codec {
        /// What was being done.
        action: &'static str,
        /// What is wrong with the bytes.
        message: String,
    },
    /// The context was stopped, or is being stopped.
    #[error("{site}: the context was stopped; make a new one")]
    Stopped {
        /// The action.
        site: Site,
    },
    /// An action was called inside a task, which would wait for its own slot.
    #[error(
        "{site}: an action was called inside a closure that runs in a task; \
         compute the value before and use it in the closure, or join the two RDDs"
    )]
    NestedAction {
        /// The action.
        site: Site,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, target: impl Into<String>, e: std::io::Error) -> Self {
        Error::Io {
            action,
            target: target.into(),
            source: Arc::new(e),
        }
    }

    /// Whether this is the end of a job that was cancelled on purpose.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Error::Job(job) if matches!(job.cause, TaskError::Cancelled))
    }
}

impl From<ConfError> for Error {
    fn from(error: ConfError) -> Self {
        Error::Conf(Arc::new(error))
    }
}

/// A job that failed: which task of which stage, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobError {
    /// The action that ran the job.
    pub action: Site,
    /// The job.
    pub job: u64,
    /// The operator at the end of the stage that failed.
    pub stage: Site,
    /// The partition whose task failed for the last time.
    pub partition: usize,
    /// How many times the task was tried.
    pub attempts: u32,
    /// Why the task failed.
    pub cause: TaskError,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.cause, TaskError::Cancelled) {
            return write!(f, "{}: job {} was cancelled", self.action, self.job);
        }
        write!(
            f,
            "{} (in job {} of {}, partition {}",
            self.cause, self.job, self.action, self.partition
        )?;
        if self.stage != self.action {
            write!(f, " of stage {}", self.stage)?;
        }
        if self.attempts > 1 {
            write!(f, ", tried {} times", self.attempts)?;
        }
        write!(f, ")")
    }
}

impl std::error::Error for JobError {}

/// Why a task failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// A closure of the user panicked.
    #[error("{}panicked{}: {message}", at_operator(.operator), at_place(.place))]
    Panic {
        /// The operator whose closure it was, if it is known.
        operator: Option<Site>,
        /// File, line and column of the panic.
        place: Option<String>,
        /// What the panic said.
        message: String,
    },
    /// A closure of the user returned an error.
    #[error("{operator} failed: {message}")]
    User {
        /// The operator.
        operator: Site,
        /// What the closure's error said.
        message: String,
    },
    /// Reading or writing failed.
    #[error("{operator}: {action} {target}: {message}")]
    Io {
        /// The operator.
        operator: Site,
        /// What was being done.
        action: &'static str,
        /// The file.
        target: String,
        /// What the system said.
        message: String,
    },
    /// A file or object could not be read or written.
    #[error("{operator}: {source}")]
    Store {
        /// The operator.
        operator: Site,
        /// What was being done, where, and what the store said.
        source: StoreError,
    },
    /// The input has a form that the operator cannot take.
    #[error("{operator}: {message}")]
    Input {
        /// The operator.
        operator: Site,
        /// What is wrong.
        message: String,
    },
    /// The output of an earlier stage is gone; the engine computes it again.
    #[error("the shuffle output of {operator} is lost")]
    ShuffleLost {
        /// The operator that shuffles.
        operator: Site,
        /// The id of its RDD.
        shuffle: u64,
    },
    /// The job was cancelled.
    #[error("cancelled")]
    Cancelled,
}

fn at_operator(operator: &Option<Site>) -> String {
    operator.map_or_else(
        || "a closure ".to_owned(),
        |site| format!("the closure of {site} "),
    )
}

fn at_place(place: &Option<String>) -> String {
    place
        .as_ref()
        .map_or_else(String::new, |place| format!(" at {place}"))
}
