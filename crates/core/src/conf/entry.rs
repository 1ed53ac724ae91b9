//! Where a setting came from, and how settings are shown.

use std::collections::btree_map;
use std::fmt;
use std::path::PathBuf;

use super::Setting;
use super::secret::shown;

/// The place that a setting came from, from the lowest rank to the highest.
///
/// ```
/// use headwater_core::conf::Origin;
/// assert_eq!(Origin::File("etc/app.toml".into()).to_string(), "file etc/app.toml");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default of the key, or one given by [`Conf::with_default`](super::Conf::with_default).
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// An argument of the command line.
    CommandLine,
    /// The program itself.
    Code,
}

impl Origin {
    pub(super) fn rank(&self) -> u8 {
        match self {
            Origin::Default => 0,
            Origin::File(_) => 1,
            Origin::Environment(_) => 2,
            Origin::CommandLine => 3,
            Origin::Code => 4,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("the default"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::CommandLine => f.write_str("the command line"),
            Origin::Code => f.write_str("the program"),
        }
    }
}

/// One setting, as it may be shown by [`shown`](super::shown): without secrets.
///
/// ```
/// use headwater_core::conf::Conf;
/// let conf = Conf::new().master("local");
/// let entry = conf.entries().next().expect("one entry was set");
/// assert_eq!(entry.to_string(), "master = local # from the program");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// The value as it may be shown.
    pub value: &'a str,
    /// Where it came from.
    pub origin: &'a Origin,
}

impl<'a> Entry<'a> {
    /// The default that a key has of itself, which is known to everybody.
    pub(super) fn of_default(key: &'a str, value: &'a str) -> Self {
        Entry {
            key,
            value,
            origin: &Origin::Default,
        }
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} # from {}", self.key, self.value, self.origin)
    }
}

/// The iterator of [`Conf::entries`](super::Conf::entries).
#[derive(Clone)]
pub struct Entries<'a> {
    settings: btree_map::Iter<'a, String, Setting>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(settings: btree_map::Iter<'a, String, Setting>) -> Self {
        Entries { settings }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (key, setting) = self.settings.next()?;
        Some(Entry {
            key,
            value: setting.shown.as_deref().unwrap_or(&setting.value),
            origin: &setting.origin,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.settings.size_hint()
    }
}

impl ExactSizeIterator for Entries<'_> {}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// A setting that an error is about, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The key.
    pub key: String,
    /// The value as it may be shown.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

impl Found {
    pub(super) fn boxed(key: &str, value: &str, origin: &Origin) -> Box<Found> {
        Box::new(Found {
            key: key.to_owned(),
            value: shown(key, value).into_owned(),
            origin: origin.clone(),
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` = `{}` (from {})",
            self.key, self.value, self.origin
        )
    }
}
