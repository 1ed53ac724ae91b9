//! Windows against a naive reference.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use headwater_core::Context;
use headwater_streaming::DStream;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, seconds};
use proptest::prelude::*;

/// What a stream gives at a time, in seconds; nothing at times that are none of its own.
type Reference<T> = Box<dyn Fn(i64) -> Option<Vec<T>> + Send + Sync>;

/// A window and its slide, in batches of the stream below it.
type Shape = (i64, Option<i64>);

/// The batches that came in, one each second, and nothing after them.
fn source<T: Clone + Send + Sync + 'static>(batches: Vec<Vec<T>>) -> Reference<T> {
    Box::new(move |second| {
        let place = usize::try_from(second - 1).ok()?;
        Some(batches.get(place).cloned().unwrap_or_default())
    })
}

/// All that the parent gave in `(second - width, second]`, at the multiples of the slide.
fn window<T: 'static>(parent: Reference<T>, width: i64, slide: i64) -> Reference<T> {
    Box::new(move |second| {
        let fires = second > 0 && second % slide == 0;
        fires.then(|| {
            (second - width + 1..=second)
                .filter_map(&parent)
                .flatten()
                .collect()
        })
    })
}

/// Each batch on its own changed as a whole.
fn each<T: 'static, U>(
    parent: Reference<T>,
    change: impl Fn(Vec<T>) -> Vec<U> + Send + Sync + 'static,
) -> Reference<U> {
    Box::new(move |second| parent(second).map(&change))
}

/// The values of each key, sorted by key; those of a key in the order in which they came.
fn by_key(pairs: Vec<(u32, u32)>) -> Vec<(u32, Vec<u32>)> {
    let mut groups = BTreeMap::<u32, Vec<u32>>::new();
    for (key, value) in pairs {
        groups.entry(key).or_default().push(value);
    }
    Vec::from_iter(groups)
}

/// Where a program runs and how its input is cut: nothing of it may show in the results.
#[derive(Debug, Clone)]
struct Layout {
    slots: usize,
    input_partitions: usize,
    partitions: usize,
}

impl Layout {
    fn test(&self) -> TestStream {
        let ctx = Context::local(self.slots).expect("there are slots");
        TestStream::on(&ctx, seconds(1)).expect("a second is possible")
    }

    /// The stream that [`source`] is the reference of. A queue would not do: it keeps what
    /// no window asks for.
    fn stream(&self, test: &TestStream, batches: &[Vec<u32>]) -> DStream<u32> {
        let (reference, partitions) = (source(batches.to_vec()), self.input_partitions);
        let ctx = test.context().context().clone();
        test.context().rdd_stream_by_time(move |time| {
            let records = reference(time.as_millis() / 1000).unwrap_or_default();
            ctx.parallelize(records, partitions)
        })
    }
}

fn layouts() -> impl Strategy<Value = Layout> {
    let sizes = (1..5_usize, 1..5_usize, 1..6_usize);
    sizes.prop_map(|(slots, input_partitions, partitions)| Layout {
        slots,
        input_partitions,
        partitions,
    })
}

/// The batches of an output with their times in seconds.
fn given<T: Clone>(out: &Collected<T>) -> Vec<(i64, Vec<T>)> {
    let seconds = out.times().into_iter().map(|time| time.as_millis() / 1000);
    seconds.zip(out.batches()).collect()
}

/// As [`given`], with the records of each batch sorted: those of a shuffle have no order.
fn given_sorted<T: Clone + Ord>(out: &Collected<T>) -> Vec<(i64, Vec<T>)> {
    let mut batches = given(out);
    batches.iter_mut().for_each(|(_, records)| records.sort());
    batches
}

fn expected<T>(reference: &Reference<T>, batches: usize) -> Vec<(i64, Vec<T>)> {
    (1..=batches as i64)
        .filter_map(|second| Some((second, reference(second)?)))
        .collect()
}

fn span(count: i64) -> Duration {
    seconds(u64::try_from(count).expect("spans are positive"))
}

fn arrivals() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0..100_u32, 0..5), 0..12)
}

