//! What is told of the checkpoints and the journal of a stream.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_core::Error;
use headwater_store::{Entry, Location, Outage, Request};
use headwater_streaming::checkpoint::{
    CheckpointFailure, CheckpointInfo, CheckpointSummary, Syncs,
};
use headwater_streaming::testing::TestStream;
use headwater_streaming::{State, StateSpec, StreamingListener};
use probe::{Log, going_on, second};

#[derive(Clone)]
struct Checkpoints {
    written: Log<CheckpointInfo>,
    failed: Log<Arc<CheckpointFailure>>,
}

impl StreamingListener for Checkpoints {
    fn on_checkpoint_written(&mut self, checkpoint: &CheckpointInfo) {
        self.written.push(checkpoint.clone());
    }
    fn on_checkpoint_failed(&mut self, failure: &CheckpointFailure) {
        self.failed.push(Arc::new(failure.clone()));
    }
}

const EACH_BATCH: &[(&str, &str)] = &[("streaming.checkpoint.interval", "1s")];

/// A stream that writes a checkpoint for each batch, and what is told of them.
fn watched(directory: &Path) -> (TestStream, Checkpoints) {
    let test = going_on(directory, 0, EACH_BATCH);
    let told = watch(&test);
    (test, told)
}

fn watch(test: &TestStream) -> Checkpoints {
    let told = Checkpoints {
        written: Log::new(),
        failed: Log::new(),
    };
    test.context().add_listener(told.clone());
    told
}

/// How often each key has come, as state.
fn count(test: &TestStream, batches: Vec<Vec<(i32, i32)>>) {
    let counts = test
        .input(batches)
        .update_state_by_key(|new: Vec<i32>, old: Option<usize>| {
            Some(old.unwrap_or(0) + new.len())
        });
    counts.foreach_rdd(|_, _| ());
}

#[test]
fn checkpoints_and_the_journal_tell_what_they_took() {
    let directory = tempfile::tempdir().unwrap();
    let (test, Checkpoints { written, failed }) = watched(directory.path());
    count(&test, vec![vec![(1, 1), (2, 1)]]);
    test.run(1);
    let first = &written.wait_for(|written| !written.is_empty())[0];
    assert_eq!(first.time, second(1));
    assert!(first.snapshots > 0 && first.state_bytes > 0);
    assert!(directory.path().join(&first.manifest).is_file());
    let snapshots = fs::read_dir(directory.path().join("state")).unwrap();
    assert_eq!(snapshots.count() as u64, first.snapshots);
    let journal = test.context().journal_info().unwrap();
    let syncs = &journal.syncs;
    assert!(syncs.count >= 2 && syncs.total >= syncs.max && syncs.max >= syncs.last.unwrap());
    assert_eq!(syncs.histogram.iter().sum::<u64>(), syncs.count);
    assert_eq!(syncs.histogram.len(), Syncs::LIMITS.len() + 1);
    assert!(journal.segments > 0 && journal.written_records >= 2);
    test.context().stop(false, true).unwrap();
    test.context().context().events().flush();
    assert!(failed.entries().is_empty());
    assert!(test.context().journal_info().is_none());
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (test, Checkpoints { written, failed }) = watched(directory.path());
    let pairs = test.input(vec![vec![(1, 1)]]);
    let counts = pairs.update_state_by_key(|new: Vec<i32>, _: Option<usize>| Some(new.len()));
    counts.foreach_rdd(|_, _| ());
    test.try_run(0).unwrap();
    // A file is in the way.
    let states = directory.path().join("state");
    if states.is_dir() {
        fs::remove_dir_all(&states).unwrap();
    }
    fs::write(&states, "no directory").unwrap();
    test.run(1);
    let failure = &failed.wait_for(|failed| !failed.is_empty())[0];
    let place = directory.path().to_str().unwrap();
    assert!(failure.message.contains(place), "{failure:?}");
    assert!(written.entries().is_empty());
    // Batches go on.
    test.run(2);
}

#[test]
fn checkpoints_without_a_manifest_do_not_fill_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (test, Checkpoints { written, failed }) = watched(directory.path());
    count(&test, vec![vec![(1, 1), (2, 1)]; 9]);
    test.try_run(0).unwrap();
    // The manifests of eight batches have no place; the snapshots have.
    for batch in 1..=8 {
        let name = format!("checkpoint-{:020}", second(batch).as_millis());
        fs::create_dir_all(directory.path().join(name)).unwrap();
    }
    let snapshots = || {
        fs::read_dir(directory.path().join("state"))
            .unwrap()
            .count()
    };
    let mut counts = Vec::new();
    for batch in 1..=8 {
        test.run(1);
        failed.wait_for(|failed| failed.len() >= batch);
        counts.push(snapshots());
    }
    assert!(counts[0] > 0 && counts[7] <= 2 * counts[0], "{counts:?}");
    // The next one is whole, and a restart has all that it needs.
    test.run(1);
    let checkpoint = &written.wait_for(|written| !written.is_empty())[0];
    assert_eq!(checkpoint.time, second(9));
    test.context().stop(true, true).unwrap();
    let place = directory.path().to_str().unwrap();
    let summary = CheckpointSummary::read(place, second(10)).unwrap();
    assert!(summary.restart.goes_on, "{:?}", summary.problems);
}

