//! Configuration: textual settings, typed keys, and one check that reports every mistake.
//!
//! A [`Conf`] maps keys such as `task.max_failures` to texts and remembers where each text came
//! from. A [`Key`] gives a key its type, default and limits. Sources have a fixed rank, and a
//! lower one never overrides a higher one, in whichever order they are read:
//!
//! 1. the program ([`Conf::set`], [`Conf::set_key`], [`Conf::master`], [`Conf::app_name`]),
//! 2. the command line ([`Conf::with_args`]),
//! 3. the environment ([`Conf::with_env`]),
//! 4. TOML files ([`Conf::with_file`]),
//! 5. defaults ([`Conf::with_default`], then the default of the key itself).
//!
//! Within one rank the later call wins. Building never fails: a file that cannot be read or an
//! argument without `=` is kept, and [`Conf::validate`] reports it with all other mistakes.
//!
//! Keys that start with `app.` belong to the user and are never checked, except `app.name`. Keys
//! in the namespaces of the layers above ([`LAYER_NAMESPACES`]) are checked once the layer hands
//! its list of keys to [`Conf::validate`] or [`Conf::register`]. Any other unknown key is an error.
//!
//! ```
//! use headwater_core::conf::{Conf, keys};
//!
//! let (conf, rest) = Conf::new()
//!     .app_name("word count")
//!     .with_args(["in.txt", "--conf", "task.max_failures=3", "-c", "chunk.records=many"]);
//! assert_eq!(rest, ["in.txt"]);
//! assert_eq!(conf.get(&keys::TASK_MAX_FAILURES)?, 3);
//!
//! let report = conf.validate(&[]).unwrap_err().to_string();
//! assert!(report.contains("`chunk.records` = `many` (from the command line)"));
//! assert!(report.contains("accepted: a whole number from 16 to 65536"));
//! # Ok::<(), headwater_core::conf::ConfError>(())
//! ```

mod key;
pub mod keys;
mod master;

mod entry;
mod error;
mod secret;
mod sources;
mod value;

mod hint;
mod validate;

pub use entry::{Entries, Entry, Found, Origin};
pub use error::ConfError;
pub use key::{Key, KeyInfo};
pub use master::{Master, SLOTS_MAX};
pub use secret::{REDACTED, is_secret, shown};
pub use sources::{ENV_PREFIX, env_name};
pub use validate::LAYER_NAMESPACES;
pub use value::{Bytes, ConfValue};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The settings of one program, each with the place that it came from.
///
/// See the [module](self) for ranks and namespaces. Printing a `Conf` hides secret values.
///
/// ```
/// use headwater_core::conf::Conf;
///
/// let conf = Conf::new().master("local[2]").set("app.db.password", "x7!");
/// assert_eq!(
///     conf.to_string(),
///     "app.db.password = (redacted) # from the program\nmaster = local[2] # from the program\n",
/// );
/// ```
#[derive(Clone, Default)]
pub struct Conf {
    settings: BTreeMap<String, Setting>,
    /// Mistakes found while reading sources, kept for [`Conf::validate`].
    kept: Vec<ConfError>,
    registered: Vec<&'static [KeyInfo]>,
}

#[derive(Clone)]
struct Setting {
    value: String,
    /// The value as it may be shown, if that differs.
    shown: Option<String>,
    origin: Origin,
}

impl Conf {
    /// An empty configuration: every key has its default.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, keys};
    /// assert_eq!(Conf::new().get(&keys::APP_NAME)?, "headwater");
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn new() -> Conf {
        Conf::default()
    }

    /// Sets a key from the program, the highest rank. Mistakes are found by [`Conf::validate`].
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().set("task.max_failures", 3).set("app.city", "Ulm");
    /// assert_eq!(conf.text("task.max_failures"), Some("3"));
    /// ```
    pub fn set(mut self, key: impl Into<String>, value: impl fmt::Display) -> Conf {
        self.put(key.into(), value.to_string(), Origin::Code);
        self
    }

    /// Sets a typed key from the program.
    ///
    /// ```
    /// use headwater_core::conf::{Bytes, Conf, keys};
    /// let conf = Conf::new().set_key(&keys::STORAGE_MEMORY, Bytes(64 << 20));
    /// assert_eq!(conf.text("storage.memory"), Some("64m"));
    /// ```
    pub fn set_key<T: ConfValue>(self, key: &Key<T>, value: T) -> Conf {
        self.set(key.name(), value.conf_text())
    }

