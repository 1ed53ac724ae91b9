//! What a stream does with any store that is not local.

use std::time::{Duration, SystemTime};

use headwater::clock::ManualClock;
use headwater::store::{Durability, Location};
use headwater::testing::TestStream;
use headwater::time::{Time, seconds};
use headwater::{Context, StreamError};

/// A stream with batches of a second whose clock begins at a time.
fn stream(begin: Time) -> TestStream {
    let ctx = Context::local(2).unwrap();
    TestStream::with_clock(&ctx, seconds(1), ManualClock::at(begin)).unwrap()
}

/// Files that come into a directory are read, and batches are written.
pub(crate) fn new_files_are_read_and_batches_are_saved(top: &Location) {
    // Files are as old as the cluster says.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = Time::from_millis(i64::try_from(now.unwrap().as_millis()).unwrap());
    let test = stream(now.floor(seconds(1)) - Duration::from_secs(1));
    let lines = test.context().text_file_stream(&top.join("in").to_string());
    let out = test.collect(&lines.map(|line| line.to_string()));
    lines.save_as_text_files(&top.join("out").to_string(), None);
    let file = top.join("in").join("words");
    file.put(b"to\nbe\n", Durability::Synced).unwrap();
    test.run(3);
    assert_eq!(out.batches().concat(), ["to", "be"]);
    let saved = test.context().context().text_file(&format!("{top}/out-*"));
    let saved = saved.map(|line| line.to_string()).collect().unwrap();
    assert_eq!(saved, ["to", "be"]);
    top.delete_all().unwrap();
}

/// Three lives of a stream, each from the checkpoint of the one before.
pub(crate) fn a_stream_goes_on_from_its_checkpoint(top: &Location) {
    let life = |begin_ms| {
        let test = stream(Time::from_millis(begin_ms));
        test.context().go_on_from(&top.to_string()).unwrap();
        let ones = test.context().stream_by_time(|_| vec![('b', 1)]);
        let count = |new: Vec<i32>, old: Option<usize>| Some(old.unwrap_or(0) + new.len());
        let counts = test.collect(&ones.update_state_by_key(count));
        test.run(3);
        (counts.batches().concat().pop().unwrap(), test)
    };
    let (count, first) = life(0);
    assert_eq!(count, ('b', 3));
    let (count, second) = life(3_000);
    assert_eq!(count, ('b', 6));
    // The first one has lost its directory to the second, and notices.
    let error = first.try_run(1).unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
    drop(second);
    assert_eq!(life(6_000).0, ('b', 9));
    top.delete_all().unwrap();
}