#[test]
fn a_snapshot_of_a_checkpoint_that_failed_is_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let (test, Checkpoints { written, failed }) = watched(directory.path());
    let sums = |test: &TestStream, batches| {
        let sum = |_: &i32, new: Option<i32>, sum: &mut State<'_, i32>| {
            let all = sum.get().unwrap_or(&0) + new.unwrap_or(0);
            sum.update(all);
        };
        let pairs = test.input(batches).map_with_state(StateSpec::function(sum));
        let shown = Log::new();
        let to = shown.clone();
        pairs.state_snapshots().foreach_rdd(move |sums, _| {
            to.push(sums.map(|(_, sum)| sum).collect()?);
            Ok::<_, Error>(())
        });
        shown
    };
    sums(&test, vec![(1..=8).map(|key| (key, key)).collect(), vec![]]);
    test.try_run(0).unwrap();
    // The second partition's snapshot has no place in the first checkpoint.
    let in_the_way = directory.path().join("state");
    let in_the_way = in_the_way.join(format!("{:020}-0-1-0", second(1).as_millis()));
    fs::create_dir_all(&in_the_way).unwrap();
    test.run(1);
    failed.wait_for(|failed| !failed.is_empty());
    fs::remove_dir(&in_the_way).unwrap();
    // Nothing changes the first partition until the next checkpoint.
    test.run(1);
    written.wait_for(|written| !written.is_empty());
    test.context().stop(true, false).unwrap();

    let test = going_on(directory.path(), 2, EACH_BATCH);
    let shown = sums(&test, vec![vec![]]);
    test.run(1);
    let all: Vec<i32> = shown.entries().concat();
    assert_eq!(all.iter().sum::<i32>(), (1..=8).sum::<i32>(), "{all:?}");
}

#[test]
fn who_has_lost_the_directory_writes_and_deletes_nothing_there() {
    let directory = Path::new("memory://checkpoints-taken-over");
    let (first, Checkpoints { written, .. }) = watched(directory);
    count(&first, vec![vec![(1, 1), (2, 1)]]);
    first.run(1);
    written.wait_for(|written| !written.is_empty());
    let second = going_on(directory, 1, EACH_BATCH);
    count(&second, vec![vec![(1, 1)]]);
    second.try_run(0).unwrap();
    let objects = || {
        let place = Location::at(directory.to_str().unwrap()).unwrap();
        let mut objects: Vec<_> = place.list().unwrap();
        objects.retain(|object| !object.location.to_string().contains("/journal/"));
        let bytes = |object: &Entry| (object.location.to_string(), object.location.get().unwrap());
        objects.iter().map(bytes).collect::<Vec<_>>()
    };
    let before = objects();
    assert!(!before.is_empty());
    // It has nothing to write but a last checkpoint.
    let stopped = first.context().stop(true, true).unwrap_err().to_string();
    assert!(stopped.contains("opened"), "{stopped}");
    assert!(objects() == before);
    second.run(1);
}

/// Where an outage begins: with the write of an object that has this in its key, or after it.
#[derive(Clone, Copy)]
enum Begins {
    With(&'static str),
    After(&'static str),
}

fn outage(store: &str, begins: Begins) -> Outage {
    let (Begins::With(part) | Begins::After(part)) = begins;
    let is_down = AtomicBool::new(false);
    Outage::begin(store, move |request, key| {
        let is_it = request == Request::Put && key.contains(part);
        let was_down = is_down.fetch_or(is_it, Ordering::SeqCst);
        was_down || is_it && matches!(begins, Begins::With(_))
    })
}

/// Six batches with a checkpoint each, of which an outage cuts off the second. What there is beside
/// the journal then, and the counts after a restart and one more batch.
fn six_checkpoints(store: &str, cut_off: Option<Begins>) -> (Vec<String>, Vec<i32>) {
    let directory = format!("memory://{store}/stream");
    let stream = |begun, batches| {
        let test = going_on(Path::new(&directory), begun, EACH_BATCH);
        let pairs = test.input(vec![(1..=8).map(|key| (key, 1)).collect(); batches]);
        let count = |new: Vec<i32>, old: Option<i32>| Some(old.unwrap_or(0) + new.len() as i32);
        let counts = test.collect(&pairs.update_state_by_key(count));
        (test, counts)
    };
    let (test, _) = stream(0, 6);
    let Checkpoints { written, failed } = watch(&test);
    for batch in 1..=6 {
        let outage = cut_off
            .filter(|_| batch == 2)
            .map(|begins| outage(store, begins));
        test.run(1);
        if outage.is_some() {
            failed.wait_for(|failed| !failed.is_empty());
        } else {
            written.wait_for(|written| written.iter().any(|one| one.time == second(batch)));
        }
    }
    let objects = Location::at(&directory).unwrap().list().unwrap();
    let mut names: Vec<_> = objects
        .iter()
        .map(|object| object.location.to_string().replace(&directory, ""))
        .collect();
    names.retain(|name| !name.starts_with("/journal/"));
    test.context().stop(true, false).unwrap();

    let (test, counts) = stream(6, 1);
    test.run(1);
    let counts = counts.batches().concat().into_iter();
    (names, counts.map(|(_, count)| count).collect())
}

#[test]
fn an_outage_during_a_checkpoint_costs_no_more_than_that_checkpoint() {
    let whole = six_checkpoints("no-outage", None);
    assert_eq!(whole.1, [7; 8]);
    for (store, begins) in [
        ("outage-from-a-snapshot", Begins::With("/state/")),
        ("outage-after-a-snapshot", Begins::After("/state/")),
        ("outage-from-the-manifest", Begins::With("/checkpoint-")),
        ("outage-after-the-manifest", Begins::After("/checkpoint-")),
    ] {
        assert_eq!(six_checkpoints(store, Some(begins)), whole, "{store}");
    }
}
