//! Samples and approximations: what is exact about them, and how far the rest may be off.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use headwater_core::{Context, Error, Rdd};
use parking_lot::Mutex;
use proptest::prelude::*;

fn context() -> Context {
    Context::local(2).expect("two slots can be started")
}

fn sorted<T: Ord>(mut records: Vec<T>) -> Vec<T> {
    records.sort();
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn samples_have_the_size_that_was_asked_for(
        len in 0..200_usize, slices in 1..7_usize, n in 0..260_usize, seed in any::<u64>(),
    ) {
        let ctx = context();
        let records: Vec<usize> = (0..len).collect();
        let rdd = ctx.parallelize(records, slices);
        let some = rdd.take_sample(false, n, seed).unwrap();
        prop_assert_eq!(some.len(), n.min(len));
        prop_assert_eq!(&some, &rdd.take_sample(false, n, seed).unwrap());
        let mut once = sorted(some);
        once.dedup();
        prop_assert_eq!(once.len(), n.min(len));
        let with = rdd.take_sample(true, n, seed).unwrap();
        prop_assert_eq!(with.len(), if len == 0 { 0 } else { n });
        prop_assert!(with.iter().all(|record| *record < len));
    }

    #[test]
    fn parts_make_up_the_whole(
        len in 0..300_i64, slices in 1..7_usize, seed in any::<u64>(),
        weights in prop::collection::vec(0..5_u8, 1..6),
    ) {
        let ctx = context();
        let weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
        prop_assume!(weights.iter().any(|weight| *weight > 0.0));
        let rdd = ctx.range(0..len, 1, slices);
        let parts = rdd.random_split(&weights, seed);
        prop_assert_eq!(parts.len(), weights.len());
        let parts: Vec<Vec<i64>> = parts.iter().map(|part| part.collect().unwrap()).collect();
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert!(*weight > 0.0 || part.is_empty());
            prop_assert!(part.is_sorted());
        }
        prop_assert_eq!(sorted(parts.concat()), (0..len).collect::<Vec<_>>());
    }

    #[test]
    fn exact_samples_by_key_are_exact(
        pairs in prop::collection::vec((0..4_u8, 0..1000_u32), 0..200), slices in 1..6_usize,
        fractions in prop::collection::vec(0..=100_u32, 4), seed in any::<u64>(),
        with_replacement in any::<bool>(),
    ) {
        let ctx = context();
        let fractions: HashMap<u8, f64> =
            fractions.into_iter().zip(0..).map(|(f, key)| (key, f64::from(f) / 100.0)).collect();
        let rdd = ctx.parallelize(pairs.clone(), slices).zip_with_index();
        let rdd = rdd.map(|((key, value), at)| (key, (value, at)));
        let sample = rdd.sample_by_key_exact(with_replacement, fractions.clone(), seed);
        let taken = sample.collect().unwrap();
        prop_assert_eq!(&taken, &sample.collect().unwrap());
        let places: Vec<u64> = taken.iter().map(|(_, (_, at))| *at).collect();
        prop_assert!(places.is_sorted(), "the order stays");
        for (key, fraction) in fractions {
            let all = pairs.iter().filter(|(other, _)| *other == key).count();
            let expected = (all as f64 * fraction).ceil() as usize;
            let of_key: Vec<_> = taken.iter().filter(|(other, _)| *other == key).collect();
            prop_assert_eq!(of_key.len(), expected);
            let mut places: Vec<u64> = of_key.iter().map(|(_, (_, at))| *at).collect();
            places.dedup();
            prop_assert!(with_replacement || places.len() == expected);
        }
    }
}

#[test]
fn samples_are_fair() {
    let ctx = context();
    let rdd = ctx.range(0..20, 1, 3);
    for with_replacement in [false, true] {
        let mut counts = [0_u32; 20];
        for seed in 0..400 {
            for record in rdd.take_sample(with_replacement, 5, seed).unwrap() {
                counts[record as usize] += 1;
            }
        }
        assert_eq!(counts.iter().sum::<u32>(), 2000);
        assert!(counts.iter().all(|n| (60..140).contains(n)), "{counts:?}");
    }
    let halves = ctx.range(0..10_000, 1, 4).random_split(&[1.0, 2.0, 1.0], 9);
    let sizes: Vec<u64> = halves.iter().map(|part| part.count().unwrap()).collect();
    assert!(
        (2300..2700).contains(&sizes[0]) && (4800..5200).contains(&sizes[1]),
        "{sizes:?}"
    );
}

