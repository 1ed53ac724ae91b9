//! Windows against a naive reference.

use headwater_streaming::DStream;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use proptest::prelude::*;

/// What a stream gives at a time, in seconds; nothing at times that are none of its own.
type Reference = Box<dyn Fn(i64) -> Option<Vec<u32>> + Send + Sync>;

/// The batches that came in, one each second, and nothing after them.
fn source(batches: Vec<Vec<u32>>) -> Reference {
    Box::new(move |second| {
        let place = usize::try_from(second - 1).ok()?;
        Some(batches.get(place).cloned().unwrap_or_default())
    })
}

/// All that the parent gave in `(second - width, second]`, at the multiples of the slide.
fn window(parent: Reference, width: i64, slide: i64) -> Reference {
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

/// The stream that [`source`] is the reference of. A queue would not do: it keeps what no
/// window asks for.
fn stream_of(test: &TestStream, batches: &[Vec<u32>]) -> DStream<u32> {
    let reference = source(batches.to_vec());
    test.context()
        .stream_by_time(move |time| reference(time.as_millis() / 1000).unwrap_or_default())
}

/// The batches of a stream with their times in seconds.
fn run(test: &TestStream, stream: &DStream<u32>, batches: usize) -> Vec<(i64, Vec<u32>)> {
    let out = test.collect(stream);
    test.run(batches);
    let firings = out.firings().into_iter();
    firings
        .map(|firing| (firing.time.as_millis() / 1000, firing.partitions.concat()))
        .collect()
}

fn expected(reference: &Reference, batches: usize) -> Vec<(i64, Vec<u32>)> {
    (1..=batches as i64)
        .filter_map(|second| Some((second, reference(second)?)))
        .collect()
}

fn span(count: i64) -> std::time::Duration {
    seconds(u64::try_from(count).expect("spans are positive"))
}

fn arrivals() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0..100_u32, 0..4), 0..12)
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
        width in 1..7_i64,
        slide in 1..7_i64,
    ) {
        let test = TestStream::new(seconds(1));
        let windows = stream_of(&test, &batches).window(span(width), span(slide));
        let given = run(&test, &windows, 14);
        prop_assert_eq!(given, expected(&window(source(batches), width, slide), 14));
    }

    #[test]
    fn a_window_of_windows_is_the_windows_of_its_time(
        batches in arrivals(),
        (width, slide) in (1..5_i64, 1..4_i64),
        (widths, slides) in (1..4_i64, 1..4_i64),
    ) {
        let test = TestStream::new(seconds(1));
        let inner = stream_of(&test, &batches).window(span(width), span(slide));
        let (outer_width, outer_slide) = (widths * slide, slides * slide);
        let outer = inner.map(|n| n + 1).window(span(outer_width), span(outer_slide));
        // Another reader of the inner windows must change nothing.
        let inner_out = test.collect(&inner);
        let given = run(&test, &outer, 16);
        let inner = window(source(batches), width, slide);
        let inner_expected: Vec<_> = expected(&inner, 16).into_iter().map(|(_, all)| all).collect();
        prop_assert_eq!(inner_out.batches(), inner_expected);
        let mapped: Reference = Box::new(move |second| {
            Some(inner(second)?.into_iter().map(|n| n + 1).collect())
        });
        let outer = window(mapped, outer_width, outer_slide);
        prop_assert_eq!(given, expected(&outer, 16));
    }

    #[test]
    fn reductions_and_counts_of_windows_agree_with_the_windows(
        batches in arrivals(),
        width in 1..6_i64,
        slide in 1..6_i64,
    ) {
        let test = TestStream::new(seconds(1));
        let input = stream_of(&test, &batches);
        let (width_span, slide_span) = (span(width), span(slide));
        let sums = test.collect(&input.reduce_by_window(|a, b| a + b, width_span, slide_span));
        let counts = test.collect(&input.count_by_window(width_span, slide_span));
        let pairs = input.map(|n| (n % 5, n));
        let by_key = pairs.reduce_by_key_and_window(|a, b| a + b, width_span, slide_span);
        let by_key = test.collect(&by_key);
        let groups = test.collect(&pairs.group_by_key_and_window(width_span, slide_span));
        test.run(12);
        let windows = expected(&window(source(batches), width, slide), 12);
        let counts: Vec<_> = counts.batches().concat();
        prop_assert_eq!(counts.len(), windows.len());
        for (place, (_, all)) in windows.iter().enumerate() {
            let sum = all.iter().copied().reduce(|a, b| a + b);
            prop_assert_eq!(&sums.batches()[place], &Vec::from_iter(sum));
            prop_assert_eq!(counts[place], all.len() as u64);
            let mut grouped = std::collections::BTreeMap::<u32, Vec<u32>>::new();
            all.iter().for_each(|n| grouped.entry(n % 5).or_default().push(*n));
            let mut given = groups.batches()[place].clone();
            given.sort_unstable();
            prop_assert_eq!(&given, &Vec::from_iter(grouped.clone()));
            let mut given = by_key.batches()[place].clone();
            given.sort_unstable();
            let reduced: Vec<_> = grouped.into_iter().map(|(k, all)| (k, all.iter().sum())).collect();
            prop_assert_eq!(given, reduced);
        }
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
