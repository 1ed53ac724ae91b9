//! Streams, files and checkpoints in a real server that speaks S3, as `scripts/services` starts
//! one.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use headwater::store::Location;
use headwater::testing::TestStream;
use headwater::time::seconds;
use headwater::{Compression, Context, SaveOptions};

mod stores;

/// A place of the test's own on the server; `None` where there is none and none is required.
fn place(name: &str) -> Option<Location> {
    let Ok(bucket) = std::env::var("TEST_S3_URL") else {
        let why = "TEST_S3_URL is not set; run: eval \"$(scripts/services env)\"";
        let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{why}");
        eprintln!("skipped: {why}");
        return None;
    };
    let place = format!("{bucket}/{name}-{}", std::process::id());
    Some(Location::at(place).unwrap())
}

fn names(top: &Location) -> Vec<String> {
    let skipped = top.to_string().len() + 1;
    let entries = top.list().unwrap();
    let name = |location: &Location| location.to_string()[skipped..].to_owned();
    entries.iter().map(|entry| name(&entry.location)).collect()
}

#[test]
fn text_files_are_written_and_read() {
    let Some(top) = place("text") else { return };
    let ctx = Context::local(2).unwrap();
    let path = top.join("out").to_string();
    let lines: Vec<String> = (0..200_000).map(|n| format!("line {n}")).collect();
    let rdd = ctx.parallelize(lines.clone(), 3);
    rdd.save_as_text_file(&path).unwrap();
    let parts = ["part-00000", "part-00001", "part-00002"];
    assert_eq!(
        names(&top.join("out")),
        ["_SUCCESS", parts[0], parts[1], parts[2]]
    );
    let error = rdd.save_as_text_file(&path).unwrap_err().to_string();
    assert!(error.contains("already exists"), "{error}");

    let read = ctx.text_file_partitioned(&path, 16);
    assert!(read.num_partitions() >= 16);
    let read: Vec<String> = read.map(|line| line.to_string()).collect().unwrap();
    assert!(read == lines);
    let some = ctx.text_file(&format!("{top}/o?t/part-0000[02]"));
    assert_eq!(some.count().unwrap(), 133_333);

    let smaller = SaveOptions::new().replace().compress(Compression::Gzip);
    ctx.parallelize(lines, 2)
        .save_as_text_file_with(&path, smaller)
        .unwrap();
    let parts = ["part-00000.gz", "part-00001.gz"];
    assert_eq!(names(&top.join("out")), ["_SUCCESS", parts[0], parts[1]]);
    assert_eq!(ctx.text_file(&path).count().unwrap(), 200_000);
    top.delete_all().unwrap();
}

#[test]
fn a_failed_job_leaves_nothing() {
    let Some(top) = place("failed") else { return };
    let ctx = Context::local(2).unwrap();
    let fails = ctx.range(0..100, 1, 4).map(|n| {
        assert!(n < 90, "too large");
        n
    });
    for error in [
        fails
            .save_as_text_file(top.join("text").to_string())
            .unwrap_err(),
        fails
            .save_as_object_file(top.join("objects").to_string())
            .unwrap_err(),
    ] {
        assert!(error.to_string().contains("too large"), "{error}");
    }
    assert!(!top.exists().unwrap());
}

#[test]
fn batches_are_saved() {
    let Some(top) = place("batches") else { return };
    for _ in 0..2 {
        let test = TestStream::new(seconds(1));
        let words = test.input_partitioned(vec![vec!["to", "be"], vec![]], 1);
        words.save_as_text_files(&top.join("out").to_string(), "txt");
        test.run(2);
        let parts = ["_SUCCESS", "part-00000"];
        let expected = ["1000", "2000"].map(|time| parts.map(|p| format!("out-{time}.txt/{p}")));
        assert_eq!(names(&top), expected.concat());
    }
    let first = top.join("out-1000.txt").join("part-00000");
    assert_eq!(first.get().unwrap(), b"to\nbe\n");
    top.delete_all().unwrap();
}

#[test]
fn checkpoints_are_written_and_read() {
    let Some(top) = place("checkpoints") else {
        return;
    };
    let ctx = Context::local(2).unwrap();
    ctx.set_checkpoint_dir(top.to_string()).unwrap();
    let squares = ctx.range(0..1000, 1, 3).map(|n| n * n).checkpoint();
    let sum = squares.sum().unwrap();
    assert!(squares.is_checkpointed());
    assert_eq!(squares.sum().unwrap(), sum);
    assert_eq!(top.list().unwrap().len(), 3);
    top.delete_all().unwrap();
}

#[test]
fn new_files_are_read_and_batches_are_saved() {
    if let Some(top) = place("files") {
        stores::new_files_are_read_and_batches_are_saved(&top);
    }
}

#[test]
fn a_stream_goes_on_from_its_checkpoint() {
    if let Some(top) = place("checkpoint") {
        stores::a_stream_goes_on_from_its_checkpoint(&top);
    }
}
