//! What a write leaves at the end of the journal when it is cut short.
//!
//! Only bytes are added, behind all that was acknowledged: a real crash takes back nothing that
//! was synced. The bytes are laid out as the journal's format says (`format.rs` of its crate).

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use headwater_journal::{Sequence, examine};

use super::error::ChaosError;
use super::plan::Torn;

const SEGMENT_PREFIX: &str = "segment-";
const SEGMENT_HEADER_BYTES: usize = 28;
const MARK: [u8; 4] = [0xF8, b'H', b'W', 0x8F];

/// Tears the end of the journal in a directory; `false` when nothing is there yet.
pub(crate) fn tear(journal: &Path, torn: Torn, seed: u64) -> Result<bool, ChaosError> {
    let Some((first, path)) = last_segment(journal)? else {
        return Ok(false);
    };
    let segment = fs::read(&path).map_err(ChaosError::file("read", &path))?;
    let bytes = torn_end(&segment, first, torn, &mut Rng::with_seed(seed));
    let file = OpenOptions::new().append(true).open(&path);
    file.and_then(|mut file| file.write_all(&bytes))
        .map_err(ChaosError::file("tear", &path))?;
    Ok(true)
}

/// The newest segment, and the number of its first record.
fn last_segment(journal: &Path) -> Result<Option<(u64, PathBuf)>, ChaosError> {
    let files = match fs::read_dir(journal) {
        Ok(files) => files,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ChaosError::file("list", journal)(error)),
    };
    let mut last = None;
    for file in files {
        let path = file.map_err(ChaosError::file("list", journal))?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let number = name.and_then(|name| name.strip_prefix(SEGMENT_PREFIX)?.parse().ok());
        last = last.max(number.map(|number: u64| (number, path)));
    }
    Ok(last)
}

/// The bytes that a torn write leaves behind a segment.
fn torn_end(segment: &[u8], first: u64, torn: Torn, rng: &mut Rng) -> Vec<u8> {
    let length = rng.usize(1..3000);
    let body: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
    match torn {
        Torn::Garbage => body,
        Torn::Zeros => vec![0; length],
        Torn::Group | Torn::Header => {
            let group = group(segment, first, &body);
            let header = group.len() - body.len();
            let cut = match torn {
                Torn::Header => rng.usize(1..header),
                // Of the last byte at least nothing was written.
                _ => rng.usize(header..group.len()),
            };
            group[..cut].to_vec()
        }
    }
}

/// The group that would come next in a segment.
fn group(segment: &[u8], first: u64, body: &[u8]) -> Vec<u8> {
    let records = examine(segment, Sequence(first)).records;
    let next = records.last().map_or(first, |(last, _)| last.0 + 1);
    let salt = segment
        .get(12..16)
        .filter(|_| segment.len() >= SEGMENT_HEADER_BYTES);
    let record_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let body = [&record_bytes.to_le_bytes(), body].concat();
    let mut group = MARK.to_vec();
    group.extend(salt.unwrap_or(&[0; 4]));
    group.extend((body.len() as u64).to_le_bytes());
    group.extend(next.to_le_bytes());
    group.extend(1_u32.to_le_bytes());
    group.extend(crc32c::crc32c(&body).to_le_bytes());
    group.extend(crc32c::crc32c(&group).to_le_bytes());
    group.extend(body);
    group
}

#[cfg(test)]
mod tests {
    use headwater::store::Location;
    use headwater_journal::{Journal, Options};

    use super::*;

    /// The records of a journal that was opened again.
    fn records(directory: &Path) -> (Vec<Vec<u8>>, bool) {
        let place = Location::at(directory).unwrap();
        let (journal, recovered) = Journal::open(&place, Options::default()).unwrap();
        assert_eq!(recovered.damaged(), []);
        let torn = recovered.torn().is_some();
        let numbers = 0..journal.next().0;
        let records = numbers.map(|number| journal.read(Sequence(number)).unwrap());
        (records.collect(), torn)
    }

    fn journal_of(texts: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let place = Location::at(directory.path()).unwrap();
        let (journal, _) = Journal::open(&place, Options::default()).unwrap();
        for text in texts {
            journal.append(text.as_bytes()).unwrap();
            journal.commit().unwrap();
        }
        directory
    }

    #[test]
    fn a_torn_end_is_cut_off_and_nothing_else() {
        for torn in [Torn::Group, Torn::Header, Torn::Zeros, Torn::Garbage] {
            for seed in 0..20 {
                let directory = journal_of(&["one", "two"]);
                assert!(tear(directory.path(), torn, seed).unwrap());
                let found = records(directory.path());
                assert_eq!(found, (vec![b"one".to_vec(), b"two".to_vec()], true));
            }
        }
    }

    #[test]
    fn the_torn_group_is_one_that_the_journal_would_have_written() {
        let directory = journal_of(&["one"]);
        let (first, path) = last_segment(directory.path()).unwrap().unwrap();
        let segment = fs::read(&path).unwrap();
        let whole = group(&segment, first, b"two");
        fs::write(&path, [segment, whole].concat()).unwrap();
        let found = records(directory.path());
        assert_eq!(found, (vec![b"one".to_vec(), b"two".to_vec()], false));
    }

    #[test]
    fn a_journal_that_is_not_there_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!tear(directory.path(), Torn::Zeros, 1).unwrap());
        assert!(!tear(&directory.path().join("none"), Torn::Zeros, 1).unwrap());
    }
}
