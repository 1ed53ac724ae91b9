//! Kept partitions on disk: one file each, in a directory that lives as long as the context.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tempfile::TempDir;

use super::frames;

/// The directory, made when the first partition is written.
pub(super) struct DiskStore {
    base: PathBuf,
    dir: Mutex<Dir>,
    next_file: AtomicU64,
}

enum Dir {
    NotYet,
    There(TempDir),
    Closed,
}

/// A file with a partition. It is removed when nobody keeps or reads it any more.
pub(super) struct DiskFile {
    path: PathBuf,
    pub(super) bytes: u64,
}

impl DiskStore {
    pub(super) fn new(base: PathBuf) -> Self {
        DiskStore {
            base,
            dir: Mutex::new(Dir::NotYet),
            next_file: AtomicU64::new(0),
        }
    }

    /// Writes a file whose name begins as asked.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<Arc<DiskFile>> {
        let number = self.next_file.fetch_add(1, Ordering::Relaxed);
        let path = self.dir()?.join(format!("{name}-{number}"));
        // From here on the file goes when writing it fails.
        let file = DiskFile {
            path,
            bytes: bytes.len() as u64,
        };
        fs::write(&file.path, bytes).map_err(|error| at(&file.path, error))?;
        Ok(Arc::new(file))
    }

    /// Removes the directory; nothing can be written any more.
    pub(super) fn close(&self) {
        let dir = std::mem::replace(&mut *self.dir.lock(), Dir::Closed);
        if let Dir::There(dir) = dir
            && let Err(error) = dir.close()
        {
            tracing::warn!(%error, "the directory of cached partitions could not be removed");
        }
    }

    fn dir(&self) -> io::Result<PathBuf> {
        let mut dir = self.dir.lock();
        match &*dir {
            Dir::There(there) => Ok(there.path().to_owned()),
            Dir::Closed => Err(io::Error::other("the context was stopped")),
            Dir::NotYet => {
                fs::create_dir_all(&self.base).map_err(|error| at(&self.base, error))?;
                let made = tempfile::Builder::new()
                    .prefix("headwater-")
                    .tempdir_in(&self.base)
                    .map_err(|error| at(&self.base, error))?;
                let path = made.path().to_owned();
                *dir = Dir::There(made);
                Ok(path)
            }
        }
    }
}

impl DiskFile {
    /// The bytes, if they are still what was written.
    pub(super) fn read(&self) -> Result<Vec<u8>, String> {
        let in_file = |what: String| format!("{}: {what}", self.path.display());
        let bytes = fs::read(&self.path).map_err(|error| in_file(error.to_string()))?;
        if bytes.len() as u64 != self.bytes {
            return Err(in_file(format!(
                "{} bytes instead of {}",
                bytes.len(),
                self.bytes
            )));
        }
        frames::verify(&bytes).map_err(|damage| in_file(damage.to_string()))?;
        Ok(bytes)
    }
}

/// An error that says where it was.
fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        // The whole directory may be gone already.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directory_go_when_nobody_needs_them() {
        let base = tempfile::tempdir().unwrap();
        let entries = || fs::read_dir(base.path()).unwrap().count();
        let store = DiskStore::new(base.path().join("not/there/yet"));
        assert_eq!(entries(), 0);
        let file = store
            .write("name", &frames::encode(&[1, 2]).unwrap())
            .unwrap();
        assert_eq!(file.read().unwrap(), frames::encode(&[1, 2]).unwrap());
        let path = file.path.clone();
        drop(file);
        assert!(!path.exists() && path.parent().unwrap().exists());
        store.close();
        assert!(!path.parent().unwrap().exists());
        assert!(store.write("name", &[]).is_err());
    }

    #[test]
    fn a_changed_file_is_not_read() {
        let base = tempfile::tempdir().unwrap();
        let store = DiskStore::new(base.path().to_owned());
        let bytes = frames::encode(&[1_u64, 2, 3]).unwrap();
        let file = store.write("name", &bytes).unwrap();
        let mut changed = bytes.clone();
        changed[25] ^= 1;
        fs::write(&file.path, changed).unwrap();
        assert!(file.read().unwrap_err().contains("checksum"));
        fs::write(&file.path, &bytes[..20]).unwrap();
        assert!(file.read().unwrap_err().contains("20 bytes instead of"));
    }
}
