//! Checkpoint directories of which a part is lost, and a program whose counts tell whether it was.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::fs;
use std::path::{Path, PathBuf};

use headwater_journal::{Sequence, examine};
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::{State, StateSpec, StreamError};
use tempfile::TempDir;

use super::going_on;

pub(crate) const ALLOWED: [(&str, &str); 1] = [("streaming.checkpoint.allow", "damage")];

#[expect(clippy::ptr_arg, reason = "the key is a String")]
fn count(word: &String, new: Option<i64>, state: &mut State<'_, i64>) -> (String, i64) {
    let count = state.get().unwrap_or(&0) + new.unwrap_or(0);
    state.update(count);
    (word.clone(), count)
}

/// Words, each with how often it came.
pub(crate) type Counts = Vec<(String, i64)>;

/// A process that begins after some batches: a word more in each batch, so that a change of state
/// on top of another state than it was made for gives words the counts of others. After it has
/// run until `until` it is killed, unless it is stopped gracefully.
pub(crate) fn life(
    dir: &Path,
    (begun, until): (usize, usize),
    settings: &[(&str, &str)],
    stops: bool,
) -> Result<Counts, StreamError> {
    let (counts, sums) = both(dir, (begun, until), settings, stops)?;
    assert_eq!(counts, sums);
    Ok(counts)
}

/// As [`life`], with what each of the two states tells.
pub(crate) fn both(
    dir: &Path,
    (begun, until): (usize, usize),
    settings: &[(&str, &str)],
    stops: bool,
) -> Result<(Counts, Counts), StreamError> {
    let settings = [settings, &[("streaming.checkpoint.interval", "1h")]].concat();
    let test = going_on(dir, begun, &settings);
    let words = test.context().stream_by_time(|time| {
        let words = 1..=time.as_millis() / 1000;
        words.map(|n| (format!("word {n}"), 1)).collect::<Vec<_>>()
    });
    let spec = StateSpec::function(count).num_partitions(2);
    let counts = test.collect(&words.map_with_state(spec).named("counts").stream());
    let every = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let sums = test.collect(&words.update_state_by_key(every).named("sums"));
    run(&test, until - begun, stops)?;
    let sorted = |of: Collected<(String, i64)>| {
        let mut last = of.batches().pop().unwrap_or_default();
        last.sort_unstable();
        last
    };
    Ok((sorted(counts), sorted(sums)))
}

fn run(test: &TestStream, batches: usize, stops: bool) -> Result<(), StreamError> {
    test.context().start()?;
    test.try_run(batches)?;
    if stops {
        test.context().stop(true, true)?;
    }
    Ok(())
}

/// What the counts are after so many batches.
pub(crate) fn counts(batches: i64) -> Counts {
    let mut counts: Vec<_> = (1..=batches)
        .map(|n| (format!("word {n}"), batches - n + 1))
        .collect();
    counts.sort_unstable();
    counts
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// The segments of the journal, oldest first.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.join("journal")).unwrap();
    let mut segments: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("segment-"))
        .collect();
    segments.sort();
    segments
}

/// Leaves the end of the journal half written, as a process does that is killed there.
pub(crate) fn tear(dir: &Path) {
    let last = segments(dir).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend_from_slice(b"half a gro");
    fs::write(last, bytes).unwrap();
}

/// The segments of the journal, each with where in it a byte of each entry is.
fn entries(dir: &Path) -> Vec<(PathBuf, Vec<usize>)> {
    let of = |path: PathBuf| {
        let first = path.file_name().unwrap().to_str().unwrap();
        let first = first.trim_start_matches("segment-").parse().unwrap();
        let examined = examine(&fs::read(&path).unwrap(), Sequence(first));
        let places = examined.records.iter().map(|(_, bytes)| bytes.start);
        (path, places.collect())
    };
    segments(dir).into_iter().map(of).collect()
}

/// Copies of a directory, each without one of its entries or one of its segments, and what that is.
pub(crate) fn damaged(dir: &Path) -> impl Iterator<Item = (TempDir, String)> {
    let top = dir.to_owned();
    let journal = entries(&top).into_iter();
    let ways = journal.flat_map(|(segment, places)| {
        let places = places.into_iter().map(Some).chain([None]);
        places.map(move |place| (segment.clone(), place))
    });
    ways.collect::<Vec<_>>()
        .into_iter()
        .map(move |(segment, place)| {
            let other = tempfile::tempdir().unwrap();
            copy(&top, other.path());
            let target = other.path().join(segment.strip_prefix(&top).unwrap());
            match place {
                Some(place) => {
                    let mut bytes = fs::read(&target).unwrap();
                    bytes[place] ^= 0x10;
                    fs::write(&target, bytes).unwrap();
                }
                None => fs::remove_file(&target).unwrap(),
            }
            (other, format!("{} at {place:?}", segment.display()))
        })
}
