//! A server to which examples connect.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use super::TIME_LIMIT;
use crate::error::Error;

/// Listens on a local port, to which one example after the other connects.
pub(super) struct Server {
    name: &'static str,
    listener: TcpListener,
    port: u16,
}

impl Server {
    pub(super) fn start(name: &'static str) -> Result<Self, Error> {
        let started = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            Ok(Self {
                name,
                listener,
                port,
            })
        };
        started().map_err(|error: std::io::Error| failed(name, error))
    }

    pub(super) fn port(&self) -> String {
        self.port.to_string()
    }

    /// Waits for the example to connect.
    pub(super) fn accept(&self, deadline: Instant) -> Result<Client, Error> {
        let listener = self.listener.try_clone();
        let listener = listener.map_err(|error| failed(self.name, error))?;
        let (sender, receiver) = sync_channel(1);
        // The thread outlives a missed deadline, but then so does nothing else.
        thread::spawn(move || sender.send(listener.accept()));
        let limit = deadline.saturating_duration_since(Instant::now());
        let name = self.name;
        match receiver.recv_timeout(limit) {
            Ok(Ok((stream, _))) => Ok(Client { name, stream }),
            Ok(Err(error)) => Err(failed(name, error)),
            Err(_) => Err(failed(
                name,
                format!("did not connect within {TIME_LIMIT:?}"),
            )),
        }
    }
}

/// The connection of an example.
pub(super) struct Client {
    name: &'static str,
    stream: TcpStream,
}

impl Client {
    pub(super) fn send(&mut self, text: &str) -> Result<(), Error> {
        let sent = self.stream.write_all(text.as_bytes());
        sent.map_err(|error| failed(self.name, error))
    }
}

fn failed(name: &'static str, reason: impl std::fmt::Display) -> Error {
    let reason = reason.to_string();
    Error::Example { name, reason }
}
