//! Streams of the files that come into directories.
//!
//! [`directories`] says what is there, [`select`] what of it belongs to a batch, [`source`]
//! makes RDDs of that, [`range`] is how a checkpoint knows it, and [`options`] is what the user can
//! choose.

mod directories;
mod options;
mod range;
mod select;
mod source;

use std::time::Duration;

use headwater_core::{Context, Rdd, Record, Site, Text};

use self::directories::Directories;
use self::select::Rules;
use self::source::FileSource;
use crate::StreamingContext;
use crate::clock::Clock;
use crate::conf;
use crate::dstream::DStream;
use crate::time::Time;

pub use options::FileStreamOptions;

impl StreamingContext {
    /// The lines of the text files that come into a directory: Spark's `textFileStream`.
    ///
    /// What is a new file is said at [`StreamingContext::file_stream`]; how lines end and
    /// what is decompressed, at [`Context::text_file`]. A file is one partition, or several of
    /// at most 32 MiB; an empty one has none.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{millis, seconds};
    /// use std::{fs, time::UNIX_EPOCH};
    /// # let dir = tempfile::tempdir().unwrap();
    /// let test = TestStream::new(seconds(1));
    /// let lines = test.context().text_file_stream(dir.path().to_str().unwrap());
    /// let out = test.collect(&lines);
    ///
    /// let path = dir.path().join("monday.log");
    /// fs::write(&path, "to be\nor not\n").unwrap();
    /// // The test's clock begins at the epoch.
    /// let file = fs::File::options().write(true).open(&path).unwrap();
    /// file.set_modified(UNIX_EPOCH + millis(500)).unwrap();
    /// test.run(2);
    /// assert_eq!(out.batches(), [vec!["to be", "or not"], vec![]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn text_file_stream(&self, directory: &str) -> DStream<Text> {
        let site = Site::here("text_file_stream");
        let read =
            move |ctx: &Context, path: &str| site.cover(|| ctx.text_file_partitioned(path, 1));
        self.files(site, directory, FileStreamOptions::new(), read, None)
    }

    /// Records of a fixed length from the files that come into a directory: Spark's
    /// `binaryRecordsStream`.
    ///
    /// What is a new file is said at [`StreamingContext::file_stream`]. A file whose size is
    /// no multiple of the length cannot be read, and is left out as is said there; with
    /// `files.ignore_corrupt_files` its whole records are read. A length of
    /// 0 is a mistake, which `start` reports.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{millis, seconds};
    /// use std::{fs, time::UNIX_EPOCH};
    /// # let dir = tempfile::tempdir().unwrap();
    /// let test = TestStream::new(seconds(1));
    /// let records = test.context().binary_records_stream(dir.path().to_str().unwrap(), 2);
    /// let out = test.collect(&records);
    ///
    /// let path = dir.path().join("numbers");
    /// fs::write(&path, [1, 0, 2, 0]).unwrap();
    /// let file = fs::File::options().write(true).open(&path).unwrap();
    /// file.set_modified(UNIX_EPOCH + millis(500)).unwrap();
    /// test.run(1);
    /// assert_eq!(out.batches(), [[[1, 0], [2, 0]]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn binary_records_stream(&self, directory: &str, record_length: usize) -> DStream<Vec<u8>> {
        let site = Site::here("binary_records_stream");
        if record_length == 0 {
            let message = "records of 0 bytes asked for; at least 1 is needed";
            self.graph().mistake(site, message);
        }
        let read =
            move |ctx: &Context, path: &str| site.cover(|| ctx.binary_records(path, record_length));
        let options = FileStreamOptions::new();
        self.files(site, directory, options, read, Some(record_length))
    }

    /// The records of the files that come into a directory, read by a function of the path of
    /// each: Spark's `fileStream`.
    ///
    /// At each batch time the directory is listed, one level deep, and the batch gets the
    /// files that were last written in the remember window before the batch time
    /// (`streaming.file_stream.min_remember_duration`, a minute, in whole batches) and that no
    /// batch in that window had; unless the options say otherwise, only what was written
    /// after the stream was built. So
    /// - files must come whole: written elsewhere and moved in, or put into an object store. Of one
    ///   that grows after it was found what was added is not read, by no batch, window or restart,
    ///   and a warning says so;
    /// - files must stay as they are as long as windows, or a batch that is run again, read them: a
    ///   task fails when one is shorter then, or is as long and was written since; one that is
    ///   longer counts as grown;
    /// - the time of the last writing counts, not that of coming: an old file that is moved in
    ///   is not read, and one from the future waits;
    /// - what is written again or appended to a file that was read is not read, unless that
    ///   happens after the window;
    /// - the clocks of the storage and of the driver must agree, and the times of the storage
    ///   count as they are: some object stores tell whole seconds only, and file systems the
    ///   time of their last tick, some milliseconds ago. What is written in the moment in which
    ///   the stream is built, or in the very first second of such a store, may count as written
    ///   before; build the stream first, or read what is there too with
    ///   [`FileStreamOptions::new_files_only`].
    ///
    /// The directory, which may be a URL of an object store, can be a pattern of directories,
    /// such as `logs/2024-*/{web,mail}`; in it `**` stands for any number of directories. It
    /// may appear after the start. Files and directories whose names begin with `_` or `.` are
    /// skipped; files that the pattern itself matches are not read. A directory among the
    /// files, which object stores do not have, counts as a file unless the pattern takes it too:
    /// it is read once, with the files that are directly in it.
    ///
    /// `read` is called on the driver, once for each file, and again after a restart; the batch is
    /// the union of what it gives. Of what it reads without an operator of [`Context`] nothing is
    /// checked. An empty file gives no lines. A file is left out, reported, and tried again while
    /// it is in the window, when it cannot be opened, when `read` panics, or when the files that
    /// it reads are not there or not of the right form; the others are read. One that
    /// becomes too old meanwhile is reported as never read. One that fails later, also by
    /// vanishing, fails its task, unless `files.ignore_corrupt_files` or
    /// `files.ignore_missing_files` say that it is skipped. A directory that cannot be listed is looked at again in the next
    /// batch; after a whole window of that, a batch fails. The files of each batch are in the
    /// [`InputInfo`](crate::InputInfo); how many records they hold is known before only for
    /// records of a fixed length, and 0 for others, as in Spark. A malformed pattern or URL is a
    /// mistake, which `start` reports.
    ///
    /// ```
    /// use headwater_streaming::FileStreamOptions;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{millis, seconds};
    /// use std::{fs, time::UNIX_EPOCH};
    /// # let dir = tempfile::tempdir().unwrap();
    /// let test = TestStream::new(seconds(1));
    /// // Whole files, with their names.
    /// let directory = format!("{}/in-*", dir.path().display());
    /// let files = test.context().file_stream(&directory, FileStreamOptions::new(), |ctx, path| {
    ///     ctx.whole_text_files(path).map(|(path, text)| (path.len(), text))
    /// });
    /// let out = test.collect(&files.map(|(_, text)| text));
    ///
    /// fs::create_dir(dir.path().join("in-1")).unwrap();
    /// let path = dir.path().join("in-1/a.json");
    /// fs::write(&path, "{}").unwrap();
    /// let file = fs::File::options().write(true).open(&path).unwrap();
    /// file.set_modified(UNIX_EPOCH + millis(500)).unwrap();
    /// test.run(1);
    /// assert_eq!(out.batches(), [["{}"]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn file_stream<T: Record>(
        &self,
        directory: &str,
        options: FileStreamOptions,
        read: impl Fn(&Context, &str) -> Rdd<T> + Send + 'static,
    ) -> DStream<T> {
        self.files(Site::here("file_stream"), directory, options, read, None)
    }

    fn files<T: Record>(
        &self,
        site: Site,
        directory: &str,
        options: FileStreamOptions,
        read: impl Fn(&Context, &str) -> Rdd<T> + Send + 'static,
        record_length: Option<usize>,
    ) -> DStream<T> {
        let directories = Directories::parse(directory).unwrap_or_else(|message| {
            self.graph().mistake(site, message);
            Directories::none()
        });
        let only_after = match options.is_new_files_only() {
            true => self.clock().now(),
            false => Time::ZERO,
        };
        let rules = Rules::new(only_after, self.remember_window());
        let source = FileSource::new(site, directories, options, rules, Box::new(read));
        let source = match record_length {
            Some(record_length) => source.record_bytes(record_length),
            None => source,
        };
        self.source_stream_at(site, source)
    }

    fn remember_window(&self) -> Duration {
        let conf = self.context().conf();
        // The context was made with the same configuration.
        #[expect(clippy::expect_used, reason = "checked by the constructor")]
        let at_least = conf
            .get(&conf::FILE_STREAM_MIN_REMEMBER)
            .expect("settings were checked before");
        Rules::window(at_least, self.batch_duration())
    }
}

/// Whether an operator makes streams of files.
pub(crate) fn reads_files(operator: &str) -> bool {
    matches!(
        operator,
        "text_file_stream" | "binary_records_stream" | "file_stream"
    )
}

/// Whether an operator makes streams of sources, which have an origin and no position.
pub(crate) fn asks_a_source(operator: &str) -> bool {
    operator == "source_stream" || reads_files(operator)
}

/// The files of a batch of a file stream, by the range that its source gave; `None` if the
/// operator is another one.
pub(crate) fn files_of_range(operator: &str, range: &[u8]) -> Option<Vec<(String, u64)>> {
    let range = range::Range::read(range)
        .ok()
        .filter(|_| reads_files(operator))?;
    let reads = range.selected.reads();
    Some(reads.map(|file| (file.path.clone(), file.bytes)).collect())
}
