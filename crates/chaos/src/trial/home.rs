//! The directory of a round, on a small disk of its own where disks get full.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use super::error::ChaosError;

/// How large the small disk is.
const DISK_BYTES: u64 = 48 << 20;
/// What takes the room on it.
const BALLAST: &str = "ballast";
const BALLAST_BYTES: usize = 4096;

/// The directory of a round.
pub(crate) struct Home {
    disk: Option<SmallDisk>,
    // After the disk, which lies in it: fields are dropped in their order.
    directory: Option<TempDir>,
    path: PathBuf,
}

impl Home {
    /// Makes the directory; with `fills_disk` on a small disk, if this process may mount one.
    pub(crate) fn make(fills_disk: bool) -> Result<Home, ChaosError> {
        let directory = tempfile::Builder::new()
            .prefix("headwater-chaos-")
            .tempdir();
        let directory = directory.map_err(ChaosError::system("make a directory"))?;
        let path = directory.path().to_owned();
        let data = path.join("data");
        fs::create_dir(&data).map_err(ChaosError::file("make", &data))?;
        Ok(Home {
            disk: fills_disk.then(|| SmallDisk::mount(&data)).flatten(),
            directory: Some(directory),
            path,
        })
    }

    /// Where the stream keeps what it has.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where a process of the stream logs.
    pub(crate) fn log(&self, life: usize) -> PathBuf {
        self.path.join(format!("driver-{life}.log"))
    }

    /// Whether there is a disk that can be filled.
    pub(crate) fn has_small_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Leaves so many bytes on the small disk.
    pub(crate) fn fill(&self, bytes_left: u64) -> Result<(), ChaosError> {
        let path = self.data().join(BALLAST);
        let failed = || ChaosError::file("fill the disk with", &path);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = file.map_err(failed())?;
        loop {
            match file.write_all(&[0xBA; BALLAST_BYTES]) {
                Ok(()) => {}
                Err(full) if full.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(failed()(error)),
            }
        }
        let bytes = file.metadata().map_err(failed())?.len();
        file.set_len(bytes.saturating_sub(bytes_left))
            .map_err(failed())
    }

    /// Makes room again.
    pub(crate) fn empty(&self) -> Result<(), ChaosError> {
        let path = self.data().join(BALLAST);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(ChaosError::file("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Leaves everything where it is, and says where that is and how to be rid of it.
    pub(crate) fn keep(mut self) -> String {
        if let Some(directory) = self.directory.take() {
            let _ = directory.keep();
        }
        let path = self.path.display();
        match &mut self.disk {
            None => path.to_string(),
            Some(disk) => {
                disk.stays = true;
                format!(
                    "{path}, of which `umount {}` frees a disk",
                    disk.path.display()
                )
            }
        }
    }
}

/// A file system in memory, which is gone with this value.
struct SmallDisk {
    path: PathBuf,
    stays: bool,
}

impl SmallDisk {
    /// `None` where it must not be mounted: that takes a privilege.
    fn mount(path: &Path) -> Option<SmallDisk> {
        let options = std::ffi::CString::new(format!("size={DISK_BYTES}")).ok()?;
        mount(
            "chaos",
            path,
            "tmpfs",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )
        .ok()?;
        Some(SmallDisk {
            path: path.to_owned(),
            stays: false,
        })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if !self.stays {
            // A process that has just died may hold it for a moment longer.
            let _ = unmount(&self.path, UnmountFlags::DETACH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_filled_and_emptied() {
        let home = Home::make(true).unwrap();
        if !home.has_small_disk() {
            // Without the privilege; files are limited instead.
            return;
        }
        let file = home.data().join("file");
        home.fill(8192).unwrap();
        fs::write(&file, [1; 4096]).unwrap();
        let error = fs::write(&file, [1; 65_536]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        home.empty().unwrap();
        fs::write(&file, [1; 65_536]).unwrap();
        let path = home.path.clone();
        drop(home);
        assert!(!path.exists());
    }
}
