//! Whether what belongs together in a checkpoint directory is all there: a function of what was
//! found.
//!
//! A first start writes its manifest before any entry, and any start writes state only after a
//! manifest; a manifest is written after the entries that it knows are durable. So entries or
//! state without a manifest, and a manifest that knows more entries than there are, come from
//! files that are gone, and never from a process that was killed.

use std::ops::Range;

use headwater_store::Location;

use super::report::plural;
use crate::error::StreamError;

/// What was found in a directory.
pub(super) struct Parts {
    /// How many entries the newest manifest knows, if there is a manifest.
    pub(super) known: Option<u64>,
    /// The numbers of the entries of the journal.
    pub(super) entries: Range<u64>,
    /// Whether the journal was opened and never written: openings take numbers in an object store.
    pub(super) is_unwritten: bool,
    /// How many snapshots of state there are.
    pub(super) snapshots: usize,
}

/// What is missing beside what is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Incomplete {
    pub(super) there: String,
    pub(super) missing: String,
}

impl Parts {
    /// What is missing, if something is.
    pub(super) fn incomplete(&self) -> Option<Incomplete> {
        let Range { start, end } = self.entries;
        match self.known {
            None if self.is_unwritten && self.snapshots == 0 => None,
            None => Some(Incomplete {
                there: self.without_manifest(),
                missing: "no checkpoint- file that says what they belong to".to_owned(),
            }),
            Some(known) if end >= known => None,
            Some(known) => Some(Incomplete {
                there: "checkpoint- files".to_owned(),
                missing: match start == end {
                    true => format!("no entry of their journal, which had {known}"),
                    false => format!(
                        "the journal ends at entry {end}, and {} after it are gone",
                        plural(known - end, "entry", "entries")
                    ),
                },
            }),
        }
    }

    fn without_manifest(&self) -> String {
        let entries = plural(self.entries.end - self.entries.start, "entry", "entries");
        let snapshots = plural(self.snapshots as u64, "file", "files");
        match (self.is_unwritten, self.snapshots) {
            (true, _) => format!("{snapshots} of state"),
            (_, 0) => format!("a journal of {entries}"),
            _ => format!("a journal of {entries} and {snapshots} of state"),
        }
    }
}

impl Incomplete {
    pub(super) fn in_directory(self, directory: &Location) -> StreamError {
        StreamError::CheckpointIncomplete {
            directory: directory.to_string(),
            there: self.there,
            missing: self.missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incomplete(known: Option<u64>, entries: Range<u64>, snapshots: usize) -> Option<String> {
        let parts = Parts {
            known,
            is_unwritten: entries == (0..0),
            entries,
            snapshots,
        };
        let incomplete = parts.incomplete()?;
        Some(format!("{}, {}", incomplete.there, incomplete.missing))
    }

    #[test]
    fn what_a_killed_process_leaves_is_whole() {
        // Nothing yet; the first manifest; entries after it; forgotten ones before it.
        for (known, entries) in [
            (None, 0..0),
            (Some(0), 0..0),
            (Some(0), 0..9),
            (Some(9), 9..9),
        ] {
            assert_eq!(incomplete(known, entries, 0), None);
        }
        assert_eq!(incomplete(Some(5), 3..9, 4), None);
        // Two openings of an object store, each of which takes a number.
        let parts = |snapshots| Parts {
            known: None,
            entries: 0..2,
            is_unwritten: true,
            snapshots,
        };
        assert_eq!(parts(0).incomplete(), None);
        assert!(parts(1).incomplete().is_some());
    }

    #[test]
    fn what_is_there_and_what_is_not_are_told() {
        for (known, entries, snapshots, told) in [
            (None, 3..9, 0, "a journal of 6 entries, no checkpoint-"),
            (
                None,
                0..1,
                2,
                "a journal of 1 entry and 2 files of state, no checkpoint-",
            ),
            (None, 0..0, 1, "1 file of state, no checkpoint-"),
            (
                Some(7),
                0..0,
                1,
                "checkpoint- files, no entry of their journal, which had 7",
            ),
            (
                Some(7),
                0..5,
                0,
                "checkpoint- files, the journal ends at entry 5, and 2 entries",
            ),
        ] {
            let found = incomplete(known, entries, snapshots).unwrap();
            assert!(found.starts_with(told), "{found}");
        }
    }
}
