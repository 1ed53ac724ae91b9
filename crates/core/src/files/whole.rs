//! Whole files as records.

use std::marker::PhantomData;

use headwater_store::Entry;

use super::inputs::group;
use super::node::{Format, Reading, read_files};
use super::skip::Unread;
use crate::chunk::{Emitter, Push, Sink};
use crate::context::Context;
use crate::rdd::Rdd;
use crate::record::Record;
use crate::site::Site;
use crate::text::Text;

impl Context {
    /// Each file as its name and its text: Spark's `wholeTextFiles`.
    ///
    /// The path is that of [`Context::text_file`], the name is the file's path or URL.
    /// Bytes that are not UTF-8 become U+FFFD; compressed files are decompressed as there. A
    /// file is in memory as a whole, so this is for small files: they are put together in at
    /// least `min(default parallelism, 2)` partitions, as far as there are so many. One that
    /// holds more than `files.whole_file_bytes_max` fails its task. One that is damaged or gone
    /// gives no record where `files.ignore_corrupt_files` or `files.ignore_missing_files` say so.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// std::fs::write(dir.path().join("a.txt"), "to be\nor not\n").unwrap();
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let files = ctx.whole_text_files(dir.path().to_str().unwrap()).collect().unwrap();
    /// assert!(files[0].0.ends_with("/a.txt"));
    /// assert_eq!(files[0].1, "to be\nor not\n");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn whole_text_files(&self, path: &str) -> Rdd<(String, Text)> {
        let bytes_max = self.inner.whole_file_bytes_max;
        let format = WholeFiles::new(self, move |file, reading| {
            let bytes = reading.whole(file, reading.codec(file)?, bytes_max)?;
            let text = String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            Ok((file.location.to_string(), Text::from(text)))
        });
        read_files(self, Site::here("whole_text_files"), path, format)
    }

    /// Each file as its name and its bytes: Spark's `binaryFiles`.
    ///
    /// As [`Context::whole_text_files`], with the bytes as they are.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// std::fs::write(dir.path().join("a.bin"), [0, 255]).unwrap();
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let files = ctx.binary_files(dir.path().to_str().unwrap());
    /// assert_eq!(files.values().collect().unwrap(), [[0, 255]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn binary_files(&self, path: &str) -> Rdd<(String, Vec<u8>)> {
        let bytes_max = self.inner.whole_file_bytes_max;
        let format = WholeFiles::new(self, move |file, reading| {
            let bytes = reading.whole(file, None, bytes_max)?;
            Ok((file.location.to_string(), bytes))
        });
        read_files(self, Site::here("binary_files"), path, format)
    }
}

/// Files that become a record each.
struct WholeFiles<T, F> {
    partitions_min: usize,
    record: F,
    records: PhantomData<fn() -> T>,
}

impl<T, F> WholeFiles<T, F>
where
    F: Fn(&Entry, &Reading<'_>) -> Result<T, Unread>,
{
    fn new(ctx: &Context, record: F) -> Self {
        WholeFiles {
            partitions_min: ctx.default_parallelism().min(2),
            record,
            records: PhantomData,
        }
    }
}

impl<T, F> Format for WholeFiles<T, F>
where
    T: Record,
    F: Fn(&Entry, &Reading<'_>) -> Result<T, Unread> + Send + Sync + 'static,
{
    type Record = T;
    type Part = Vec<Entry>;

    fn split(&self, files: Vec<Entry>) -> Result<Vec<Vec<Entry>>, String> {
        Ok(group(files, self.partitions_min))
    }

    fn read(&self, files: &Vec<Entry>, reading: &Reading<'_>, sink: &mut dyn Sink<T>) -> Push {
        let mut emitter = Emitter::new(reading.task, sink);
        for file in files {
            if emitter.is_done() {
                break;
            }
            reading.task.check_cancelled()?;
            let record = (self.record)(file, reading);
            let read = record.map(|record| {
                emitter.emit(record);
                reading.task.count_read(1);
            });
            reading.settle(file, read)?;
        }
        emitter.finish()
    }
}
