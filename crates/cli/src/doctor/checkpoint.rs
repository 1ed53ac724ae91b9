//! Whether a stream could keep its checkpoints in a directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use headwater_store::{Durability, Location, StoreError};
use headwater_streaming::checkpoint::CheckpointSummary;
use headwater_streaming::clock::{Clock, SystemClock};

use super::directory;
use super::report::Check;

const READING: &str = "checkpoint";
const WRITING: &str = "checkpoint disk";
const OWNER: &str = "checkpoint lock";

/// The object that is written and removed where there is no file system.
const PROBE: &str = "headwater-doctor-probe";

pub(super) fn check(url: &str) -> Vec<Check> {
    let at = match Location::at(url) {
        Ok(at) => at,
        Err(error) => {
            let advice = "give a path, or the URL of an object store that this command was \
                          built for";
            return vec![Check::fail(READING, error.to_string(), advice)];
        }
    };
    let reading = reading(url);
    match at.as_path() {
        Some(path) => vec![reading, on_disk(path), lock(path)],
        None => vec![reading, in_a_store(&at)],
    }
}

/// What is there already.
fn reading(url: &str) -> Check {
    let summary = match CheckpointSummary::read(url, SystemClock.now()) {
        Ok(summary) => summary,
        Err(error) => return Check::fail(READING, error.to_string(), "see that it can be listed"),
    };
    let details = format!("see headwater checkpoint inspect {url}");
    match (&summary.stream, summary.problems.len()) {
        (_, 1..) if !summary.restart.goes_on => Check::fail(
            READING,
            format!("{url} holds a stream that cannot go on"),
            details,
        ),
        (_, problems @ 1..) => {
            Check::warn(READING, format!("{url} has {problems} problems"), details)
        }
        (Some(stream), 0) => {
            let app = stream.program.app_name();
            Check::ok(
                READING,
                format!("{url} holds a stream of `{app}`, which goes on"),
            )
        }
        (None, 0) => Check::ok(
            READING,
            format!("{url} is empty; a stream would begin anew"),
        ),
    }
}

/// A directory that is not there yet is made by the stream.
fn on_disk(path: &Path) -> Check {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = full.ancestors().find(|dir| dir.exists());
    directory::check(WRITING, there.unwrap_or(&full), true)
}

/// Whether a stream runs there. Looking takes the lock for a moment, and shares it.
fn lock(directory: &Path) -> Check {
    let file = File::open(directory.join("journal").join("lock"));
    match file.as_ref().map(File::try_lock_shared) {
        // There was no stream yet.
        Err(_) => Check::ok(OWNER, "no stream has run here"),
        Ok(Ok(())) => Check::ok(OWNER, "no stream runs here"),
        Ok(Err(TryLockError::WouldBlock)) => Check::warn(
            OWNER,
            "a stream runs here",
            "another one is refused until it has ended",
        ),
        Ok(Err(TryLockError::Error(error))) => Check::warn(
            OWNER,
            format!("the lock cannot be tried: {error}"),
            "keep it on a file system with locks, or see that one stream alone is started",
        ),
    }
}

fn in_a_store(at: &Location) -> Check {
    let probe = at.join(&format!("{PROBE}-{}", std::process::id()));
    let written = probe.put(b"headwater doctor", Durability::Synced);
    judge_store(at, written.and_then(|()| probe.delete()))
}

fn judge_store(at: &Location, written: Result<(), StoreError>) -> Check {
    match written {
        Ok(()) => Check::ok(
            WRITING,
            format!("{at} can be written, and what is there removed"),
        ),
        Err(error) => Check::fail(
            WRITING,
            error.to_string(),
            "give its user the right to write and to delete",
        ),
    }
}

#[cfg(test)]
mod tests {
    use headwater_streaming::testing::TestStream;
    use headwater_streaming::time::seconds;

    use super::super::report::Status;
    use super::*;

    fn statuses(url: &str) -> Vec<Status> {
        check(url).into_iter().map(|check| check.status).collect()
    }

    #[test]
    fn a_directory_that_is_not_there_is_as_good_as_the_one_above() {
        let above = tempfile::tempdir().unwrap();
        let url = above.path().join("a/b");
        assert_eq!(statuses(url.to_str().unwrap())[0], Status::Ok);
        assert_ne!(statuses(url.to_str().unwrap())[1], Status::Fail);
        assert_eq!(above.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_stream_that_runs_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let test = TestStream::new(seconds(1));
        let checkpoint = directory.path().to_str().unwrap();
        test.context().checkpoint(checkpoint).unwrap();
        test.collect(&test.context().stream_by_time(|time| vec![time]));
        test.run(1);
        assert_eq!(lock(directory.path()).status, Status::Warn);
        test.context().stop(true, false).unwrap();
        drop(test);
        assert_eq!(lock(directory.path()).found, "no stream runs here");
    }

    #[test]
    fn stores_are_written_and_left_as_they_were() {
        let url = "memory://doctor-test";
        assert_eq!(statuses(url), [Status::Ok, Status::Ok]);
        assert_eq!(
            Location::at(url)
                .unwrap()
                .list()
                .map_or(0, |list| list.len()),
            0
        );
        assert_eq!(statuses("nowhere://x")[0], Status::Fail);
    }
}
