//! Placing keys in ranges of about the same size, found by a sample.

use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

use super::partitioner::{How, Partitioning};
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::rdd::{Node, Rdd, read};
use crate::record::{Key, Record};
use crate::scheduler::JobRunner;
use crate::site::Site;

/// How many sampled keys there are for each range, as in Spark.
const SAMPLE_PER_RANGE: usize = 20;
/// Input partitions differ in size: each is asked for more than its share.
const OVERSAMPLING: usize = 3;
const SAMPLE_MAX: usize = 1_000_000;

/// Places keys in sorted ranges of about the same number of records.
///
/// The ranges are found by a sample of the RDD, which is taken by a job of its own when
/// they are first needed. Where keys repeat much, or where there are fewer records than
/// ranges, there may be fewer ranges than asked for, down to one when there is only one
/// record or none. Spark's `RangePartitioner`.
///
/// ```
/// use headwater_core::{Context, RangePartitioner};
/// let ctx = Context::local(2).unwrap();
/// let pairs = ctx.range(0..100, 1, 4).map(|n| (n, ()));
/// let placed = pairs.partition_by(RangePartitioner::new(&pairs, 2, true));
/// let parts = placed.keys().glom().collect().unwrap();
/// assert!(parts[0].iter().max() < parts[1].iter().min());
/// ```
pub struct RangePartitioner<K> {
    partitions: usize,
    ascending: bool,
    compare: fn(&K, &K) -> Ordering,
    /// How many bounds are below a key: one call, however many there are.
    below: fn(&[K], &K) -> usize,
    sample: Box<dyn Fn(&JobRunner) -> Result<Vec<(K, f64)>, Error> + Send + Sync>,
    bounds: OnceLock<Vec<K>>,
}

impl<K: Key + Ord> RangePartitioner<K> {
    /// At most `partitions` ranges over the keys of `rdd`, in ascending order or not.
    #[must_use]
    #[track_caller]
    pub fn new<V: Record>(rdd: &Rdd<(K, V)>, partitions: usize, ascending: bool) -> Self {
        let site = Site::here("range_partitioner");
        let node = rdd.node.clone();
        RangePartitioner {
            partitions,
            ascending,
            compare: K::cmp,
            below: |bounds, key| bounds.partition_point(|bound| bound < key),
            sample: Box::new(move |runner| sample_keys(&node, partitions, site, runner)),
            bounds: OnceLock::new(),
        }
    }
}

impl<K: Clone> RangePartitioner<K> {
    pub(crate) fn num_partitions(&self) -> usize {
        self.bounds
            .get()
            .map_or(self.partitions, |bounds| bounds.len() + 1)
    }

    pub(crate) fn partition(&self, key: &K) -> usize {
        let bounds = self.bounds.get().map_or(&[][..], Vec::as_slice);
        let below = (self.below)(bounds, key);
        if self.ascending {
            below
        } else {
            bounds.len() - below
        }
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        if self.bounds.get().is_some() {
            return Ok(());
        }
        let bounds = if self.partitions <= 1 {
            Vec::new()
        } else {
            bounds((self.sample)(runner)?, self.partitions, self.compare)
        };
        // Another job may have been quicker; its sample is as good.
        let _ = self.bounds.set(bounds);
        Ok(())
    }
}

impl<K: Key> Partitioning<K> {
    /// Finds the ranges of a range partitioner.
    pub(crate) fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        match &self.how {
            How::Range(range) => range.prepare(runner),
            How::Hash(_) | How::Custom(_) => Ok(()),
        }
    }
}

/// Keys with the number of records that each stands for.
fn sample_keys<K: Key, V: Record>(
    node: &Arc<dyn Node<(K, V)>>,
    partitions: usize,
    site: Site,
    runner: &JobRunner,
) -> Result<Vec<(K, f64)>, Error> {
    let input_partitions = node.partitions().max(1);
    let wanted = SAMPLE_PER_RANGE.saturating_mul(partitions).min(SAMPLE_MAX);
    let each = (OVERSAMPLING * wanted).div_ceil(input_partitions);
    let source = node.clone();
    let samples = runner.ahead_of_another_job().run(
        site,
        &node.clone().as_any_node(),
        None,
        move |task, partition| {
            let mut reservoir = Reservoir::new(each, partition as u64);
            read(&source, task, partition, &mut reservoir)?;
            Ok(reservoir)
        },
    )?;
    let weighted = samples.into_iter().flat_map(|reservoir| {
        let weight = reservoir.seen as f64 / reservoir.keys.len().max(1) as f64;
        reservoir.keys.into_iter().map(move |key| (key, weight))
    });
    Ok(weighted.collect())
}