/// Any window; the slide may be longer than it, or left out.
fn shapes() -> impl Strategy<Value = Shape> {
    (1..7_i64, prop::option::of(1..7_i64))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_window_is_the_batches_of_its_time(
        batches in arrivals(),
        (width, slide) in shapes(),
        layout in layouts(),
    ) {
        let test = layout.test();
        let windows = layout.stream(&test, &batches).window(span(width), slide.map(span));
        let out = test.collect(&windows);
        test.run(14);
        let reference = window(source(batches), width, slide.unwrap_or(1));
        prop_assert_eq!(given(&out), expected(&reference, 14));
    }

    #[test]
    fn a_window_of_windows_is_the_windows_of_its_time(
        batches in arrivals(),
        (width, slide) in (1..5_i64, 1..4_i64),
        (widths, slides) in (1..4_i64, prop::option::of(1..4_i64)),
        layout in layouts(),
    ) {
        let test = layout.test();
        let inner = layout.stream(&test, &batches).window(span(width), span(slide));
        let outer_slide = slides.map(|slides| span(slides * slide));
        let outer = inner.map(|n| n + 1).window(span(widths * slide), outer_slide);
        // Another reader of the inner windows must change nothing.
        let (inner_out, outer_out) = (test.collect(&inner), test.collect(&outer));
        test.run(16);
        let reference = || window(source(batches.clone()), width, slide);
        prop_assert_eq!(given(&inner_out), expected(&reference(), 16));
        let mapped = each(reference(), |all| all.into_iter().map(|n| n + 1).collect());
        let outer = window(mapped, widths * slide, slides.unwrap_or(1) * slide);
        prop_assert_eq!(given(&outer_out), expected(&outer, 16));
    }

    #[test]
    fn reductions_and_counts_are_those_of_the_windows(
        batches in arrivals(),
        (width, slide) in shapes(),
        layout in layouts(),
    ) {
        let test = layout.test();
        let input = layout.stream(&test, &batches);
        let (width_span, slide_span) = (span(width), slide.map(span));
        let sums = test.collect(&input.reduce_by_window(|a, b| a + b, width_span, slide_span));
        let counts = test.collect(&input.count_by_window(width_span, slide_span));
        test.run(14);
        let windows = || window(source(batches.clone()), width, slide.unwrap_or(1));
        let summed = each(windows(), |all| Vec::from_iter(all.into_iter().reduce(|a, b| a + b)));
        prop_assert_eq!(given(&sums), expected(&summed, 14));
        let counted = each(windows(), |all| vec![all.len() as u64]);
        prop_assert_eq!(given(&counts), expected(&counted, 14));
    }

    #[test]
    fn groups_and_reductions_by_key_are_those_of_the_windows(
        batches in arrivals(),
        (width, slide) in shapes(),
        layout in layouts(),
    ) {
        let test = layout.test();
        let pairs = layout.stream(&test, &batches).map(|n| (n % 5, n));
        let (width_span, slide_span, parts) = (span(width), slide.map(span), layout.partitions);
        // No inverse, and no order of the values either: only their place in time counts.
        let last = |_, b| b;
        let reduced = test.collect(&pairs.reduce_by_key_and_window(last, width_span, slide_span));
        let cut = pairs.reduce_by_key_and_window_partitioned(last, width_span, slide_span, parts);
        let cut = test.collect(&cut);
        let groups = test.collect(&pairs.group_by_key_and_window(width_span, slide_span));
        let cut_groups = pairs.group_by_key_and_window_partitioned(width_span, slide_span, parts);
        let cut_groups = test.collect(&cut_groups);
        test.run(14);
        let keyed = each(source(batches), |all| all.into_iter().map(|n| (n % 5, n)).collect());
        let windows = each(window(keyed, width, slide.unwrap_or(1)), by_key);
        let windows = expected(&windows, 14);
        prop_assert_eq!(&given_sorted(&groups), &windows);
        prop_assert_eq!(&given_sorted(&cut_groups), &windows);
        prop_assert!(cut.firings().iter().all(|firing| firing.partitions.len() == parts));
        let last_of = |(key, values): (u32, Vec<u32>)| (key, values[values.len() - 1]);
        let windows: Vec<_> = windows
            .into_iter()
            .map(|(second, groups)| (second, groups.into_iter().map(last_of).collect()))
            .collect();
        prop_assert_eq!(&given_sorted(&reduced), &windows);
        prop_assert_eq!(&given_sorted(&cut), &windows);
    }

    #[test]
    fn reduced_windows_of_reduced_windows_are_those_of_their_time(
        batches in arrivals(),
        (width, slide) in (1..5_i64, 1..4_i64),
        (widths, slides) in (1..4_i64, 1..4_i64),
        layout in layouts(),
    ) {
        let test = layout.test();
        let pairs = layout.stream(&test, &batches).map(|n| (n % 3, n));
        let sums = pairs.reduce_by_key_and_window(|a, b| a + b, span(width), span(slide));
        let greatest = sums.reduce_by_key_and_window(
            u32::max,
            span(widths * slide),
            span(slides * slide),
        );
        let counts = sums.count_by_window(span(widths * slide), None);
        let (greatest, counts) = (test.collect(&greatest), test.collect(&counts));
        test.run(16);
        let keyed = each(source(batches), |all| all.into_iter().map(|n| (n % 3, n)).collect());
        let sums = each(window(keyed, width, slide), |pairs| {
            let groups = by_key(pairs).into_iter();
            groups.map(|(key, all)| (key, all.iter().sum())).collect()
        });
        let sums: Arc<dyn Fn(i64) -> Option<Vec<(u32, u32)>> + Send + Sync> = sums.into();
        let again = sums.clone();
        let outer = window(Box::new(move |second| again(second)), widths * slide, slides * slide);
        let outer = each(outer, |pairs| {
            let groups = by_key(pairs).into_iter();
            groups.filter_map(|(key, all)| Some((key, all.into_iter().max()?))).collect()
        });
        prop_assert_eq!(given_sorted(&greatest), expected(&outer, 16));
        let outer = window(Box::new(move |second| sums(second)), widths * slide, slide);
        let outer = each(outer, |pairs| vec![pairs.len() as u64]);
        prop_assert_eq!(given(&counts), expected(&outer, 16));
    }
}

