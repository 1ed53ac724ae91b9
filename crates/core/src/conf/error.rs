//! What can be wrong with a configuration.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{Found, Origin};
use super::key::KeyInfo;
use super::secret::shown;

/// A mistake in the configuration. Its message says what was found, where, and what to write.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfError {
    /// No layer knows the key.
    #[error("{found} is not a known key; {advice}")]
    UnknownKey {
        /// The setting.
        found: Box<Found>,
        /// The nearest known key if there is one, and what it accepts.
        advice: String,
    },

    /// The value is not one that the key accepts.
    #[error("{found} is not accepted: {reason}; accepted: {accepted}")]
    Malformed {
        /// The setting.
        found: Box<Found>,
        /// What is wrong with the value.
        reason: String,
        /// What would be accepted.
        accepted: String,
    },

    /// The key is needed, is not set, and has no default.
    #[error("`{key}` is not set and has no default; set it to {accepted}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What would be accepted.
        accepted: String,
    },

    /// A configuration file cannot be read.
    #[error(
        "cannot read the configuration file {}: {source}; \
         check that it exists, is readable and is UTF-8 text",
        path.display()
    )]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// A configuration file is not the TOML that is expected.
    #[error(
        "the configuration file {} is malformed: {reason}; expected TOML such as \
         `task.max_failures = 4` or `master = \"local[2]\"`",
        path.display()
    )]
    FileMalformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line or key.
        reason: String,
    },

    /// An environment variable with a key for its name does not hold Unicode text.
    #[error("environment variable {variable} does not hold Unicode text; set it again or unset it")]
    EnvironmentNotUnicode {
        /// The variable.
        variable: String,
    },

    /// A `--conf` or `-c` of the command line is not followed by `key=value`.
    #[error(
        "{option} needs key=value, for example {option} task.max_failures=4, but {}",
        argument.as_ref().map_or("nothing follows".to_owned(), |text| format!("got `{text}`"))
    )]
    Argument {
        /// The option: `--conf` or `-c`.
        option: &'static str,
        /// What was given instead; `None` when the command line ended.
        argument: Option<String>,
    },

    /// Everything that is wrong with a configuration.
    #[error("{} in the configuration:{}", count(.0), numbered(.0))]
    Invalid(Vec<ConfError>),
}

impl ConfError {
    /// The single mistakes: those of [`ConfError::Invalid`], or the error itself.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().set("mastr", "local").set("chunk.records", 1);
    /// assert_eq!(conf.validate(&[]).unwrap_err().mistakes().len(), 2);
    /// ```
    pub fn mistakes(&self) -> &[ConfError] {
        match self {
            ConfError::Invalid(mistakes) => mistakes,
            single => std::slice::from_ref(single),
        }
    }

    /// The key is given apart from its declaration, which may stand for many keys.
    pub(super) fn malformed(
        key: &str,
        info: &KeyInfo,
        setting: (&str, &Origin),
        reason: String,
    ) -> Self {
        let (text, origin) = setting;
        // A reason may quote the value.
        let reason = if shown(key, text) != text {
            "it has another form".to_owned()
        } else {
            reason
        };
        let found = Found::boxed(key, text, origin);
        ConfError::Malformed {
            found,
            reason,
            accepted: info.accepted(),
        }
    }

    pub(super) fn unreadable(path: &Path, source: io::Error) -> ConfError {
        ConfError::FileUnreadable {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }

    pub(super) fn malformed_file(path: &Path, reason: String) -> ConfError {
        ConfError::FileMalformed {
            path: path.to_owned(),
            reason,
        }
    }
}

fn count(mistakes: &[ConfError]) -> String {
    match mistakes.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    }
}

fn numbered(mistakes: &[ConfError]) -> String {
    let line = |(index, mistake)| format!("\n  {}. {mistake}", index + 1);
    mistakes.iter().enumerate().map(line).collect()
}
