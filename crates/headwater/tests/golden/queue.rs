//! The queue as a source.

use crate::golden::Golden;

#[test]
fn queue_02() {
    let golden = Golden::open("queue_02");
    golden.output(&golden.input::<i64>("a"));
    golden.run();
}

#[test]
fn queue_03() {
    let golden = Golden::open("queue_03");
    golden.output(&golden.input::<i64>("a"));
    golden.run();
}

#[test]
fn queue_04() {
    let golden = Golden::open("queue_04");
    golden.output(&golden.input::<String>("a").count_by_value());
    golden.run();
}

#[test]
pub(crate) fn queue_08() {
    let golden = Golden::open("queue_08");
    let (window, slide) = golden.window();
    golden.output(&golden.input::<i64>("a").window(window, slide));
    golden.run();
}
