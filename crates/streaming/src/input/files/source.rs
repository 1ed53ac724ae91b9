//! The source behind the file streams: looks, selects, and makes the RDD of each batch.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use headwater_core::{Context, FoundFile, Rdd, Record, Site, catch_panic};
use headwater_store::{Child, Entry, Location, StoreError};

use super::directories::{Directories, children};
use super::options::FileStreamOptions;
use super::range::{Origin, Range};
use super::select::{Found, ReadFile, Rules, SelectedFile, SelectedFiles, Selections};
use crate::input::{InputSource, SourceBatch};
use crate::time::Time;

/// How a file is read: its RDD, by its path.
type Read<T> = dyn Fn(&Context, &str) -> Rdd<T> + Send;

pub(super) struct FileSource<T> {
    site: Site,
    directories: Directories,
    options: FileStreamOptions,
    rules: Rules,
    read: Box<Read<T>>,
    /// How long a record is, where all are alike.
    record_bytes: Option<u64>,
    selections: Selections,
    /// Since when directories could not be listed.
    failing_since: BTreeMap<String, Time>,
    /// The files that were new and could not be read, and why; they are tried again.
    refused: BTreeMap<String, String>,
    /// What is to be said of those that have become too old for it.
    never_read: Vec<String>,
    /// The files that were told to have grown, and the batch that told it.
    grown: BTreeMap<String, Time>,
    was_missed: bool,
}

impl<T: Record> FileSource<T> {
    pub(super) fn new(
        site: Site,
        directories: Directories,
        options: FileStreamOptions,
        rules: Rules,
        read: Box<Read<T>>,
    ) -> Self {
        FileSource {
            site,
            directories,
            options,
            rules,
            read,
            record_bytes: None,
            selections: Selections::default(),
            failing_since: BTreeMap::new(),
            refused: BTreeMap::new(),
            never_read: Vec::new(),
            grown: BTreeMap::new(),
            was_missed: false,
        }
    }

    /// Says that records have a length, so that they can be counted before they are read.
    pub(super) fn record_bytes(mut self, record_bytes: usize) -> Self {
        self.record_bytes = Some(record_bytes.max(1) as u64);
        self
    }

    /// What belongs to a batch that is cut for the first time, and the RDDs of it.
    fn choose(
        &mut self,
        time: Time,
        ctx: &Context,
    ) -> Result<(SelectedFiles, Vec<Rdd<T>>), String> {
        let found = self.look(time)?;
        self.report_grown(&found, time);
        let new = self.rules.select(&found, &self.selections, time);
        let (mut files, mut rdds, mut refused) = (Vec::new(), Vec::new(), BTreeMap::new());
        for found in new {
            let opened = self.open(found);
            match opened.and_then(|file| Ok((self.read_all(ctx, &file)?, file))) {
                Ok((of_file, file)) => {
                    rdds.extend(of_file);
                    files.push(file);
                }
                Err(message) => drop(refused.insert(found.location.to_string(), message)),
            }
        }
        self.report_refused(refused, &found, time);
        Ok((SelectedFiles { time, files }, rdds))
    }

    /// Says once of each file that it cannot be read, and once more when it never will be.
    fn report_refused(&mut self, refused: BTreeMap<String, String>, found: &[Found], time: Time) {
        for (path, message) in &refused {
            if !self.refused.contains_key(path) {
                tracing::error!(
                    batch = %time,
                    "{}: {message}; the other files are read, and this one is tried again in \
                     each batch as long as it is new enough",
                    self.site,
                );
            }
        }
        let mut before = mem::replace(&mut self.refused, refused);
        before.retain(|path, _| !self.refused.contains_key(path));
        let threshold = self.rules.threshold(time);
        self.never_read.clear();
        for (path, message) in before {
            // What is gone, or was read now, has not been passed over.
            let is_it = |found: &Found| found.location.to_string() == path;
            if !found
                .iter()
                .any(|found| found.modified <= threshold && is_it(found))
            {
                continue;
            }
            let message = format!(
                "the file {path} was never read, and is too old now: {message}; once it can be \
                 read, move it in again with a new time"
            );
            tracing::error!(batch = %time, "{}: {message}", self.site);
            self.never_read.push(message);
        }
    }

    /// The RDDs of a file that was found now. Their files are looked for at once, so that one
    /// that is gone or of a wrong form does not fail the jobs of those beside it.
    fn read_all(&self, ctx: &Context, file: &SelectedFile) -> Result<Vec<Rdd<T>>, String> {
        let read = |file: &ReadFile| {
            let rdd = catch_panic(self.site, || self.read_as_found(ctx, file));
            let rdd = rdd.map_err(|panic| format!("cannot read {}: {panic}", file.path))?;
            let found = rdd.find_inputs();
            found.map_err(|error| format!("cannot read {}: {error}", file.path))?;
            Ok(rdd)
        };
        file.reads.iter().map(read).collect()
    }

