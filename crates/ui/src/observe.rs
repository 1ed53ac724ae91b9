//! Everything that a configuration asks for, with one call.

use headwater_streaming::StreamingContext;

use crate::console::Progress;
use crate::error::UiError;
use crate::log::EventLog;
use crate::web_ui::WebUi;

/// What shows a stream, for as long as this value lives.
///
/// Make it before the stream is started, as it shows what happens from then on.
#[must_use = "the stream is shown until this is dropped"]
pub struct Observed {
    pages: Option<WebUi>,
    log: Option<EventLog>,
    _progress: Progress,
}

/// Shows a stream as its configuration says: pages (`ui.enabled`), a line on the console
/// (`ui.progress`) and an event log (`event_log.enabled`).
///
/// ```
/// use headwater_core::Conf;
/// use headwater_streaming::{StreamingContext, time::seconds};
///
/// let conf = Conf::new().master("local[1]").set("ui.port", 0);
/// let ssc = StreamingContext::from_conf(conf, seconds(1)).unwrap();
/// let observed = headwater_ui::observe(&ssc)?;
/// assert!(observed.url().is_some_and(|url| url.starts_with("http://127.0.0.1:")));
/// # Ok::<(), headwater_ui::UiError>(())
/// ```
///
/// # Errors
/// Those of [`WebUi::serve`], [`EventLog::start`] and [`Progress::show`].
pub fn observe(ssc: &StreamingContext) -> Result<Observed, UiError> {
    let log = EventLog::start(ssc)?;
    let pages = WebUi::builder(ssc);
    let pages = match &log {
        Some(log) => pages.event_log(log),
        None => pages,
    };
    Ok(Observed {
        _progress: Progress::show(ssc)?,
        pages: pages.serve()?,
        log,
    })
}

impl Observed {
    /// Where the pages are, if there are any; with the access token if it was made up.
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    ///
    /// let conf = Conf::new().master("local[1]").set("ui.enabled", false);
    /// let ssc = StreamingContext::from_conf(conf, seconds(1)).unwrap();
    /// assert_eq!(headwater_ui::observe(&ssc)?.url(), None);
    /// # Ok::<(), headwater_ui::UiError>(())
    /// ```
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.pages.as_ref().map(WebUi::url)
    }

    /// The event log, if one is written.
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    ///
    /// let conf = Conf::new().master("local[1]").set("ui.enabled", false);
    /// let ssc = StreamingContext::from_conf(conf, seconds(1)).unwrap();
    /// assert!(headwater_ui::observe(&ssc)?.event_log().is_none());
    /// # Ok::<(), headwater_ui::UiError>(())
    /// ```
    #[must_use]
    pub fn event_log(&self) -> Option<&EventLog> {
        self.log.as_ref()
    }
}
