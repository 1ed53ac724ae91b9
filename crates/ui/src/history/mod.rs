//! The same pages for programs that have ended, or run elsewhere, from their event logs.
//!
//! `/` lists the programs whose logs lie in a directory, and `/api/v1` answers for all of them;
//! below `/history/<log>/` are the pages of each. They are those of a running program
//! ([`crate::pages`]): only their links begin differently ([`crate::pages::Base`]).

mod list;
mod programs;
mod rest;
mod routes;

use std::sync::Arc;

use axum::Router;
use headwater_core::Conf;
use headwater_store::Location;

use crate::error::UiError;
use crate::log::LogError;
use crate::server::{Access, Server, Traffic};
use crate::settings::Settings;

use programs::Programs;

/// Shows event logs for as long as this value lives: Spark's `HistoryServer`, streams included.
#[must_use = "the pages are gone when this is dropped"]
pub struct HistoryServer {
    server: Server,
}

impl HistoryServer {
    /// Shows the logs in a directory or object store, which is what their programs were given
    /// as `event_log.dir`. Logs that are added or go on later are shown as well.
    ///
    /// The configuration says where to listen (`ui.bind`, `ui.token` and `ui.history.port`, by
    /// default 18080 as Spark's), how much of each program to show (`ui.retained_batches`, ...)
    /// and how many programs to keep in memory (`ui.history.retained`).
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_ui::HistoryServer;
    /// let logs = tempfile::tempdir().unwrap();
    /// let conf = Conf::new().set("ui.history.port", 0);
    /// let server = HistoryServer::serve(logs.path().to_str().unwrap(), &conf)?;
    /// assert!(server.url().starts_with("http://127.0.0.1:"));
    /// # Ok::<(), headwater_ui::UiError>(())
    /// ```
    ///
    /// # Errors
    /// [`UiError::Conf`] for settings that are wrong, [`UiError::Log`] when the directory cannot
    /// be read, [`UiError::Bind`] when no port is free, and [`UiError::Start`].
    pub fn serve(dir: &str, conf: &Conf) -> Result<HistoryServer, UiError> {
        let settings = Settings::of_history(conf)?;
        let access = Arc::new(Access::new(&settings)?);
        let traffic = Arc::new(Traffic::new(settings.connections));
        let router = router(dir, &settings, access.clone(), traffic.clone())?;
        let server = Server::start(router, &access, &settings, traffic)?;
        Ok(HistoryServer { server })
    }

    /// Where the list of programs is, with the access token if it was made up.
    #[must_use]
    pub fn url(&self) -> &str {
        self.server.url()
    }
}

/// What answers for the logs in a directory.
pub(crate) fn router(
    dir: &str,
    settings: &Settings,
    access: Arc<Access>,
    traffic: Arc<Traffic>,
) -> Result<Router, UiError> {
    let dir = Location::at(dir).map_err(LogError::from)?;
    dir.children().map_err(LogError::from)?;
    let programs = Programs::new(dir, settings, access.clone());
    Ok(routes::router(Arc::new(programs), access, traffic))
}

impl Drop for HistoryServer {
    fn drop(&mut self) {
        self.server.stop();
    }
}
