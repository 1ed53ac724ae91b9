//! The RDD that reads files.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Take};
use std::path::Path;
use std::sync::Arc;

use headwater_store::{Entry, Reader};

use super::decode::Codec;
use super::found::{FoundFile, as_found};
use super::inputs::Inputs;
use super::skip::{Skips, Unread, corrupt, hint, is_corrupt};
use super::source::{Decoded, Source};
use crate::chunk::{Push, Sink, Stop};
use crate::conf::keys::FILES_WHOLE_FILE_BYTES_MAX;
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, Rdd};
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::site::Site;

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// How files become partitions, and partitions records.
pub(super) trait Format: Send + Sync + 'static {
    type Record: Record;
    /// What one partition reads.
    type Part: Send + Sync + 'static;

    /// Cuts the files; an error says which of them cannot be read so.
    fn split(&self, files: Vec<Entry>) -> Result<Vec<Self::Part>, String>;

    fn read(
        &self,
        part: &Self::Part,
        reading: &Reading<'_>,
        sink: &mut dyn Sink<Self::Record>,
    ) -> Push;
}

/// An error if a file is shorter than it was when it was found: a reader would take the rest for
/// all there was. One that is to be read as it was found must be the same, too.
fn still_has(file: &Entry, now: io::Result<Metadata>, as_found: bool) -> io::Result<()> {
    let now = now?;
    if now.len() < file.bytes {
        return Err(io::Error::other(format!(
            "it has {} bytes, and had {} when it was found; files must stay as they are as long \
             as they are read",
            now.len(),
            file.bytes
        )));
    }
    // What goes on being written has become longer.
    if as_found && now.len() == file.bytes && now.modified()? != file.modified {
        return Err(io::Error::other(
            "it was replaced or written since it was found; files must stay as they are as long \
             as they are read",
        ));
    }
    Ok(())
}

/// The task that reads, and the operator that it reads for.
pub(crate) struct Reading<'a> {
    pub(crate) task: &'a TaskContext,
    pub(crate) site: Site,
    /// What is read as somebody has found it: what came later is none of it.
    pub(crate) found: &'a [FoundFile],
    /// What is skipped; nothing if it is none of the user's files.
    pub(crate) skips: Option<&'a Skips>,
}

impl Reading<'_> {
    /// What an error of reading a file means to the task.
    fn failed(&self, file: &Entry, error: io::Error) -> TaskError {
        if self.task.is_cancelled() {
            return TaskError::Cancelled;
        }
        let error = match is_corrupt(&error) {
            true => corrupt(format!("{error}{}", self.hint())),
            false => error,
        };
        TaskError::Store {
            operator: self.site,
            source: file.location.failed("read", error),
        }
    }

    /// What may be done about damage, behind the words that tell it.
    fn hint(&self) -> String {
        self.skips
            .map_or_else(String::new, |_| format!("; {}", hint()))
    }

    /// Ends the reading of a file: what was not read is skipped if that is wanted, and fails the
    /// task otherwise.
    pub(super) fn settle(&self, file: &Entry, read: Result<(), Unread>) -> Push {
        let unread = match read {
            Ok(()) => return Ok(()),
            Err(Unread::Stop(stop)) => return Err(stop),
            Err(unread) => unread,
        };
        match self.skips.filter(|skips| skips.skip(&unread)) {
            Some(skips) => {
                self.task.check_cancelled()?;
                self.task.count_file_skipped();
                skips.tell(file, &unread);
                Ok(())
            }
            None => Err(self.unread(file, unread)),
        }
    }

    fn unread(&self, file: &Entry, unread: Unread) -> Stop {
        match unread {
            Unread::Stop(stop) => stop,
            Unread::Failed(error) => self.failed(file, error).into(),
            Unread::Corrupt(message) => {
                let message = format!("{message}{}", self.hint());
                let operator = self.site;
                TaskError::Input { operator, message }.into()
            }
        }
    }

    fn is_as_found(&self, file: &Entry) -> bool {
        as_found(self.found, file).is_some()
    }

    /// Ends reading when nobody wants its result any more.
    pub(super) fn go_on(&self) -> io::Result<()> {
        match self.task.is_cancelled() {
            true => Err(io::Error::other("cancelled")),
            false => Ok(()),
        }
    }

    /// How a file is compressed.
    pub(super) fn codec(&self, file: &Entry) -> Result<Option<Codec>, TaskError> {
        Codec::of(&file.location).map_err(|message| TaskError::Input {
            operator: self.site,
            message,
        })
    }

    pub(super) fn open(&self, file: &Entry) -> io::Result<Reader> {
        if let Some(path) = file.location.as_path() {
            still_has(file, fs::metadata(path), self.is_as_found(file))?;
        }
        Ok(file.location.open_sized(file.bytes)?)
    }

    /// As [`Reading::open`], for what reads from the start to the end: no more than was found.
    pub(super) fn open_found(&self, file: &Entry) -> io::Result<Source<Take<Reader>>> {
        let bytes = match file.bytes {
            // What the system makes up while it is read has no length.
            0 if !self.is_as_found(file) => u64::MAX,
            bytes => bytes,
        };
        let input = self.open(file)?.take(bytes);
        Ok(Source::new(input, file.bytes))
    }

    /// A file of the system, by its own handle.
    pub(super) fn open_local(&self, file: &Entry, path: &Path) -> io::Result<File> {
        let opened = File::open(path)?;
        still_has(file, opened.metadata(), self.is_as_found(file))?;
        Ok(opened)
    }

    /// All that a file holds, decompressed if that is asked for, if it is not too much.
    pub(super) fn whole(
        &self,
        file: &Entry,
        codec: Option<Codec>,
        bytes_max: u64,
    ) -> io::Result<Vec<u8>> {
        let mut input = self.open_found(file)?;
        let mut bytes = Vec::new();
        match codec {
            // A file without a byte has nothing to decompress.
            Some(codec) if file.bytes > 0 => {
                let mut decoded = Decoded::new(codec, input);
                self.gather(&mut decoded, &mut bytes, bytes_max)?;
            }
            _ => {
                let expected = usize::try_from(file.bytes.min(bytes_max)).unwrap_or_default();
                // What cannot be had at once may come bit by bit, or fail as memory does.
                let _ = bytes.try_reserve_exact(expected + 1);
                self.gather(&mut input, &mut bytes, bytes_max)?;
            }
        }
        bytes.shrink_to_fit();
        let read = codec.map_or(bytes.len() as u64, |_| file.bytes);
        self.task.count_bytes_read(read);
        Ok(bytes)
    }

    fn gather(&self, from: &mut dyn Read, to: &mut Vec<u8>, bytes_max: u64) -> io::Result<()> {
        loop {
            self.go_on()?;
            if from.take(READ_BYTES as u64).read_to_end(to)? == 0 {
                return Ok(());
            }
            if to.len() as u64 > bytes_max {
                return Err(io::Error::other(format!(
                    "it holds more than the {bytes_max} bytes that {} allows",
                    FILES_WHOLE_FILE_BYTES_MAX.name()
                )));
            }
        }
    }
}

