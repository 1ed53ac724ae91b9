//! What the line tells, as a fold over what happened.

use std::collections::{BTreeSet, VecDeque};

use jiff::tz::TimeZone;

use crate::record::{At, BatchRecord, Record, Took};

/// Over how many batches the rate is taken.
const RATE_BATCHES: usize = 60;

/// How long a text stands at least.
const STANDS: Took = Took(100_000);

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

    /// Takes in what happened; tells when, if the line should say something else now.
    pub(super) fn apply(&mut self, record: &Record) -> Option<At> {
        match record {
            Record::BatchSubmitted(batch) => {
                self.waiting.insert(batch.time);
                // A stream that keeps up is told by the ends of its batches, where all is known.
                (self.waiting.len() > 1 || self.last.is_none()).then_some(batch.submitted)
            }
            Record::BatchStarted(batch) => {
                self.waiting.remove(&batch.time);
                None
            }
            Record::BatchCompleted(batch) => {
                self.waiting.remove(&batch.time);
                self.complete(batch);
                let took = batch.total_delay().unwrap_or_default();
                let micros = i64::try_from(took.0).unwrap_or(i64::MAX);
                Some(At(batch.submitted.0.saturating_add(micros)))
            }
            _ => None,
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

    /// Whether the line may be drawn again at a time. A clock that was set back does not stop it.
    pub(super) fn may_draw(&mut self, at: At) -> bool {
        let stands = |drawn: At| at >= drawn && at.since(drawn) < STANDS;
        if self.drawn.is_some_and(stands) {
            return false;
        }
        self.drawn = Some(at);
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::InputGave;

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
        assert_eq!(batches.apply(&submitted(1000)), Some(At(1_000_000)));
        batches.apply(&Record::BatchStarted(batch(1000, 1)));
        assert_eq!(batches.backlog(), 0);
        let done = batches.apply(&Record::BatchCompleted(batch(1000, 1)));
        assert_eq!(done, Some(At(1_355_000)));
        assert_eq!(batches.apply(&submitted(2000)), None);
        assert_eq!(batches.apply(&submitted(3000)), Some(At(3_000_000)));
        assert_eq!((batches.backlog(), batches.done), (2, 1));
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
        assert!(batches.may_draw(At(1_000_000)));
        assert!(!batches.may_draw(At(1_099_999)));
        assert!(batches.may_draw(At(1_100_000)));
        assert!(batches.may_draw(At(500_000)), "the clock was set back");
        assert!(!batches.may_draw(At(500_001)));
    }
}
