//! The stores that are always there: the file system and memory.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod contract;

use std::fs;
use std::io::Write;

use headwater_store::{Durability, Location, StoreError};

fn local(dir: &tempfile::TempDir) -> Location {
    Location::at(dir.path()).unwrap()
}

#[test]
fn the_file_system_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract::check(&local(&dir).join("top"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn memory_keeps_the_contract() {
    contract::check(&Location::at("memory://contract").unwrap());
    contract::check(&Location::at("memory://contract/below").unwrap());
}

#[test]
fn memory_is_shared_by_name() {
    let put = |url: &str, text: &str| {
        let at = Location::at(url).unwrap();
        at.put(text.as_bytes(), Durability::Cached).unwrap();
    };
    put("memory://one/x", "1");
    put("memory://two/x", "2");
    let again = Location::at("memory://one/x/").unwrap();
    assert_eq!(again.get().unwrap(), b"1");
    assert_ne!(again, Location::at("memory://two/x").unwrap());
}

#[test]
fn what_a_crash_left_behind_is_not_listed() {
    let dir = tempfile::tempdir().unwrap();
    let top = local(&dir);
    let writer = top.join("file").create(Durability::Cached).unwrap();
    // The process ends here without running destructors.
    let left = fs::read_dir(dir.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::copy(&left, left.with_file_name(".headwater-put-1-0")).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(top.list().unwrap().is_empty() && top.children().unwrap().is_empty());
}

#[test]
fn a_full_disk_has_an_error_of_its_own_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let top = local(&dir);
    std::os::unix::fs::symlink("/dev/full", dir.path().join("temporary")).unwrap();
    let file = top.join("file");
    let mut writer = file
        .create_through(&top.join("temporary"), Durability::Synced)
        .unwrap();
    let error = writer.write_all(b"text").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let told = error
        .into_inner()
        .unwrap()
        .downcast::<StoreError>()
        .unwrap();
    assert!(matches!(*told, StoreError::NoSpace { .. }), "{told:?}");
    assert!(told.to_string().contains("file"), "{told}");
    drop(writer);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn an_unwritable_directory_has_an_error_of_its_own() {
    // Not even the system's administrator may make files there.
    let place = Location::at("/sys/headwater/file").unwrap();
    let error = place.put(b"", Durability::Cached).unwrap_err();
    assert!(matches!(error, StoreError::Permission { .. }), "{error:?}");
    assert!(error.to_string().contains("/sys/headwater/file"), "{error}");
}

#[test]
fn a_file_in_the_way_of_a_directory_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = local(&dir).join("file");
    file.put(b"", Durability::Cached).unwrap();
    let below = file.join("below");
    assert!(below.put(b"", Durability::Cached).is_err());
    assert!(below.create(Durability::Synced).is_err());
    assert!(file.create_dir(Durability::Synced).is_err());
}

#[test]
fn directories_are_moved_whole() {
    let dir = tempfile::tempdir().unwrap();
    let top = local(&dir);
    top.join("a/b/c").put(b"1", Durability::Synced).unwrap();
    top.join("a")
        .rename_to(&top.join("x/y"), Durability::Synced)
        .unwrap();
    assert_eq!(top.join("x/y/b/c").get().unwrap(), b"1");
    assert!(!top.join("a").exists().unwrap());
}

#[test]
fn a_whole_store_is_no_object() {
    let store = Location::at("memory://whole").unwrap();
    for result in [
        store.put(b"", Durability::Cached),
        store.create(Durability::Cached).map(drop),
        store.head().map(drop),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("names a whole store"), "{error}");
    }
}

#[test]
#[cfg(not(feature = "aws"))]
fn a_store_that_is_not_compiled_in_names_its_feature() {
    let error = Location::at("s3://bucket/key").unwrap_err();
    assert!(
        matches!(&error, StoreError::FeatureMissing { feature: "aws", .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("feature `aws`"), "{error}");
}
