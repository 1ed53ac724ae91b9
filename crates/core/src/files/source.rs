//! Reading files from their start to their end, compressed or not, so that damage in them is told
//! from what keeps a whole file from being read.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use super::decode::Codec;
use super::skip::corrupt;

/// How much is decompressed at once. What a decoder has of it when it finds damage is lost, and
/// readers with buffers of any size must find the same.
const STEP_BYTES: usize = 4 << 10;

/// The bytes of a file as they are stored. What it does not get has failed, and is no damage.
pub(super) struct Source<R> {
    input: R,
    /// How many are still to come, if that is known.
    left: Option<u64>,
    has_failed: Rc<Cell<bool>>,
}

impl<R: Read> Source<R> {
    /// Of a file of so many bytes; 0 where that is not known.
    pub(super) fn new(input: R, bytes: u64) -> Self {
        Source {
            input,
            left: (bytes > 0).then_some(bytes),
            has_failed: Rc::default(),
        }
    }

    fn read_some(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) if self.left.is_some_and(|left| left > 0) => {
                    return Err(io::Error::other(
                        "it has become shorter while it was read; files must stay as they are as \
                         long as they are read",
                    ));
                }
                result => return result,
            }
        }
    }
}

/// Reads all that is asked for, but at the end: what decoders make of damage must not depend on
/// how much comes at once.
impl<R: Read> Read for Source<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(free) = to.get_mut(filled..).filter(|free| !free.is_empty()) {
            match self.read_some(free) {
                Ok(0) => break,
                Ok(read) => {
                    filled += read;
                    self.left = self.left.map(|left| left.saturating_sub(read as u64));
                }
                Err(error) => {
                    self.has_failed.set(true);
                    return Err(error);
                }
            }
        }
        Ok(filled)
    }
}

/// What is in a compressed file. An error that is none of reading the file is
/// [`corrupt`].
pub(super) struct Decoded<'a> {
    decoder: Box<dyn Read + 'a>,
    has_failed: Rc<Cell<bool>>,
    step: Vec<u8>,
    /// What of the step was not given yet.
    at: usize,
    end: usize,
}

impl<'a> Decoded<'a> {
    pub(super) fn new(codec: Codec, source: Source<impl Read + 'a>) -> Self {
        Decoded {
            has_failed: source.has_failed.clone(),
            decoder: codec.decode(BufReader::new(source)),
            step: vec![0; STEP_BYTES],
            at: 0,
            end: 0,
        }
    }
}

impl Read for Decoded<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end {
            (self.at, self.end) = (0, 0);
            let decoded = self.decoder.read(&mut self.step);
            self.end = decoded.map_err(|error| match self.has_failed.get() {
                // Some decoders take it for damage.
                true => io::Error::other(error.to_string()),
                false => corrupt(format!("it is damaged or ends too early: {error}")),
            })?;
        }
        let mut ready = self.step.get(self.at..self.end).unwrap_or_default();
        let read = ready.read(to)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::decode::tests::{ALL, encoded, text};
    use crate::files::skip::is_corrupt;

    fn gzip() -> Vec<u8> {
        encoded(Codec::Gzip, &text())
    }

    /// Gives a few bytes at a time, and fails at the end if it is told to.
    struct Slow<'a>(&'a [u8], usize, bool);

    impl Read for Slow<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let most = to.len().min(self.1);
            match (&mut self.0).take(most as u64).read(to)? {
                0 if self.2 && most > 0 => Err(io::Error::other("the network is gone")),
                read => Ok(read),
            }
        }
    }

    /// What was decoded before the error, by reads of a length.
    fn prefix(file: &[u8], comes: usize, read: usize, bytes: u64) -> (Vec<u8>, io::Error) {
        let source = Source::new(Slow(file, comes, false), bytes);
        let mut decoded = Decoded::new(Codec::Gzip, source);
        let (mut all, mut buffer) = (Vec::new(), vec![0; read]);
        loop {
            match decoded.read(&mut buffer) {
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) => return (all, error),
            }
        }
    }

    #[test]
    fn what_comes_before_damage_is_the_same_however_it_is_read() {
        let mut file = gzip();
        let middle = file.len() / 2;
        file[middle] ^= 0x55;
        for file in [&file[..], &gzip()[..middle]] {
            let bytes = file.len() as u64;
            let (first, error) = prefix(file, usize::MAX, 1 << 20, bytes);
            assert!(is_corrupt(&error), "{error}");
            assert!(first.len() > 50_000, "{}", first.len());
            for (comes, read) in [(1, 7), (1000, 100), (8 << 10, 300_000)] {
                assert_eq!(prefix(file, comes, read, bytes).0, first);
            }
        }
    }

    #[test]
    fn what_keeps_a_file_from_being_read_is_no_damage() {
        for codec in ALL {
            let file = encoded(codec, &text());
            for length in [1, 5, 100, file.len() / 2, file.len() - 1] {
                let part = &file[..length];
                let failed = |source| {
                    let mut decoded = Decoded::new(codec, source);
                    io::copy(&mut decoded, &mut io::sink()).unwrap_err()
                };
                // It had more bytes when it was found.
                let error = failed(Source::new(
                    Slow(part, usize::MAX, false),
                    file.len() as u64,
                ));
                assert!(!is_corrupt(&error), "{codec:?} {length}: {error}");
                let error = failed(Source::new(Slow(part, 100, true), file.len() as u64));
                assert!(!is_corrupt(&error), "{codec:?} {length}: {error}");
                assert!(error.to_string().contains("the network is gone"), "{error}");
                // As long as it was, and damaged.
                let error = failed(Source::new(Slow(part, 100, false), length as u64));
                assert!(is_corrupt(&error), "{codec:?} {length}: {error}");
            }
        }
    }
}
