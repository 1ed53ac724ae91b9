//! The TCP server that a receiver reads.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::receiver::{ReceiverContext, StoreError};

/// How long one address is tried: a stop has to wait for it.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Why a connection is read no further, before its end.
pub(super) enum ReadError {
    Connection(io::Error),
    /// What was read is not taken. It is not the server's fault, and must not be told as it.
    Store(StoreError),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Connection(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        ReadError::Store(error)
    }
}

/// A server, and the connection to it.
pub(super) struct Server {
    host: String,
    port: u16,
    /// The socket that is being read, for a stop to shut down.
    connection: Mutex<Option<TcpStream>>,
    was_connected: AtomicBool,
}

impl Server {
    pub(super) fn new(host: &str, port: u16) -> Self {
        Server {
            host: host.to_owned(),
            port,
            connection: Mutex::new(None),
            was_connected: AtomicBool::new(false),
        }
    }

    /// The host and port, as the user gave them.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects and reads until the connection is lost, after which the receiver is started
    /// again, or until [`Server::disconnect`].
    pub(super) fn read<T: Send + Sync + 'static>(
        &self,
        ctx: &ReceiverContext<T>,
        read: impl FnOnce(TcpStream) -> Result<(), ReadError>,
    ) -> Result<(), String> {
        let server = self.address();
        let stream = match self.connect() {
            Ok(stream) => stream,
            Err(error) => {
                let message =
                    format!("cannot connect to {server}: {error}; is a server listening there?");
                if self.was_connected.load(Ordering::Relaxed) {
                    ctx.restart(&message);
                    return Ok(());
                }
                return Err(message);
            }
        };
        let other = stream
            .try_clone()
            .map_err(|error| format!("socket of {server}: {error}"))?;
        *self.connection.lock() = Some(other);
        if ctx.is_stopped() {
            // The stop may have come before there was a connection to shut down.
            return Ok(());
        }
        self.was_connected.store(true, Ordering::Relaxed);
        ctx.connected();
        match read(stream) {
            Ok(()) => ctx.restart(&format!("{server} closed the connection")),
            // Either this start of the receiver was stopped, or the stream stops.
            Err(ReadError::Store(StoreError::Stopped)) => {}
            Err(_) if ctx.is_stopped() => {}
            Err(ReadError::Connection(error)) => {
                ctx.restart(&format!("cannot read from {server}: {error}"));
            }
            Err(ReadError::Store(error)) => {
                return Err(format!("what {server} sent is not taken: {error}"));
            }
        }
        Ok(())
    }

    /// Ends the connection, and with it what reads it.
    pub(super) fn disconnect(&self) {
        if let Some(connection) = self.connection.lock().take() {
            // The peer may have closed it already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Connects to the first address of the host that answers.
    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = ErrorKind::AddrNotAvailable.into();
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
