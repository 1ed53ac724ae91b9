//! Joins, groupings and sorts against naive references, on any slots and partitions.
#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_core::events::Event;
use headwater_core::rdd::TotalF64;
use headwater_core::{Conf, Context, Error, HashPartitioner, RangePartitioner, Rdd, Record};
use proptest::prelude::*;

type Pairs = Vec<(u8, u32)>;
type FullJoin = Vec<(u8, (Option<u32>, Option<u32>))>;
type Shape = (usize, usize, usize, usize);

/// Few keys, so that most of them repeat; also no records at all.
fn pairs() -> impl Strategy<Value = Pairs> {
    prop_oneof![
        1 => Just(Vec::new()),
        8 => prop::collection::vec((0_u8..12, 0_u32..1000), 0..60),
        2 => prop::collection::vec((0_u8..=255, 0_u32..1000), 0..400),
    ]
}

/// Slots, slices of the left and the right input, partitions of the result.
fn shape() -> impl Strategy<Value = Shape> {
    (1_usize..4, 1_usize..6, 1_usize..6, 1_usize..9)
}

/// Small chunks, so that small inputs cross their borders.
fn context(slots: usize) -> Context {
    let conf = Conf::new().master(format!("local[{slots}]"));
    Context::new(conf.set("chunk.records", "16")).unwrap()
}

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort();
    records
}

fn collected<T: Record + Ord>(rdd: &Rdd<T>) -> Vec<T> {
    sorted(rdd.collect().unwrap())
}

/// Nested loops: every pair of rows with equal keys, then what is left on either side.
fn naive_join(left: &Pairs, right: &Pairs) -> FullJoin {
    let mut out = Vec::new();
    for (key, value) in left {
        let matches = right.iter().filter(|(other, _)| other == key);
        out.extend(matches.map(|(_, other)| (*key, (Some(*value), Some(*other)))));
        if right.iter().all(|(other, _)| other != key) {
            out.push((*key, (Some(*value), None)));
        }
    }
    let unmatched = right
        .iter()
        .filter(|(key, _)| left.iter().all(|(other, _)| other != key));
    out.extend(unmatched.map(|(key, other)| (*key, (None, Some(*other)))));
    out
}

type Groups = BTreeMap<u8, (Vec<u32>, Vec<u32>, Vec<u32>)>;

fn naive_groups(a: &Pairs, b: &Pairs, c: &Pairs) -> Groups {
    let mut groups = Groups::new();
    a.iter()
        .for_each(|(key, value)| groups.entry(*key).or_default().0.push(*value));
    b.iter()
        .for_each(|(key, value)| groups.entry(*key).or_default().1.push(*value));
    c.iter()
        .for_each(|(key, value)| groups.entry(*key).or_default().2.push(*value));
    groups
}

