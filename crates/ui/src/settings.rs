//! The settings of the pages.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use headwater_core::Conf;
use headwater_core::conf::{ConfValue, Key, KeyInfo, REDACTED};

use crate::console::Wish;
use crate::error::UiError;
use crate::model::Limits;

/// Whether there are pages at all.
pub(crate) const ENABLED: Key<bool> = Key::new("ui.enabled", "whether a program is shown")
    .default("true")
    .spark_names(&["spark.ui.enabled"]);

pub(crate) const PORT: Key<u16> = Key::new(
    "ui.port",
    "the port of the web UI; if it is taken the next ones are tried; 0 takes any that is free",
)
.default("4040")
.spark_names(&["spark.ui.port"]);

pub(crate) const PORT_TRIES: Key<u16> = Key::new(
    "ui.port_retries",
    "how many ports after ui.port are tried when it is taken",
)
.default("16")
.spark_names(&["spark.port.maxRetries"]);

pub(crate) const BIND: Key<Bind> = Key::new(
    "ui.bind",
    "the address at which the web UI listens; one that other machines reach asks for an access \
     token, which is printed when it starts",
)
.default("127.0.0.1");

pub(crate) const TOKEN: Key<Token> = Key::new(
    "ui.token",
    "the access token, which is otherwise made up; with it a token is asked for on any address",
)
.default_note("made up when ui.bind is not a loopback address");

pub(crate) const CONNECTIONS: Key<usize> = Key::new(
    "ui.connections",
    "how many connections the web UI holds at the same time, half of which may wait for changes; \
     others wait in the system's queue",
)
.default("64")
.at_least("2")
.at_most("10000");

pub(crate) const RETAINED_JOBS: Key<usize> =
    Key::new("ui.retained_jobs", "how many jobs the web UI keeps")
        .default("1000")
        .at_least("1")
        .spark_names(&["spark.ui.retainedJobs"]);

pub(crate) const RETAINED_STAGES: Key<usize> =
    Key::new("ui.retained_stages", "how many stages the web UI keeps")
        .default("1000")
        .at_least("1")
        .spark_names(&["spark.ui.retainedStages"]);

pub(crate) const RETAINED_TASKS: Key<usize> = Key::new(
    "ui.retained_tasks",
    "how many tasks of a stage the web UI keeps",
)
.default("10000")
.at_least("1")
.spark_names(&["spark.ui.retainedTasks"]);

pub(crate) const RETAINED_BATCHES: Key<usize> = Key::new(
    "ui.retained_batches",
    "how many completed batches the web UI keeps",
)
.default("1000")
.at_least("1")
.spark_names(&["spark.streaming.ui.retainedBatches"]);

pub(crate) const RETAINED_FAILED_BATCHES: Key<usize> = Key::new(
    "ui.retained_failed_batches",
    "how many failed batches the web UI keeps beside the last completed ones, so that links to them \
     last",
)
.default("1000");

pub(crate) const HISTORY_PORT: Key<u16> = Key::new(
    "ui.history.port",
    "the port of the pages of event logs; if it is taken the next ones are tried",
)
.default("18080")
.spark_names(&["spark.history.ui.port"]);

pub(crate) const HISTORY_RETAINED: Key<usize> = Key::new(
    "ui.history.retained",
    "how many programs the pages of event logs keep in memory; others are read again",
)
.default("10")
.at_least("1")
.spark_names(&["spark.history.retainedApplications"]);

/// Whether the terminal shows how a stream goes.
pub(crate) const PROGRESS: Key<Wish> = Key::new(
    "ui.progress",
    "whether the console tells how a stream goes: in one line that changes in place on a terminal, \
     in the log elsewhere; auto does so on a terminal, and in the log where log.level is info",
)
.default("auto")
.spark_names(&["spark.ui.showConsoleProgress"]);

/// All settings of the pages, for tables of what can be set.
pub const UI_KEYS: &[KeyInfo] = &[
    ENABLED.info(),
    PORT.info(),
    PORT_TRIES.info(),
    BIND.info(),
    TOKEN.info(),
    CONNECTIONS.info(),
    RETAINED_JOBS.info(),
    RETAINED_STAGES.info(),
    RETAINED_TASKS.info(),
    RETAINED_BATCHES.info(),
    RETAINED_FAILED_BATCHES.info(),
    HISTORY_PORT.info(),
    HISTORY_RETAINED.info(),
    PROGRESS.info(),
];

/// Where the pages of a program are to be, as its configuration says: for tools that look
/// whether they could be there.
///
/// ```
/// use headwater_core::Conf;
/// use headwater_ui::PagesAddress;
/// let conf = Conf::new().set("ui.port", 4050).set("ui.port_retries", 2);
/// let pages = PagesAddress::of(&conf)?.expect("they are not switched off");
/// assert!(pages.ip.is_loopback());
/// assert_eq!(pages.ports, 4050..=4052);
/// assert_eq!(PagesAddress::of(&Conf::new().set("ui.enabled", false))?, None);
/// # Ok::<(), headwater_ui::UiError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PagesAddress {
    /// Where they listen: `ui.bind`.
    pub ip: IpAddr,
    /// The ports that are tried in turn: `ui.port` and as many after it as `ui.port_retries`
    /// says. Port 0 stands alone, and means any that is free.
    pub ports: RangeInclusive<u16>,
}

