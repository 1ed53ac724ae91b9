//! Damaged and missing files under a state: the stream ends, or goes on without them if that is
//! wanted, and a restart finds the same.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs::{self, File};
use std::path::Path;
use std::time::UNIX_EPOCH;

use headwater_core::{Compression, Context, Text};
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{millis, seconds};
use probe::{context, going_on};

const CORRUPT: (&str, &str) = ("files.ignore_corrupt_files", "true");
const MISSING: (&str, &str) = ("files.ignore_missing_files", "true");

/// Writes a file in the half second before the end of a batch.
fn put(path: &Path, content: &[u8], batch: u64) {
    fs::write(path, content).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    let modified = UNIX_EPOCH + millis(batch * 1000 - 500);
    file.set_modified(modified).unwrap();
}

/// A `.gz` of many lines that ends in the middle.
fn half_a_gzip() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let ctx = Context::local(1).unwrap();
    let numbers = ctx.range(0..20_000, 1, 1);
    numbers
        .save_as_text_file_with(&out, Compression::Gzip)
        .unwrap();
    let mut bytes = fs::read(out.join("part-00000.gz")).unwrap();
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// How many lines there were, as state, and in a window of two batches.
struct Counts {
    test: TestStream,
    all: Collected<(bool, u64)>,
    window: Collected<Text>,
}

impl Counts {
    fn begin(dir: &Path, files: &Path, begun: usize, settings: &[(&str, &str)]) -> Self {
        let test = going_on(dir, begun, settings);
        let lines = test.context().text_file_stream(files.to_str().unwrap());
        let ones = lines.map(|_| (true, 1));
        let all = ones.update_state_by_key(|new: Vec<u64>, old: Option<u64>| {
            Some(old.unwrap_or(0) + new.iter().sum::<u64>())
        });
        Counts {
            all: test.collect(&all),
            window: test.collect(&lines.window(seconds(2), None)),
            test,
        }
    }

    /// The state and the length of the window after one more batch.
    fn next(&self) -> (u64, usize) {
        self.test.run(1);
        let last = |batches: Vec<Vec<(bool, u64)>>| batches.last().unwrap()[0].1;
        let window = self.window.batches().last().unwrap().len();
        (last(self.all.batches()), window)
    }
}

#[test]
fn a_stream_goes_on_from_half_a_gzip_and_counts_what_can_be_read_of_it_once() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let begin = |begun, settings| Counts::begin(dir.path(), files.path(), begun, settings);
    put(&files.path().join("a"), b"1\n2\n", 1);
    let damaged = files.path().join("b.gz");
    put(&damaged, &half_a_gzip(), 2);
    let readable = context(&[CORRUPT]).text_file(damaged.to_str().unwrap());
    let readable = readable.count().unwrap();
    assert!((1000..20_000).contains(&readable), "{readable}");

    // Without the setting it ends the stream, and each start again.
    let first = begin(0, &[]);
    assert_eq!(first.next(), (2, 2));
    let error = first.test.run_to_failure(1).error.to_string();
    assert!(
        error.contains("b.gz") && error.contains(CORRUPT.0),
        "{error}"
    );
    drop(first);
    let error = begin(1, &[]).test.run_to_failure(1).error.to_string();
    assert!(error.contains("b.gz"), "{error}");

    let with = begin(1, &[CORRUPT]);
    assert_eq!(with.next(), (2 + readable, 2 + readable as usize));
    drop(with);
    // The window reads it once more.
    put(&files.path().join("c"), b"3\n", 3);
    let after = begin(2, &[CORRUPT]);
    assert_eq!(after.next(), (3 + readable, 1 + readable as usize));
    assert_eq!(after.next(), (3 + readable, 1));
}

#[test]
fn a_stream_goes_on_without_a_file_that_is_gone() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let begin = |begun, settings| Counts::begin(dir.path(), files.path(), begun, settings);
    let gone = files.path().join("gone");
    put(&gone, b"1\n2\n", 1);
    let first = begin(0, &[]);
    assert_eq!(first.next(), (2, 2));
    drop(first);
    fs::remove_file(&gone).unwrap();
    put(&files.path().join("b"), b"3\n", 2);
    let error = begin(1, &[]).test.run_to_failure(1).error.to_string();
    assert!(
        error.contains("gone") && error.contains(MISSING.0),
        "{error}"
    );
    // The state has counted it, and the window finds it no more.
    assert_eq!(begin(1, &[MISSING]).next(), (3, 1));
}

#[test]
fn records_of_a_fixed_length_are_read_as_far_as_they_are_whole() {
    let files = tempfile::tempdir().unwrap();
    put(&files.path().join("records"), b"aabbc", 1);
    let test = probe::stream(&[CORRUPT]);
    let directory = files.path().to_str().unwrap();
    let records = test.context().binary_records_stream(directory, 2);
    let out = test.collect(&records);
    test.run(1);
    assert_eq!(out.batches(), [[b"aa", b"bb"]]);
}
