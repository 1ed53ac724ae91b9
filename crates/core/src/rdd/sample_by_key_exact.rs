//! Samples of a known size for each key.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use super::sample::random_of;
use super::sample_by_key::{Copies, no_fraction, wrong_fraction};
use super::{AnyNode, Dependency, Node, NodeInfo, Parent, Rdd, read, refuse};
use crate::chunk::{Push, Sink, Stop};
use crate::error::{Error, TaskError};
use crate::hash::partition_hash;
use crate::record::{Key, Record};
use crate::scheduler::{JobRunner, TaskContext, catch_panic};
use crate::shuffle::Placement;
use crate::site::Site;

impl<K: Key, V: Record> Rdd<(K, V)> {
    /// A random sample with exactly `ceil(fraction * n)` of the `n` pairs of each key:
    /// Spark's `sampleByKeyExact`.
    ///
    /// The pairs of each key are counted first: the first action on the sample runs a job
    /// for that, and reads the input twice. Otherwise as [`Rdd::sample_by_key`].
    ///
    /// ```
    /// use std::collections::HashMap;
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let pairs = ctx.range(0..2000, 1, 4).map(|n| (n % 2, n));
    /// let fractions = HashMap::from([(0, 0.5), (1, 0.0995)]);
    /// let counts = pairs.sample_by_key_exact(false, fractions, 42).count_by_key().unwrap();
    /// assert_eq!((counts[&0], counts[&1]), (500, 100));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn sample_by_key_exact(
        &self,
        with_replacement: bool,
        fractions: HashMap<K, f64>,
        seed: u64,
    ) -> Rdd<(K, V)> {
        let site = Site::here("sample_by_key_exact");
        if let Some(wrong) = wrong_fraction(with_replacement, &fractions) {
            return refuse(&self.ctx, site, wrong);
        }
        let parent = Parent::new(self.node.clone());
        Rdd::new(&self.ctx, site, |info| ExactByKey {
            info,
            parent,
            with_replacement,
            fractions: Arc::new(fractions),
            seed,
            shares: OnceLock::new(),
        })
    }
}

struct ExactByKey<K, V> {
    info: NodeInfo,
    parent: Parent<(K, V)>,
    with_replacement: bool,
    fractions: Arc<HashMap<K, f64>>,
    seed: u64,
    /// What each partition has and gives of each key, once that is known.
    shares: OnceLock<Vec<HashMap<K, Share>>>,
}

/// One key's part of one partition.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    /// How many pairs there are.
    pairs: u64,
    /// How many of them are in the sample.
    taken: u64,
}

impl<K: Key, V: Record> ExactByKey<K, V> {
    /// Counts the pairs of each key in each partition.
    fn count(&self, runner: &JobRunner) -> Result<Vec<HashMap<K, u64>>, Error> {
        let parent = self.parent.clone();
        let last = parent.clone().as_any_node();
        let (fractions, site) = (self.fractions.clone(), self.info.site);
        let runner = runner.ahead_of_another_job();
        runner.run(site, &last, None, move |task, partition| {
            let mut counts = KeyCounts {
                counts: HashMap::new(),
                fractions: &fractions,
                site,
            };
            read(&parent, task, partition, &mut counts)?;
            Ok(counts.counts)
        })
    }