#[test]
fn lengths_that_do_not_fit_are_mistakes_with_the_nearest_that_do() {
    let test = TestStream::new(seconds(2));
    let input = test.input(vec![vec![(1, 1)]]);
    let (sum, two, slow) = (|a, b| a + b, seconds(2), seconds(4));
    let _ = input.window(seconds(3), None);
    let _ = input.window(two, Duration::ZERO);
    let _ = input
        .map(|(_, n)| n)
        .reduce_by_window(sum, Duration::ZERO, None);
    let _ = input.count_by_window(Duration::from_micros(2500), two);
    let _ = input.group_by_key_and_window(two, seconds(5));
    let _ = input.reduce_by_key_and_window(sum, seconds(1), two);
    let _ = input.window(slow, slow).window(seconds(6), None);
    let _fits = input
        .window(slow, slow)
        .reduce_by_key_and_window(sum, seconds(8), None);
    let error = test.context().start().unwrap_err().to_string();
    let expected = [
        (
            "window",
            "window duration (3000 ms)",
            "2000 ms); the nearest are 2000 ms or 4000 ms",
        ),
        (
            "window",
            "slide duration (0 ms)",
            "2000 ms); the nearest is 2000 ms",
        ),
        (
            "reduce_by_window",
            "window duration (0 ms)",
            "2000 ms); the nearest is 2000 ms",
        ),
        (
            "count_by_window",
            "window duration (2.5 ms)",
            "2000 ms); the nearest is 2000 ms",
        ),
        (
            "group_by_key_and_window",
            "slide duration (5000 ms)",
            "the nearest are 4000 ms or 6000",
        ),
        (
            "reduce_by_key_and_window",
            "window duration (1000 ms)",
            "the nearest is 2000 ms",
        ),
        (
            "window",
            "window duration (6000 ms)",
            "4000 ms); the nearest are 4000 ms or 8000 ms",
        ),
    ];
    let lines: Vec<_> = error.lines().skip(1).collect();
    assert_eq!(lines.len(), expected.len(), "{error}");
    for (line, (operator, length, nearest)) in lines.iter().zip(expected) {
        let place = format!("{operator} at crates/streaming/tests/windows.rs:");
        assert!(line.trim_start().starts_with(&place), "{line}");
        assert!(line.contains(length) && line.contains(nearest), "{line}");
    }
}

#[test]
fn slices_are_the_batches_of_their_time() {
    let test = TestStream::new(seconds(1));
    test.context().remember(seconds(100));
    let input = test.input((1..=8_u32).map(|n| vec![n]).collect());
    let pairs = input.window(seconds(2), seconds(2));
    test.collect(&pairs);
    assert!(pairs.slice(Time::ZERO, Time::ZERO).is_err());
    test.run(8);
    let records = |from, to| -> Vec<Vec<u32>> {
        let rdds = pairs
            .slice(Time::from_millis(from), Time::from_millis(to))
            .unwrap();
        rdds.iter().map(|rdd| rdd.collect().unwrap()).collect()
    };
    assert_eq!(records(2000, 5999), [[1, 2], [3, 4]]);
    assert_eq!(records(-5000, 2000), [[1, 2]]);
    assert!(records(6000, 4000).is_empty());
}

#[test]
fn persisting_a_window_keeps_each_batch_once() {
    let test = TestStream::new(seconds(1));
    let computed = Arc::new(AtomicUsize::new(0));
    let count = computed.clone();
    let numbers = test
        .input(vec![vec![1], vec![2], vec![3], vec![4]])
        .map(move |n| {
            count.fetch_add(1, Ordering::Relaxed);
            n
        });
    let windows = numbers.window(seconds(3), None).cache();
    let (one, two) = (test.collect(&windows), test.collect(&windows.count()));
    test.run(4);
    one.assert_batches([vec![1], vec![1, 2], vec![1, 2, 3], vec![2, 3, 4]]);
    two.assert_batches([[1], [2], [3], [3]]);
    assert_eq!(computed.load(Ordering::Relaxed), 4);
    // As many batches are kept as a window has, not once for each window.
    let kept = test.context().context().storage_info();
    assert!(kept.len() <= 4, "{kept:?}");
}
