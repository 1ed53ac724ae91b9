//! How a directory of results comes to be whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::write::GzEncoder;
use headwater_store::{Durability, Location, Staged, StoreError, Writer};

use super::options::{Compression, SaveOptions};
use super::replace::{Lock, claim_beside, remove_leftovers, take_place};
use crate::chunk::Stop;
use crate::error::{Error, TaskError};
use crate::scheduler::TaskContext;
use crate::site::Site;

pub(super) const TEMPORARY: &str = "_temporary";
const SUCCESS: &str = "_SUCCESS";

/// A directory that is being written.
///
/// Locally tasks write below `_temporary`, which readers skip. When all are done their files
/// are renamed to `part-00000` and so on, and `_SUCCESS` comes last. A directory that is to
/// be replaced stays where it is until then: the new one is written beside it under a hidden
/// name and takes its place as a whole ([`replace`](super::replace)).
///
/// To object stores tasks send their parts as uploads that nobody sees, and the end of the
/// job completes them, `_SUCCESS` last: no part is copied, and a job that fails leaves
/// nothing, not even under other keys.
pub(super) struct OutputDir {
    site: Site,
    target: Location,
    /// Where parts are published: the target, or a directory that takes its place.
    work: Location,
    /// Tells others that a directory beside the target belongs to a living process.
    _lock: Lock,
    options: SaveOptions,
    /// Whether what lies in `work` is ours, and goes if the job fails.
    is_ours: bool,
}

/// What the tasks know of the directory.
#[derive(Clone)]
pub(super) struct Parts {
    work: Location,
    options: SaveOptions,
    site: Site,
}

impl OutputDir {
    /// Claims the directory, which must not exist unless it may be replaced.
    pub(super) fn begin(site: Site, path: &Path, options: SaveOptions) -> Result<Self, Error> {
        let target = Location::at(path).map_err(|source| Error::Store { site, source })?;
        let refuse = |why: &str| Error::Build {
            site,
            message: format!("the output directory {target} {why}"),
        };
        if target.name().is_empty() {
            return Err(refuse("has no name; choose one below it"));
        }
        let failed = |source| Error::Store { site, source };
        let is_local = target.as_path().is_some();
        let (mut work, mut lock) = (target.clone(), Lock::default());
        if options.replace {
            if target.head().is_ok() {
                return Err(refuse("is a file; remove it or choose another"));
            }
        } else if !is_local && target.exists().map_err(failed)? {
            return Err(refuse("already exists; remove it or choose another"));
        }
        if let Some(path) = target.as_path() {
            make_parent(&target, path, options.durability()).map_err(failed)?;
            if options.replace {
                remove_leftovers(&target);
                (work, lock) = claim_beside(&target).map_err(failed)?;
            } else {
                match claim(path) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(refuse("already exists; remove it or choose another"));
                    }
                    made => made.map_err(|error| failed(target.failed("create", error)))?,
                }
            }
        }
        Ok(OutputDir {
            site,
            target,
            work,
            _lock: lock,
            options,
            is_ours: is_local,
        })
    }

    pub(super) fn parts(&self) -> Parts {
        Parts {
            work: self.work.clone(),
            options: self.options,
            site: self.site,
        }
    }

    /// Makes the results visible.
    pub(super) fn commit(mut self, parts: Vec<Staged>) -> Result<(), Error> {
        let site = self.site;
        let committed = match self.target.as_path() {
            Some(_) => self.commit_directory(parts),
            None => self.commit_objects(parts),
        };
        committed.map_err(|source| Error::Store { site, source })?;
        self.is_ours = false;
        Ok(())
    }

    fn commit_directory(&self, parts: Vec<Staged>) -> Result<(), StoreError> {
        Staged::publish_all(parts)?;
        self.work.join(TEMPORARY).delete_all()?;
        let durability = self.options.durability();
        self.work.join(SUCCESS).put(&[], durability)?;
        if self.work != self.target {
            return take_place(&self.work, &self.target, durability);
        }
        match durability {
            Durability::Synced => self.target.sync_name(),
            Durability::Cached => Ok(()),
        }
    }

    fn commit_objects(&mut self, parts: Vec<Staged>) -> Result<(), StoreError> {
        let success = self.target.join(SUCCESS);
        let before = match self.options.replace {
            true => self.target.list()?,
            false => Vec::new(),
        };
        self.is_ours = true;
        if !before.is_empty() {
            success.delete()?;
        }
        let names: Vec<String> = (0..parts.len())
            .map(|partition| part_name(partition, self.options.compression))
            .collect();
        Staged::publish_all(parts)?;
        for entry in before {
            let is_new = names
                .iter()
                .any(|name| entry.location == self.target.join(name));
            if !is_new && entry.location != success {
                entry.location.delete()?;
            }
        }
        success.put(&[], self.options.durability())
    }
}

