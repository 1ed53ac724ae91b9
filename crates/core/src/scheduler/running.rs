//! The jobs that run now, so that they can be cancelled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// Every running job with the flag that its tasks look at.
#[derive(Default)]
pub(crate) struct RunningJobs {
    jobs: Mutex<HashMap<u64, Running>>,
}

struct Running {
    cancelled: Arc<AtomicBool>,
    group: Option<Arc<str>>,
}

impl RunningJobs {
    pub(crate) fn start(&self, job: u64, group: Option<Arc<str>>) -> Arc<AtomicBool> {
        let cancelled = Arc::new(AtomicBool::new(false));
        self.jobs.lock().insert(
            job,
            Running {
                cancelled: cancelled.clone(),
                group,
            },
        );
        cancelled
    }

    pub(crate) fn end(&self, job: u64) {
        self.jobs.lock().remove(&job);
    }

    pub(crate) fn cancel(&self, job: u64) -> bool {
        let jobs = self.jobs.lock();
        let running = jobs.get(&job);
        if let Some(running) = running {
            running.cancelled.store(true, Ordering::Relaxed);
        }
        running.is_some()
    }

    pub(crate) fn cancel_group(&self, group: &str) {
        for running in self.jobs.lock().values() {
            if running.group.as_deref() == Some(group) {
                running.cancelled.store(true, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn cancel_all(&self) {
        for running in self.jobs.lock().values() {
            running.cancelled.store(true, Ordering::Relaxed);
        }
    }
}
