//! Records as bytes: frames with a length and a checksum.
//!
//! One layout serves cached partitions on disk and object files. All numbers are
//! little-endian:
//!
//! ```text
//! file    = "HWRF" version:u32 frame* end
//! frame   = bytes:u64 records:u32 crc:u32 payload       records > 0
//! end     = 8:u64     0:u32       crc:u32 total:u64     total = records of all frames
//! payload = the records, one after the other, as postcard
//! ```
//!
//! The checksum covers length, count and payload. The end frame tells a whole file from
//! one that was cut off between two frames.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

const MAGIC: [u8; 4] = *b"HWRF";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 16;

/// A frame is closed at this many records, about what operators exchange at a time.
const FRAME_RECORDS_MAX: u32 = 1024;

/// A frame of large records is closed earlier, so that its reader needs little memory.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Where and how bytes differ from what was written.
#[derive(Debug, thiserror::Error)]
#[error("{what} (at byte {offset})")]
pub(crate) struct Damage {
    pub(crate) offset: u64,
    pub(crate) what: String,
    pub(crate) kind: DamageKind,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DamageKind {
    /// The bytes are not those that were written.
    Bytes,
    /// The bytes could not be had.
    Input,
    /// They are whole, and hold something else than what is looked for.
    Content,
}

/// Writes records in frames.
pub(crate) struct FrameWriter<W> {
    out: W,
    payload: Vec<u8>,
    records: u32,
    records_total: u64,
    bytes_total: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(crate) fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let bytes_total = (MAGIC.len() + size_of_val(&VERSION)) as u64;
        Ok(FrameWriter {
            out,
            payload: Vec::new(),
            records: 0,
            records_total: 0,
            bytes_total,
        })
    }

    pub(crate) fn put<T: Serialize>(&mut self, record: &T) -> io::Result<()> {
        let payload = std::mem::take(&mut self.payload);
        self.payload = postcard::to_extend(record, payload)
            .map_err(|error| io::Error::other(format!("a record cannot be encoded: {error}")))?;
        self.records += 1;
        if self.records >= FRAME_RECORDS_MAX || self.payload.len() >= FRAME_BYTES_MAX {
            self.close_frame()?;
        }
        Ok(())
    }

    /// Writes what is left and the end; gives the output and how many bytes went there.
    pub(crate) fn finish(mut self) -> io::Result<(W, u64)> {
        if self.records > 0 {
            self.close_frame()?;
        }
        self.payload
            .extend_from_slice(&self.records_total.to_le_bytes());
        self.close_frame()?;
        self.out.flush()?;
        Ok((self.out, self.bytes_total))
    }

    fn close_frame(&mut self) -> io::Result<()> {
        let bytes = (self.payload.len() as u64).to_le_bytes();
        let records = self.records.to_le_bytes();
        let crc = checksum(&bytes, &records, &self.payload).to_le_bytes();
        for part in [&bytes[..], &records, &crc, &self.payload] {
            self.out.write_all(part)?;
        }
        self.bytes_total += (HEADER_BYTES + self.payload.len()) as u64;
        self.records_total += u64::from(self.records);
        self.records = 0;
        self.payload.clear();
        Ok(())
    }
}

/// Reads frames and checks them.
pub(crate) struct FrameReader<R> {
    input: R,
    offset: u64,
    frame_start: u64,
    payload: Vec<u8>,
    records_total: u64,
}

