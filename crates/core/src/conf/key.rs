//! Typed keys, and what is left of them when the type is erased.

use std::fmt;

use super::value::ConfValue;

/// A key with its type, default, limits and documentation; made in a `const`.
///
/// Limits and defaults are written as a user would write them. A layer declares its keys, and the
/// list of them that [`Conf::validate`](super::Conf::validate) takes, like this:
///
/// ```
/// use headwater_core::conf::{Conf, Key, KeyInfo};
/// use std::time::Duration;
///
/// /// How long the pump runs at a time.
/// pub const PUMP_INTERVAL: Key<Duration> =
///     Key::new("streaming.pump.interval", "how long the pump runs at a time")
///         .default("200ms")
///         .at_least("1ms");
///
/// /// Every key of this layer.
/// pub const KEYS: &[KeyInfo] = &[PUMP_INTERVAL.info()];
///
/// let conf = Conf::new().set("streaming.pump.interval", "2s");
/// conf.validate(&[KEYS])?;
/// assert_eq!(conf.get(&PUMP_INTERVAL)?, Duration::from_secs(2));
/// # Ok::<(), headwater_core::conf::ConfError>(())
/// ```
pub struct Key<T> {
    info: KeyInfo,
    parse: fn(&KeyInfo, &str) -> Result<T, String>,
}

/// A [`Key`] without its type, for lists, validation and display.
///
/// A name that ends in `.*` stands for every key below it, for groups of keys whose names are the
/// user's: `Key::<String>::new("metrics.labels.*", "labels of every metric")`.
#[derive(Clone, Copy)]
pub struct KeyInfo {
    name: &'static str,
    doc: &'static str,
    default: Option<&'static str>,
    default_note: Option<&'static str>,
    accepted: &'static str,
    at_least: Option<&'static str>,
    at_most: Option<&'static str>,
    spark_names: &'static [&'static str],
    check: fn(&KeyInfo, &str) -> Result<(), String>,
}

impl<T: ConfValue> Key<T> {
    /// A key without default or limits.
    ///
    /// ```
    /// use headwater_core::conf::Key;
    /// const GATE: Key<bool> = Key::new("streaming.gate", "whether the gate is open");
    /// assert_eq!(GATE.name(), "streaming.gate");
    /// ```
    pub const fn new(name: &'static str, doc: &'static str) -> Key<T> {
        let info = KeyInfo {
            name,
            doc,
            default: None,
            default_note: None,
            accepted: T::ACCEPTED,
            at_least: None,
            at_most: None,
            spark_names: &[],
            check: check::<T>,
        };
        Key {
            info,
            parse: parse::<T>,
        }
    }

    /// Gives the key a default.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, Key};
    /// const GATE: Key<bool> = Key::new("streaming.gate", "the gate").default("true");
    /// assert!(Conf::new().get(&GATE)?);
    /// # Ok::<(), headwater_core::conf::ConfError>(())
    /// ```
    pub const fn default(mut self, text: &'static str) -> Key<T> {
        self.info.default = Some(text);
        self
    }

    /// Says in words what happens when a key without default is not set.
    ///
    /// ```
    /// use headwater_core::conf::Key;
    /// const WIDTH: Key<u32> = Key::new("ui.width", "the width").default_note("the screen's");
    /// assert_eq!(WIDTH.info().accepted(), "a whole number (default: the screen's)");
    /// ```
    pub const fn default_note(mut self, words: &'static str) -> Key<T> {
        self.info.default_note = Some(words);
        self
    }

    /// Names the settings of Spark that this key stands for, so that a user who writes one of them
    /// is told the name here. A name that differs only by `spark.` and camel case needs no entry.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, Key};
    /// const GATE: Key<bool> =
    ///     Key::new("streaming.gate", "the gate").spark_names(&["spark.streaming.old.door"]);
    /// let conf = Conf::new().set("spark.streaming.old.door", "true");
    /// let error = conf.validate(&[&[GATE.info()]]).unwrap_err();
    /// assert!(error.to_string().contains("did you mean `streaming.gate`?"));
    /// ```
    pub const fn spark_names(mut self, names: &'static [&'static str]) -> Key<T> {
        self.info.spark_names = names;
        self
    }

    /// The name of the key.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert_eq!(keys::MASTER.name(), "master");
    /// ```
    pub const fn name(&self) -> &'static str {
        self.info.name
    }

    /// The key without its type.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert_eq!(keys::MASTER.info().default_text(), Some("local[*]"));
    /// ```
    pub const fn info(&self) -> KeyInfo {
        self.info
    }

    /// Reads a text as the type of the key and checks the limits. The error is the reason.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert_eq!(keys::TASK_MAX_FAILURES.parse("3"), Ok(3));
    /// assert_eq!(keys::TASK_MAX_FAILURES.parse("0"), Err("it is below 1".to_owned()));
    /// ```
    pub fn parse(&self, text: &str) -> Result<T, String> {
        (self.parse)(&self.info, text)
    }
}

impl<T: ConfValue + PartialOrd> Key<T> {
    /// The smallest value that is accepted.
    ///
    /// ```
    /// use headwater_core::conf::Key;
    /// const DEPTH: Key<u32> = Key::new("ui.depth", "the depth").at_least("2");
    /// assert!(DEPTH.parse("1").is_err());
    /// ```
    pub const fn at_least(mut self, text: &'static str) -> Key<T> {
        self.info.at_least = Some(text);
        self.limited()
    }

    /// The largest value that is accepted.
    ///
    /// ```
    /// use headwater_core::conf::Key;
    /// const SHARE: Key<f64> = Key::new("ui.share", "a ratio").at_least("0").at_most("1");
    /// assert_eq!(SHARE.info().accepted(), "a number from 0 to 1");
    /// assert!(SHARE.parse("1.5").is_err());
    /// ```
    pub const fn at_most(mut self, text: &'static str) -> Key<T> {
        self.info.at_most = Some(text);
        self.limited()
    }

