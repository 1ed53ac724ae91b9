//! Saving batches: names, contents, what is replaced and what is never seen.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_core::Context;
use headwater_store::{Durability, Location};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_streaming::{DStream, StreamError};

/// What lies below a place: names and texts.
fn files(top: &Location) -> BTreeMap<String, String> {
    let skipped = top.to_string().len() + 1;
    let entries = top.list().unwrap().into_iter();
    let file = |location: Location| {
        let text = String::from_utf8_lossy(&location.get().unwrap()).into_owned();
        (location.to_string()[skipped..].to_owned(), text)
    };
    entries.map(|entry| file(entry.location)).collect()
}

fn names(top: &Location) -> Vec<String> {
    files(top).into_keys().collect()
}

fn expected(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    files.iter().map(owned).collect()
}

fn prefix(top: &Location, name: &str) -> String {
    format!("{top}/{name}")
}

/// Runs four batches of letters in two partitions, with `output` below `top`.
fn run_letters(output: impl FnOnce(&DStream<String>)) {
    let test = TestStream::new(seconds(1));
    let letters = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
    let batches = ["xyzé", "", "abc"].map(letters).to_vec();
    let letters = test.input_partitioned(batches, 2);
    output(&letters);
    test.run(4);
}

#[test]
fn each_batch_has_a_directory_also_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    for top in [
        Location::at(dir.path()).unwrap(),
        Location::at("memory://save/each").unwrap(),
    ] {
        run_letters(|letters| {
            letters.save_as_text_files(&prefix(&top, "out"), "txt");
        });
        // A queue that has run dry gives batches of one partition.
        let all = [
            ("out-1000.txt/_SUCCESS", ""),
            ("out-1000.txt/part-00000", "x\ny\n"),
            ("out-1000.txt/part-00001", "z\né\n"),
            ("out-2000.txt/_SUCCESS", ""),
            ("out-2000.txt/part-00000", ""),
            ("out-2000.txt/part-00001", ""),
            ("out-3000.txt/_SUCCESS", ""),
            ("out-3000.txt/part-00000", "a\n"),
            ("out-3000.txt/part-00001", "b\nc\n"),
            ("out-4000.txt/_SUCCESS", ""),
            ("out-4000.txt/part-00000", ""),
        ];
        assert_eq!(files(&top), expected(&all));
    }
}

#[test]
fn objects_come_back() {
    let top = Location::at("memory://save/objects").unwrap();
    run_letters(|letters| {
        letters.save_as_object_files(&prefix(&top, "a.b/c"), None);
    });
    assert_eq!(names(&top).len(), 11);
    let ctx = Context::local(2).unwrap();
    let read = ctx.object_file::<String>(&prefix(&top, "a.b/c-*"));
    assert_eq!(read.collect().unwrap().concat(), "xyzéabc");
}

#[test]
fn a_batch_that_is_run_again_replaces_its_result() {
    let dir = tempfile::tempdir().unwrap();
    for top in [
        Location::at(dir.path()).unwrap(),
        Location::at("memory://save/again").unwrap(),
    ] {
        let put = |name: &str| top.join(name).put(b"old", Durability::Cached).unwrap();
        // A run that crashed after more partitions, and another output's result.
        put("out-1000/part-00000");
        put("out-1000/part-00007");
        put("out-1000.txt/part-00007");
        for _ in 0..2 {
            let test = TestStream::new(seconds(1));
            let numbers = test.input_partitioned(vec![vec![1, 2], vec![3]], 1);
            numbers.save_as_text_files(&prefix(&top, "out"), None);
            test.run(2);
        }
        let all = [
            ("out-1000.txt/part-00007", "old"),
            ("out-1000/_SUCCESS", ""),
            ("out-1000/part-00000", "1\n2\n"),
            ("out-2000/_SUCCESS", ""),
            ("out-2000/part-00000", "3\n"),
        ];
        assert_eq!(files(&top), expected(&all));
    }
}

