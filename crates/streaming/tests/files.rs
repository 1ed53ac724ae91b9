//! Streams of files: which are read, when, and what happens to those that cannot be.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs::{self, File};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headwater_core::{Context, Text};
use headwater_store::{Durability, Location};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, millis, seconds};
use headwater_streaming::{FileStreamOptions, InputInfo};
use probe::{Told, context, record, second, stream};
use tempfile::TempDir;

/// A stream that watches a directory, and what it read.
struct Watched {
    dir: TempDir,
    test: TestStream,
    out: Collected<Text>,
}

impl Watched {
    fn new(settings: &[(&str, &str)]) -> Self {
        Watched::over(stream(settings), "")
    }

    fn over(test: TestStream, below: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pattern = format!("{}{below}", text(dir.path()));
        let out = test.collect(&test.context().text_file_stream(&pattern));
        Watched { dir, test, out }
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>, modified_ms: u64) {
        put(self.dir.path(), name, content, modified_ms);
    }

    /// Runs a batch and gives its lines.
    fn batch(&self) -> Vec<String> {
        self.test.run(1);
        let batches = self.out.batches();
        batches
            .last()
            .unwrap()
            .iter()
            .map(Text::to_string)
            .collect()
    }

    fn expect<const N: usize>(&self, batches: [&[&str]; N]) {
        for (number, expected) in (1..).zip(batches) {
            assert_eq!(self.batch(), expected, "batch {number} of these");
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Writes a file and says when that was.
fn put(dir: &Path, name: &str, content: impl AsRef<[u8]>, modified_ms: u64) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    touch(&path, modified_ms);
}

fn touch(path: &Path, modified_ms: u64) {
    let file = File::open(path).unwrap();
    file.set_modified(UNIX_EPOCH + millis(modified_ms)).unwrap();
}

/// What the events said of the input of each batch.
fn inputs(test: &TestStream, batches: usize) -> Vec<InputInfo> {
    let told = record(test.context());
    test.run(batches);
    test.context().context().events().flush();
    let submitted = told.entries().into_iter().filter_map(|told| match told {
        Told::Submitted(batch) => Some(batch.inputs[&0].clone()),
        _ => None,
    });
    submitted.collect()
}

#[test]
fn a_file_is_read_once_in_the_batch_of_its_time() {
    let watched = Watched::new(&[]);
    watched.put("now", "a\r\nb", 1000);
    watched.put("future", "c\n", 2001);
    watched.put("epoch", "too old\n", 0);
    watched.expect([&["a", "b"], &[], &["c"], &[]]);
    watched.put("late", "d\n", 3500);
    watched.put("now", "written again\n", 4500);
    watched.expect([&["d"], &[], &[]]);
}

#[test]
fn only_what_is_written_after_the_stream_was_built_is_new() {
    let test = |new_only| {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "old", "old\n", 9_000);
        put(dir.path(), "same", "same\n", 70_000);
        put(dir.path(), "new", "new\n", 70_001);
        put(dir.path(), "in the window", "in the window\n", 11_001);
        put(dir.path(), "at its edge", "at its edge\n", 11_000);
        let clock = ManualClock::at(Time::from_millis(70_000));
        let test = TestStream::with_clock(&context(&[]), seconds(1), clock).unwrap();
        let options = FileStreamOptions::new().new_files_only(new_only);
        let read = |ctx: &Context, path: &str| ctx.text_file(path);
        let lines = test.context().file_stream(text(dir.path()), options, read);
        let out = test.collect(&lines);
        test.run(2);
        let batches = out.batches().into_iter();
        batches
            .map(|batch| batch.iter().map(Text::to_string).collect())
            .collect::<Vec<Vec<_>>>()
    };
    assert_eq!(test(true), [vec!["new"], vec![]]);
    assert_eq!(test(false), [vec!["in the window", "new", "same"], vec![]]);
}

#[test]
fn what_is_written_again_is_read_again_after_the_window() {
    let watched = Watched::new(&[("streaming.file_stream.min_remember_duration", "1500ms")]);
    watched.put("f", "first\n", 500);
    watched.expect([&["first"]]);
    watched.put("f", "second\n", 1500);
    watched.expect([&[], &[]]);
    watched.put("f", "third\n", 2500);
    watched.expect([&["third"], &[]]);
    watched.put("moved in late", "x\n", 3000);
    watched.expect([&[]]);
}

#[test]
fn the_directory_may_appear_later_and_be_one_of_many() {
    let watched = Watched::over(stream(&[]), "/in-*/{web,mail}");
    watched.expect([&[]]);
    watched.put("in-1/web/a", "a\n", 1500);
    watched.put("in-2/mail/b", "b\n", 1500);
    watched.put("in-2/other/c", "c\n", 1500);
    watched.put("in-3/web", "no directory\n", 1500);
    watched.expect([&["a", "b"], &[]]);
}

#[test]
fn hidden_files_are_skipped_and_directories_count_as_files() {
    let watched = Watched::new(&[]);
    watched.put("_SUCCESS", "no\n", 500);
    watched.put(".part", "no\n", 500);
    watched.put("sub/in", "yes\n", 9_999);
    watched.put("sub/_in", "no\n", 500);
    watched.put("sub/deeper/in", "no\n", 500);
    watched.put("_sub/in", "no\n", 500);
    touch(&watched.dir.path().join("sub"), 500);
    touch(&watched.dir.path().join("_sub"), 500);
    watched.expect([&["yes"], &[]]);
    watched.put("sub/late", "the directory was read\n", 2500);
    touch(&watched.dir.path().join("sub"), 2500);
    watched.expect([&[]]);
}

#[test]
fn files_of_a_directory_that_is_watched_itself_are_read_once() {
    for below in ["/**", "/{,a}"] {
        let watched = Watched::over(stream(&[]), below);
        watched.put("a/old", "before the stream\n", 0);
        watched.put("a/x", "x\n", 500);
        touch(&watched.dir.path().join("a"), 500);
        watched.expect([&["x"], &[]]);
        touch(&watched.dir.path().join("a"), 2500);
        watched.expect([&[]]);
    }
}

#[test]
fn a_small_file_is_one_partition() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let lines = test.collect(&test.context().text_file_stream(text(dir.path())));
    let records = test.context().binary_records_stream(text(dir.path()), 2);
    let records = test.collect(&records);
    put(dir.path(), "a", "1\n2\n", 500);
    put(dir.path(), "b", "3\n", 500);
    put(dir.path(), "empty", "", 500);
    test.run(1);
    let of_lines = &lines.firings()[0].partitions;
    assert_eq!(of_lines, &[vec!["1", "2"], vec!["3"]]);
    let of_records = &records.firings()[0].partitions;
    assert_eq!(of_records, &[vec![*b"1\n", *b"2\n"], vec![*b"3\n"]]);
}

