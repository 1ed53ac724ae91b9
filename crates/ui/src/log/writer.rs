//! The listener that logs, and the thread that writes for it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use headwater_core::Context;
use headwater_core::conf::{REDACTED, is_secret};
use headwater_core::events::{Event, Listener, ListenerId};
use headwater_store::{Durability, Location, StoreError};
use headwater_streaming::StreamingContext;

use super::part::Part;
use super::settings::Settings;
use super::{LogError, SUMMARY, Summary, part_name};
use crate::live::Live;
use crate::record::{Application, Record};

/// How many programs that were started in the same millisecond find a directory each.
const SAME_ID_MAX: u32 = 100;

/// Logs what happens in a program, for as long as this value lives: Spark's
/// `EventLoggingListener`, and with streams.
///
/// Make it before the stream is started. Dropping it writes down what has happened so far, and
/// that the program has ended. A program that is killed leaves a log that can be read, too.
#[must_use = "logging ends when this is dropped"]
pub struct EventLog {
    ctx: Context,
    listener: ListenerId,
    at: Location,
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl EventLog {
    /// Logs a stream as its configuration says; `None` unless `event_log.enabled` is true.
    ///
    /// ```
    /// use headwater_core::Conf;
    /// use headwater_streaming::{StreamingContext, time::seconds};
    /// use headwater_ui::EventLog;
    ///
    /// let conf = Conf::new()
    ///     .master("local[1]")
    ///     .set("event_log.enabled", true)
    ///     .set("event_log.dir", "memory://logs/mine");
    /// let ssc = StreamingContext::from_conf(conf, seconds(1)).unwrap();
    /// let log = EventLog::start(&ssc)?.expect("it is switched on");
    /// assert!(log.location().starts_with("memory://logs/mine/local-"));
    /// # Ok::<(), headwater_ui::LogError>(())
    /// ```
    ///
    /// # Errors
    /// [`LogError::Conf`] for settings that are wrong or missing, [`LogError::Store`] when nothing
    /// can be written there, and [`LogError::Start`].
    pub fn start(ssc: &StreamingContext) -> Result<Option<EventLog>, LogError> {
        EventLog::of(&Live::new(ssc.context(), Some(ssc)))
    }

    /// As [`EventLog::start`], for a program that has jobs and no stream.
    ///
    /// ```
    /// use headwater_core::Context;
    /// use headwater_ui::EventLog;
    /// assert!(EventLog::of_context(&Context::local(1).unwrap())?.is_none());
    /// # Ok::<(), headwater_ui::LogError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EventLog::start`].
    pub fn of_context(ctx: &Context) -> Result<Option<EventLog>, LogError> {
        EventLog::of(&Live::new(ctx, None))
    }

    fn of(live: &Live) -> Result<Option<EventLog>, LogError> {
        let Some(settings) = Settings::read(live.ctx.conf())? else {
            return Ok(None);
        };
        EventLog::begin(&live.ctx, live.application(), settings).map(Some)
    }

    pub(super) fn begin(
        ctx: &Context,
        application: Application,
        settings: Settings,
    ) -> Result<EventLog, LogError> {
        let (to, from) = sync_channel(settings.queue);
        let queue = Arc::new(Queue {
            to,
            dropped: AtomicU64::new(0),
        });
        let writer = Writer::begin(application, settings, queue.clone())?;
        let at = writer.dir.clone();
        let thread = std::thread::Builder::new().name("headwater-event-log".to_owned());
        let thread = thread
            .spawn(move || writer.run(&from))
            .map_err(LogError::Start)?;
        Ok(EventLog {
            ctx: ctx.clone(),
            listener: ctx.events().add(Logger(queue.clone())),
            at,
            queue,
            thread: Some(thread),
        })
    }

    /// The directory of this program's log: what `event_log.dir` says, and the application's id.
    #[must_use]
    pub fn location(&self) -> String {
        self.at.to_string()
    }

    /// How many events were not written, since writing was too slow or failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // What was posted before is to be in the log.
        self.ctx.events().flush();
        self.ctx.events().remove(self.listener);
        // Unlike an event, the end waits for its place. An error says that the thread is gone.
        let _ = self.queue.to.send(Message::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

pub(super) enum Message {
    Record(Box<Record>),
    End,
}

/// What waits to be written.
pub(super) struct Queue {
    pub(super) to: SyncSender<Message>,
    pub(super) dropped: AtomicU64,
}

impl Queue {
    fn drop_events(&self, events: u64) {
        if self.dropped.fetch_add(events, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "events are missing in the event log: it is written too slowly, or \
                 event_log.queue is too small"
            );
        }
    }
}

/// Hands events to the thread that writes. It never waits: what does not fit is counted.
pub(super) struct Logger(pub(super) Arc<Queue>);

impl Listener for Logger {
    fn on_event(&mut self, event: &Event) {
        if let Some(record) = Record::of(event) {
            let record = Message::Record(Box::new(record));
            if self.0.to.try_send(record).is_err() {
                self.0.drop_events(1);
            }
        }
    }
}

/// Writes parts, and the summary.
struct Writer {
    dir: Location,
    settings: Settings,
    queue: Arc<Queue>,
    summary: Summary,
    /// What of `queue.dropped` is in the log.
    dropped_told: u64,
    part: Option<Part>,
    /// The parts that are there beside the first one; the last of them may be open.
    parts: Range<u64>,
    /// Records in the open part that were not written yet.
    pending: u64,
    summarised: Instant,
}

impl Writer {
    fn begin(
        application: Application,
        settings: Settings,
        queue: Arc<Queue>,
    ) -> Result<Self, LogError> {
        let summary = Summary::new(&application);
        let (dir, now) = (claim(&settings.dir, &summary)?, Instant::now());
        let mut writer = Writer {
            part: Some(Part::begin(&dir, 0, now)?),
            dir,
            settings,
            queue,
            summary,
            dropped_told: 0,
            parts: 1..1,
            pending: 0,
            summarised: now,
        };
        writer.add(&Record::Application(application));
        writer.write()?;
        Ok(writer)
    }

    fn run(mut self, from: &Receiver<Message>) {
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
    fn next(&mut self, from: &Receiver<Message>) -> Option<Record> {
        let message = match from.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => loop {
                self.do_what_is_due();
                let due = self.next_due();
                let wait = due.saturating_duration_since(Instant::now());
                match from.recv_timeout(wait) {
                    Ok(message) => break message,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            },
        };
        match message {
            Message::Record(record) => Some(*record),
            Message::End => None,
        }
    }

    fn next_due(&self) -> Instant {
        let part = self.part.as_ref();
        let part = part.and_then(|part| part.due(self.settings.flush));
        let summary = self.summarised + self.settings.flush;
        part.map_or(summary, |part| part.min(summary))
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        self.tell_dropped();
        let part = self.part.as_ref();
        if part
            .and_then(|part| part.due(self.settings.flush))
            .is_some_and(|due| due <= now)
        {
            self.write_or_roll();
        }
        if self.summarised + self.settings.flush <= now {
            self.summarise();
        }
    }

    fn tell_dropped(&mut self) {
        let dropped = self.queue.dropped.load(Ordering::Relaxed);
        let events = dropped - self.dropped_told;
        if events > 0 {
            self.dropped_told = dropped;
            let at = SystemTime::now().into();
            self.add(&Record::Dropped { at, events });
        }
    }

    fn add(&mut self, record: &Record) {
        self.summary.apply(record);
        let line = match redacted(record) {
            Some(redacted) => serde_json::to_vec(&redacted),
            None => serde_json::to_vec(record),
        };
        let (Ok(line), true) = (line, self.has_part()) else {
            self.queue.drop_events(1);
            return;
        };
        let Some(part) = &mut self.part else { return };
        part.add(&line);
        self.pending += 1;
        let is_full = part.bytes() >= self.settings.roll_bytes;
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
        if self.part.is_none() {
            match Part::begin(&self.dir, self.parts.end, Instant::now()) {
                Ok(part) => self.part = Some(part),
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
                self.failed(&error);
            }
            self.parts.start = number + 1;
        }
    }

    fn summarise(&mut self) {
        self.summarised = Instant::now();
        if let Err(error) = self.summary.write(&self.dir) {
            tracing::warn!(%error, "the summary of the event log was not written");
        }
    }

    fn failed(&self, error: &StoreError) {
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

/// A record without the values of properties that must not be shown, if it has some. Settings
/// come without theirs.
fn redacted(record: &Record) -> Option<Record> {
    let Record::JobStarted(start) = record else {
        return None;
    };
    if !start.properties.keys().any(|key| is_secret(key)) {
        return None;
    }
    let mut start = start.clone();
    let secrets = start
        .properties
        .iter_mut()
        .filter(|(key, _)| is_secret(key));
    secrets.for_each(|(_, value)| REDACTED.clone_into(value));
    Some(Record::JobStarted(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_and_the_last_ones_are_kept() {
        assert_eq!(surplus(&(1..1), 2), 1..1);
        assert_eq!(surplus(&(1..2), 2), 1..2);
        assert_eq!(surplus(&(1..2), 3), 1..1);
        assert_eq!(surplus(&(3..9), 4), 3..7);
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (to, from) = sync_channel(1);
        let dropped = AtomicU64::new(0);
        let queue = Arc::new(Queue { to, dropped });
        let ctx = Context::local(1).unwrap();
        ctx.events().add(Logger(queue.clone()));
        ctx.range(0..3, 1, 1).count().unwrap();
        ctx.events().flush();
        // A job has six events, of which one has found a place.
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 5);
        assert!(matches!(from.try_recv(), Ok(Message::Record(_))));
    }

    #[test]
    fn secrets_are_not_written() {
        let properties = [("db.password", "hunter2"), ("colour", "green")];
        let properties = properties.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let start = crate::record::JobStart {
            properties: properties.into(),
            ..Default::default()
        };
        let line = serde_json::to_string(&redacted(&Record::JobStarted(start))).unwrap();
        assert!(
            line.contains("(redacted)") && line.contains("green"),
            "{line}"
        );
        assert!(!line.contains("hunter2"), "{line}");
    }
}
