//! When state may be written whole: in the moments in which no batch runs.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

/// Lets batches go before whoever writes state.
///
/// The writer asks often, and that costs it next to nothing. A writer that is late goes on
/// while batches run: a stream that is never idle is written, too.
#[derive(Default)]
pub(crate) struct Pace {
    moment: Mutex<Moment>,
    changed: Condvar,
    /// What the moment says to the writer.
    gives_way: AtomicBool,
}

#[derive(Default)]
struct Moment {
    /// How many batches have begun and not ended.
    running: usize,
    /// How often the last of them has ended.
    idle: u64,
    is_late: bool,
    is_over: bool,
}

impl Pace {
    /// A batch begins: what it needs must not be held.
    pub(super) fn batch_begins(&self) {
        self.change(|moment| moment.running += 1);
    }

    /// So many batches have ended.
    pub(super) fn batches_ended(&self, count: usize) {
        self.change(|moment| {
            moment.running = moment.running.saturating_sub(count);
            moment.idle += u64::from(moment.running == 0);
        });
    }

    /// Says whether the writer has waited for long enough.
    pub(super) fn set_late(&self, is_late: bool) {
        self.change(|moment| moment.is_late = is_late);
    }

    /// Nothing is to be written any more.
    pub(super) fn end(&self) {
        self.change(|moment| moment.is_over = true);
    }

    /// Whether the writer has to let go of what it holds.
    pub(crate) fn gives_way(&self) -> bool {
        self.gives_way.load(Ordering::Relaxed)
    }

    /// Waits for a moment in which state may be written; `false` when there will be none.
    pub(super) fn wait(&self) -> bool {
        self.wait_for(0)
    }

    /// As [`Pace::wait`], but lets so many such moments go by first, unless it is late: they
    /// have turned out to be short.
    pub(super) fn wait_for(&self, moments: u64) -> bool {
        let mut moment = self.moment.lock();
        let from = moment.idle + moments;
        while !moment.is_over && (moment.gives_way() || (moment.idle < from && !moment.is_late)) {
            self.changed.wait(&mut moment);
        }
        !moment.is_over
    }

    fn change(&self, how: impl FnOnce(&mut Moment)) {
        let mut moment = self.moment.lock();
        how(&mut moment);
        let gives_way = moment.gives_way();
        self.gives_way.store(gives_way, Ordering::Relaxed);
        let is_over = moment.is_over;
        drop(moment);
        if !gives_way || is_over {
            self.changed.notify_all();
        }
    }
}

impl Moment {
    fn gives_way(&self) -> bool {
        self.is_over || (self.running > 0 && !self.is_late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_gives_way_to_batches_until_it_is_late() {
        let pace = Pace::default();
        assert!(!pace.gives_way() && pace.wait());
        pace.batch_begins();
        pace.batch_begins();
        pace.batches_ended(1);
        assert!(pace.gives_way());
        pace.set_late(true);
        assert!(!pace.gives_way() && pace.wait());
        pace.set_late(false);
        assert!(pace.gives_way());
        pace.batches_ended(1);
        assert!(!pace.gives_way() && pace.wait());
    }

    #[test]
    fn moments_go_by_until_it_is_late() {
        let pace = Pace::default();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pace.wait_for(3));
            for _ in 0..2 {
                pace.batch_begins();
                pace.batches_ended(1);
            }
            pace.batch_begins();
            pace.set_late(true);
            assert!(waiting.join().unwrap());
        });
    }

    #[test]
    fn who_waits_is_woken_by_an_idle_moment_and_by_the_end() {
        for (wake, may_write) in [
            (Pace::end as fn(&Pace), false),
            (|pace: &Pace| pace.batches_ended(1), true),
        ] {
            let pace = Pace::default();
            pace.batch_begins();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| pace.wait());
                wake(&pace);
                assert_eq!(waiting.join().unwrap(), may_write);
            });
        }
    }
}
