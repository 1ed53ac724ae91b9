//! `shortest-interval`: how short batches may be before the stream falls behind.

use std::time::Duration;

use headwater::Context;

use crate::SLOTS;
use crate::batch::trivial_stream;
use crate::error::BenchError;
use crate::measure::median;
use crate::options::Options;
use crate::stream::Batch;
use crate::table::{Row, YES_NO};

const INTERVALS_MS: [u64; 5] = [1, 2, 5, 10, 20];

/// What is run first, for a while, so that the first interval does not pay for the start.
const WARM_UP_MS: u64 = 20;
const WARM_UP: Duration = Duration::from_secs(1);

const MINUTE_MS: u64 = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// Of the batches that should have been, so many have to be complete.
const COMPLETE: f64 = 0.95;

/// Tries intervals in ascending order until one holds.
pub(crate) fn run(options: &Options) -> Result<Vec<Row>, BenchError> {
    let ctx = Context::local(SLOTS)?;
    observe(&ctx, WARM_UP_MS, WARM_UP)?;
    let mut rows = Vec::new();
    let mut shortest = f64::INFINITY;
    for interval_ms in INTERVALS_MS {
        let seen = observe(&ctx, interval_ms, Duration::from_secs(options.seconds))?;
        let name = format!("shortest-interval/{interval_ms}ms");
        rows.push(Row::new(name, "delay_ms", seen.delay_ms(), "ms"));
        if seen.holds() {
            shortest = interval_ms as f64;
            break;
        }
    }
    rows.push(Row::new("shortest-interval", "interval_ms", shortest, "ms"));
    if options.minute {
        let seen = observe(&ctx, MINUTE_MS, MINUTE)?;
        let name = "shortest-interval/5ms-for-a-minute";
        rows.push(Row::new(name, "delay_ms", seen.delay_ms(), "ms"));
        rows.push(Row::new(
            name,
            "stable",
            f64::from(u8::from(seen.holds())),
            YES_NO,
        ));
    }
    ctx.stop();
    Ok(rows)
}

fn observe(ctx: &Context, interval_ms: u64, length: Duration) -> Result<Observed, BenchError> {
    let length_ms = length.as_millis() as u64;
    // A few more than needed: the last ones are cut while the stream is being stopped.
    let inputs = (length_ms / interval_ms + 100) as usize;
    let stream = trivial_stream("shortest-interval", ctx, interval_ms, inputs)?;
    let batches = stream.during(length)?;
    let delays_ms = batches.iter().map(Batch::delay_ms).collect();
    Ok(Observed {
        interval_ms,
        length_ms,
        delays_ms,
    })
}

/// What a stream did.
struct Observed {
    interval_ms: u64,
    length_ms: u64,
    /// From each batch's time to its end, in the order of completion.
    delays_ms: Vec<f64>,
}

impl Observed {
    /// The median delay in the second half.
    fn delay_ms(&self) -> f64 {
        median(
            self.delays_ms
                .get(self.delays_ms.len() / 2..)
                .unwrap_or_default(),
        )
    }

    /// Whether the stream kept up: late in the run half of the batches were done within two
    /// intervals of their time, the delay did not grow, and no batches are missing.
    fn holds(&self) -> bool {
        let interval_ms = self.interval_ms as f64;
        let (_, late) = self.delays_ms.split_at(self.delays_ms.len() / 2);
        let (third, fourth) = late.split_at(late.len() / 2);
        let is_complete =
            self.delays_ms.len() as f64 >= self.length_ms as f64 / interval_ms * COMPLETE;
        let grows = median(fourth) - median(third) >= interval_ms;
        is_complete && !grows && self.delay_ms() < 2.0 * interval_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(delays_ms: impl IntoIterator<Item = f64>) -> Observed {
        Observed {
            interval_ms: 5,
            length_ms: 500,
            delays_ms: delays_ms.into_iter().collect(),
        }
    }

    #[test]
    fn short_delays_hold_and_a_slow_start_or_a_hiccup_does_not_matter() {
        assert!(observed(vec![1.0; 99]).holds());
        assert!(observed((0..99).map(|n| if n < 40 { 80.0 } else { 1.0 })).holds());
        assert!(observed((0..99).map(|n| if n % 9 == 0 { 80.0 } else { 1.0 })).holds());
    }

    #[test]
    fn long_or_growing_delays_do_not_hold() {
        assert!(!observed(vec![10.0; 99]).holds());
        assert!(!observed((0..99).map(|n| f64::from(n) * 0.2)).holds());
        assert!(!observed((0..99).map(|n| if n < 75 { 1.0 } else { 9.0 })).holds());
    }

    #[test]
    fn missing_batches_do_not_hold() {
        assert!(!observed(vec![1.0; 90]).holds());
        assert!(!observed([]).holds());
    }
}
