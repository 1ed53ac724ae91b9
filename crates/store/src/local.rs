//! The local file system: atomic files by renaming, durable ones by fsync.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TEMPORARY}{}-{number}", std::process::id());
        Self::at(target.with_file_name(name), durability)
    }

    /// Begins a file at a path that the caller chose.
    pub(crate) fn at(path: PathBuf, durability: Durability) -> Result<Self, Failure> {
        create_parents(&path, durability)?;
        let file = File::create(&path)?;
        Ok(Unfinished {
            file,
            path: TemporaryPath(path),
            durability,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
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
        match existing {
            Existing::Replace => fs::rename(&self.path.0, target)?,
            // A link to a name that is taken fails, which a rename does not.
            Existing::Refuse => fs::hard_link(&self.path.0, target)?,
        }
        drop(self.path);
        sync_parent(target, self.durability)
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

/// What is in a directory, in no special order. Files that vanish meanwhile are left out.
pub(crate) fn entries(directory: &Path) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(TEMPORARY.as_bytes())
        {
            continue;
        }
        let path = entry.path();
        let meta = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            meta => meta?,
        };
        let file = match meta.is_dir() {
            true => None,
            false => Some(meta_of(&meta)?),
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

/// A name is on the disk once the directory that it stands in is.
fn sync_parent(path: &Path, durability: Durability) -> Result<(), Failure> {
    if durability == Durability::Cached {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    Ok(File::open(parent)?.sync_all()?)
}
