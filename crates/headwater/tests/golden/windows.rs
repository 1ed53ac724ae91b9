//! The batches of a stretch of time as one.

use headwater::time::millis;
use serde_json::json;

use crate::compare::bag;
use crate::golden::Golden;

type Pair = (String, i64);

/// A plain window over text, with the case's own lengths.
fn window_of_text(golden: Golden) {
    let (window, slide) = golden.window();
    golden.output(&golden.input::<String>("a").window(window, slide));
    golden.run();
}

/// As [`window_of_text`], over numbers.
fn window_of_numbers(golden: Golden) {
    let (window, slide) = golden.window();
    golden.output(&golden.input::<i64>("a").window(window, slide));
    golden.run();
}

#[test]
pub(crate) fn window_01() {
    window_of_text(Golden::open("window_01"));
}

#[test]
pub(crate) fn window_02() {
    window_of_numbers(Golden::open("window_02"));
}

#[test]
pub(crate) fn window_03() {
    window_of_text(Golden::open("window_03"));
}

#[test]
pub(crate) fn window_04() {
    window_of_numbers(Golden::open("window_04"));
}

#[test]
pub(crate) fn window_06() {
    window_of_numbers(Golden::open("window_06"));
}

#[test]
pub(crate) fn window_08() {
    window_of_numbers(Golden::open("window_08"));
}

#[test]
pub(crate) fn window_10() {
    window_of_numbers(Golden::open("window_10"));
}

#[test]
pub(crate) fn nested_window_01() {
    let golden = Golden::open("nestedWindow_01");
    let (window, slide) = golden.window();
    let inner = golden.input::<i64>("a").window(window, slide);
    golden.output(&inner.window(millis(3000), millis(1000)));
    golden.run();
}

#[test]
pub(crate) fn nested_window_03() {
    let golden = Golden::open("nestedWindow_03");
    let (window, slide) = golden.window();
    let sums = golden
        .input::<Pair>("a")
        .reduce_by_key_and_window(|x, y| x + y, window, slide);
    let greatest = sums.reduce_by_key_and_window(|x, y| x.max(y), millis(4000), millis(2000));
    golden.output(&greatest);
    golden.run();
}

#[test]
pub(crate) fn window_union_02() {
    let golden = Golden::open("windowUnion_02");
    let (window, slide) = golden.window();
    let sorted = golden
        .input::<i64>("a")
        .window(window, slide)
        .transform(|rdd, _| rdd.sort_by_partitioned(|x| *x, true, 1));
    golden.output(&sorted);
    golden.run();
}

#[test]
pub(crate) fn by_time_02() {
    let golden = Golden::open("byTime_02");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window(|x, y| x + y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn reduce_by_key_and_window_01() {
    let golden = Golden::open("reduceByKeyAndWindow_01");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window(|x, y| x + y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn reduce_by_key_and_window_04() {
    let golden = Golden::open("reduceByKeyAndWindow_04");
    let a = golden.input::<Pair>("a");
    let least = a.reduce_by_key_and_window(|x, y| x.min(y), golden.length("window_ms"), None);
    golden.output(&least);
    golden.run();
}

#[test]
pub(crate) fn reduce_by_key_and_window_05() {
    let golden = Golden::open("reduceByKeyAndWindow_05");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window(|x, y| x + y, window, slide));
    golden.run();
}

#[test]
pub(crate) fn group_by_key_and_window_01() {
    let golden = Golden::open("groupByKeyAndWindow_01");
    let (window, slide) = golden.window();
    let groups = golden
        .input::<Pair>("a")
        .group_by_key_and_window(window, slide);
    golden.output(&groups.map_values(bag));
    golden.run();
}

#[test]
pub(crate) fn group_by_key_and_window_03() {
    let golden = Golden::open("groupByKeyAndWindow_03");
    let (window, slide) = golden.window();
    let groups = golden
        .input::<Pair>("a")
        .group_by_key_and_window_partitioned(window, slide, golden.param::<usize>("partitions"));
    golden.output(&groups.map_values(bag));
    golden.run();
}

#[test]
pub(crate) fn count_by_window_01() {
    let golden = Golden::open_differing("countByWindow_01").expecting(|entry| {
        if entry.records == Some(Vec::new()) {
            entry.records = Some(vec![json!(0)]);
        }
    });
    let (window, slide) = golden.window();
    golden.output(&golden.input::<String>("a").count_by_window(window, slide));
    golden.run();
}

#[test]
pub(crate) fn count_by_window_03() {
    let golden = Golden::open("countByWindow_03");
    let (window, slide) = golden.window();
    golden.output(&golden.input::<String>("a").count_by_window(window, slide));
    golden.run();
}

#[test]
pub(crate) fn top_words_01() {
    let golden = Golden::open("topWords_01");
    let (window, slide) = golden.window();
    let words = golden.input::<String>("a").flat_map_into(|line, out| {
        out.extend(line.split(' ').map(|word| (word.to_owned(), 1_i64)));
    });
    let top = words
        .reduce_by_key_and_window(|x, y| x + y, window, slide)
        .transform(|rdd, _| rdd.sort_by_partitioned(|(w, n)| (-n, w.clone()), true, 1));
    golden.output(&top);
    golden.run();
}
