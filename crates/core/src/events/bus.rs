//! The bus itself: one bounded queue, one thread, any number of listeners.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Event, EventsDropped};

/// How long events gather before they are delivered together. Waking the bus costs more than most
/// events do, and a small batch of a stream has twenty; nobody who listens sees so short a delay.
const GATHER: Duration = Duration::from_millis(10);

/// So often the bus looks for events by itself before it goes to sleep. Until then nobody who
/// posts has to wake it, so that a stream of short batches never does.
const LOOKS: u32 = 10;

/// How long the end of a context waits for listeners. One that hangs must not keep a program
/// from ending.
const CLOSE: Duration = Duration::from_secs(30);

/// Gets the events of a context.
///
/// # Contract
/// - Events come one at a time, in the order in which they were posted, on the bus's
///   thread; the bus checks nothing else.
/// - They come some milliseconds after they happened, as they are gathered; at once when
///   somebody waits for them ([`EventBus::flush`]).
/// - A listener that panics is logged and gets the next event as if nothing happened.
/// - While a listener is slow events wait in the queue; when the queue is full new
///   events are dropped and counted ([`EventBus::dropped`]), and no job waits. Where they are
///   missing every listener gets an [`Event::Dropped`], so that it does not wait for them.
/// - A listener must not call an action or stop the context.
pub trait Listener: Send {
    /// Called for each event.
    fn on_event(&mut self, event: &Event);
}

impl<F: FnMut(&Event) + Send> Listener for F {
    fn on_event(&mut self, event: &Event) {
        self(event);
    }
}

/// Names a listener, to remove it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// Delivers events to listeners.
///
/// ```
/// use headwater_core::{Context, events::Event};
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
///
/// let ctx = Context::local(2).unwrap();
/// let tasks = Arc::new(AtomicUsize::new(0));
/// let seen = tasks.clone();
/// ctx.events().add(move |event: &Event| {
///     if let Event::TaskEnded(_) = event {
///         seen.fetch_add(1, Ordering::Relaxed);
///     }
/// });
/// ctx.range(0..10, 1, 4).count().unwrap();
/// ctx.events().flush();
/// assert_eq!(tasks.load(Ordering::Relaxed), 4);
/// ```
pub struct EventBus {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// The thread waits for it: there is something to do, or to do at once.
    due: Condvar,
    /// Callers of `flush` wait for it.
    delivered: Condvar,
    capacity: usize,
    /// Read without the lock, so that posting to nobody costs a load.
    listeners_len: AtomicUsize,
    /// Replaced when it changes, so that delivering an event copies nothing.
    listeners: Mutex<Arc<[Registered]>>,
    next_id: AtomicU64,
    dropped: AtomicU64,
    closed: AtomicBool,
}

type Registered = (ListenerId, Arc<Mutex<Box<dyn Listener>>>);

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    posted: u64,
    delivered: u64,
    /// How many callers wait for what is queued.
    waiting: usize,
    /// Whether the thread has to be woken for an event.
    is_asleep: bool,
}

