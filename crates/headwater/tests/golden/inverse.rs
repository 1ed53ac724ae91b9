//! Windows that go on from the window before.

use headwater::InverseWindow;
use headwater::time::millis;
use serde_json::json;

use crate::case::entries;
use crate::golden::Golden;

type Pair = (String, i64);

/// Sums per key, without a filter.
fn sums(golden: Golden) {
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, window, slide));
    golden.run();
}

/// Sums per key, of which the filter keeps some.
fn filtered_sums(golden: &Golden, stays: impl Fn(i64) -> bool + Send + Sync + 'static) {
    let (window, slide) = golden.window();
    let settings = InverseWindow::new()
        .num_partitions(golden.param("partitions"))
        .filter(move |_: &String, sum: &i64| stays(*sum));
    let (add, subtract) = (|x, y| x + y, |x, y| x - y);
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window_inverse_with(add, subtract, window, slide, settings));
}

#[test]
pub(crate) fn reduce_by_key_and_window_inverse_04() {
    let golden = Golden::open("reduceByKeyAndWindowInverse_04");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window_inverse(|x, y| x * y, |x, y| x / y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn reduce_by_key_and_window_inverse_05() {
    sums(Golden::open("reduceByKeyAndWindowInverse_05"));
}

/// The inverse is wrong on purpose: the result tells when and with what it is called.
#[test]
pub(crate) fn reduce_by_key_and_window_inverse_06() {
    let golden = Golden::open("reduceByKeyAndWindowInverse_06");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    let (add, wrong) = (|x, y| x + y, |x, y| 2 * x - y);
    golden.output(&a.reduce_by_key_and_window_inverse(add, wrong, window, slide));
    golden.run();
}

#[test]
pub(crate) fn long_run_01() {
    sums(Golden::open("longRun_01"));
}

#[test]
pub(crate) fn long_run_02() {
    let golden = Golden::open("longRun_02");
    filtered_sums(&golden, |sum| sum > 0);
    golden.run();
}

#[test]
fn reduce_by_key_and_window_inverse_filter_01() {
    let golden = Golden::open("reduceByKeyAndWindowInverseFilter_01");
    filtered_sums(&golden, |sum| sum != 0);
    let message = golden.failure();
    assert!(
        message.contains("the filter has dropped a key"),
        "{message}"
    );
}

#[test]
fn reduce_by_key_and_window_inverse_filter_02() {
    let golden = Golden::open("reduceByKeyAndWindowInverseFilter_02");
    filtered_sums(&golden, |sum| sum > 0);
    let message = golden.failure();
    assert!(
        message.contains("the filter has dropped a key"),
        "{message}"
    );
}

#[test]
pub(crate) fn reduce_by_key_and_window_inverse_filter_04() {
    let golden = Golden::open("reduceByKeyAndWindowInverseFilter_04");
    let (window, slide) = golden.window();
    let settings = InverseWindow::new()
        .num_partitions(golden.param("partitions"))
        .filter(|_, count| *count != 0);
    let words = golden.input::<String>("a").map(|word| (word, 1));
    let (add, subtract) = (|x, y| x + y, |x, y| x - y);
    golden.output(
        &words.reduce_by_key_and_window_inverse_with(add, subtract, window, slide, settings),
    );
    golden.run();
}

#[test]
pub(crate) fn reduce_by_key_and_window_inverse_filter_07() {
    let golden = Golden::open("reduceByKeyAndWindowInverseFilter_07");
    filtered_sums(&golden, |sum| sum > 0);
    golden.run();
}

#[test]
pub(crate) fn join_with_own_window_04() {
    let golden = Golden::open("joinWithOwnWindow_04");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    let in_window = a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, window, slide);
    golden.output(&a.reduce_by_key(|x, y| x + y).full_outer_join(&in_window));
    golden.run();
}

#[test]
pub(crate) fn reduce_by_window_03() {
    let golden = Golden::open("reduceByWindow_03");
    let (window, slide) = golden.window();
    let a = golden.input::<i64>("a");
    golden.output(&a.reduce_by_window_inverse(|x, y| x + y, |x, y| x - y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn reduce_by_window_04() {
    let golden = Golden::open("reduceByWindow_04");
    let (window, slide) = golden.window();
    let a = golden.input::<i64>("a");
    golden.output(&a.reduce_by_window_inverse(|x, y| x + y, |x, y| x - y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn reduce_by_window_05() {
    let golden = Golden::open("reduceByWindow_05");
    let (window, slide) = golden.window();
    let a = golden.input::<i64>("a");
    golden.output(&a.reduce_by_window_inverse(|x, y| x * y, |x, y| x / y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn count_by_value_and_window_02() {
    let golden = Golden::open("countByValueAndWindow_02");
    let (window, slide) = golden.window();
    let partitions = golden.param("partitions");
    let a = golden.input::<i64>("a");
    golden.output(&a.count_by_value_and_window_partitioned(window, slide, partitions));
    golden.run();
}

#[test]
pub(crate) fn count_by_value_and_window_03() {
    let golden = Golden::open("countByValueAndWindow_03");
    let (window, slide) = golden.window();
    golden.output(
        &golden
            .input::<String>("a")
            .count_by_value_and_window(window, slide),
    );
    golden.run();
}

/// Nothing but a checkpoint directory is missing, and none is needed.
#[test]
pub(crate) fn refusal_11() {
    let sums = [1, 1, 0, 0].map(|sum| vec![json!(["a", sum])]);
    let golden = Golden::open_differing("refusal_11").not_refused(entries(sums));
    let a = golden.input::<Pair>("a");
    let sums =
        a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, millis(2000), millis(1000));
    golden.output(&sums);
    golden.run();
}

#[test]
fn refusal_03() {
    let message = refused(Golden::open_differing("refusal_03"), 2500, 1000);
    assert!(
        message.contains("the window duration (2500 ms) must be a multiple"),
        "{message}"
    );
}

#[test]
fn refusal_04() {
    let message = refused(Golden::open_differing("refusal_04"), 3000, 1500);
    assert!(
        message.contains("the slide duration (1500 ms) must be a multiple"),
        "{message}"
    );
}

/// Building never fails here: `start` says what was built wrong.
fn refused(golden: Golden, window: u64, slide: u64) -> String {
    let a = golden.input::<Pair>("a");
    let (window, slide) = (millis(window), millis(slide));
    golden.output(&a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, window, slide));
    golden.refusal()
}