    const fn limited(mut self) -> Key<T> {
        self.info.check = check_limited::<T>;
        self.parse = parse_limited::<T>;
        self
    }
}

impl KeyInfo {
    /// The name of the key.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert_eq!(keys::CORE_KEYS[0].name(), "master");
    /// ```
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the key is for.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert!(keys::APP_NAME.info().doc().contains("name of the program"));
    /// ```
    pub const fn doc(&self) -> &'static str {
        self.doc
    }

    /// The default, as a user would write it.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert_eq!(keys::STORAGE_MEMORY.info().default_text(), Some("512m"));
    /// assert_eq!(keys::LOCAL_DIR.info().default_text(), None);
    /// ```
    pub const fn default_text(&self) -> Option<&'static str> {
        self.default
    }

    /// What happens when a key without default is not set, where there is something to say.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// let info = keys::DEFAULT_PARALLELISM.info();
    /// assert_eq!(info.default_words(), Some("the number of slots"));
    /// ```
    pub const fn default_words(&self) -> Option<&'static str> {
        self.default_note
    }

    /// What the key accepts, in words, with limits and default.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// let accepted = keys::CHUNK_RECORDS.info().accepted();
    /// assert_eq!(accepted, "a whole number from 16 to 65536 (default 1024)");
    /// ```
    pub fn accepted(&self) -> String {
        let mut text = self.accepted.to_owned();
        if let Some(limit) = self.at_least {
            text.push_str(&format!(" from {limit}"));
        }
        if let Some(limit) = self.at_most {
            text.push_str(&format!(" to {limit}"));
        }
        match (self.default, self.default_note) {
            (Some(default), _) => text.push_str(&format!(" (default {default})")),
            (None, Some(words)) => text.push_str(&format!(" (default: {words})")),
            (None, None) => {}
        }
        text
    }

    /// Whether the key accepts a text; the error is the reason why not.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert!(keys::CHUNK_RECORDS.info().check("64").is_ok());
    /// assert!(keys::CHUNK_RECORDS.info().check("8").is_err());
    /// ```
    pub fn check(&self, text: &str) -> Result<(), String> {
        (self.check)(self, text)
    }

    /// Whether the declaration is sound: default and limits are texts that the key accepts. Call
    /// it in a test over each list of keys.
    ///
    /// ```
    /// use headwater_core::conf::keys;
    /// assert!(keys::CORE_KEYS.iter().all(|key| key.check_declaration().is_ok()));
    /// ```
    pub fn check_declaration(&self) -> Result<(), String> {
        let texts = [self.default, self.at_least, self.at_most];
        let of_key = |reason| format!("key `{}` is declared wrongly: {reason}", self.name);
        texts
            .into_iter()
            .flatten()
            .try_for_each(|text| self.check(text))
            .map_err(of_key)
    }

    /// Whether this is the declaration of a key, by name or by `.*`.
    pub(super) fn covers(&self, key: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('.') => {
                key.len() > prefix.len() && key.starts_with(prefix)
            }
            _ => self.name == key,
        }
    }

    pub(super) fn has_spark_name(&self, name: &str) -> bool {
        self.spark_names.contains(&name)
    }
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.info).finish()
    }
}

impl fmt::Debug for KeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyInfo")
            .field("name", &self.name)
            .field("accepted", &self.accepted())
            .field("doc", &self.doc)
            .finish()
    }
}

fn parse<T: ConfValue>(_: &KeyInfo, text: &str) -> Result<T, String> {
    T::parse_conf(text)
}

fn check<T: ConfValue>(_: &KeyInfo, text: &str) -> Result<(), String> {
    T::parse_conf(text).map(drop)
}

fn parse_limited<T: ConfValue + PartialOrd>(info: &KeyInfo, text: &str) -> Result<T, String> {
    let value = T::parse_conf(text)?;
    // A limit that does not parse is the declaration's fault, and refuses every value, so that
    // the first use shows it.
    if let Some(limit) = info.at_least
        && value < T::parse_conf(limit)?
    {
        return Err(format!("it is below {limit}"));
    }
    if let Some(limit) = info.at_most
        && value > T::parse_conf(limit)?
    {
        return Err(format!("it is above {limit}"));
    }
    Ok(value)
}

fn check_limited<T: ConfValue + PartialOrd>(info: &KeyInfo, text: &str) -> Result<(), String> {
    parse_limited::<T>(info, text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: Key<u32> = Key::new("ui.depth", "depth")
        .default("3")
        .at_least("2")
        .at_most("9");

    #[test]
    fn limits_are_inclusive() {
        let accepted: Vec<u32> = (0..12)
            .filter(|n: &u32| DEPTH.info().check(&n.to_string()).is_ok())
            .collect();
        assert_eq!(accepted, [2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_star_covers_what_is_below_it_only() {
        let labels = Key::<String>::new("metrics.labels.*", "labels").info();
        assert!(labels.covers("metrics.labels.a.b"));
        assert!(!labels.covers("metrics.labels."));
        assert!(!labels.covers("metrics.labels"));
        assert!(!labels.covers("metrics.labelsx"));
    }

    #[test]
    fn a_wrong_declaration_is_found() {
        let wrong_default = Key::<u32>::new("ui.depth", "depth")
            .default("1")
            .at_least("2");
        assert!(wrong_default.info().check_declaration().is_err());
        let wrong_limit = Key::<u32>::new("ui.depth", "depth").at_least("two");
        assert!(wrong_limit.info().check_declaration().is_err());
        assert!(DEPTH.info().check_declaration().is_ok());
    }
}
