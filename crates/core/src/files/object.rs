//! Object files: records as bytes, in frames (see `storage::frames`).

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::path::Path;

use headwater_store::Entry;

use super::node::{Format, Reading, read_files};
use super::options::SaveOptions;
use super::output::OutputDir;
use super::skip::Unread;
use super::source::Decoded;
use crate::chunk::{Push, Sink, Stop};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::rdd::{Rdd, read};
use crate::record::Wire;
use crate::scheduler::ClosureOf;
use crate::site::Site;
use crate::storage::frames::{Damage, DamageKind, FrameReader, FrameWriter};

impl Context {
    /// The records of object files, as [`Rdd::save_as_object_file`] wrote them: Spark's
    /// `objectFile`.
    ///
    /// The path is that of [`Context::text_file`]; each file is one partition. The record
    /// type has to be the one that was written, or one with the same serde form. A damaged
    /// file fails its task with the file and the place of the damage, or gives what comes before
    /// it where `files.ignore_corrupt_files` says so. Another type is no damage.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("pairs");
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = vec![("a".to_string(), 1), ("b".to_string(), 2)];
    /// ctx.parallelize(pairs.clone(), 2).save_as_object_file(&path).unwrap();
    /// let read = ctx.object_file::<(String, i32)>(path.to_str().unwrap());
    /// assert_eq!(read.collect().unwrap(), pairs);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn object_file<T: Wire>(&self, path: &str) -> Rdd<T> {
        let format = ObjectFiles {
            records: PhantomData,
        };
        read_files(self, Site::here("object_file"), path, format)
    }
}

struct ObjectFiles<T> {
    records: PhantomData<fn() -> T>,
}

impl<T: Wire> Format for ObjectFiles<T> {
    type Record = T;
    type Part = Entry;

    fn split(&self, files: Vec<Entry>) -> Result<Vec<Entry>, String> {
        Ok(files)
    }

    fn read(&self, file: &Entry, reading: &Reading<'_>, sink: &mut dyn Sink<T>) -> Push {
        push_objects(file, reading, sink)
    }
}

/// Pushes the records of an object file.
pub(crate) fn push_objects<T: Wire>(
    file: &Entry,
    reading: &Reading<'_>,
    sink: &mut dyn Sink<T>,
) -> Push {
    let codec = reading.codec(file)?;
    let read = reading.open_found(file).map_err(Unread::from);
    let read = read.and_then(|input| match codec {
        Some(codec) => push_frames(Decoded::new(codec, input), file, reading, sink),
        None => push_frames(BufReader::new(input), file, reading, sink),
    });
    reading.settle(file, read)
}

fn push_frames<T: Wire>(
    input: impl Read,
    file: &Entry,
    reading: &Reading<'_>,
    sink: &mut dyn Sink<T>,
) -> Result<(), Unread> {
    let damaged = |damage: Damage| {
        let message = format!("the object file {} is damaged: {damage}", file.location);
        match damage.kind {
            DamageKind::Bytes => Unread::Corrupt(message),
            DamageKind::Input | DamageKind::Content => Unread::from(TaskError::Input {
                operator: reading.site,
                message,
            }),
        }
    };
    let mut frames = FrameReader::begin(input).map_err(damaged)?;
    let mut chunk = Vec::new();
    while frames.next_into(&mut chunk).map_err(damaged)? {
        reading.task.check_cancelled()?;
        reading.task.count_read(chunk.len());
        sink.push(&mut chunk)?;
        chunk.clear();
    }
    reading.task.count_bytes_read(frames.bytes_read());
    Ok(())
}

impl<T: Wire> Rdd<T> {
    /// Writes the records as bytes, to be read by [`Context::object_file`]: Spark's
    /// `saveAsObjectFile`, in a format of our own.
    ///
    /// The directory is made as by [`Rdd::save_as_text_file`]. Records are written by
    /// serde and postcard, in frames with checksums.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("squares");
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// ctx.range(0..4, 1, 2).map(|n| n * n).save_as_object_file(&path).unwrap();
    /// let squares = ctx.object_file::<i64>(path.to_str().unwrap());
    /// assert_eq!(squares.collect().unwrap(), [0, 1, 4, 9]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::save_as_text_file`]; a record that cannot be encoded fails its task.
    #[track_caller]
    pub fn save_as_object_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let site = Site::here("save_as_object_file");
        self.save_objects(site, path.as_ref(), SaveOptions::new())
    }

    /// As [`Rdd::save_as_object_file`], in place of what is there or compressed.
    ///
    /// ```
    /// use headwater_core::{Context, SaveOptions};
    /// let ctx = Context::local(2).unwrap();
    /// let path = "memory://docs/objects";
    /// for n in [3, 5] {
    ///     let options = SaveOptions::new().replace();
    ///     ctx.range(0..n, 1, 2).save_as_object_file_with(path, options).unwrap();
    /// }
    /// assert_eq!(ctx.object_file::<i64>(path).count().unwrap(), 5);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::save_as_object_file`].
    #[track_caller]
    pub fn save_as_object_file_with(
        &self,
        path: impl AsRef<Path>,
        options: impl Into<SaveOptions>,
    ) -> Result<(), Error> {
        let site = Site::here("save_as_object_file_with");
        self.save_objects(site, path.as_ref(), options.into())
    }

    fn save_objects(&self, site: Site, path: &Path, options: SaveOptions) -> Result<(), Error> {
        let output = OutputDir::begin(site, path, options)?;
        let (node, parts) = (self.node.clone(), output.parts());
        let files = self.run(site, None, move |task, partition| {
            parts.write(task, partition, |file, failed| {
                write_frames(file, site, failed, |objects| {
                    read(&node, task, partition, objects)
                })
            })
        })?;
        output.commit(files)
    }
}

/// Writes all that is pushed into a sink as frames.
pub(crate) fn write_frames<T: Wire>(
    to: impl Write,
    site: Site,
    failed: impl Fn(io::Error) -> TaskError,
    push_all: impl FnOnce(&mut dyn Sink<T>) -> Push,
) -> Result<(), Stop> {
    let frames = FrameWriter::begin(BufWriter::new(to)).map_err(&failed)?;
    let mut objects = Objects {
        frames,
        site,
        failed: &failed,
    };
    push_all(&mut objects)?;
    objects.frames.finish().map_err(&failed)?;
    Ok(())
}

/// Writes records into frames.
struct Objects<'a, W: Write, F> {
    frames: FrameWriter<W>,
    site: Site,
    failed: &'a F,
}

impl<W: Write, F: Fn(io::Error) -> TaskError> Objects<'_, W, F> {
    fn add<T: Wire>(&mut self, record: &T) -> Push {
        let _closure = ClosureOf(self.site);
        Ok(self.frames.put(record).map_err(self.failed)?)
    }
}

impl<T: Wire, W: Write, F: Fn(io::Error) -> TaskError> Sink<T> for Objects<'_, W, F> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        chunk.drain(..).try_for_each(|record| self.add(&record))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        chunk.iter().try_for_each(|record| self.add(record))
    }
}