#[test]
fn a_filter_takes_files_by_their_place() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let options = FileStreamOptions::new().filter(|file| file.to_string().ends_with("x"));
    let read = |ctx: &Context, path: &str| ctx.text_file(path);
    let out = test.collect(&test.context().file_stream(text(dir.path()), options, read));
    for name in ["a.x", "b", "cx/in.x", "cx/in"] {
        put(dir.path(), name, format!("{name}\n"), 500);
    }
    touch(&dir.path().join("cx"), 600);
    test.run(1);
    out.assert_batches([["a.x", "cx/in.x"].map(Text::from)]);
}

#[test]
fn compressed_and_broken_text_is_read_as_by_text_file() {
    let watched = Watched::new(&[]);
    // "hello\n", as gzip writes it.
    let gzip = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 231, 2, 0, 32, 48, 58, 54, 6, 0,
        0, 0,
    ];
    // "hello\n" a hundred times, as zstd writes it.
    let zstd = [
        40, 181, 47, 253, 4, 88, 109, 0, 0, 48, 104, 101, 108, 108, 111, 10, 1, 0, 79, 82, 149, 34,
        255, 37, 140, 138,
    ];
    watched.put("a.gz", gzip, 500);
    watched.put("b", b"caf\xe9\n", 500);
    watched.put("c.zst", zstd, 1500);
    watched.put("empty", "", 500);
    watched.expect([&["hello", "caf\u{fffd}"], &["hello"; 100], &[]]);
}

#[test]
fn a_file_that_cannot_be_read_fails_alone_and_is_tried_again() {
    let watched = Watched::new(&[]);
    watched.put("bad,name", "bad\n", 500);
    watched.put("good", "good\n", 500);
    let told = record(watched.test.context());
    watched.expect([&["good"], &[]]);
    watched.test.context().context().events().flush();
    let shown = told.entries().into_iter().find_map(|told| match told {
        Told::Submitted(batch) => batch.inputs[&0].description.clone(),
        _ => None,
    });
    let shown = shown.unwrap();
    assert!(
        shown.contains("/good\n") && shown.contains("bad,name\": a path must be"),
        "{shown}"
    );
    let path = watched.dir.path().join("bad,name");
    fs::rename(path, watched.dir.path().join("better name")).unwrap();
    watched.expect([&["bad"], &[]]);
}

