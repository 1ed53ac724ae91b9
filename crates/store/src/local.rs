//! The local file system: atomic files by renaming, durable ones by fsync.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::location::Durability;
use crate::objects::{Existing, Meta};

/// How the names of files begin that are being written; listings leave them out.
const TEMPORARY: &str = ".headwater-put-";

/// A file that is being written under a name of its own; dropping it removes it.
pub(crate) struct Unfinished {
    file: File,
    path: TemporaryPath,
    durability: Durability,
}

/// A file that is complete, but not yet where it belongs; dropping it removes it.
pub(crate) struct Finished {
    path: TemporaryPath,
    durability: Durability,
}

/// A number that no other process comes upon, nor anybody can guess.
fn random() -> u64 {
    // The standard library seeds each of these from the system.
    RandomState::new().build_hasher().finish()
}

/// A name for a file that is not whole yet, which listings leave out.
pub(crate) fn temporary_name() -> String {
    format!("{TEMPORARY}{:016x}", random())
}

pub(crate) fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(TEMPORARY.as_bytes())
}

/// Removes the file unless it was moved away.
struct TemporaryPath(PathBuf);

impl Drop for TemporaryPath {
    fn drop(&mut self) {
        // It was renamed, or its directory is gone: both are fine.
        let _ = fs::remove_file(&self.0);
    }
}

impl Unfinished {
    /// Begins a file that will be at `target`, in the same directory.
    pub(crate) fn beside(target: &Path, durability: Durability) -> Result<Self, Failure> {
        create_parents(target, durability)?;
        Self::beside_under(target, durability, temporary_name)
    }

    /// As [`Unfinished::beside`], under the first of some names that is not taken.
    ///
    /// A file of that name may be anybody's: another process's, even one on another machine,
    /// or a link to somewhere else. It is never opened.
    fn beside_under(
        target: &Path,
        durability: Durability,
        mut next_name: impl FnMut() -> String,
    ) -> Result<Self, Failure> {
        loop {
            let path = target.with_file_name(next_name());
            match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => return Ok(Self::of(file?, path, durability)),
            }
        }
    }

    /// Begins a file at a path that the caller chose and answers for.
    pub(crate) fn at(path: PathBuf, durability: Durability) -> Result<Self, Failure> {
        let file = File::create(&path)?;
        Ok(Self::of(file, path, durability))
    }

    fn of(file: File, path: PathBuf, durability: Durability) -> Self {
        Unfinished {
            file,
            path: TemporaryPath(path),
            durability,
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    /// Has the bytes so far reach the disk, if that was asked for.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        match self.durability {
            Durability::Synced => Ok(self.file.sync_data()?),
            Durability::Cached => Ok(()),
        }
    }

    /// Closes the file; its bytes are on the disk afterwards if that was asked for.
    pub(crate) fn finish(self) -> Result<Finished, Failure> {
        if self.durability == Durability::Synced {
            self.file.sync_all()?;
        }
        Ok(Finished {
            path: self.path,
            durability: self.durability,
        })
    }
}

impl Finished {
    pub(crate) fn publish(self, target: &Path, existing: Existing) -> Result<(), Failure> {
        let durability = self.durability;
        self.place(target, existing)?;
        sync_parent(target, durability)
    }

    fn place(self, target: &Path, existing: Existing) -> Result<(), Failure> {
        match existing {
            Existing::Replace => fs::rename(&self.path.0, target)?,
            // A link to a name that is taken fails, which a rename does not.
            Existing::Refuse => fs::hard_link(&self.path.0, target)?,
        }
        Ok(())
    }

    /// Publishes many files; each directory that they are in is synced once, whatever their
    /// number. Which one failed is told with the failure.
    pub(crate) fn publish_all(
        files: impl IntoIterator<Item = (Finished, PathBuf)>,
    ) -> Result<(), (Failure, PathBuf)> {
        let mut unsynced = BTreeMap::new();
        for (file, target) in files {
            let durability = file.durability;
            if let Err(failure) = file.place(&target, Existing::Replace) {
                return Err((failure, target));
            }
            if durability == Durability::Synced {
                let directory = target.parent().map(Path::to_owned);
                unsynced.insert(directory, target);
            }
        }
        for target in unsynced.into_values() {
            sync_name(&target).map_err(|failure| (failure, target))?;
        }
        Ok(())
    }
}

pub(crate) fn put(
    path: &Path,
    bytes: &[u8],
    durability: Durability,
    existing: Existing,
) -> Result<(), Failure> {
    let mut file = Unfinished::beside(path, durability)?;
    file.file.write_all(bytes)?;
    file.finish()?.publish(path, existing)
}

pub(crate) fn get(path: &Path, range: Option<Range<u64>>) -> Result<Vec<u8>, Failure> {
    let Some(range) = range else {
        return Ok(fs::read(path)?);
    };
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if range.start >= bytes {
        let start = range.start;
        return Err(Failure::OutOfRange { start, bytes });
    }
    file.seek(SeekFrom::Start(range.start))?;
    let mut read = Vec::new();
    file.take(range.end.min(bytes) - range.start)
        .read_to_end(&mut read)?;
    Ok(read)
}

