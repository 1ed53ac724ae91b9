//! Reading a log into the model that pages show.

use std::io::{BufRead, BufReader};

use headwater_store::{Child, Location, StoreError};
use serde::Deserialize;

use super::{LogError, part_number};
use crate::live::FORMAT;
use crate::model::{Limits, Model};
use crate::record::Record;

/// What a log tells.
#[derive(Debug)]
pub(crate) struct LogRead {
    pub(crate) model: Model,
    /// Parts that were removed to bound the log.
    pub(crate) parts_removed: u64,
    /// Lines that are no JSON, without torn ones.
    pub(crate) damaged: u64,
    /// Parts that end within a line: the program was killed, or is writing it.
    pub(crate) torn: u64,
    /// Lines of kinds or shapes that this release does not know.
    pub(crate) unknown: u64,
}

/// What every log begins with, whatever its format.
#[derive(Deserialize)]
struct Head {
    event: String,
    format: u32,
    #[serde(default)]
    version: String,
}

/// Reads the log in this directory, complete or not.
pub(crate) fn read(dir: &Location, limits: Limits) -> Result<LogRead, LogError> {
    let mut parts = Vec::new();
    let children = match dir.children() {
        // An object store would say that it is empty.
        Err(StoreError::NotFound { .. }) => Vec::new(),
        children => children?,
    };
    for child in children {
        if let Child::File(file) = child
            && let Some(number) = part_number(&file.location.name())
        {
            parts.push((number, file.location));
        }
    }
    parts.sort_by_key(|(number, _)| *number);
    let Some(((0, _), (last, _))) = parts.first().zip(parts.last()) else {
        return Err(no_log(dir));
    };
    let mut log = LogRead {
        model: Model::new(limits),
        parts_removed: last + 1 - parts.len() as u64,
        damaged: 0,
        torn: 0,
        unknown: 0,
    };
    for (number, part) in parts {
        log.part(dir, number == 0, &part)?;
    }
    Ok(log)
}

impl LogRead {
    fn part(&mut self, dir: &Location, is_first: bool, at: &Location) -> Result<(), LogError> {
        let mut reader = BufReader::new(at.open()?);
        let mut line = Vec::new();
        let mut must_be_head = is_first;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line);
            if read.map_err(|error| at.failed("read", error))? == 0 {
                break;
            }
            if std::mem::take(&mut must_be_head) {
                check_head(dir, &line)?;
            }
            self.line(&line);
        }
        match must_be_head {
            // The first part is empty.
            true => Err(no_log(dir)),
            false => Ok(()),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let is_whole = line.ends_with(b"\n");
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => self.model.apply(&record),
            Err(error) if error.is_data() => self.unknown += 1,
            Err(_) if is_whole => self.damaged += 1,
            Err(_) => self.torn += 1,
        }
    }

    /// What a reader of the pages should know of the log. Pages tell by themselves which events
    /// are missing.
    pub(crate) fn notes(&self) -> Vec<String> {
        let note = |count: u64, text: &str| (count > 0).then(|| format!("{count} {text}"));
        let notes = [
            note(
                self.parts_removed,
                "older parts of this log were removed (event_log.parts_max) or lost: totals count \
                 what is left.",
            ),
            note(
                self.damaged,
                "lines of this log are damaged and were skipped.",
            ),
            note(
                self.torn,
                "parts of this log end within a line: the program was killed, or is still writing.",
            ),
            note(
                self.unknown,
                "events are of kinds that this release does not know, and were skipped.",
            ),
        ];
        notes.into_iter().flatten().collect()
    }
}

fn no_log(dir: &Location) -> LogError {
    let at = dir.to_string();
    LogError::NoLog { at }
}

/// The first line says what program it is, in a format that is known.
fn check_head(dir: &Location, line: &[u8]) -> Result<(), LogError> {
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
