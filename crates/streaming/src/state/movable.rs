//! States whose keys can be brought to other partitions.

use headwater_core::{Key, Wire};

use super::store::PartitionState;
use crate::time::Time;

/// A state by key.
pub(crate) trait Movable: PartitionState {
    type Key: Key;
    type Value: Wire;

    /// What it is called in checkpoints.
    const STRUCTURE: &'static str;

    fn empty(has_ages: bool) -> Self;

    /// The same with ages or without; keys whose age is not known are as young as `stamp`.
    /// Where no state has ages it stays as it is.
    #[must_use]
    fn with_ages(self, _has_ages: bool, _stamp: Time) -> Self {
        self
    }

    /// Whether every key is where it belongs.
    fn is_in_place(&self, is_here: impl Fn(&Self::Key) -> bool) -> bool;

    /// The same keys in other partitions, of which `place` says one that is below `into`. A
    /// function of the order in which keys lie, so that it is the same whenever it is done.
    fn spread(parts: Vec<Self>, into: usize, place: impl Fn(&Self::Key) -> usize) -> Vec<Self>;
}

/// Pairs by the partitions to which they belong, in their order.
pub(super) fn dealt<K, S>(
    pairs: impl Iterator<Item = (K, S)>,
    into: usize,
    place: impl Fn(&K) -> usize,
) -> Vec<Vec<(K, S)>> {
    let mut dealt: Vec<Vec<(K, S)>> = std::iter::repeat_with(Vec::new).take(into).collect();
    for (key, value) in pairs {
        if let Some(there) = dealt.get_mut(place(&key)) {
            there.push((key, value));
        }
    }
    dealt
}
