//! What is known of a result when the time is over, and the rest later.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::chunk::{Sink, Stop};
use crate::context::LocalProperties;
use crate::error::Error;
use crate::rdd::actions::on_driver;
use crate::rdd::future_action::in_background;
use crate::rdd::{Rdd, read};
use crate::record::Record;
use crate::scheduler::{catch_panic, in_task};
use crate::site::Site;

/// The result of a job that may still run: Spark's `PartialResult`.
///
/// It has what was known when the time was over; the job goes on, also when this is
/// dropped, and [`PartialResult::final_value`] waits for it.
///
/// ```
/// use std::time::Duration;
/// let ctx = headwater_core::Context::local(2).unwrap();
/// let count = ctx.range(0..10, 1, 4).count_approx(Duration::from_secs(60), 0.95).unwrap();
/// assert!(count.is_initial_value_final());
/// assert_eq!(count.initial_value().to_string(), "[10.000, 10.000]");
/// assert_eq!(count.to_string(), "(final: [10.000, 10.000])");
/// ```
pub struct PartialResult<R> {
    initial: R,
    is_final: bool,
    rest: Arc<dyn Rest<R>>,
}

impl<R> PartialResult<R> {
    /// What was known when the action returned: Spark's `initialValue`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..10, 1, 4).count_approx(Duration::MAX, 0.95).unwrap();
    /// assert_eq!(count.initial_value().mean, 10.0);
    /// ```
    #[must_use]
    pub fn initial_value(&self) -> &R {
        &self.initial
    }

    /// Whether the job had ended when the action returned, so that nothing will be added:
    /// Spark's `isInitialValueFinal`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..10, 1, 4).count_approx(Duration::MAX, 0.95).unwrap();
    /// assert!(count.is_initial_value_final());
    /// ```
    #[must_use]
    pub fn is_initial_value_final(&self) -> bool {
        self.is_final
    }

    /// Waits for the job's end and gives the result of all the data: Spark's
    /// `getFinalValue`.
    ///
    /// ```
    /// use std::time::Duration;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let count = ctx.range(0..10, 1, 4).count_approx(Duration::ZERO, 0.95).unwrap();
    /// assert_eq!(count.final_value().unwrap().mean, 10.0);
    /// ```
    ///
    /// # Errors
    /// [`Error::Job`] when the job failed after the action had returned, and as
    /// [`Rdd::collect`].
    pub fn final_value(&self) -> Result<R, Error> {
        self.rest.wait()
    }
}

impl<R: fmt::Display> fmt::Display for PartialResult<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rest.now() {
            Some(value) => write!(f, "(final: {value})"),
            None => write!(f, "(partial: {})", self.initial),
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for PartialResult<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialResult")
            .field("initial_value", &self.initial)
            .field("is_initial_value_final", &self.is_final)
            .finish_non_exhaustive()
    }
}

/// The job behind a partial result.
trait Rest<R>: Send + Sync {
    /// The result at the job's end.
    fn wait(&self) -> Result<R, Error>;

    /// The result, if the job has ended well.
    fn now(&self) -> Option<R>;
}

/// What the tasks of the job have given so far.
struct Progress<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
}

struct State<S> {
    /// By partition; `None` until it is known how many there are.
    parts: Option<Vec<Option<Arc<S>>>>,
    end: Option<Result<(), Error>>,
}

/// Makes a result of the parts that are there, in the order of the partitions, and of how
/// many parts there will be.
pub(super) type Evaluate<S, R> = fn(&[Arc<S>], usize, f64) -> R;

struct Job<S, R> {
    site: Site,
    progress: Arc<Progress<S>>,
    evaluate: Evaluate<S, R>,
    confidence: f64,
}

impl<S, R> Job<S, R> {
    /// Records are compared here, which may be code of the user.
    fn evaluate(&self, state: &State<S>) -> Result<R, Error> {
        let parts: Vec<Arc<S>> = state.parts.iter().flatten().flatten().cloned().collect();
        // Nothing of something, as long as it is not known what there is.
        let total = state.parts.as_ref().map_or(1, Vec::len);
        on_driver(self.site, || {
            (self.evaluate)(&parts, total, self.confidence)
        })
    }
}

