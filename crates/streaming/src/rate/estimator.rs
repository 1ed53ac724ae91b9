//! Which rate the batches manage: a controller with a proportional, an integral and a
//! derivative part, with Spark's formula.

use std::time::Duration;

use crate::time::Time;

/// How strongly each part of the controller answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PidGains {
    /// To the difference between the last rate and the rate of processing.
    pub(crate) proportional: f64,
    /// To the records that wait.
    pub(crate) integral: f64,
    /// To the change of the difference.
    pub(crate) derived: f64,
    /// The lowest rate.
    pub(crate) min_rate: f64,
}

/// How a batch went, as far as one input is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processed {
    /// When its last output ended.
    pub(crate) ended: Time,
    /// How many of its records came from the input.
    pub(crate) records: u64,
    /// From the begin of the first output to the end of the last one.
    pub(crate) took: Duration,
    /// How long the batch waited before that.
    pub(crate) waited: Duration,
}

/// Estimates, batch by batch, how many records a second can be processed: Spark's
/// `PIDRateEstimator`.
#[derive(Debug, Clone)]
pub(crate) struct PidRateEstimator {
    batch: Duration,
    gains: PidGains,
    latest: Option<Latest>,
}

/// What the last batch that counted has left.
#[derive(Debug, Clone, Copy)]
struct Latest {
    time: Time,
    rate: f64,
    error: f64,
}

impl PidRateEstimator {
    pub(crate) fn new(batch: Duration, gains: PidGains) -> Self {
        PidRateEstimator {
            batch,
            gains,
            latest: None,
        }
    }

    /// The new rate in records a second, if the batch says something about it.
    ///
    /// The first batch that does only sets the mark. A batch says nothing that had no records
    /// of the input, took less than a millisecond, or ended no later than the one before.
    pub(crate) fn update(&mut self, batch: &Processed) -> Option<f64> {
        let took_ms = whole_ms(batch.took);
        if batch.records == 0 || took_ms == 0.0 {
            return None;
        }
        let processing_rate = batch.records as f64 / took_ms * 1000.0;
        let Some(latest) = self.latest else {
            self.latest = Some(Latest {
                time: batch.ended,
                rate: processing_rate,
                error: 0.0,
            });
            return None;
        };
        let since_s = whole_ms(batch.ended.checked_since(latest.time)?) / 1000.0;
        if since_s == 0.0 {
            return None;
        }
        let error = latest.rate - processing_rate;
        // How much is left over in each batch interval, as the wait tells.
        let left_over = whole_ms(batch.waited) * processing_rate / whole_ms(self.batch);
        let error_change = (error - latest.error) / since_s;
        let gains = &self.gains;
        let rate = latest.rate
            - gains.proportional * error
            - gains.integral * left_over
            - gains.derived * error_change;
        let rate = rate.max(gains.min_rate);
        self.latest = Some(Latest {
            time: batch.ended,
            rate,
            error,
        });
        Some(rate)
    }
}

