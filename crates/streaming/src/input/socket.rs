//! Lines of text from a TCP server.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use headwater_core::text::TextBlock;
use headwater_core::{Site, Text};
use parking_lot::Mutex;

use crate::StreamingContext;
use crate::dstream::DStream;
use crate::receiver::{Receiver, ReceiverContext};

/// How much is read at a time; lines are slices of what one read gave.
const READ_BYTES: usize = 256 * 1024;
/// A line that is longer than this is cut, so that a peer cannot fill the memory with one.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

impl StreamingContext {
    /// Lines of UTF-8 text from a TCP server: Spark's `socketTextStream`.
    ///
    /// A line ends with `\n`, `\r\n` or a lone `\r`; a last line without an end is taken
    /// when the server closes the connection. Invalid UTF-8 becomes U+FFFD. When the
    /// connection is lost it is made again after `streaming.receiver.restart_delay`; a
    /// server that was never there is given up after a few tries, and `await_termination`
    /// says so.
    ///
    /// ```no_run
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// use headwater_core::Text;
    /// let ctx = headwater_core::Context::local(2)?;
    /// let ssc = StreamingContext::new(&ctx, seconds(1))?;
    /// let words = ssc.socket_text_stream("localhost", 9999).flat_map(Text::into_words);
    /// words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b).print();
    /// ssc.start()?;
    /// ssc.await_termination()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn socket_text_stream(&self, host: &str, port: u16) -> DStream<Text> {
        let receiver = SocketReceiver {
            host: host.to_owned(),
            port,
            connection: Arc::default(),
            was_connected: Mutex::new(false),
        };
        self.received(Site::here("socket_text_stream"), receiver)
    }
}

/// How long one address is tried: a stop has to wait for it.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Reads lines from one server.
struct SocketReceiver {
    host: String,
    port: u16,
    /// The socket that `on_start` reads, for `on_stop` to shut down.
    connection: Arc<Mutex<Option<TcpStream>>>,
    was_connected: Mutex<bool>,
}

impl SocketReceiver {
    /// Connects to the first address of the host that answers.
    fn connect(&self) -> std::io::Result<TcpStream> {
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

impl Receiver<Text> for SocketReceiver {
    fn on_start(&self, ctx: &ReceiverContext<Text>) -> Result<(), String> {
        let server = format!("{}:{}", self.host, self.port);
        let stream = match self.connect() {
            Ok(stream) => stream,
            Err(error) => {
                let message =
                    format!("cannot connect to {server}: {error}; is a server listening there?");
                if *self.was_connected.lock() {
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
            // `on_stop` may have come before there was a connection to shut down.
            return Ok(());
        }
        *self.was_connected.lock() = true;
        ctx.connected();
        match read_lines(stream, ctx) {
            Ok(()) => ctx.restart(&format!("{server} closed the connection")),
            Err(error) if !ctx.is_stopped() => {
                ctx.restart(&format!("cannot read from {server}: {error}"));
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn on_stop(&self) {
        if let Some(connection) = self.connection.lock().take() {
            // The peer may have closed it already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Stores the lines of a stream until its end, or until the receiver is stopped.
fn read_lines(mut stream: impl Read, ctx: &ReceiverContext<Text>) -> std::io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    let mut rest = Vec::new();
    let mut lines = Vec::new();
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        rest.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let is_end = read == 0;
        let whole = if is_end {
            rest.len()
        } else {
            end_of_lines(&rest)
        };
        if whole > 0 {
            let tail = rest.split_off(whole);
            let block = std::mem::replace(&mut rest, tail);
            let heap_bytes = block.len() as u64;
            TextBlock::from_utf8_lossy(block).lines_into(&mut lines);
            if ctx.append_sized(&mut lines, heap_bytes).is_err() {
                return Ok(());
            }
        }
        if is_end {
            return Ok(());
        }
    }
}

/// How many of the bytes are whole lines. A `\r` at the very end may be half of `\r\n`.
fn end_of_lines(bytes: &[u8]) -> usize {
    if bytes.len() >= LINE_BYTES_MAX {
        return bytes.len();
    }
    let before_last = bytes.len().saturating_sub(1);
    let last_cr = memchr::memrchr(b'\r', bytes.get(..before_last).unwrap_or_default());
    let last_lf = memchr::memrchr(b'\n', bytes);
    last_cr.max(last_lf).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_taken() {
        let cases: [(&[u8], usize); 7] = [
            (b"", 0),
            (b"ab", 0),
            (b"a\nb", 2),
            (b"a\r", 0),
            (b"a\r\n", 3),
            (b"a\rb", 2),
            (b"\n", 1),
        ];
        for (bytes, whole) in cases {
            assert_eq!(end_of_lines(bytes), whole, "{bytes:?}");
        }
    }
}
