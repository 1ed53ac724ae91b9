//! The manifests of a checkpoint directory: each is a whole past at a place in the journal,
//! with the snapshots of state that belong to it.

use headwater_journal::Sequence;
use headwater_store::{Child, Durability, Location, StoreError};
use serde::{Deserialize, Serialize};

use super::past::{Past, Since};
use crate::time::Time;

/// Marks the files, and their format.
const MAGIC: &[u8; 4] = b"HWCP";
pub(super) const FORMAT: u8 = 1;
const SEAL_BYTES: usize = 9;
const PREFIX: &str = "checkpoint-";

/// Why a manifest is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A newer release wrote it.
    Newer { file: String, format: u8 },
    /// For a reason in words.
    Damaged(String),
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsealed {
    /// It is gone, or not as it was written.
    #[error("{0}")]
    Lost(String),
    /// What it holds is not known.
    #[error("{0}")]
    Failed(String),
}

/// A past, and how it is brought up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) past: Past,
    /// The entries from this one on are not in the past.
    pub(crate) next: u64,
    pub(crate) snapshots: Vec<Snapshot>,
}

/// A snapshot of a partition of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) state: usize,
    pub(crate) partition: usize,
    /// How many partitions the state has.
    pub(crate) partitions: usize,
    /// The batch whose state it is.
    pub(crate) time: Time,
    /// The file below the directory of states.
    pub(crate) file: String,
}

impl Manifest {
    pub(crate) fn next(&self) -> Sequence {
        Sequence(self.next)
    }

    /// The file's name, which tells the past's last batch.
    pub(crate) fn name(&self) -> String {
        format!("{PREFIX}{:020}", self.past.ended.as_millis())
    }

    /// Writes the manifest of the past's last batch, whole or not at all.
    pub(crate) fn write(&self, dir: &Location) -> Result<(), String> {
        let bytes = self.to_bytes()?;
        let at = dir.join(&self.name());
        at.put(&bytes, Durability::Synced)
            .map_err(|error| error.to_string())
    }

    /// What the file holds.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let failed = |error: postcard::Error| error.to_string();
        let mut bytes = postcard::to_stdvec(self).map_err(failed)?;
        // Where earlier releases read nothing any more.
        if self.past.since != Since::default() {
            bytes.extend(postcard::to_stdvec(&self.past.since).map_err(failed)?);
        }
        Ok(seal(&bytes))
    }

    /// The manifests of a directory, the newest first; files that are something else, and those
    /// of directories in it, are left alone.
    pub(crate) fn list(dir: &Location) -> Result<Vec<Location>, StoreError> {
        let mut found = files_in(dir)?;
        found.retain(|at| Manifest::is_called(&at.name()));
        found.sort_by_key(|at| std::cmp::Reverse(at.name().into_owned()));
        Ok(found)
    }

    /// Puts manifests in the order in which they were written, the last of which a restart uses.
    /// A restart that runs the last batch again begins with a manifest of an earlier batch, so
    /// their names do not tell. They come oldest first by name.
    pub(super) fn sort(manifests: &mut [(Location, Manifest)]) {
        manifests.sort_by_key(|(_, manifest)| manifest.next);
    }

    /// Whether a file has the name of a manifest.
    pub(super) fn is_called(name: &str) -> bool {
        let number = name.strip_prefix(PREFIX);
        number.is_some_and(|number| number.len() == 20 && number.parse::<u64>().is_ok())
    }

    pub(crate) fn read(at: &Location) -> Result<Self, Unreadable> {
        let sealed = read_whole(at).map_err(|error| Unreadable::Damaged(error.to_string()))?;
        if let Some(format) = newer_format(&sealed) {
            let file = at.to_string();
            return Err(Unreadable::Newer { file, format });
        }
        let manifest = unseal(&sealed).and_then(Manifest::from_unsealed);
        manifest.map_err(|message| Unreadable::Damaged(format!("{at} cannot be read: {message}")))
    }

    /// The manifest that was sealed.
    pub(crate) fn from_unsealed(bytes: &[u8]) -> Result<Self, String> {
        let failed = |error: postcard::Error| error.to_string();
        let (mut manifest, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(failed)?;
        if !rest.is_empty() {
            manifest.past.since = postcard::from_bytes(rest).map_err(failed)?;
        }
        Ok(manifest)
    }
}

impl Snapshot {
    /// The snapshot of a partition at the version of a batch. `by` is the number of the first
    /// entry of the process: it makes a name for the file that no later process, whose states
    /// may be in another order, writes over while a manifest lists it.
    pub(crate) fn of(
        (state, partition): (usize, usize),
        partitions: usize,
        time: Time,
        by: Sequence,
    ) -> Self {
        Snapshot {
            state,
            partition,
            partitions,
            time,
            file: format!("{:020}-{state}-{partition}-{}", time.as_millis(), by.0),
        }
    }

