//! How often numbers fall into each of several intervals.

use std::sync::Arc;

use super::Rdd;
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::site::Site;

impl Rdd<f64> {
    /// Counts the numbers in `buckets` intervals of one width between the least and the
    /// greatest: Spark's `histogram`.
    ///
    /// Gives the bounds, one more than there are intervals, and the counts. An interval
    /// holds its lower bound and not its upper one, except the last, which holds both. When
    /// all numbers are equal there is a single interval `[v, v]`. Runs two jobs: cache what
    /// is dear to compute.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![0.0, 1.0, 4.0, 9.0, 10.0], 2);
    /// let (bounds, counts) = numbers.histogram(2).unwrap();
    /// assert_eq!(bounds, [0.0, 5.0, 10.0]);
    /// assert_eq!(counts, [3, 2]);
    /// ```
    ///
    /// # Errors
    /// [`Error::EmptyCollection`] when there is no number; [`Error::Build`] for 0 buckets
    /// and when the numbers include NaN or an infinity; and as [`Rdd::collect`].
    #[track_caller]
    pub fn histogram(&self, buckets: usize) -> Result<(Vec<f64>, Vec<u64>), Error> {
        let site = Site::here("histogram");
        if buckets == 0 {
            return Err(refused(site, "0 buckets asked for; at least 1 is needed"));
        }
        let stats = self.stats_at(site)?;
        if stats.count() == 0 {
            return Err(Error::EmptyCollection { site });
        }
        let (min, max) = (stats.min(), stats.max());
        let span = max - min;
        if !span.is_finite() {
            let message = "the numbers include NaN or an infinity, or lie too far apart; \
                           filter them first or give the bounds";
            return Err(refused(site, message));
        }
        if min == max {
            return Ok((vec![min, max], vec![stats.count()]));
        }
        let bound = |at: usize| min + at as f64 * span / buckets as f64;
        let bounds = (0..buckets).map(bound).chain([max]).collect();
        let even = Buckets::Even { min, max, buckets };
        Ok((bounds, self.counts_in(site, even, buckets)?))
    }

    /// Counts the numbers in the intervals between given bounds: Spark's `histogram` with
    /// an array of buckets.
    ///
    /// An interval holds its lower bound and not its upper one, except the last, which
    /// holds both. Numbers outside the bounds, and NaN, are not counted. The bounds may be
    /// infinite.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let ages = ctx.parallelize(vec![3.0, 18.0, 40.0, 65.0, 99.0, f64::NAN], 2);
    /// let counts = ages.histogram_with(&[0.0, 18.0, 65.0]).unwrap();
    /// assert_eq!(counts, [1, 3]);
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when there are fewer than two bounds, or they do not ascend (only
    /// a single interval may be `[v, v]`); and as [`Rdd::collect`].
    #[track_caller]
    pub fn histogram_with(&self, bounds: &[f64]) -> Result<Vec<u64>, Error> {
        let site = Site::here("histogram_with");
        let (&[first, .., last], buckets) = (bounds, bounds.len().saturating_sub(1)) else {
            let message = format!("{} bounds given; at least 2 are needed", bounds.len());
            return Err(refused(site, message));
        };
        let is_point = buckets == 1 && first == last;
        if !bounds.is_sorted_by(|a, b| a < b) && !is_point {
            return Err(refused(
                site,
                format!("the bounds {bounds:?} do not ascend; sort them"),
            ));
        }
        self.counts_in(site, Buckets::Between(bounds.into()), buckets)
    }

    fn counts_in(&self, site: Site, how: Buckets, buckets: usize) -> Result<Vec<u64>, Error> {
        let make = move || Histogram {
            how: how.clone(),
            counts: vec![0; buckets],
        };
        let mut counts = vec![0; buckets];
        for part in self.run_sinks(site, None, make)? {
            for (all, count) in counts.iter_mut().zip(part.counts) {
                *all += count;
            }
        }
        Ok(counts)
    }
}

fn refused(site: Site, message: impl Into<String>) -> Error {
    Error::Build {
        site,
        message: message.into(),
    }
}

#[derive(Clone)]
enum Buckets {
    /// Of one width: the place is computed, as Spark computes it.
    Even { min: f64, max: f64, buckets: usize },
    /// Between ascending bounds: the place is searched.
    Between(Arc<[f64]>),
}

impl Buckets {
    /// In which interval a number lies, if in any.
    #[inline]
    fn place(&self, number: f64) -> Option<usize> {
        match self {
            Buckets::Even { min, max, buckets } => {
                let is_inside = number >= *min && number <= *max;
                let place = ((number - min) / (max - min) * *buckets as f64) as usize;
                is_inside.then(|| place.min(buckets - 1))
            }
            Buckets::Between(bounds) => {
                let is_inside = bounds.last().is_some_and(|last| number <= *last);
                let below = bounds.partition_point(|bound| *bound <= number);
                let place = below.min(bounds.len() - 1).checked_sub(1)?;
                is_inside.then_some(place)
            }
        }
    }
}

struct Histogram {
    how: Buckets,
    counts: Vec<u64>,
}

impl Sink<f64> for Histogram {
    fn push(&mut self, chunk: &mut Vec<f64>) -> Push {
        let result = self.push_shared(chunk);
        chunk.clear();
        result
    }

    fn push_shared(&mut self, chunk: &[f64]) -> Push {
        for number in chunk {
            if let Some(count) = self
                .how
                .place(*number)
                .and_then(|at| self.counts.get_mut(at))
            {
                *count += 1;
            }
        }
        Ok(())
    }
}