impl<R: Read> FrameReader<R> {
    pub(crate) fn begin(mut input: R) -> Result<Self, Damage> {
        let mut header = [0; 8];
        read_fully(&mut input, &mut header, 0)?;
        let [m0, m1, m2, m3, v0, v1, v2, v3] = header;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(damage(0, "it does not begin as a file of records does"));
        }
        let version = u32::from_le_bytes([v0, v1, v2, v3]);
        if version != VERSION {
            let what = format!("its format version is {version}, and only {VERSION} is known");
            return Err(other_content(MAGIC.len() as u64, what));
        }
        Ok(FrameReader {
            input,
            offset: header.len() as u64,
            frame_start: header.len() as u64,
            payload: Vec::new(),
            records_total: 0,
        })
    }

    /// The next frame: how many records, and their bytes. `None` after the last one.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(u32, &[u8])>, Damage> {
        self.frame_start = self.offset;
        let mut header = [0; HEADER_BYTES];
        read_fully(&mut self.input, &mut header, self.offset)?;
        let (bytes, rest) = header.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        let (records, rest) = rest.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let crc = rest
            .first_chunk::<4>()
            .map_or(0, |crc| u32::from_le_bytes(*crc));
        self.read_payload(u64::from_le_bytes(*bytes))?;
        if checksum(bytes, records, &self.payload) != crc {
            return Err(damage(
                self.frame_start,
                "the checksum of a frame does not fit",
            ));
        }
        let records = u32::from_le_bytes(*records);
        if records == 0 {
            self.check_end()?;
            return Ok(None);
        }
        self.records_total += u64::from(records);
        Ok(Some((records, &self.payload)))
    }

    /// Decodes the next frame into `records`; `false` after the last one.
    pub(crate) fn next_into<T: DeserializeOwned>(
        &mut self,
        records: &mut Vec<T>,
    ) -> Result<bool, Damage> {
        let Some((count, _)) = self.next_frame()? else {
            return Ok(false);
        };
        let decoded = decode_into(count, &self.payload, records);
        decoded.map_err(|what| other_content(self.frame_start, what))?;
        Ok(true)
    }

    /// How many bytes were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.offset
    }

    fn read_payload(&mut self, bytes: u64) -> Result<(), Damage> {
        self.payload.clear();
        // A damaged length must not make us reserve what the file never holds.
        let read = (&mut self.input).take(bytes).read_to_end(&mut self.payload);
        let read = read.map_err(|error| unreadable(self.offset, &error))? as u64;
        self.offset += HEADER_BYTES as u64 + read;
        if read < bytes {
            return Err(damage(self.frame_start, "it ends inside a frame"));
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), Damage> {
        let total = self
            .payload
            .first_chunk::<8>()
            .map(|total| u64::from_le_bytes(*total));
        if total != Some(self.records_total) || self.payload.len() != 8 {
            return Err(damage(
                self.frame_start,
                "frames are missing before the end",
            ));
        }
        let more = self
            .input
            .read(&mut [0])
            .map_err(|error| unreadable(self.offset, &error))?;
        if more > 0 {
            return Err(damage(self.offset, "bytes follow the end"));
        }
        Ok(())
    }
}

/// All records as one run of frames in memory.
pub(crate) fn encode<T: Serialize>(records: &[T]) -> Result<Vec<u8>, String> {
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = FrameWriter::begin(Vec::new())?;
        for record in records {
            writer.put(record)?;
        }
        Ok(writer.finish()?.0)
    };
    write().map_err(|error| error.to_string())
}

/// Appends the records of a checked frame.
pub(crate) fn decode_into<T: DeserializeOwned>(
    count: u32,
    mut payload: &[u8],
    records: &mut Vec<T>,
) -> Result<(), String> {
    records.reserve((count as usize).min(payload.len() + 1));
    for _ in 0..count {
        let (record, rest) = postcard::take_from_bytes(payload).map_err(|error| {
            let name = std::any::type_name::<T>();
            format!("its records cannot be decoded as {name}: {error}")
        })?;
        payload = rest;
        records.push(record);
    }
    if payload.is_empty() {
        return Ok(());
    }
    let name = std::any::type_name::<T>();
    Err(format!(
        "its records are of another type than {name}: bytes are left over"
    ))
}

/// Checks every frame without decoding it.
pub(crate) fn verify(bytes: &[u8]) -> Result<(), Damage> {
    let mut frames = FrameReader::begin(bytes)?;
    while frames.next_frame()?.is_some() {}
    Ok(())
}

fn checksum(bytes: &[u8], records: &[u8], payload: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.update(records);
    crc.update(payload);
    crc.sum()
}

