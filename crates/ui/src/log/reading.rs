//! Reading a log that may go on: each time from where it was read last.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::time::SystemTime;

use headwater_store::{Entry, Location};

use super::LogError;
use super::plans::Told;
use super::reader::{check_head, for_each_line, no_log, parts};
use crate::record::Record;

/// So many bytes before a place are kept, to know it again.
const TAIL: usize = 64;

/// How a log is, beside what it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Parts that were removed, to bound the log, before they were read.
    pub(crate) parts_removed: u64,
    /// Lines that are no JSON, without torn ones.
    pub(crate) damaged: u64,
    /// Parts that end within a line: the program was killed, or is writing it.
    pub(crate) torn: u64,
    /// Lines of kinds or shapes that this release does not know.
    pub(crate) unknown: u64,
}

/// What was read of a log.
#[derive(Debug)]
pub(crate) struct Reading {
    dir: Location,
    /// How many bytes of each part: its whole lines.
    read: BTreeMap<u64, u64>,
    /// How the last of them was when it was read, and what stands before the place in it.
    last: Option<(u64, SystemTime)>,
    tail: Vec<u8>,
    /// Whether it ends within a line.
    is_torn: bool,
    plans: Told,
    /// Without the last part, if that is torn.
    found: Found,
}

impl Reading {
    /// Of a log of which nothing was read yet.
    pub(crate) fn new(dir: &Location) -> Self {
        Reading {
            dir: dir.clone(),
            read: BTreeMap::new(),
            last: None,
            tail: Vec::new(),
            is_torn: false,
            plans: Told::default(),
            found: Found::default(),
        }
    }

    /// Hands over what is there by now and was not read before. If this is `false`, that is not
    /// possible, as what was read last was removed or is another log: it has to be read anew.
    pub(crate) fn read_on(&mut self, mut each: impl FnMut(&Record)) -> Result<bool, LogError> {
        let parts = parts(&self.dir)?;
        let Some(((0, _), (last, _))) = parts.first().zip(parts.last()) else {
            return Err(no_log(&self.dir));
        };
        if !self.goes_on(&parts)? {
            return Ok(false);
        }
        let from = self.read.keys().next_back().copied().unwrap_or(0);
        for (number, part) in parts.iter().filter(|(number, _)| *number >= from) {
            self.part(*number, part, &mut each)?;
        }
        self.found.parts_removed = last + 1 - self.read.len() as u64;
        Ok(true)
    }

    pub(crate) fn found(&self) -> Found {
        Found {
            torn: self.found.torn + u64::from(self.is_torn),
            ..self.found.clone()
        }
    }

    /// Whether these parts have what was read. Those before the last one may be removed.
    fn goes_on(&self, parts: &[(u64, Entry)]) -> Result<bool, LogError> {
        let is_shorter = |part: &(u64, Entry)| {
            let read = self.read.get(&part.0);
            read.is_some_and(|read| part.1.bytes < *read)
        };
        let Some((last, bytes)) = self.read.last_key_value() else {
            return Ok(true);
        };
        let Some((_, part)) = parts.iter().find(|(number, _)| number == last) else {
            return Ok(false);
        };
        if parts.iter().any(is_shorter) {
            return Ok(false);
        }
        if self.is_as_it_was(part) {
            return Ok(true);
        }
        let failed = |error| part.location.failed("read", error);
        let mut file = part.location.open()?;
        let before = bytes.saturating_sub(self.tail.len() as u64);
        file.seek(SeekFrom::Start(before)).map_err(failed)?;
        let mut tail = Vec::new();
        let mut file = file.take(self.tail.len() as u64);
        file.read_to_end(&mut tail).map_err(failed)?;
        Ok(tail == self.tail)
    }

    fn is_as_it_was(&self, last: &Entry) -> bool {
        self.last == Some((last.bytes, last.modified))
    }

    fn part(
        &mut self,
        number: u64,
        part: &Entry,
        each: &mut impl FnMut(&Record),
    ) -> Result<(), LogError> {
        match self.read.get(&number) {
            Some(_) if self.is_as_it_was(part) => return Ok(()),
            Some(_) => {}
            None => {
                self.found.torn += u64::from(self.is_torn);
                self.plans.forget();
                self.tail.clear();
            }
        }
        self.last = Some((part.bytes, part.modified));
        self.is_torn = false;
        let from = *self.read.entry(number).or_insert(0);
        let mut must_be_head = number == 0 && from == 0;
        let dir = self.dir.clone();
        for_each_line(&part.location, from, |line, bytes| {
            if std::mem::take(&mut must_be_head) {
                check_head(&dir, line)?;
            }
            self.is_torn = !line.ends_with(b"\n");
            if !self.is_torn {
                self.line(line, each);
                *self.read.entry(number).or_default() += bytes;
            }
            Ok(())
        })?;
        match must_be_head {
            // The first part is empty.
            true => Err(no_log(&self.dir)),
            false => Ok(()),
        }
    }

