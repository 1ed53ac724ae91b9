//! Streams that read from, write to and go on from a real HDFS, as `scripts/services up hdfs`
//! starts one.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use headwater::store::Location;

mod stores;

/// A place of the test's own on the cluster; `None` where there is none.
fn place(name: &str) -> Option<Location> {
    let Ok(cluster) = std::env::var("TEST_HDFS_URL") else {
        eprintln!("skipped: TEST_HDFS_URL is not set; run: scripts/services up hdfs");
        return None;
    };
    let place = format!("{cluster}/{name}-{}", std::process::id());
    Some(Location::at(place).unwrap())
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
