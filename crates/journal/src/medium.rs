//! Writing groups so that they are durable: to files, or as objects.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use headwater_store::Location;

use crate::buffer::Buffer;
use crate::error::JournalError;
use crate::format::{
    GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION, segment_name,
};
use crate::owner::Owner;
use crate::scan::Group;
use crate::sequence::Sequence;

/// What the journal asks of a file system.
///
/// # Contract
/// - What was written to a file before a sync that succeeds is durable; so is a file's name
///   after its directory was synced.
/// - After an error nothing is known, and nothing is asked again.
pub(crate) trait Disk: Send {
    /// Opens an empty file, in place of what is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes durable what anybody wrote to a file.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// A file of a [`Disk`].
pub(crate) trait DiskFile: Write + Send {
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file off behind so many bytes.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

/// The file system of the machine.
pub(crate) struct System;

impl Disk for System {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(file))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl DiskFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// Where groups are written.
pub(crate) enum Medium {
    /// Files that grow.
    Files(Files),
    /// An object for each group.
    Objects(Owner),
}

/// Where a group was put.
pub(crate) struct Placed {
    pub(crate) group: Group,
    /// The segment that begins with the group; `None` when it continues the last one.
    pub(crate) begun: Option<Location>,
}

impl Medium {
    /// Writes a group; it is durable when this returns.
    pub(crate) fn write(&mut self, buffer: &Buffer) -> Result<Placed, JournalError> {
        match self {
            Medium::Files(files) => files.write(buffer),
            Medium::Objects(owner) => {
                let header = new_header(buffer.first);
                let group = buffer.header(header.salt);
                let bytes = [&header.encode(), &group.encode()[..], &buffer.body].concat();
                let place = owner.directory.join(&segment_name(buffer.first));
                owner.put(&place, &bytes)?;
                let group = Group {
                    first: group.first,
                    end: group.end(),
                    offset: SEGMENT_HEADER_BYTES as u64,
                    bytes: (bytes.len() - SEGMENT_HEADER_BYTES) as u64,
                };
                Ok(Placed {
                    group,
                    begun: Some(place),
                })
            }
        }
    }

    /// Makes sure that nobody else writes here. Files are locked.
    pub(crate) fn confirm(&self) -> Result<(), JournalError> {
        match self {
            Medium::Files(_) => Ok(()),
            Medium::Objects(owner) => owner.confirm(),
        }
    }

    /// Begins a segment without records, so that the last one can be removed and its end is
    /// still known. `None` where a segment comes with a group only.
    pub(crate) fn roll(&mut self, first: Sequence) -> Result<Option<Location>, JournalError> {
        match self {
            Medium::Files(files) => files.roll(first).map(Some),
            Medium::Objects(_) => Ok(None),
        }
    }
}

/// Segment files in a local directory.
pub(crate) struct Files {
    directory: Location,
    disk: Box<dyn Disk>,
    segment_bytes: u64,
    /// The file that groups are added to; `None` before the first.
    tail: Option<Tail>,
}

struct Tail {
    file: Box<dyn DiskFile>,
    place: Location,
    salt: u32,
    /// How long the file is, all of it durable.
    bytes: u64,
}

impl Files {
    pub(crate) fn new(directory: Location, disk: Box<dyn Disk>, segment_bytes: u64) -> Self {
        Files {
            directory,
            disk,
            segment_bytes,
            tail: None,
        }
    }

    fn write(&mut self, buffer: &Buffer) -> Result<Placed, JournalError> {
        let bytes = (GROUP_HEADER_BYTES + buffer.body.len()) as u64;
        let has_room = |tail: &Tail| tail.bytes.saturating_add(bytes) <= self.segment_bytes;
        let (mut tail, begun) = match self.tail.take() {
            Some(tail) if has_room(&tail) => (tail, None),
            _ => {
                let tail = self.begin(buffer.first)?;
                let place = tail.place.clone();
                (tail, Some(place))
            }
        };
        let header = buffer.header(tail.salt);
        tail.add(&[&header.encode(), &buffer.body])?;
        let group = Group {
            first: header.first,
            end: header.end(),
            offset: tail.bytes - bytes,
            bytes,
        };
        self.tail = Some(tail);
        Ok(Placed { group, begun })
    }

    fn roll(&mut self, first: Sequence) -> Result<Location, JournalError> {
        let tail = self.begin(first)?;
        let place = tail.place.clone();
        self.tail = Some(tail);
        Ok(place)
    }

    /// Makes the file, with its header and its name on the disk. The header goes before any
    /// group, so that a file whose header is damaged never was without one.
    fn begin(&mut self, first: Sequence) -> Result<Tail, JournalError> {
        let place = self.directory.join(&segment_name(first));
        let failed = |error| JournalError::Store(place.failed("create", error));
        let path = place.as_path().ok_or(ErrorKind::Unsupported.into());
        let file = path
            .and_then(|path| self.disk.create(path))
            .map_err(failed)?;
        let header = new_header(first);
        let mut tail = Tail {
            file,
            place: place.clone(),
            salt: header.salt,
            bytes: 0,
        };
        tail.add(&[&header.encode()])?;
        if let Some(directory) = self.directory.as_path() {
            self.disk.sync_directory(directory).map_err(failed)?;
        }
        Ok(tail)
    }
}

impl Tail {
    /// Adds bytes to the file; they are durable when this returns.
    fn add(&mut self, parts: &[&[u8]]) -> Result<(), JournalError> {
        let written = parts.iter().try_for_each(|part| self.file.write_all(part));
        let failure = match written {
            Ok(()) => match self.file.sync() {
                Ok(()) => {
                    self.bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
                    return Ok(());
                }
                Err(error) => self.place.failed("sync", error),
            },
            Err(error) => self.place.failed("write", error),
        };
        // A reader in this boot of the system may find bytes that never reached the disk.
        // What was not acknowledged may go; that it goes is not promised either.
        if let Err(error) = self.file.cut(self.bytes) {
            tracing::warn!(segment = %self.place, %error, "cannot cut off what failed");
        }
        Err(failure.into())
    }
}

fn new_header(first: Sequence) -> SegmentHeader {
    SegmentHeader {
        version: VERSION,
        // The standard library's source of randomness that needs no crate.
        salt: RandomState::new().hash_one(first.0) as u32,
        first,
    }
}
