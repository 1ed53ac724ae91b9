//! Files that are compressed, which their names tell.

use std::io::{self, BufRead, Read};
use std::path::Path;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use headwater_store::Location;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::skip::corrupt;

/// How much of a Zstandard frame is decoded ahead.
const AHEAD_BYTES: usize = 128 << 10;

/// An empty block that says that it is the last one, and a checksum.
const LAST_BLOCK: &[u8] = &[1, 0, 0, 0, 0, 0, 0];

/// A compression that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Bzip2,
    /// What Hadoop calls the default codec.
    Zlib,
    Zstd,
}

/// Extensions of compressions that cannot be read. As text they would be nonsense.
const UNKNOWN: &[&str] = &[
    "br", "lz", "lz4", "lzma", "lzo", "lzop", "snappy", "sz", "xz", "z",
];

impl Codec {
    /// How a file is compressed; an error if it is so in a way that cannot be read.
    pub(super) fn of(file: &Location) -> Result<Option<Self>, String> {
        let name = file.name();
        let extension = Path::new(&*name).extension().unwrap_or_default();
        let extension = extension.to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "gz" => Ok(Some(Codec::Gzip)),
            "bz2" => Ok(Some(Codec::Bzip2)),
            "deflate" | "zz" => Ok(Some(Codec::Zlib)),
            "zst" => Ok(Some(Codec::Zstd)),
            other if UNKNOWN.contains(&other) => Err(format!(
                "the file {file} is compressed in a way that cannot be read; what can be read is \
                 .gz, .bz2, .zst, .deflate and .zz, and any other name means a file that is not \
                 compressed"
            )),
            _ => Ok(None),
        }
    }

    /// What is in a file; an error when it ends too early or is damaged. A file may be several
    /// compressed ones behind each other.
    pub(super) fn decode<'a>(self, input: impl BufRead + 'a) -> Box<dyn Read + 'a> {
        match self {
            Codec::Gzip => Box::new(MultiGzDecoder::new(input)),
            Codec::Bzip2 => Box::new(MultiBzDecoder::new(input)),
            Codec::Zlib => Box::new(Zlib {
                input,
                state: Decompress::new(true),
                is_inside: false,
            }),
            Codec::Zstd => Box::new(Zstd {
                input,
                decoder: FrameDecoder::new(),
                is_inside: false,
                broken: None,
            }),
        }
    }
}

/// Flate2's own reader takes an end in the middle for the end.
struct Zlib<R> {
    input: R,
    state: Decompress,
    is_inside: bool,
}

impl<R: BufRead> Read for Zlib<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        loop {
            let from = self.input.fill_buf()?;
            let is_end = from.is_empty();
            if is_end && !self.is_inside {
                return Ok(0);
            }
            self.is_inside = true;
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(from, to, FlushDecompress::None);
            let status = status.map_err(corrupt)?;
            let read = (self.state.total_in() - read) as usize;
            let written = (self.state.total_out() - written) as usize;
            self.input.consume(read);
            if status == Status::StreamEnd {
                self.state.reset(true);
                self.is_inside = false;
            } else if is_end && written == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if written > 0 {
                return Ok(written);
            }
        }
    }
}

/// All frames of a file; the decoder knows one.
struct Zstd<R> {
    input: R,
    decoder: FrameDecoder,
    is_inside: bool,
    /// What is wrong behind the blocks that were decoded.
    broken: Option<io::Error>,
}