/// The keys in the order in which they first appear.
fn first_seen(pairs: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut keys = Vec::new();
    for key in pairs {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn joins_agree_with_nested_loops(left in pairs(), right in pairs(), shape in shape()) {
        let (slots, left_slices, right_slices, n) = shape;
        let ctx = context(slots);
        let a = ctx.parallelize(left.clone(), left_slices);
        let b = ctx.parallelize(right.clone(), right_slices);
        let all = naive_join(&left, &right);

        let full = sorted(all.clone());
        prop_assert_eq!(collected(&a.full_outer_join(&b)), full.clone());
        prop_assert_eq!(collected(&a.full_outer_join_partitioned(&b, n)), full);

        let inner = all.iter().filter_map(|(k, (v, w))| Some((*k, ((*v)?, (*w)?))));
        let inner = sorted(inner.collect());
        prop_assert_eq!(collected(&a.join(&b)), inner.clone());
        prop_assert_eq!(collected(&a.join_partitioned(&b, n)), inner);

        let outer = all.iter().filter_map(|(k, (v, w))| Some((*k, ((*v)?, *w))));
        let outer = sorted(outer.collect());
        prop_assert_eq!(collected(&a.left_outer_join(&b)), outer.clone());
        prop_assert_eq!(collected(&a.left_outer_join_partitioned(&b, n)), outer);

        let outer = all.iter().filter_map(|(k, (v, w))| Some((*k, (*v, (*w)?))));
        let outer = sorted(outer.collect());
        prop_assert_eq!(collected(&a.right_outer_join(&b)), outer.clone());
        prop_assert_eq!(collected(&a.right_outer_join_partitioned(&b, n)), outer);
    }

    #[test]
    fn a_join_keeps_the_order_of_the_left_and_then_of_the_right(
        left in pairs(),
        right in pairs(),
        shape in shape(),
    ) {
        let (slots, left_slices, right_slices, n) = shape;
        let ctx = context(slots);
        let a = ctx.parallelize(left.clone(), left_slices);
        let b = ctx.parallelize(right.clone(), right_slices);
        let one = a.full_outer_join_partitioned(&b, 1).collect().unwrap();
        prop_assert_eq!(&one, &naive_join(&left, &right));

        let parts = a.full_outer_join_partitioned(&b, n).glom().collect().unwrap();
        prop_assert_eq!(parts.len(), n);
        for (at, part) in parts.iter().enumerate() {
            let here = |(key, _): &&(u8, _)| headwater_core::hash::partition_of(key, n) == at;
            prop_assert_eq!(part, &one.iter().filter(here).copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn cogroup_agrees_with_a_map(
        (a, b, c) in (pairs(), pairs(), pairs()),
        shape in shape(),
    ) {
        let (slots, left_slices, right_slices, n) = shape;
        let ctx = context(slots);
        let x = ctx.parallelize(a.clone(), left_slices);
        let y = ctx.parallelize(b.clone(), right_slices);
        let z = ctx.parallelize(c.clone(), n);

        let two = naive_groups(&a, &b, &Vec::new()).into_iter();
        let two: Vec<_> = two.map(|(key, (a, b, _))| (key, (a, b))).collect();
        prop_assert_eq!(collected(&x.cogroup(&y)), two.clone());
        prop_assert_eq!(collected(&x.group_with(&y)), two.clone());
        prop_assert_eq!(collected(&x.cogroup_partitioned(&y, n)), two);

        let three: Vec<_> = naive_groups(&a, &b, &c).into_iter().collect();
        prop_assert_eq!(collected(&x.cogroup3(&y, &z)), three.clone());
        let four = three.into_iter().map(|(key, (a, b, c))| (key, (a, b.clone(), c, b)));
        prop_assert_eq!(collected(&x.cogroup4(&y, &z, &y)), four.collect::<Vec<_>>());

        let keys = x.cogroup_partitioned(&y, 1).keys().collect().unwrap();
        let arrival = a.iter().chain(&b).map(|(key, _)| *key);
        prop_assert_eq!(keys, first_seen(arrival));
    }

    #[test]
    fn sorting_by_key_is_stable_in_both_directions(
        input in pairs(),
        ascending in any::<bool>(),
        shape in shape(),
    ) {
        let (slots, slices, _, n) = shape;
        let rdd = context(slots).parallelize(input.clone(), slices);
        let mut expected = input;
        expected.sort_by(|(a, _), (b, _)| if ascending { a.cmp(b) } else { b.cmp(a) });
        prop_assert_eq!(rdd.sort_by_key(ascending).collect().unwrap(), expected.clone());
        let by_count = rdd.sort_by_key_partitioned(ascending, n);
        prop_assert_eq!(by_count.collect().unwrap(), expected.clone());
        prop_assert!(by_count.num_partitions() <= n);
        let by_closure = rdd.sort_by(|(key, _)| *key, ascending);
        prop_assert_eq!(by_closure.collect().unwrap(), expected.clone());
        let by_closure = rdd.sort_by_partitioned(|(key, _)| *key, ascending, n);
        prop_assert_eq!(by_closure.collect().unwrap(), expected);
    }

    #[test]
    fn floating_keys_sort_in_their_total_order(
        numbers in prop::collection::vec(prop::num::f64::ANY, 0..50),
        n in 1_usize..5,
    ) {
        let rdd = context(2).parallelize(numbers.clone(), 3);
        let result = rdd.sort_by_partitioned(|x| TotalF64(*x), true, n).collect().unwrap();
        let mut expected = numbers;
        expected.sort_by(f64::total_cmp);
        let bits = |all: Vec<f64>| all.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        prop_assert_eq!(bits(result), bits(expected));
    }

    #[test]
    fn partitions_are_sorted_where_they_lie(input in pairs(), shape in shape()) {
        let (slots, slices, _, n) = shape;
        let rdd = context(slots).parallelize(input.clone(), slices);
        let parts = rdd.repartition_and_sort_within_partitions(n).glom().collect().unwrap();
        prop_assert_eq!(parts.len(), n);
        for (at, part) in parts.into_iter().enumerate() {
            let here = |(key, _): &&(u8, u32)| headwater_core::hash::partition_of(key, n) == at;
            let mut expected: Vec<_> = input.iter().filter(here).copied().collect();
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(part, expected);
        }
    }

    #[test]
    fn a_range_of_keys_holds_both_its_ends(
        input in pairs(),
        (low, high) in (0_u8..14, 0_u8..14),
        ascending in any::<bool>(),
        shape in shape(),
    ) {
        let (slots, slices, _, n) = shape;
        let rdd = context(slots).parallelize(input.clone(), slices);
        let inside = |(key, _): &(u8, u32)| low <= *key && *key <= high;
        let mut expected: Vec<_> = input.into_iter().filter(inside).collect();
        prop_assert_eq!(rdd.filter_by_range(low, high).collect().unwrap(), expected.clone());
        expected.sort_by(|(a, _), (b, _)| if ascending { a.cmp(b) } else { b.cmp(a) });
        let in_order = rdd.sort_by_key_partitioned(ascending, n).filter_by_range(low, high);
        prop_assert_eq!(in_order.collect().unwrap(), expected);
    }

    #[test]
    fn joins_of_persisted_and_shuffled_inputs_agree(left in pairs(), right in pairs()) {
        let ctx = context(2);
        let a = ctx.parallelize(left.clone(), 3).partition_by(4);
        let b = ctx.parallelize(right.clone(), 2).partition_by(4);
        let (kept_a, kept_b) = (a.map_values(|v| v).cache(), b.cache());
        let expected = collected(&a.full_outer_join(&b));
        for _ in 0..2 {
            prop_assert_eq!(collected(&kept_a.full_outer_join(&kept_b)), expected.clone());
        }
    }
}

/// Counts the stages that run, without the last one of each job.
struct Shuffles {
    ctx: Context,
    stages: Arc<AtomicUsize>,
    jobs: Arc<AtomicUsize>,
}

impl Shuffles {
    fn of(ctx: &Context) -> Self {
        let (stages, jobs) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (stage, job) = (stages.clone(), jobs.clone());
        ctx.events().add(move |event: &Event| {
            match event {
                Event::StageSubmitted(_) => stage.fetch_add(1, Ordering::Relaxed),
                Event::JobStarted(_) => job.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
        });
        Shuffles {
            ctx: ctx.clone(),
            stages,
            jobs,
        }
    }

    /// Runs an action; how many jobs, and how many shuffles in them.
    fn during<T: Record + Debug>(&self, rdd: &Rdd<T>) -> (usize, usize) {
        let before = self.counts();
        rdd.collect().unwrap();
        let after = self.counts();
        let jobs = after.0 - before.0;
        (jobs, after.1 - before.1 - jobs)
    }

    fn counts(&self) -> (usize, usize) {
        self.ctx.events().flush();
        (
            self.jobs.load(Ordering::Relaxed),
            self.stages.load(Ordering::Relaxed),
        )
    }
}

fn some_pairs(ctx: &Context) -> Rdd<(u64, u64)> {
    ctx.parallelize((0..100).map(|n| (n * 7 % 30, n)).collect(), 3)
}

#[test]
fn inputs_that_are_placed_alike_are_not_shuffled_again() {
    let ctx = Context::local(2).unwrap();
    let shuffles = Shuffles::of(&ctx);
    let pairs = some_pairs(&ctx);
    assert_eq!(
        shuffles.during(&pairs.join(&pairs.map_values(|v| v + 1))),
        (1, 2)
    );

    let left = pairs.partition_by(HashPartitioner::new(4));
    let right = pairs.map_values(|v| v * 2).partition_by(4);
    assert_eq!(shuffles.during(&left.join(&right)), (1, 2));
    // The output of both shuffles is small, so it is still there.
    assert_eq!(shuffles.during(&left.join(&right)), (1, 0));
    assert_eq!(left.join(&right).num_partitions(), 4);
    let joined = left.full_outer_join(&right);
    let reduced = joined.map_values(|_| 1_u64).reduce_by_key(|a, b| a + b);
    assert_eq!(shuffles.during(&reduced), (1, 0));
    assert_eq!(
        shuffles.during(&reduced.cogroup4(&left, &right, &reduced)),
        (1, 0)
    );
    assert_eq!(
        shuffles.during(&left.repartition_and_sort_within_partitions(4)),
        (1, 0)
    );
    assert_eq!(shuffles.during(&left.join_partitioned(&right, 5)), (1, 2));

    let fresh = some_pairs(&ctx);
    assert_eq!(shuffles.during(&left.join(&fresh)), (1, 1));
    assert_eq!(shuffles.during(&fresh.left_outer_join(&left)), (1, 1));
}

#[test]
fn a_sort_samples_once_and_places_what_follows() {
    let ctx = Context::local(2).unwrap();
    let shuffles = Shuffles::of(&ctx);
    let pairs = some_pairs(&ctx);
    let in_order = pairs.sort_by_key(true);
    assert_eq!(shuffles.during(&in_order), (2, 1));
    assert_eq!(shuffles.during(&in_order), (1, 0));
    assert_eq!(
        shuffles.during(&in_order.reduce_by_key(|a, b| a + b)),
        (1, 0)
    );
    assert_eq!(shuffles.during(&in_order.join(&in_order)), (1, 0));
    assert_eq!(shuffles.during(&in_order.join(&pairs)), (1, 1));
    assert_eq!(
        shuffles.during(&pairs.sort_by_key_partitioned(false, 1)),
        (1, 1)
    );
    let ranges = RangePartitioner::new(&pairs, 3, true);
    let placed = pairs.repartition_and_sort_within_partitions(ranges);
    assert_eq!(shuffles.during(&placed.join(&pairs)), (2, 2));
}

#[test]
fn the_key_of_a_sort_is_made_twice_at_most() {
    let ctx = Context::local(2).unwrap();
    let calls = ctx.long_accumulator("calls");
    for (partitions, at_most) in [(1, 100), (4, 200)] {
        calls.reset();
        let count = calls.clone();
        let numbers = ctx.range(0..100, 1, 3);
        let key = move |n: &i64| {
            count.add(1);
            -n
        };
        let result = numbers
            .sort_by_partitioned(key, true, partitions)
            .collect()
            .unwrap();
        assert_eq!(result, (0..100).rev().collect::<Vec<_>>());
        assert_eq!(calls.value(), at_most);
    }
}

#[test]
fn partitions_out_of_a_key_range_are_not_computed() {
    let ctx = Context::local(2).unwrap();
    let reads = ctx.long_accumulator("reads");
    let count = reads.clone();
    let in_order = ctx.range(0..1000, 1, 4).map(|n| (n, n)).sort_by_key(true);
    let counted = in_order.map_values(move |v| {
        count.add(1);
        v
    });
    let some = counted.filter_by_range(10, 20);
    assert_eq!(some.count().unwrap(), 11);
    assert!(reads.value() < 500, "{} records were read", reads.value());
    assert_eq!(counted.filter_by_range(20, 10).count().unwrap(), 0);
}

#[test]
fn one_key_with_many_values_on_both_sides_is_streamed() {
    let ctx = context(2);
    let left = ctx.parallelize((0..700).map(|n| (1_u8, n)).collect(), 2);
    let right = ctx.parallelize((0..500).map(|n| (1_u8, n)).collect(), 2);
    let joined = left.join(&right);
    assert_eq!(joined.count().unwrap(), 350_000);
    assert_eq!(
        joined.collect().unwrap()[..3],
        [(1, (0, 0)), (1, (0, 1)), (1, (0, 2))]
    );
}

#[test]
fn mistakes_name_the_operator() {
    let ctx = Context::local(1).unwrap();
    let other = Context::local(1).unwrap();
    let (a, b) = (some_pairs(&ctx), some_pairs(&other));
    let error = a.join(&b).collect().unwrap_err();
    assert!(matches!(error, Error::Build { .. }), "{error}");
    assert!(error.to_string().contains("join"), "{error}");
    assert!(error.to_string().contains("different contexts"), "{error}");
    let zero: [Error; 3] = [
        a.cogroup_partitioned(&a, 0).collect().unwrap_err(),
        a.sort_by_key_partitioned(true, 0).collect().unwrap_err(),
        a.sort_by_partitioned(|pair| pair.1, true, 0)
            .collect()
            .unwrap_err(),
    ];
    for error in zero {
        assert!(error.to_string().contains("0 partitions"), "{error}");
        assert!(error.to_string().contains(file!()), "{error}");
    }
}

#[test]
fn empty_inputs_give_empty_results() {
    let ctx = Context::local(2).unwrap();
    let none = ctx.empty::<(u64, u64)>();
    let some = some_pairs(&ctx);
    assert_eq!(none.join(&some).count().unwrap(), 0);
    assert_eq!(some.join(&none).count().unwrap(), 0);
    assert_eq!(none.join(&none).count().unwrap(), 0);
    assert_eq!(none.full_outer_join(&some).count().unwrap(), 100);
    assert_eq!(some.full_outer_join(&none).count().unwrap(), 100);
    assert_eq!(none.cogroup(&none).count().unwrap(), 0);
    assert_eq!(none.sort_by_key(true).count().unwrap(), 0);
    assert_eq!(none.sort_by(|pair| pair.1, false).count().unwrap(), 0);
}
