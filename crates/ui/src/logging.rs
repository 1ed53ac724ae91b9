//! The log of a program: what is in it, and how it is written.
//!
//! Headwater tells what it does through [`tracing`]; what becomes of that the program decides.
//! [`init`] is for those that have no wishes of their own: lines on standard error, of warnings
//! and errors alone unless `log.level` says otherwise.

use std::io::{self, IsTerminal, Write};
use std::str::FromStr;

use headwater_core::Conf;
use headwater_core::conf::{ConfError, ConfValue, Key, KeyInfo};
use headwater_streaming::LiveLine;
use headwater_streaming::conf::STREAMING_KEYS;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use crate::console::{TARGET, Wish};
use crate::log::EVENT_LOG_KEYS;
use crate::settings::{PROGRESS, UI_KEYS};

/// What is in the log.
pub const LEVEL: Key<Filter> = Key::new(
    "log.level",
    "what is in the log: off, error, warn, info, debug or trace, and after commas other levels \
     for parts of the program, such as info,headwater_streaming=debug",
)
.default("warn");

/// How the log is written.
pub const FORMAT: Key<Format> =
    Key::new("log.format", "how the log is written: text or json").default("text");

/// All settings of the log, for tables of what can be set.
pub const LOG_KEYS: &[KeyInfo] = &[LEVEL.info(), FORMAT.info()];

/// Why the log is not as the configuration says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoggingError {
    /// A setting is wrong.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The program has decided already what becomes of its log.
    #[error("the log goes elsewhere already; call logging::init once, and no other subscriber")]
    Taken,
}

/// Writes the log of this process to standard error, as `log.level` and `log.format` say.
///
/// What happens while the output operations of a batch run stands in a span `batch` with the
/// time of the batch, from the level of information on. What tasks say on their slots does not.
/// In a terminal, the log stands above the line of [`Progress`](crate::Progress).
///
/// ```
/// use headwater_core::Conf;
/// use headwater_ui::logging;
///
/// let conf = Conf::new().set("log.level", "info,headwater_core=debug");
/// logging::init(&conf)?;
/// assert!(matches!(logging::init(&conf), Err(logging::LoggingError::Taken)));
/// # Ok::<(), logging::LoggingError>(())
/// ```
///
/// # Errors
/// [`LoggingError::Conf`] with every mistake of the configuration, and [`LoggingError::Taken`]
/// where a subscriber of [`tracing`] is set already, which stays.
pub fn init(conf: &Conf) -> Result<(), LoggingError> {
    conf.validate(&[STREAMING_KEYS, UI_KEYS, LOG_KEYS, EVENT_LOG_KEYS])?;
    let filter = filter(conf)?;
    let set = match conf.get(&FORMAT)? {
        Format::Text => tracing::subscriber::set_global_default(text(filter, AboveTheLine)),
        Format::Json => tracing::subscriber::set_global_default(json(filter, AboveTheLine)),
    };
    set.map_err(|_| LoggingError::Taken)
}

fn filter(conf: &Conf) -> Result<Targets, ConfError> {
    let Filter(targets) = conf.get(&LEVEL)?;
    let is_said = |filter: &Targets| filter.would_enable(TARGET, &tracing::Level::INFO);
    Ok(match conf.get(&PROGRESS)? {
        Wish::Yes if !is_said(&targets) => targets.with_target(TARGET, LevelFilter::INFO),
        _ => targets,
    })
}

fn text<W>(filter: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    Registry::default().with(filter).with(lines)
}

fn json<W>(filter: Targets, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().json().with_writer(writer);
    Registry::default().with(filter).with(lines)
}

/// Standard error, above the line that changes in place.
#[derive(Clone, Copy)]
struct AboveTheLine;

impl Write for AboveTheLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A whole line comes in one piece.
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let write = || io::stderr().lock().write_all(bytes);
        match io::stderr().is_terminal() {
            true => LiveLine::stderr().beside(write),
            false => write(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for AboveTheLine {
    type Writer = AboveTheLine;

    fn make_writer(&self) -> AboveTheLine {
        AboveTheLine
    }
}

/// Which part of the program may say what: a level, and others for parts by their modules.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Targets);

impl ConfValue for Filter {
    const ACCEPTED: &'static str = "off, error, warn, info, debug or trace, and after commas \
                                    MODULE=LEVEL";

    fn parse_conf(text: &str) -> Result<Self, String> {
        for part in text.split(',') {
            let level = part.split_once('=').map_or(part, |(_, level)| level).trim();
            let is_level = level.parse::<u8>().is_err() && LevelFilter::from_str(level).is_ok();
            if level.is_empty() || !is_level {
                return Err(format!("`{level}` is no level"));
            }
        }
        let text = text.replace(' ', "");
        let targets = Targets::from_str(&text).map_err(|error| error.to_string())?;
        Ok(Filter(match targets.default_level() {
            Some(_) => targets,
            None => targets.with_default(LevelFilter::WARN),
        }))
    }

    fn conf_text(&self) -> String {
        self.0.to_string()
    }
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// For people.
    Text,
    /// An object a line, for other programs.
    Json,
}

impl ConfValue for Format {
    const ACCEPTED: &'static str = "text or json";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "text" => Ok(Format::Text),
            "json" => Ok(Format::Json),
            other => Err(format!("`{other}` is neither")),
        }
    }

    fn conf_text(&self) -> String {
        match self {
            Format::Text => "text",
            Format::Json => "json",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests;