    /// What is there, as far as it can be seen and the user's filter takes it.
    fn look(&mut self, time: Time) -> Result<Vec<Found>, String> {
        let mut listing = self.directories.list();
        self.report_failed(&listing.failed, time)?;
        self.report_missing(listing.has_directory || !listing.failed.is_empty());
        listing
            .found
            .retain(|found| self.options.accepts(&found.location));
        Ok(listing.found)
    }

    /// What a failed look misses the next one finds, as long as it comes before the files are
    /// too old. Only then something may be lost, and a batch fails: one for each window, so
    /// that a stream that goes on after failures reads its other directories.
    fn report_failed(&mut self, failed: &[(String, StoreError)], time: Time) -> Result<(), String> {
        let before = mem::take(&mut self.failing_since);
        let mut lost = Ok(());
        for (directory, error) in failed {
            let since = *before.get(directory).unwrap_or(&time);
            let is_lost = time - since >= self.rules.window;
            if is_lost {
                let message = format!(
                    "the directory {directory} cannot be listed since {since}, and files that \
                     came meanwhile may be too old now: {error}"
                );
                lost = lost.and(Err(message));
            } else {
                tracing::warn!(batch = %time, "{}: {error}; the next batch looks again", self.site);
            }
            let since = if is_lost { time } else { since };
            self.failing_since.insert(directory.clone(), since);
        }
        lost
    }

    /// Says once of each file that it was not whole when it came.
    fn report_grown(&mut self, found: &[Found], time: Time) {
        let forgotten = time - self.rules.window;
        self.grown.retain(|_, told| *told > forgotten);
        for read in self.selections.grown(found, forgotten) {
            if self.grown.insert(read.path.clone(), time).is_none() {
                tracing::warn!(
                    batch = %time,
                    "{}: the file {} has grown since it was selected for a batch with {} bytes; \
                     what was added is not read; write files elsewhere and move them in when they \
                     are whole",
                    self.site,
                    read.path,
                    read.bytes
                );
            }
        }
    }

    /// Says once that there is nothing to look into: it may be a mistake, or still to come.
    fn report_missing(&mut self, is_there: bool) {
        if !is_there && !self.was_missed {
            tracing::warn!(
                "{}: there is no directory {} yet; files are read once it is there",
                self.site,
                self.directories.text()
            );
        }
        self.was_missed = !is_there;
    }

    /// Makes sure that what was found can be read.
    fn open(&self, found: &Found) -> Result<SelectedFile, String> {
        let reads = match found.bytes {
            Some(bytes) => vec![open_file(&found.location, bytes, found.modified)?],
            None => self.open_directory(&found.location)?,
        };
        Ok(SelectedFile {
            path: found.location.to_string(),
            reads,
        })
    }

    /// The files directly in a directory among the files.
    fn open_directory(&self, directory: &Location) -> Result<Vec<ReadFile>, String> {
        let children = children(directory).map_err(|error| error.to_string())?;
        let is_read = |child: Child| match child {
            Child::File(file) if self.options.accepts(&file.location) => Some(file),
            _ => None,
        };
        let files = children.into_iter().flatten().filter_map(is_read);
        let open = |file: Entry| open_file(&file.location, file.bytes, file.modified.into());
        files.map(open).collect()
    }

    /// The RDD of a file, which reads no more of it than was there when it was selected.
    fn read_as_found(&self, ctx: &Context, file: &ReadFile) -> Rdd<T> {
        FoundFile::as_found([file.found()], || (self.read)(ctx, &file.path))
    }

    /// The RDDs of a batch that is asked for again.
    fn reread(&self, ctx: &Context, selected: &SelectedFiles) -> Vec<Rdd<T>> {
        let reads = selected.reads();
        reads.map(|file| self.read_as_found(ctx, file)).collect()
    }

    fn together(&self, ctx: &Context, rdds: &[Rdd<T>]) -> Rdd<T> {
        match rdds {
            [one] => one.clone(),
            many => self.site.cover(|| ctx.union(many)),
        }
    }

    /// How many records there are; 0 if that is not known before they are read, as in Spark.
    fn records(&self, selected: &SelectedFiles) -> u64 {
        let bytes: u64 = selected.reads().map(|file| file.bytes).sum();
        self.record_bytes
            .map_or(0, |record_bytes| bytes / record_bytes)
    }
}

