//! A real HDFS, as `scripts/services up hdfs` starts one.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod contract;

use headwater_store::{Child, Durability, Location, StoreError};

/// The file system of `scripts/services env`; `None` where there is none. It is not among the
/// services that are required everywhere: it takes a Java runtime and a large download.
fn cluster() -> Option<Location> {
    let said = std::env::var("TEST_HDFS_URL").ok();
    if said.is_none() {
        eprintln!("skipped: TEST_HDFS_URL is not set; run: scripts/services up hdfs");
    }
    said.map(|url| Location::at(url).unwrap())
}

/// A directory of this process.
fn directory(name: &str) -> Option<Location> {
    let of_process = format!("{name}-{}", std::process::id());
    cluster().map(|cluster| cluster.join(&of_process))
}

#[test]
fn hdfs_keeps_the_contract() {
    let Some(top) = directory("contract") else {
        return;
    };
    contract::check(&top);
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let Some(top) = directory("given-up") else {
        return;
    };
    let object = top.join("deep/object");
    let staged = object.create(Durability::Cached).unwrap().stage().unwrap();
    assert!(!top.exists().unwrap(), "an unfinished file is no file");
    drop(staged);
    assert!(!object.exists().unwrap());
    // Nothing keeps the directory from being removed as an empty one.
    top.join("deep").delete().unwrap();
    top.delete().unwrap();
}

#[test]
fn an_existing_object_is_kept_by_the_file_system_itself() {
    let Some(top) = directory("refused") else {
        return;
    };
    let object = top.join("object");
    object.put_if_absent(b"one", Durability::Synced).unwrap();
    let error = object.put_if_absent(b"two", Durability::Synced);
    assert!(matches!(error, Err(StoreError::AlreadyExists { .. })));
    assert_eq!(object.get().unwrap(), b"one");
    let names: Vec<_> = top.children().unwrap();
    assert!(matches!(names.as_slice(), [Child::File(_)]), "{names:?}");
    top.delete_all().unwrap();
}

#[test]
fn directories_are_removed_with_all_that_is_in_them() {
    let Some(top) = directory("removed") else {
        return;
    };
    for name in ["a/b/1", "a/b/2", "a/c"] {
        top.join(name).put(b"x", Durability::Cached).unwrap();
    }
    let error = top.join("a").delete().unwrap_err();
    assert!(matches!(error, StoreError::Other { .. }), "{error:?}");
    assert!(!error.to_string().contains('\n'), "{error}");
    top.join("a").delete_all().unwrap();
    assert!(top.children().unwrap().is_empty());
    top.delete_all().unwrap();
}

#[test]
fn names_that_mean_another_place_are_refused() {
    let Some(top) = directory("names") else {
        return;
    };
    for name in ["..", "a/../b", "a//b"] {
        let error = top.join(name).put(b"x", Durability::Cached).unwrap_err();
        assert!(error.to_string().contains("another place"), "{error}");
    }
}