pub(crate) fn head(path: &Path) -> Result<Meta, Failure> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return Err(Failure::NotFound);
    }
    Ok(meta_of(&meta)?)
}

fn meta_of(meta: &fs::Metadata) -> io::Result<Meta> {
    Ok(Meta {
        bytes: meta.len(),
        modified: meta.modified()?,
    })
}

/// A name in a directory: a file with its size and age, or a directory.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) file: Option<Meta>,
}

/// What is in a directory, in no special order. Files that vanish meanwhile are left out, and
/// so is what nothing can be said of, such as a link to itself: it must not hide the others.
pub(crate) fn entries(directory: &Path) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_temporary(entry.file_name().as_encoded_bytes()) {
            continue;
        }
        let path = entry.path();
        let described = fs::metadata(&path).and_then(|meta| match meta.is_dir() {
            true => Ok(None),
            false => meta_of(&meta).map(Some),
        });
        let file = match described {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "left out of a listing");
                continue;
            }
        };
        found.push(Found { path, file });
    }
    Ok(found)
}

/// Every file below a directory, which need not exist.
pub(crate) fn list(directory: &Path) -> Result<Vec<(PathBuf, Meta)>, Failure> {
    let mut waiting = vec![directory.to_owned()];
    let mut files = Vec::new();
    while let Some(next) = waiting.pop() {
        let found = match entries(&next) {
            Err(Failure::NotFound) => continue,
            found => found?,
        };
        for Found { path, file } in found {
            match file {
                Some(meta) => files.push((path, meta)),
                // A link to a directory may lead in a circle.
                None if !path.is_symlink() => waiting.push(path),
                None => {}
            }
        }
    }
    Ok(files)
}

pub(crate) fn delete(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}

/// Removes a file, or a directory with all that is in it.
pub(crate) fn delete_all(path: &Path) -> Result<(), Failure> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}

/// Removes the files directly in a directory, which need not exist, that have the name of one
/// that is not whole yet. How many there were.
pub(crate) fn remove_unfinished(directory: &Path) -> Result<usize, Failure> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // Not what a link leads to, and no directory that somebody called so.
        if is_temporary(name.as_encoded_bytes()) && entry.file_type()?.is_file() {
            delete(&entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

pub(crate) fn rename(from: &Path, to: &Path, durability: Durability) -> Result<(), Failure> {
    create_parents(to, durability)?;
    fs::rename(from, to)?;
    sync_parent(to, durability)?;
    sync_parent(from, durability)
}

fn create_parents(path: &Path, durability: Durability) -> Result<(), Failure> {
    match path.parent() {
        Some(parent) => create_dir(parent, durability),
        None => Ok(()),
    }
}

/// Makes a directory and those above it. Synced, each new one is in its parent on the disk.
pub(crate) fn create_dir(path: &Path, durability: Durability) -> Result<(), Failure> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    create_parents(path, durability)?;
    match fs::create_dir(path) {
        // Somebody else made it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    sync_parent(path, durability)
}

fn sync_parent(path: &Path, durability: Durability) -> Result<(), Failure> {
    match durability {
        Durability::Cached => Ok(()),
        Durability::Synced => sync_name(path),
    }
}

/// A name is on the disk once the directory that it stands in is.
pub(crate) fn sync_name(path: &Path) -> Result<(), Failure> {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    Ok(File::open(parent)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (target, taken) = (dir.path().join("target"), dir.path().join("taken"));
        fs::write(&taken, "of another process").unwrap();
        let mut names = ["taken", "link", "free"].into_iter();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&taken, dir.path().join("link")).unwrap();
        let next_name = || names.next().unwrap().to_owned();
        let mut file = Unfinished::beside_under(&target, Durability::Cached, next_name).unwrap();
        file.write(b"mine").unwrap();
        let finished = file.finish().unwrap();
        finished.publish(&target, Existing::Replace).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        assert_eq!(fs::read(&taken).unwrap(), b"of another process");
    }

    #[test]
    fn unfinished_files_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        assert_eq!(remove_unfinished(&at("none")).unwrap(), 0);
        for name in [&temporary_name(), "whole", ".hidden"] {
            fs::write(at(name), "x").unwrap();
        }
        fs::create_dir(at(&format!("{TEMPORARY}directory"))).unwrap();
        fs::create_dir(at("below")).unwrap();
        fs::write(at("below").join(temporary_name()), "x").unwrap();
        assert_eq!(remove_unfinished(dir.path()).unwrap(), 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        assert_eq!(fs::read_dir(at("below")).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_itself_hides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path().join("self"), dir.path().join("self")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("gone"), dir.path().join("dangling")).unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        let found = entries(dir.path()).unwrap();
        let names: Vec<_> = found.iter().map(|found| found.path.clone()).collect();
        assert_eq!(names, [dir.path().join("file")]);
        assert_eq!(list(dir.path()).unwrap().len(), 1);
        assert!(entries(&dir.path().join("file")).is_err());
    }
}
