//! HTTP: one thread that listens, and answers from the model.

mod access;
mod assets;
mod changes;
mod connections;
mod large;
mod listening;
mod routes;
mod traffic;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use jiff::tz::TimeZone;
use tokio::sync::Notify;

pub(crate) use access::Access;
pub(crate) use routes::{first_page, guarded, respond, router};
pub(crate) use traffic::Traffic;

use crate::error::UiError;
use crate::live::Live;
use crate::pages::Base;
use crate::settings::Settings;
use crate::site::Site;

use connections::Bounds;

/// What the server answers from.
pub(crate) struct Shown {
    pub(crate) site: Arc<Site>,
    /// The program, if it runs in this process.
    pub(crate) live: Option<Live>,
    pub(crate) access: Arc<Access>,
    /// That of the server that answers.
    pub(crate) traffic: Arc<Traffic>,
    /// The zone of the times on pages.
    pub(crate) zone: TimeZone,
    pub(crate) base: Base,
}

impl Shown {
    pub(crate) fn new(site: Arc<Site>, live: Option<Live>, access: Arc<Access>) -> Self {
        Shown {
            site,
            live,
            access,
            traffic: Arc::default(),
            zone: TimeZone::system(),
            base: Base::default(),
        }
    }
}

/// A server that runs.
pub(crate) struct Server {
    url: String,
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to answer on the first port that is free.
    pub(crate) fn start(
        router: Router,
        access: &Access,
        settings: &Settings,
        traffic: Arc<Traffic>,
    ) -> Result<Self, UiError> {
        let listener = listening::bind(settings)?;
        let address = listener.local_addr().map_err(UiError::Start)?;
        let url = access.url(address);
        listener.set_nonblocking(true).map_err(UiError::Start)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(UiError::Start)?;
        let end = Arc::new(Notify::new());
        let ended = end.clone();
        let bounds = Bounds::of(settings);
        let serve = move || {
            let result = runtime.block_on(serve(listener, router, bounds, traffic, ended));
            if let Err(error) = result {
                tracing::error!(%error, "the web UI has ended");
            }
        };
        let thread = std::thread::Builder::new().name("hw-ui".to_owned());
        let thread = thread.spawn(serve).map_err(UiError::Start)?;
        Ok(Server {
            url,
            end,
            thread: Some(thread),
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn stop(&mut self) {
        // It is kept for a server that does not wait for it yet.
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has logged what it died of.
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    traffic: Arc<Traffic>,
    ended: Arc<Notify>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Open connections, such as those of pages that wait for changes, are cut.
    tokio::select! {
        () = connections::serve(listener, router, bounds, traffic) => Ok(()),
        () = ended.notified() => Ok(()),
    }
}

#[cfg(test)]
mod tests;
