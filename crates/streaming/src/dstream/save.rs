//! Saving each batch in a directory of its own.

use std::sync::{Arc, Once, Weak};

use headwater_core::{Record, SaveOptions, Show, Site, Wire, remove_unfinished_saves};
use headwater_store::Location;

use super::DStream;
use crate::graph::{Graph, OutputId};
use crate::time::Time;

impl<T: Record> DStream<T> {
    /// Writes each batch as text, one record a line, to the directory
    /// `prefix-TIME_IN_MS.suffix`: Spark's `saveAsTextFiles`.
    ///
    /// Without a suffix the name ends with the time; with an empty prefix it begins with it.
    /// The prefix may lead to other directories, and may be the URL of an object store. The
    /// directory gets a file `part-00000` and so on for each partition, also for those of
    /// an empty batch, and `_SUCCESS`; see [`Rdd::save_as_text_file`].
    ///
    /// A batch that is run again replaces what it wrote before, so that the result is there
    /// once. A batch that fails leaves no directory, or the one that was there. Locally a
    /// directory appears when it is complete; in an object store readers should wait for
    /// `_SUCCESS`. A prefix that means nothing, such as a URL of an unknown kind, is a mistake
    /// that `start` reports.
    ///
    /// With a checkpoint directory a batch that is done is not run again, so its files are synced
    /// before it counts as done, as by [`SaveOptions::durable`]: not even a failure of power takes
    /// them away. Without one the next process knows nothing of this batch anyhow, and the
    /// system writes the files when it comes to it. What a killed process left unfinished locally
    /// is removed with the first batch of the next one.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let prefix = dir.path().join("words");
    /// let prefix = prefix.to_str().unwrap();
    /// let words = test.input_partitioned(vec![vec!["to", "be"], vec![]], 1);
    /// words.save_as_text_files(prefix, "txt");
    /// words.save_as_text_files(prefix, None);
    /// test.run(2);
    /// let first = std::fs::read_to_string(format!("{prefix}-1000.txt/part-00000")).unwrap();
    /// assert_eq!(first, "to\nbe\n");
    /// assert!(std::fs::exists(format!("{prefix}-2000/_SUCCESS")).unwrap());
    /// ```
    ///
    /// [`Rdd::save_as_text_file`]: headwater_core::Rdd::save_as_text_file
    #[track_caller]
    pub fn save_as_text_files<'a>(
        &self,
        prefix: &str,
        suffix: impl Into<Option<&'a str>>,
    ) -> OutputId
    where
        T: Show,
    {
        let site = Site::here("save_as_text_files");
        let directories = self.directories(site, prefix, suffix.into());
        self.output(site, move |rdd, time| {
            let (path, options) = directories.begin(time);
            let saved = site.cover(|| rdd.save_as_text_file_with(path, options));
            saved.map_err(|error| error.to_string())
        })
    }

    /// Writes each batch as bytes to the directory `prefix-TIME_IN_MS.suffix`, to be read by
    /// [`Context::object_file`]: Spark's `saveAsObjectFiles`.
    ///
    /// As [`DStream::save_as_text_files`], in the format of [`Rdd::save_as_object_file`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let prefix = dir.path().join("pairs");
    /// let prefix = prefix.to_str().unwrap();
    /// test.input(vec![vec![("a".to_owned(), 1)]]).save_as_object_files(prefix, None);
    /// test.run(1);
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let pairs = ctx.object_file::<(String, i32)>(&format!("{prefix}-1000"));
    /// assert_eq!(pairs.collect().unwrap(), [("a".to_owned(), 1)]);
    /// ```
    ///
    /// [`Context::object_file`]: headwater_core::Context::object_file
    /// [`Rdd::save_as_object_file`]: headwater_core::Rdd::save_as_object_file
    #[track_caller]
    pub fn save_as_object_files<'a>(
        &self,
        prefix: &str,
        suffix: impl Into<Option<&'a str>>,
    ) -> OutputId
    where
        T: Wire,
    {
        let site = Site::here("save_as_object_files");
        let directories = self.directories(site, prefix, suffix.into());
        self.output(site, move |rdd, time| {
            let (path, options) = directories.begin(time);
            let saved = site.cover(|| rdd.save_as_object_file_with(path, options));
            saved.map_err(|error| error.to_string())
        })
    }

    /// The directories of an output; a prefix that can never be written to is a mistake.
    fn directories(&self, site: Site, prefix: &str, suffix: Option<&str>) -> Directories {
        let name = NameOf::new(prefix, suffix);
        if let Err(error) = Location::at(name.at(Time::from_millis(0))) {
            self.graph().mistake(site, error.to_string());
        }
        Directories {
            name,
            graph: Arc::downgrade(self.graph()),
            tidied: Once::new(),
        }
    }
}

