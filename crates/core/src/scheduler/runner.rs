//! What actions call: runs a job and gives its results.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::Mutex;

use super::job::JobRun;
use super::slot::Unit;
use super::stack::{is_long, run_deep};
use super::{TaskContext, catch_panic, in_task};
use crate::chunk::Stop;
use crate::context::{ContextInner, LocalProperties};
use crate::error::{Error, JobError, TaskError};
use crate::rdd::{AnyNode, write_marked};
use crate::site::Site;

/// Runs jobs of a context.
#[derive(Clone)]
pub(crate) struct JobRunner {
    inner: Arc<ContextInner>,
    keep_shuffles: bool,
    /// The job that is being prepared by the jobs that this runs.
    within: Option<u64>,
}

impl JobRunner {
    pub(crate) fn new(inner: Arc<ContextInner>) -> Self {
        JobRunner {
            inner,
            keep_shuffles: false,
            within: None,
        }
    }

    /// For jobs that look at data which the job they run for reads again: what they
    /// shuffle is kept for it.
    pub(crate) fn ahead_of_another_job(&self) -> Self {
        JobRunner {
            inner: self.inner.clone(),
            keep_shuffles: true,
            within: self.within,
        }
    }

    /// For jobs that a job needs before it can be planned: they are cancelled with it.
    pub(super) fn within(&self, job: u64) -> Self {
        JobRunner {
            within: Some(job),
            ..self.clone()
        }
    }

    /// For long work on the driver that prepares a job: what it asks now and then, which
    /// fails once that job is cancelled.
    pub(crate) fn cancel_check(&self, operator: Site) -> impl Fn() -> Result<(), Error> {
        let prepared = self.within.and_then(|job| {
            let (action, cancelled) = self.inner.jobs.flag(job)?;
            Some((job, action, cancelled))
        });
        move || match &prepared {
            Some((job, action, cancelled)) if cancelled.load(Ordering::Relaxed) => {
                Err(Error::Job(Arc::new(JobError {
                    action: *action,
                    job: *job,
                    stage: operator,
                    partition: 0,
                    attempts: 0,
                    cause: TaskError::Cancelled,
                })))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn keeps_shuffles(&self) -> bool {
        self.keep_shuffles
    }

    /// Computes `work` for the given partitions (all when `None`) of the lineage that ends
    /// in `last`, and gives the results in the order of the partitions. What is marked in the
    /// lineage is checkpointed then.
    pub(crate) fn run<R: Send + 'static>(
        &self,
        action: Site,
        last: &Arc<dyn AnyNode>,
        partitions: Option<Vec<usize>>,
        work: impl Fn(&TaskContext, usize) -> Result<R, Stop> + Send + Sync + 'static,
    ) -> Result<Vec<R>, Error> {
        let results: Arc<Mutex<Vec<(usize, R)>>> = Arc::default();
        let stored = results.clone();
        let unit: Unit = Arc::new(move |task, partition| {
            let result = work(task, partition)?;
            stored.lock().push((partition, result));
            Ok(())
        });
        let wanted = self.run_units(action, last, partitions, unit)?;
        if !self.keep_shuffles {
            write_marked(&self.inner, last)?;
        }
        let mut results = std::mem::take(&mut *results.lock());
        let places: HashMap<usize, usize> = wanted
            .iter()
            .enumerate()
            .map(|(place, partition)| (*partition, place))
            .collect();
        results.sort_unstable_by_key(|(partition, _)| places.get(partition).copied());
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    fn run_units(
        &self,
        action: Site,
        last: &Arc<dyn AnyNode>,
        partitions: Option<Vec<usize>>,
        unit: Unit,
    ) -> Result<Vec<usize>, Error> {
        if in_task() {
            return Err(Error::NestedAction { site: action });
        }
        if self.inner.is_stopped() {
            return Err(Error::Stopped { site: action });
        }
        let started = Instant::now();
        let job = self.inner.next_job_id();
        let properties = LocalProperties::of_thread();
        let cancelled = self.inner.jobs.start(job, self.within, action, &properties);
        let mut run = JobRun::new(&self.inner, job, action, cancelled, unit);
        let thread_properties = properties.clone();
        let to_end = || {
            let result = catch_panic(action, || {
                run.run_to_end(self, last, partitions, properties)
            });
            result.unwrap_or_else(|cause| {
                run.abandon();
                Err(Error::Driver { cause })
            })
        };
        let result = match is_long(&**last) {
            false => to_end(),
            true => run_deep(action, thread_properties, to_end).flatten(),
        };
        run.reports
            .job_ended(started.elapsed(), result.as_ref().err());
        result
    }
}
