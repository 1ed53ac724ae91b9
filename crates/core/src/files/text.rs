//! Text files: a record for each line.

use std::io::{self, Read, Write};
use std::path::Path;

use headwater_store::Entry;

use super::inputs::{Part, split};
use super::lines::{Limits, LineBlocks};
use super::node::{Format, Reading, read_files};
use super::options::SaveOptions;
use super::output::{OutputDir, PartFile};
use super::skip::Unread;
use super::source::Decoded;
use crate::chunk::{Emitter, Push, Sink};
use crate::context::Context;
use crate::error::{Error, TaskError};
use crate::rdd::{Rdd, read, refuse};
use crate::record::Record;
use crate::scheduler::{ClosureOf, TaskContext};
use crate::show::Show;
use crate::site::Site;
use crate::text::{Text, TextBlock};

/// A writer gathers this much before it asks the system to write.
const WRITE_BYTES: usize = 64 << 10;

impl Context {
    /// The lines of text files: Spark's `textFile`.
    ///
    /// The path, which may be a URL, is a file, a directory whose files are read, a pattern such as
    /// `logs/2024-*/part-?????` or `{a,b}.txt`, or a comma-separated list of these. Files
    /// whose names begin with `_` or `.` are skipped where they are not named as such. A
    /// directory inside a directory is an error. Files are read in the order of their
    /// names.
    ///
    /// Lines end at `\n`, `\r\n` or a lone `\r`. Bytes that are not UTF-8 become U+FFFD.
    /// Files whose names end in `.gz`, `.bz2`, `.zst`, `.deflate` or `.zz` are decompressed; each
    /// of them is one partition. Those in other known compressions, such as `.xz`, `.lz4` and
    /// `.snappy`, are refused. A line longer than `files.line_bytes_max` fails its task.
    /// Other files are cut into at least `min(default parallelism, 2)` partitions.
    ///
    /// A compressed file that is damaged fails its task; with `files.ignore_corrupt_files` the
    /// lines that are whole before the damage are read, and the rest is skipped with a warning.
    /// With `files.ignore_missing_files` what is not there is skipped, too. Failures of a disk, a
    /// network or rights always fail the task. What was skipped is counted in
    /// [`TaskMetrics::files_skipped`](crate::TaskMetrics::files_skipped).
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
        read_files(
            self,
            Site::here("text_file"),
            path,
            TextFiles {
                partitions_min,
                line_bytes_max: self.inner.line_bytes_max,
            },
        )
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
        let format = TextFiles {
            partitions_min: min_partitions,
            line_bytes_max: self.inner.line_bytes_max,
        };
        read_files(self, site, path, format)
    }
}

struct TextFiles {
    partitions_min: usize,
    line_bytes_max: u64,
}

impl Format for TextFiles {
    type Record = Text;
    type Part = Part;

    fn split(&self, files: Vec<Entry>) -> Result<Vec<Part>, String> {
        split(files, self.partitions_min)
    }

    fn read(&self, part: &Part, reading: &Reading<'_>, sink: &mut dyn Sink<Text>) -> Push {
        let mut emitter = Emitter::new(reading.task, sink);
        let read = self.emit_part(part, reading, &mut emitter);
        reading.settle(&part.file, read)?;
        emitter.finish()
    }
}

impl TextFiles {
    fn emit_part(
        &self,
        part: &Part,
        reading: &Reading<'_>,
        emitter: &mut Emitter<'_, Text>,
    ) -> Result<(), Unread> {
        let file = &part.file;
        let limits = Limits {
            line_bytes_max: self.line_bytes_max,
            go_on: &|| reading.go_on(),
        };
        let count = |bytes| reading.task.count_bytes_read(bytes);
        let task = reading.task;
        if let Some(codec) = reading.codec(file)? {
            let input = Decoded::new(codec, reading.open_found(file)?);
            count(file.bytes);
            emit_lines(LineBlocks::new(input, limits), task, emitter, |_| {})
        } else if let Some(path) = file.location.as_path() {
            // The system's own file reads into a block without clearing it first.
            let input = reading.open_local(file, path)?;
            let blocks = LineBlocks::of_part(input, &part.range, file.bytes, limits)?;
            emit_lines(blocks, task, emitter, count)
        } else {
            let input = reading.open(file)?;
            let blocks = LineBlocks::of_part(input, &part.range, file.bytes, limits)?;
            emit_lines(blocks, task, emitter, count)
        }
    }
}

fn emit_lines(
    mut blocks: LineBlocks<'_, impl Read>,
    task: &TaskContext,
    emitter: &mut Emitter<'_, Text>,
    count_bytes: impl Fn(u64),
) -> Result<(), Unread> {
    while !emitter.is_done()
        && let Some(block) = blocks.next_block()?
    {
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
    /// The path may be the URL of an object store, such as `s3://bucket/counts` with the
    /// feature `aws`; see the crate `headwater-store`. Parts of a job that fails are never
    /// seen there either.
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
    /// [`Error::Build`] when the directory exists, [`Error::Store`] when it cannot be made,
    /// and those of [`Rdd::collect`].
    #[track_caller]
    pub fn save_as_text_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let site = Site::here("save_as_text_file");
        self.save_text(site, path.as_ref(), SaveOptions::new())
    }

    /// As [`Rdd::save_as_text_file`], compressed or in place of what is there: Spark's
    /// `saveAsTextFile(path, codec)`.
    ///
    /// ```
    /// use headwater_core::{Compression, Context};
    /// let ctx = Context::local(2).unwrap();
    /// let path = "memory://docs/compressed";
    /// ctx.range(0..3, 1, 1).save_as_text_file_with(path, Compression::Gzip).unwrap();
    /// let file = ctx.text_file(&format!("{path}/part-00000.gz"));
    /// assert_eq!(file.collect().unwrap(), ["0", "1", "2"]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::save_as_text_file`].
    #[track_caller]
    pub fn save_as_text_file_with(
        &self,
        path: impl AsRef<Path>,
        options: impl Into<SaveOptions>,
    ) -> Result<(), Error> {
        let site = Site::here("save_as_text_file_with");
        self.save_text(site, path.as_ref(), options.into())
    }

    fn save_text(&self, site: Site, path: &Path, options: SaveOptions) -> Result<(), Error> {
        let output = OutputDir::begin(site, path, options)?;
        let (node, parts) = (self.node.clone(), output.parts());
        let files = self.run(site, None, move |task, partition| {
            parts.write(task, partition, |file, failed| {
                let mut lines = ShownLines {
                    file,
                    failed,
                    site,
                    buffer: String::new(),
                };
                read(&node, task, partition, &mut lines)?;
                lines.write_out()
            })
        })?;
        output.commit(files)
    }
}

/// Writes the text of records.
struct ShownLines<'a> {
    file: &'a mut PartFile,
    failed: &'a dyn Fn(io::Error) -> TaskError,
    site: Site,
    buffer: String,
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
        written.map_err(self.failed)?;
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