    /// Says how many pairs of each key each partition has to give.
    fn share_out(
        &self,
        counted: Vec<HashMap<K, u64>>,
        check: impl Fn() -> Result<(), Error>,
    ) -> Result<Vec<HashMap<K, Share>>, Error> {
        let mut by_key: HashMap<&K, Vec<u64>> = HashMap::new();
        for (partition, counts) in counted.iter().enumerate() {
            for (key, pairs) in counts {
                let of_key = by_key.entry(key).or_insert_with(|| vec![0; counted.len()]);
                if let Some(place) = of_key.get_mut(partition) {
                    *place = *pairs;
                }
            }
        }
        let mut shares: Vec<HashMap<K, Share>> = vec![HashMap::new(); counted.len()];
        for (key, pairs) in by_key {
            let fraction = self.fractions.get(key).copied().unwrap_or_default();
            let total: u64 = pairs.iter().sum();
            let wanted = (total as f64 * fraction).ceil() as u64;
            // By the key, so that the order of keys in a map makes no difference.
            let seed = partition_hash(&(self.seed, partition_hash(key)));
            let mut random = fastrand::Rng::with_seed(seed);
            let taken = if self.with_replacement {
                draw_with_replacement(&pairs, wanted, &mut random, &check)?
            } else {
                draw_without_replacement(&pairs, wanted, &mut random, &check)?
            };
            for (share, (pairs, taken)) in shares.iter_mut().zip(pairs.iter().zip(taken)) {
                if *pairs > 0 {
                    let pairs = *pairs;
                    share.insert(key.clone(), Share { pairs, taken });
                }
            }
        }
        Ok(shares)
    }
}

/// How many of `wanted` draws fall into each partition.
fn draw_with_replacement<E>(
    pairs: &[u64],
    wanted: u64,
    random: &mut fastrand::Rng,
    check: impl Fn() -> Result<(), E>,
) -> Result<Vec<u64>, E> {
    draw(pairs, wanted, random, |_, _| true, check)
}

/// How many of `wanted` different pairs are in each partition.
fn draw_without_replacement<E>(
    pairs: &[u64],
    wanted: u64,
    random: &mut fastrand::Rng,
    check: impl Fn() -> Result<(), E>,
) -> Result<Vec<u64>, E> {
    let total: u64 = pairs.iter().sum();
    let wanted = wanted.min(total);
    // A pair that was drawn is not drawn again: it counts as one of the first of its
    // partition, as they are all alike.
    let is_new = |at: u64, taken: u64| at >= taken;
    if wanted <= total / 2 {
        return draw(pairs, wanted, random, is_new, check);
    }
    // It is quicker to draw those that are left out.
    let left = draw(pairs, total - wanted, random, is_new, check)?;
    let taken = pairs.iter().zip(left).map(|(all, left)| all - left);
    Ok(taken.collect())
}

/// Draws pairs evenly from all partitions until `wanted` of them `counts`, which is asked
/// with the pair's place in its partition and the number that was drawn there before. Ends
/// early when `check` fails: there may be a million draws for each pair.
fn draw<E>(
    pairs: &[u64],
    wanted: u64,
    random: &mut fastrand::Rng,
    counts: impl Fn(u64, u64) -> bool,
    check: impl Fn() -> Result<(), E>,
) -> Result<Vec<u64>, E> {
    let mut end = 0;
    let ends: Vec<u64> = pairs
        .iter()
        .map(|pairs| {
            end += pairs;
            end
        })
        .collect();
    let mut drawn = vec![0; pairs.len()];
    let mut left = if end == 0 { 0 } else { wanted };
    while left > 0 {
        check()?;
        let place = random.u64(..end);
        let partition = ends.partition_point(|end| *end <= place);
        if let (Some(taken), Some(end), Some(pairs)) = (
            drawn.get_mut(partition),
            ends.get(partition),
            pairs.get(partition),
        ) && counts(place - (end - pairs), *taken)
        {
            *taken += 1;
            left -= 1;
        }
    }
    Ok(drawn)
}

/// Draws `share.taken` places among the pairs of a partition, the first one last. Ends early
/// when `check` fails, as [`draw`] does.
fn places_in<E>(
    share: Share,
    random: &mut fastrand::Rng,
    check: impl Fn() -> Result<(), E>,
) -> Result<Vec<u64>, E> {
    let places = (0..share.taken).map(|_| check().map(|()| random.u64(..share.pairs)));
    let mut places = places.collect::<Result<Vec<u64>, E>>()?;
    places.sort_unstable_by_key(|place| Reverse(*place));
    Ok(places)
}

struct KeyCounts<'a, K> {
    counts: HashMap<K, u64>,
    fractions: &'a HashMap<K, f64>,
    site: Site,
}

