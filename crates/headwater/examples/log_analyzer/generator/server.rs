//! Serves generated lines on a loopback socket at a steady rate.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::LogLines;

/// How often a client's thread wakes to send what is due, and the acceptor to look for clients.
const SLICE: Duration = Duration::from_millis(40);
/// Lines are handed to the socket in pieces of about this size.
const BUFFER_BYTES: usize = 64 * 1024;
/// More clients than this wait in the listener's queue until another one leaves.
const CLIENTS_MAX: usize = 64;

/// A server on 127.0.0.1 that sends each client access log lines; dropping it ends all its threads.
///
/// Clients do not share the rate: each gets the whole. The first one gets the lines of the seed
/// itself, the following ones those of the next seeds.
#[derive(Debug)]
pub(crate) struct LogServer {
    addr: SocketAddr,
    stopping: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl LogServer {
    /// Binds a free port and starts to serve.
    pub(crate) fn start(rate_per_s: u32, seed: u64) -> io::Result<LogServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // The acceptor polls, so that stopping it depends on no connection that could fail.
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let acceptor = Acceptor {
            listener,
            rate_per_s,
            next_seed: seed,
            stopping: Arc::clone(&stopping),
            clients: Vec::new(),
        };
        let acceptor = spawn("log-server", move || acceptor.run())?;
        Ok(LogServer {
            addr,
            stopping,
            acceptor: Some(acceptor),
        })
    }

    /// Where the server listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for LogServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            // A panic has already been reported on standard error.
            let _ = acceptor.join();
        }
    }
}

/// A connected client: its thread, and its socket, by which a blocked write can be ended.
struct Client {
    stream: TcpStream,
    thread: JoinHandle<()>,
}

struct Acceptor {
    listener: TcpListener,
    rate_per_s: u32,
    next_seed: u64,
    stopping: Arc<AtomicBool>,
    clients: Vec<Client>,
}

impl Acceptor {
    fn run(mut self) {
        while !self.stopping.load(Ordering::Relaxed) {
            self.clients.retain(|client| !client.thread.is_finished());
            let accepted = self.clients.len() < CLIENTS_MAX && self.accept().is_ok();
            if !accepted {
                thread::sleep(SLICE);
            }
        }
        for client in &self.clients {
            // It fails only for a client that has already gone.
            let _ = client.stream.shutdown(Shutdown::Both);
        }
        for client in self.clients {
            let _ = client.thread.join();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (stream, _) = self.listener.accept()?;
        // Some systems let the connection inherit this from the listener.
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        let writer = stream.try_clone()?;
        let lines = LogLines::new(self.next_seed);
        self.next_seed = self.next_seed.wrapping_add(1);
        let (rate_per_s, stopping) = (self.rate_per_s, Arc::clone(&self.stopping));
        let thread = spawn("log-server-client", move || {
            // An error means that the client has gone; that ends its thread and nothing else.
            let _ = serve(writer, Pacer::new(rate_per_s), lines, &stopping);
        })?;
        self.clients.push(Client { stream, thread });
        Ok(())
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// Sends lines as they become due until the client goes or the server stops.
fn serve(
    mut stream: TcpStream,
    mut pacer: Pacer,
    mut lines: LogLines,
    stopping: &AtomicBool,
) -> io::Result<()> {
    let start = Instant::now();
    let mut buffer = String::with_capacity(BUFFER_BYTES + 1024);
    while !stopping.load(Ordering::Relaxed) {
        let now = Timestamp::now();
        for _ in 0..pacer.due(start.elapsed()) {
            lines.append_line(now, &mut buffer);
            if buffer.len() >= BUFFER_BYTES {
                stream.write_all(buffer.as_bytes())?;
                buffer.clear();
            }
        }
        stream.write_all(buffer.as_bytes())?;
        buffer.clear();
        thread::sleep(SLICE);
    }
    Ok(())
}

/// Says how many lines are due. It counts from the start, so late wake-ups do not lower the rate.
struct Pacer {
    rate_per_s: u32,
    released: u64,
}

impl Pacer {
    fn new(rate_per_s: u32) -> Pacer {
        Pacer {
            rate_per_s,
            released: 0,
        }
    }

    /// The lines to send now, `elapsed` after the start: at most those of one second, because the
    /// backlog of a client that stalled for longer is not worth a flood.
    fn due(&mut self, elapsed: Duration) -> u64 {
        let target = elapsed.as_micros() * u128::from(self.rate_per_s) / 1_000_000;
        let target = u64::try_from(target).unwrap_or(u64::MAX);
        let due = target.saturating_sub(self.released);
        self.released = target;
        due.min(u64::from(self.rate_per_s))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;
    use crate::access_log::AccessLog;

    #[test]
    fn the_pacer_keeps_the_rate_over_uneven_slices() {
        let mut pacer = Pacer::new(1_000);
        let mut sent = 0;
        for ms in [0, 1, 3, 400, 400, 999, 1_000] {
            sent += pacer.due(Duration::from_millis(ms));
            assert_eq!(sent, ms);
        }
        let mut slow = Pacer::new(2);
        let due: Vec<u64> = (0..5)
            .map(|n| slow.due(Duration::from_millis(n * 250)))
            .collect();
        assert_eq!(due, [0, 0, 1, 0, 1]);
    }

    #[test]
    fn the_pacer_forgets_more_than_a_second_of_backlog() {
        let mut pacer = Pacer::new(1_000);
        assert_eq!(pacer.due(Duration::from_secs(60)), 1_000);
        assert_eq!(pacer.due(Duration::from_millis(60_010)), 10);
        assert_eq!(Pacer::new(0).due(Duration::from_secs(60)), 0);
    }

    #[test]
    fn the_first_client_gets_the_lines_of_the_seed() {
        let server = LogServer::start(100_000, 5).unwrap();
        let reader = BufReader::new(TcpStream::connect(server.addr()).unwrap());
        let mut expected = String::new();
        let mut lines = LogLines::new(5);
        let mut same = 0;
        for line in reader.lines().take(500) {
            let line = line.unwrap();
            expected.clear();
            lines.append_line(Timestamp::UNIX_EPOCH, &mut expected);
            // Only the timestamps differ; a malformed line may have lost its timestamp.
            if let (Ok(got), Ok(want)) = (AccessLog::parse(&line), AccessLog::parse(&expected)) {
                assert_eq!(
                    got,
                    AccessLog {
                        timestamp: got.timestamp,
                        ..want
                    }
                );
                same += 1;
            }
        }
        assert!(same > 450, "{same}");
    }

    #[test]
    fn dropping_ends_clients_that_read_and_clients_that_do_not() {
        let server = LogServer::start(1_000_000, 1).unwrap();
        let stalled = TcpStream::connect(server.addr()).unwrap();
        let mut reading = BufReader::new(TcpStream::connect(server.addr()).unwrap());
        let mut line = String::new();
        assert!(reading.read_line(&mut line).unwrap() > 0);
        let stopping = Arc::clone(&server.stopping);
        drop(server);
        assert_eq!(
            Arc::strong_count(&stopping),
            1,
            "a thread still holds the flag"
        );
        // What was sent before is still there; then comes the end.
        while reading.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            line.clear();
        }
        drop(stalled);
    }

    #[test]
    fn a_client_that_leaves_disturbs_no_other() {
        let server = LogServer::start(100_000, 1).unwrap();
        drop(TcpStream::connect(server.addr()).unwrap());
        let reader = BufReader::new(TcpStream::connect(server.addr()).unwrap());
        assert_eq!(reader.lines().take(100).filter(Result::is_ok).count(), 100);
    }
}
