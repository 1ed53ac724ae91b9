//! Lines of text from a TCP server that sends again what was not acknowledged.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Site, Text};

use super::server::{ReadError, Server};
use super::socket::{LINE_BYTES_MAX, READ_BYTES};
use crate::StreamingContext;
use crate::clock::Clock;
use crate::dstream::DStream;
use crate::receiver::{Receiver, ReceiverContext};

/// What comes in one block interval is stored in parts of about this size.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;

impl StreamingContext {
    /// Lines of UTF-8 text from a TCP server that sends again what was not acknowledged. With a
    /// checkpoint directory each line is in exactly one batch, whenever this process, the
    /// server or the connection dies. Spark has no such stream.
    ///
    /// The server speaks this protocol, which is text in both directions:
    ///
    /// 1. When the connection stands, the stream sends a decimal number and `\n`: how many lines
    ///    it has. At first that is 0.
    /// 2. The server leaves out so many lines and sends the following ones, each ended by
    ///    `\n`, as they come, over as many connections as it takes.
    /// 3. Once for each block of lines, which is what comes in a block interval or what the rate
    ///    allows in one, and when it is safe in the checkpoint directory, the stream sends a
    ///    number again: how many lines it has in all. The server may forget them. It has to
    ///    read these numbers while it sends.
    ///
    /// A line without its end when the connection is lost does not count, and is to be sent
    /// again. A `\r` before the `\n` is not part of a line, and invalid UTF-8 becomes U+FFFD. A
    /// lost connection is made again as by [`StreamingContext::socket_text_stream`].
    ///
    /// How many lines there are is remembered for the input, with the server's address. Without a
    /// name the stream does not start when it would go on from the lines of another address; an
    /// input that is [`named`](DStream::named) may find its server elsewhere.
    ///
    /// A server must never number its lines anew while the checkpoint directory exists: what
    /// it sends as line five is taken for the line five that is there. Without a checkpoint
    /// directory, or with `streaming.receiver.write_ahead_log.enable=false`, lines are
    /// acknowledged when they are in memory, and a new process says 0 again.
    ///
    /// [`testing::LineServer`](crate::testing::LineServer) is such a server.
    ///
    /// ```
    /// use headwater_streaming::testing::LineServer;
    /// use headwater_streaming::{StreamingContext, time::millis};
    /// # let dir = tempfile::tempdir()?;
    /// # let directory = dir.path().to_str().ok_or("no UTF-8")?;
    ///
    /// let server = LineServer::start()?;
    /// server.extend(["to be", "or not"]);
    /// let ctx = headwater_core::Context::local(2)?;
    /// let ssc = StreamingContext::new(&ctx, millis(10))?;
    /// ssc.checkpoint(directory)?;
    /// ssc.acknowledged_text_stream("127.0.0.1", server.port()).print();
    /// ssc.start()?;
    /// server.wait_until_safe(2);
    /// ssc.stop(true, true)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn acknowledged_text_stream(&self, host: &str, port: u16) -> DStream<Text> {
        let receiver = AcknowledgedReceiver {
            server: Server::new(host, port),
            clock: self.clock().clone(),
            block_interval: self.receiver_settings().block_interval,
        };
        self.received(Site::here("acknowledged_text_stream"), receiver)
    }
}

/// Reads lines from one server, and tells it which ones are safe.
struct AcknowledgedReceiver {
    server: Server,
    clock: Arc<dyn Clock>,
    block_interval: Duration,
}

impl Receiver<Text> for AcknowledgedReceiver {
    fn on_start(&self, ctx: &ReceiverContext<Text>) -> Result<(), String> {
        self.server.read(ctx, |stream| self.receive(stream, ctx))
    }

    fn on_stop(&self) {
        self.server.disconnect();
    }

    fn check_position(&self, position: &[u8]) -> Result<(), String> {
        let position = Position::read(position).map_err(|error| error.to_string())?;
        let here = self.server.address();
        match position.server {
            Some(server) if server != here => Err(format!(
                "that one has {} lines of the server {server}, and this one reads from {here}",
                position.lines
            )),
            _ => Ok(()),
        }
    }
}

