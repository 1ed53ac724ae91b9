//! Text and object files: what is read, what is written, what is refused.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_core::{Context, Text};
use proptest::prelude::*;
use tempfile::TempDir;

fn dir_of(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

fn path_of(dir: &TempDir, name: &str) -> String {
    dir.path().join(name).to_str().unwrap().to_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

fn text_of_error<T: std::fmt::Debug>(result: Result<T, headwater_core::Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn files_directories_patterns_and_lists_are_read() {
    let dir = dir_of(&[
        ("in/b.txt", b"3\n4\n"),
        ("in/a.txt", b"1\n2"),
        ("in/_SUCCESS", b"no"),
        ("in/.a.txt.crc", b"no"),
        ("other/c.log", b"5\r\n6\r"),
        ("other/empty", b""),
    ]);
    let ctx = Context::local(2).unwrap();
    let read = |path: String| -> Vec<String> {
        let lines = ctx.text_file(&path).collect().unwrap();
        lines.iter().map(ToString::to_string).collect()
    };
    assert_eq!(read(path_of(&dir, "in/a.txt")), ["1", "2"]);
    assert_eq!(
        read(format!("file://{}", path_of(&dir, "in/a.txt"))),
        ["1", "2"]
    );
    assert_eq!(read(path_of(&dir, "in")), ["1", "2", "3", "4"]);
    assert_eq!(read(path_of(&dir, "in/*")), ["1", "2", "3", "4"]);
    assert_eq!(read(path_of(&dir, "*")), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(
        read(path_of(&dir, "{in/b,other/c}.{txt,log}")),
        ["3", "4", "5", "6"]
    );
    let list = format!("{},{}", path_of(&dir, "other"), path_of(&dir, "in/?.txt"));
    assert_eq!(read(list), ["5", "6", "1", "2", "3", "4"]);
    assert_eq!(read(path_of(&dir, "other/empty")), [""; 0]);
}

#[test]
fn compressed_files_and_bad_bytes_are_read() {
    let mut two_members = gzip(b"1\n2\n");
    two_members.extend(gzip(b"3\n"));
    let dir = dir_of(&[
        ("a.gz", &two_members),
        ("b.txt", b"caf\xe9\nok\n"),
        ("c.gz", b"no gzip"),
    ]);
    let ctx = Context::local(2).unwrap();
    let compressed = ctx.text_file_partitioned(&path_of(&dir, "a.gz"), 8);
    assert_eq!(compressed.num_partitions(), 1);
    assert_eq!(compressed.collect().unwrap(), ["1", "2", "3"]);
    assert_eq!(
        ctx.text_file(&path_of(&dir, "b.txt")).first().unwrap(),
        "caf\u{fffd}"
    );
    let error = text_of_error(ctx.text_file(&path_of(&dir, "c.gz")).count());
    assert!(
        error.contains("text_file at ") && error.contains("c.gz"),
        "{error}"
    );
}

#[test]
fn mistakes_are_reported_by_the_action() {
    let dir = dir_of(&[("in/sub/a.txt", b"1"), ("in/b.txt", b"2")]);
    let ctx = Context::local(2).unwrap();
    let missing = ctx.text_file(&path_of(&dir, "none")).map(|line| (line, 1));
    let error = text_of_error(missing.reduce_by_key(|a, b| a + b).count());
    assert!(
        error.starts_with("text_file at crates/core/tests/files.rs:"),
        "{error}"
    );
    assert!(
        error.ends_with(&format!("{} does not exist", path_of(&dir, "none"))),
        "{error}"
    );
    let error = text_of_error(ctx.text_file(&path_of(&dir, "*.csv")).count());
    assert!(error.contains("matches no files"), "{error}");
    let error = text_of_error(ctx.text_file(&path_of(&dir, "in")).count());
    assert!(
        error.contains("has a directory") && error.contains("in/*"),
        "{error}"
    );
    let error = text_of_error(ctx.text_file(",").count());
    assert!(error.contains("empty part"), "{error}");
    let error = text_of_error(ctx.text_file_partitioned("x", 0).count());
    assert!(error.contains("0 partitions"), "{error}");
}

#[test]
fn a_missing_file_may_come_before_the_next_action() {
    let dir = dir_of(&[]);
    let ctx = Context::local(2).unwrap();
    let lines = ctx.text_file(&path_of(&dir, "late.txt"));
    assert!(lines.count().is_err());
    fs::write(path_of(&dir, "late.txt"), "a\nb\n").unwrap();
    assert_eq!(lines.count().unwrap(), 2);
}

#[test]
fn saved_text_has_a_file_for_each_partition() {
    let dir = dir_of(&[]);
    let ctx = Context::local(2).unwrap();
    let out = dir.path().join("deep/out");
    let pairs = ctx.parallelize(vec![("a", (1, 1.0)), ("b", (2, 2.5))], 3);
    pairs.save_as_text_file(&out).unwrap();
    let names = ["_SUCCESS", "part-00000", "part-00001", "part-00002"];
    assert_eq!(names_in(&out), names.map(String::from).into());
    assert_eq!(
        fs::read_to_string(out.join("part-00002")).unwrap(),
        "(b,(2,2.5))\n"
    );
    let lines = ctx.text_file(out.to_str().unwrap()).collect().unwrap();
    assert_eq!(lines, ["(a,(1,1.0))", "(b,(2,2.5))"]);
    let error = text_of_error(pairs.save_as_text_file(&out));
    assert!(error.starts_with("save_as_text_file at "), "{error}");
    assert!(
        error.contains("already exists; remove it or choose another"),
        "{error}"
    );
    assert!(out.join("_SUCCESS").exists());
}

#[test]
fn a_failed_job_leaves_no_output() {
    let dir = dir_of(&[]);
    let ctx = Context::local(2).unwrap();
    let fails = ctx.range(0..10, 1, 2).map(|n| {
        assert!(n < 7, "too large");
        n
    });
    for failed in [
        fails.save_as_text_file(dir.path().join("text")),
        fails.save_as_object_file(dir.path().join("object")),
    ] {
        assert!(text_of_error(failed).contains("too large"));
    }
    assert_eq!(names_in(dir.path()), BTreeSet::new());
}

#[test]
fn damaged_object_files_name_file_and_place() {
    let dir = dir_of(&[]);
    let ctx = Context::local(2).unwrap();
    let out = dir.path().join("objects");
    let records: Vec<(String, u64)> = (0..3000).map(|n| (format!("name {n}"), n)).collect();
    ctx.parallelize(records.clone(), 2)
        .save_as_object_file(&out)
        .unwrap();
    let read = ctx.object_file::<(String, u64)>(out.to_str().unwrap());
    assert_eq!(read.num_partitions(), 2);
    assert_eq!(read.collect().unwrap(), records);

    let part = out.join("part-00001");
    let whole = fs::read(&part).unwrap();
    let mut changed = whole.clone();
    changed[100] ^= 1;
    fs::write(&part, changed).unwrap();
    let error = text_of_error(read.count());
    assert!(error.contains("object_file at "), "{error}");
    assert!(
        error.contains("part-00001 is damaged") && error.contains("(at byte 8)"),
        "{error}"
    );
    fs::write(&part, &whole[..whole.len() - 24]).unwrap();
    let error = text_of_error(read.count());
    let found = format!("and had {} when it was found", whole.len());
    assert!(error.contains(&found), "{error}");
    let read = ctx.object_file::<(String, u64)>(out.to_str().unwrap());
    let error = text_of_error(read.count());
    let place = format!("it ends too early (at byte {})", whole.len() - 24);
    assert!(error.contains(&place), "{error}");
    fs::write(&part, &whole).unwrap();
    let error = text_of_error(ctx.object_file::<u64>(out.to_str().unwrap()).count());
    assert!(error.contains("u64"), "{error}");
}

#[test]
fn text_records_survive_object_files_and_storage() {
    let dir = dir_of(&[(
        "in.txt",
        b"a short one\na line that is longer than what fits inline\n",
    )]);
    let ctx = Context::local(2).unwrap();
    let lines = ctx.text_file(&path_of(&dir, "in.txt"));
    lines.save_as_object_file(dir.path().join("out")).unwrap();
    let read = ctx
        .object_file::<Text>(&path_of(&dir, "out"))
        .collect()
        .unwrap();
    assert_eq!(read, lines.collect().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn lines_come_back_from_any_number_of_parts(
        lines in prop::collection::vec("[a-zé ]{0,40}", 0..80),
        slices in 1_usize..5,
        partitions_min in 1_usize..40,
    ) {
        let dir = dir_of(&[]);
        let ctx = Context::local(2).unwrap();
        let out = dir.path().join("out");
        ctx.parallelize(lines.clone(), slices).save_as_text_file(&out).unwrap();
        let read = ctx.text_file_partitioned(out.to_str().unwrap(), partitions_min);
        let read: Vec<String> =
            read.collect().unwrap().iter().map(ToString::to_string).collect();
        prop_assert_eq!(read, lines);
    }
}

#[test]
fn a_result_below_a_file_is_refused_by_the_name_of_the_file() {
    let dir = dir_of(&[("file", b"x")]);
    let ctx = Context::local(1).unwrap();
    for path in ["file/out", "file/deeper/out"] {
        let numbers = ctx.range(0..3, 1, 1);
        let error = text_of_error(numbers.save_as_text_file(path_of(&dir, path)));
        assert!(
            error.contains("/file is a file, not a directory"),
            "{error}"
        );
        assert!(error.contains("save_as_text_file at "), "{error}");
    }
}

#[test]
fn what_cannot_be_decompressed_is_refused_by_name() {
    let mut cut = gzip(b"some text that is longer than nothing");
    cut.truncate(cut.len() - 6);
    let dir = dir_of(&[
        ("a.xz", b"?"),
        ("cut.gz", &cut),
        ("bad.zst", b"zzzzzz"),
        ("no.bz2", b"x"),
    ]);
    let ctx = Context::local(1).unwrap();
    for name in ["a.xz", "cut.gz", "bad.zst", "no.bz2"] {
        let path = path_of(&dir, name);
        let lines = text_of_error(ctx.text_file(&path).count());
        assert!(
            lines.contains("text_file at ") && lines.contains(&path),
            "{lines}"
        );
        let whole = text_of_error(ctx.whole_text_files(&path).count());
        assert!(
            whole.contains("whole_text_files at ") && whole.contains(&path),
            "{whole}"
        );
    }
}

#[test]
fn what_is_too_long_for_memory_is_refused_by_name() {
    let conf = headwater_core::conf::Conf::new()
        .set("files.line_bytes_max", "1m")
        .set("files.whole_file_bytes_max", "2m");
    let ctx = Context::new(conf).unwrap();
    let line = [b"short\n".as_slice(), &vec![b'x'; 3 << 20]].concat();
    let dir = dir_of(&[("long", &line), ("bomb.gz", &gzip(&line))]);
    for name in ["long", "bomb.gz"] {
        let path = path_of(&dir, name);
        let lines = text_of_error(ctx.text_file(&path).count());
        assert!(
            lines.contains(&path) && lines.contains("files.line_bytes_max"),
            "{lines}"
        );
        let whole = text_of_error(ctx.whole_text_files(&path).count());
        assert!(
            whole.contains(&path) && whole.contains("files.whole_file_bytes_max"),
            "{whole}"
        );
    }
}