fn read_fully(input: &mut impl Read, to: &mut [u8], offset: u64) -> Result<(), Damage> {
    input.read_exact(to).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damage(offset, "it ends too early"),
        _ => unreadable(offset, &error),
    })
}

fn unreadable(offset: u64, error: &io::Error) -> Damage {
    let kind = match error.kind() {
        // What is wrong with a compressed file shows when it is read.
        io::ErrorKind::InvalidData => DamageKind::Bytes,
        _ => DamageKind::Input,
    };
    Damage {
        kind,
        ..damage(offset, format!("it cannot be read: {error}"))
    }
}

fn other_content(offset: u64, what: String) -> Damage {
    Damage {
        kind: DamageKind::Content,
        ..damage(offset, what)
    }
}

fn damage(offset: u64, what: impl Into<String>) -> Damage {
    Damage {
        offset,
        what: what.into(),
        kind: DamageKind::Bytes,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, Damage> {
        let mut frames = FrameReader::begin(bytes)?;
        let mut records = Vec::new();
        while frames.next_into(&mut records)? {}
        assert_eq!(frames.bytes_read(), bytes.len() as u64);
        Ok(records)
    }

    #[test]
    fn records_without_bytes_are_counted_too() {
        let bytes = encode(&[(); 5000]).unwrap();
        assert_eq!(decode::<()>(&bytes).unwrap().len(), 5000);
    }

    #[test]
    fn a_frame_of_large_records_is_closed_early() {
        let records = vec!["x".repeat(FRAME_BYTES_MAX / 2 + 1); 4];
        let bytes = encode(&records).unwrap();
        let mut frames = FrameReader::begin(&bytes[..]).unwrap();
        assert_eq!(frames.next_frame().unwrap().unwrap().0, 2);
        assert_eq!(decode::<String>(&bytes).unwrap(), records);
    }

    #[test]
    fn damage_names_its_place() {
        let mut bytes = encode(&[1_u64, 2, 3]).unwrap();
        bytes[26] ^= 1;
        let error = verify(&bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checksum of a frame does not fit (at byte 8)"
        );
    }

    #[test]
    fn another_type_is_noticed() {
        let error = decode::<(u8, u8)>(&encode(&[1_u8, 2, 3]).unwrap()).unwrap_err();
        assert!(error.what.contains("(u8, u8)"), "{error}");
        let error = decode::<u8>(&encode(&[(1_u8, 2_u8)]).unwrap()).unwrap_err();
        assert!(error.what.contains("left over"), "{error}");
    }

    #[test]
    fn a_later_version_is_refused() {
        let mut bytes = encode(&[1_u8]).unwrap();
        bytes[4] = 9;
        assert!(verify(&bytes).unwrap_err().what.contains("version is 9"));
    }

    #[test]
    fn a_file_without_its_last_frame_is_damaged() {
        let one = encode(&[1_u8; 1024]).unwrap();
        let mut two = encode(&[1_u8; 2048]).unwrap();
        // The second frame is cut out, the end stays.
        let frame = HEADER_BYTES + 1024;
        two.drain(8 + frame..8 + 2 * frame);
        assert_eq!(one.len(), two.len());
        assert!(verify(&one).is_ok());
        assert!(verify(&two).unwrap_err().what.contains("missing"));
    }

    proptest! {
        #[test]
        fn any_records_come_back(records in prop::collection::vec((any::<i64>(), ".*"), 0..50)) {
            let bytes = encode(&records).unwrap();
            verify(&bytes).unwrap();
            prop_assert_eq!(decode::<(i64, String)>(&bytes).unwrap(), records);
        }

        #[test]
        fn every_changed_byte_and_every_cut_is_noticed(at in any::<prop::sample::Index>()) {
            let whole = encode(&(0..2000_u32).collect::<Vec<_>>()).unwrap();
            let at = at.index(whole.len());
            prop_assert!(verify(&whole[..at]).is_err());
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            prop_assert!(verify(&changed).is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut file = encode::<u8>(&[]).unwrap()[..8].to_vec();
            file.extend(bytes);
            let _ = decode::<String>(&file);
        }
    }
}
