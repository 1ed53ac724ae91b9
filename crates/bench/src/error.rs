//! What can go wrong while measuring.

use std::path::PathBuf;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] headwater::Error),
    /// A stream refused or failed.
    #[error(transparent)]
    Stream(#[from] headwater::StreamError),
    /// A stream took nothing more from its receiver.
    #[error(transparent)]
    Store(#[from] headwater::StoreError),
    /// The pages of a stream cannot be served.
    #[error(transparent)]
    Ui(#[from] headwater::ui::UiError),
    /// The event log of a stream cannot be written.
    #[error(transparent)]
    Log(#[from] headwater::ui::LogError),
    /// Not everything was looked at that was to be paid for.
    #[error(
        "{dropped} events were lost, {scrapes} scrapes and {changes} changes seen: the figures of a \
         stream that is looked at need none lost and some of the others; is the machine overloaded?"
    )]
    Unobserved {
        /// Events that the bus or the log had no place for.
        dropped: u64,
        /// How often the metrics were read.
        scrapes: u64,
        /// How many changes the open page was told.
        changes: u64,
    },
    /// A batch of a measured stream failed.
    #[error("batch {time} failed, so that its figures mean nothing: {message}")]
    Batch {
        /// The batch time.
        time: headwater::time::Time,
        /// What its output said.
        message: String,
    },
    /// A measured stream made no progress.
    #[error("{what}: the stream completed no batch for {seconds} s; is the machine overloaded?")]
    Stuck {
        /// The benchmark.
        what: &'static str,
        /// How long nothing happened.
        seconds: u64,
    },
    /// Variants of one benchmark disagree, so that one of them is wrong.
    #[error("{variant} gave {found}, but {reference} gave {expected}: one of them is wrong")]
    Disagreement {
        /// The variant that came later.
        variant: String,
        /// What it gave.
        found: String,
        /// The variant that came first.
        reference: String,
        /// What that one gave.
        expected: String,
    },
    /// A hand-written variant's thread panicked.
    #[error("a thread of a hand-written variant panicked; its message is above")]
    Thread,
    /// The system's accounting could not be read.
    #[error("{file} has no {field}: the benchmarks read Linux's accounting there")]
    Accounting {
        /// The file of `/proc`.
        file: &'static str,
        /// What was looked for.
        field: &'static str,
    },
    /// A child process did not do its part.
    #[error("the child process for {what} failed: {message}")]
    Child {
        /// What it was started for.
        what: String,
        /// How it ended, or what it printed instead of figures.
        message: String,
    },
    /// Reading or writing failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no such benchmark.
    #[error("there is no benchmark `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl BenchError {
    /// Names the file that an error of the system is about; for use with `map_err`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> BenchError {
        let path = path.into();
        move |source| BenchError::Io {
            action,
            path,
            source,
        }
    }
}
