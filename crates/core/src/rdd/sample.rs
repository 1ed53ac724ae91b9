//! A random part of an RDD, the same one each time.

use std::ops::Range;
use std::sync::Arc;

use super::{AnyNode, Dependency, Node, NodeInfo, Rdd, read, refuse};
use crate::chunk::{Emitter, Push, Sink};
use crate::hash::partition_hash;
use crate::record::Record;
use crate::scheduler::TaskContext;
use crate::shuffle::Placement;
use crate::site::Site;

/// How often a record may be expected in a sample with replacement. More is a mistake, which
/// would run for hours before it runs out of memory.
pub(super) const MEAN_MAX: f64 = 1e6;

impl<T: Record> Rdd<T> {
    /// A random sample: Spark's `sample`.
    ///
    /// Without replacement each record is taken with probability `fraction`, which is
    /// between 0 and 1; with replacement it comes as many times as a Poisson distribution
    /// of mean `fraction` says, so that `fraction` may be above 1, up to a million. Only the expected size
    /// is `fraction * count`. The same seed takes the same records as long as the
    /// partitions stay the same; which records these are differs from Spark. Order,
    /// partitions and the placement of keys stay.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.range(0..1000, 1, 4);
    /// let tenth = numbers.sample(false, 0.1, 42);
    /// assert!((60..140).contains(&tenth.count().unwrap()));
    /// assert_eq!(tenth.collect().unwrap(), numbers.sample(false, 0.1, 42).collect().unwrap());
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sample(&self, with_replacement: bool, fraction: f64, seed: u64) -> Rdd<T> {
        self.sampled(Site::here("sample"), with_replacement, fraction, seed)
    }

    pub(super) fn sampled(
        &self,
        site: Site,
        with_replacement: bool,
        fraction: f64,
        seed: u64,
    ) -> Rdd<T> {
        if let Some(wrong) = mistake(with_replacement, fraction) {
            return refuse(&self.ctx, site, wrong);
        }
        let draw = if with_replacement {
            Draw::Poisson(fraction)
        } else {
            Draw::Cell(0.0..fraction)
        };
        self.drawn(site, draw, seed)
    }

    pub(super) fn drawn(&self, site: Site, draw: Draw, seed: u64) -> Rdd<T> {
        let parent = self.node.clone();
        Rdd::new(&self.ctx, site, |info| Sampled {
            info,
            parent,
            draw,
            seed,
        })
    }
}

/// How often a record is taken.
#[derive(Clone)]
pub(super) enum Draw {
    /// Once if its number, drawn evenly from 0 to before 1, is in this range.
    Cell(Range<f64>),
    /// As often as a Poisson distribution of this mean says.
    Poisson(f64),
}

impl Draw {
    /// How often the next record is taken.
    pub(super) fn times(&self, random: &mut fastrand::Rng) -> u64 {
        match self {
            Draw::Cell(cell) => u64::from(cell.contains(&random.f64())),
            Draw::Poisson(mean) => poisson(*mean, random),
        }
    }
}

/// The random numbers of a partition: the same ones each time that it is computed.
pub(super) fn random_of(seed: u64, partition: usize) -> fastrand::Rng {
    // Hashed, so that neighbouring partitions draw unlike numbers.
    fastrand::Rng::with_seed(partition_hash(&(seed, partition)))
}

pub(super) fn mistake(with_replacement: bool, fraction: f64) -> Option<String> {
    let (fits, range) = if with_replacement {
        (
            (0.0..=MEAN_MAX).contains(&fraction),
            "between 0 and 1000000 with replacement",
        )
    } else {
        (
            (0.0..=1.0).contains(&fraction),
            "between 0 and 1 without replacement",
        )
    };
    (!fits).then(|| format!("a fraction of {fraction} was asked for; it has to be {range}"))
}

struct Sampled<T> {
    info: NodeInfo,
    parent: Arc<dyn Node<T>>,
    draw: Draw,
    seed: u64,
}

impl<T: Record> AnyNode for Sampled<T> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.parent.is_known_empty(partition)
    }
}

impl<T: Record> Node<T> for Sampled<T> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<T>) -> Push {
        let random = random_of(self.seed, partition);
        match self.draw.clone() {
            Draw::Poisson(fraction) => {
                let mut copies = Poisson {
                    random,
                    fraction,
                    task,
                    sink,
                };
                read(&self.parent, task, partition, &mut copies)
            }
            Draw::Cell(cell) => {
                let mut some = Bernoulli {
                    random,
                    cell,
                    buffer: Vec::new(),
                    sink,
                };
                read(&self.parent, task, partition, &mut some)
            }
        }
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

/// Takes each record once or not at all.
struct Bernoulli<'a, T> {
    random: fastrand::Rng,
    cell: Range<f64>,
    buffer: Vec<T>,
    sink: &'a mut dyn Sink<T>,
}