impl PagesAddress {
    /// What a configuration says; `None` with `ui.enabled=false`. There is an example at
    /// [`PagesAddress`].
    ///
    /// # Errors
    /// [`UiError::Conf`] if one of these settings is wrong; others are not looked at.
    pub fn of(conf: &Conf) -> Result<Option<Self>, UiError> {
        let pages = PagesAddress {
            ip: conf.get(&BIND)?.0,
            ports: ports(conf.get(&PORT)?, conf.get(&PORT_TRIES)?),
        };
        Ok(conf.get(&ENABLED)?.then_some(pages))
    }
}

/// A port and those after it, as far as there are any.
fn ports(first: u16, tries: u16) -> RangeInclusive<u16> {
    match first {
        0 => 0..=0,
        first => first..=first.saturating_add(tries),
    }
}
const PATIENCE: Duration = Duration::from_secs(10);

/// What a configuration says about the pages.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) is_enabled: bool,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) port_tries: u16,
    pub(crate) token: Option<Token>,
    pub(crate) connections: usize,
    /// So long a connection may do nothing.
    pub(crate) patience: Duration,
    pub(crate) limits: Limits,
    pub(crate) history_retained: usize,
}

impl Settings {
    pub(crate) fn read(conf: &Conf) -> Result<Self, UiError> {
        conf.validate(&[UI_KEYS])?;
        Ok(Settings {
            is_enabled: conf.get(&ENABLED)?,
            address: conf.get(&BIND)?.0,
            port: conf.get(&PORT)?,
            port_tries: conf.get(&PORT_TRIES)?,
            token: conf.get_optional(&TOKEN)?,
            connections: conf.get(&CONNECTIONS)?,
            patience: PATIENCE,
            limits: Limits {
                jobs: conf.get(&RETAINED_JOBS)?,
                stages: conf.get(&RETAINED_STAGES)?,
                tasks: conf.get(&RETAINED_TASKS)?,
                batches: conf.get(&RETAINED_BATCHES)?,
                failed_batches: conf.get(&RETAINED_FAILED_BATCHES)?,
                ..Limits::default()
            },
            history_retained: conf.get(&HISTORY_RETAINED)?,
        })
    }

    /// The ports that are tried in turn.
    pub(crate) fn ports(&self) -> RangeInclusive<u16> {
        ports(self.port, self.port_tries)
    }

    /// What it says about the pages of event logs.
    pub(crate) fn of_history(conf: &Conf) -> Result<Self, UiError> {
        let port = conf.get(&HISTORY_PORT)?;
        let settings = Settings::read(conf)?;
        Ok(Settings { port, ..settings })
    }
}

/// Where to listen: an address of this machine, or its name for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bind(IpAddr);

impl ConfValue for Bind {
    const ACCEPTED: &'static str = "an IP address such as 127.0.0.1 or 0.0.0.0, or localhost";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match text.trim() {
            "localhost" => Ok(Bind(IpAddr::V4(Ipv4Addr::LOCALHOST))),
            other => other
                .parse()
                .map(Bind)
                .map_err(|_| format!("`{other}` is no IP address")),
        }
    }

    fn conf_text(&self) -> String {
        self.0.to_string()
    }
}

/// An access token: one that is too short is guessed, and one with other signs would have to be
/// escaped in addresses and cookies.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) String);

const TOKEN_LENGTH_MIN: usize = 8;

impl ConfValue for Token {
    const ACCEPTED: &'static str = "at least 8 letters, digits and signs of - _ . ~";

    /// The reason does not repeat what was given, as that is a secret.
    fn parse_conf(text: &str) -> Result<Self, String> {
        let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.~".contains(sign);
        if text.is_empty() {
            Err("it is empty, so that anybody could look".to_owned())
        } else if !text.chars().all(is_plain) {
            Err("there is another sign in it".to_owned())
        } else if text.len() < TOKEN_LENGTH_MIN {
            Err("it is so short that it can be guessed".to_owned())
        } else {
            Ok(Token(text.to_owned()))
        }
    }

    fn conf_text(&self) -> String {
        self.0.clone()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_protect_nothing_are_refused() {
        for token in ["", "  ", "hunter2", "a b&c=d;e", "t\u{e4}glich-neu"] {
            let refused = Settings::read(&Conf::new().set("ui.token", token));
            let told = refused.err().unwrap().to_string();
            assert!(
                told.contains("ui.token") && told.contains("8 letters"),
                "{told}"
            );
            assert!(token.trim().is_empty() || !told.contains(token), "{told}");
        }
        let settings = Settings::read(&Conf::new().set("ui.token", "Some-t0ken_.~")).unwrap();
        assert_eq!(settings.token, Some(Token("Some-t0ken_.~".to_owned())));
        assert!(!format!("{settings:?}").contains("t0ken"), "{settings:?}");
    }
}