/// An RDD of the files behind a path, which are looked for at the first action.
pub(super) fn read_files<F: Format>(
    ctx: &Context,
    site: Site,
    path: &str,
    format: F,
) -> Rdd<F::Record> {
    let inputs = Inputs::new(path, site, ctx.inner.ignore);
    Rdd::new(ctx, site, |info| FileNode {
        info,
        inputs,
        format,
    })
}

impl<T: Record> Rdd<T> {
    /// Looks now for the files that the RDD and what it is made from read, rather than at the
    /// first action. What is found stays, as Spark's `partitions` stay once they were asked for.
    ///
    /// No file is read and no job runs. Nothing is looked for behind a checkpoint.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let lengths = ctx.text_file("/no/such/file").map(|line| line.len());
    /// assert!(lengths.find_inputs().unwrap_err().to_string().contains("/no/such/file"));
    /// assert!(ctx.range(0..3, 1, 1).find_inputs().is_ok());
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] for files that are not there or not of the right form, and for
    /// mistakes in building the RDD.
    pub fn find_inputs(&self) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let mut waiting = vec![self.node.clone().as_any_node()];
        while let Some(node) = waiting.pop() {
            if !seen.insert(node.info().id) || node.info().is_checkpointed() {
                continue;
            }
            node.find_inputs()?;
            let parents = node.dependencies().into_iter();
            waiting.extend(parents.map(|dependency| match dependency {
                Dependency::Narrow(node) => node,
                Dependency::Shuffle(stage) => stage.map_side(),
            }));
        }
        Ok(())
    }
}

struct FileNode<F: Format> {
    info: NodeInfo,
    inputs: Inputs<F::Part>,
    format: F,
}

impl<F: Format> FileNode<F> {
    fn parts(&self) -> Result<&[F::Part], Error> {
        self.inputs.parts(|files| self.format.split(files))
    }
}

impl<F: Format> AnyNode for FileNode<F> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    /// One stands for a path that cannot be read, so that what is built on it has a partition;
    /// the action reports the path.
    fn partitions(&self) -> usize {
        self.parts().map_or(1, <[F::Part]>::len)
    }

    fn prepare(&self, _runner: &JobRunner) -> Result<(), Error> {
        self.find_inputs()
    }

    fn find_inputs(&self) -> Result<(), Error> {
        self.parts().map(|_| ())
    }
}

impl<F: Format> Node<F::Record> for FileNode<F> {
    fn compute(
        &self,
        task: &TaskContext,
        partition: usize,
        sink: &mut dyn Sink<F::Record>,
    ) -> Push {
        let parts = self.parts().unwrap_or_default();
        let reading = Reading {
            task,
            site: self.info.site,
            found: self.inputs.found(),
            skips: Some(self.inputs.skips()),
        };
        match parts.get(partition) {
            Some(part) => self.format.read(part, &reading, sink),
            None => Ok(()),
        }
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