/// A uniform sample of bounded size (Vitter's algorithm R), the same for the same input.
struct Reservoir<K> {
    keys: Vec<K>,
    size: usize,
    seen: u64,
    random: fastrand::Rng,
}

impl<K> Reservoir<K> {
    fn new(size: usize, seed: u64) -> Self {
        Reservoir {
            keys: Vec::new(),
            size,
            seen: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }
}

impl<K: Clone, V> Sink<(K, V)> for Reservoir<K> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let result = self.push_shared(chunk);
        chunk.clear();
        result
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        for (key, _) in chunk {
            self.seen += 1;
            if self.keys.len() < self.size {
                self.keys.push(key.clone());
            } else if let Some(place) = self
                .keys
                .get_mut(usize::try_from(self.random.u64(0..self.seen)).unwrap_or(0))
            {
                *place = key.clone();
            }
        }
        Ok(())
    }
}

/// The upper ends of all ranges but the last, so that each range weighs about the same.
///
/// There are no more ranges than sampled keys, as in Spark.
fn bounds<K: Clone>(
    mut sample: Vec<(K, f64)>,
    partitions: usize,
    compare: fn(&K, &K) -> Ordering,
) -> Vec<K> {
    sample.sort_by(|(a, _), (b, _)| compare(a, b));
    let partitions = partitions.min(sample.len());
    let total: f64 = sample.iter().map(|(_, weight)| weight).sum();
    let step = total / partitions as f64;
    let mut bounds: Vec<K> = Vec::new();
    let mut reached = 0.0;
    let mut target = step;
    for (key, weight) in &sample {
        reached += weight;
        let is_new = bounds
            .last()
            .is_none_or(|last| compare(key, last) == Ordering::Greater);
        if reached >= target && is_new && bounds.len() + 1 < partitions {
            bounds.push(key.clone());
            target += step;
        }
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds_of(keys: &[i64], partitions: usize) -> Vec<i64> {
        bounds(
            keys.iter().map(|key| (*key, 1.0)).collect(),
            partitions,
            i64::cmp,
        )
    }

    #[test]
    fn ranges_weigh_the_same_and_repeated_keys_give_fewer() {
        assert_eq!(bounds_of(&[4, 3, 2, 1], 2), [2]);
        assert_eq!(bounds_of(&[1, 2, 3, 4, 5, 6], 3), [2, 4]);
        assert_eq!(bounds_of(&[7; 10], 4), [7]);
        assert_eq!(bounds_of(&[], 4), [0_i64; 0]);
    }

    #[test]
    fn there_are_no_more_ranges_than_sampled_keys() {
        assert_eq!(bounds_of(&[4], 3), [0_i64; 0]);
        assert_eq!(bounds_of(&[6, 5], 3), [5]);
        assert_eq!(bounds_of(&[3, 2, 1], 3), [1, 2]);
        let ctx = crate::Context::local(1).unwrap();
        let partitions = |numbers: Vec<i32>| {
            let sorted = ctx.parallelize(numbers, 3).sort_by(|n| *n, true);
            sorted.glom().collect().unwrap()
        };
        assert_eq!(partitions(vec![]), [vec![0; 0]]);
        assert_eq!(partitions(vec![4]), [[4]]);
        assert_eq!(partitions(vec![6, 5]), [[5], [6]]);
    }

    #[test]
    fn any_number_of_ranges_may_be_asked_for() {
        let ctx = crate::Context::local(1).unwrap();
        let sorted = ctx
            .range(0..3, 1, 1)
            .sort_by_partitioned(|n| *n, false, usize::MAX);
        assert_eq!(sorted.collect().unwrap(), [2, 1, 0]);
    }
}
