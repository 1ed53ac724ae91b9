//! Zipping, trees, groupings and jobs of one's own against naive references, on any slots
//! and partitions.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails with them"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_core::{Conf, Context, Error, HashPartitioner, Rdd, TaskError};
use proptest::prelude::*;

/// Small chunks, so that small inputs cross their borders.
fn context(slots: usize) -> Context {
    let conf = Conf::new().master(format!("local[{slots}]"));
    Context::new(conf.set("chunk.records", "16")).unwrap()
}

/// An RDD whose partitions are these; with `owned` they are made, not shared.
fn rdd(ctx: &Context, partitions: &[Vec<u32>], owned: bool) -> Rdd<u32> {
    let shared = partitions.iter().cloned().map(Arc::new).collect();
    let rdd = ctx.from_partitions(shared);
    if owned { rdd.map(|n| n) } else { rdd }
}

fn partitions(count: usize) -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0_u32..100, 0..40), count)
}

fn four() -> impl Strategy<Value = [Vec<Vec<u32>>; 4]> {
    (0_usize..7).prop_flat_map(|count| prop::array::uniform4(partitions(count)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn zip_pairs_the_records_of_equal_partitions(
        (parts, slots, owned) in (0_usize..7).prop_flat_map(|n| (partitions(n), 1_usize..4, 0..4)),
    ) {
        let ctx = context(slots);
        let left = rdd(&ctx, &parts, owned & 1 == 1);
        let right = rdd(&ctx, &parts, owned & 2 == 2).map(|n| n.to_string());
        let zipped = left.zip(&right);
        let expected: Vec<Vec<_>> = parts
            .iter()
            .map(|part| part.iter().map(|n| (*n, n.to_string())).collect())
            .collect();
        prop_assert_eq!(zipped.glom().collect().unwrap(), expected);
        // Of a part of the records, too.
        let three = parts.concat().into_iter().take(3);
        let three: Vec<_> = three.map(|n| (n, n.to_string())).collect();
        prop_assert_eq!(zipped.take(3).unwrap(), three);
    }

    #[test]
    fn zip_fails_where_sizes_differ([a, b, _, _] in four(), slots in 1_usize..4) {
        let ctx = context(slots);
        let zipped = rdd(&ctx, &a, true).zip(&rdd(&ctx, &b, false)).collect();
        let differs: Vec<_> = (0..a.len()).filter(|at| a[*at].len() != b[*at].len()).collect();
        match zipped {
            Ok(pairs) => {
                prop_assert!(differs.is_empty());
                prop_assert_eq!(pairs.len(), a.concat().len());
            }
            Err(Error::Job(job)) => {
                prop_assert!(differs.contains(&job.partition));
                let is_input = matches!(job.cause, TaskError::Input { .. });
                prop_assert!(is_input);
                let named = format!("partition {} has ", job.partition);
                prop_assert!(job.to_string().contains(&named), "{}", job);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn zip_partitions_gives_all_sides_whole([a, b, c, d] in four(), slots in 1_usize..4) {
        let ctx = context(slots);
        let sides = [&a, &b, &c, &d].map(|parts| rdd(&ctx, parts, parts.len() % 2 == 0));
        let [ra, rb, rc, rd] = &sides;
        let expected = |sides: &[&Vec<Vec<u32>>]| -> Vec<Vec<u32>> {
            let at = |at: usize| sides.iter().flat_map(|parts| parts[at].clone()).collect();
            (0..a.len()).map(at).collect()
        };
        let two = ra.zip_partitions(rb, |a, b| a.chain(b));
        prop_assert_eq!(two.glom().collect().unwrap(), expected(&[&a, &b]));
        let three = ra.zip_partitions3(rb, rc, |a, b, c| a.chain(b).chain(c));
        prop_assert_eq!(three.glom().collect().unwrap(), expected(&[&a, &b, &c]));
        let four = ra.zip_partitions4(rb, rc, rd, |a, b, c, d| a.chain(b).chain(c).chain(d));
        prop_assert_eq!(four.glom().collect().unwrap(), expected(&[&a, &b, &c, &d]));
    }

    #[test]
    fn a_tree_gives_what_the_driver_would(
        (parts, slots, depth) in (0_usize..70, 1_usize..4, 1_usize..6)
            .prop_flat_map(|(n, slots, depth)| (partitions(n), Just(slots), Just(depth))),
    ) {
        let ctx = context(slots);
        let rdd = rdd(&ctx, &parts, depth % 2 == 0);
        let all = parts.concat();
        // Texts show the order of the records, and how often the zero was used.
        let join = |a: String, b: String| format!("{a}{b}");
        let texts = rdd.map(|n| format!("{n},"));
        let joined: String = all.iter().map(|n| format!("{n},")).collect();
        match texts.tree_reduce(join, depth) {
            Ok(reduced) => prop_assert_eq!(&reduced, &joined),
            Err(Error::EmptyCollection { .. }) => prop_assert!(all.is_empty()),
            Err(other) => prop_assert!(false, "{}", other),
        }
        let add = |text: String, n: u32| format!("{text}{n},");
        let with_zeros = match parts.len() {
            0 => "|".to_owned(),
            _ => parts
                .iter()
                .map(|part| part.iter().fold("|".to_owned(), |text, n| add(text, *n)))
                .collect(),
        };
        let aggregated = rdd.tree_aggregate("|".to_owned(), add, join, depth);
        prop_assert_eq!(aggregated.unwrap(), with_zeros);
    }

    #[test]
    fn groups_have_all_records_of_their_key_in_order(
        (parts, slots, wanted) in (0_usize..7)
            .prop_flat_map(|n| (partitions(n), 1_usize..4, 1_usize..9)),
    ) {
        let ctx = context(slots);
        let rdd = rdd(&ctx, &parts, wanted % 2 == 0);
        let mut expected: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for n in parts.concat() {
            expected.entry(n % 7).or_default().push(n);
        }
        let groups = rdd.group_by(|n| n % 7);
        prop_assert_eq!(groups.num_partitions(), parts.len().max(1));
        let groups: BTreeMap<_, _> = groups.collect().unwrap().into_iter().collect();
        prop_assert_eq!(&groups, &expected);
        let groups = rdd.group_by_partitioned(|n| n % 7, HashPartitioner::new(wanted));
        prop_assert_eq!(groups.num_partitions(), wanted);
        prop_assert!(groups.partitioner().is_some());
        let groups: BTreeMap<_, _> = groups.collect().unwrap().into_iter().collect();
        prop_assert_eq!(&groups, &expected);
    }

    #[test]
    fn local_iterators_and_jobs_see_every_partition_in_order(
        (parts, slots, asked) in (0_usize..7).prop_flat_map(|n| {
            let asked = prop::sample::subsequence((0..n).collect::<Vec<_>>(), 0..=n);
            (partitions(n), 1_usize..4, asked.prop_shuffle())
        }),
    ) {
        let ctx = context(slots);
        let rdd = rdd(&ctx, &parts, slots % 2 == 0);
        for local in [rdd.to_local_iterator(), rdd.to_local_iterator_prefetching()] {
            let records: Result<Vec<u32>, Error> = local.collect();
            prop_assert_eq!(records.unwrap(), parts.concat());
        }
        let some: Vec<_> = asked.iter().map(|at| parts[*at].clone()).collect();
        let got = rdd.run_job(asked, |records| records.into_vec());
        prop_assert_eq!(got.unwrap(), some);
        let all = ctx.run_job(&rdd, |records| records.into_vec());
        prop_assert_eq!(all.unwrap(), parts);
    }
}

fn build_error<T>(result: Result<T, Error>) -> String {
    match result {
        Err(error @ Error::Build { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

#[test]
fn numbers_of_partitions_have_to_fit() {
    let ctx = context(2);
    let three = ctx.range(0..6, 1, 3);
    let two = ctx.range(0..6, 1, 2);
    let error = build_error(three.zip(&two).collect());
    assert!(
        error.contains("zip at ") && error.contains("[3, 2]"),
        "{error}"
    );
    let error = build_error(three.zip_partitions3(&three, &two, |a, _, _| a).count());
    assert!(error.contains("[3, 3, 2]"), "{error}");
    let other = context(1).range(0..6, 1, 3);
    assert!(build_error(three.zip(&other).count()).contains("different contexts"));
    assert!(build_error(ctx.run_job(&other, |_| ())).contains("different contexts"));
}

/// How many partitions a sort gives is known when a job looks.
#[test]
fn sorted_sides_are_counted_when_they_are_known() {
    let ctx = context(2);
    let pairs = ctx.range(0..40, 1, 2).map(|n| (n % 2, n));
    let sorted = pairs.sort_by_key_partitioned(true, 9);
    let zipped = sorted.zip(&sorted.keys());
    assert_eq!(zipped.count().unwrap(), 40);
    assert!(zipped.num_partitions() < 9);
}

#[test]
fn a_shuffle_may_be_on_both_sides() {
    let conf = Conf::new().master("local[2]").set("shuffle.keep", "0b");
    let ctx = Context::new(conf).unwrap();
    let sums = ctx
        .range(0..100, 1, 4)
        .map(|n| (n % 10, n))
        .reduce_by_key(|a, b| a + b);
    let zipped = sums
        .zip(&sums.keys())
        .filter(|((key, _), other)| key == other);
    assert_eq!(zipped.count().unwrap(), 10);
}

#[test]
fn mistakes_are_reported_also_where_there_is_nothing_to_do() {
    let ctx = context(1);
    let none = ctx.empty::<u32>();
    assert!(build_error(none.tree_reduce(|a, _| a, 0)).contains("depth 0"));
    assert!(build_error(none.tree_aggregate(0, |a, _| a, |a, _| a, 0)).contains("depth 0"));
    assert_eq!(none.tree_aggregate(7, |a, _| a, |a, _| a, 1).unwrap(), 7);
    let numbers = ctx.range(0..6, 1, 3);
    let error = build_error(numbers.run_job([1, 3], |_| ()));
    assert!(
        error.contains("partition 3") && error.contains("there are 3"),
        "{error}"
    );
    assert!(build_error(numbers.run_job([1, 0, 1], |_| ())).contains("twice"));
    assert!(numbers.run_job([], |_| ()).unwrap().is_empty());
    assert!(build_error(numbers.group_by_partitioned(|n| *n, 0).count()).contains("0 partitions"));
}

#[test]
fn closures_that_panic_are_found() {
    let ctx = context(2);
    let numbers = ctx.range(0..60, 1, 30);
    let failed = [
        (
            "zip_partitions",
            numbers
                .zip_partitions(&numbers, |a, b| a.zip(b).map(fail))
                .count(),
        ),
        (
            "tree_reduce",
            numbers.tree_reduce(|_, _| fail((0, 0)), 2).map(|_| 0),
        ),
        ("group_by", numbers.group_by(|n| fail((*n, 0))).count()),
        ("run_job", numbers.run_job([1], |_| fail((0, 0))).map(|_| 0)),
    ];
    for (operator, result) in failed {
        let error = result.unwrap_err().to_string();
        let named = format!("the closure of {operator} at ");
        assert!(
            error.contains(&named) && error.contains("on purpose"),
            "{error}"
        );
    }
}

fn fail(_: (i64, i64)) -> i64 {
    panic!("on purpose")
}

#[test]
fn a_local_iterator_runs_what_it_is_asked_for() {
    let ctx = context(2);
    let computed = Arc::new(AtomicUsize::new(0));
    let count = computed.clone();
    let numbers = ctx.range(0..8, 1, 4).map(move |n| {
        count.fetch_add(1, Ordering::Relaxed);
        assert!(n < 4, "on purpose");
        n
    });
    let mut local = numbers.to_local_iterator();
    assert_eq!(computed.load(Ordering::Relaxed), 0);
    assert_eq!(local.next().unwrap().unwrap(), 0);
    assert_eq!(computed.load(Ordering::Relaxed), 2);
    assert_eq!(local.by_ref().take(3).filter(Result::is_ok).count(), 3);
    assert!(
        local
            .next()
            .unwrap()
            .unwrap_err()
            .to_string()
            .contains("on purpose")
    );
    assert!(local.next().is_none(), "an error is the end");

    let ahead: Vec<_> = numbers.to_local_iterator_prefetching().collect();
    assert_eq!(ahead.iter().filter(|record| record.is_ok()).count(), 4);
    assert!(matches!(ahead.last(), Some(Err(Error::Job(_)))));
}

#[test]
fn a_local_iterator_that_is_dropped_cancels_the_job_ahead() {
    let ctx = context(1);
    // The first partition is short, the second one has no end.
    let endless = ctx
        .range(0..2, 1, 2)
        .flat_map(|n| 0..1 + n * (i64::MAX - 1));
    let mut local = endless.to_local_iterator_prefetching();
    assert_eq!(local.next().unwrap().unwrap(), 0);
    drop(local);
    // There is one slot only, which this job needs.
    assert_eq!(ctx.range(0..3, 1, 1).count().unwrap(), 3);
}

#[test]
fn actions_inside_tasks_are_refused() {
    let ctx = context(1);
    let other = ctx.range(0..4, 1, 2);
    let firsts = ctx.range(0..1, 1, 1).map(move |_| {
        let first = other.to_local_iterator_prefetching().next();
        matches!(first, Some(Err(Error::NestedAction { .. })))
            && matches!(other.run_job([0], |_| ()), Err(Error::NestedAction { .. }))
            && matches!(
                other.tree_reduce(|a, _| a, 2),
                Err(Error::NestedAction { .. })
            )
    });
    assert_eq!(firsts.collect().unwrap(), [true]);
}

#[test]
fn long_lineages_of_zips_are_freed() {
    let ctx = context(1);
    let one = ctx.range(0..3, 1, 1);
    let long = (0..50_000).fold(one.clone(), |rdd, _| rdd.zip(&one).keys());
    drop(long);
    assert_eq!(one.count().unwrap(), 3);
}
