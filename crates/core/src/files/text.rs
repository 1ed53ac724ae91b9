//! Text files: a record for each line.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::inputs::{Inputs, is_gzip, split};
use super::lines::LineBlocks;
use super::output::{OutputDir, cannot_read, cannot_write, write_part};
use crate::chunk::{Emitter, Push, Sink};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::rdd::{AnyNode, Dependency, Node, NodeInfo, Rdd, read, refuse};
use crate::record::Record;
use crate::scheduler::{ClosureOf, JobRunner, TaskContext};
use crate::show::Show;
use crate::site::Site;
use crate::text::{Text, TextBlock};

/// A writer gathers this much before it asks the system to write.
const WRITE_BYTES: usize = 64 << 10;

impl Context {
    /// The lines of text files: Spark's `textFile`.
    ///
    /// The path is a file, a directory whose files are read, a pattern such as
    /// `logs/2024-*/part-?????` or `{a,b}.txt`, or a comma-separated list of these. Files
    /// whose names begin with `_` or `.` are skipped where they are not named as such. A
    /// directory inside a directory is an error. Files are read in the order of their
    /// names.
    ///
    /// Lines end at `\n`, `\r\n` or a lone `\r`. Bytes that are not UTF-8 become U+FFFD.
    /// Files whose names end in `.gz` are decompressed; each of them is one partition.
    /// Others are cut into at least `min(default parallelism, 2)` partitions.
    ///
    /// The files are looked for when the partitions are first asked for, by an action at
    /// the latest, and then stay: a missing path is an error of the action. They must not
    /// change afterwards.
    ///
    /// ```
    /// use headwater_core::Context;
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("lines.txt");
    /// std::fs::write(&path, "to be\nor not\nto be\n").unwrap();
    /// let ctx = Context::local(2).unwrap();
    /// let lines = ctx.text_file(path.to_str().unwrap());
    /// assert_eq!(lines.collect().unwrap(), ["to be", "or not", "to be"]);
    ///
    /// let error = ctx.text_file("/no/such/file").count().unwrap_err().to_string();
    /// assert!(error.contains("text_file at ") && error.contains("/no/such/file"));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn text_file(&self, path: &str) -> Rdd<Text> {
        let partitions_min = self.default_parallelism().min(2);
        text_file(self, Site::here("text_file"), path, partitions_min)
    }

    /// As [`Context::text_file`], in about as many partitions as are asked for: Spark's
    /// `textFile(path, minPartitions)`.
    ///
    /// Parts are as large as the total divided by that number, but at most 32 MiB, and
    /// never span files. There may be a few more, or fewer where files are compressed.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("lines.txt");
    /// std::fs::write(&path, "to be\nor not\nto be\n").unwrap();
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let lines = ctx.text_file_partitioned(path.to_str().unwrap(), 3);
    /// assert!(lines.num_partitions() >= 3);
    /// assert_eq!(lines.count().unwrap(), 3);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn text_file_partitioned(&self, path: &str, min_partitions: usize) -> Rdd<Text> {
        let site = Site::here("text_file_partitioned");
        if min_partitions == 0 {
            return refuse(self, site, "0 partitions asked for; at least 1 is needed");
        }
        text_file(self, site, path, min_partitions)
    }
}

fn text_file(ctx: &Context, site: Site, path: &str, partitions_min: usize) -> Rdd<Text> {
    let inputs = Inputs::new(path, site, partitions_min, split);
    Rdd::new(ctx, site, |info| TextFiles { info, inputs })
}

struct TextFiles {
    info: NodeInfo,
    inputs: Inputs,
}

impl AnyNode for TextFiles {
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

impl Node<Text> for TextFiles {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<Text>) -> Push {
        let parts = self.inputs.parts().unwrap_or_default();
        let Some(part) = parts.get(partition) else {
            return Ok(());
        };
        let failed = |error| cannot_read(self.info.site, &part.path, &error);
        let file = File::open(&part.path).map_err(failed)?;
        let mut emitter = Emitter::new(task, sink);
        if is_gzip(&part.path) {
            let blocks = LineBlocks::new(MultiGzDecoder::new(BufReader::new(file)));
            task.count_bytes_read(part.file_bytes);
            emit_lines(blocks, task, &mut emitter, |_| {}, failed)?;
        } else {
            let blocks = LineBlocks::of_part(file, &part.range, part.file_bytes).map_err(failed)?;
            let count = |bytes| task.count_bytes_read(bytes);
            emit_lines(blocks, task, &mut emitter, count, failed)?;
        }
        emitter.finish()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

fn emit_lines(
    mut blocks: LineBlocks<impl Read>,
    task: &TaskContext,
    emitter: &mut Emitter<'_, Text>,
    count_bytes: impl Fn(u64),
    failed: impl Fn(std::io::Error) -> TaskError,
) -> Push {
    while !emitter.is_done()
        && let Some(block) = blocks.next_block().map_err(&failed)?
    {
        task.check_cancelled()?;
        count_bytes(block.len() as u64);
        let mut lines = 0;
        emitter.extend(
            TextBlock::from_utf8_lossy(block)
                .lines()
                .inspect(|_| lines += 1),
        );
        task.count_read(lines);
    }
    Ok(())
}

impl<T: Record + Show> Rdd<T> {
    /// Writes the records as text, one a line: Spark's `saveAsTextFile`.
    ///
    /// The directory must not exist. It gets a file `part-00000` and so on for each
    /// partition, empty ones too, and `_SUCCESS` when all is written; a job that fails
    /// leaves no directory. How a record looks is said by [`Show`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("counts");
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let counts = ctx.parallelize(vec![("to", 2), ("be", 2)], 1);
    /// counts.save_as_text_file(&path).unwrap();
    /// assert_eq!(std::fs::read_to_string(path.join("part-00000")).unwrap(), "(to,2)\n(be,2)\n");
    /// assert!(path.join("_SUCCESS").exists());
    /// assert!(counts.save_as_text_file(&path).unwrap_err().to_string().contains("exists"));
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when the directory exists, [`Error::Io`] when it cannot be made,
    /// and those of [`Rdd::collect`].
    #[track_caller]
    pub fn save_as_text_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let site = Site::here("save_as_text_file");
        let output = OutputDir::begin(site, path.as_ref())?;
        let (node, temporary) = (self.node.clone(), output.temporary());
        let files = self.run(site, None, move |task, partition| {
            write_part(&temporary, task, partition, site, |file, path| {
                let mut lines = ShownLines {
                    file,
                    path,
                    site,
                    buffer: String::new(),
                    bytes: 0,
                };
                read(&node, task, partition, &mut lines)?;
                lines.write_out()?;
                Ok(lines.bytes)
            })
        })?;
        output.commit(files)
    }
}

/// Writes the text of records.
struct ShownLines<'a> {
    file: File,
    path: &'a Path,
    site: Site,
    buffer: String,
    bytes: u64,
}

impl ShownLines<'_> {
    fn add<T: Show>(&mut self, record: &T) -> Push {
        let _closure = ClosureOf(self.site);
        record.show(&mut self.buffer);
        self.buffer.push('\n');
        if self.buffer.len() >= WRITE_BYTES {
            self.write_out()
        } else {
            Ok(())
        }
    }

    fn write_out(&mut self) -> Push {
        let written = self.file.write_all(self.buffer.as_bytes());
        written.map_err(|error| cannot_write(self.site, self.path, &error))?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl<T: Show> Sink<T> for ShownLines<'_> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        chunk.drain(..).try_for_each(|record| self.add(&record))
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        chunk.iter().try_for_each(|record| self.add(record))
    }
}