impl<K: Hash + Eq + Clone> KeyCounts<'_, K> {
    fn count(&mut self, key: &K) -> Push {
        if let Some(count) = self.counts.get_mut(key) {
            *count += 1;
            return Ok(());
        }
        if !self.fractions.contains_key(key) {
            return Err(no_fraction(self.site).into());
        }
        self.counts.insert(key.clone(), 1);
        Ok(())
    }
}

impl<K: Hash + Eq + Clone, V> Sink<(K, V)> for KeyCounts<'_, K> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        chunk.drain(..).try_for_each(|(key, _)| self.count(&key))
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        chunk.iter().try_for_each(|(key, _)| self.count(key))
    }
}

impl<K: Key, V: Record> AnyNode for ExactByKey<K, V> {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn dependencies(&self) -> Vec<Dependency> {
        vec![Dependency::Narrow(self.parent.clone().as_any_node())]
    }

    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn prepare(&self, runner: &JobRunner) -> Result<(), Error> {
        if self.shares.get().is_none() {
            let counted = self.count(runner)?;
            let site = self.info.site;
            let check = runner.cancel_check(site);
            // Keys are compared and hashed, which is code of the user.
            let shares = catch_panic(site, || self.share_out(counted, check))
                .unwrap_or_else(|cause| Err(Error::Driver { cause }))?;
            // Another job may have been quicker; it counted the same.
            let _ = self.shares.set(shares);
        }
        Ok(())
    }

    fn is_known_empty(&self, partition: usize) -> bool {
        self.parent.is_known_empty(partition)
    }
}

impl<K: Key, V: Record> Node<(K, V)> for ExactByKey<K, V> {
    fn compute(&self, task: &TaskContext, partition: usize, sink: &mut dyn Sink<(K, V)>) -> Push {
        let shares = self.shares.get().and_then(|shares| shares.get(partition));
        let shares = shares.expect("prepared before any task runs");
        let mut random = random_of(self.seed, partition);
        let mut left = self.left(shares, task, partition)?;
        let site = self.info.site;
        let mut copies = Copies {
            times: |key: &K| match left.get_mut(key) {
                Some(left) => Ok(left.next_times(&mut random)),
                None => Err(changed(site)),
            },
            task,
            sink,
        };
        read(&self.parent, task, partition, &mut copies)
    }

    fn placement(&self) -> Option<Placement> {
        self.parent.placement()
    }

    fn as_any_node(self: Arc<Self>) -> Arc<dyn AnyNode> {
        self
    }
}

impl<K: Key, V: Record> ExactByKey<K, V> {
    /// What a task has to take of each key.
    fn left<'a>(
        &self,
        shares: &'a HashMap<K, Share>,
        task: &TaskContext,
        partition: usize,
    ) -> Result<HashMap<&'a K, Left>, Stop> {
        let left = shares.iter().map(|(key, share)| {
            if !self.with_replacement {
                return Ok((key, Left::Some(*share)));
            }
            // By the key, so that the order of keys in a map makes no difference.
            let mut random =
                random_of(partition_hash(&(self.seed, partition_hash(key))), partition);
            let places = places_in(*share, &mut random, || task.check_cancelled())?;
            Ok((key, Left::Places { next: 0, places }))
        });
        left.collect()
    }
}

/// What is left to take of one key.
enum Left {
    /// So many of so many pairs.
    Some(Share),
    /// The pairs at these places, the next one last.
    Places { next: u64, places: Vec<u64> },
}

impl Left {
    /// How often the next pair of the key is taken.
    fn next_times(&mut self, random: &mut fastrand::Rng) -> u64 {
        match self {
            // Each way to choose the rest is as likely as any other.
            Left::Some(share) => {
                let is_taken = share.taken > 0 && random.u64(..share.pairs.max(1)) < share.taken;
                share.pairs = share.pairs.saturating_sub(1);
                share.taken -= u64::from(is_taken);
                u64::from(is_taken)
            }
            Left::Places { next, places } => {
                let mut times = 0;
                while places.last() == Some(next) {
                    places.pop();
                    times += 1;
                }
                *next += 1;
                times
            }
        }
    }
}

