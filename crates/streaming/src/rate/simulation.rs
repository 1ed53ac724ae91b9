//! Histories of backpressure: loads that change, batches that wait, clocks that are set.
//!
//! Each is drawn from a seed, which a failure names.

use fastrand::Rng;

use super::estimator::{PidGains, PidRateEstimator, Processed};
use crate::time::{Time, millis, seconds};

const BATCH_MS: f64 = 1000.0;

const GAINS: PidGains = PidGains {
    proportional: 1.0,
    integral: 0.2,
    derived: 0.0,
    min_rate: 100.0,
};

/// A stream with batches of a second, each of which has as many records as the rate allows.
struct Stream {
    estimator: PidRateEstimator,
    /// Records a second.
    rate: f64,
    /// What the program manages, in records a second.
    capacity: f64,
    /// What comes in, in records a second.
    offered: f64,
    /// When the batch is cut, when the one before it was done, and how far the clock that the
    /// estimator sees is from that.
    cut_ms: f64,
    free_ms: f64,
    clock_ms: i64,
}

impl Stream {
    fn new(rng: &mut Rng) -> Self {
        let capacity = between(rng, 500.0, 100_000.0);
        Stream {
            estimator: PidRateEstimator::new(seconds(1), GAINS),
            rate: capacity * between(rng, 0.1, 4.0),
            capacity,
            offered: capacity * 10.0,
            cut_ms: 0.0,
            free_ms: 0.0,
            clock_ms: 1_000_000_000,
        }
    }

    /// Runs a batch; how long it waited, and the new rate if there is one.
    fn batch(&mut self, noise: f64) -> (f64, Option<f64>) {
        self.cut_ms += BATCH_MS;
        let records = (self.rate.min(self.offered) * BATCH_MS / 1000.0).round();
        let begin = self.free_ms.max(self.cut_ms);
        let took = (records / (self.capacity * (1.0 + noise)) * 1000.0).round();
        self.free_ms = begin + took;
        let waited = begin - self.cut_ms;
        let new = self.estimator.update(&Processed {
            ended: Time::from_millis(self.free_ms as i64 + self.clock_ms),
            records: records as u64,
            took: millis(took as u64),
            waited: millis(waited as u64),
        });
        if let Some(rate) = new {
            self.rate = rate;
        }
        (waited, new)
    }
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + rng.f64() * (high - low)
}

#[test]
fn whatever_comes_in_rates_are_rates_and_calm_brings_them_to_the_capacity() {
    for seed in 0..1000 {
        let mut rng = Rng::with_seed(seed);
        let mut stream = Stream::new(&mut rng);
        for step in 0..300 {
            match rng.u8(0..40) {
                0 => stream.capacity = between(&mut rng, 500.0, 100_000.0),
                1 => stream.offered = between(&mut rng, 0.0, 200_000.0),
                2 => stream.clock_ms += rng.i64(0..100_000),
                3 => stream.clock_ms -= rng.i64(0..100_000),
                _ => {}
            }
            let noise = between(&mut rng, -0.3, 0.3);
            let (_, rate) = stream.batch(noise);
            let is_rate = rate.is_none_or(|rate| rate.is_finite() && rate >= GAINS.min_rate);
            assert!(is_rate, "seed {seed}, step {step}: {rate:?}");
        }
        // From here on more is offered than can be processed. What waits is worked off, a clock
        // that was set back passes the point where it was, and then the rate is the capacity.
        stream.offered = f64::MAX;
        let mut last = Vec::new();
        for step in 0..2000 {
            let noise = between(&mut rng, -0.05, 0.05);
            let (waited, _) = stream.batch(noise);
            if step >= 1900 {
                last.push(stream.rate / stream.capacity);
                assert!(waited <= BATCH_MS, "seed {seed}: {waited} ms of wait");
            }
        }
        let mean = last.iter().sum::<f64>() / last.len() as f64;
        assert!(
            (mean - 1.0).abs() < 0.1,
            "seed {seed}: {mean} of the capacity"
        );
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_the_rate_until_it_has_caught_up() {
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let mut stream = Stream::new(&mut rng);
        for _ in 0..20 {
            stream.batch(0.0);
        }
        let (rate, latest) = (stream.rate, stream.free_ms as i64 + stream.clock_ms);
        stream.clock_ms -= rng.i64(60_000..100_000);
        while stream.free_ms as i64 + stream.clock_ms < latest - 10_000 {
            assert_eq!(stream.batch(0.0).1, None, "seed {seed}");
            assert_eq!(stream.rate.to_bits(), rate.to_bits(), "seed {seed}");
        }
        let answers = (0..30).filter(|_| stream.batch(0.0).1.is_some());
        assert!(
            answers.count() > 10,
            "seed {seed}: nothing is learned any more"
        );
    }
}
