//! From the batches that are done to the rate of an input.

use parking_lot::Mutex;

use super::estimator::{PidRateEstimator, Processed};

type Publish = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// Keeps the rate of one input at what the batches manage: Spark's `RateController`.
///
/// It is told of every batch at the batch's end, by the thread that ends it: so whoever waits
/// for the batch finds the new rate in force.
pub(crate) struct RateController {
    estimator: Mutex<PidRateEstimator>,
    publish: Publish,
}

/// What a controller has published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Published {
    /// The estimate.
    pub(crate) rate: u64,
    /// What the input keeps to.
    pub(crate) limit: u64,
}

impl RateController {
    /// `publish` hands a rate, at least 1, to the input and tells what the input keeps to.
    pub(crate) fn new(
        estimator: PidRateEstimator,
        publish: impl Fn(u64) -> u64 + Send + Sync + 'static,
    ) -> Self {
        RateController {
            estimator: Mutex::new(estimator),
            publish: Box::new(publish),
        }
    }

    /// Takes a batch into account; the new rate, if there is one.
    pub(crate) fn batch_completed(&self, batch: &Processed) -> Option<Published> {
        // Held while it is published, or an older rate could overtake a newer one.
        let mut estimator = self.estimator.lock();
        // Whole records a second. A part of one is no rate, as in Spark.
        let rate = estimator.update(batch)? as u64;
        (rate > 0).then(|| Published {
            rate,
            limit: (self.publish)(rate),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rate::estimator::PidGains;
    use crate::time::{Time, millis, seconds};

    /// A controller of an input that takes at most 1000, and what it was handed.
    fn controller(min_rate: f64) -> (RateController, Arc<Mutex<Vec<u64>>>) {
        let gains = PidGains {
            proportional: 1.0,
            integral: 0.2,
            derived: 0.0,
            min_rate,
        };
        let handed = Arc::new(Mutex::new(Vec::new()));
        let to = handed.clone();
        let controller =
            RateController::new(PidRateEstimator::new(seconds(1), gains), move |rate| {
                to.lock().push(rate);
                rate.min(1000)
            });
        (controller, handed)
    }

    fn processed(ended: i64, records: u64, took: u64) -> Processed {
        Processed {
            ended: Time::from_millis(ended),
            records,
            took: millis(took),
            waited: millis(0),
        }
    }

    #[test]
    fn whole_records_are_published() {
        let (controller, handed) = controller(100.0);
        assert_eq!(controller.batch_completed(&processed(1000, 500, 400)), None);
        // 700 in 300 ms are 2333.3 a second.
        let published = controller.batch_completed(&processed(2000, 700, 300));
        let (rate, limit) = (2333, 1000);
        assert_eq!(published, Some(Published { rate, limit }));
        assert_eq!(controller.batch_completed(&processed(3000, 0, 300)), None);
        // 2 in 3 ms are 666.7.
        let published = controller.batch_completed(&processed(4000, 2, 3));
        let (rate, limit) = (666, 666);
        assert_eq!(published, Some(Published { rate, limit }));
        assert_eq!(*handed.lock(), [2333, 666]);
    }

    #[test]
    fn a_part_of_a_record_is_no_rate() {
        let (controller, handed) = controller(0.5);
        for second in 1..5 {
            let batch = processed(second * 10_000, 1, 5000);
            assert_eq!(controller.batch_completed(&batch), None);
        }
        assert!(handed.lock().is_empty());
    }
}
