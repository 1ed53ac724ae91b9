//! The test kit itself: what it says when a test fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use headwater_streaming::testing::{Collected, TestStream, run_to_failure};
use headwater_streaming::time::{Time, millis, seconds};

/// What an assertion says when it fails.
fn complaint(assertion: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assertion)).expect_err("it must fail");
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned()));
    text.expect("panics of assertions are text")
}

/// Three batches that came out.
fn collected() -> Collected<u32> {
    let test = TestStream::new(seconds(1));
    let out = test.collect(&test.input(vec![vec![1, 2], vec![3], vec![]]));
    test.run(3);
    out
}

#[test]
fn a_difference_shows_every_batch_with_its_time() {
    let out = collected();
    out.assert_batches([vec![1, 2], vec![3], vec![]]);
    out.assert_unordered([vec![2, 1], vec![3], vec![]]);
    let text = complaint(|| out.assert_batches([vec![2, 1], vec![3], vec![4, 4]]));
    let expected = "2 of 3 batches differ:
> 1000 ms
    expected    [2, 1]
    came        [1, 2]
    differs     the same records in another order, from place 0 on
\x20 2000 ms
    as expected [3]
> 3000 ms
    expected    [4, 4]
    came        []
    missing     [4, 4]
";
    assert_eq!(text, expected);
    let text = complaint(|| out.assert_unordered([[1, 1]]));
    assert!(
        text.contains("missing     [1]\n    extra       [2]"),
        "{text}"
    );
    assert!(
        text.contains("> 3000 ms\n    expected    no batch"),
        "{text}"
    );
}

#[test]
fn runs_end_at_the_time_that_is_asked_for() {
    let test = TestStream::new(millis(500));
    let ticks = test.context().stream_by_time(|time| vec![time.as_millis()]);
    let out = test.collect(&ticks);
    test.run_until(Time::from_millis(499));
    assert!(out.times().is_empty());
    test.run_until(Time::from_millis(1000));
    test.run_until(Time::from_millis(700));
    out.assert_batches([[500], [1000]]);
    test.clock().advance(millis(300));
    test.run_until(Time::from_millis(1999));
    assert_eq!(out.times().last(), Some(&Time::from_millis(1500)));
    assert_eq!(out.at(Time::from_millis(1500)), Some(vec![1500]));
    assert_eq!(out.at(Time::from_millis(1501)), None);
}

#[test]
fn batches_that_are_pushed_while_the_test_runs_come_in_their_turn() {
    let test = TestStream::new(seconds(1));
    let (numbers, words) = (test.input_queue(), test.input_queue());
    let out = test.collect(&numbers.1.transform_with(&words.1, |a, b, _| a.cartesian(b)));
    numbers.0.push_records(vec![1, 2], 1);
    test.run(1);
    words.0.push_records(vec!["a"], 1);
    numbers.0.push_records(vec![3], 1);
    test.run(1);
    out.assert_batches([vec![], vec![(3, "a")]]);
}

#[test]
fn a_failure_that_does_not_come_fails_the_test() {
    let text = complaint(|| {
        let _ = run_to_failure(vec![vec![1], vec![2]], |numbers| numbers.map(|n| n));
    });
    assert!(text.contains("a failure was expected"), "{text}");
    assert!(text.contains("well after 2 batches"), "{text}");
}

#[test]
fn a_graph_with_mistakes_fails_without_a_batch_time() {
    let failed = run_to_failure(vec![vec![1]], |numbers| numbers.window(millis(1), None));
    assert_eq!(failed.time, None);
    let text = failed.error.to_string();
    assert!(text.contains("(1 ms) must be a multiple"), "{text}");
}
