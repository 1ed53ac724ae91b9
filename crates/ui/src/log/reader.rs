//! What reading a log takes: its parts, and their lines.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use headwater_store::{Child, Entry, Location, StoreError};
use serde::Deserialize;

use super::reading::Reading;
use super::{LogError, Reach, part_number};
use crate::live::FORMAT;
use crate::model::{Limits, Model};
use crate::record::Record;

/// No event makes a line that is longer; what is there by other hands does not fill the memory.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// What every log begins with, whatever its format.
#[derive(Deserialize)]
struct Head {
    event: String,
    format: u32,
    #[serde(default)]
    version: String,
}

/// Reads the log in this directory, complete or not.
pub(crate) fn read(dir: &Location, limits: Limits) -> Result<Model, LogError> {
    let mut model = Model::new(limits);
    Reading::new(dir).read_on(|record| model.apply(record))?;
    Ok(model)
}

/// Reads what was logged from a place on, as far as it can be understood. If this is `false` the
/// log ends before that place, and nothing was read.
pub(super) fn read_on(
    dir: &Location,
    from: Reach,
    mut each: impl FnMut(&Record),
) -> Result<bool, LogError> {
    let parts = parts(dir)?;
    let has_place = match parts.iter().find(|(number, _)| *number == from.part) {
        Some((_, part)) => part.bytes >= from.bytes,
        None => from.bytes == 0 || parts.iter().any(|(number, _)| *number > from.part),
    };
    if !has_place {
        return Ok(false);
    }
    for (number, part) in parts {
        if number < from.part {
            continue;
        }
        let skipped = if number == from.part { from.bytes } else { 0 };
        if part.bytes <= skipped {
            continue;
        }
        for_each_line(&part.location, skipped, |line, _| {
            if let Ok(record) = serde_json::from_slice(line) {
                each(&record);
            }
            Ok(())
        })?;
    }
    Ok(true)
}

/// The parts that there are, by their numbers.
pub(super) fn parts(dir: &Location) -> Result<Vec<(u64, Entry)>, LogError> {
    let children = match dir.children() {
        // An object store would say that it is empty.
        Err(StoreError::NotFound { .. }) => Vec::new(),
        children => children?,
    };
    let files = children.into_iter().filter_map(|child| match child {
        Child::File(file) => Some((part_number(&file.location.name())?, file)),
        Child::Directory(_) => None,
    });
    let mut parts: Vec<_> = files.collect();
    parts.sort_by_key(|(number, _)| *number);
    Ok(parts)
}

/// Hands over each line from a place on, with its end if it has one, and how many bytes it has. Of
/// a line that is longer than any that is written this is its beginning, with an end.
pub(super) fn for_each_line(
    at: &Location,
    from: u64,
    mut each: impl FnMut(&[u8], u64) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let failed = |error| at.failed("read", error);
    let mut file = at.open()?;
    if from > 0 {
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
    }
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = reader.by_ref().take(LINE_BYTES_MAX);
        let mut read = bounded.read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            read += reader.skip_until(b'\n').map_err(failed)?;
            line.push(b'\n');
        }
        each(&line, read as u64)?;
    }
}

pub(super) fn no_log(dir: &Location) -> LogError {
    let at = dir.to_string();
    LogError::NoLog { at }
}

/// The first line says what program it is, in a format that is known.
pub(super) fn check_head(dir: &Location, line: &[u8]) -> Result<(), LogError> {
    match serde_json::from_slice::<Head>(line) {
        Ok(head) if head.event == "application" && head.format > FORMAT => Err(LogError::Newer {
            at: dir.to_string(),
            found: head.format,
            version: head.version,
            known: FORMAT,
        }),
        Ok(head) if head.event == "application" => Ok(()),
        _ => Err(no_log(dir)),
    }
}