/// Spark's durations are whole milliseconds, and so are a clock's times.
fn whole_ms(length: Duration) -> f64 {
    length.as_millis() as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::{millis, seconds};

    const SPARKS: PidGains = PidGains {
        proportional: 1.0,
        integral: 0.2,
        derived: 0.0,
        min_rate: 100.0,
    };

    fn processed(ended: i64, records: u64, took: u64, waited: u64) -> Processed {
        Processed {
            ended: Time::from_millis(ended),
            records,
            took: millis(took),
            waited: millis(waited),
        }
    }

    #[test]
    fn rates_are_those_of_the_formula() {
        let mut pid = PidRateEstimator::new(seconds(1), SPARKS);
        // 500 in 400 ms are 1250 a second: the mark, and no rate.
        assert_eq!(pid.update(&processed(1400, 500, 400, 0)), None);
        // 800 in 500 ms are 1600: the error is -350, and all of it is corrected.
        assert_eq!(pid.update(&processed(2500, 800, 500, 0)), Some(1600.0));
        // 1600 in 2000 ms are 800, and 250 ms of wait are 200 records: 800 - 0.2 * 200.
        assert_eq!(pid.update(&processed(5000, 1600, 2000, 250)), Some(760.0));
    }

    #[test]
    fn every_part_answers_by_its_gain() {
        let gains = PidGains {
            proportional: 0.5,
            integral: 0.1,
            derived: 0.25,
            min_rate: 10.0,
        };
        let mut pid = PidRateEstimator::new(seconds(2), gains);
        assert_eq!(pid.update(&processed(1000, 1000, 1000, 0)), None);
        // Rate 600: error 400, 500 ms of wait are 150 records, the error grew by 200 a second:
        // 1000 - 0.5 * 400 - 0.1 * 150 - 0.25 * 200.
        let second = pid.update(&processed(3000, 600, 1000, 500));
        assert_eq!(second, Some(735.0));
        // Rate 735: no error, no wait, the error fell by 400 in 4 s: 735 + 0.25 * 100.
        let third = pid.update(&processed(7000, 735, 1000, 0));
        assert_eq!(third, Some(760.0));
    }

    #[test]
    fn batches_that_say_nothing_change_nothing() {
        let mut pid = PidRateEstimator::new(seconds(1), SPARKS);
        let silent = |pid: &mut PidRateEstimator, now: i64| {
            assert_eq!(pid.update(&processed(now, 0, 500, 0)), None);
            assert_eq!(pid.update(&processed(now, 500, 0, 0)), None);
        };
        silent(&mut pid, 900);
        assert_eq!(pid.update(&processed(1000, 1000, 1000, 0)), None);
        silent(&mut pid, 1900);
        // Not later than the last one.
        assert_eq!(pid.update(&processed(1000, 5, 1000, 0)), None);
        assert_eq!(pid.update(&processed(999, 5, 1000, 0)), None);
        assert_eq!(pid.update(&processed(2000, 900, 1000, 0)), Some(900.0));
    }

    #[test]
    fn the_first_rate_may_be_below_the_lowest_one() {
        let mut pid = PidRateEstimator::new(seconds(1), SPARKS);
        assert_eq!(pid.update(&processed(1000, 1, 1000, 0)), None);
        assert_eq!(pid.update(&processed(2000, 1, 1000, 0)), Some(100.0));
    }

    proptest! {
        #[test]
        fn no_rate_is_below_the_lowest(
            gains in (0.0..3.0, 0.0..3.0, 0.0..3.0, 0.001..5000.0_f64),
            batches in prop::collection::vec(
                (0..5_000_i64, 0..2_000_000_u64, 0..60_000_u64, 0..600_000_u64), 1..60),
        ) {
            let (proportional, integral, derived, min_rate) = gains;
            let gains = PidGains { proportional, integral, derived, min_rate };
            let mut pid = PidRateEstimator::new(millis(500), gains);
            let mut now = 0;
            for (step, records, took, waited) in batches {
                now += step;
                let rate = pid.update(&processed(now, records, took, waited));
                prop_assert!(rate.is_none_or(|rate| rate.is_finite() && rate >= min_rate));
                if records == 0 || took == 0 || step == 0 {
                    prop_assert_eq!(rate, None);
                }
            }
        }

        /// A stream whose batches process `capacity` records a second, give or take a tenth,
        /// and that is offered any amount: rates end where the capacity is, and nothing
        /// waits for ever.
        #[test]
        fn rates_converge_to_what_is_processed(
            capacity in 500.0..200_000.0_f64,
            first_part in 0.1..4.0_f64,
            noise in prop::collection::vec(-0.1..0.1_f64, 400),
        ) {
            let (batch_ms, mut free_at) = (1000.0, 0.0_f64);
            let mut pid = PidRateEstimator::new(seconds(1), SPARKS);
            // Since when which rate is in force; batches that are cut meanwhile have the old one.
            let mut rates = vec![(0.0, capacity * first_part)];
            let mut last_rates = Vec::new();
            for (index, noise) in noise.iter().enumerate() {
                let cut_at = (index + 1) as f64 * batch_ms;
                let begun = rates.partition_point(|(since, _)| *since <= cut_at - batch_ms);
                let rate = rates[begun - 1].1;
                let records = rate * batch_ms / 1000.0;
                let begin = free_at.max(cut_at).round();
                let took = (records / (capacity * (1.0 + noise)) * 1000.0).round();
                free_at = begin + took;
                let waited = begin - cut_at;
                let batch = processed(free_at as i64, records as u64, took as u64, waited as u64);
                if let Some(estimate) = pid.update(&batch) {
                    rates.push((free_at, estimate));
                }
                if index >= 300 {
                    last_rates.push(rate);
                    prop_assert!(waited <= batch_ms, "{waited} ms of wait");
                }
            }
            let mean = last_rates.iter().sum::<f64>() / last_rates.len() as f64;
            prop_assert!((mean / capacity - 1.0).abs() < 0.1, "{mean} of {capacity}");
        }
    }
}
