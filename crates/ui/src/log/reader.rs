//! Reading a log into the model that pages show.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use headwater_store::{Child, Entry, Location, StoreError};
use serde::Deserialize;

use super::plans::Told;
use super::{LogError, Reach, part_number};
use crate::live::FORMAT;
use crate::model::{Limits, Model};
use crate::record::Record;

/// No event makes a line that is longer; what is there by other hands does not fill the memory.
const LINE_BYTES_MAX: u64 = 64 << 20;

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
    plans: Told,
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
    let parts = parts(dir)?;
    let Some(((0, _), (last, _))) = parts.first().zip(parts.last()) else {
        return Err(no_log(dir));
    };
    let mut log = LogRead {
        model: Model::new(limits),
        parts_removed: last + 1 - parts.len() as u64,
        damaged: 0,
        torn: 0,
        unknown: 0,
        plans: Told::default(),
    };
    for (number, part) in parts {
        log.part(dir, number == 0, &part)?;
    }
    Ok(log)
}

/// Reads what was logged from a place on, as far as it can be understood.
pub(super) fn read_on(
    dir: &Location,
    from: Reach,
    mut each: impl FnMut(&Record),
) -> Result<(), LogError> {
    for (number, part) in parts(dir)? {
        if number < from.part {
            continue;
        }
        let skipped = if number == from.part { from.bytes } else { 0 };
        if part.bytes <= skipped {
            continue;
        }
        for_each_line(&part.location, skipped, |line| {
            if let Ok(record) = serde_json::from_slice(line) {
                each(&record);
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The parts that there are, by their numbers.
fn parts(dir: &Location) -> Result<Vec<(u64, Entry)>, LogError> {
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

/// Hands over each line from a place on, with its end if it has one. Of a line that is longer
/// than any that is written this is its beginning, with an end.
fn for_each_line(
    at: &Location,
    from: u64,
    mut each: impl FnMut(&[u8]) -> Result<(), LogError>,
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
        let read = bounded.read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
            reader.skip_until(b'\n').map_err(failed)?;
            line.push(b'\n');
        }
        each(&line)?;
    }
}

impl LogRead {
    fn part(&mut self, dir: &Location, is_first: bool, part: &Entry) -> Result<(), LogError> {
        self.plans.forget();
        let mut must_be_head = is_first;
        for_each_line(&part.location, 0, |line| {
            if std::mem::take(&mut must_be_head) {
                check_head(dir, line)?;
            }
            self.line(line);
            Ok(())
        })?;
        match must_be_head {
            // The first part is empty.
            true => Err(no_log(dir)),
            false => Ok(()),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let is_whole = line.ends_with(b"\n");
        match serde_json::from_slice::<Record>(line) {
            Ok(mut record) => {
                if let Record::JobStarted(start) = &mut record {
                    self.plans.complete(start);
                }
                self.model.apply(&record);
            }
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
        let unended = "This log tells of no end: the program still runs, or was killed. What it \
                       shows as running was so when it was heard of last.";
        let unended = self.model.ended.is_none().then(|| unended.to_owned());
        notes.into_iter().flatten().chain(unended).collect()
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
