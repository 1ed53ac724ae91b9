//! What the tests of streams share.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod damaged;
pub(crate) mod inputs;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use headwater_core::{Conf, Context};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{
    BatchInfo, OutputInfo, Receiver, ReceiverContext, ReceiverInfo, StreamingContext,
    StreamingListener,
};
use parking_lot::{Condvar, Mutex};

/// A context on two slots with settings.
pub(crate) fn context(settings: &[(&str, &str)]) -> Context {
    let conf = Conf::new().master("local[2]");
    let conf = settings
        .iter()
        .fold(conf, |conf, (key, value)| conf.set(*key, *value));
    Context::new(conf).expect("the settings are right")
}

/// A stream with batches of a second on a manual clock.
pub(crate) fn stream(settings: &[(&str, &str)]) -> TestStream {
    TestStream::on(&context(settings), seconds(1)).expect("the settings are right")
}

/// A stream that goes on from a directory, begun after so many batches.
pub(crate) fn going_on(directory: &Path, begun: usize, settings: &[(&str, &str)]) -> TestStream {
    let clock = ManualClock::at(second(i64::try_from(begun).expect("few batches")));
    let test = TestStream::with_clock(&context(settings), seconds(1), clock);
    let test = test.expect("the settings are right");
    let directory = directory.to_str().expect("the name is text");
    let goes_on = test.context().go_on_from(directory);
    goes_on.expect("the stream has not begun");
    test
}

/// The time of a batch of a [`stream`].
pub(crate) fn second(number: i64) -> Time {
    Time::from_millis(number * 1000)
}

/// A growing list that can be waited for.
pub(crate) struct Log<T> {
    shared: Arc<(Mutex<Vec<T>>, Condvar)>,
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Log {
            shared: self.shared.clone(),
        }
    }
}

impl<T: Clone> Log<T> {
    pub(crate) fn new() -> Self {
        Log {
            shared: Arc::new((Mutex::new(Vec::new()), Condvar::new())),
        }
    }

    pub(crate) fn push(&self, entry: T) {
        self.extend([entry]);
    }

    pub(crate) fn extend(&self, entries: impl IntoIterator<Item = T>) {
        self.shared.0.lock().extend(entries);
        self.shared.1.notify_all();
    }

    pub(crate) fn entries(&self) -> Vec<T> {
        self.shared.0.lock().clone()
    }

    /// Waits until the entries are as wanted, and gives them.
    pub(crate) fn wait_for(&self, mut wanted: impl FnMut(&[T]) -> bool) -> Vec<T> {
        let mut entries = self.shared.0.lock();
        self.shared
            .1
            .wait_while(&mut entries, |entries| !wanted(entries));
        entries.clone()
    }
}

/// What a listener was told, in a form that is easy to compare.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Started(Duration),
    ReceiverStarted(ReceiverInfo),
    ReceiverError(ReceiverInfo),
    ReceiverStopped(ReceiverInfo),
    Submitted(BatchInfo),
    BatchStarted(BatchInfo),
    OutputStarted(OutputInfo),
    OutputCompleted(OutputInfo),
    Completed(BatchInfo),
    Dropped(BatchInfo),
    Stopped,
}

impl Told {
    /// The event and whose it is, such as `submitted 1000`.
    pub(crate) fn text(&self) -> String {
        let batch = |what, batch: &BatchInfo| format!("{what} {}", batch.time.as_millis());
        let output = |what, output: &OutputInfo| {
            let (time, id) = (output.time.as_millis(), output.id.index());
            format!("{what} {time}/{id}")
        };
        match self {
            Told::Started(_) => "started".to_owned(),
            Told::ReceiverStarted(receiver) => format!("receiver started {}", receiver.name),
            Told::ReceiverError(receiver) => format!("receiver error {}", receiver.name),
            Told::ReceiverStopped(receiver) => format!("receiver stopped {}", receiver.name),
            Told::Submitted(info) => batch("submitted", info),
            Told::BatchStarted(info) => batch("batch started", info),
            Told::OutputStarted(info) => output("output started", info),
            Told::OutputCompleted(info) => output("output completed", info),
            Told::Completed(info) => batch("completed", info),
            Told::Dropped(info) => batch("dropped", info),
            Told::Stopped => "stopped".to_owned(),
        }
    }
}

struct Recorder(Log<Told>);

impl StreamingListener for Recorder {
    fn on_streaming_started(&mut self, _at: SystemTime, batch_duration: Duration) {
        self.0.push(Told::Started(batch_duration));
    }
    fn on_receiver_started(&mut self, receiver: &ReceiverInfo) {
        self.0.push(Told::ReceiverStarted(receiver.clone()));
    }
    fn on_receiver_error(&mut self, receiver: &ReceiverInfo) {
        self.0.push(Told::ReceiverError(receiver.clone()));
    }
    fn on_receiver_stopped(&mut self, receiver: &ReceiverInfo) {
        self.0.push(Told::ReceiverStopped(receiver.clone()));
    }
    fn on_batch_submitted(&mut self, batch: &BatchInfo) {
        self.0.push(Told::Submitted(batch.clone()));
    }
    fn on_batch_started(&mut self, batch: &BatchInfo) {
        self.0.push(Told::BatchStarted(batch.clone()));
    }
    fn on_output_started(&mut self, output: &OutputInfo) {
        self.0.push(Told::OutputStarted(output.clone()));
    }
    fn on_output_completed(&mut self, output: &OutputInfo) {
        self.0.push(Told::OutputCompleted(output.clone()));
    }
    fn on_batch_completed(&mut self, batch: &BatchInfo) {
        self.0.push(Told::Completed(batch.clone()));
    }
    fn on_batch_dropped(&mut self, batch: &BatchInfo) {
        self.0.push(Told::Dropped(batch.clone()));
    }
    fn on_streaming_stopped(&mut self, _at: SystemTime) {
        self.0.push(Told::Stopped);
    }
}

/// Listens to a stream from now on.
pub(crate) fn record(ssc: &StreamingContext) -> Log<Told> {
    let log = Log::new();
    ssc.add_listener(Recorder(log.clone()));
    log
}

/// What was told, as [`Told::text`].
pub(crate) fn texts(told: &[Told]) -> Vec<String> {
    told.iter().map(Told::text).collect()
}

/// The batches that were told as completed, in this order.
pub(crate) fn completed(told: &[Told]) -> Vec<BatchInfo> {
    let info = |told: &Told| match told {
        Told::Completed(info) => Some(info.clone()),
        _ => None,
    };
    told.iter().filter_map(info).collect()
}

type OnStart<T> = dyn Fn(&ReceiverContext<T>) -> Result<(), String> + Send + Sync;

/// A receiver whose `on_start` is a closure.
pub(crate) struct Start<T>(Box<OnStart<T>>);

impl<T> Start<T> {
    pub(crate) fn new(
        on_start: impl Fn(&ReceiverContext<T>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Start(Box::new(on_start))
    }
}

impl<T: 'static> Receiver<T> for Start<T> {
    fn on_start(&self, ctx: &ReceiverContext<T>) -> Result<(), String> {
        (self.0)(ctx)
    }

    fn on_stop(&self) {}
}
