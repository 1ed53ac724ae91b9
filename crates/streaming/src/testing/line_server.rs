//! A server of lines that sends again what was not acknowledged.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, Builder, JoinHandle};

use parking_lot::{Condvar, Mutex};

/// How many lines wait for their acknowledgement before more have to wait.
const KEPT_MAX: usize = 100_000;
/// How many lines are sent with one write.
const LINES_AT_ONCE: usize = 1_000;

/// A server for
/// [`acknowledged_text_stream`](crate::StreamingContext::acknowledged_text_stream): it keeps
/// lines until they are acknowledged, and sends them again over each new connection.
///
/// It serves one stream at a time, on loopback. Dropping it closes the connection.
///
/// ```
/// use headwater_streaming::testing::LineServer;
/// use std::io::{BufRead, BufReader, Write};
/// use std::net::TcpStream;
///
/// let server = LineServer::start()?;
/// server.extend(["a", "b", "c"]);
/// // A stream that has the first line already.
/// let mut stream = TcpStream::connect(("127.0.0.1", server.port()))?;
/// stream.write_all(b"1\n")?;
/// let lines = BufReader::new(stream.try_clone()?).lines();
/// assert_eq!(lines.take(2).collect::<Result<Vec<_>, _>>()?, ["b", "c"]);
/// stream.write_all(b"3\n")?;
/// server.wait_until_safe(3);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LineServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The lines from `first` on.
    kept: VecDeque<String>,
    first: u64,
    /// How many lines are acknowledged. A stream may know more lines than there are yet, when
    /// the server has been started anew with the same lines.
    safe: u64,
    connection: Option<TcpStream>,
    /// Whether whoever reads acknowledgements has seen the end of the connection.
    is_over: bool,
    is_ended: bool,
}

impl LineServer {
    /// A server on a free port of the loopback interface.
    ///
    /// # Errors
    /// When there is no port, or no thread.
    pub fn start() -> io::Result<LineServer> {
        LineServer::start_at(0)
    }

    /// A server on a port of the loopback interface; 0 is any free one.
    ///
    /// ```
    /// use headwater_streaming::testing::LineServer;
    /// let server = LineServer::start_at(0)?;
    /// assert!(LineServer::start_at(server.port()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`LineServer::start`], or when the port is taken.
    pub fn start_at(port: u16) -> io::Result<LineServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        let thread = Builder::new().name("line-server".to_owned());
        let thread = thread.spawn(move || serving.serve(&listener))?;
        Ok(LineServer {
            shared,
            address,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds lines, which must not contain line ends. Waits while too many are not
    /// acknowledged.
    pub fn extend<L: Display>(&self, lines: impl IntoIterator<Item = L>) {
        for line in lines {
            let line = line.to_string();
            let mut state = self.shared.state.lock();
            while state.kept.len() >= KEPT_MAX {
                self.shared.changed.wait(&mut state);
            }
            state.kept.push_back(line);
            state.forget();
            drop(state);
            self.shared.changed.notify_all();
        }
    }

    /// How many lines are acknowledged.
    #[must_use]
    pub fn safe(&self) -> u64 {
        self.shared.state.lock().safe
    }

    /// Waits until so many lines are acknowledged.
    pub fn wait_until_safe(&self, lines: u64) {
        let mut state = self.shared.state.lock();
        self.shared
            .changed
            .wait_while(&mut state, |state| state.safe < lines);
    }
}

impl Drop for LineServer {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.is_ended = true;
        if let Some(connection) = state.connection.take() {
            // The stream may have closed it already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread where it waits for a stream to connect.
        let is_woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| is_woken) {
            // What it could have panicked about was told when it did.
            let _ = thread.join();
        }
    }
}

impl State {
    /// Drops the lines that are acknowledged.
    fn forget(&mut self) {
        while self.first < self.safe && self.kept.pop_front().is_some() {
            self.first += 1;
        }
    }
}

impl Shared {
    /// Serves one stream after the other.
    fn serve(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.state.lock().is_ended {
                return;
            }
            // A stream that has gone comes back.
            if let Err(error) = stream.and_then(|stream| self.serve_one(&stream)) {
                tracing::info!("line server: {error}");
            }
            if let Some(connection) = self.state.lock().connection.take() {
                // The stream may have closed it already.
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }

    fn serve_one(&self, stream: &TcpStream) -> io::Result<()> {
        let mut numbers = BufReader::new(stream.try_clone()?);
        {
            let mut state = self.state.lock();
            if state.is_ended {
                return Ok(());
            }
            state.connection = Some(stream.try_clone()?);
            state.is_over = false;
        }
        let Some(from) = read_number(&mut numbers)? else {
            return Ok(());
        };
        self.begin_at(from)?;
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(Some(lines)) = read_number(&mut numbers) {
                    self.acknowledged(lines);
                }
                self.state.lock().is_over = true;
                self.changed.notify_all();
            });
            let sent = self.send_from(from, stream);
            // The other thread ends with the connection.
            let _ = stream.shutdown(Shutdown::Both);
            sent
        })
    }

    /// Prepares for a stream that has so many lines.
    fn begin_at(&self, from: u64) -> io::Result<()> {
        let first = self.state.lock().first;
        if from < first {
            let message = format!(
                "a stream asks for the lines after {from}, and {first} were acknowledged and \
                 forgotten; has its checkpoint directory gone?"
            );
            tracing::error!("line server: {message}");
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        self.acknowledged(from);
        Ok(())
    }

    fn acknowledged(&self, lines: u64) {
        let mut state = self.state.lock();
        state.safe = state.safe.max(lines);
        state.forget();
        drop(state);
        self.changed.notify_all();
    }

    /// Sends the lines after the first `next`, those that are there and those that come.
    fn send_from(&self, mut next: u64, mut stream: &TcpStream) -> io::Result<()> {
        while let Some((text, lines)) = self.text_from(next) {
            stream.write_all(text.as_bytes())?;
            next += lines;
        }
        Ok(())
    }

    /// Waits for lines after the first `next`; some of them, and how many. Nothing when the
    /// connection is over.
    fn text_from(&self, next: u64) -> Option<(String, u64)> {
        let mut state = self.state.lock();
        loop {
            if state.is_over || state.is_ended {
                return None;
            }
            let skipped = usize::try_from(next.saturating_sub(state.first)).ok()?;
            let lines = state.kept.iter().skip(skipped).take(LINES_AT_ONCE);
            let (mut text, mut count) = (String::new(), 0);
            for line in lines {
                text.push_str(line);
                text.push('\n');
                count += 1;
            }
            if count > 0 {
                return Some((text, count));
            }
            self.changed.wait(&mut state);
        }
    }
}

/// The number of the next line, unless the connection ends.
fn read_number(stream: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Ok(None);
    }
    let number = line.trim_end().parse().map_err(|_| {
        let message = format!("{line:?} is no number of lines");
        io::Error::new(ErrorKind::InvalidData, message)
    })?;
    Ok(Some(number))
}
