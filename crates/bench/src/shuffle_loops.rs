//! Shuffles written by hand, with two threads: what the engine's are compared to.
//!
//! They are what a good engineer writes in an hour for this very task: each thread scatters half
//! of the pairs in two buckets, which have room for all from the start; then each takes the
//! buckets of one side and does its part of the work, with `hashbrown` and a fast hash or with
//! the unstable sort of the standard library. Nothing is generic at run time, nothing is
//! counted, cancelled or tried again; and no trouble is taken to save memory.

use hashbrown::HashMap;

use crate::error::BenchError;
use crate::shuffle::{Pair, joined_sum, sum_of_group, sum_of_pair};
use crate::word_loops::both;

type Groups = HashMap<u64, Vec<u64>, foldhash::fast::RandomState>;

/// Pairs that can be read half by half.
pub(crate) trait Halves: Sync {
    /// The pairs of the first half, or of the second one.
    fn half(&self, is_second: bool) -> impl ExactSizeIterator<Item = Pair>;
}

impl Halves for [Pair] {
    fn half(&self, is_second: bool) -> impl ExactSizeIterator<Item = Pair> {
        let (first, second) = self.split_at(self.len() / 2);
        if is_second { second } else { first }.iter().copied()
    }
}

/// Pairs that are made of their numbers, whenever they are read.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    /// How many pairs there are.
    pub(crate) count: usize,
    /// How many keys there are.
    pub(crate) keys: u64,
    /// Makes a pair of its number and the number of keys.
    pub(crate) make: fn(u64, u64) -> Pair,
}

impl Made {
    /// All of them, in memory.
    pub(crate) fn to_vec(self) -> Vec<Pair> {
        self.half(false).chain(self.half(true)).collect()
    }
}

impl Halves for Made {
    fn half(&self, is_second: bool) -> impl ExactSizeIterator<Item = Pair> {
        let (keys, make) = (self.keys, self.make);
        let middle = self.count / 2;
        let numbers = if is_second {
            middle..self.count
        } else {
            0..middle
        };
        numbers.map(move |number| make(number as u64, keys))
    }
}

/// The sum over all groups of values with one key: a table of vectors that grow.
pub(crate) fn group(pairs: &(impl Halves + ?Sized)) -> Result<u64, BenchError> {
    let [first, second] = scattered(pairs, side_of_key)?;
    let sum = |parts: Parts| {
        let groups = groups_of(parts);
        groups
            .iter()
            .map(|(key, values)| sum_of_group(*key, values))
            .fold(0, u64::wrapping_add)
    };
    let (first, second) = both(|| sum(first), || sum(second))?;
    Ok(first.wrapping_add(second))
}

/// The sum over all pairs of a left and a right value with one key: a table of the right side,
/// in which any key may have many values, as in the engine's join.
pub(crate) fn join<P: Halves + ?Sized>(left: &P, right: &P) -> Result<u64, BenchError> {
    let [left_first, left_second] = scattered(left, side_of_key)?;
    let [right_first, right_second] = scattered(right, side_of_key)?;
    let sum = |left: Parts, right: Parts| {
        let groups = groups_of(right);
        let mut sum = 0_u64;
        for (key, value) in left.into_iter().flatten() {
            for other in groups.get(&key).map_or(&[][..], Vec::as_slice) {
                sum = sum.wrapping_add(joined_sum((key, (value, *other))));
            }
        }
        sum
    };
    let (first, second) = both(
        || sum(left_first, right_first),
        || sum(left_second, right_second),
    )?;
    Ok(first.wrapping_add(second))
}

/// The sum over all pairs once they are in the order of their keys.
pub(crate) fn sort(pairs: &(impl Halves + ?Sized)) -> Result<u64, BenchError> {
    let parts = sorted(pairs)?;
    let (low, high) = (parts[0].iter(), parts[1].iter());
    let in_order = low.chain(high).copied();
    Ok(in_order.map(sum_of_pair).fold(0, u64::wrapping_add))
}

/// The pairs in the order of their keys, in two parts.
fn sorted(pairs: &(impl Halves + ?Sized)) -> Result<[Vec<Pair>; 2], BenchError> {
    let keys = |is_second| {
        let half = pairs.half(is_second);
        let step = half.len() / 500 + 1;
        half.step_by(step).map(|(key, _)| key)
    };
    let mut sample: Vec<u64> = keys(false).chain(keys(true)).collect();
    sample.sort_unstable();
    let middle = sample.get(sample.len() / 2).copied().unwrap_or_default();
    let [low, high] = scattered(pairs, move |key| key >= middle)?;
    let sorted = |parts: Parts| {
        let mut pairs = parts.concat();
        pairs.sort_unstable_by_key(|(key, _)| *key);
        pairs
    };
    let (low, high) = both(|| sorted(low), || sorted(high))?;
    Ok([low, high])
}

/// What the two threads have scattered to one side.
type Parts = [Vec<Pair>; 2];

fn scattered(
    pairs: &(impl Halves + ?Sized),
    is_second: impl Fn(u64) -> bool + Sync,
) -> Result<[Parts; 2], BenchError> {
    let (first, second) = both(
        || scatter(pairs.half(false), &is_second),
        || scatter(pairs.half(true), &is_second),
    )?;
    Ok([[first.0, second.0], [first.1, second.1]])
}

fn scatter(
    pairs: impl ExactSizeIterator<Item = Pair>,
    is_second: impl Fn(u64) -> bool,
) -> (Vec<Pair>, Vec<Pair>) {
    let room = pairs.len() / 2 + pairs.len() / 16;
    let mut buckets = (Vec::with_capacity(room), Vec::with_capacity(room));
    for pair in pairs {
        if is_second(pair.0) {
            buckets.1.push(pair)
        } else {
            buckets.0.push(pair)
        }
    }
    buckets
}

/// The highest bit of a multiplicative hash.
fn side_of_key(key: u64) -> bool {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 1
}

fn groups_of(parts: Parts) -> Groups {
    let mut groups = Groups::default();
    for (key, value) in parts.into_iter().flatten() {
        groups.entry(key).or_default().push(value);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_joins_are_summed() {
        let pairs = [(1, 10), (2, 20), (1, 11), (3, 30)];
        let groups = [(1, vec![10, 11]), (2, vec![20]), (3, vec![30])];
        let expected: u64 = groups
            .iter()
            .map(|(key, values)| sum_of_group(*key, values))
            .sum();
        assert_eq!(group(&pairs[..]).unwrap(), expected);
        let joined = [(1, (10, 5)), (1, (11, 5)), (2, (20, 6)), (2, (20, 7))];
        let expected: u64 = joined.into_iter().map(joined_sum).sum();
        let right = [(1, 5), (2, 6), (2, 7), (9, 1)];
        assert_eq!(join(&pairs[..], &right[..]).unwrap(), expected);
    }

    #[test]
    fn sorting_orders_by_key() {
        let pairs: Vec<Pair> = (0..5_000_u64)
            .map(|n| (n.wrapping_mul(7_919) % 5_000, n))
            .collect();
        let in_order = sorted(&pairs[..]).unwrap().concat();
        assert!(in_order.iter().map(|(key, _)| *key).eq(0..5_000));
        let expected = pairs.iter().copied().map(sum_of_pair).sum::<u64>();
        assert_eq!(sort(&pairs[..]).unwrap(), expected);
    }
}