impl Drop for OutputDir {
    fn drop(&mut self) {
        if self.is_ours
            && let Err(error) = self.work.delete_all()
        {
            tracing::warn!(%error, "failed output cannot be removed");
        }
    }
}

/// Makes a directory that nobody else has, with a place for unfinished parts.
fn claim(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::create_dir(path.join(TEMPORARY))
}

/// Makes the directories above one.
fn make_parent(target: &Location, path: &Path, durability: Durability) -> Result<(), StoreError> {
    let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let made = Location::at(parent)?.create_dir(durability);
    made.map_err(|error| target.failed("create", told(parent, &error)))
}

/// Says whose fault it is: the directory that is asked for is not there, something above it is.
fn told(parent: &Path, error: &StoreError) -> io::Error {
    let file = parent.ancestors().find(|above| above.is_file());
    io::Error::other(match file {
        Some(file) => format!("{} is a file, not a directory", file.display()),
        None => error.to_string(),
    })
}

fn part_name(partition: usize, compression: Compression) -> String {
    format!("part-{partition:05}{}", compression.extension())
}

impl Parts {
    /// Lets the file of a task be written, and gives it on unseen.
    ///
    /// Each attempt has a file of its own, so that one that failed leaves nothing in another.
    pub(super) fn write(
        &self,
        task: &TaskContext,
        partition: usize,
        write: impl FnOnce(&mut PartFile, &dyn Fn(io::Error) -> TaskError) -> Result<(), Stop>,
    ) -> Result<Staged, Stop> {
        let name = part_name(partition, self.options.compression);
        let temporary = self.work.join(TEMPORARY);
        let temporary = temporary.join(&format!("{name}-attempt-{}", task.attempt));
        let target = self.work.join(&name);
        let refused = |source| TaskError::Store {
            operator: self.site,
            source,
        };
        let failed = |error| refused(target.failed("write", error));
        let writer = target.create_through(&temporary, self.options.durability());
        let counted = Counted {
            writer: writer.map_err(refused)?,
            bytes: 0,
        };
        let mut file = PartFile::new(counted, self.options.compression);
        write(&mut file, &failed)?;
        let Counted { writer, bytes } = file.finish().map_err(failed)?;
        task.count_bytes_written(bytes);
        Ok(writer.stage().map_err(refused)?)
    }
}

/// The file of one partition, compressed as asked for.
pub(super) enum PartFile {
    Plain(Counted),
    Gzip(Box<GzEncoder<Counted>>),
}

impl PartFile {
    fn new(to: Counted, compression: Compression) -> Self {
        match compression {
            Compression::None => PartFile::Plain(to),
            Compression::Gzip => {
                let encoder = GzEncoder::new(to, flate2::Compression::default());
                PartFile::Gzip(Box::new(encoder))
            }
        }
    }

    fn finish(self) -> io::Result<Counted> {
        match self {
            PartFile::Plain(to) => Ok(to),
            PartFile::Gzip(to) => to.finish(),
        }
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            PartFile::Plain(to) => to.write(bytes),
            PartFile::Gzip(to) => to.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            PartFile::Plain(to) => to.flush(),
            PartFile::Gzip(to) => to.flush(),
        }
    }
}

/// A writer that knows how much went through it.
pub(super) struct Counted {
    writer: Writer,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
