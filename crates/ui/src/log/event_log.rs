//! The listener that logs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use headwater_core::Context;
use headwater_core::events::{Event, Listener, ListenerId};
use headwater_store::Location;
use headwater_streaming::StreamingContext;

use super::LogError;
use super::settings::Settings;
use super::writer::Writer;
use crate::live::Live;
use crate::record::{Application, Record};

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
        let at = writer.dir().clone();
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
    to: SyncSender<Message>,
    pub(super) dropped: AtomicU64,
}

impl Queue {
    pub(super) fn drop_events(&self, events: u64) {
        if self.dropped.fetch_add(events, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "events are missing in the event log: it is written too slowly, or \
                 event_log.queue is too small"
            );
        }
    }
}

/// Hands events to the thread that writes. It never waits: what does not fit is counted.
struct Logger(Arc<Queue>);

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
