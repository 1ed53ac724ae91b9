//! What the thread of an event log does.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Instant, SystemTime};

use headwater_core::conf::shown;
use headwater_store::{Durability, Location, StoreError};

use super::event_log::{Message, Queue};
use super::part::Part;
use super::plans::Written;
use super::settings::Settings;
use super::{LogError, Reach, SUMMARY, Summary, part_name};
use crate::record::{Application, Record};

/// How many programs that were started in the same millisecond find a directory each.
const SAME_ID_MAX: u32 = 100;

/// Writes parts, and the summary.
pub(super) struct Writer {
    dir: Location,
    settings: Settings,
    queue: Arc<Queue>,
    summary: Summary,
    /// What of `queue.dropped` is in the log.
    dropped_told: u64,
    part: Option<Part>,
    /// What the open part has.
    plans: Written,
    /// The parts that are there beside the first one; the last of them may be open.
    parts: Range<u64>,
    /// Records in the open part that were not written yet.
    pending: u64,
    /// When the summary was written last, and whether it has changed since.
    summarised: Instant,
    is_changed: bool,
    /// After a failure no part is begun before then.
    retry: Instant,
}

impl Writer {
    /// Takes a directory for the program, and writes down what it is.
    pub(super) fn begin(
        application: Application,
        settings: Settings,
        queue: Arc<Queue>,
    ) -> Result<Self, LogError> {
        let summary = Summary::new(&application);
        let (dir, now) = (claim(&settings.dir, &summary)?, Instant::now());
        let mut writer = Writer {
            part: Some(Part::begin(&dir, 0, now)?),
            plans: Written::default(),
            dir,
            settings,
            queue,
            summary,
            dropped_told: 0,
            parts: 1..1,
            pending: 0,
            summarised: now,
            is_changed: false,
            retry: now,
        };
        writer.add(&Record::Application(application));
        writer.write()?;
        Ok(writer)
    }

    /// Where it writes.
    pub(super) fn dir(&self) -> &Location {
        &self.dir
    }

    /// Writes records as they come, up to the end.
    pub(super) fn run(mut self, from: &Receiver<Message>) {
        while let Some(record) = self.next(from) {
            self.add(&record);
        }
        self.tell_dropped();
        let at = SystemTime::now().into();
        self.add(&Record::ApplicationEnded { at });
        self.write_or_roll();
        self.summarise();
    }

