//! Object files: records as bytes, in frames (see `storage::frames`).

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use super::inputs::{Inputs, whole};
use super::output::{OutputDir, cannot_read, cannot_write, write_part};
use crate::chunk::{Push, Sink};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, Rdd, read};
use crate::record::Wire;
use crate::scheduler::{ClosureOf, JobRunner, TaskContext};
use crate::site::Site;
use crate::storage::frames::{FrameReader, FrameWriter};

impl Context {
    /// The records of object files, as [`Rdd::save_as_object_file`] wrote them: Spark's
    /// `objectFile`.
    ///
    /// The path is that of [`Context::text_file`]; each file is one partition. The record
    /// type has to be the one that was written, or one with the same serde form. A damaged
    /// file fails its task with the file and the place of the damage.
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
        let site = Site::here("object_file");
        let inputs = Inputs::new(path, site, 1, whole);
        Rdd::new(self, site, |info| ObjectFiles {
            info,
            inputs,
            records: PhantomData,
        })
    }
}

struct ObjectFiles<T> {
    info: NodeInfo,
    inputs: Inputs,
    records: PhantomData<fn() -> T>,
}

impl<T: Wire> AnyNode for ObjectFiles<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    fn partitions(&self) -> usize {
        self.inputs.count()
    }

    fn prepare(&self, _runner: &JobRunner) -> Result<(), Error> {
        self.inputs.parts().map(|_| ())
    }
}

impl<T: Wire> Node<T> for ObjectFiles<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        let parts = self.inputs.parts().unwrap_or_default();
        let Some(part) = parts.get(partition) else {
            return Ok(());
        };
        let damaged = |damage| TaskError::Input {
            operator: self.info.site,
            message: format!(
                "the object file {} is damaged: {damage}",
                part.path.display()
            ),
        };
        let file = File::open(&part.path)
            .map_err(|error| cannot_read(self.info.site, &part.path, &error))?;
        let mut frames = FrameReader::begin(BufReader::new(file)).map_err(damaged)?;
        let mut chunk = Vec::new();
        while frames.next_into(&mut chunk).map_err(damaged)? {
            task.check_cancelled()?;
            task.count_read(chunk.len());
            sink.push(&mut chunk)?;
            chunk.clear();
        }
        task.count_bytes_read(frames.bytes_read());
        Ok(())
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
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
        let output = OutputDir::begin(site, path.as_ref())?;
        let (node, temporary) = (self.node.clone(), output.temporary());
        let files = self.run(site, None, move |task, partition| {
            write_part(&temporary, task, partition, site, |file, path| {
                let failed = |error: io::Error| cannot_write(site, path, &error);
                let frames = FrameWriter::begin(BufWriter::new(file)).map_err(failed)?;
                let mut objects = Objects { frames, path, site };
                read(&node, task, partition, &mut objects)?;
                let (_, bytes) = objects.frames.finish().map_err(failed)?;
                Ok(bytes)
            })
        })?;
        output.commit(files)
    }
}

/// Writes records into frames.
struct Objects<'a> {
    frames: FrameWriter<BufWriter<File>>,
    path: &'a Path,
    site: Site,
}

impl Objects<'_> {
    fn add<T: Wire>(&mut self, record: &T) -> Push {
        let _closure = ClosureOf(self.site);
        let put = self.frames.put(record);
        Ok(put.map_err(|error| cannot_write(self.site, self.path, &error))?)
    }
}

impl<T: Wire> Sink<T> for Objects<'_> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        chunk.drain(..).try_for_each(|record| self.add(&record))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        chunk.iter().try_for_each(|record| self.add(record))
    }
}