#[test]
fn a_failed_batch_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    for top in [
        Location::at(dir.path()).unwrap(),
        Location::at("memory://save/failed").unwrap(),
    ] {
        let fails = Arc::new(AtomicBool::new(false));
        let run = || {
            let test = TestStream::new(seconds(1));
            let fails = fails.clone();
            let numbers = test
                .input_partitioned(vec![vec![1, 2, 3, 4]], 2)
                .map(move |n| {
                    assert!(n < 3 || !fails.load(Ordering::Relaxed), "too large");
                    n
                });
            numbers.save_as_text_files(&prefix(&top, "out"), "");
            test.try_run(1)
        };
        fails.store(true, Ordering::Relaxed);
        let error = run().unwrap_err().to_string();
        assert!(
            error.contains("too large") && error.contains("save_as_text_files at "),
            "{error}"
        );
        assert_eq!(names(&top), [""; 0]);
        fails.store(false, Ordering::Relaxed);
        run().unwrap();
        fails.store(true, Ordering::Relaxed);
        run().unwrap_err();
        let all = [
            ("out-1000/_SUCCESS", ""),
            ("out-1000/part-00000", "1\n2\n"),
            ("out-1000/part-00001", "3\n4\n"),
        ];
        assert_eq!(files(&top), expected(&all));
    }
    // Not even a hidden directory stays.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn nobody_sees_half_a_result() {
    let dir = tempfile::tempdir().unwrap();
    let top = Location::at(dir.path()).unwrap();
    let seen = top.clone();
    let test = TestStream::new(seconds(1));
    let numbers = test
        .input_partitioned(vec![vec![1, 2, 3, 4]; 2], 4)
        .map(move |n| {
            // While the batch is being written there is nothing under its name.
            let names: Vec<String> = seen
                .children()
                .unwrap()
                .iter()
                .map(|child| child.location().name().into_owned())
                .filter(|name| !name.starts_with('.'))
                .collect();
            assert!(names.len() <= 1 && !names.contains(&"out-2000".to_owned()));
            n
        });
    numbers.save_as_text_files(&prefix(&top, "out"), None);
    test.run(2);
    assert_eq!(names(&top).len(), 10);
}

#[test]
fn a_file_in_the_way_fails_the_batch() {
    let dir = tempfile::tempdir().unwrap();
    let top = Location::at(dir.path()).unwrap();
    top.join("out-1000")
        .put(b"mine", Durability::Cached)
        .unwrap();
    let test = TestStream::new(seconds(1));
    test.input(vec![vec![1]])
        .save_as_text_files(&prefix(&top, "out"), None);
    let error = test.try_run(1).unwrap_err().to_string();
    assert!(error.contains("out-1000 is a file"), "{error}");
    assert_eq!(top.join("out-1000").get().unwrap(), b"mine");
}

#[test]
fn a_prefix_that_means_nothing_is_reported_by_start() {
    let test = TestStream::new(seconds(1));
    test.input(vec![vec![1]])
        .save_as_text_files("ftp://host/out", None);
    let error = test.try_run(1).unwrap_err();
    assert!(matches!(error, StreamError::Graph { .. }), "{error}");
    assert!(error.to_string().contains("ftp:// is not known"), "{error}");
}

/// Saves a batch of two partitions, of which the second goes to the null device: that takes all
/// that is written, and refuses to be synced.
#[cfg(unix)]
fn save_to_what_cannot_be_synced(checkpoint: Option<&Path>) -> Result<(), StreamError> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_owned();
    let ctx = Context::local(1).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    if let Some(directory) = checkpoint {
        test.context()
            .checkpoint(directory.to_str().unwrap())
            .unwrap();
    }
    let numbers = test.input_partitioned(vec![vec![1, 2]], 2);
    let numbers = numbers.map_partitions(move |numbers| {
        let unfinished = out.join(".out-1000.new-0000000000000000/_temporary");
        let second = unfinished.join("part-00001-attempt-1");
        if !second.exists() {
            std::os::unix::fs::symlink("/dev/null", second).unwrap();
        }
        numbers
    });
    numbers.save_as_text_files(&format!("{}/out", dir.path().display()), None);
    test.try_run(1).map(drop)
}

#[cfg(unix)]
#[test]
fn a_batch_that_is_not_run_again_is_on_the_disk_before_it_is_done() {
    save_to_what_cannot_be_synced(None).unwrap();
    let checkpoint = tempfile::tempdir().unwrap();
    let error = save_to_what_cannot_be_synced(Some(checkpoint.path())).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("part-00001"), "{error}");
}

#[test]
fn what_killed_processes_left_of_any_batch_goes_with_the_first_one() {
    let dir = tempfile::tempdir().unwrap();
    let left = |name: &str| std::fs::create_dir_all(dir.path().join(name)).unwrap();
    left(".out-7000.new-0000000000000000/_temporary");
    left(".out-8000.new-00000000000000bc/_temporary");
    left(".other-8000.new-0000000000000000/_temporary");
    let test = TestStream::new(seconds(1));
    let prefix = format!("{}/out", dir.path().display());
    test.input(vec![vec![1]]).save_as_text_files(&prefix, None);
    test.run(1);
    let entries = dir.path().read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".other-8000.new-0000000000000000", "out-1000"]);
}
