//! Starting and ending the pages of a program.

use std::io::Write as _;
use std::sync::Arc;

use headwater_core::Context;
use headwater_streaming::{LiveLine, StreamingContext};

use crate::error::UiError;
use crate::live::Live;
use crate::log::EventLog;
use crate::record::Record;
use crate::relay::{Following, follow};
use crate::server::{Access, Server, Shown, Traffic, router};
use crate::settings::Settings;
use crate::site::{Follower, Site};

/// The pages of a program, for as long as this value lives: Spark's `SparkUI`.
///
/// Make it before the stream is started, as it shows what happens from then on.
#[must_use = "the pages are gone when this is dropped"]
pub struct WebUi {
    _following: Following,
    server: Server,
}

/// How a program is to be shown; what is not said here the configuration says.
pub struct WebUiBuilder {
    live: Live,
    port: Option<u16>,
}

impl WebUi {
    /// Shows a stream as its configuration says; `None` with `ui.enabled=false`. The address
    /// is printed to standard error.
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// use headwater_ui::WebUi;
    ///
    /// let conf = Conf::new().master("local[1]").set("ui.enabled", false);
    /// let ssc = StreamingContext::from_conf(conf, seconds(1)).unwrap();
    /// assert!(WebUi::serve(&ssc)?.is_none());
    /// # Ok::<(), headwater_ui::UiError>(())
    /// ```
    ///
    /// # Errors
    /// [`UiError::Conf`] for settings that are wrong, [`UiError::Bind`] when no port is free, and
    /// [`UiError::Start`].
    pub fn serve(ssc: &StreamingContext) -> Result<Option<WebUi>, UiError> {
        WebUi::builder(ssc).serve()
    }

    /// To say more about how a stream is shown.
    pub fn builder(ssc: &StreamingContext) -> WebUiBuilder {
        WebUiBuilder {
            live: Live::new(ssc.context(), Some(ssc)),
            port: None,
        }
    }

    /// To show a program that has jobs and no stream.
    pub fn of_context(ctx: &Context) -> WebUiBuilder {
        WebUiBuilder {
            live: Live::new(ctx, None),
            port: None,
        }
    }

    /// Where the pages are, with the access token if it was made up. One of the configuration
    /// is not repeated: `?token=` and the value of `ui.token` come after the address.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }
}

impl WebUiBuilder {
    /// The port, in place of `ui.port`: 0 takes any that is free.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Tells of the program's event log in the metrics, too: how much waits to be written, and
    /// what was dropped.
    ///
    /// ```
    /// use headwater_core::{Conf, Context};
    /// use headwater_ui::{EventLog, WebUi};
    ///
    /// let conf = Conf::new()
    ///     .master("local[1]")
    ///     .set("event_log.enabled", true)
    ///     .set("event_log.dir", "memory://logs/told");
    /// let ctx = Context::new(conf).unwrap();
    /// let log = EventLog::of_context(&ctx).unwrap().expect("it is switched on");
    /// let ui = WebUi::of_context(&ctx).port(0).event_log(&log).serve()?;
    /// assert!(ui.is_some());
    /// # Ok::<(), headwater_ui::UiError>(())
    /// ```
    pub fn event_log(mut self, log: &EventLog) -> Self {
        self.live.log = Some(log.status());
        self
    }

    /// Starts the server; see [`WebUi::serve`].
    ///
    /// # Errors
    /// Those of [`WebUi::serve`].
    pub fn serve(self) -> Result<Option<WebUi>, UiError> {
        let live = self.live;
        let mut settings = Settings::read(live.ctx.conf())?;
        if !settings.is_enabled {
            return Ok(None);
        }
        settings.port = self.port.unwrap_or(settings.port);
        let site = Site::new(settings.limits);
        site.apply(&Record::Application(live.application()));
        let ctx = live.ctx.clone();
        let access = Arc::new(Access::new(&settings)?);
        let traffic = Arc::new(Traffic::new(settings.connections));
        let shown = Shown {
            traffic: traffic.clone(),
            ..Shown::new(site.clone(), Some(live), access.clone())
        };
        // The other connections are for those who ask.
        let router = router(Arc::new(shown), settings.connections / 2);
        let server = Server::start(router, &access, &settings, traffic)?;
        let following = follow(&ctx, Follower(site));
        // The only place where a made-up token is told, so it must not depend on the log. Where
        // nobody listens to standard error nobody misses it.
        let told = format!("headwater: {} is shown at {}", ctx.app_name(), server.url());
        LiveLine::stderr().beside(|| {
            let _ = writeln!(std::io::stderr(), "{told}");
        });
        Ok(Some(WebUi {
            _following: following,
            server,
        }))
    }
}

impl Drop for WebUi {
    fn drop(&mut self) {
        self.server.stop();
    }
}
