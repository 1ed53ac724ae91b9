//! Keeps one receiver running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, SystemTime};

use headwater_core::{Context, Site, catch_panic};
use parking_lot::Mutex;

use super::blocks::Watcher;
use super::{BlockStore, Receiver, ReceiverContext, full_name};
use crate::batch::{Outcome, post};
use crate::clock::{Clock, Signal, Woken};
use crate::conf::OnFailure;
use crate::error::StreamError;
use crate::events::{ReceiverInfo, StoredInfo, StreamingEvent};
use crate::threads::Owner;

/// A receiver that never worked is tried again sooner than one that lost its source.
const FIRST_DELAY_PART: u32 = 8;

/// No start has this number.
const STOPPED: u64 = 0;

/// How a receiver is kept running.
pub(crate) struct SupervisorPolicy {
    pub(crate) restart_delay: Duration,
    pub(crate) start_attempts: u32,
    /// What giving a receiver up does to the stream.
    pub(crate) on_failure: OnFailure,
}

/// What a receiver and its supervisor share.
pub(super) struct Control {
    stream_id: usize,
    name: String,
    ctx: Context,
    /// Which start is the current one, or [`STOPPED`].
    current: AtomicU64,
    worked: AtomicBool,
    request: Mutex<Option<Request>>,
    shut_down: AtomicBool,
    signal: Signal,
    /// Notified when the supervising thread is done.
    ended: Signal,
    /// The thread that runs `on_start`.
    reader: Mutex<Option<ThreadId>>,
    last_error: Mutex<Option<(String, SystemTime)>>,
    stored: Box<dyn Fn() -> StoredInfo + Send + Sync>,
}

/// Why a start of the receiver is to end. The first reason counts.
enum Request {
    Restart {
        message: String,
        delay: Option<Duration>,
    },
    Failed {
        message: String,
    },
    Stop {
        message: String,
    },
}

impl Control {
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.current.load(Ordering::Acquire) == generation
    }

    pub(super) fn stream_id(&self) -> usize {
        self.stream_id
    }

    pub(super) fn worked(&self) {
        self.worked.store(true, Ordering::Relaxed);
    }

    pub(super) fn restart(&self, generation: u64, message: String, delay: Option<Duration>) {
        self.request(generation, Request::Restart { message, delay });
    }

    pub(super) fn stop(&self, generation: u64, message: String) {
        self.request(generation, Request::Stop { message });
    }

    fn request(&self, generation: u64, request: Request) {
        if self.is_current(generation) {
            self.request.lock().get_or_insert(request);
            self.signal.notify();
        }
    }

    pub(super) fn report(&self, message: String) {
        self.report_with(message, (self.stored)());
    }

    fn report_with(&self, message: String, stored: StoredInfo) {
        tracing::warn!(receiver = %self.name, "{message}");
        *self.last_error.lock() = Some((message, SystemTime::now()));
        post(self.ctx.events(), || {
            StreamingEvent::ReceiverError(self.info(true, stored))
        });
    }

    fn post(&self, event: impl FnOnce(ReceiverInfo) -> StreamingEvent, active: bool) {
        post(self.ctx.events(), || {
            event(self.info(active, (self.stored)()))
        });
    }

    fn info(&self, active: bool, stored: StoredInfo) -> ReceiverInfo {
        let (last_error, at) = self.last_error.lock().clone().unzip();
        ReceiverInfo {
            stream_id: self.stream_id,
            name: self.name.clone(),
            active,
            last_error: last_error.unwrap_or_default(),
            last_error_at: at,
            stored,
        }
    }
}

impl Watcher for Control {
    fn slowed(&self, stored: StoredInfo) {
        post(self.ctx.events(), || {
            StreamingEvent::ReceiverSlowed(self.info(true, stored))
        });
    }

    fn resumed(&self, stored: StoredInfo) {
        post(self.ctx.events(), || {
            StreamingEvent::ReceiverResumed(self.info(true, stored))
        });
    }

    fn cannot_spill(&self, message: String, stored: StoredInfo) {
        self.report_with(message, stored);
    }
}

