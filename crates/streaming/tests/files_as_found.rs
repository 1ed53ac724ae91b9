//! Files after a batch got them: those that do not stay as they were, and what a later process
//! reads again.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs::{self, File};
use std::path::Path;
use std::time::UNIX_EPOCH;

use headwater_core::{Context, Rdd, Text};
use headwater_streaming::FileStreamOptions;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{millis, seconds};
use probe::{going_on, stream};

type Read = fn(&Context, &str) -> Rdd<String>;

/// "hello\n", as gzip writes it.
const GZIP: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 231, 2, 0, 32, 48, 58, 54, 6, 0, 0,
    0,
];

/// Ways to read a file, with its name, and bytes that make one record of it.
const WAYS: [(&str, Read, &[u8]); 4] = [
    ("lines", lines, b"hello\n"),
    ("lines.gz", lines, GZIP),
    (
        "whole",
        |ctx, path| ctx.whole_text_files(path).map(|(_, text)| text.to_string()),
        b"hello",
    ),
    (
        "records",
        |ctx, path| {
            let records = ctx.binary_records(path, 5);
            records.map(|bytes| String::from_utf8(bytes).unwrap_or_default())
        },
        b"hello",
    ),
];

fn lines(ctx: &Context, path: &str) -> Rdd<String> {
    ctx.text_file(path).map(|line| line.to_string())
}

/// Writes a file and says when that was.
fn put(path: &Path, content: &[u8], modified_ms: u64) {
    fs::write(path, content).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + millis(modified_ms)).unwrap();
}

/// What a window of three batches shows of the files of a directory.
fn windows(test: &TestStream, files: &Path, read: Read) -> Collected<String> {
    let options = FileStreamOptions::new();
    let directory = files.to_str().unwrap();
    let records = test.context().file_stream(directory, options, read);
    test.collect(&records.window(seconds(3), None))
}

#[test]
fn what_is_added_to_a_file_is_in_no_batch_window_or_restart() {
    for (name, read, content) in WAYS {
        let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = files.path().join(name);
        put(&path, content, 500);
        let test = going_on(dir.path(), 0, &[]);
        let shown = windows(&test, files.path(), read);
        test.run(1);
        put(&path, &[content, content].concat(), 1500);
        test.run(1);
        assert_eq!(shown.batches(), [["hello"], ["hello"]]);
        drop(test);
        put(&path, &content.repeat(3), 2500);
        let test = going_on(dir.path(), 2, &[]);
        let shown = windows(&test, files.path(), read);
        test.run(2);
        assert_eq!(shown.batches(), [vec!["hello"], vec![]]);
    }
}

#[test]
fn a_file_that_was_cut_short_or_replaced_fails_those_who_read_it_again() {
    for (name, read, content) in WAYS {
        let short = content.split_last().unwrap().1;
        let changes = [
            (short, 1500, " bytes, and had "),
            (content, 1500, "replaced"),
        ];
        for (now, modified_ms, expected) in changes {
            let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let path = files.path().join(name);
            put(&path, content, 500);
            let test = going_on(dir.path(), 0, &[]);
            let _ = windows(&test, files.path(), read);
            test.run(1);
            drop(test);
            put(&path, now, modified_ms);
            let test = going_on(dir.path(), 1, &[]);
            let shown = windows(&test, files.path(), read);
            let error = test.try_run(1).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
            assert!(error.contains("put it back as it was"), "{name}: {error}");
            drop(test);
            assert!(shown.batches().is_empty());
            // As the error says.
            put(&path, content, 500);
            let test = going_on(dir.path(), 1, &[]);
            let shown = windows(&test, files.path(), read);
            test.run(1);
            assert_eq!(shown.batches(), [["hello"]]);
        }
    }
}

#[test]
fn a_window_takes_a_file_as_it_was_found_or_not_at_all() {
    for (name, read, content) in WAYS {
        let changes = [
            (&b""[..], "it has 0 bytes, and had "),
            (content, "replaced or written"),
        ];
        for (now, expected) in changes {
            let files = tempfile::tempdir().unwrap();
            let path = files.path().join(name);
            put(&path, content, 500);
            let test = stream(&[]);
            let _ = windows(&test, files.path(), read);
            test.run(1);
            put(&path, now, 1500);
            let error = test.try_run(1).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}

#[test]
fn a_file_that_was_empty_when_it_was_found_stays_so() {
    for (name, read, content) in WAYS {
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join(name);
        put(&path, b"", 500);
        let test = stream(&[]);
        let shown = windows(&test, files.path(), read);
        test.run(1);
        put(&path, content, 1500);
        test.run(1);
        assert_eq!(shown.batches().concat().concat(), "", "{name}");
    }
}

#[test]
fn a_file_that_is_gone_is_not_taken_for_a_pattern() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = files.path().join("a[1]");
    put(&path, b"mine\n", 500);
    put(&files.path().join("a1"), b"another's\n", 0);
    let test = going_on(dir.path(), 0, &[]);
    let _ = windows(&test, files.path(), lines);
    test.run(1);
    drop(test);
    fs::remove_file(&path).unwrap();
    let test = going_on(dir.path(), 1, &[]);
    let _ = windows(&test, files.path(), lines);
    let error = test.try_run(1).unwrap_err().to_string();
    for said in [path.to_str().unwrap(), "put it back"] {
        assert!(error.contains(said), "{said}: {error}");
    }
}

/// A process that looks back so far: what it read.
fn looking_back(dir: &Path, files: &Path, begun: usize, window: &str) -> (TestStream, Lines) {
    let window = ("streaming.file_stream.min_remember_duration", window);
    let test = going_on(dir, begun, &[window]);
    let stream = test.context().text_file_stream(files.to_str().unwrap());
    let out = test.collect(&stream);
    (test, out)
}

type Lines = Collected<Text>;

#[test]
fn a_longer_window_reads_nothing_that_an_earlier_process_has_read() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    put(&files.path().join("read"), b"read\n", 500);
    let (test, out) = looking_back(dir.path(), files.path(), 0, "2s");
    test.run(6);
    assert_eq!(out.batches().concat(), ["read"]);
    test.context().stop(true, true).unwrap();
    // What the first window would still have taken is taken.
    put(&files.path().join("late"), b"late\n", 5500);
    for (begun, window) in [(6, "1h"), (8, "1h")] {
        let (test, out) = looking_back(dir.path(), files.path(), begun, window);
        test.run(2);
        let expected: &[&str] = if begun == 6 { &["late"] } else { &[] };
        assert_eq!(out.batches().concat(), expected);
    }
}

#[test]
fn a_longer_window_reaches_back_to_the_begin_of_a_young_stream() {
    let (dir, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (test, _) = looking_back(dir.path(), files.path(), 0, "4s");
    test.run(3);
    drop(test);
    put(&files.path().join("moved in"), b"late\n", 500);
    let (test, out) = looking_back(dir.path(), files.path(), 3, "1h");
    test.run(2);
    assert_eq!(out.batches().concat(), ["late"]);
}