impl<S: Send + Sync, R> Rest<R> for Job<S, R> {
    fn wait(&self) -> Result<R, Error> {
        let mut state = self.progress.state.lock();
        loop {
            match &state.end {
                Some(Ok(())) => return self.evaluate(&state),
                Some(Err(error)) => return Err(error.clone()),
                None => self.progress.changed.wait(&mut state),
            }
        }
    }

    fn now(&self) -> Option<R> {
        let state = self.progress.state.lock();
        let is_done = matches!(state.end, Some(Ok(())));
        is_done.then(|| self.evaluate(&state).ok())?
    }
}

impl<T: Record> Rdd<T> {
    /// Reads each partition into a sink of its own, in the background, and evaluates what
    /// there is when the job ends or the time is over.
    pub(super) fn approximate<S, R>(
        &self,
        site: Site,
        timeout: Duration,
        confidence: f64,
        make: impl Fn() -> S + Send + Sync + 'static,
        evaluate: Evaluate<S, R>,
    ) -> Result<PartialResult<R>, Error>
    where
        S: Sink<T> + Send + Sync + 'static,
        R: 'static,
    {
        if !(0.0..=1.0).contains(&confidence) {
            let message = format!("the confidence is {confidence}; it has to be between 0 and 1");
            return Err(Error::Build { site, message });
        }
        if in_task() {
            return Err(Error::NestedAction { site });
        }
        // A time so far away that the clock cannot tell it never comes.
        let until = Instant::now().checked_add(timeout);
        let progress = Arc::new(Progress {
            state: Mutex::new(State {
                parts: None,
                end: None,
            }),
            changed: Condvar::new(),
        });
        let (rdd, to) = (self.clone(), progress.clone());
        in_background(site, LocalProperties::of_thread(), move || {
            let ended = catch_panic(site, || rdd.fill(site, &to, make));
            // Whoever waits may then be the one who frees what the RDD holds.
            drop(rdd);
            to.state.lock().end = Some(ended.unwrap_or_else(|cause| Err(Error::Driver { cause })));
            to.changed.notify_all();
        })?;
        let job = Job {
            site,
            progress,
            evaluate,
            confidence,
        };
        job.give_up_at(until)
    }

    /// Runs the job.
    fn fill<S: Sink<T> + Send + Sync + 'static>(
        &self,
        site: Site,
        progress: &Arc<Progress<S>>,
        make: impl Fn() -> S + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let partitions = self.prepared_partitions(site)?;
        let parts = (0..partitions).map(|_| None).collect();
        progress.state.lock().parts = Some(parts);
        let (node, to) = (self.node.clone(), progress.clone());
        self.run(site, None, move |task, partition| {
            let mut sink = make();
            match read(&node, task, partition, &mut sink) {
                Ok(()) | Err(Stop::Enough) => {}
                Err(failed) => return Err(failed),
            }
            let part = Arc::new(sink);
            let mut state = to.state.lock();
            let parts = state.parts.as_mut();
            if let Some(place) = parts.and_then(|parts| parts.get_mut(partition)) {
                *place = Some(part);
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl<S: Send + Sync + 'static, R: 'static> Job<S, R> {
    /// The partial result when the job ends, or at this time if it has not ended.
    fn give_up_at(self, until: Option<Instant>) -> Result<PartialResult<R>, Error> {
        let (initial, is_final) = {
            let mut state = self.progress.state.lock();
            while state.end.is_none() {
                let changed = &self.progress.changed;
                match until {
                    None => changed.wait(&mut state),
                    Some(until) if changed.wait_until(&mut state, until).timed_out() => break,
                    Some(_) => {}
                }
            }
            if let Some(Err(error)) = &state.end {
                return Err(error.clone());
            }
            (self.evaluate(&state)?, state.end.is_some())
        };
        Ok(PartialResult {
            initial,
            is_final,
            rest: Arc::new(self),
        })
    }
}