    fn line(&mut self, line: &[u8], each: &mut impl FnMut(&Record)) {
        self.tail.clear();
        let tail = &line[line.len().saturating_sub(TAIL)..];
        self.tail.extend_from_slice(tail);
        match serde_json::from_slice::<Record>(line) {
            Ok(mut record) => {
                if let Record::JobStarted(start) = &mut record {
                    self.plans.complete(start);
                }
                each(&record);
            }
            Err(error) if error.is_data() => self.found.unknown += 1,
            Err(_) => self.found.damaged += 1,
        }
    }
}

impl Found {
    /// What a reader of the pages should know of the log. Pages tell by themselves which events
    /// are missing.
    pub(crate) fn notes(&self, is_ended: bool) -> Vec<String> {
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
        let unended = (!is_ended).then(|| unended.to_owned());
        notes.into_iter().flatten().chain(unended).collect()
    }
}

#[cfg(test)]
mod tests {
    use headwater_store::Durability;

    use super::*;
    use crate::log::part_name;
    use crate::testing::history::{batch, begun};

    fn lines(records: &[Record]) -> String {
        let line = |record| serde_json::to_string(record).unwrap() + "\n";
        records.iter().map(line).collect()
    }

    fn put(dir: &Location, part: u64, text: &str) {
        let part = dir.join(&part_name(part));
        part.put(text.as_bytes(), Durability::Cached).unwrap();
    }

    /// How many records are read, or `None` if the log has to be read anew.
    fn read_on(reading: &mut Reading) -> Option<usize> {
        let mut records = 0;
        reading
            .read_on(|_| records += 1)
            .unwrap()
            .then_some(records)
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let dir = Location::at("memory://log-reading/grows").unwrap();
        let (head, first, second) = (begun(), batch(1), batch(2));
        put(&dir, 0, &lines(&head));
        let mut reading = Reading::new(&dir);
        assert_eq!(read_on(&mut reading), Some(head.len()));
        assert_eq!(read_on(&mut reading), Some(0));
        // The part ends within a line, which is read when it is whole.
        let mut text = lines(&first);
        let torn = &text[..text.len() - 7];
        put(&dir, 1, torn);
        assert_eq!(read_on(&mut reading), Some(first.len() - 1));
        assert_eq!(reading.found().torn, 1);
        text += &lines(&second);
        put(&dir, 1, &text);
        assert_eq!(read_on(&mut reading), Some(1 + second.len()));
        // More is in that part, and in others.
        text += &lines(&second);
        put(&dir, 1, &text);
        put(&dir, 2, &lines(&first));
        assert_eq!(read_on(&mut reading), Some(second.len() + first.len()));
        assert_eq!(reading.found(), Found::default());
        // One that was read is removed, and one that was not.
        dir.join(&part_name(1)).delete().unwrap();
        put(&dir, 4, &lines(&second));
        assert_eq!(read_on(&mut reading), Some(second.len()));
        assert_eq!(reading.found().parts_removed, 1);
    }

    #[test]
    fn what_is_no_more_as_it_was_has_to_be_read_anew() {
        let dir = Location::at("memory://log-reading/replaced").unwrap();
        let read = || {
            put(&dir, 0, &lines(&begun()));
            put(&dir, 1, &lines(&batch(1)));
            let mut reading = Reading::new(&dir);
            read_on(&mut reading).unwrap();
            reading
        };
        let mut shorter = read();
        put(&dir, 1, &lines(&batch(1)[1..]));
        assert_eq!(read_on(&mut shorter), None);
        let mut other = read();
        put(&dir, 1, &lines(&[batch(2), batch(3)].concat()));
        assert_eq!(read_on(&mut other), None);
        let mut removed = read();
        dir.join(&part_name(1)).delete().unwrap();
        put(&dir, 2, &lines(&batch(4)));
        assert_eq!(read_on(&mut removed), None);
        let mut first = read();
        put(&dir, 0, &lines(&begun()[..1]));
        assert_eq!(read_on(&mut first), None);
    }
}
