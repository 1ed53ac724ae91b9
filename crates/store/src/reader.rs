//! Reading a file or object from any place in it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::error::Failure;
use crate::objects::Bucket;

/// How much the first request asks for: enough for the end of a line.
const FIRST_BYTES: u64 = 64 << 10;

/// How much a request asks for at most.
const REQUEST_BYTES_MAX: u64 = 8 << 20;

/// Reads a file or object, and seeks in it.
///
/// Local files are not buffered. Objects are fetched in ranges that become longer as long as
/// the reading goes straight on, from 64 KiB to 8 MiB; one such range is kept in memory.
///
/// ```
/// use headwater_store::{Durability, Location};
/// use std::io::{Read, Seek, SeekFrom};
/// let place = Location::at("memory://reader/object")?;
/// place.put(b"to be or not to be", Durability::Cached)?;
/// let mut reader = place.open()?;
/// reader.seek(SeekFrom::End(-2))?;
/// let mut end = String::new();
/// reader.read_to_string(&mut end)?;
/// assert_eq!(end, "be");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reader {
    from: From,
}

enum From {
    Local(File),
    Keyed(KeyedReader),
}

struct KeyedReader {
    bucket: Arc<Bucket>,
    key: String,
    bytes: u64,
    position: u64,
    /// What was fetched last, and where it begins in the object.
    buffer: Vec<u8>,
    buffer_start: u64,
    next_request_bytes: u64,
}

impl Reader {
    pub(crate) fn local(file: File) -> Self {
        Reader {
            from: From::Local(file),
        }
    }

    pub(crate) fn keyed(bucket: Arc<Bucket>, key: String, bytes: u64) -> Self {
        Reader {
            from: From::Keyed(KeyedReader {
                bucket,
                key,
                bytes,
                position: 0,
                buffer: Vec::new(),
                buffer_start: 0,
                next_request_bytes: FIRST_BYTES,
            }),
        }
    }
}

impl KeyedReader {
    /// What is at hand at the position; fetches more when nothing is.
    fn available(&mut self) -> Result<&[u8], Failure> {
        let in_buffer = |reader: &Self| {
            let at = reader.position.checked_sub(reader.buffer_start)?;
            usize::try_from(at)
                .ok()
                .filter(|at| *at < reader.buffer.len())
        };
        if in_buffer(self).is_none() && self.position < self.bytes {
            let goes_on = self.position == self.buffer_start + self.buffer.len() as u64;
            if !goes_on {
                self.next_request_bytes = FIRST_BYTES;
            }
            let end = self.bytes.min(self.position + self.next_request_bytes);
            let range = self.position..end;
            self.buffer = self.bucket.objects.get(&self.key, Some(range))?;
            self.buffer_start = self.position;
            self.next_request_bytes = (self.next_request_bytes * 2).min(REQUEST_BYTES_MAX);
        }
        let at = in_buffer(self).unwrap_or(self.buffer.len());
        Ok(self.buffer.get(at..).unwrap_or_default())
    }
}

impl Read for Reader {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match &mut self.from {
            From::Local(file) => file.read(to),
            From::Keyed(reader) => {
                let url = format!("{}/{}", reader.bucket.url, reader.key);
                let available = reader.available();
                let mut available =
                    available.map_err(|failure| failure.while_doing("read", url))?;
                let read = available.read(to)?;
                reader.position += read as u64;
                Ok(read)
            }
        }
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match &mut self.from {
            From::Local(file) => file.seek(to),
            From::Keyed(reader) => {
                let target = match to {
                    SeekFrom::Start(at) => Some(at),
                    SeekFrom::End(by) => reader.bytes.checked_add_signed(by),
                    SeekFrom::Current(by) => reader.position.checked_add_signed(by),
                };
                let outside = || io::Error::from(io::ErrorKind::InvalidInput);
                reader.position = target.ok_or_else(outside)?;
                Ok(reader.position)
            }
        }
    }
}
