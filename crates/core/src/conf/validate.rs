//! The check of a whole configuration.

use super::entry::Found;
use super::hint::advice;
use super::key::KeyInfo;
use super::keys::CORE_KEYS;
use super::{Conf, ConfError};

/// The namespaces (first segments of keys) that belong to the layers above the core.
pub const LAYER_NAMESPACES: &[&str] = &[
    "streaming",
    "ui",
    "log",
    "event_log",
    "metrics",
    "sql",
    "ml",
    "graph",
    "cluster",
    "state",
    "checkpoint",
];

/// The namespace of the user's own keys.
const USER_NAMESPACE: &str = "app";

impl Conf {
    /// Adds the keys of a layer to those that [`Conf::validate`] knows, for layers that are not at
    /// hand where the configuration is validated, such as a connector of the user's.
    ///
    /// ```
    /// use headwater_core::conf::{Conf, Key, KeyInfo};
    /// const GATE: Key<bool> = Key::new("gate.open", "whether the gate is open");
    /// const KEYS: &[KeyInfo] = &[GATE.info()];
    ///
    /// let conf = Conf::new().set("gate.open", true);
    /// assert!(conf.validate(&[]).is_err());
    /// assert!(conf.register(KEYS).validate(&[]).is_ok());
    /// ```
    pub fn register(mut self, list: &'static [KeyInfo]) -> Conf {
        self.registered.push(list);
        self
    }

    /// Checks every setting and reports all mistakes at once, as [`ConfError::Invalid`].
    ///
    /// Known are the keys of the core, those of `lists`, and those that were
    /// [registered](Conf::register). A key in one of the [`LAYER_NAMESPACES`] is accepted until a
    /// list names a key in that namespace; from then on the namespace is checked like any other.
    ///
    /// ```
    /// use headwater_core::conf::Conf;
    /// let conf = Conf::new().set("task.max_failure", 3).set("storage.memory", 64);
    /// let report = conf.validate(&[]).unwrap_err().to_string();
    /// assert!(report.starts_with("2 mistakes in the configuration:"));
    /// assert!(report.contains("did you mean `task.max_failures`?"));
    /// assert!(report.contains("`64` has no unit, write for example 64m"));
    /// ```
    pub fn validate(&self, lists: &[&[KeyInfo]]) -> Result<(), ConfError> {
        let known = Known::new(&self.registered, lists);
        let mut mistakes = self.kept.clone();
        for (key, setting) in &self.settings {
            match known.find(key) {
                Some(info) => {
                    if let Err(reason) = info.check(&setting.value) {
                        let found = (setting.value.as_str(), &setting.origin);
                        mistakes.push(ConfError::malformed(key, info, found, reason));
                    }
                }
                None if known.is_free(key) => {}
                None => mistakes.push(ConfError::UnknownKey {
                    found: Found::boxed(key, &setting.value, &setting.origin),
                    advice: advice(&known, key, &setting.origin),
                }),
            }
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(ConfError::Invalid(mistakes))
        }
    }
}

/// The keys that a validation knows.
pub(super) struct Known<'a> {
    keys: Vec<&'a KeyInfo>,
}

impl<'a> Known<'a> {
    fn new(registered: &'a [&'static [KeyInfo]], lists: &'a [&'a [KeyInfo]]) -> Known<'a> {
        let layers = registered.iter().copied().chain(lists.iter().copied());
        Known {
            keys: CORE_KEYS.iter().chain(layers.flatten()).collect(),
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'a KeyInfo> {
        self.keys.iter().copied()
    }

    /// The declaration of a key; one by name goes before one by `.*`.
    pub(super) fn find(&self, key: &str) -> Option<&'a KeyInfo> {
        let by_name = self.keys().find(|info| info.name() == key);
        by_name.or_else(|| self.keys().find(|info| info.covers(key)))
    }

    /// Whether a key that is not declared is none of this validation's business.
    pub(super) fn is_free(&self, key: &str) -> bool {
        let Some((first, rest)) = key.split_once('.') else {
            return false;
        };
        let is_checked = || self.keys().any(|info| namespace(info.name()) == first);
        !rest.is_empty()
            && (first == USER_NAMESPACE || (LAYER_NAMESPACES.contains(&first) && !is_checked()))
    }
}

/// The first segment of a key.
pub(super) fn namespace(key: &str) -> &str {
    key.split_once('.').map_or(key, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Key, keys};
    use std::time::Duration;

    const BLOCK_INTERVAL: Key<Duration> =
        Key::new("streaming.block_interval", "the block interval").default("200ms");
    const LABELS: Key<u32> = Key::new("metrics.labels.*", "labels");
    const LAYER: &[KeyInfo] = &[BLOCK_INTERVAL.info(), LABELS.info()];

    fn mistakes(conf: &Conf, lists: &[&[KeyInfo]]) -> Vec<String> {
        match conf.validate(lists) {
            Ok(()) => Vec::new(),
            Err(error) => error.mistakes().iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn nothing_set_is_valid() {
        assert!(Conf::new().validate(&[]).is_ok());
        assert!(Conf::new().validate(&[LAYER, keys::CORE_KEYS]).is_ok());
    }

    #[test]
    fn a_layer_is_free_until_its_list_is_given() {
        let conf = Conf::new()
            .set("streaming.blok_interval", "2s")
            .set("ui.port", "x");
        assert!(conf.validate(&[]).is_ok());
        assert_eq!(
            mistakes(&conf, &[LAYER]),
            [
                "`streaming.blok_interval` = `2s` (from the program) is not a known key; did you \
              mean `streaming.block_interval`? It accepts a duration with unit such as 200ms, \
              2s, 1min, 1h or 1d (default 200ms)"
            ],
        );
    }

    #[test]
    fn user_keys_are_free_but_the_name_is_known() {
        let conf = Conf::new().set("app.anything.at.all", "x").app_name("n");
        assert!(conf.validate(&[LAYER]).is_ok());
        assert_eq!(
            mistakes(&Conf::new().set("app", "x").set("app.", "y"), &[]).len(),
            2
        );
    }

    #[test]
    fn all_mistakes_are_reported_with_their_origin() {
        let (conf, _) = Conf::new()
            .master("yarn")
            .with_env_from([("HEADWATER_CHUNK__RECORDS", "8")])
            .with_args(["-c", "streaming.block_interval=200", "-c"]);
        let found = mistakes(&conf, &[LAYER]);
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found[0].contains("-c needs key=value"));
        assert!(found[1].contains("(from environment variable HEADWATER_CHUNK__RECORDS)"));
        assert!(found[1].contains("it is below 16"));
        assert!(found[2].contains("`master` = `yarn` (from the program)"));
        assert!(found[3].contains("`200` has no unit, write for example 200ms or 2s"));
    }

    #[test]
    fn keys_below_a_star_are_checked_under_their_own_name() {
        let conf = Conf::new()
            .set("metrics.labels.a", 1)
            .set("metrics.labels.b", "x");
        let found = mistakes(&conf, &[LAYER]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("`metrics.labels.b` = `x`"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn secrets_stay_out_of_messages() {
        const TOKEN: Key<u32> = Key::new("ui.token", "a token");
        let conf = Conf::new()
            .set("ui.token", "hunter2")
            .set("my.password", "hunter2");
        let found = mistakes(&conf, &[&[TOKEN.info()]]);
        assert_eq!(found.len(), 2);
        assert!(
            found.iter().all(|text| !text.contains("hunter2")),
            "{found:?}"
        );
    }
}
