//! Operators that change how an RDD is laid out, or compare RDDs as sets, against plain
//! vectors: the answer must not depend on slots, partitions or what happens to shuffles.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use headwater_core::{Conf, Context, HashPartitioner, Rdd};
use proptest::prelude::*;

/// One slot, many slots, tiny chunks, and shuffles that hand their output over at once.
static CONTEXTS: LazyLock<Vec<Context>> = LazyLock::new(|| {
    let tiny = Conf::new().master("local[3]").set("chunk.records", "16");
    let handing_over = Conf::new().master("local[2]").set("shuffle.keep", "0b");
    vec![
        Context::local(1).unwrap(),
        Context::local(4).unwrap(),
        Context::new(tiny).unwrap(),
        Context::new(handing_over).unwrap(),
    ]
});

fn contexts() -> &'static [Context] {
    &CONTEXTS
}

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort();
    records
}

fn collected<T: Ord + headwater_core::Record>(rdd: &Rdd<T>) -> Vec<T> {
    sorted(rdd.collect().unwrap())
}

/// The same records as a plain collection, after a shuffle, and as records that are kept.
fn shapes(ctx: &Context, records: &[u8], partitions: usize) -> Vec<Rdd<u8>> {
    let plain = ctx.parallelize(records.to_vec(), partitions);
    let owned = plain.map(|record| record);
    let shuffled = owned.repartition(partitions);
    vec![plain, owned, shuffled]
}

fn records() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..12, 0..40)
}

