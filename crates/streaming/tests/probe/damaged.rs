//! Checkpoint directories of which a part of the journal is lost.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::fs;
use std::path::{Path, PathBuf};

use headwater_journal::{Sequence, examine};
use tempfile::TempDir;

fn copy(from: &Path, to: &Path) {
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

/// The segments of the journal, each with where in it a byte of each entry is.
fn entries(dir: &Path) -> Vec<(PathBuf, Vec<usize>)> {
    let files = fs::read_dir(dir.join("journal")).unwrap();
    let mut segments: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_str().unwrap().contains("segment-"))
        .collect();
    segments.sort();
    let of = |path: PathBuf| {
        let first = path.file_name().unwrap().to_str().unwrap();
        let first = first.trim_start_matches("segment-").parse().unwrap();
        let examined = examine(&fs::read(&path).unwrap(), Sequence(first));
        let places = examined.records.iter().map(|(_, bytes)| bytes.start);
        (path, places.collect())
    };
    segments.into_iter().map(of).collect()
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
