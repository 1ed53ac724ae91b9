//! Checkpoint directories of measured streams.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::error::BenchError;

/// A directory for checkpoints, removed in the end. `TMPDIR` says on which disk.
pub(crate) struct Directory(TempDir);

/// How much is in a directory.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

impl Contents {
    /// As much as it was, or as another time if that was more.
    pub(crate) fn raise_to(&mut self, other: Contents) {
        self.files = self.files.max(other.files);
        self.bytes = self.bytes.max(other.bytes);
    }
}

impl Directory {
    pub(crate) fn new() -> Result<Self, BenchError> {
        let made = tempfile::tempdir();
        made.map(Directory)
            .map_err(BenchError::io("make", "a directory for checkpoints"))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The same for a configuration.
    pub(crate) fn name(&self) -> String {
        self.path().to_string_lossy().into_owned()
    }

    /// Everything in it, and in the directories in it.
    pub(crate) fn contents(&self) -> Result<Contents, BenchError> {
        let mut contents = Contents::default();
        count(self.path(), &mut contents)?;
        Ok(contents)
    }
}

fn count(directory: &Path, contents: &mut Contents) -> Result<(), BenchError> {
    let entries = fs::read_dir(directory).map_err(BenchError::io("list", directory))?;
    for entry in entries {
        let entry = entry.map_err(BenchError::io("list", directory))?;
        // What the stream has removed meanwhile is not there.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        if metadata.is_dir() {
            count(&entry.path(), contents)?;
        } else {
            contents.files += 1;
            contents.bytes += metadata.len();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_all_depths_count() {
        let directory = Directory::new().unwrap();
        assert_eq!(directory.contents().unwrap(), Contents::default());
        let below = directory.path().join("below");
        fs::create_dir(&below).unwrap();
        fs::write(below.join("a"), b"abc").unwrap();
        fs::write(directory.path().join("b"), b"de").unwrap();
        assert_eq!(
            directory.contents().unwrap(),
            Contents { files: 2, bytes: 5 }
        );
    }
}
