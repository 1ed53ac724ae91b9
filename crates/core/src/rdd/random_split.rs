//! Random parts that make up the whole.

use super::sample::Draw;
use super::{Rdd, refuse};
use crate::record::Record;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// Cuts the RDD at random into as many parts as there are weights: Spark's
    /// `randomSplit`.
    ///
    /// Every record is in exactly one part, in part `i` with probability `weights[i]` over
    /// the sum of all weights; so only the expected sizes follow the weights. The same seed
    /// gives the same parts. Each part reads the whole RDD: cache it where that is
    /// expensive. A record keeps its partition.
    ///
    /// Weights below zero, of which none is above it, or whose sum is not finite, are a
    /// mistake that the parts' actions report. Without weights there are no parts.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..1000, 1, 4);
    /// let [train, test] = numbers.random_split(&[3.0, 1.0], 7).try_into().ok().unwrap();
    /// let (train, test) = (train.count().unwrap(), test.count().unwrap());
    /// assert!(train + test == 1000 && (200..300).contains(&test));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn random_split(&self, weights: &[f64], seed: u64) -> Vec<Rdd<T>> {
        let site = Site::here("random_split");
        let sum: f64 = weights.iter().sum();
        let is_right = |weight: &f64| *weight >= 0.0;
        let rule = if !(weights.iter().all(is_right) && sum > 0.0) {
            Some("they must not be below 0, and at least one has to be above it")
        } else if sum.is_infinite() {
            Some("their sum must be finite: make all of them smaller by the same factor")
        } else {
            None
        };
        if let Some(rule) = rule {
            let wrong = format!("the weights are {weights:?}; {rule}");
            let refused = |_| refuse(&self.ctx, site, wrong.clone());
            return weights.iter().map(refused).collect();
        }
        let last = weights.iter().rposition(|weight| *weight > 0.0);
        let (mut start, mut before) = (0.0, 0.0);
        let cells = weights.iter().enumerate().map(|(at, weight)| {
            before += weight;
            // Rounding must leave no number for nobody.
            let end = if last.is_some_and(|last| at >= last) {
                1.0
            } else {
                before / sum
            };
            std::mem::replace(&mut start, end)..end
        });
        cells
            .map(|cell| self.drawn(site, Draw::Cell(cell), seed))
            .collect()
    }
}