/// The thread that starts a receiver, and starts it again.
pub(crate) struct Supervisor {
    control: Arc<Control>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the supervising thread works with.
struct Work<T> {
    control: Arc<Control>,
    receiver: Arc<dyn Receiver<T>>,
    blocks: Arc<BlockStore<T>>,
    clock: Arc<dyn Clock>,
    policy: SupervisorPolicy,
    outcome: Arc<Outcome>,
    owner: Owner,
    site: Site,
}

impl Supervisor {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts are made by one caller, by name"
    )]
    pub(crate) fn start<T: Send + Sync + 'static>(
        stream_id: usize,
        site: Site,
        ctx: &Context,
        receiver: Arc<dyn Receiver<T>>,
        blocks: Arc<BlockStore<T>>,
        clock: Arc<dyn Clock>,
        policy: SupervisorPolicy,
        outcome: Arc<Outcome>,
        owner: Owner,
    ) -> Result<Self, StreamError> {
        let control = Arc::new(Control {
            stream_id,
            name: full_name(&*receiver, stream_id),
            ctx: ctx.clone(),
            current: AtomicU64::new(STOPPED),
            worked: AtomicBool::new(false),
            request: Mutex::new(None),
            shut_down: AtomicBool::new(false),
            signal: Signal::new(),
            ended: Signal::new(),
            reader: Mutex::new(None),
            last_error: Mutex::new(None),
            stored: {
                let blocks = blocks.clone();
                Box::new(move || blocks.stored())
            },
        });
        let watcher: Arc<dyn Watcher> = control.clone();
        blocks.watch(Arc::downgrade(&watcher));
        let name = format!("hw-receiver-{stream_id}");
        let work = Work {
            control: control.clone(),
            receiver,
            blocks,
            clock,
            policy,
            outcome,
            owner,
            site,
        };
        let thread = owner.spawn(name, move || {
            work.supervise();
            work.control.ended.notify();
        })?;
        Ok(Supervisor {
            control,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// How the receiver is now.
    pub(crate) fn info(&self) -> ReceiverInfo {
        let control = &self.control;
        let active = !control.is_current(STOPPED);
        control.info(active, (control.stored)())
    }

    /// Has the receiver stop for good, without waiting for its end.
    pub(crate) fn begin_shut_down(&self) {
        self.control.shut_down.store(true, Ordering::Release);
        self.control.signal.notify();
    }

    /// Stops the receiver for good and waits for its end, for at most `limit`.
    pub(crate) fn shut_down(&self, limit: Duration) {
        self.begin_shut_down();
        let control = &self.control;
        let me = std::thread::current().id();
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        if thread.thread().id() == me || *control.reader.lock() == Some(me) {
            return;
        }
        if control.ended.wait_for(limit) {
            // The supervisor catches the panics of what it calls.
            let _ = thread.join();
        } else {
            tracing::warn!(receiver = %control.name, "the receiver has not stopped within \
                {limit:?}; its threads are left to end by themselves");
        }
    }
}

impl<T: Send + Sync + 'static> Work<T> {
    fn supervise(&self) {
        let mut failures = 0;
        for generation in 1.. {
            let request = self.run_once(generation);
            let worked = self.control.worked.load(Ordering::Relaxed);
            let (message, delay, has_failed) = match request {
                None => return,
                Some(Request::Stop { message }) => {
                    tracing::info!(receiver = %self.control.name, "stopped: {message}");
                    return;
                }
                Some(Request::Restart { message, delay }) => (message, delay, false),
                Some(Request::Failed { message }) => (message, None, true),
            };
            if self.outcome.halted().is_some() {
                // Nobody processes what another start would receive.
                return;
            }
            failures = match has_failed {
                true if !worked => failures + 1,
                true => 0,
                false => failures,
            };
            if failures >= self.policy.start_attempts {
                return self.give_up(failures, message);
            }
            let delay = delay.unwrap_or_else(|| self.delay(failures));
            let (receiver, delay_ms) = (&self.control.name, delay.as_millis());
            if worked {
                tracing::warn!(%receiver, "restarting in {delay_ms} ms: {message}");
            } else {
                // Told as an error once it is given up.
                tracing::info!(%receiver, "trying again in {delay_ms} ms: {message}");
            }
            if !self.wait(delay) {
                return;
            }
        }
    }

    fn give_up(&self, attempts: u32, message: String) {
        let site = self.site;
        let failed = StreamError::Receiver {
            site,
            attempts,
            message,
        };
        match self.policy.on_failure {
            OnFailure::Stop => self.outcome.halt(failed),
            OnFailure::Continue => tracing::error!("{failed}"),
        }
    }

    fn delay(&self, failures: u32) -> Duration {
        if failures == 0 {
            return self.policy.restart_delay;
        }
        let first = self.policy.restart_delay / FIRST_DELAY_PART;
        first.saturating_mul(1 << (failures - 1).min(16))
    }

    /// Waits for a restart; `false` when the stream stops meanwhile.
    fn wait(&self, delay: Duration) -> bool {
        let at = self.clock.now() + delay;
        loop {
            if self.control.shut_down.load(Ordering::Acquire) {
                return false;
            }
            if self.clock.wait_until(at, &self.control.signal) == Woken::Reached {
                return true;
            }
        }
    }

    /// One start of the receiver, to its end; why it ended, `None` when the stream stops.
    fn run_once(&self, generation: u64) -> Option<Request> {
        let control = &self.control;
        *control.request.lock() = None;
        control.current.store(generation, Ordering::Release);
        self.blocks.accept(Some(generation));
        let context = ReceiverContext::new(self.blocks.clone(), control.clone(), generation);
        let (receiver, failing, site) = (self.receiver.clone(), control.clone(), self.site);
        // Before the receiver can report anything itself.
        control.post(StreamingEvent::ReceiverStarted, true);
        let name = format!("hw-reader-{}", control.stream_id);
        let reader = self.owner.spawn(name, move || {
            *failing.reader.lock() = Some(std::thread::current().id());
            let result = catch_panic(site, || receiver.on_start(&context));
            let result = result.map_err(|panic| panic.to_string()).flatten();
            if let Err(message) = result {
                failing.request(generation, Request::Failed { message });
            }
        });
        let request = match &reader {
            Ok(_) => self.wait_for_request(),
            Err(error) => Some(Request::Failed {
                message: error.to_string(),
            }),
        };
        control.current.store(STOPPED, Ordering::Release);
        // Wakes a reader that waits for room.
        self.blocks.accept(None);
        if let Err(panic) = catch_panic(self.site, || self.receiver.on_stop()) {
            control.report(panic.to_string());
        }
        if let Ok(reader) = reader {
            let _ = reader.join();
        }
        if let Some(Request::Failed { message } | Request::Restart { message, .. }) = &request {
            *control.last_error.lock() = Some((message.clone(), SystemTime::now()));
            control.post(StreamingEvent::ReceiverError, false);
        }
        control.post(StreamingEvent::ReceiverStopped, false);
        request
    }

    fn wait_for_request(&self) -> Option<Request> {
        loop {
            if self.control.shut_down.load(Ordering::Acquire) {
                return None;
            }
            if let Some(request) = self.control.request.lock().take() {
                return Some(request);
            }
            self.control.signal.wait();
        }
    }
}