#[test]
fn samples_by_key_follow_their_fractions() {
    let ctx = context();
    let pairs = ctx.range(0..12_000, 1, 4).map(|n| (n % 3, n));
    let sizes = |with_replacement, fractions| {
        let sample = pairs.sample_by_key(with_replacement, HashMap::from(fractions), 5);
        let counts = sample.count_by_key().unwrap();
        [0, 1, 2].map(|key| counts.get(&key).copied().unwrap_or(0))
    };
    let [none, some, all] = sizes(false, [(0, 0.0), (1, 0.5), (2, 1.0)]);
    assert!(none == 0 && (1800..2200).contains(&some) && all == 4000);
    let [none, some, more] = sizes(true, [(0, 0.0), (1, 0.5), (2, 2.0)]);
    assert!(none == 0 && (1800..2200).contains(&some) && (7600..8400).contains(&more));
}

#[test]
fn mistakes_in_samples_are_told() {
    let ctx = context();
    let pairs = ctx.range(0..10, 1, 2).map(|n| (n % 2, n));
    let message = |result: Result<u64, Error>| result.unwrap_err().to_string();
    let missing = HashMap::from([(0, 0.5)]);
    for sample in [
        pairs.sample_by_key(false, missing.clone(), 1),
        pairs.sample_by_key_exact(false, missing.clone(), 1),
        pairs.sample_by_key_exact(true, missing, 1),
    ] {
        assert!(message(sample.count()).contains("a key has no fraction"));
    }
    let wrong = HashMap::from([(0, 1.5), (1, 1.0)]);
    assert!(message(pairs.sample_by_key(false, wrong.clone(), 1).count()).contains("1.5"));
    assert!(message(pairs.sample_by_key_exact(false, wrong, 1).count()).contains("1.5"));
    for weights in [[0.0, 0.0], [1.0, -1.0], [1.0, f64::NAN]] {
        for part in pairs.random_split(&weights, 1) {
            assert!(message(part.count()).contains("the weights are"));
        }
    }
    for weights in [[1.0, f64::INFINITY], [f64::MAX, f64::MAX]] {
        for part in pairs.random_split(&weights, 1) {
            assert!(message(part.count()).contains("their sum must be finite"));
        }
    }
    assert!(pairs.random_split(&[], 1).is_empty());
    let bad = ctx.parallelize(vec![1], 0);
    assert!(matches!(
        bad.take_sample(false, 0, 1),
        Err(Error::Build { .. })
    ));
}

/// Numbers whose second partition waits until the gate is opened.
fn gated(ctx: &Context) -> (Rdd<i64>, SyncSender<()>) {
    let (open, gate) = sync_channel::<()>(1);
    let gate: Arc<Mutex<Receiver<()>>> = Arc::new(Mutex::new(gate));
    let numbers = ctx.range(0..10, 1, 2).map(move |n| {
        if n == 5 {
            gate.lock().recv().expect("the gate is opened");
        }
        n
    });
    (numbers, open)
}

#[test]
fn what_is_not_known_in_time_comes_later() {
    let ctx = context();
    let (numbers, open) = gated(&ctx);
    let count = numbers.count_approx(Duration::ZERO, 0.9).unwrap();
    assert!(!count.is_initial_value_final());
    assert!(count.initial_value().confidence < 1.0);
    assert!(count.to_string().starts_with("(partial: ["));
    open.send(()).unwrap();
    let last = count.final_value().unwrap();
    assert_eq!(
        (last.mean, last.confidence, last.low, last.high),
        (10.0, 1.0, 10.0, 10.0)
    );
    assert_eq!(count.to_string(), "(final: [10.000, 10.000])");
}

#[test]
fn half_of_the_partitions_say_something_about_the_others() {
    let ctx = Context::local(1).unwrap();
    let (open, gate) = sync_channel::<()>(1);
    let (arrive, arrived) = sync_channel::<()>(1);
    let doors = Mutex::new((arrive, gate));
    let numbers = ctx.range(0..200, 1, 2).map(move |n| {
        if n == 100 {
            let doors = doors.lock();
            doors.0.send(()).unwrap();
            doors.1.recv().unwrap();
        }
        n
    });
    // The job cannot end before the gate is opened; the first partition may be seen or not.
    let waiting = std::thread::spawn({
        let numbers = numbers.clone();
        move || numbers.count_approx(Duration::ZERO, 0.95).unwrap()
    });
    arrived.recv().unwrap();
    let first = waiting.join().unwrap();
    assert!(!first.is_initial_value_final());
    let seen = first.initial_value();
    assert!(
        seen.mean == 0.0 || seen.to_string() == "[181.000, 220.000]",
        "{seen}"
    );
    open.send(()).unwrap();
    assert_eq!(first.final_value().unwrap().mean, 200.0);
}

