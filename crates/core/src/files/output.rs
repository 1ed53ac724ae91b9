//! How a directory of results comes to be whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, TaskError};
use crate::scheduler::TaskContext;
use crate::site::Site;

const TEMPORARY: &str = "_temporary";
const SUCCESS: &str = "_SUCCESS";

/// A directory that is being written.
///
/// Tasks write below `_temporary`, which readers skip. When all are done their files are
/// renamed to `part-00000` and so on, and `_SUCCESS` comes last. When the job fails the
/// directory is removed.
pub(super) struct OutputDir {
    path: PathBuf,
    committed: bool,
}

/// A file that a task has written, with the partition that it holds.
pub(super) struct Written {
    path: PathBuf,
    partition: usize,
}

impl OutputDir {
    /// Makes the directory, which must not exist.
    pub(super) fn begin(site: Site, path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io("cannot create", path.display().to_string(), error);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!(
                    "the output directory {} already exists; remove it or choose another",
                    path.display(),
                );
                return Err(Error::Build { site, message });
            }
            made => made.map_err(failed)?,
        }
        let output = OutputDir {
            path: path.to_owned(),
            committed: false,
        };
        fs::create_dir(output.temporary()).map_err(failed)?;
        Ok(output)
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.path.join(TEMPORARY)
    }

    /// Makes the results visible.
    pub(super) fn commit(mut self, files: Vec<Written>) -> Result<(), Error> {
        for Written { path, partition } in files {
            let to = self.path.join(format!("part-{partition:05}"));
            fs::rename(&path, &to)
                .map_err(|error| Error::io("cannot create", to.display().to_string(), error))?;
        }
        let temporary = self.temporary();
        fs::remove_dir_all(&temporary)
            .map_err(|error| Error::io("cannot remove", temporary.display().to_string(), error))?;
        let success = self.path.join(SUCCESS);
        fs::write(&success, [])
            .map_err(|error| Error::io("cannot create", success.display().to_string(), error))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for OutputDir {
    fn drop(&mut self) {
        if !self.committed
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "failed output cannot be removed");
        }
    }
}

/// Creates the file of a task and lets it be written; gives its bytes on to the metrics.
///
/// Each attempt has a file of its own, so that one that failed leaves nothing in another.
pub(super) fn write_part(
    temporary: &Path,
    task: &TaskContext,
    partition: usize,
    site: Site,
    write: impl FnOnce(fs::File, &Path) -> Result<u64, crate::chunk::Stop>,
) -> Result<Written, crate::chunk::Stop> {
    let path = temporary.join(format!("part-{partition:05}-attempt-{}", task.attempt));
    let file = fs::File::create(&path).map_err(|error| cannot_write(site, &path, &error))?;
    task.count_bytes_written(write(file, &path)?);
    Ok(Written { path, partition })
}

pub(super) fn cannot_write(site: Site, path: &Path, error: &io::Error) -> TaskError {
    TaskError::Io {
        operator: site,
        action: "cannot write",
        target: path.display().to_string(),
        message: error.to_string(),
    }
}

pub(super) fn cannot_read(site: Site, path: &Path, error: &io::Error) -> TaskError {
    TaskError::Io {
        operator: site,
        action: "cannot read",
        target: path.display().to_string(),
        message: error.to_string(),
    }
}
