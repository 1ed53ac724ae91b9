//! What the configuration says about rates.

use std::sync::Arc;
use std::time::Duration;

use headwater_core::Conf;
use headwater_core::conf::ConfError;

use super::controller::RateController;
use super::estimator::{PidGains, PidRateEstimator};
use super::limiter::RateLimiter;
use crate::clock::Clock;
use crate::conf::{self, RateEstimator};

/// What inputs are made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateSettings {
    /// The estimator's gains, if there is backpressure.
    gains: Option<PidGains>,
    initial_rate: Option<u64>,
    max_rate: Option<u64>,
}

impl RateSettings {
    pub(crate) fn read(conf: &Conf) -> Result<Self, ConfError> {
        let RateEstimator::Pid = conf.get(&conf::BACKPRESSURE_RATE_ESTIMATOR)?;
        let gains = PidGains {
            proportional: conf.get(&conf::PID_PROPORTIONAL)?,
            integral: conf.get(&conf::PID_INTEGRAL)?,
            derived: conf.get(&conf::PID_DERIVED)?,
            min_rate: conf.get(&conf::PID_MIN_RATE)?.get(),
        };
        let limit = |key| Ok(conf.get_optional(key)?.filter(|&rate| rate > 0));
        Ok(RateSettings {
            gains: conf.get(&conf::BACKPRESSURE_ENABLED)?.then_some(gains),
            initial_rate: limit(&conf::BACKPRESSURE_INITIAL_RATE)?,
            max_rate: limit(&conf::RECEIVER_MAX_RATE)?,
        })
    }

    /// The limiter of a receiver.
    pub(crate) fn limiter(&self, clock: &Arc<dyn Clock>, batch: Duration) -> Arc<RateLimiter> {
        let (first, max) = (self.initial_rate, self.max_rate);
        Arc::new(RateLimiter::new(clock.clone(), batch, first, max))
    }

    /// The controller of an input, if there is backpressure.
    pub(crate) fn controller(
        &self,
        batch: Duration,
        publish: impl Fn(u64) -> u64 + Send + Sync + 'static,
    ) -> Option<RateController> {
        let estimator = PidRateEstimator::new(batch, self.gains?);
        Some(RateController::new(estimator, publish))
    }

    /// The first rate of a source that is asked batch by batch: none without backpressure.
    pub(crate) fn first_read_rate(&self) -> Option<u64> {
        self.gains.and(self.initial_rate)
    }
}