#[test]
fn a_file_that_was_never_read_is_told_once_when_it_is_too_old() {
    let window = ("streaming.file_stream.min_remember_duration", "2s");
    let watched = Watched::new(&[window]);
    watched.put("bad,name", "bad\n", 500);
    watched.put("gone,", "gone\n", 500);
    let shown = inputs(&watched.test, 1);
    assert!(
        !shown[0]
            .description
            .as_ref()
            .unwrap()
            .contains("never read")
    );
    fs::remove_file(watched.dir.path().join("gone,")).unwrap();
    let shown = inputs(&watched.test, 3);
    let of_batches = shown.iter().map(|batch| batch.description.as_deref());
    let of_batches: Vec<_> = of_batches.map(Option::unwrap_or_default).collect();
    let [refused, too_old, after] = of_batches.as_slice() else {
        panic!("{of_batches:?}");
    };
    assert!(
        refused.contains("a path must be") && !refused.contains("never"),
        "{refused}"
    );
    assert!(too_old.contains("bad,name was never read"), "{too_old}");
    assert!(
        !too_old.contains("gone") && after.is_empty(),
        "{too_old} {after}"
    );
}

#[test]
fn a_reader_that_panics_for_a_file_keeps_no_other_back() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let read = |ctx: &Context, path: &str| {
        assert!(!path.ends_with("poison"), "cannot read this");
        ctx.text_file(path)
    };
    let options = FileStreamOptions::new();
    let stream = test.context().file_stream(text(dir.path()), options, read);
    let out = test.collect(&stream);
    put(dir.path(), "early", "early\n", 400);
    put(dir.path(), "poison", "x\n", 500);
    put(dir.path(), "mid", "mid\n", 1500);
    let shown = inputs(&test, 3);
    assert_eq!(out.batches(), [vec!["early"], vec!["mid"], vec![]]);
    let shown = shown[2].description.as_ref().unwrap();
    assert!(
        shown.contains("/poison: ") && shown.contains("cannot read this"),
        "{shown}"
    );
    assert!(shown.contains("file_stream at "), "{shown}");
}

#[test]
fn a_file_that_vanishes_before_it_is_read_keeps_no_other_back() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let top = dir.path().to_owned();
    let read = move |ctx: &Context, path: &str| {
        if path.ends_with("gone") {
            fs::remove_file(top.join("gone")).unwrap();
        }
        ctx.text_file(path)
    };
    let options = FileStreamOptions::new();
    let stream = test.context().file_stream(text(dir.path()), options, read);
    let out = test.collect(&stream);
    put(dir.path(), "gone", "g\n", 500);
    put(dir.path(), "good", "good\n", 500);
    test.run(2);
    assert_eq!(out.batches(), [vec!["good"], vec![]]);
}

