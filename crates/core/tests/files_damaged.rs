//! Files that are damaged or gone: they fail their task, or are skipped and told.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use headwater_core::events::Event;
use headwater_core::{Conf, Context, Error};
use headwater_store::{Durability, Location, Outage, Request};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const CORRUPT: &str = "files.ignore_corrupt_files";
const MISSING: &str = "files.ignore_missing_files";

fn context(settings: &[&str]) -> Context {
    let conf = Conf::new().master("local[2]");
    let conf = settings.iter().fold(conf, |conf, key| conf.set(*key, true));
    Context::new(conf).unwrap()
}

/// Lines of which each is known by its place, and that do not compress well.
fn lines() -> Vec<String> {
    let line = |n: u64| format!("{n} {:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..60_000).map(line).collect()
}

/// The lines as files of each compression.
fn compressed() -> Vec<(&'static str, Vec<u8>)> {
    let text = lines().join("\n").into_bytes();
    let level = flate2::Compression::fast();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    gzip.write_all(&text).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(&text).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&text).unwrap();
    vec![
        ("a.gz", gzip.finish().unwrap()),
        ("a.deflate", zlib.finish().unwrap()),
        ("a.bz2", bzip2.finish().unwrap()),
        (
            "a.zst",
            compress_to_vec(&text[..], CompressionLevel::Fastest),
        ),
    ]
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn text_of<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

/// Tells of each task that has ended how many files it has skipped.
fn skipped(ctx: &Context) -> Receiver<u64> {
    let (to, told) = sync_channel(100);
    ctx.events().add(move |event: &Event| {
        if let Event::TaskEnded(task) = event {
            let _ = to.send(task.metrics.files_skipped);
        }
    });
    told
}

#[test]
fn whole_lines_before_the_damage_are_read_if_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let (strict, lenient) = (context(&[]), context(&[CORRUPT]));
    let lines = lines();
    for (name, bytes) in compressed() {
        let path = put(dir.path(), name, &bytes[..bytes.len() / 2]);
        let error = text_of(strict.text_file(&path).count());
        assert!(error.contains(&path) && error.contains(CORRUPT), "{error}");
        let told = skipped(&lenient);
        let read = lenient.text_file(&path).collect().unwrap();
        assert_eq!(told.recv(), Ok(1), "{name}");
        // Most of what is there, no half line, and nothing made up.
        assert!(read.len() > lines.len() / 4, "{name}: {}", read.len());
        assert!(
            read.iter()
                .zip(&lines)
                .all(|(read, line)| read == line.as_str())
        );
        assert!(read.len() < lines.len());
        assert_eq!(lenient.text_file(&path).collect().unwrap(), read, "{name}");
        // Damage at the very end costs no more than the last line.
        let path = put(dir.path(), name, &bytes[..bytes.len() - 1]);
        let read = lenient.text_file(&path).count().unwrap() as usize;
        assert!(read + 1 >= lines.len() || name == "a.bz2", "{name}: {read}");
    }
}

#[test]
fn a_damaged_file_that_is_one_record_gives_none() {
    let dir = tempfile::tempdir().unwrap();
    let (_, gzip) = compressed().swap_remove(0);
    put(dir.path(), "a.gz", &gzip[..100]);
    put(dir.path(), "b.txt", b"whole");
    let path = dir.path().to_str().unwrap();
    let error = text_of(context(&[]).whole_text_files(path).count());
    assert!(error.contains("a.gz") && error.contains(CORRUPT), "{error}");
    let texts = context(&[CORRUPT]).whole_text_files(path).values();
    assert_eq!(texts.collect().unwrap(), ["whole"]);
}

#[test]
fn whole_frames_of_object_files_are_read_and_other_types_are_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let objects = dir.path().join("objects");
    let lenient = context(&[CORRUPT]);
    lenient
        .range(0..5000, 1, 1)
        .save_as_object_file(&objects)
        .unwrap();
    let part = objects.join("part-00000");
    let path = part.to_str().unwrap();
    let error = text_of(lenient.object_file::<(bool, String)>(path).count());
    assert!(error.contains("(bool, alloc::string::String)"), "{error}");
    let bytes = fs::read(&part).unwrap();
    fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    let error = text_of(context(&[]).object_file::<i64>(path).count());
    assert!(
        error.contains("is damaged") && error.contains(CORRUPT),
        "{error}"
    );
    let read = lenient.object_file::<i64>(path).collect().unwrap();
    assert_eq!(read, (0..2048).collect::<Vec<_>>());
}

#[test]
fn whole_records_of_a_fixed_length_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "records", b"aabbc");
    let error = text_of(context(&[]).binary_records(&path, 2).count());
    assert!(
        error.contains("no multiple") && error.contains(CORRUPT),
        "{error}"
    );
    let lenient = context(&[CORRUPT]);
    let told = skipped(&lenient);
    assert_eq!(
        lenient.binary_records(&path, 2).collect().unwrap(),
        [b"aa", b"bb"]
    );
    // What is left is a part of its own.
    assert_eq!(told.iter().take(2).sum::<u64>(), 1);
    assert_eq!(lenient.binary_records(&path, 8).count().unwrap(), 0);
}

#[test]
fn what_is_gone_is_skipped_if_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let (strict, lenient) = (context(&[]), context(&[MISSING]));
    let there = put(dir.path(), "there", b"1\n2\n");
    let nothing = format!("{0}/none,{0}/no-*", dir.path().display());
    assert!(strict.text_file(&nothing).count().is_err());
    assert_eq!(lenient.text_file(&nothing).count().unwrap(), 0);
    let some = format!("{nothing},{there}");
    assert_eq!(lenient.text_file(&some).count().unwrap(), 2);

    let gone = put(dir.path(), "gone", b"3\n");
    let read = |ctx: &Context| {
        [
            ctx.text_file(&gone),
            ctx.binary_records(&gone, 1).map(|_| "".into()),
        ]
    };
    let (fail, skip) = (read(&strict), read(&lenient));
    fail.iter()
        .chain(&skip)
        .for_each(|rdd| rdd.find_inputs().unwrap());
    fs::remove_file(&gone).unwrap();
    for rdd in fail {
        assert!(text_of(rdd.count()).contains("no such file"));
    }
    let told = skipped(&lenient);
    for rdd in skip {
        assert_eq!(rdd.count().unwrap(), 0);
        assert!(told.recv().unwrap() > 0);
    }
}

#[test]
fn an_outage_and_a_file_that_changed_are_no_damage() {
    let ctx = context(&[CORRUPT, MISSING]);
    for (name, bytes) in compressed() {
        let path = format!("memory://outages/{name}");
        Location::at(&path)
            .unwrap()
            .put(&bytes, Durability::Cached)
            .unwrap();
        let lines = ctx.text_file(&path);
        lines.find_inputs().unwrap();
        let outage = Outage::begin("outages", |request, _| request == Request::Get);
        let error = text_of(lines.count());
        assert!(error.contains("cannot be reached"), "{name}: {error}");
        drop(outage);
        assert_eq!(lines.count().unwrap(), 60_000);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "shorter", b"1\n2\n");
    let lines = ctx.text_file(&path);
    lines.find_inputs().unwrap();
    fs::write(&path, "1\n").unwrap();
    assert!(text_of(lines.count()).contains("must stay as they are"));
}