    /// Gives a key another default than its own; every other source overrides it.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, keys};
    /// let conf = Conf::new().set("master", "local[3]").with_default("master", "local[1]");
    /// assert_eq!(conf.text("master"), Some("local[3]"));
    /// ```
    pub fn with_default(mut self, key: impl Into<String>, value: impl fmt::Display) -> Conf {
        self.put(key.into(), value.to_string(), Origin::Default);
        self
    }

    /// Says where tasks run: `local`, `local[4]`, `local[*]`, `local[4,2]`, `local[*,2]`.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, Master, keys};
    /// let conf = Conf::new().master("local[4,2]");
    /// assert_eq!(conf.get(&keys::MASTER)?, Master::Local { slots: 4, max_failures: 2 });
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn master(self, master: impl fmt::Display) -> Conf {
        self.set(keys::MASTER.name(), master)
    }

    /// Names the program, as its web UI and logs show it.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// assert_eq!(Conf::new().app_name("clicks").text("app.name"), Some("clicks"));
    /// ```
    pub fn app_name(self, name: impl fmt::Display) -> Conf {
        self.set(keys::APP_NAME.name(), name)
    }

    /// The value of a key, or its default.
    ///
    /// Fails when the text is malformed, or when the key is not set and has no default.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, keys};
    /// assert_eq!(Conf::new().get(&keys::CHUNK_RECORDS)?, 1024);
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn get<T: ConfValue>(&self, key: &Key<T>) -> Result<T, ConfError> {
        let missing = || ConfError::Missing {
            key: key.name(),
            accepted: key.info().accepted(),
        };
        self.get_optional(key)?.ok_or_else(missing)
    }

    /// The value of a key, its default, or `None` when it has neither.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, keys};
    /// assert_eq!(Conf::new().get_optional(&keys::DEFAULT_PARALLELISM)?, None);
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub fn get_optional<T: ConfValue>(&self, key: &Key<T>) -> Result<Option<T>, ConfError> {
        let (text, origin) = match self.settings.get(key.name()) {
            Some(setting) => (setting.value.as_str(), &setting.origin),
            None => match key.info().default_text() {
                Some(text) => (text, &Origin::Default),
                None => return Ok(None),
            },
        };
        let info = key.info();
        let malformed = |reason| ConfError::malformed(info.name(), &info, (text, origin), reason);
        key.parse(text).map(Some).map_err(malformed)
    }

    /// The text of a key as it was set, unredacted; `None` when it is not set.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// assert_eq!(Conf::new().set("app.token", "s3").text("app.token"), Some("s3"));
    /// assert_eq!(Conf::new().text("app.token"), None);
    /// ```
    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|setting| setting.value.as_str())
    }

    /// Where the value of a key came from; [`Origin::Default`] when it is not set.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, Origin};
    /// let conf = Conf::new().master("local");
    /// assert_eq!(conf.origin("master"), &Origin::Code);
    /// assert_eq!(conf.origin("app.name"), &Origin::Default);
    /// ```
    pub fn origin(&self, key: &str) -> &Origin {
        self.settings
            .get(key)
            .map_or(&Origin::Default, |setting| &setting.origin)
    }

    /// Everything that is set, in the order of the keys, with secret values hidden.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().master("local").set("app.secret", "x");
    /// let shown: Vec<_> = conf.entries().map(|e| (e.key, e.value)).collect();
    /// assert_eq!(shown, [("app.secret", "(redacted)"), ("master", "local")]);
    /// ```
    pub fn entries(&self) -> Entries<'_> {
        Entries::new(self.settings.iter())
    }

    /// Everything that is set, and the defaults of the known keys that are not, in the order of
    /// the keys, with secret values hidden: what Spark's environment page shows.
    ///
    /// Known are the keys of the core, those of `lists`, and those that were
    /// [registered](Conf::register), as for [`Conf::validate`]. A default that is no text, such
    /// as the number of slots, is given in words; an unset key without any default is left out.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, Origin};
    /// let conf = Conf::new().master("local[2]").set("app.secret", "x");
    /// let known = conf.entries_and_defaults(&[]);
    /// let of = |key| known.iter().find(|entry| entry.key == key).unwrap();
    /// assert_eq!(of("master").to_string(), "master = local[2] # from the program");
    /// assert_eq!(of("app.secret").value, "(redacted)");
    /// assert_eq!(of("chunk.records").to_string(), "chunk.records = 1024 # from the default");
    /// assert_eq!(of("default.parallelism").value, "the number of slots");
    /// ```
    pub fn entries_and_defaults(&self, lists: &[&[KeyInfo]]) -> Vec<Entry<'_>> {
        let layers = self.registered.iter().copied().chain(lists.iter().copied());
        let known = keys::CORE_KEYS.iter().chain(layers.flatten());
        let defaults = known.filter_map(|info| {
            let value = info.default_text().or(info.default_words())?;
            Some((info.name(), Entry::of_default(info.name(), value)))
        });
        let mut entries: BTreeMap<&str, Entry<'_>> = defaults.collect();
        entries.extend(self.entries().map(|entry| (entry.key, entry)));
        entries.into_values().collect()
    }

    /// The settings below a prefix as (rest of the key, unredacted text), in order.
    ///
    /// This is how a layer reads an open group of keys, such as options that it passes on.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().set("app.map.a", 1).set("app.map.b", 2).set("app.mapper", 3);
    /// let below: Vec<_> = conf.texts_below("app.map").collect();
    /// assert_eq!(below, [("a", "1"), ("b", "2")]);
    /// ```
    pub fn texts_below(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.settings.iter().filter_map(move |(key, setting)| {
            let rest = key.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((rest, setting.value.as_str()))
        })
    }

    /// Sets a key unless a higher rank has set it.
    fn put(&mut self, key: String, value: String, origin: Origin) {
        match self.settings.get(&key) {
            Some(held) if held.origin.rank() > origin.rank() => {}
            _ => {
                let shown = match shown(&key, &value) {
                    Cow::Borrowed(same) if same == value => None,
                    other => Some(other.into_owned()),
                };
                let setting = Setting {
                    value,
                    shown,
                    origin,
                };
                self.settings.insert(key, setting);
            }
        }
    }
}