impl<T: Clone> Sink<T> for Bernoulli<'_, T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        chunk.retain(|_| self.cell.contains(&self.random.f64()));
        if chunk.is_empty() {
            Ok(())
        } else {
            self.sink.push(chunk)
        }
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let (random, cell) = (&mut self.random, &self.cell);
        let taken = chunk.iter().filter(|_| cell.contains(&random.f64()));
        self.buffer.extend(taken.cloned());
        if self.buffer.is_empty() {
            Ok(())
        } else {
            self.sink.push(&mut self.buffer)
        }
    }
}

/// Takes each record any number of times.
struct Poisson<'a, T> {
    random: fastrand::Rng,
    fraction: f64,
    task: &'a TaskContext,
    sink: &'a mut dyn Sink<T>,
}

impl<T: Clone> Sink<T> for Poisson<'_, T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let result = self.push_shared(chunk);
        chunk.clear();
        result
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let mut out = Emitter::new(self.task, self.sink);
        for record in chunk {
            self.task.check_cancelled()?;
            let times = poisson(self.fraction, &mut self.random);
            out.extend((0..times).map(|_| record.clone()));
            out.check()?;
        }
        out.finish()
    }
}

/// A number from the Poisson distribution of a mean, by Knuth's product of uniform numbers.
///
/// A large mean is drawn in parts, whose sum has the distribution of the whole: the
/// exponential of the whole could be too small for a float. The time grows with the mean,
/// as the copies that follow do.
fn poisson(mean: f64, random: &mut fastrand::Rng) -> u64 {
    const PART: f64 = 32.0;
    let mut left = mean;
    let mut number = 0;
    while left > 0.0 {
        let limit = (-left.min(PART)).exp();
        let mut product = random.f64();
        while product > limit {
            number += 1;
            product *= random.f64();
        }
        left -= PART;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Error};

    #[test]
    fn the_poisson_distribution_has_its_mean_and_variance() {
        for mean in [0.0, 0.05, 1.0, 7.5, 32.0, 100.0] {
            let mut random = fastrand::Rng::with_seed(3);
            let draws: Vec<f64> = (0..40_000)
                .map(|_| poisson(mean, &mut random) as f64)
                .collect();
            let average = draws.iter().sum::<f64>() / draws.len() as f64;
            let squares = draws
                .iter()
                .map(|draw| (draw - average).powi(2))
                .sum::<f64>();
            let variance = squares / draws.len() as f64;
            assert!(
                (average - mean).abs() <= 0.03 * mean,
                "mean {average} for {mean}"
            );
            assert!(
                (variance - mean).abs() <= 0.06 * mean,
                "variance {variance} for {mean}"
            );
        }
    }

    #[test]
    fn sizes_are_as_expected() {
        let ctx = Context::local(2).unwrap();
        let numbers = ctx.range(0..20_000, 1, 5);
        let size = |with_replacement, fraction| {
            numbers
                .sample(with_replacement, fraction, 11)
                .count()
                .unwrap()
        };
        assert_eq!(
            (size(false, 0.0), size(false, 1.0), size(true, 0.0)),
            (0, 20_000, 0)
        );
        assert!((5_700..6_300).contains(&size(false, 0.3)));
        assert!((5_700..6_300).contains(&size(true, 0.3)));
        assert!((49_000..51_000).contains(&size(true, 2.5)));
        let first = numbers.sample(false, 0.5, 1).collect().unwrap();
        assert_ne!(first, numbers.sample(false, 0.5, 2).collect().unwrap());
    }

    #[test]
    fn impossible_fractions_are_refused() {
        let ctx = Context::local(1).unwrap();
        let numbers = ctx.range(0..3, 1, 1);
        for (with_replacement, fraction) in [
            (false, -0.1),
            (false, 1.1),
            (false, f64::NAN),
            (true, -1.0),
            (true, f64::INFINITY),
            (true, 1.1e6),
            (true, f64::MAX),
        ] {
            let error = numbers
                .sample(with_replacement, fraction, 1)
                .collect()
                .unwrap_err();
            assert!(matches!(error, Error::Build { .. }), "{error}");
        }
    }
}