impl<T: Record> InputSource<T> for FileSource<T> {
    fn compute(&mut self, time: Time, ctx: &Context) -> Result<SourceBatch<T>, String> {
        let (selected, rdds) = match self.selections.get(time) {
            Some(selected) => (selected.clone(), self.reread(ctx, selected)),
            None => self.choose(time, ctx)?,
        };
        let rdd = self.together(ctx, &rdds);
        let mut batch = SourceBatch::new(rdd)
            .records(self.records(&selected))
            .range(Range::write(&self.rules, &selected)?);
        let paths = selected.reads().map(|file| &file.path);
        let unread = self.refused.values().chain(&self.never_read);
        let lines: Vec<_> = paths.chain(unread).cloned().collect();
        if !lines.is_empty() {
            batch = batch.description(lines.join("\n"));
        }
        // Only now: had anything above failed, the next batch would have to take the files.
        self.selections.keep(selected, self.rules.window);
        Ok(batch)
    }

    fn origin(&mut self) -> Option<Vec<u8>> {
        Origin::write(self.rules.only_after, self.directories.text())
    }

    fn check_origin(&self, origin: &[u8]) -> Result<(), String> {
        let here = self.directories.text();
        match Origin::read(origin)?.directory {
            Some(there) if there != here => Err(format!(
                "that one watched {there}, and this one watches {here}"
            )),
            _ => Ok(()),
        }
    }

    fn recall_origin(&mut self, origin: &[u8]) -> Result<(), String> {
        let only_after = Origin::read(origin)?.only_after;
        // What came while no process ran is new to the stream.
        self.rules.only_after = self.rules.only_after.min(only_after);
        Ok(())
    }

    fn recall(&mut self, _time: Time, range: &[u8]) -> Result<(), String> {
        let range = Range::read(range)?;
        self.rules.only_after = self.rules.only_after.min(range.only_after);
        // The selections since then are recalled, and no others.
        self.rules.known_after = range.known_after;
        self.selections.keep(range.selected, self.rules.window);
        Ok(())
    }

    fn reaches_back(&self) -> Duration {
        self.rules.window
    }

    fn restore(
        &mut self,
        _time: Time,
        range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<T>, String> {
        let rdds = self.reread(ctx, &Range::read(range)?.selected);
        Ok(self.together(ctx, &rdds).into())
    }
}

/// Looks whether a file can be read, so that one that cannot does not fail those beside it.
fn open_file(file: &Location, bytes: u64, modified: Time) -> Result<ReadFile, String> {
    let path = readable_path(file)?;
    if bytes == 0 {
        // Not opened: it may be a pipe, and that would wait for its writer.
        tracing::warn!("the file {path} is empty; nothing is read from it");
    } else {
        // Of an object this asks nothing: who reads it looks for it first.
        file.open_sized(bytes).map_err(|error| error.to_string())?;
    }
    let modified = Some(modified);
    Ok(ReadFile {
        path,
        bytes,
        modified,
    })
}

/// A file's path as the readers of RDDs take it.
fn readable_path(file: &Location) -> Result<String, String> {
    let text = file.to_string();
    let is_text = file.as_path().is_none_or(|path| path.to_str().is_some());
    match is_text && !text.contains(',') && text.trim() == text {
        true => Ok(text),
        false => Err(format!(
            "cannot read {text:?}: a path must be UTF-8, without commas and without blanks at its \
             ends; rename it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::time::{millis, seconds};

    #[test]
    fn a_batch_that_is_asked_for_again_reads_the_same_files() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = dir.path().join(name);
            fs::write(&path, name).unwrap();
            let file = File::open(path).unwrap();
            file.set_modified(UNIX_EPOCH + millis(500)).unwrap();
        };
        let rules = Rules::new(Time::ZERO, seconds(60));
        let mut source = FileSource::new(
            Site::here("test"),
            Directories::parse(dir.path().to_str().unwrap()).unwrap(),
            FileStreamOptions::new(),
            rules,
            Box::new(|ctx: &Context, path: &str| ctx.text_file(path)),
        );
        let ctx = Context::local(1).unwrap();
        let mut lines = |second: i64| {
            let batch = source
                .compute(Time::from_millis(second * 1000), &ctx)
                .unwrap();
            let rdd = batch.rdd;
            rdd.collect().unwrap()
        };
        put("a");
        assert_eq!(lines(1), ["a"]);
        put("b");
        assert_eq!(lines(1), ["a"]);
        assert_eq!(lines(2), ["b"]);
        assert_eq!(lines(1), ["a"]);
    }
}