impl<R: BufRead> Zstd<R> {
    /// Begins the next frame; `false` at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.input).take(u64::from(length));
                    if io::copy(&mut skipped, &mut io::sink())? < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(corrupt(error)),
            }
        }
        Ok(false)
    }

    /// Ends a frame that is broken, for its decoder keeps what later blocks may refer to until the
    /// last one.
    fn end_frame(&mut self) -> io::Result<()> {
        let rest = BlockDecodingStrategy::All;
        let ended = self.decoder.decode_blocks(LAST_BLOCK, rest);
        ended.map(drop).map_err(corrupt)
    }

    fn check(&self) -> io::Result<()> {
        let (told, found) = (
            self.decoder.get_checksum_from_data(),
            self.decoder.get_calculated_checksum(),
        );
        match told {
            Some(_) if told != found => Err(corrupt("the checksum is wrong")),
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_inside {
                if !self.begin()? {
                    return Ok(0);
                }
                self.is_inside = true;
            }
            let read = self.decoder.read(to)?;
            if read > 0 {
                return Ok(read);
            }
            if self.decoder.is_finished() {
                if let Some(error) = self.broken.take() {
                    return Err(error);
                }
                self.check()?;
                self.is_inside = false;
                continue;
            }
            let some = BlockDecodingStrategy::UptoBytes(AHEAD_BYTES);
            if let Err(error) = self.decoder.decode_blocks(&mut self.input, some) {
                self.broken = Some(corrupt(error));
                self.end_frame()?;
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::write::{GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    pub(in crate::files) const ALL: [Codec; 4] =
        [Codec::Gzip, Codec::Bzip2, Codec::Zlib, Codec::Zstd];

    pub(in crate::files) fn encoded(codec: Codec, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::fast();
        match codec {
            Codec::Gzip => {
                let mut to = GzEncoder::new(Vec::new(), level);
                to.write_all(bytes).unwrap();
                to.finish().unwrap()
            }
            Codec::Zlib => {
                let mut to = ZlibEncoder::new(Vec::new(), level);
                to.write_all(bytes).unwrap();
                to.finish().unwrap()
            }
            Codec::Bzip2 => {
                let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                to.write_all(bytes).unwrap();
                to.finish().unwrap()
            }
            Codec::Zstd => compress_to_vec(bytes, CompressionLevel::Fastest),
        }
    }

    fn decoded(codec: Codec, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut to = Vec::new();
        // A small buffer, so that everything lies across its borders.
        let input = io::BufReader::with_capacity(7, bytes);
        codec.decode(input).read_to_end(&mut to)?;
        Ok(to)
    }

    pub(in crate::files) fn text() -> Vec<u8> {
        (0..100_000_u32)
            .flat_map(|n| format!("{}\n", n % 977).into_bytes())
            .collect()
    }

    #[test]
    fn several_files_behind_each_other_are_one() {
        for codec in ALL {
            let parts = [text(), Vec::new(), b"end".to_vec()];
            let file: Vec<u8> = parts.iter().flat_map(|part| encoded(codec, part)).collect();
            assert_eq!(decoded(codec, &file).unwrap(), parts.concat(), "{codec:?}");
        }
        let mut skipped = vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        skipped.extend(encoded(Codec::Zstd, b"x"));
        assert_eq!(decoded(Codec::Zstd, &skipped).unwrap(), b"x");
    }

    #[test]
    fn files_that_end_early_or_are_damaged_are_errors() {
        for codec in ALL {
            let file = encoded(codec, &text());
            for len in [1, 3, 10, file.len() / 2, file.len() - 1] {
                assert!(decoded(codec, &file[..len]).is_err(), "{codec:?} {len}");
            }
            let mut damaged = file.clone();
            damaged[file.len() / 2] ^= 0x55;
            assert!(decoded(codec, &damaged).is_err(), "{codec:?}");
        }
    }

    #[test]
    fn names_tell_how_files_are_compressed() {
        let of = |name: &str| Codec::of(&Location::at(name).unwrap());
        assert_eq!(of("a.GZ"), Ok(Some(Codec::Gzip)));
        assert_eq!(of("a.tar.bz2"), Ok(Some(Codec::Bzip2)));
        assert_eq!(of("a.deflate"), Ok(Some(Codec::Zlib)));
        assert_eq!(of("a.zst"), Ok(Some(Codec::Zstd)));
        assert_eq!((of("gz"), of("a.txt")), (Ok(None), Ok(None)));
        for name in ["a.lz4", "a.snappy", "a.xz", "a.lzo", "a.br"] {
            let error = of(name).unwrap_err();
            assert!(
                error.contains(name) && error.contains(".bz2, .zst"),
                "{error}"
            );
        }
    }
}
