//! Files by URL, whole files, fixed records, compression, and what happens on a full disk.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::process::Command;

use headwater_core::{Compression, Context, Error, SaveOptions, StoreError, TaskError};
use headwater_store::{Durability, Location};
use proptest::prelude::*;

fn names(top: &Location) -> Vec<String> {
    let skipped = top.to_string().len() + 1;
    let entries = top.list().unwrap();
    let name = |location: &Location| location.to_string()[skipped..].to_owned();
    entries.iter().map(|entry| name(&entry.location)).collect()
}

fn put(at: &Location, bytes: &[u8]) {
    at.put(bytes, Durability::Cached).unwrap();
}

fn text_of_error<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

/// A directory and an object store, both empty.
fn tops(name: &str) -> (tempfile::TempDir, [Location; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let local = Location::at(dir.path()).unwrap();
    let memory = Location::at(format!("memory://urls/{name}")).unwrap();
    (dir, [local, memory])
}

#[test]
fn results_are_written_and_read_alike() {
    let (_dir, tops) = tops("alike");
    let ctx = Context::local(2).unwrap();
    for top in tops {
        let (text, objects) = (format!("{top}/deep/text"), format!("{top}/objects"));
        let numbers = ctx.range(0..1000, 1, 3);
        numbers.save_as_text_file(&text).unwrap();
        numbers.save_as_object_file(&objects).unwrap();
        let parts = ["part-00000", "part-00001", "part-00002"];
        assert_eq!(names(&top.join("deep/text"))[1..], parts);
        let read = ctx.text_file_partitioned(&text, 7);
        assert!(read.num_partitions() >= 7);
        let read = read.map(|line| line.as_str().parse::<i64>().unwrap());
        assert_eq!(read.collect().unwrap(), (0..1000).collect::<Vec<_>>());
        assert_eq!(ctx.object_file::<i64>(&objects).sum().unwrap(), 499_500);
        let two = ctx.text_file(&format!("{text}/part-0000[01],{text}/part-*2"));
        assert_eq!(two.count().unwrap(), 1000);
        for error in [
            text_of_error(numbers.save_as_text_file(&text)),
            text_of_error(numbers.save_as_object_file(&objects)),
        ] {
            assert!(error.contains("already exists; remove it"), "{error}");
        }
        let error = text_of_error(ctx.text_file(&format!("{top}/none")).count());
        assert!(error.ends_with("none does not exist"), "{error}");
        let error = text_of_error(ctx.text_file(&top.to_string()).count());
        assert!(error.contains("has a directory"), "{error}");
    }
}

#[test]
fn a_failed_job_leaves_nothing_and_what_it_would_replace() {
    let (_dir, tops) = tops("failed");
    let ctx = Context::local(2).unwrap();
    for top in tops {
        let path = format!("{top}/out");
        let fails = ctx.range(0..10, 1, 4).map(|n| {
            assert!(n < 9, "too large");
            n
        });
        let replace = SaveOptions::new().replace();
        fails.save_as_text_file(&path).unwrap_err();
        fails.save_as_text_file_with(&path, replace).unwrap_err();
        assert!(top.children().unwrap().is_empty());
        ctx.range(0..10, 1, 2).save_as_text_file(&path).unwrap();
        fails.save_as_text_file_with(&path, replace).unwrap_err();
        assert_eq!(
            names(&top.join("out")),
            ["_SUCCESS", "part-00000", "part-00001"]
        );
        assert_eq!(top.children().unwrap().len(), 1);
        ctx.range(0..3, 1, 1)
            .save_as_object_file_with(&path, replace)
            .unwrap();
        assert_eq!(names(&top.join("out")), ["_SUCCESS", "part-00000"]);
        assert_eq!(ctx.object_file::<i64>(&path).collect().unwrap(), [0, 1, 2]);
        assert_eq!(top.children().unwrap().len(), 1);
    }
}

#[test]
fn results_are_compressed() {
    let (_dir, tops) = tops("compressed");
    let ctx = Context::local(2).unwrap();
    for top in tops {
        let (text, objects) = (format!("{top}/text"), format!("{top}/objects"));
        let zeros = ctx.range(0..20_000, 1, 2).map(|_| 0_i64);
        let gzip: Compression = "gzip".parse().unwrap();
        zeros.save_as_text_file_with(&text, gzip).unwrap();
        zeros.save_as_object_file_with(&objects, gzip).unwrap();
        assert_eq!(
            names(&top.join("text")),
            ["_SUCCESS", "part-00000.gz", "part-00001.gz"]
        );
        assert!(top.join("text/part-00000.gz").head().unwrap().bytes < 1000);
        assert_eq!(ctx.text_file(&text).count().unwrap(), 20_000);
        assert_eq!(ctx.object_file::<i64>(&objects).count().unwrap(), 20_000);
        let whole = ctx.whole_text_files(&text).map(|(_, text)| text.len());
        assert_eq!(whole.collect().unwrap(), [20_000, 20_000]);
        // Half of a compressed file is not half of its records.
        let part = top.join("objects/part-00000.gz");
        let bytes = part.get().unwrap();
        put(&part, &bytes[..bytes.len() / 2]);
        let error = text_of_error(ctx.object_file::<i64>(&objects).count());
        assert!(error.contains("part-00000.gz is damaged"), "{error}");
    }
}

#[test]
fn whole_files_have_their_names() {
    let (_dir, tops) = tops("whole");
    let ctx = Context::local(2).unwrap();
    for top in tops {
        for (name, bytes) in [
            ("b", &b"to be\n"[..]),
            ("a", b"caf\xe9"),
            ("c", b""),
            ("_x", b"x"),
        ] {
            put(&top.join(name), bytes);
        }
        let path = top.to_string();
        let text = ctx.whole_text_files(&path);
        assert_eq!(text.num_partitions(), 2);
        let text: Vec<_> = text.collect().unwrap();
        let name = |name: &str| format!("{top}/{name}");
        assert_eq!(text[0], (name("a"), "caf\u{fffd}".into()));
        assert_eq!(
            text[1..],
            [(name("b"), "to be\n".into()), (name("c"), "".into())]
        );
        let bytes = ctx.binary_files(&path).collect().unwrap();
        assert_eq!(bytes[0], (name("a"), b"caf\xe9".to_vec()));
        assert_eq!(bytes.len(), 3);
        assert_eq!(ctx.binary_files(&path).first().unwrap().0, name("a"));
        let error = text_of_error(ctx.binary_files(&name("none")).count());
        assert!(error.starts_with("binary_files at "), "{error}");
    }
}

#[test]
fn records_of_a_wrong_length_name_their_file() {
    let (_dir, tops) = tops("length");
    let ctx = Context::local(2).unwrap();
    for top in tops {
        put(&top.join("a"), &[0; 12]);
        put(&top.join("b"), &[0; 13]);
        let error = text_of_error(ctx.binary_records(&top.to_string(), 4).count());
        assert!(error.starts_with("binary_records at "), "{error}");
        assert!(
            error.contains("b has 13 bytes, which is no multiple"),
            "{error}"
        );
        assert_eq!(
            ctx.binary_records(&format!("{top}/a"), 4).count().unwrap(),
            3
        );
        let error = text_of_error(ctx.binary_records(&top.to_string(), 0).count());
        assert!(error.contains("0 bytes asked for"), "{error}");
    }
}

#[test]
fn urls_that_mean_nothing_are_told() {
    let ctx = Context::local(1).unwrap();
    let numbers = ctx.range(0..3, 1, 1);
    let error = numbers.save_as_text_file("gopher://name/out").unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Store {
                source: StoreError::InvalidUrl { .. },
                ..
            }
        ),
        "{error}"
    );
    let error = text_of_error(ctx.text_file("gopher://name/in").count());
    assert!(error.contains("gopher:// is not known"), "{error}");
    let error = text_of_error(numbers.save_as_text_file("memory://urls"));
    assert!(error.contains("has no name"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_unwritable_directory_is_told_by_type() {
    let ctx = Context::local(1).unwrap();
    for options in [SaveOptions::new(), SaveOptions::new().replace()] {
        let saved = ctx
            .range(0..3, 1, 1)
            .save_as_text_file_with("/sys/headwater", options);
        let error = saved.unwrap_err();
        assert!(
            matches!(
                &error,
                Error::Store {
                    source: StoreError::Permission { .. },
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error.to_string().contains("save_as_text_file_with at "),
            "{error}"
        );
    }
}

/// What [`a_full_disk_is_told_by_type_and_leaves_nothing`] runs where files may not grow.
const ON_FULL_DISK: &str = "HEADWATER_TEST_FULL_DISK";

#[test]
fn a_full_disk_is_told_by_type_and_leaves_nothing() {
    let Ok(path) = std::env::var(ON_FULL_DISK) else {
        return run_where_files_stay_small("a_full_disk_is_told_by_type_and_leaves_nothing");
    };
    let top = Location::at(path).unwrap();
    let ctx = Context::local(2).unwrap();
    ctx.set_checkpoint_dir(top.join("checkpoints").to_string())
        .unwrap();
    let large = ctx.range(0..100_000, 1, 2);
    let marked = large.checkpoint();
    let text = top.join("text").to_string();
    for error in [
        large.save_as_text_file(&text).unwrap_err(),
        large
            .save_as_text_file_with(&text, SaveOptions::new().replace())
            .unwrap_err(),
        large.save_as_object_file(&text).unwrap_err(),
        marked.count().unwrap_err(),
    ] {
        let Error::Job(job) = &error else {
            panic!("{error}")
        };
        assert!(
            matches!(
                &job.cause,
                TaskError::Store {
                    source: StoreError::NoSpace { .. },
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("no space is left"), "{error}");
    }
    assert!(top.list().unwrap().is_empty());
    assert!(!top.join("text").exists().unwrap());
}

/// Runs a test of this file again, in a process whose files may have 8 KiB at most.
fn run_where_files_stay_small(test: &str) {
    let dir = tempfile::tempdir().unwrap();
    // The signal that goes with the limit would end the process.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let output = Command::new("bash")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ON_FULL_DISK, dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "{told}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn fixed_records_come_back_from_any_cut(
        files in prop::collection::vec(0_usize..50, 0..5),
        record_length in 1_usize..9,
        slots in 1_usize..4,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let top = Location::at(dir.path()).unwrap();
        let mut expected = Vec::new();
        for (number, records) in files.iter().enumerate() {
            let bytes: Vec<u8> =
                (0..records * record_length).map(|n| (n * 7 + number) as u8).collect();
            put(&top.join(&format!("{number}")), &bytes);
            expected.extend(bytes.chunks(record_length).map(<[u8]>::to_vec));
        }
        let ctx = Context::local(slots).unwrap();
        let records = ctx.binary_records(&top.to_string(), record_length);
        prop_assert_eq!(records.collect().unwrap(), expected);
    }
}
