//! Lines of text from a TCP server.

use std::io::{ErrorKind, Read};

use headwater_core::text::TextBlock;
use headwater_core::{Site, StorageLevel, Text};

use super::server::{ReadError, Server};
use crate::StreamingContext;
use crate::dstream::DStream;
use crate::receiver::{Receiver, ReceiverContext};

/// How much is read at a time; lines are slices of what one read gave.
pub(super) const READ_BYTES: usize = 256 * 1024;
/// A line that is longer than this is cut, so that a peer cannot fill the memory with one.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

impl StreamingContext {
    /// Lines of UTF-8 text from a TCP server: Spark's `socketTextStream`.
    ///
    /// A line ends with `\n`, `\r\n` or a lone `\r`; a last line without an end is taken
    /// when the server closes the connection. A line of more than 64 MiB becomes several records,
    /// with a warning for the first of each connection. Invalid UTF-8 becomes U+FFFD. When the
    /// connection is lost it is made again after `streaming.receiver.restart_delay`; a
    /// server that was never there is given up after a few tries, and `await_termination`
    /// says so.
    ///
    /// What a socket holds when the process dies is lost, whatever the checkpoint directory has:
    /// the server believes that it was received. A server that can send it again is read by
    /// [`StreamingContext::acknowledged_text_stream`].
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
        let level = StorageLevel::MEMORY_AND_DISK;
        let receiver = SocketReceiver::new(host, port, level);
        self.received(Site::here("socket_text_stream"), receiver)
    }

    /// As [`StreamingContext::socket_text_stream`], with a storage level for what no batch has
    /// finished with, which Spark's `socketTextStream` takes: see [`Receiver::storage_level`].
    ///
    /// ```no_run
    /// use headwater_core::StorageLevel;
    /// # let test = headwater_streaming::testing::TestStream::new(std::time::Duration::from_secs(1));
    /// # let ssc = test.context();
    /// let level = StorageLevel::MEMORY_ONLY;
    /// ssc.socket_text_stream_with("localhost", 9999, level).print();
    /// ```
    #[track_caller]
    #[must_use]
    pub fn socket_text_stream_with(
        &self,
        host: &str,
        port: u16,
        level: StorageLevel,
    ) -> DStream<Text> {
        let receiver = SocketReceiver::new(host, port, level);
        self.received(Site::here("socket_text_stream_with"), receiver)
    }
}

/// Reads lines from one server.
struct SocketReceiver {
    server: Server,
    level: StorageLevel,
}

impl SocketReceiver {
    fn new(host: &str, port: u16, level: StorageLevel) -> Self {
        SocketReceiver {
            server: Server::new(host, port),
            level,
        }
    }
}

impl Receiver<Text> for SocketReceiver {
    fn storage_level(&self) -> StorageLevel {
        self.level
    }

    fn on_start(&self, ctx: &ReceiverContext<Text>) -> Result<(), String> {
        let server = self.server.address();
        self.server
            .read(ctx, |stream| read_lines(stream, &server, ctx))
    }

    fn on_stop(&self) {
        self.server.disconnect();
    }
}

/// Stores the lines of a stream until its end, or until the receiver is stopped.
fn read_lines(
    mut stream: impl Read,
    server: &str,
    ctx: &ReceiverContext<Text>,
) -> Result<(), ReadError> {
    let mut buffer = vec![0; READ_BYTES];
    let mut rest = Vec::new();
    let mut lines = Vec::new();
    let mut was_cut = false;
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        rest.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let is_end = read == 0;
        let whole = match end_of_lines(&rest) {
            _ if is_end => rest.len(),
            0 if is_too_long(&rest) => {
                if !was_cut {
                    warn_of_long_line(server);
                }
                was_cut = true;
                rest.len()
            }
            whole => whole,
        };
        if whole > 0 {
            let tail = rest.split_off(whole);
            let block = std::mem::replace(&mut rest, tail);
            let heap_bytes = block.len() as u64;
            TextBlock::from_utf8_lossy(block).lines_into(&mut lines);
            ctx.append_sized(&mut lines, heap_bytes)?;
        }
        if is_end {
            return Ok(());
        }
    }
}

fn warn_of_long_line(server: &str) {
    tracing::warn!(
        "a line of {server} is longer than {} MiB; it becomes several records, and so do later \
         ones of this connection, without another warning",
        LINE_BYTES_MAX >> 20
    );
}

/// Whether the beginning of a line is a record by itself. A `\r` at the very end ends it if it
/// is waited for.
fn is_too_long(line: &[u8]) -> bool {
    line.len() >= LINE_BYTES_MAX && !line.ends_with(b"\r")
}

/// How many of the bytes are whole lines. A `\r` at the very end may be half of `\r\n`.
fn end_of_lines(bytes: &[u8]) -> usize {
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

    #[test]
    fn a_line_is_cut_when_it_is_too_long_and_not_at_its_end() {
        let mut line = vec![b'x'; LINE_BYTES_MAX - 1];
        assert!(!is_too_long(&line));
        line.push(b'\r');
        assert!(!is_too_long(&line));
        line.push(b'x');
        assert!(is_too_long(&line));
        // Where it has ended, the next one is not cut with it.
        line.extend_from_slice(b"\nnext");
        assert_eq!(end_of_lines(&line), LINE_BYTES_MAX + 2);
    }
}
