//! How a stream goes, as one line of a terminal or as lines of the log.

mod batches;
mod listener;
mod text;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use headwater_core::conf::ConfValue;
use headwater_streaming::{LiveLine, StreamingContext};
use jiff::tz::TimeZone;
use parking_lot::Mutex;

use crate::error::UiError;
use crate::relay::{Following, follow};
use crate::settings::{PROGRESS, UI_KEYS};

use batches::Batches;
use listener::{ProgressListener, Shown, Way};

/// Where the log lines about batches come from; `log.level` can name it.
pub(crate) const TARGET: &str = "headwater_ui::progress";

/// Shows in the terminal how a stream goes, for as long as this value lives: Spark's console
/// progress bar.
///
/// A terminal on standard error gets one line that changes in place, at most ten times a second:
///
/// ```text
/// [LogAnalyzer] 10:00:05  batch #31  2 835 records  delay 6.10 ms  took 349 ms / 1.0 s  backlog 0  2 790 rec/s
/// ```
///
/// It is about the last batch that was done: how many that makes, its records, how long it waited
/// and how long it took out of the batch interval; then how many batches wait now, how many
/// have failed, if any, and the records per second of the last batches. Output of `print()` and
/// the log of [`logging`](crate::logging) stand above it; a program that writes to the terminal
/// otherwise does so in [`LiveLine::beside`].
///
/// Elsewhere each batch is a line of the log at the level of information, which is not seen
/// unless `log.level` or `ui.progress=true` asks for it:
///
/// ```text
/// batch{time="36005000 ms"}: batch 10:00:05 is done records=2835 processing_ms=349 ...
/// ```
#[must_use = "the line is gone when this is dropped"]
#[derive(Debug)]
pub struct Progress {
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    following: Following,
    shown: Arc<Mutex<Shown>>,
}

impl Progress {
    /// Shows how a stream goes as `ui.progress` says: by default only to those who sit at a
    /// terminal. Call it before the stream is started.
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// use headwater_ui::Progress;
    ///
    /// let conf = Conf::new().master("local[1]").set("ui.progress", false);
    /// let ssc = StreamingContext::from_conf(conf, seconds(1)).unwrap();
    /// let progress = Progress::show(&ssc)?;
    /// assert!(!progress.is_shown());
    /// # Ok::<(), headwater_ui::UiError>(())
    /// ```
    ///
    /// # Errors
    /// [`UiError::Conf`] for settings that are wrong.
    pub fn show(ssc: &StreamingContext) -> Result<Self, UiError> {
        let ctx = ssc.context();
        ctx.conf().validate(&[UI_KEYS])?;
        let wish = ctx.conf().get(&PROGRESS)?;
        let is_logged = tracing::enabled!(target: TARGET, tracing::Level::INFO);
        let told = wish.way(is_terminal(), is_logged).map(|way| {
            let name = match way {
                Way::Line(_) => ctx.app_name(),
                Way::Log => "",
            };
            let batches = Batches::new(name, ssc.batch_duration().into(), TimeZone::system());
            let shown = Arc::new(Mutex::new(Shown::new(batches, way)));
            Told {
                following: follow(ctx, ProgressListener(shown.clone())),
                shown,
            }
        });
        Ok(Progress { told })
    }

    /// Whether it is shown at all.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.told.is_some()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Told { following, shown }) = self.told.take() {
            drop(following);
            // An event may be on its way yet.
            shown.lock().end();
        }
    }
}

/// A terminal that understands how to erase a line.
fn is_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// What `ui.progress` can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Auto,
    Yes,
    No,
}

impl Wish {
    fn way(self, is_terminal: bool, is_logged: bool) -> Option<Way> {
        match self {
            Wish::No => None,
            _ if is_terminal => Some(Way::Line(LiveLine::stderr())),
            Wish::Auto => is_logged.then_some(Way::Log),
            Wish::Yes => Some(Way::Log),
        }
    }
}

impl ConfValue for Wish {
    const ACCEPTED: &'static str = "auto, true or false";

    fn parse_conf(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "auto" => Ok(Wish::Auto),
            "true" => Ok(Wish::Yes),
            "false" => Ok(Wish::No),
            other => Err(format!("`{other}` is none of them")),
        }
    }

    fn conf_text(&self) -> String {
        match self {
            Wish::Auto => "auto",
            Wish::Yes => "true",
            Wish::No => "false",
        }
        .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_get_a_line_and_others_what_they_ask_for() {
        let way = |wish: Wish, is_terminal, is_logged| match wish.way(is_terminal, is_logged) {
            Some(Way::Line(_)) => "line",
            Some(Way::Log) => "log",
            None => "nothing",
        };
        assert_eq!(way(Wish::Auto, true, false), "line");
        assert_eq!(way(Wish::Auto, false, false), "nothing");
        assert_eq!(way(Wish::Auto, false, true), "log");
        assert_eq!(way(Wish::Yes, true, false), "line");
        assert_eq!(way(Wish::Yes, false, false), "log");
        assert_eq!(way(Wish::No, true, true), "nothing");
    }

    #[test]
    fn what_is_wished_is_checked() {
        for wish in [Wish::Auto, Wish::Yes, Wish::No] {
            assert_eq!(Wish::parse_conf(&wish.conf_text()), Ok(wish));
        }
        assert!(Wish::parse_conf("often").unwrap_err().contains("often"));
    }
}