impl EventBus {
    pub(crate) fn new(capacity: usize) -> Self {
        EventBus {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                due: Condvar::new(),
                delivered: Condvar::new(),
                capacity,
                listeners_len: AtomicUsize::new(0),
                listeners: Mutex::new(Arc::new([])),
                next_id: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
                closed: AtomicBool::new(false),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Adds a listener, which gets every event that is posted from now on.
    pub fn add(&self, listener: impl Listener + 'static) -> ListenerId {
        let id = ListenerId(self.shared.next_id.fetch_add(1, Ordering::Relaxed));
        let listener: Box<dyn Listener> = Box::new(listener);
        let listener = (id, Arc::new(Mutex::new(listener)));
        let mut listeners = self.shared.listeners.lock();
        *listeners = listeners.iter().cloned().chain([listener]).collect();
        drop(listeners);
        self.shared.listeners_len.fetch_add(1, Ordering::Release);
        self.start_thread();
        id
    }

    /// Removes a listener; `false` if it is not there.
    pub fn remove(&self, id: ListenerId) -> bool {
        let mut listeners = self.shared.listeners.lock();
        let before = listeners.len();
        let others = listeners.iter().filter(|(each, _)| *each != id);
        *listeners = others.cloned().collect();
        let removed = before - listeners.len();
        self.shared
            .listeners_len
            .fetch_sub(removed, Ordering::Release);
        removed > 0
    }

    /// Whether anybody listens; events need not be made when nobody does.
    #[inline]
    #[must_use]
    pub fn is_listened(&self) -> bool {
        self.shared.listeners_len.load(Ordering::Acquire) > 0
    }

    /// Posts an event. Never waits: when the queue is full the event is dropped.
    pub fn post(&self, event: Event) {
        if !self.is_listened() || self.shared.closed.load(Ordering::Acquire) {
            return;
        }
        let mut queue = self.shared.queue.lock();
        if queue.events.len() >= self.shared.capacity {
            // Under the lock, so that the thread that takes the queue knows what it misses.
            let before = self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            drop(queue);
            if before == 0 {
                tracing::warn!(
                    capacity = self.shared.capacity,
                    "the listener bus is full: events are dropped; a listener is too slow, or \
                     listener_bus.queue.capacity is too small"
                );
            }
            return;
        }
        queue.events.push_back(event);
        queue.posted += 1;
        let is_needed =
            std::mem::take(&mut queue.is_asleep) || queue.events.len() == self.shared.enough();
        drop(queue);
        if is_needed {
            self.shared.due.notify_one();
        }
    }

    /// How many events were put in the queue so far, without those that were dropped.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.range(0..2, 1, 1).count().unwrap();
    /// assert_eq!(ctx.events().posted(), 0, "nobody listens");
    /// ```
    #[must_use]
    pub fn posted(&self) -> u64 {
        self.shared.queue.lock().posted
    }

    /// How many events wait in the queue for listeners, the one that they are told of included.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.events().queued(), 0);
    /// ```
    #[must_use]
    pub fn queued(&self) -> u64 {
        let queue = self.shared.queue.lock();
        queue.posted - queue.delivered
    }

    /// How many events were dropped because the queue was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every event that was posted before this call has been delivered.
    ///
    /// Called by a listener it returns at once.
    pub fn flush(&self) {
        self.flush_until(None);
    }

    /// As [`EventBus::flush`], and gives up after a time: whether all were delivered, which
    /// they are not if a listener is slow or hangs. Called by a listener it returns `false`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert!(ctx.events().flush_timeout(Duration::from_secs(1)));
    /// ```
    pub fn flush_timeout(&self, timeout: Duration) -> bool {
        // A time that no clock can tell is as good as none.
        self.flush_until(Instant::now().checked_add(timeout))
    }

    fn flush_until(&self, deadline: Option<Instant>) -> bool {
        if self.is_bus_thread() {
            return false;
        }
        let shared = &self.shared;
        let mut queue = shared.queue.lock();
        let target = queue.posted;
        if queue.delivered == target {
            return true;
        }
        queue.waiting += 1;
        shared.due.notify_one();
        let mut is_late = false;
        while queue.delivered < target && !is_late && !shared.closed.load(Ordering::Acquire) {
            match deadline {
                Some(deadline) => {
                    is_late = shared
                        .delivered
                        .wait_until(&mut queue, deadline)
                        .timed_out();
                }
                None => shared.delivered.wait(&mut queue),
            }
        }
        queue.waiting -= 1;
        queue.delivered >= target
    }

    /// Whether the caller is a listener, which may not wait for what it is told about.
    #[must_use]
    pub fn is_bus_thread(&self) -> bool {
        let current = std::thread::current().id();
        self.thread
            .lock()
            .as_ref()
            .is_some_and(|thread| thread.thread().id() == current)
    }

    fn start_thread(&self) {
        let mut thread = self.thread.lock();
        if thread.is_some() || self.shared.closed.load(Ordering::Acquire) {
            return;
        }
        let shared = self.shared.clone();
        let spawned = std::thread::Builder::new()
            .name("hw-listener-bus".to_owned())
            .spawn(move || deliver(&shared));
        match spawned {
            Ok(handle) => *thread = Some(handle),
            Err(error) => tracing::error!(%error, "no listener bus: cannot start its thread"),
        }
    }

    /// Delivers what is queued and ends the thread.
    pub(crate) fn close(&self) {
        self.close_within(CLOSE);
    }

    fn close_within(&self, timeout: Duration) {
        let is_delivered = self.flush_timeout(timeout);
        self.shared.closed.store(true, Ordering::Release);
        {
            // Taken so that the thread is either waiting or sees the flag.
            let _queue = self.shared.queue.lock();
        }
        self.shared.due.notify_all();
        self.shared.delivered.notify_all();
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        if thread.thread().id() == std::thread::current().id() {
            return;
        }
        if is_delivered {
            // A listener's panic was caught, so there is nothing to learn from the result.
            let _ = thread.join();
        } else {
            // It ends once the listener lets it.
            tracing::error!(
                events = self.queued(),
                "a listener hangs, and the end of the program waits for it no longer"
            );
        }
    }
}

impl Drop for EventBus {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    /// So many events are not kept waiting for others, or the queue might overflow meanwhile.
    fn enough(&self) -> usize {
        self.capacity / 2
    }

    /// Waits until some events have gathered; `false` if there will be none.
    fn gather(&self, queue: &mut MutexGuard<'_, Queue>) -> bool {
        let is_closed = || self.closed.load(Ordering::Acquire);
        for _ in 0..LOOKS {
            if queue.waiting == 0 && queue.events.len() < self.enough() && !is_closed() {
                // Whoever ends this earlier wants them at once.
                self.due.wait_for(queue, GATHER);
            }
            if !queue.events.is_empty() {
                return true;
            }
        }
        while queue.events.is_empty() {
            if is_closed() {
                return false;
            }
            queue.is_asleep = true;
            self.due.wait(queue);
        }
        queue.is_asleep = false;
        true
    }
}

fn deliver(shared: &Shared) {
    let mut batch = VecDeque::new();
    let mut told = 0;
    loop {
        let dropped = {
            let mut queue = shared.queue.lock();
            queue.delivered += batch.len() as u64;
            batch.clear();
            shared.delivered.notify_all();
            if !shared.gather(&mut queue) {
                return;
            }
            std::mem::swap(&mut batch, &mut queue.events);
            shared.dropped.load(Ordering::Relaxed)
        };
        for event in &batch {
            deliver_one(shared, event);
        }
        // What found no place came after all that was in the queue.
        if dropped > told {
            let (at, events) = (SystemTime::now(), dropped - told);
            deliver_one(shared, &Event::Dropped(EventsDropped { at, events }));
            told = dropped;
        }
    }
}

fn deliver_one(shared: &Shared, event: &Event) {
    // Listeners may add and remove listeners, so the list is not locked while they run.
    let listeners = shared.listeners.lock().clone();
    for (id, listener) in &*listeners {
        if catch_unwind(AssertUnwindSafe(|| listener.lock().on_event(event))).is_err() {
            tracing::error!(listener = id.0, "a listener panicked; it stays registered");
        }
    }
}

#[cfg(test)]
mod tests;