/// The failure of a task that meets a key that was not there when keys were counted.
fn changed(operator: Site) -> TaskError {
    TaskError::Input {
        operator,
        message: "the input changed after its keys were counted; cache what gives other records \
                  each time that it is read"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::hash::Hasher;
    use std::thread::{ThreadId, current};

    use parking_lot::Mutex;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::Context;

    fn never() -> Result<(), Infallible> {
        Ok(())
    }

    #[test]
    fn draws_are_exact_and_fair() {
        let mut random = fastrand::Rng::with_seed(1);
        let pairs = [0, 10, 0, 30, 60, 0];
        for wanted in [0, 1, 40, 50, 51, 99, 100, 200] {
            let Ok(without) = draw_without_replacement(&pairs, wanted, &mut random, never);
            assert_eq!(without.iter().sum::<u64>(), wanted.min(100));
            assert!(without.iter().zip(pairs).all(|(taken, all)| *taken <= all));
            let Ok(with) = draw_with_replacement(&pairs, wanted, &mut random, never);
            assert_eq!(with.iter().sum::<u64>(), wanted);
            assert_eq!((with[0], with[2], with[5]), (0, 0, 0));
        }
        for draw in [draw_with_replacement, draw_without_replacement] {
            let mut sums = [0; 6];
            for _ in 0..2000 {
                let Ok(drawn) = draw(&pairs, 20, &mut random, never);
                sums.iter_mut().zip(drawn).for_each(|(sum, n)| *sum += n);
            }
            for (sum, all) in sums.iter().zip(pairs) {
                let expected = 2000 * 20 * all / 100;
                assert!(sum.abs_diff(expected) <= expected / 20, "{sums:?}");
            }
        }
        let nothing = draw_with_replacement(&[], 0, &mut random, never);
        assert_eq!(nothing, Ok(Vec::new()));
    }

    #[test]
    fn draws_without_end_can_be_ended() {
        let mut random = fastrand::Rng::with_seed(1);
        let asked = Cell::new(0);
        let third_time = || {
            asked.set(asked.get() + 1);
            if asked.get() % 3 == 0 {
                Err(())
            } else {
                Ok(())
            }
        };
        let drawn = draw_with_replacement(&[4, 4], u64::MAX, &mut random, third_time);
        assert_eq!((drawn, asked.get()), (Err(()), 3));
        let half = 1 << 62;
        let drawn = draw_without_replacement(&[half, half], half, &mut random, third_time);
        assert_eq!((drawn, asked.get()), (Err(()), 6));
        let share = Share {
            pairs: 4,
            taken: u64::MAX,
        };
        let places = places_in(share, &mut random, third_time);
        assert_eq!((places, asked.get()), (Err(()), 9));
    }

    /// Where hashing a key cancels whatever runs.
    static CANCELLED_BY: Mutex<Option<(ThreadId, Context)>> = Mutex::new(None);

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    struct CancellingKey;

    impl Hash for CancellingKey {
        fn hash<H: Hasher>(&self, state: &mut H) {
            if let Some((thread, ctx)) = &*CANCELLED_BY.lock()
                && *thread == current().id()
            {
                ctx.cancel_all_jobs();
            }
            state.write_u8(0);
        }
    }

    #[test]
    fn a_job_can_be_cancelled_while_its_driver_draws() {
        let ctx = Context::local(1).unwrap();
        let pairs = ctx.range(0..1_000_000, 1, 1).map(|n| (CancellingKey, n));
        let fractions = HashMap::from([(CancellingKey, 1e6)]);
        let sample = pairs.sample_by_key_exact(true, fractions, 1);
        // The driver hashes keys only after the job that counts them.
        *CANCELLED_BY.lock() = Some((current().id(), ctx));
        let error = sample.count().unwrap_err();
        *CANCELLED_BY.lock() = None;
        assert!(error.is_cancelled(), "{error}");
        let text = error.to_string();
        assert!(
            text.starts_with("count at ") && text.contains("job 0 "),
            "{text}"
        );
    }
}
