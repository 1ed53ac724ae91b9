//! A running action that one can wait for, ask and cancel.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waiting, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::context::{Context, LocalProperties, ThreadProperties};
use crate::error::Error;
use crate::scheduler::{STACK_BYTES, catch_panic, in_task, thread_name};
use crate::site::Site;

/// An action that runs in the background: Spark's `FutureAction`.
///
/// Wait for it on this thread, or await it: it is a [`Future`] for any runtime, and needs
/// none. It goes on when the handle is dropped. Each one has a thread of its own, which the
/// driver's side of an action needs, so start no more of them than may run at a time.
///
/// ```
/// let ctx = headwater_core::Context::local(2).unwrap();
/// let numbers = ctx.range(0..10, 1, 2);
/// let (count, first) = (numbers.count_async(), numbers.take_async(1));
/// assert_eq!(count.wait().unwrap(), 10);
/// assert_eq!(first.wait().unwrap(), [0]);
/// ```
#[must_use = "the result and any error are in it; the action runs even if it is dropped"]
pub struct FutureAction<R> {
    ctx: Context,
    jobs: Arc<ActionJobs>,
    shared: Arc<Shared<R>>,
}

struct Shared<R> {
    state: Mutex<State<R>>,
    finished: Condvar,
}

struct State<R> {
    is_finished: bool,
    /// Until it is taken.
    result: Option<Result<R, Error>>,
    waker: Option<Waker>,
}

/// The jobs that an asynchronous action has run so far.
#[derive(Default)]
pub(crate) struct ActionJobs {
    state: Mutex<JobsState>,
}

#[derive(Default)]
struct JobsState {
    ids: Vec<u64>,
    cancelled: bool,
}

impl ActionJobs {
    /// Notes a job that is about to run; `true` if it is not wanted any more.
    pub(crate) fn joined_by(&self, job: u64) -> bool {
        let mut state = self.state.lock();
        state.ids.push(job);
        state.cancelled
    }
}

impl<R: Send + 'static> FutureAction<R> {
    /// Starts `action` on a thread of its own, where it counts as written at `site`.
    pub(super) fn start(
        ctx: &Context,
        site: Site,
        action: impl FnOnce() -> Result<R, Error> + Send + 'static,
    ) -> Self {
        let started = FutureAction {
            ctx: ctx.clone(),
            jobs: Arc::default(),
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    is_finished: false,
                    result: None,
                    waker: None,
                }),
                finished: Condvar::new(),
            }),
        };
        if in_task() {
            // The new thread would not know, and would wait for this task's slot.
            started.shared.finish(Err(Error::NestedAction { site }));
            return started;
        }
        let properties = LocalProperties {
            action: Some(started.jobs.clone()),
            ..LocalProperties::of_thread()
        };
        let shared = started.shared.clone();
        let spawned = in_background(site, properties, move || {
            let result = catch_panic(site, || site.cover(action));
            shared.finish(result.unwrap_or_else(|cause| Err(Error::Driver { cause })));
        });
        if let Err(error) = spawned {
            started.shared.finish(Err(error));
        }
        started
    }
}

/// Runs the driver's side of an action on a thread of its own.
pub(super) fn in_background(
    site: Site,
    properties: LocalProperties,
    run: impl FnOnce() + Send + 'static,
) -> Result<(), Error> {
    std::thread::Builder::new()
        .name(thread_name("action", site))
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let _properties = ThreadProperties::assume(properties);
            run();
        })
        .map(drop)
        .map_err(|error| Error::io("start a thread for", site.to_string(), error))
}

impl<R> Shared<R> {
    fn finish(&self, result: Result<R, Error>) {
        let mut state = self.state.lock();
        state.result = Some(result);
        state.is_finished = true;
        let waker = state.waker.take();
        drop(state);
        self.finished.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<R> FutureAction<R> {
    /// Waits for the action's end: Spark's `get`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.range(0..3, 1, 2).collect_async().wait().unwrap(), [0, 1, 2]);
    /// ```
    ///
    /// # Errors
    /// Those of the action; one for which [`Error::is_cancelled`] holds after
    /// [`FutureAction::cancel`].
    ///
    /// # Panics
    /// When the result was taken by awaiting it before.
    pub fn wait(self) -> Result<R, Error> {
        let mut state = self.shared.state.lock();
        while !state.is_finished {
            self.shared.finished.wait(&mut state);
        }
        state.result.take().expect(TAKEN)
    }

    /// Waits for the action's end, but no longer than this: Spark's `ready`. `true` if it
    /// has ended, so that [`FutureAction::wait`] gives its result at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..i64::MAX, 1, 2).filter(|n| *n < 0).count_async();
    /// assert!(!count.wait_timeout(Duration::from_millis(1)));
    /// count.cancel();
    /// assert!(count.wait().unwrap_err().is_cancelled());
    /// ```
    #[must_use]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let mut state = self.shared.state.lock();
        // A time so far away that the clock cannot tell it never comes.
        let until = Instant::now().checked_add(timeout);
        while !state.is_finished {
            match until {
                None => self.shared.finished.wait(&mut state),
                Some(until) => {
                    if self
                        .shared
                        .finished
                        .wait_until(&mut state, until)
                        .timed_out()
                    {
                        break;
                    }
                }
            }
        }
        state.is_finished
    }

    /// Whether the action has ended, well or not: Spark's `isCompleted`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..3, 1, 2).count_async();
    /// assert!(count.wait_timeout(std::time::Duration::MAX) && count.is_finished());
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.shared.state.lock().is_finished
    }

    /// Cancels the job that the action is running, and those that it would run: Spark's
    /// `cancel`. An action that has ended stays as it is.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..i64::MAX, 1, 2).filter(|n| *n < 0).count_async();
    /// count.cancel();
    /// assert!(count.is_cancelled() && count.wait().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(&self) {
        let mut state = self.jobs.state.lock();
        state.cancelled = true;
        let ids = state.ids.clone();
        drop(state);
        for job in ids {
            self.ctx.cancel_job(job);
        }
    }

    /// Whether [`FutureAction::cancel`] was called: Spark's `isCancelled`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert!(!ctx.range(0..3, 1, 2).count_async().is_cancelled());
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.jobs.state.lock().cancelled
    }

    /// The jobs that the action has run so far, the present one included: Spark's `jobIds`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..3, 1, 2).count_async();
    /// assert!(count.wait_timeout(std::time::Duration::MAX));
    /// assert_eq!(count.job_ids(), [0]);
    /// ```
    #[must_use]
    pub fn job_ids(&self) -> Vec<u64> {
        self.jobs.state.lock().ids.clone()
    }
}

const TAKEN: &str = "the result of an action can be taken once";

impl<R> Future for FutureAction<R> {
    type Output = Result<R, Error>;

    /// # Panics
    /// When it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, waiting: &mut Waiting<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.state.lock();
        if state.is_finished {
            return Poll::Ready(state.result.take().expect(TAKEN));
        }
        state.waker = Some(waiting.waker().clone());
        Poll::Pending
    }
}

impl<R> fmt::Debug for FutureAction<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FutureAction")
            .field("job_ids", &self.job_ids())
            .field("is_finished", &self.is_finished())
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}
