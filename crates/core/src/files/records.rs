//! Files of records that have all the same length.

use std::io::{Read, Seek, SeekFrom};

use headwater_store::Entry;

use super::inputs::{Part, split_at_multiples};
use super::node::{Format, Reading, read_files};
use super::skip::{Unread, hint};
use crate::chunk::{Emitter, Push, Sink};
use crate::context::Context;
use crate::rdd::{Rdd, refuse};
use crate::site::Site;

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

impl Context {
    /// The records of files of records without separators, each of `record_length` bytes:
    /// Spark's `binaryRecords`.
    ///
    /// The path is that of [`Context::text_file`]. A file is one partition, or several of at
    /// most 32 MiB, never cut inside a record. A file whose size is no multiple of the length
    /// fails the job; with `files.ignore_corrupt_files` its whole records are read, and the rest
    /// is skipped with a warning.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("numbers");
    /// std::fs::write(&path, [1_u16, 2, 3].map(u16::to_le_bytes).concat()).unwrap();
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let records = ctx.binary_records(path.to_str().unwrap(), 2);
    /// assert_eq!(records.collect().unwrap(), [[1, 0], [2, 0], [3, 0]]);
    /// let error = ctx.binary_records(path.to_str().unwrap(), 4).count().unwrap_err().to_string();
    /// assert!(error.contains("numbers has 6 bytes"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn binary_records(&self, path: &str, record_length: usize) -> Rdd<Vec<u8>> {
        let site = Site::here("binary_records");
        if record_length == 0 {
            return refuse(
                self,
                site,
                "records of 0 bytes asked for; at least 1 is needed",
            );
        }
        let format = FixedRecords {
            record_bytes: record_length,
            ignore_corrupt: self.inner.ignore.corrupt,
        };
        read_files(self, site, path, format)
    }
}

struct FixedRecords {
    record_bytes: usize,
    ignore_corrupt: bool,
}

impl Format for FixedRecords {
    type Record = Vec<u8>;
    type Part = Part;

    fn split(&self, files: Vec<Entry>) -> Result<Vec<Part>, String> {
        let record_bytes = self.record_bytes as u64;
        let is_even = |file: &Entry| file.bytes.is_multiple_of(record_bytes);
        let is_refused = |file: &&Entry| !is_even(file) && !self.ignore_corrupt;
        match files.iter().find(is_refused) {
            None => Ok(split_at_multiples(files, 1, record_bytes)),
            Some(Entry {
                location, bytes, ..
            }) => Err(format!(
                "the file {location} has {bytes} bytes, which is no multiple of the record length \
                 {record_bytes}; {}",
                hint()
            )),
        }
    }

    fn read(&self, part: &Part, reading: &Reading<'_>, sink: &mut dyn Sink<Vec<u8>>) -> Push {
        let mut emitter = Emitter::new(reading.task, sink);
        let read = self.emit_part(part, reading, &mut emitter);
        reading.settle(&part.file, read)?;
        emitter.finish()
    }
}

impl FixedRecords {
    fn emit_part(
        &self,
        part: &Part,
        reading: &Reading<'_>,
        emitter: &mut Emitter<'_, Vec<u8>>,
    ) -> Result<(), Unread> {
        let mut input = reading.open(&part.file)?;
        input.seek(SeekFrom::Start(part.range.start))?;
        let bytes = part.range.end - part.range.start;
        // Parts are cut between records; what is left behind the last one is none.
        let rest = bytes % self.record_bytes as u64;
        let mut left = bytes - rest;
        let mut block = vec![0; (READ_BYTES / self.record_bytes).max(1) * self.record_bytes];
        while left > 0 && !emitter.is_done() {
            reading.task.check_cancelled()?;
            let bytes = left.min(block.len() as u64) as usize;
            let block = block.get_mut(..bytes).unwrap_or_default();
            input.read_exact(block)?;
            left -= bytes as u64;
            reading.task.count_bytes_read(bytes as u64);
            reading.task.count_read(bytes / self.record_bytes);
            emitter.extend(block.chunks_exact(self.record_bytes).map(<[u8]>::to_vec));
        }
        if rest > 0 && !emitter.is_done() {
            let message = format!(
                "the last {rest} bytes are no record of {} bytes",
                self.record_bytes
            );
            return Err(Unread::Corrupt(message));
        }
        Ok(())
    }
}
