//! From the files to read to the parts that partitions read.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use headwater_store::Entry;

use super::decode::Codec;
use super::found::{FoundFile, find, hold_all, in_force};
use super::listing::list;
use super::skip::{Ignore, Skips};
use crate::error::Error;
use crate::site::Site;

/// What a local file system calls a block: no part is made larger than this.
const BLOCK_BYTES: u64 = 32 << 20;

/// A range of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) file: Entry,
    pub(super) range: Range<u64>,
}

/// The parts behind a path, looked for when they are first asked for.
pub(super) struct Inputs<P> {
    path: String,
    site: Site,
    /// What must be read as it was found.
    found: Arc<[FoundFile]>,
    skips: Skips,
    parts: OnceLock<Vec<P>>,
}

impl<P> Inputs<P> {
    pub(super) fn new(path: &str, site: Site, ignore: Ignore) -> Self {
        Inputs {
            path: path.to_owned(),
            site,
            found: in_force(),
            skips: Skips::new(ignore),
            parts: OnceLock::new(),
        }
    }

    /// What must be read as it was found.
    pub(super) fn found(&self) -> &[FoundFile] {
        &self.found
    }

    /// What is skipped.
    pub(super) fn skips(&self) -> &Skips {
        &self.skips
    }

    /// The parts; once found they stay, so that partitions never change. A failure is not
    /// remembered, as the next action may come when the file is there.
    pub(super) fn parts(
        &self,
        split: impl FnOnce(Vec<Entry>) -> Result<Vec<P>, String>,
    ) -> Result<&[P], Error> {
        if let Some(parts) = self.parts.get() {
            return Ok(parts);
        }
        let ignore_missing = self.skips.ignore.missing;
        let listed = match find(&self.found, &self.path) {
            // Its name may look like a pattern, and it may be gone.
            Some(found) => found.look(ignore_missing).map(|file| vec![file]),
            None => list(&self.path, ignore_missing).and_then(|files| hold_all(&self.found, files)),
        };
        let parts = listed.and_then(split).map_err(|message| Error::Build {
            site: self.site,
            message,
        })?;
        Ok(self.parts.get_or_init(|| parts))
    }
}

/// Cuts files so that about `partitions_min` parts come out, as Hadoop does.
///
/// A compressed file can only be read from its start; an error says which one cannot be read.
pub(super) fn split(files: Vec<Entry>, partitions_min: usize) -> Result<Vec<Part>, String> {
    let goal = goal_bytes(&files, partitions_min).clamp(1, BLOCK_BYTES);
    let mut parts = Vec::new();
    for file in files {
        let goal = match Codec::of(&file.location)? {
            Some(_) => file.bytes,
            None => goal,
        };
        cut(file, goal, &mut parts);
    }
    Ok(parts)
}

/// Cuts files at multiples of a length, as [`split`] cuts them anywhere.
pub(super) fn split_at_multiples(files: Vec<Entry>, partitions_min: usize, of: u64) -> Vec<Part> {
    let goal = goal_bytes(&files, partitions_min).min(BLOCK_BYTES);
    let goal = (goal / of).max(1) * of;
    let mut parts = Vec::new();
    for file in files {
        cut(file, goal, &mut parts);
    }
    parts
}

/// Puts files together until about `partitions_min` groups come out, in their order.
pub(super) fn group(files: Vec<Entry>, partitions_min: usize) -> Vec<Vec<Entry>> {
    let goal = goal_bytes(&files, partitions_min).max(1);
    let mut groups = Vec::new();
    let (mut open, mut open_bytes) = (Vec::new(), 0);
    for file in files {
        open_bytes += file.bytes;
        open.push(file);
        if open_bytes >= goal {
            groups.push(std::mem::take(&mut open));
            open_bytes = 0;
        }
    }
    groups.extend(Some(open).filter(|open| !open.is_empty()));
    groups
}

fn goal_bytes(files: &[Entry], partitions_min: usize) -> u64 {
    let total: u64 = files.iter().map(|file| file.bytes).sum();
    total / partitions_min.max(1) as u64
}

/// Cuts a file into parts of `goal` bytes. The last one may be a tenth larger rather than
/// leaving a sliver; a file without bytes has nothing to read.
fn cut(file: Entry, goal: u64, parts: &mut Vec<Part>) {
    let part = |range| Part {
        file: file.clone(),
        range,
    };
    let mut start = 0;
    while (file.bytes - start) as u128 * 10 > goal as u128 * 11 {
        parts.push(part(start..start + goal));
        start += goal;
    }
    if start < file.bytes {
        parts.push(part(start..file.bytes));
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use headwater_store::Location;

    use super::*;

    fn file(name: &str, bytes: u64) -> Entry {
        Entry {
            location: Location::at(name).unwrap(),
            bytes,
            modified: SystemTime::UNIX_EPOCH,
        }
    }

    fn files(sizes: &[u64]) -> Vec<Entry> {
        sizes.iter().map(|bytes| file("x", *bytes)).collect()
    }

    fn ranges(sizes: &[u64], partitions_min: usize) -> Vec<Range<u64>> {
        let parts = split(files(sizes), partitions_min).unwrap();
        parts.into_iter().map(|part| part.range).collect()
    }

    #[test]
    fn files_are_cut_as_hadoop_cuts_them() {
        assert_eq!(ranges(&[100], 1), vec![0..100; 1]);
        assert_eq!(ranges(&[100], 2), [0..50, 50..100]);
        // 105 / 10 leaves five bytes, less than a tenth of a part too much.
        assert_eq!(ranges(&[105], 2), [0..52, 52..105]);
        assert_eq!(ranges(&[7], 3), [0..2, 2..4, 4..6, 6..7]);
        assert_eq!(ranges(&[10, 0, 90], 2), [0..10, 0..50, 50..90]);
        assert_eq!(ranges(&[BLOCK_BYTES * 2], 1).len(), 2);
        assert_eq!(ranges(&[2], 5), [0..1, 1..2]);
        assert_eq!(ranges(&[], 2), []);
    }

    #[test]
    fn a_compressed_file_is_not_cut() {
        assert_eq!(split(vec![file("log.GZ", 100)], 4).unwrap().len(), 1);
        assert!(split(vec![file("a.txt", 1), file("log.xz", 1)], 4).is_err());
        assert_eq!(split(vec![file("log.gz", 0)], 4).unwrap().len(), 0);
    }

    #[test]
    fn records_are_not_cut() {
        let parts = split_at_multiples(files(&[40, 8, 0]), 5, 4);
        let ranges: Vec<_> = parts.into_iter().map(|part| part.range).collect();
        assert_eq!(ranges, [0..8, 8..16, 16..24, 24..32, 32..40, 0..8]);
        assert_eq!(split_at_multiples(files(&[10]), 9, 5).len(), 2);
    }

    #[test]
    fn small_files_are_read_together() {
        let lengths = |sizes: &[u64], partitions_min| -> Vec<usize> {
            let groups = group(files(sizes), partitions_min);
            groups.iter().map(Vec::len).collect()
        };
        assert_eq!(lengths(&[5, 5, 5, 5], 2), [2, 2]);
        assert_eq!(lengths(&[1, 1, 10, 1], 2), [3, 1]);
        assert_eq!(lengths(&[0, 0, 0], 2), [3]);
        assert_eq!(lengths(&[], 2), []);
    }
}
