//! The source: it sends numbered records, and again what was not acknowledged.
//!
//! A receiver connects and says `have N`, the last number that is safe with it. The source
//! sends what comes after, a record a line. The receiver answers `ack N` when all records up to
//! that number are safe: these are never sent again, whatever the receiver says later.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fastrand::Rng;
use parking_lot::{Condvar, Mutex};

use super::error::ChaosError;
use super::event::Event;

/// How many records may be under way that are not acknowledged.
const UNDER_WAY_MAX: usize = 150;
/// How many records are sent at a time, at most.
const CHUNK_MAX: usize = 40;
/// The longest time between two chunks. On average half of it: a round takes a second or two.
const GAP_MAX: Duration = Duration::from_millis(24);

/// The running source.
pub(crate) struct Source {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    events: Vec<Event>,
    seed: u64,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    /// How many records are acknowledged: numbers begin with 1.
    acknowledged: usize,
    /// The connection that is served, by its number, and whether it still stands.
    connection: u64,
    is_open: bool,
    socket: Option<TcpStream>,
    /// Acknowledged records that a receiver had forgotten when it came again.
    forgotten: Vec<String>,
    is_over: bool,
}

impl Source {
    /// Starts to listen.
    pub(crate) fn start(events: Vec<Event>, seed: u64) -> Result<Source, ChaosError> {
        let failed = "listen on the loopback interface";
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(ChaosError::system(failed))?;
        let address = listener.local_addr().map_err(ChaosError::system(failed))?;
        let shared = Arc::new(Shared {
            events,
            seed,
            progress: Mutex::default(),
            changed: Condvar::new(),
        });
        let serving = shared.clone();
        let thread = thread::spawn(move || serving.serve(&listener));
        Ok(Source {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether every record is acknowledged.
    pub(crate) fn is_done(&self) -> bool {
        self.shared.progress.lock().acknowledged == self.shared.events.len()
    }

    /// What receivers had forgotten, though they had acknowledged it.
    pub(crate) fn forgotten(&self) -> Vec<String> {
        self.shared.progress.lock().forgotten.clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.shared.end();
        // The thread may be waiting for a connection: this is one.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn end(&self) {
        let mut progress = self.progress.lock();
        progress.is_over = true;
        progress.is_open = false;
        if let Some(socket) = &progress.socket {
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    /// One receiver after the other: a process has one, and before the next it is gone.
    fn serve(self: Arc<Self>, listener: &TcpListener) {
        for (connection, socket) in (1..).zip(listener.incoming()) {
            if self.progress.lock().is_over {
                return;
            }
            if let Ok(socket) = socket {
                // A receiver that is killed ends its connection with an error.
                let _ = self.serve_one(connection, &socket);
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }

    fn serve_one(self: &Arc<Self>, connection: u64, socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut answers = BufReader::new(socket.try_clone()?);
        {
            let mut progress = self.progress.lock();
            progress.connection = connection;
            progress.is_open = true;
            progress.socket = Some(socket.try_clone()?);
        }
        let Some(have) = number_after("have ", &mut answers)? else {
            return Ok(());
        };
        let first = self.begin(have);
        let reading = self.clone();
        let reader = thread::spawn(move || reading.take_answers(connection, &mut answers));
        let sent = self.send_from(first, socket);
        let _ = socket.shutdown(Shutdown::Both);
        let _ = reader.join();
        sent
    }

    /// The place of the first record to send to a receiver that has so many.
    fn begin(&self, have: usize) -> usize {
        let mut progress = self.progress.lock();
        let acknowledged = progress.acknowledged;
        if have < acknowledged {
            progress.forgotten.push(format!(
                "the receiver had acknowledged {acknowledged} records and came again with {have}"
            ));
        }
        progress.acknowledged = acknowledged.max(have);
        progress.acknowledged
    }

    fn take_answers(&self, connection: u64, answers: &mut impl BufRead) {
        while let Ok(Some(number)) = number_after("ack ", answers) {
            let mut progress = self.progress.lock();
            progress.acknowledged = progress.acknowledged.max(number);
            self.changed.notify_all();
        }
        let mut progress = self.progress.lock();
        if progress.connection == connection {
            progress.is_open = false;
        }
        self.changed.notify_all();
    }

    /// Sends until the connection ends, with gaps of random length.
    fn send_from(&self, first: usize, mut socket: &TcpStream) -> io::Result<()> {
        let mut draw = Rng::with_seed(self.seed ^ first as u64);
        let mut sent = first;
        loop {
            let chunk = (sent + draw.usize(1..=CHUNK_MAX)).min(self.events.len());
            let mut lines = String::new();
            for event in &self.events[sent..chunk] {
                lines.push_str(&event.to_string());
                lines.push('\n');
            }
            socket.write_all(lines.as_bytes())?;
            sent = chunk;
            if !self.wait(sent, GAP_MAX.mul_f64(draw.f64())) {
                return Ok(());
            }
        }
    }

    /// Waits for the gap, and then until there is room for more; `false` when the connection
    /// has ended.
    fn wait(&self, sent: usize, gap: Duration) -> bool {
        let mut progress = self.progress.lock();
        let is_open = |progress: &mut Progress| progress.is_open;
        self.changed.wait_while_for(&mut progress, is_open, gap);
        let is_all = sent == self.events.len();
        let has_room = |progress: &Progress| sent < progress.acknowledged + UNDER_WAY_MAX;
        let waits = |progress: &mut Progress| progress.is_open && (is_all || !has_room(progress));
        self.changed.wait_while(&mut progress, waits);
        progress.is_open
    }
}

/// The number that the next line gives; `None` at the end, or when the line is cut off.
fn number_after(word: &str, lines: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let number = line
        .strip_suffix('\n')
        .and_then(|line| line.strip_prefix(word));
    Ok(number.and_then(|number| number.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::super::event::events;
    use super::*;

    struct Client {
        lines: BufReader<TcpStream>,
    }

    impl Client {
        fn connect(source: &Source, have: usize) -> Client {
            let mut socket = TcpStream::connect(source.address()).unwrap();
            writeln!(socket, "have {have}").unwrap();
            Client {
                lines: BufReader::new(socket),
            }
        }

        fn next(&mut self) -> Event {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            line.parse().unwrap()
        }

        fn acknowledge(&mut self, number: i64) {
            writeln!(self.lines.get_mut(), "ack {number}").unwrap();
        }
    }

    /// An acknowledgement is known when the next connection begins behind it.
    fn first_number(source: &Source) -> i64 {
        Client::connect(source, 0).next().number
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again() {
        let all = events(5, 400);
        let source = Source::start(all.clone(), 5).unwrap();
        let mut client = Client::connect(&source, 0);
        let got: Vec<_> = (0..30).map(|_| client.next()).collect();
        assert_eq!(got, all[..30]);
        drop(client);
        assert_eq!(first_number(&source), 1);
        assert!(source.forgotten().is_empty());
        // A receiver may have more than the source has heard of.
        assert_eq!(Client::connect(&source, 20).next().number, 21);
        assert_eq!(source.shared.progress.lock().acknowledged, 20);
    }

    #[test]
    fn acknowledged_records_are_not_sent_again_and_must_not_be_forgotten() {
        let source = Source::start(events(5, 300), 5).unwrap();
        let mut client = Client::connect(&source, 0);
        let last = (0..300).map(|_| {
            let number = client.next().number;
            client.acknowledge(number);
            number
        });
        assert_eq!(last.last(), Some(300));
        let mut progress = source.shared.progress.lock();
        let waits = |progress: &mut Progress| progress.acknowledged < 300;
        source.shared.changed.wait_while(&mut progress, waits);
        drop(progress);
        assert!(source.is_done());
        drop(client);
        let mut again = Client::connect(&source, 299);
        again.acknowledge(300);
        drop(again);
        // The next connection is served after that one.
        drop(Client::connect(&source, 300));
        let mut progress = source.shared.progress.lock();
        let waits = |progress: &mut Progress| progress.connection < 3;
        source.shared.changed.wait_while(&mut progress, waits);
        assert_eq!(progress.forgotten.len(), 1, "{:?}", progress.forgotten);
    }
}
