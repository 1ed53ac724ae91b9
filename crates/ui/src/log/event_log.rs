//! The listener that logs.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use headwater_core::Context;
use headwater_store::Location;
use headwater_streaming::StreamingContext;

use super::LogError;
use super::settings::Settings;
use super::writer::Writer;
use crate::live::Live;
use crate::record::{Application, Record};
use crate::relay::{Follow, Following, follow};

/// How long records gather before they are written together, as waking the thread that writes
/// costs more than a record does. A program that is killed loses as much of its log.
const GATHER: Duration = Duration::from_millis(100);

/// How long the end of a log waits for events that were posted before.
const FLUSH: Duration = Duration::from_secs(30);

/// Logs what happens in a program, for as long as this value lives: Spark's
/// `EventLoggingListener`, and with streams.
///
/// Make it before the stream is started. Dropping it writes down what has happened so far, and
/// that the program has ended. A program that is killed leaves a log that can be read, too.
#[must_use = "logging ends when this is dropped"]
pub struct EventLog {
    ctx: Context,
    following: Option<Following>,
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
        let (queue, from) = Queue::new(settings.queue);
        let queue = Arc::new(queue);
        let writer = Writer::begin(application, settings, queue.clone())?;
        let at = writer.dir().clone();
        let thread = std::thread::Builder::new().name("hw-event-log".to_owned());
        let thread = thread
            .spawn(move || writer.run(&from))
            .map_err(LogError::Start)?;
        Ok(EventLog {
            ctx: ctx.clone(),
            following: Some(follow(ctx, Logger(queue.clone()))),
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

    pub(crate) fn status(&self) -> LogStatus {
        LogStatus(self.queue.clone())
    }

    /// How many events were not written, since writing was too slow or failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        // What was posted before is to be in the log, unless a listener hangs.
        self.ctx.events().flush_timeout(FLUSH);
        self.following = None;
        // Unlike an event, the end waits for its place. An error says that the thread is gone.
        let _ = self.queue.to.send(Message::End);
        self.queue.hurry();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How a log does, for whoever watches the program.
#[derive(Clone)]
pub(crate) struct LogStatus(Arc<Queue>);

impl LogStatus {
    /// How many records wait to be written.
    pub(crate) fn queued(&self) -> usize {
        self.0.len.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

pub(super) enum Message {
    Record(Arc<Record>),
    End,
}

/// What waits to be written.
pub(super) struct Queue {
    to: SyncSender<Message>,
    pub(super) dropped: AtomicU64,
    /// How many records wait.
    len: AtomicUsize,
    /// So many are not kept waiting for others.
    enough: usize,
    /// Who writes, once that has begun to wait for others.
    writer: OnceLock<Thread>,
}

impl Queue {
    fn new(capacity: usize) -> (Queue, Receiver<Message>) {
        let (to, from) = sync_channel(capacity);
        let queue = Queue {
            to,
            dropped: AtomicU64::new(0),
            len: AtomicUsize::new(0),
            enough: capacity / 2,
            writer: OnceLock::new(),
        };
        (queue, from)
    }

    /// Puts a record in. It never waits: what does not fit is counted.
    fn add(&self, record: Arc<Record>) {
        // Before it is there, so that it is never taken out before it was counted.
        let len = self.len.fetch_add(1, Ordering::AcqRel) + 1;
        // What was dropped before is not in the log either, if this finds no place.
        let events = match &*record {
            Record::Dropped { events, .. } => *events,
            _ => 1,
        };
        if self.to.try_send(Message::Record(record)).is_err() {
            self.taken();
            self.drop_events(events);
        } else if len == self.enough {
            self.hurry();
        }
    }

    /// Notes that a record was taken out, or has found no place.
    pub(super) fn taken(&self) {
        self.len.fetch_sub(1, Ordering::AcqRel);
    }

    /// Called by the thread that writes: waits until others may have come, or enough.
    pub(super) fn gather(&self) {
        self.writer.get_or_init(std::thread::current);
        if self.len.load(Ordering::Acquire) < self.enough {
            std::thread::park_timeout(GATHER);
        }
    }

    fn hurry(&self) {
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    pub(super) fn drop_events(&self, events: u64) {
        if self.dropped.fetch_add(events, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "events are missing in the event log: it is written too slowly, or \
                 event_log.queue is too small"
            );
        }
    }
}

/// Hands records to the thread that writes.
struct Logger(Arc<Queue>);

impl Follow for Logger {
    fn follow(&mut self, record: &Arc<Record>) {
        self.0.add(record.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (queue, from) = Queue::new(1);
        let queue = Arc::new(queue);
        let ctx = Context::local(1).unwrap();
        let _following = follow(&ctx, Logger(queue.clone()));
        ctx.range(0..3, 1, 1).count().unwrap();
        ctx.events().flush();
        // A job has six events, of which one has found a place.
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 5);
        assert_eq!(queue.len.load(Ordering::Relaxed), 1);
        assert!(matches!(from.try_recv(), Ok(Message::Record(_))));
    }
}
