//! What happened while a case ran.

use std::sync::{Arc, Mutex, MutexGuard};

use headwater::time::Time;

use crate::compare::{Happened, What};

/// What happened so far, in the order in which it came about; a handle.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    /// The life of the program, where it has several.
    run: Option<usize>,
    happened: Vec<Happened>,
}

impl Log {
    /// The pipeline called a function that logs.
    pub(crate) fn event(&self, event: &str, time: Time) {
        self.push(time, None, What::Event(event.to_owned()));
    }

    pub(crate) fn push(&self, time: Time, out: Option<&str>, what: What) {
        let mut entries = self.lock();
        let happened = Happened {
            run: entries.run,
            time_ms: time.as_millis(),
            out: out.map(str::to_owned),
            what,
        };
        entries.happened.push(happened);
    }

    /// What happens from now on belongs to this life of the program.
    pub(crate) fn begin_run(&self, run: Option<usize>) {
        self.lock().run = run;
    }

    pub(crate) fn run(&self) -> Option<usize> {
        self.lock().run
    }

    /// Forgets what happened at a time and after it.
    pub(crate) fn forget_from(&self, time_ms: i64) {
        self.lock().happened.retain(|each| each.time_ms < time_ms);
    }

    pub(crate) fn entries(&self) -> Vec<Happened> {
        self.lock().happened.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().expect("no thread panics with the log")
    }
}