/// The directories of an output, one for each batch.
struct Directories {
    name: NameOf,
    /// Knows whether there is a checkpoint directory when the stream runs.
    graph: Weak<Graph>,
    tidied: Once,
}

impl Directories {
    /// Where and how a batch is saved.
    fn begin(&self, time: Time) -> (String, SaveOptions) {
        let path = self.name.at(time);
        self.tidied.call_once(|| self.tidy(&path));
        let options = SaveOptions::new().replace();
        let graph = self.graph.upgrade();
        let is_final = graph.is_some_and(|graph| graph.keeper().is_some());
        let options = if is_final { options.durable() } else { options };
        (path, options)
    }

    /// Removes what earlier processes left of any batch: who knows whether it is run again.
    fn tidy(&self, path: &str) {
        let place = Location::at(path).ok();
        let place = place.as_ref().and_then(Location::as_path);
        if let Some(directory) = place.and_then(std::path::Path::parent) {
            remove_unfinished_saves(directory, |name| self.name.is_one(name));
        }
    }
}

/// How the directories of an output are named.
struct NameOf {
    before: String,
    after: String,
}

impl NameOf {
    fn new(prefix: &str, suffix: Option<&str>) -> Self {
        let before = match prefix {
            "" => String::new(),
            prefix => format!("{prefix}-"),
        };
        let after = match suffix.unwrap_or_default() {
            "" => String::new(),
            suffix => format!(".{suffix}"),
        };
        NameOf { before, after }
    }

    fn at(&self, time: Time) -> String {
        format!("{}{}{}", self.before, time.as_millis(), self.after)
    }

    /// Whether a directory beside those of the output has the name of one.
    fn is_one(&self, name: &str) -> bool {
        let before = self.before.rsplit('/').next().unwrap_or_default();
        let rest = name.strip_prefix(before);
        let time = rest.and_then(|rest| rest.strip_suffix(self.after.as_str()));
        time.is_some_and(|time| time.parse::<i64>().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_as_spark_makes_them() {
        let at = |prefix, suffix| NameOf::new(prefix, suffix).at(Time::from_millis(1000));
        assert_eq!(at("out", Some("txt")), "out-1000.txt");
        assert_eq!(at("a/b.c", None), "a/b.c-1000");
        assert_eq!(at("out", Some("")), "out-1000");
        assert_eq!(at("", Some("txt")), "1000.txt");
        assert_eq!(at("", None), "1000");
        assert_eq!(at("s3://bucket/out", None), "s3://bucket/out-1000");
    }

    #[test]
    fn names_of_an_output_are_known_again() {
        let name = NameOf::new("a/b.c", Some("txt"));
        assert!(name.is_one("b.c-1000.txt"));
        for other in [
            "b.c-1000",
            "b.c-x.txt",
            "b.c-.txt",
            "b.cd-1000.txt",
            "1000.txt",
        ] {
            assert!(!name.is_one(other), "{other}");
        }
        assert!(NameOf::new("", None).is_one("1000"));
    }
}