    /// The first entry of the process that wrote a snapshot, by the name of its file.
    pub(super) fn first_entry_of(file: &str) -> Option<Sequence> {
        let (_, by) = file.rsplit_once('-')?;
        by.parse().ok().map(Sequence)
    }
}

/// The files of a directory, without those of directories in it: another stream may live there.
pub(super) fn files_in(dir: &Location) -> Result<Vec<Location>, StoreError> {
    let children = match dir.children() {
        Err(StoreError::NotFound { .. }) => Vec::new(),
        children => children?,
    };
    let file = |child| match child {
        Child::File(entry) => Some(entry.location),
        _ => None,
    };
    Ok(children.into_iter().filter_map(file).collect())
}

/// Bytes with what tells whether they are whole.
pub(crate) fn seal(bytes: &[u8]) -> Vec<u8> {
    [&seal_of(bytes), bytes].concat()
}

/// What goes before bytes to tell whether they are whole.
pub(crate) fn seal_of(bytes: &[u8]) -> [u8; SEAL_BYTES] {
    let [m, a, g, i] = *MAGIC;
    let [c, r, k, sum] = crc32c::crc32c(bytes).to_le_bytes();
    [m, a, g, i, FORMAT, c, r, k, sum]
}

/// What was sealed, if it is whole and of a format that is understood.
pub(crate) fn unseal(sealed: &[u8]) -> Result<&[u8], String> {
    let (head, bytes) = sealed
        .split_at_checked(SEAL_BYTES)
        .ok_or("it is too short")?;
    let [magic @ .., format, a, b, c, d] = head else {
        return Err("it is too short".to_owned());
    };
    if magic != MAGIC {
        return Err("it is no file of a checkpoint".to_owned());
    }
    if *format != FORMAT {
        return Err(format!(
            "it has format {format}, and this program reads format {FORMAT}; run a newer one"
        ));
    }
    if u32::from_le_bytes([*a, *b, *c, *d]) != crc32c::crc32c(bytes) {
        return Err("it is damaged: its checksum is wrong".to_owned());
    }
    Ok(bytes)
}

/// The format of bytes that a newer release has sealed.
fn newer_format(sealed: &[u8]) -> Option<u8> {
    let format = sealed.strip_prefix(MAGIC)?.first().copied()?;
    (format > FORMAT).then_some(format)
}

pub(crate) fn read_sealed(at: &Location) -> Result<Vec<u8>, Unsealed> {
    let mut sealed = read_whole(at)?;
    if let Err(message) = unseal(&sealed) {
        let message = format!("{at} cannot be read: {message}");
        return Err(match newer_format(&sealed) {
            Some(_) => Unsealed::Failed(message),
            None => Unsealed::Lost(message),
        });
    }
    sealed.drain(..SEAL_BYTES);
    Ok(sealed)
}

fn read_whole(at: &Location) -> Result<Vec<u8>, Unsealed> {
    at.get().map_err(|error| match error {
        StoreError::NotFound { .. } => Unsealed::Lost(error.to_string()),
        _ => Unsealed::Failed(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::program::Program;
    use super::*;

    fn manifest(ended: i64) -> Manifest {
        let program = Program::of_parts(&[], &[]);
        let mut past = Past::new(program, Time::ZERO);
        past.ended = Time::from_millis(ended);
        Manifest {
            past,
            next: 7,
            snapshots: vec![],
        }
    }

    #[test]
    fn manifests_are_listed_newest_first_and_read_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let dir = Location::at(dir.path()).unwrap();
        assert!(Manifest::list(&dir.join("none")).unwrap().is_empty());
        manifest(9000).write(&dir).unwrap();
        manifest(10_000).write(&dir).unwrap();
        dir.join("checkpoint-notes")
            .put(b"x", Durability::Cached)
            .unwrap();
        let found = Manifest::list(&dir).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(Manifest::read(&found[0]), Ok(manifest(10_000)));
        let mut newer = found[0].get().unwrap();
        newer[MAGIC.len()] = FORMAT + 1;
        found[0].put(&newer, Durability::Cached).unwrap();
        let refused = Manifest::read(&found[0]);
        assert!(matches!(refused, Err(Unreadable::Newer { format, .. }) if format == FORMAT + 1));
    }

    #[test]
    fn damage_and_newer_formats_are_told_apart() {
        let sealed = seal(b"content");
        assert_eq!(unseal(&sealed), Ok(&b"content"[..]));
        for place in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[place] ^= 1;
            let message = unseal(&bad).unwrap_err();
            assert_eq!(message.contains("run a newer one"), place == 4, "{message}");
            assert!(unseal(&sealed[..place]).is_err());
        }
    }
}