#[test]
fn approximations_that_have_the_time_are_exact() {
    let ctx = context();
    let numbers = ctx.range(0..100, 1, 5);
    let long = Duration::MAX;
    let by_value = numbers
        .map(|n| n % 3)
        .count_by_value_approx(long, 0.9)
        .unwrap();
    let by_key = numbers
        .map(|n| (n % 3, ()))
        .count_by_key_approx(long, 0.9)
        .unwrap();
    for counts in [by_value, by_key] {
        assert!(counts.is_initial_value_final());
        let counts = counts.initial_value();
        let means: Vec<f64> = (0..3).map(|key| counts[&key].mean).collect();
        assert_eq!((counts.len(), means), (3, vec![34.0, 33.0, 33.0]));
        assert!(counts.values().all(|count| count.confidence == 1.0));
    }
    let floats = numbers.map(|n| n as f64);
    let sum = floats.sum_approx(long, 0.9).unwrap();
    assert_eq!(sum.to_string(), "(final: [4950.000, 4950.000])");
    assert_eq!(
        floats
            .mean_approx(long, 0.9)
            .unwrap()
            .final_value()
            .unwrap()
            .mean,
        49.5
    );
    let none = ctx.empty::<i64>().count_approx(long, 0.9).unwrap();
    assert_eq!(none.initial_value().to_string(), "[0.000, 0.000]");
}

#[test]
fn approximations_fail_as_their_jobs_do() {
    let ctx = context();
    let numbers = ctx.range(0..10, 1, 2);
    for confidence in [-0.1, 1.1, f64::NAN] {
        let error = numbers
            .count_approx(Duration::ZERO, confidence)
            .unwrap_err();
        assert!(error.to_string().contains("between 0 and 1"), "{error}");
    }
    let (gated, open) = gated(&ctx);
    let failing = gated.map(|n| {
        assert!(n != 5, "a bad number");
        n
    });
    let count = failing.count_approx(Duration::ZERO, 0.9).unwrap();
    open.send(()).unwrap();
    let error = count.final_value().unwrap_err();
    assert!(error.to_string().contains("a bad number"), "{error}");
    let at_once = numbers.map(|_| panic!("a bad number")).map(|()| 1_i64);
    let error = at_once.count_approx(Duration::MAX, 0.9).unwrap_err();
    assert!(error.to_string().contains("a bad number"), "{error}");
}

#[test]
fn sketches_count_the_same_however_the_records_are_cut() {
    let ctx = context();
    let counts = |slices| {
        let words = ctx
            .range(0..30_000, 1, slices)
            .map(|n| format!("word {}", n % 10_000));
        let by_key = words.map(|word| (word.len(), word));
        (
            words.count_approx_distinct(0.05).unwrap(),
            words.count_approx_distinct_with(12, 25).unwrap(),
            sorted(by_key.count_approx_distinct_by_key(0.02).collect().unwrap()),
        )
    };
    let (rough, fine, by_key) = counts(1);
    assert_eq!((rough, fine, by_key.clone()), counts(7));
    assert!((9_000..11_000).contains(&rough) && (9_600..10_400).contains(&fine));
    let exact = [(6, 10), (7, 90), (8, 900), (9, 9000)];
    assert_eq!(by_key.len(), exact.len());
    for ((length, seen), (expected_length, expected)) in by_key.into_iter().zip(exact) {
        assert_eq!(length, expected_length);
        assert!(
            (seen as f64 - expected as f64).abs() <= 0.06 * expected as f64 + 1.0,
            "{seen}"
        );
    }
    assert_eq!(ctx.empty::<i64>().count_approx_distinct(0.05).unwrap(), 0);
}

#[test]
fn impossible_precisions_are_refused() {
    let ctx = context();
    let pairs = ctx.range(0..10, 1, 2).map(|n| (n % 2, n));
    let errors = [
        pairs.count_approx_distinct(0.0).unwrap_err(),
        pairs
            .count_approx_distinct_by_key(f64::NAN)
            .count()
            .unwrap_err(),
        pairs.count_approx_distinct_with(3, 0).unwrap_err(),
        pairs
            .count_approx_distinct_by_key_with(12, 11, 2)
            .count()
            .unwrap_err(),
    ];
    let ranges = [
        "at least 0.0000322",
        "at least 0.0000322",
        "between 4 and 30",
        "12, and 32",
    ];
    for (error, range) in errors.iter().zip(ranges) {
        assert!(
            matches!(error, Error::Build { .. }) && error.to_string().contains(range),
            "{error}"
        );
    }
}
