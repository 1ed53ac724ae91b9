//! The part of a log that is being written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use headwater_store::{Durability, Location, StoreError};

use super::part_name;

/// How many bytes of a local file are gathered before they are written.
const GATHERED_MAX: usize = 256 << 10;

/// Objects up to this size are written anew after each `event_log.flush`.
const REWRITTEN_BYTES: u64 = 1 << 20;

/// A part that is open.
pub(super) struct Part {
    at: Location,
    medium: Medium,
    /// All that was added.
    bytes: u64,
    /// Of which this has not been written yet.
    pending: u64,
    written: Instant,
}

enum Medium {
    /// Lines are appended; the bytes are what was not written yet.
    File(File, Vec<u8>),
    /// The whole part, which is written anew.
    Object(Vec<u8>),
}

impl Part {
    pub(super) fn begin(dir: &Location, number: u64, now: Instant) -> Result<Self, StoreError> {
        let at = dir.join(&part_name(number));
        let medium = match at.as_path() {
            None => Medium::Object(Vec::new()),
            Some(path) => {
                // A part is never begun twice: numbers only grow.
                let file = OpenOptions::new().append(true).create_new(true).open(path);
                let file = file.map_err(|error| at.failed("create", error))?;
                Medium::File(file, Vec::new())
            }
        };
        Ok(Part {
            at,
            medium,
            bytes: 0,
            pending: 0,
            written: now,
        })
    }

    pub(super) fn add(&mut self, line: &[u8]) {
        let (Medium::File(_, bytes) | Medium::Object(bytes)) = &mut self.medium;
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        self.bytes += line.len() as u64 + 1;
        self.pending += line.len() as u64 + 1;
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether more is gathered than should be.
    pub(super) fn is_gathered(&self) -> bool {
        matches!(&self.medium, Medium::File(_, gathered) if gathered.len() >= GATHERED_MAX)
    }

    /// When what is pending is to be written, if nothing more comes; `None` if nothing is.
    pub(super) fn due(&self, flush: Duration) -> Option<Instant> {
        let wait = match self.medium {
            Medium::File(..) => Duration::ZERO,
            Medium::Object(_) => rewrite_after(flush, self.bytes),
        };
        // A time that the clock cannot tell never comes.
        let due = self.written.checked_add(wait)?;
        (self.pending > 0).then_some(due)
    }

    /// Writes what is pending. After an error the part cannot be gone on with: a file may end
    /// within a line.
    pub(super) fn write(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.pending == 0 {
            return Ok(());
        }
        self.written = now;
        match &mut self.medium {
            Medium::File(file, gathered) => {
                let written = file.write_all(gathered);
                gathered.clear();
                written.map_err(|error| self.at.failed("write", error))?;
            }
            Medium::Object(bytes) => self.at.put(bytes, Durability::Cached)?,
        }
        self.pending = 0;
        Ok(())
    }
}

/// How long after the last time an object of this size is written anew. Longer the larger it is,
/// so that whatever its size no more than about a MiB is sent in each `flush`.
fn rewrite_after(flush: Duration, bytes: u64) -> Duration {
    let times = bytes.div_ceil(REWRITTEN_BYTES).max(1);
    flush.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_objects_are_written_more_rarely() {
        let flush = Duration::from_secs(10);
        let after = |bytes| rewrite_after(flush, bytes).as_secs();
        assert_eq!([after(0), after(1 << 20), after(32 << 20)], [10, 10, 320]);
        assert!(rewrite_after(Duration::MAX, u64::MAX) == Duration::MAX);
    }

    #[test]
    fn objects_are_written_when_they_are_due_and_files_at_once() {
        let (now, flush) = (Instant::now(), Duration::from_secs(10));
        let dir = tempfile::tempdir().unwrap();
        let local = Location::at(dir.path()).unwrap();
        let object = Location::at("memory://event-log-part").unwrap();
        for (at, due) in [(local, now), (object, now + flush)] {
            let mut part = Part::begin(&at, 7, now).unwrap();
            assert_eq!(part.due(flush), None);
            part.add(b"{}");
            assert_eq!(part.due(flush), Some(due));
            part.write(now).unwrap();
            part.add(b"[]");
            part.write(now).unwrap();
            assert_eq!(at.join("part-000007.jsonl").get().unwrap(), b"{}\n[]\n");
            assert_eq!((part.bytes(), part.due(flush)), (6, None));
        }
    }
}
