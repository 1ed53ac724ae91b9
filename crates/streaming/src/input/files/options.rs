//! What a file stream takes.

use std::fmt;
use std::sync::Arc;

use headwater_store::Location;

type Filter = dyn Fn(&Location) -> bool + Send + Sync;

/// Which files a [`StreamingContext::file_stream`](crate::StreamingContext::file_stream)
/// takes.
///
/// ```
/// use headwater_streaming::FileStreamOptions;
/// let options = FileStreamOptions::new()
///     .filter(|file| file.name().ends_with(".csv"))
///     .new_files_only(false);
/// # drop(options);
/// ```
#[derive(Clone)]
pub struct FileStreamOptions {
    filter: Option<Arc<Filter>>,
    new_files_only: bool,
}

impl FileStreamOptions {
    /// Every file that was written after the stream was built.
    #[must_use]
    pub fn new() -> Self {
        FileStreamOptions {
            filter: None,
            new_files_only: true,
        }
    }

    /// Takes only files for which a function of their place is true; it is asked on the
    /// driver, for every file in each batch. Files whose names begin with `_` or `.` never
    /// come to it. The last filter counts.
    ///
    /// ```
    /// use headwater_streaming::FileStreamOptions;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{millis, seconds};
    /// # use std::{fs, time::UNIX_EPOCH};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// let test = TestStream::new(seconds(1));
    /// let options = FileStreamOptions::new().filter(|file| file.name().ends_with(".csv"));
    /// let rows = test.context().file_stream(directory, options, |ctx, path| ctx.text_file(path));
    /// let out = test.collect(&rows);
    /// for name in ["a.csv", "a.tmp"] {
    ///     fs::write(dir.path().join(name), "1,2\n").unwrap();
    /// #   let file = fs::File::options().write(true).open(dir.path().join(name)).unwrap();
    /// #   file.set_modified(UNIX_EPOCH + millis(500)).unwrap();
    /// }
    /// test.run(1);
    /// assert_eq!(out.batches(), [["1,2"]]);
    /// ```
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&Location) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Whether files that were written before the stream was built are left out; they are
    /// unless this says otherwise. Those that are older than the remember window, a minute by
    /// default, are left out in any case.
    ///
    /// ```
    /// use headwater_streaming::FileStreamOptions;
    /// use headwater_streaming::clock::ManualClock;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// # use std::{fs, time::UNIX_EPOCH};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// fs::write(dir.path().join("early"), "bird\n").unwrap();
    /// # let file = fs::File::options().write(true).open(dir.path().join("early")).unwrap();
    /// # file.set_modified(UNIX_EPOCH + seconds(30)).unwrap();
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let clock = ManualClock::at(Time::from_millis(40_000));
    /// let test = TestStream::with_clock(&ctx, seconds(1), clock).unwrap();
    /// let options = FileStreamOptions::new().new_files_only(false);
    /// let lines = test.context().file_stream(directory, options, |ctx, path| ctx.text_file(path));
    /// let out = test.collect(&lines);
    /// test.run(1);
    /// assert_eq!(out.batches(), [["bird"]]);
    /// ```
    #[must_use]
    pub fn new_files_only(mut self, new_files_only: bool) -> Self {
        self.new_files_only = new_files_only;
        self
    }

    pub(super) fn accepts(&self, file: &Location) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(file))
    }

    pub(super) fn is_new_files_only(&self) -> bool {
        self.new_files_only
    }
}

impl Default for FileStreamOptions {
    fn default() -> Self {
        FileStreamOptions::new()
    }
}

impl fmt::Debug for FileStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStreamOptions")
            .field("has_filter", &self.filter.is_some())
            .field("new_files_only", &self.new_files_only)
            .finish()
    }
}
