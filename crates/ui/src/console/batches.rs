//! What the line tells, as a fold over what happened.

use std::collections::{BTreeSet, VecDeque};

use jiff::tz::TimeZone;

use crate::record::{At, BatchRecord, Record, Took};

/// Over how many batches the rate is taken.
const RATE_BATCHES: usize = 60;

/// How long a text stands at least.
const STANDS: Took = Took(100_000);

/// How long it stands while batches only queue up. The end of a batch tells more, and must not be
/// kept out by what was told just before it.
const STANDS_IN_BACKLOG: Took = Took(1_000_000);

/// How the batches of a stream went.
#[derive(Debug)]
pub(super) struct Batches {
    pub(super) app: String,
    pub(super) interval: Took,
    pub(super) zone: TimeZone,
    /// The last one that was done.
    pub(super) last: Option<BatchRecord>,
    pub(super) done: u64,
    pub(super) failed: u64,
    /// Those that have not begun, by their times.
    waiting: BTreeSet<i64>,
    /// The records of the last ones that were done.
    records: VecDeque<u64>,
    drawn: Option<At>,
}

impl Batches {
    pub(super) fn new(app: &str, interval: Took, zone: TimeZone) -> Self {
        Batches {
            app: app.to_owned(),
            interval,
            zone,
            last: None,
            done: 0,
            failed: 0,
            waiting: BTreeSet::new(),
            records: VecDeque::new(),
            drawn: None,
        }
    }

    /// Takes in what happened; tells whether the line should say something else now.
    pub(super) fn apply(&mut self, record: &Record) -> bool {
        match record {
            Record::StreamStarted(start) => self.may_draw(start.at, STANDS),
            Record::BatchSubmitted(batch) => {
                self.waiting.insert(batch.time);
                // A stream that keeps up is told by the ends of its batches, where all is known.
                self.waiting.len() > 1 && self.may_draw(batch.submitted, STANDS_IN_BACKLOG)
            }
            Record::BatchStarted(batch) => {
                self.begun(batch.time);
                false
            }
            Record::BatchDropped(batch) => {
                self.waiting.remove(&batch.time);
                // The end of the batch that failed follows, and tells all.
                false
            }
            Record::BatchCompleted(batch) => {
                self.begun(batch.time);
                self.complete(batch);
                let took = batch.total_delay().unwrap_or_default();
                let micros = i64::try_from(took.0).unwrap_or(i64::MAX);
                self.may_draw(At(batch.submitted.0.saturating_add(micros)), STANDS)
            }
            _ => false,
        }
    }

    /// Batches begin in their order: when one has, those before it have, whether or not the events
    /// that told it were dropped.
    fn begun(&mut self, time: i64) {
        while self.waiting.first().is_some_and(|first| *first <= time) {
            self.waiting.pop_first();
        }
    }

    fn complete(&mut self, batch: &BatchRecord) {
        self.done += 1;
        self.failed += u64::from(batch.failure().is_some());
        if self.records.len() == RATE_BATCHES {
            self.records.pop_front();
        }
        self.records.push_back(batch.records());
        self.last = Some(batch.clone());
    }

    /// How many batches wait to begin.
    pub(super) fn backlog(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Records per second of the last batches.
    pub(super) fn rate(&self) -> f64 {
        let seconds = self.interval.seconds_f64() * self.records.len() as f64;
        match seconds > 0.0 {
            true => self.records.iter().sum::<u64>() as f64 / seconds,
            false => 0.0,
        }
    }

    /// Whether what was drawn has stood for long enough. A clock that was set back stops nothing.
    fn may_draw(&mut self, at: At, stands: Took) -> bool {
        let still_stands = |drawn: At| at >= drawn && at.since(drawn) < stands;
        if self.drawn.is_some_and(still_stands) {
            return false;
        }
        self.drawn = Some(at);
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::{InputGave, StreamStart};

    /// A batch that waited for 6 ms and took 349 ms.
    pub(in crate::console) fn batch(time: i64, records: u64) -> BatchRecord {
        let gave = InputGave {
            records,
            ..InputGave::default()
        };
        BatchRecord {
            time,
            submitted: At(time * 1000),
            scheduling_delay: Some(Took(6_000)),
            processing_delay: Some(Took(349_000)),
            inputs: vec![gave],
            ..BatchRecord::default()
        }
    }

    pub(in crate::console) fn batches() -> Batches {
        Batches::new("LogAnalyzer", Took(1_000_000), TimeZone::UTC)
    }

    #[test]
    fn batches_wait_until_they_begin() {
        let mut batches = batches();
        let submitted = |time| Record::BatchSubmitted(batch(time, 1));
        let started = StreamStart {
            at: At(500_000),
            ..StreamStart::default()
        };
        assert!(batches.apply(&Record::StreamStarted(started)));
        assert!(!batches.apply(&submitted(1000)));
        assert_eq!(batches.backlog(), 1);
        assert!(!batches.apply(&Record::BatchStarted(batch(1000, 1))));
        assert_eq!(batches.backlog(), 0);
        assert!(batches.apply(&Record::BatchCompleted(batch(1000, 1))));
        assert!(
            !batches.apply(&submitted(2000)),
            "it does not wait for others"
        );
        assert!(batches.apply(&submitted(3000)), "it does");
        assert!(!batches.apply(&submitted(3500)));
        assert_eq!((batches.backlog(), batches.done), (3, 1));
    }

    #[test]
    fn batches_of_which_nothing_more_was_told_do_not_wait_for_ever() {
        let mut batches = batches();
        for time in [1000, 2000, 3000, 4000, 5000] {
            batches.apply(&Record::BatchSubmitted(batch(time, 1)));
        }
        batches.apply(&Record::BatchStarted(batch(3000, 1)));
        assert_eq!(batches.backlog(), 2);
        batches.apply(&Record::BatchCompleted(batch(4000, 1)));
        assert_eq!(batches.backlog(), 1);
        batches.apply(&Record::BatchDropped(batch(5000, 1)));
        assert_eq!(batches.backlog(), 0);
    }

    #[test]
    fn the_rate_is_that_of_the_last_minute_of_batches() {
        let mut batches = batches();
        assert_eq!(batches.rate(), 0.0);
        for number in 0..RATE_BATCHES as i64 {
            batches.apply(&Record::BatchCompleted(batch(number * 1000, 1000)));
        }
        assert_eq!(batches.rate(), 1000.0);
        for number in 60..90 {
            batches.apply(&Record::BatchCompleted(batch(number * 1000, 0)));
        }
        assert_eq!(batches.rate(), 500.0);
    }

    #[test]
    fn a_text_stands_for_a_tenth_of_a_second() {
        let mut batches = batches();
        let mut may_draw = |micros| batches.may_draw(At(micros), STANDS);
        assert!(may_draw(1_000_000));
        assert!(!may_draw(1_099_999));
        assert!(may_draw(1_100_000));
        assert!(may_draw(500_000), "the clock was set back");
        assert!(!may_draw(500_001));
    }
}