    /// The next record, and meanwhile writes what is due; `None` at the end.
    fn next(&mut self, from: &Receiver<Message>) -> Option<Arc<Record>> {
        let message = match from.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => self.wait(from)?,
        };
        match message {
            Message::Record(record) => {
                self.queue.taken();
                Some(record)
            }
            Message::End => None,
        }
    }

    /// Does what is due until a message comes; `None` if none will.
    fn wait(&mut self, from: &Receiver<Message>) -> Option<Message> {
        loop {
            self.do_what_is_due();
            let message = match self.next_due() {
                None => from.recv().ok()?,
                Some(due) => {
                    match from.recv_timeout(due.saturating_duration_since(Instant::now())) {
                        Ok(message) => message,
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => return None,
                    }
                }
            };
            if matches!(message, Message::Record(_)) {
                self.queue.gather();
            }
            return Some(message);
        }
    }

    fn part_due(&self) -> Option<Instant> {
        self.part.as_ref()?.due(self.settings.flush)
    }

    fn summary_due(&self) -> Option<Instant> {
        let due = self.summarised.checked_add(self.settings.flush)?;
        self.is_changed.then_some(due)
    }

    fn next_due(&self) -> Option<Instant> {
        self.part_due().into_iter().chain(self.summary_due()).min()
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        self.tell_dropped();
        if self.part_due().is_some_and(|due| due <= now) {
            self.write_or_roll();
        }
        if self.summary_due().is_some_and(|due| due <= now) {
            self.summarise();
        }
    }

    fn tell_dropped(&mut self) {
        let dropped = self.queue.dropped.load(Ordering::Relaxed);
        let events = dropped - self.dropped_told;
        if events > 0 && self.has_part() {
            self.dropped_told = dropped;
            let at = SystemTime::now().into();
            self.add(&Record::Dropped { at, events });
        }
    }

    fn add(&mut self, record: &Record) {
        self.summary.apply(record);
        self.is_changed = true;
        // The part first: what a line may leave out is in it.
        let line = self.has_part().then(|| line(record, &mut self.plans));
        let (Some(Ok(line)), Some(part)) = (line, &mut self.part) else {
            self.queue.drop_events(1);
            return;
        };
        part.add(&line);
        self.pending += 1;
        // What the program is belongs into the first part together with the start of the stream,
        // however long it is.
        let is_head = matches!(record, Record::Application(_));
        let is_full = part.bytes() >= self.settings.roll_bytes && !is_head;
        if is_full || matches!(record, Record::StreamStarted(_)) {
            self.write_or_roll();
            self.part = None;
            self.forget();
            self.summarise();
        } else if part.is_gathered() {
            self.write_or_roll();
        }
    }

    /// Begins the next part if none is open.
    fn has_part(&mut self) -> bool {
        let now = Instant::now();
        if self.part.is_none() && self.retry <= now {
            match Part::begin(&self.dir, self.parts.end, now) {
                Ok(part) => {
                    self.part = Some(part);
                    self.plans.forget();
                }
                Err(error) => self.failed(&error),
            }
            // Also after an error, so that a part is never begun twice.
            self.parts.end += 1;
        }
        self.part.is_some()
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if let Some(part) = &mut self.part {
            part.write(Instant::now())?;
        }
        self.pending = 0;
        Ok(())
    }

    /// Gives a part up that cannot be written: the log goes on with the next one.
    fn write_or_roll(&mut self) {
        if let Err(error) = self.write() {
            self.failed(&error);
            self.queue.drop_events(std::mem::take(&mut self.pending));
            self.part = None;
        }
    }

    /// Removes parts so that there is room for another one.
    fn forget(&mut self) {
        for number in surplus(&self.parts, self.settings.parts_max) {
            if let Err(error) = self.dir.join(&part_name(number)).delete() {
                tracing::warn!(%error, "an old part of the event log stays");
            }
            self.parts.start = number + 1;
        }
    }

    fn summarise(&mut self) {
        self.summarised = Instant::now();
        self.is_changed = false;
        let reach = self.reach();
        if let Err(error) = self.summary.write(&self.dir, reach) {
            tracing::warn!(%error, "the summary of the event log was not written");
        }
    }

    /// Where the next record goes.
    fn reach(&self) -> Reach {
        match &self.part {
            Some(part) => Reach {
                part: self.parts.end - 1,
                bytes: part.bytes(),
            },
            None => Reach {
                part: self.parts.end,
                bytes: 0,
            },
        }
    }

    fn failed(&mut self, error: &StoreError) {
        let now = Instant::now();
        self.retry = now.checked_add(self.settings.flush).unwrap_or(now);
        tracing::warn!(%error, "the event log goes on, but not all of it is there");
    }
}

/// Which parts are to be removed, so that with the first and the next one there are at most
/// `parts_max`.
fn surplus(parts: &Range<u64>, parts_max: u64) -> Range<u64> {
    let kept = parts_max.saturating_sub(2);
    parts.start..parts.end.saturating_sub(kept).max(parts.start)
}

/// Takes a directory for a program that nobody else has taken.
fn claim(dir: &Location, summary: &Summary) -> Result<Location, LogError> {
    let mut number = 1;
    loop {
        let name = match number {
            1 => summary.id.clone(),
            _ => format!("{}-{number}", summary.id),
        };
        let own = dir.join(&name);
        let claim = own.join(SUMMARY);
        match claim.put_if_absent(&summary.bytes(), Durability::Cached) {
            Ok(()) => return Ok(own),
            Err(StoreError::AlreadyExists { .. }) if number < SAME_ID_MAX => number += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// A record as it is written: without what must not be shown of a job's properties, as settings
/// come without theirs, and with references to plans.
fn line(record: &Record, plans: &mut Written) -> serde_json::Result<Vec<u8>> {
    let Record::JobStarted(start) = record else {
        return serde_json::to_vec(record);
    };
    let mut start = plans.shortened(start);
    for (key, value) in &mut start.properties {
        *value = shown(key, value).into_owned();
    }
    serde_json::to_vec(&Record::JobStarted(start.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::JobStart;

    #[test]
    fn the_first_part_and_the_last_ones_are_kept() {
        assert_eq!(surplus(&(1..1), 2), 1..1);
        assert_eq!(surplus(&(1..2), 2), 1..2);
        assert_eq!(surplus(&(1..2), 3), 1..1);
        assert_eq!(surplus(&(3..9), 4), 3..7);
    }

    #[test]
    fn secrets_are_not_written() {
        let properties = [
            ("db.password", "hunter2"),
            ("db", "postgres://u:hunter2@h/db"),
            ("colour", "green"),
        ];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let start = JobStart {
            properties: properties.into(),
            ..Default::default()
        };
        let record = Record::JobStarted(start.into());
        let line = line(&record, &mut Written::default()).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(
            line.contains("(redacted)") && line.contains("green"),
            "{line}"
        );
        assert!(!line.contains("hunter2"), "{line}");
    }
}
