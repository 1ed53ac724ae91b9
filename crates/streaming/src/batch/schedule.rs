//! When batches are due: a decision over times, without a clock.

use std::time::Duration;

use crate::time::Time;

/// The batch times of a process, one after the other. None is left out: those of the time in
/// which no process ran, or in which the generator was busy, follow at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    next: Time,
    batch: Duration,
}

impl Schedule {
    pub(crate) fn from(first: Time, batch: Duration) -> Self {
        Schedule { next: first, batch }
    }

    /// The batch that is cut next.
    pub(crate) fn next(&self) -> Time {
        self.next
    }

    pub(crate) fn is_due(&self, now: Time) -> bool {
        now >= self.next
    }

    /// Whether the clock stands where no clock does that was not set back.
    pub(crate) fn is_far(&self, now: Time) -> bool {
        now + self.batch * 2 < self.next
    }

    /// Goes on to the batch after the next one, which was cut.
    pub(crate) fn cut(&mut self) {
        self.next += self.batch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::seconds;

    #[test]
    fn missed_batches_are_due_at_once_and_a_clock_that_was_set_back_makes_them_wait() {
        let at = |second: i64| Time::from_millis(second * 1000);
        let mut schedule = Schedule::from(at(3), seconds(1));
        assert!(!schedule.is_due(at(2)) && !schedule.is_far(at(2)));
        for second in 3..6 {
            assert_eq!(schedule.next(), at(second));
            assert!(schedule.is_due(at(5)));
            schedule.cut();
        }
        assert!(!schedule.is_due(at(5)));
        assert!(schedule.is_far(at(3)) && !schedule.is_far(at(4)));
    }
}