impl fmt::Display for Conf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Debug for Conf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.entries().map(|e| (e.key, (e.value, e.origin))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_rank_never_overrides_a_higher_one() {
        let ranked = [
            Origin::Default,
            Origin::File("a.toml".into()),
            Origin::Environment("HEADWATER_MASTER".into()),
            Origin::CommandLine,
            Origin::Code,
        ];
        for (low, first) in ranked.iter().enumerate() {
            for (high, second) in ranked.iter().enumerate() {
                let mut conf = Conf::new();
                conf.put("k".into(), "first".into(), first.clone());
                conf.put("k".into(), "second".into(), second.clone());
                let wins = if high >= low { "second" } else { "first" };
                assert_eq!(conf.text("k"), Some(wins), "{first} then {second}");
            }
        }
    }

    #[test]
    fn get_names_key_value_origin_and_what_is_accepted() {
        let conf = Conf::new().set("task.max_failures", "0");
        let error = conf.get(&keys::TASK_MAX_FAILURES).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`task.max_failures` = `0` (from the program) is not accepted: it is below 1; \
             accepted: a whole number from 1 (default 4)",
        );
    }

    #[test]
    fn get_of_an_unset_key_without_default_says_what_to_set() {
        let error = Conf::new().get(&keys::DEFAULT_PARALLELISM).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`default.parallelism` is not set and has no default; set it to a whole number from 1 \
             (default: the number of slots)",
        );
    }

    #[test]
    fn defaults_are_told_also_where_values_would_be_secret() {
        const TOKEN: Key<String> =
            Key::new("ui.token", "a token").default_note("made up when one is needed");
        let list: &[KeyInfo] = &[TOKEN.info()];
        let of_token = |conf: &Conf| {
            let entries = conf.entries_and_defaults(&[list]);
            let mut values = entries.iter().filter(|entry| entry.key == "ui.token");
            values.next().unwrap().value.to_owned()
        };
        assert_eq!(of_token(&Conf::new()), "made up when one is needed");
        let given = Conf::new().with_default("ui.token", "hunter2");
        assert_eq!(of_token(&given), REDACTED);
    }

    #[test]
    fn what_an_error_quotes_hides_secrets() {
        let conf = Conf::new().set("task.max_failures", "a://u:hunter2@h");
        let error = conf.get(&keys::TASK_MAX_FAILURES).unwrap_err().to_string();
        assert!(error.contains("a://u:(redacted)@h"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn debug_hides_secrets() {
        let conf = Conf::new()
            .set("app.api_token", "hunter2")
            .set("app.city", "Ulm");
        let shown = format!("{conf:?}");
        assert!(shown.contains("Ulm") && shown.contains(REDACTED), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