fn pairs() -> impl Strategy<Value = Vec<(u8, u16)>> {
    prop::collection::vec((0_u8..12, 0_u16..5), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn union_appends(lists in prop::collection::vec((records(), 1_usize..4), 0..5)) {
        let expected: Vec<u8> = lists.iter().flat_map(|(list, _)| list.clone()).collect();
        for ctx in contexts() {
            let inputs: Vec<_> =
                lists.iter().map(|(list, n)| ctx.parallelize(list.clone(), *n)).collect();
            let together = ctx.union(&inputs);
            prop_assert_eq!(&together.collect().unwrap(), &expected);
            let partitions: usize = lists.iter().map(|(_, n)| n).sum();
            prop_assert_eq!(together.num_partitions(), partitions);
            let one_by_one = inputs.iter().fold(ctx.empty(), |all, next| all.union(next));
            prop_assert_eq!(&one_by_one.collect().unwrap(), &expected);
        }
    }

    #[test]
    fn union_of_placed_pairs_reduces_as_one(one in pairs(), two in pairs(), n in 1_usize..5) {
        let mut expected: BTreeMap<u8, u64> = BTreeMap::new();
        for (key, value) in one.iter().chain(&two) {
            *expected.entry(*key).or_default() += u64::from(*value);
        }
        let expected: Vec<_> = expected.into_iter().collect();
        for ctx in contexts() {
            let placed = |list: &Vec<(u8, u16)>| {
                let pairs = ctx.parallelize(list.clone(), 3).map_values(u64::from);
                pairs.partition_by(HashPartitioner::new(n))
            };
            let both = placed(&one).union(&placed(&two));
            prop_assert_eq!(both.num_partitions(), n);
            prop_assert_eq!(collected(&both.reduce_by_key(|a, b| a + b)), expected.clone());
            // The same input twice: nobody may take the output away from the other reader.
            let first = placed(&one);
            let twice = first.union(&first);
            prop_assert_eq!(twice.count().unwrap(), 2 * one.len() as u64);
        }
    }

    #[test]
    fn coalesce_keeps_the_order(list in records(), from in 1_usize..9, to in 1_usize..9) {
        for ctx in contexts() {
            let rdd = ctx.parallelize(list.clone(), from);
            let fewer = rdd.coalesce(to);
            prop_assert_eq!(fewer.num_partitions(), from.min(to));
            prop_assert_eq!(&fewer.collect().unwrap(), &list);
            let parts = rdd.glom().collect().unwrap();
            let count = from.min(to);
            let expected: Vec<Vec<u8>> = (0..count)
                .map(|i| parts[i * from / count..(i + 1) * from / count].concat())
                .collect();
            prop_assert_eq!(fewer.glom().collect().unwrap(), expected);
        }
    }

    #[test]
    fn repartition_loses_nothing_and_is_even(
        list in records(), from in 1_usize..6, to in 1_usize..6,
    ) {
        let mut first: Option<Vec<Vec<u8>>> = None;
        for ctx in contexts() {
            let dealt = ctx.parallelize(list.clone(), from).repartition(to);
            let parts = dealt.glom().collect().unwrap();
            prop_assert_eq!(parts.len(), to);
            prop_assert_eq!(sorted(parts.concat()), sorted(list.clone()));
            // Each input deals evenly, so that it adds one at most to the difference.
            let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            prop_assert!(most - least <= from, "{:?}", sizes);
            // A second action sees the same, and so does another context.
            prop_assert_eq!(&dealt.glom().collect().unwrap(), &parts);
            prop_assert_eq!(first.get_or_insert_with(|| parts.clone()), &parts);
            let again = ctx.parallelize(list.clone(), from).coalesce_shuffled(to);
            prop_assert_eq!(&again.glom().collect().unwrap(), &parts);
        }
    }

    #[test]
    fn samples_repeat(
        list in prop::collection::vec(any::<u32>(), 0..200),
        n in 1_usize..5,
        seed in any::<u64>(),
        fraction in 0.0_f64..=1.0,
    ) {
        for with_replacement in [false, true] {
            let mut first: Option<Vec<u32>> = None;
            for ctx in contexts() {
                let rdd = ctx.parallelize(list.clone(), n);
                let sample = rdd.sample(with_replacement, fraction, seed).collect().unwrap();
                // Owned chunks draw as shared ones do.
                let owned = rdd.map(|x| x).sample(with_replacement, fraction, seed);
                prop_assert_eq!(&owned.collect().unwrap(), &sample);
                prop_assert_eq!(first.get_or_insert_with(|| sample.clone()), &sample);
                let mut rest = list.iter().peekable();
                for taken in &sample {
                    while rest.peek().is_some_and(|next| *next != taken) {
                        rest.next();
                    }
                    prop_assert!(rest.peek().is_some(), "the sample keeps the order");
                    if !with_replacement {
                        rest.next();
                    }
                }
            }
        }
    }

    #[test]
    fn indexes_count_from_zero(list in records(), n in 1_usize..6) {
        for ctx in contexts() {
            for rdd in shapes(ctx, &list, n) {
                let order = rdd.collect().unwrap();
                let expected: Vec<_> = order.iter().copied().zip(0_u64..).collect();
                let indexed = rdd.zip_with_index();
                prop_assert_eq!(&indexed.collect().unwrap(), &expected);
                prop_assert_eq!(&indexed.collect().unwrap(), &expected);

                let parts = rdd.glom().collect().unwrap();
                let ids = rdd.zip_with_unique_id().collect().unwrap();
                let expected: Vec<_> = parts
                    .iter()
                    .enumerate()
                    .flat_map(|(i, part)| {
                        part.iter().enumerate().map(move |(k, x)| (*x, (k * n + i) as u64))
                    })
                    .collect();
                prop_assert_eq!(&ids, &expected);
                let distinct: HashSet<u64> = ids.iter().map(|(_, id)| *id).collect();
                prop_assert_eq!(distinct.len(), list.len());
            }
        }
    }

    #[test]
    fn cartesian_pairs_all(
        one in prop::collection::vec(0_u8..5, 0..12),
        two in prop::collection::vec(0_u8..5, 0..12),
        p in 1_usize..4,
        q in 1_usize..4,
    ) {
        for ctx in contexts() {
            for (left, right) in shapes(ctx, &one, p).iter().zip(shapes(ctx, &two, q)) {
                let product = left.cartesian(&right);
                prop_assert_eq!(product.num_partitions(), p * q);
                let (lefts, rights) = (left.glom(), right.glom());
                let (lefts, rights) = (lefts.collect().unwrap(), rights.collect().unwrap());
                let mut expected = Vec::new();
                for part in &lefts {
                    for others in &rights {
                        let pairs = part.iter().flat_map(|x| others.iter().map(|y| (*x, *y)));
                        expected.push(pairs.collect::<Vec<_>>());
                    }
                }
                prop_assert_eq!(product.glom().collect().unwrap(), expected);
            }
        }
    }

    #[test]
    fn distinct_keeps_one(list in records(), n in 1_usize..5, to in 1_usize..5) {
        let mut expected = sorted(list.clone());
        expected.dedup();
        let mut order: Option<Vec<u8>> = None;
        for ctx in contexts() {
            for rdd in shapes(ctx, &list, n) {
                let once = rdd.distinct();
                prop_assert_eq!(once.num_partitions(), n);
                prop_assert_eq!(collected(&once), expected.clone());
                let some = rdd.distinct_partitioned(to);
                prop_assert_eq!(some.num_partitions(), to);
                prop_assert_eq!(collected(&some), expected.clone());
            }
            let once = ctx.parallelize(list.clone(), n).distinct().collect().unwrap();
            prop_assert_eq!(order.get_or_insert_with(|| once.clone()), &once);
        }
    }

    #[test]
    fn distinct_of_placed_pairs(list in pairs(), n in 1_usize..5) {
        let mut expected = sorted(list.clone());
        expected.dedup();
        for ctx in contexts() {
            let placed = ctx.parallelize(list.clone(), 2).partition_by(n);
            prop_assert_eq!(collected(&placed.distinct()), expected.clone());
        }
    }

    #[test]
    fn sets_agree_with_vectors(
        one in records(), two in records(), p in 1_usize..5, q in 1_usize..5, to in 1_usize..5,
    ) {
        let there: HashSet<u8> = two.iter().copied().collect();
        let (common, rest): (Vec<u8>, Vec<u8>) = one.iter().partition(|x| there.contains(x));
        let (mut common, rest) = (sorted(common), sorted(rest));
        common.dedup();
        for ctx in contexts() {
            for (left, right) in shapes(ctx, &one, p).iter().zip(shapes(ctx, &two, q)) {
                prop_assert_eq!(left.subtract(&right).num_partitions(), p);
                prop_assert_eq!(collected(&left.subtract(&right)), rest.clone());
                prop_assert_eq!(collected(&left.subtract_partitioned(&right, to)), rest.clone());
                prop_assert_eq!(left.intersection(&right).num_partitions(), p.max(q));
                prop_assert_eq!(collected(&left.intersection(&right)), common.clone());
                let both = left.intersection_partitioned(&right, to);
                prop_assert_eq!(both.num_partitions(), to);
                prop_assert_eq!(collected(&both), common.clone());
                prop_assert_eq!(left.subtract(left).count().unwrap(), 0);
            }
        }
    }

    #[test]
    fn subtract_by_key_agrees_with_vectors(
        one in pairs(), two in pairs(), n in 1_usize..5, to in 1_usize..5,
    ) {
        let gone: HashSet<u8> = two.iter().map(|(key, _)| *key).collect();
        let kept = one.iter().copied().filter(|(key, _)| !gone.contains(key));
        let expected = sorted(kept.collect::<Vec<_>>());
        for ctx in contexts() {
            let left = ctx.parallelize(one.clone(), n);
            let right = ctx.parallelize(two.clone(), 2);
            let rest = left.subtract_by_key(&right);
            prop_assert_eq!(rest.num_partitions(), n);
            prop_assert_eq!(collected(&rest), expected.clone());
            let rest = left.subtract_by_key_partitioned(&right, to);
            prop_assert_eq!(collected(&rest), expected.clone());
            // Both sides, then one side, then the same RDD on both, placed beforehand.
            let placed = left.partition_by(to);
            let rest = placed.subtract_by_key(&right.partition_by(to));
            prop_assert_eq!(collected(&rest), expected.clone());
            prop_assert_eq!(collected(&placed.subtract_by_key(&right)), expected.clone());
            prop_assert_eq!(placed.subtract_by_key(&placed).count().unwrap(), 0);
        }
    }
}

#[test]
fn shuffle_output_that_was_handed_over_comes_again() {
    let ctx = Context::new(Conf::new().master("local[2]").set("shuffle.keep", "0b")).unwrap();
    let placed = ctx.range(0..500, 1, 4).map(|n| (n % 50, n)).partition_by(3);
    let squared = placed.cartesian(&placed.keys().distinct());
    assert_eq!(squared.count().unwrap(), 500 * 50);
    assert_eq!(squared.count().unwrap(), 500 * 50);
    let indexed = placed.zip_with_index();
    let last = indexed.values().collect().unwrap();
    assert_eq!(last, (0..500).collect::<Vec<u64>>());
    assert_eq!(
        placed.coalesce(2).subtract_by_key(&placed).count().unwrap(),
        0
    );
}
