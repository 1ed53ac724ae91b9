//! Writes the fixtures of a format version again: `cargo run -p headwater-journal --example
//! write_fixtures -- DIRECTORY`. Released fixtures stay as they are; a new version gets new ones.

use std::error::Error;
use std::path::{Path, PathBuf};

use headwater_journal::{Journal, Options};
use headwater_store::{Durability, Location};

/// The segment that each fixture has besides others.
const SEGMENT: &str = "segment-00000000000000000000";

/// Where the version stands in a segment's header, and its checksum.
const VERSION_AT: usize = 8;
const CHECKSUM_AT: usize = 24;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("say where to write")?;
    let directory = PathBuf::from(directory);
    write(&directory, "whole", |_| {})?;
    write(&directory, "torn", |bytes| bytes.truncate(bytes.len() - 3))?;
    write(&directory, "corrupt", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    })?;
    write(&directory, "newer", |bytes| {
        bytes[VERSION_AT] += 1;
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..][..4].copy_from_slice(&checksum.to_le_bytes());
    })
}

/// A journal of three groups of two records each, of which the segment is changed.
fn write(directory: &Path, name: &str, change: fn(&mut Vec<u8>)) -> Result<(), Box<dyn Error>> {
    let place = Location::at(directory.join(name))?;
    let (journal, _) = Journal::open(&place, Options::default())?;
    for group in ["one", "two", "three"] {
        journal.append(group.as_bytes())?;
        journal.append(format!("{group} again").as_bytes())?;
        journal.commit()?;
    }
    drop(journal);
    place.join("lock").delete()?;
    let mut bytes = place.join(SEGMENT).get()?;
    change(&mut bytes);
    Ok(place.join(SEGMENT).put(&bytes, Durability::Cached)?)
}