#[test]
fn a_file_of_a_wrong_length_keeps_no_other_back() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let stream = test.context().binary_records_stream(text(dir.path()), 4);
    let out = test.collect(&stream);
    put(dir.path(), "bad", "abcde", 500);
    put(dir.path(), "good", "abcd", 500);
    let shown = inputs(&test, 2);
    out.assert_batches([vec![b"abcd".to_vec()], vec![]]);
    let shown = shown[1].description.as_ref().unwrap();
    assert!(
        shown.contains("no multiple of the record length"),
        "{shown}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_itself_keeps_no_file_back() {
    let watched = Watched::new(&[]);
    let link = watched.dir.path().join("link");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    watched.put("a", "a\n", 500);
    watched.expect([&["a"], &[]]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_not_waited_for() {
    let watched = Watched::new(&[]);
    let path = watched.dir.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Opened for both, it waits for nobody.
    let pipe = File::options().read(true).write(true).open(&path).unwrap();
    pipe.set_modified(UNIX_EPOCH + millis(500)).unwrap();
    drop(pipe);
    watched.put("file", "x\n", 500);
    watched.expect([&["x"], &[]]);
}

/// A link to itself is neither there nor not there.
#[cfg(unix)]
fn cannot_be_listed(path: &Path) {
    std::os::unix::fs::symlink(path, path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_listed_for_a_moment_loses_nothing() {
    let window = ("streaming.file_stream.min_remember_duration", "2s");
    let watched = Watched::over(stream(&[window]), "/in");
    let path = watched.dir.path().join("in");
    cannot_be_listed(&path);
    watched.expect([&[], &[]]);
    fs::remove_file(path).unwrap();
    watched.put("in/a", "a\n", 1500);
    watched.expect([&["a"]]);
}

#[cfg(unix)]
#[test]
fn a_batch_fails_when_a_directory_cannot_be_listed_for_a_window() {
    let window = ("streaming.file_stream.min_remember_duration", "2s");
    let watched = Watched::over(
        stream(&[window, ("streaming.on_failure", "continue")]),
        "/{a,b}",
    );
    cannot_be_listed(&watched.dir.path().join("b"));
    let told = record(watched.test.context());
    watched.put("a/1", "1\n", 500);
    watched.put("a/2", "2\n", 2500);
    watched.test.run(4);
    watched.test.context().context().events().flush();
    let failures = told.entries().into_iter().filter_map(|told| match told {
        Told::Completed(batch) => Some((batch.time, batch.failure()?.to_owned())),
        _ => None,
    });
    let failures: Vec<_> = failures.collect();
    let [(time, message)] = failures.as_slice() else {
        panic!("{failures:?}");
    };
    assert_eq!(*time, second(3));
    assert!(
        message.contains("text_file_stream at") && message.contains("/b"),
        "{message}"
    );
    // The batch after it has the files of the other directory.
    watched
        .out
        .assert_batches([vec![Text::from("1")], vec![], vec![Text::from("2")]]);
}

#[test]
fn events_show_the_files_of_a_batch_and_count_records_of_fixed_length() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let records = test.context().binary_records_stream(text(dir.path()), 3);
    let out = test.collect(&records);
    put(dir.path(), "a", [1, 2, 3, 4, 5, 6], 500);
    put(dir.path(), "b", [7, 8, 9], 500);
    let inputs = inputs(&test, 2);
    let paths = ["a", "b"].map(|name| dir.path().join(name).display().to_string());
    assert_eq!(
        inputs[0].description.as_deref(),
        Some(paths.join("\n").as_str())
    );
    assert_eq!((inputs[0].records, inputs[1].records), (3, 0));
    assert_eq!(inputs[1].description, None);
    out.assert_batches([vec![vec![1, 2, 3], vec![4, 5, 6], vec![7, 8, 9]], vec![]]);
}

#[test]
fn a_window_reads_the_files_of_each_of_its_batches() {
    let (dir, test) = (tempfile::tempdir().unwrap(), stream(&[]));
    let lines = test.context().text_file_stream(text(dir.path()));
    let counts = test.collect(&lines.window(seconds(2), seconds(1)).count());
    for (name, modified_ms) in [("a", 500), ("b", 1500), ("c", 1600)] {
        put(dir.path(), name, "x\ny\n", modified_ms);
    }
    test.run(4);
    counts.assert_batches([[2], [6], [4], [0]]);
}

#[test]
fn what_cannot_be_watched_is_a_mistake() {
    let test = stream(&[]);
    let line = line!() + 1;
    test.collect(&test.context().text_file_stream("ftp://host/in"));
    test.collect(&test.context().text_file_stream("in/["));
    test.collect(&test.context().binary_records_stream("in", 0));
    test.collect(&test.context().text_file_stream(""));
    let failed = test.run_to_failure(1);
    assert_eq!(failed.time, None);
    let message = failed.error.to_string();
    for part in [
        &format!("text_file_stream at crates/streaming/tests/files.rs:{line}"),
        "4 mistakes",
        "ftp:// is not known",
        "in/[ is malformed",
        "records of 0 bytes",
        "the directory has no name",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// Objects have the time at which they were put, so the clock begins there.
#[test]
fn objects_of_a_store_are_files() {
    let begin = Time::from(SystemTime::now()).floor(seconds(1)) - seconds(1);
    let settings = [("streaming.file_stream.min_remember_duration", "1h")];
    let clock = ManualClock::at(begin);
    let test = TestStream::with_clock(&context(&settings), seconds(1), clock).unwrap();
    let lines = test
        .context()
        .text_file_stream("memory://file-streams/in/*");
    let out = test.collect(&lines);
    let top = Location::at("memory://file-streams/in").unwrap();
    for name in ["1/a", "1/_b", "1/deep/c", "2/d", "e"] {
        let text = format!("{name}\n");
        top.join(name)
            .put(text.as_bytes(), Durability::Cached)
            .unwrap();
    }
    test.run_until(Time::from(SystemTime::now()) + Duration::from_secs(2));
    let lines: Vec<_> = out.batches().concat();
    assert_eq!(lines, ["1/a", "2/d"]);
}
