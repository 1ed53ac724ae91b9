//! Connections: how many there are at the same time, and how long one may do nothing.
//!
//! A stream needs its file descriptors and its memory for itself. Who connects takes a seat
//! before the connection is accepted, and loses it when it does not ask, or does not read what
//! it asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};

use super::traffic::Traffic;
use crate::settings::Settings;

/// What a server spends on those who ask it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    connections: usize,
    /// So long a request, the next one included, may take until it is there.
    request: Duration,
    /// So long a client may read nothing of an answer.
    answer: Duration,
}

/// What is kept for each connection of what came and of what is to be sent.
const BUFFER_BYTES: usize = 64 * 1024;

/// When the system has no more file descriptors it may have some again after this time.
const PAUSE: Duration = Duration::from_secs(1);

impl Bounds {
    pub(super) fn of(settings: &Settings) -> Self {
        Bounds {
            connections: settings.connections,
            request: settings.patience,
            answer: settings.patience * 3,
        }
    }
}

/// Answers for ever.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    traffic: Arc<Traffic>,
) {
    let seats = Arc::new(Semaphore::new(bounds.connections));
    // Who comes while all seats are taken waits in the system's queue, which costs this process
    // no file descriptor.
    while let Ok(seat) = seats.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (router, traffic) = (router.clone(), traffic.clone());
                let open = traffic.opened();
                tokio::spawn(async move {
                    answer(stream, router, bounds, &traffic).await;
                    drop((open, seat));
                });
            }
            Err(error) if is_of_one(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the web UI can accept no connection");
                tokio::time::sleep_until(Instant::now() + PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that would have been accepted is lost.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn answer(stream: TcpStream, router: Router, bounds: Bounds, traffic: &Traffic) {
    let stream = Watched {
        stream,
        patience: bounds.answer,
        until: None,
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.request)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        traffic.cut();
        tracing::debug!(%error, "a connection to the web UI was cut");
    }
}

/// A connection that fails when the other side has read nothing for too long.
struct Watched {
    stream: TcpStream,
    patience: Duration,
    /// While a write waits: when that was long enough.
    until: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    fn watch<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let end = || Box::pin(tokio::time::sleep_until(Instant::now() + self.patience));
        let until = self.until.get_or_insert_with(end);
        ready!(until.as_mut().poll(context));
        let error = "it does not read what it asked for";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, error)))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(written, context)
    }

    /// Large answers are not copied for it.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