impl AcknowledgedReceiver {
    /// Stores the lines of a connection until its end, or until the receiver is stopped.
    fn receive(&self, stream: TcpStream, ctx: &ReceiverContext<Text>) -> Result<(), ReadError> {
        let position = ctx.last_position()?;
        let position = position.as_deref().map(Position::read).transpose()?;
        let mut safe = position.map_or(0, |position| position.lines);
        let mut connection = Connection {
            stream,
            buffer: vec![0; READ_BYTES],
            received: Vec::new(),
        };
        connection.acknowledge(safe)?;
        while self.gather(&mut connection)? {
            let Some(block) = connection.take_lines() else {
                continue;
            };
            let mut lines = lines_of(block);
            loop {
                let most = ctx.allowed_in(self.block_interval);
                let part: Vec<Text> = lines.by_ref().take(most).collect();
                if part.is_empty() {
                    break;
                }
                safe += part.len() as u64;
                let position = Position {
                    lines: safe,
                    server: Some(self.server.address()),
                };
                ctx.store_block_at(Arc::new(part), position.to_string().as_bytes())?;
                connection.acknowledge(safe)?;
            }
        }
        Ok(())
    }

    /// Waits for bytes, and for more of them until the block interval is over; `false` at the
    /// end of the connection.
    fn gather(&self, connection: &mut Connection) -> io::Result<bool> {
        let before = connection.received.len();
        if !connection.read(None)? {
            return Ok(false);
        }
        let until = self.clock.now().floor(self.block_interval) + self.block_interval;
        while connection.received.len() - before < BLOCK_BYTES {
            let left = until.checked_since(self.clock.now());
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                break;
            };
            match connection.read(Some(left)) {
                Ok(true) => {}
                // What came before the end is taken first.
                Ok(false) => break,
                Err(error) if is_time_out(&error) => break,
                Err(error) => return Err(error),
            }
        }
        if connection.received.len() > LINE_BYTES_MAX {
            connection.check_length(before)?;
        }
        Ok(true)
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What was read and is not stored.
    received: Vec<u8>,
}

impl Connection {
    fn acknowledge(&mut self, lines: u64) -> io::Result<()> {
        // In one piece: the server may look at each packet.
        self.stream.write_all(format!("{lines}\n").as_bytes())
    }

    /// Reads what is there, or will be in the time; `false` at the end of the connection.
    fn read(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.stream.set_read_timeout(limit)?;
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(read) => {
                    let new = self.buffer.get(..read).unwrap_or_default();
                    self.received.extend_from_slice(new);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The whole lines of what was read, if there are any.
    fn take_lines(&mut self) -> Option<Vec<u8>> {
        let whole = memchr::memrchr(b'\n', &self.received)? + 1;
        let tail = self.received.split_off(whole);
        Some(mem::replace(&mut self.received, tail))
    }

    /// Refuses a line that would fill the memory; it cannot be cut, since lines are counted.
    fn check_length(&self, before: usize) -> io::Result<()> {
        let new = self.received.get(before..).unwrap_or_default();
        if memchr::memchr(b'\n', new).is_some() {
            return Ok(());
        }
        let message = format!("a line is longer than {} MiB", LINE_BYTES_MAX >> 20);
        Err(io::Error::new(ErrorKind::InvalidData, message))
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The lines of a block that ends with one.
fn lines_of(mut block: Vec<u8>) -> impl Iterator<Item = Text> {
    block.pop();
    let text = String::from_utf8(block)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    let lines = Text::from(text).into_split('\n');
    lines.map(|line| match line.strip_suffix('\r') {
        Some(rest) => line.slice_ref(rest),
        None => line,
    })
}

/// How far the lines of a server were taken.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    lines: u64,
    /// Whose lines they are; earlier releases did not say.
    server: Option<String>,
}

impl Position {
    fn read(position: &[u8]) -> io::Result<Self> {
        let text = String::from_utf8_lossy(position);
        let (lines, server) = match text.split_once(' ') {
            Some((lines, server)) => (lines, Some(server.to_owned())),
            None => (&*text, None),
        };
        let lines = lines.parse().map_err(|_| {
            let message = format!(
                "the checkpoint directory says {text:?} where the number of lines should be; \
                 another kind of receiver has written it"
            );
            io::Error::new(ErrorKind::InvalidData, message)
        })?;
        Ok(Position { lines, server })
    }
}

/// As it is read.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.lines)?;
        self.server
            .iter()
            .try_for_each(|server| write!(f, " {server}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_says_whose_lines_it_counts() {
        let server = Some("host name:9".to_owned());
        let position = Position { lines: 7, server };
        let read = |text: &str| Position::read(text.as_bytes());
        assert_eq!(read(&position.to_string()).unwrap(), position);
        let server = None;
        assert_eq!(read("7").unwrap(), Position { lines: 7, server });
        assert!(read("seven").unwrap_err().to_string().contains("\"seven\""));
    }
}
