//! Actions against naive references: whatever the cut into partitions, the same results.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_core::events::Event;
use headwater_core::{Conf, Context, Error, Rdd, TaskError};
use proptest::prelude::*;

fn context() -> Context {
    Context::local(2).expect("two slots can be started")
}

/// Counts the jobs of a context.
fn count_jobs(ctx: &Context) -> Arc<AtomicUsize> {
    let jobs = Arc::new(AtomicUsize::new(0));
    let seen = jobs.clone();
    ctx.events().add(move |event: &Event| {
        if let Event::JobStarted(_) = event {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    jobs
}

fn is_empty_collection<T>(result: Result<T, Error>, action: &str) -> bool {
    matches!(result, Err(Error::EmptyCollection { site }) if site.operator() == action)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_first_records(records in prop::collection::vec(0..50_i64, 0..60), slices in 1..9_usize,
        n in 0..80_usize) {
        let ctx = context();
        let rdd = ctx.parallelize(records.clone(), slices);
        let kept: Vec<i64> = records.iter().copied().filter(|x| x % 3 == 0).collect();
        prop_assert_eq!(rdd.take(n).unwrap(), records[..n.min(records.len())].to_vec());
        let thirds = rdd.filter(|x| x % 3 == 0);
        prop_assert_eq!(thirds.take(n).unwrap(), kept[..n.min(kept.len())].to_vec());
        prop_assert_eq!(thirds.first().ok(), kept.first().copied());
        prop_assert_eq!(thirds.is_empty().unwrap(), kept.is_empty());
    }

    #[test]
    fn the_least_and_the_greatest(
        records in prop::collection::vec((0..9_u8, 0..9_u8), 0..400), slices in 1..6_usize,
        n in 0..60_usize,
    ) {
        let ctx = context();
        let rdd = ctx.parallelize(records.clone(), slices);
        let mut sorted = records.clone();
        sorted.sort();
        let shown = n.min(records.len());
        prop_assert_eq!(rdd.take_ordered(n).unwrap(), sorted[..shown].to_vec());
        prop_assert_eq!(rdd.map(|x| x).take_ordered(n).unwrap(), sorted[..shown].to_vec());
        prop_assert_eq!(rdd.min().ok(), sorted.first().copied());
        prop_assert_eq!(rdd.max().ok(), sorted.last().copied());
        sorted.reverse();
        prop_assert_eq!(rdd.top(n).unwrap(), sorted[..shown].to_vec());
        // Equal keys come in the order of the records.
        let mut by_first = records.clone();
        by_first.sort_by_key(|(first, _)| *first);
        let least = rdd.take_ordered_by(n, |(first, _)| *first).unwrap();
        prop_assert_eq!(least, by_first[..shown].to_vec());
        let mut by_first = records;
        by_first.sort_by_key(|(first, _)| Reverse(*first));
        prop_assert_eq!(rdd.top_by(n, |(first, _)| *first).unwrap(), by_first[..shown].to_vec());
        let greatest = rdd.max_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(greatest.ok(), by_first.first().copied());
    }

    #[test]
    fn folds_go_by_the_order_of_the_partitions(
        records in prop::collection::vec("[a-c]{0,2}", 0..40), slices in 1..7_usize,
    ) {
        let ctx = context();
        let rdd = ctx.parallelize(records.clone(), slices);
        let whole = records.concat();
        let joined = rdd.reduce(|a, b| a + &b);
        prop_assert_eq!(joined.ok(), Some(whole.clone()).filter(|_| !records.is_empty()));
        prop_assert_eq!(rdd.fold(String::new(), |a, b| a + &b).unwrap(), whole.clone());
        let lengths = rdd.aggregate(
            Vec::new(),
            |mut lengths, record| { lengths.push(record.len()); lengths },
            |a, b| [a, b].concat(),
        );
        let expected: Vec<usize> = records.iter().map(String::len).collect();
        prop_assert_eq!(lengths.unwrap(), expected);
    }

    #[test]
    fn maps_on_the_driver(
        pairs in prop::collection::vec((0..6_i32, 0..100_i32), 0..60), slices in 1..7_usize,
    ) {
        let ctx = context();
        let rdd = ctx.parallelize(pairs.clone(), slices);
        let mut lists: HashMap<i32, Vec<i32>> = HashMap::new();
        for (key, value) in &pairs {
            lists.entry(*key).or_default().push(*value);
        }
        let each = |f: fn(&Vec<i32>) -> i32| -> HashMap<i32, i32> {
            lists.iter().map(|(key, list)| (*key, f(list))).collect()
        };
        let counts: HashMap<i32, u64> =
            lists.iter().map(|(key, list)| (*key, list.len() as u64)).collect();
        prop_assert_eq!(rdd.count_by_key().unwrap(), counts.clone());
        prop_assert_eq!(rdd.keys().count_by_value().unwrap(), counts);
        prop_assert_eq!(rdd.collect_as_map().unwrap(), each(|list| list[list.len() - 1]));
        // Neither commutative, so that a wrong order shows.
        let last = rdd.reduce_by_key_locally(|_, b| b).unwrap();
        prop_assert_eq!(last, each(|list| list[list.len() - 1]));
        let first = rdd.reduce_by_key_locally(|a, _| a).unwrap();
        prop_assert_eq!(first, each(|list| list[0]));
        let placed = rdd.partition_by(3);
        for key in 0..7 {
            let expected = lists.get(&key).cloned().unwrap_or_default();
            prop_assert_eq!(rdd.lookup(&key).unwrap(), expected.clone());
            prop_assert_eq!(placed.lookup(&key).unwrap(), expected);
        }
    }

    #[test]
    fn histograms(
        numbers in prop::collection::vec(-8..9_i32, 1..80), slices in 1..5_usize,
        buckets in 1..6_usize,
    ) {
        let ctx = context();
        let rdd = ctx.parallelize(numbers.clone(), slices).map(f64::from);
        let naive = |bounds: &[f64]| -> Vec<u64> {
            let intervals = bounds.windows(2).enumerate();
            intervals.map(|(at, bound)| {
                let is_last = at + 2 == bounds.len();
                let is_in = |x: f64| x >= bound[0] && (x < bound[1] || is_last && x == bound[1]);
                numbers.iter().filter(|x| is_in(f64::from(**x))).count() as u64
            }).collect()
        };
        let given = [-5.0, -1.0, 0.0, 4.0];
        prop_assert_eq!(rdd.histogram_with(&given).unwrap(), naive(&given));
        let (bounds, counts) = rdd.histogram(buckets).unwrap();
        prop_assert!(bounds.is_sorted());
        prop_assert_eq!(counts.iter().sum::<u64>(), numbers.len() as u64);
        // Bounds that are no decimals of two may be a rounding away from the numbers.
        if [1, 2, 4].contains(&buckets) {
            prop_assert_eq!(counts, naive(&bounds));
        }
    }
}

#[test]
fn take_reads_no_more_partitions_than_it_needs() {
    let ctx = context();
    let jobs = count_jobs(&ctx);
    let read = ctx.long_accumulator("partitions read");
    let seen = read.clone();
    let rdd = ctx
        .parallelize((0..100).collect::<Vec<_>>(), 100)
        .map_partitions(move |records| {
            seen.add(1);
            records
        });
    let expect = |result: Vec<i32>, len: usize, jobs_wanted: usize, partitions: i64| {
        ctx.events().flush();
        assert_eq!(result, (0..len as i32).collect::<Vec<_>>());
        assert_eq!(jobs.swap(0, Ordering::Relaxed), jobs_wanted, "jobs");
        assert_eq!(read.value(), partitions, "partitions");
        read.reset();
    };
    expect(rdd.take(1).unwrap(), 1, 1, 1);
    // One, four more, then half as many again as the five that are missing.
    expect(rdd.take(5).unwrap(), 5, 2, 5);
    expect(rdd.take(10).unwrap(), 10, 3, 13);
    expect(rdd.take(0).unwrap(), 0, 0, 0);
    expect(rdd.filter(|_| false).take(1).unwrap(), 0, 4, 100);
}

#[test]
fn the_scale_up_factor_is_configured() {
    let conf = Conf::new()
        .master("local[2]")
        .set("rdd.limit.scale_up_factor", 100);
    let ctx = Context::new(conf).unwrap();
    let jobs = count_jobs(&ctx);
    let rdd = ctx.range(0..100, 1, 100).filter(|n| *n == 99);
    assert_eq!(rdd.first().unwrap(), 99);
    ctx.events().flush();
    assert_eq!(jobs.load(Ordering::Relaxed), 2);
}

#[test]
fn take_stops_inside_a_partition() {
    let ctx = context();
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = seen.clone();
    let endless = ctx.range(0..i64::MAX, 1, 1).map(move |n| {
        counted.fetch_add(1, Ordering::Relaxed);
        n
    });
    assert_eq!(endless.take(3000).unwrap().len(), 3000);
    assert!(
        seen.load(Ordering::Relaxed) < 3000 + 2 * 1024,
        "little more than a chunk too many"
    );
    assert!(!endless.is_empty().unwrap());
}

#[test]
fn take_after_a_shuffle_that_hands_its_output_over() {
    let ctx = Context::new(Conf::new().master("local[2]").set("shuffle.keep", "0b")).unwrap();
    let pairs = ctx
        .range(0..1000, 1, 4)
        .map(|n| (n % 100, 1))
        .reduce_by_key_partitioned(|a, b| a + b, 8);
    assert_eq!(pairs.take(60).unwrap().len(), 60);
    assert_eq!(pairs.first().unwrap().1, 10);
    assert_eq!(pairs.take(1000).unwrap().len(), 100);
}

#[test]
fn nothing_to_answer_is_an_error_that_names_the_action() {
    let ctx = context();
    for rdd in [
        ctx.empty::<i32>(),
        ctx.parallelize(vec![1, 2], 2).filter(|_| false),
    ] {
        assert!(is_empty_collection(rdd.first(), "first"));
        assert!(is_empty_collection(rdd.reduce(|a, b| a + b), "reduce"));
        assert!(is_empty_collection(rdd.min(), "min"));
        assert!(is_empty_collection(rdd.max(), "max"));
        assert!(is_empty_collection(
            rdd.map(f64::from).histogram(3),
            "histogram"
        ));
        assert!(rdd.is_empty().unwrap());
        assert_eq!(rdd.sum().unwrap(), 0);
        assert_eq!(rdd.take(3).unwrap(), []);
        assert_eq!(rdd.top(3).unwrap(), []);
        assert!(rdd.count_by_value().unwrap().is_empty());
        assert_eq!(rdd.map(f64::from).stats().unwrap().count(), 0);
        assert_eq!(rdd.map(f64::from).histogram_with(&[0.0, 1.0]).unwrap(), [0]);
    }
}

#[test]
fn the_zero_is_used_for_each_partition_and_on_the_driver() {
    let ctx = context();
    let numbers = ctx.range(1..11, 1, 3);
    assert_eq!(numbers.fold(1, |a, b| a + b).unwrap(), 59);
    assert_eq!(
        numbers.aggregate(1, |a, b| a + b, |a, b| a + b).unwrap(),
        59
    );
    let empty = ctx.parallelize(Vec::<i32>::new(), 2);
    assert_eq!(empty.fold(1, |a, b| a + b).unwrap(), 3);
    assert_eq!(ctx.empty::<i32>().fold(1, |a, b| a + b).unwrap(), 1);
}

#[test]
fn sums_fail_only_when_the_result_does_not_fit() {
    let ctx = context();
    assert_eq!(
        ctx.parallelize(vec![i64::MAX, 1, -2], 3).sum().unwrap(),
        i64::MAX - 1
    );
    assert_eq!(ctx.parallelize(vec![u64::MAX], 1).sum().unwrap(), u64::MAX);
    assert_eq!(ctx.parallelize(vec![1_usize, 2], 2).sum().unwrap(), 3);
    assert_eq!(ctx.parallelize(vec![0.5_f32, 0.25], 2).sum().unwrap(), 0.75);
    let none = ctx.empty::<f64>().sum().unwrap();
    assert!(none == 0.0 && none.is_sign_positive());
    let error = ctx
        .parallelize(vec![u32::MAX, 1], 2)
        .sum()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("sum at ") && error.contains("does not fit u32"),
        "{error}"
    );
}

#[test]
fn histogram_edges() {
    let ctx = context();
    let of = |numbers: &[f64]| -> Rdd<f64> { ctx.parallelize(numbers.to_vec(), 2) };
    let (bounds, counts) = of(&[2.0, 2.0, 2.0]).histogram(5).unwrap();
    assert_eq!(
        (bounds.as_slice(), counts),
        ([2.0, 2.0].as_slice(), vec![3])
    );
    assert_eq!(of(&[2.0, 2.0, 3.0]).histogram_with(&bounds).unwrap(), [2]);
    assert!(of(&[1.0, f64::NAN]).histogram(2).is_err());
    assert!(of(&[1.0, f64::INFINITY]).histogram(2).is_err());
    assert!(of(&[1.0]).histogram(0).is_err());
    let numbers = of(&[f64::NEG_INFINITY, -1.0, 0.0, 1.0, f64::INFINITY, f64::NAN]);
    assert_eq!(numbers.histogram_with(&[-1.0, 0.0, 1.0]).unwrap(), [1, 2]);
    let all = [f64::NEG_INFINITY, 0.0, f64::INFINITY];
    assert_eq!(numbers.histogram_with(&all).unwrap(), [2, 3]);
    for bad in [
        &[][..],
        &[1.0],
        &[1.0, 0.0],
        &[0.0, 1.0, 1.0],
        &[0.0, f64::NAN],
    ] {
        let error = numbers.histogram_with(bad).unwrap_err();
        assert!(matches!(error, Error::Build { .. }), "{error}");
    }
}

#[test]
fn statistics_after_a_map() {
    let ctx = context();
    let stats = ctx
        .parallelize(vec![1, 2, 3, 4], 3)
        .map(f64::from)
        .stats()
        .unwrap();
    assert_eq!(
        (stats.count(), stats.sum(), stats.variance()),
        (4, 10.0, 1.25)
    );
    let text = "(count: 4, mean: 2.500000, stdev: 1.118034, max: 4.000000, min: 1.000000)";
    assert_eq!(stats.to_string(), text);
}

#[test]
fn lookup_reads_one_partition_where_the_place_is_known() {
    let ctx = context();
    let placed = ctx.range(0..100, 1, 4).map(|n| (n % 10, n)).partition_by(8);
    placed.count().unwrap();
    let tasks = Arc::new(AtomicUsize::new(0));
    let seen = tasks.clone();
    ctx.events().add(move |event: &Event| {
        if let Event::TaskEnded(_) = event {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(
        placed.filter(|_| true).lookup(&3).unwrap(),
        (0..10).map(|n| 10 * n + 3).collect::<Vec<_>>()
    );
    ctx.events().flush();
    assert_eq!(tasks.load(Ordering::Relaxed), 1);
}

#[test]
fn partitions_as_a_whole() {
    let ctx = context();
    let seen = ctx.collection_accumulator::<Vec<i32>>("partitions");
    let to = seen.clone();
    let rdd = ctx.parallelize(vec![1, 2, 3], 4);
    rdd.for_each_partition(move |records| to.push(records.into_vec()))
        .unwrap();
    let mut partitions = seen.value();
    partitions.sort();
    assert_eq!(partitions, [vec![], vec![1], vec![2], vec![3]]);
    let error = rdd.try_for_each_partition(|mut records| match records.next() {
        Some(2) => Err("no room for 2"),
        _ => Ok(()),
    });
    let Err(Error::Job(job)) = error else {
        panic!("{error:?}")
    };
    assert!(matches!(&job.cause, TaskError::User { operator, message }
        if operator.operator() == "try_for_each_partition" && message == "no room for 2"));
    assert_eq!(job.partition, 2);
}
