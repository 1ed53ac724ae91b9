//! The RDD that reads files.

use std::io;
use std::sync::Arc;

use headwater_store::{Entry, Reader, StoreError};

use super::inputs::Inputs;
use crate::chunk::{Push, Sink};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, Rdd};
use crate::record::Record;
use crate::scheduler::{JobRunner, TaskContext};
use crate::site::Site;

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

/// The task that reads, and the operator that it reads for.
pub(crate) struct Reading<'a> {
    pub(crate) task: &'a TaskContext,
    pub(crate) site: Site,
}

impl Reading<'_> {
    fn refused(&self, source: StoreError) -> TaskError {
        TaskError::Store {
            operator: self.site,
            source,
        }
    }

    /// What an error of reading a file means to the task.
    pub(crate) fn failed(&self, file: &Entry, error: io::Error) -> TaskError {
        self.refused(file.location.failed("read", error))
    }

    pub(crate) fn open(&self, file: &Entry) -> Result<Reader, TaskError> {
        let opened = file.location.open_sized(file.bytes);
        opened.map_err(|source| self.refused(source))
    }

    /// All that a file holds.
    pub(crate) fn get(&self, file: &Entry) -> Result<Vec<u8>, TaskError> {
        let bytes = file.location.get();
        let bytes = bytes.map_err(|source| self.refused(source))?;
        self.task.count_bytes_read(bytes.len() as u64);
        Ok(bytes)
    }
}

/// An RDD of the files behind a path, which are looked for at the first action.
pub(super) fn read_files<F: Format>(
    ctx: &Context,
    site: Site,
    path: &str,
    format: F,
) -> Rdd<F::Record> {
    let inputs = Inputs::new(path, site);
    Rdd::new(ctx, site, |info| FileNode {
        info,
        inputs,
        format,
    })
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
        let site = self.info.site;
        match parts.get(partition) {
            Some(part) => self.format.read(part, &Reading { task, site }, sink),
            None => Ok(()),
        }
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}
