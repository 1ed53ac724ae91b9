//! What streams keep of earlier batches: storage, remembering, `slice`.

use headwater::time::{Time, millis};

use crate::golden::Golden;

type Pair = (String, i64);

#[test]
fn cache_01() {
    let golden = Golden::open("cache_01");
    let m = golden.input::<i64>("a").map(|x| x + 1).cache();
    golden.output_named(&m, "first");
    golden.output_named(&m.map(|x| -x), "second");
    golden.run();
}

#[test]
pub(crate) fn remember_02() {
    let golden = Golden::open("remember_02");
    golden.context().remember(golden.length("remember_ms"));
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    golden.output(&a.reduce_by_key_and_window(|x, y| x + y, window, slide));
    golden.run();
}

/// `a.map(|x| x * 10)`, sliced after the fifth batch.
fn slice_of_tens(golden: Golden) {
    golden.context().remember(golden.length("remember_ms"));
    let m = golden.input::<i64>("a").map(|x| x * 10);
    golden.output(&m);
    golden.run_and(5, |golden| {
        let (from, to) = bounds(golden);
        golden.note_slice(&m.slice(from, to).unwrap());
    });
}

fn bounds(golden: &Golden) -> (Time, Time) {
    let bound = |name| Time::from_millis(golden.param(name));
    (bound("from_ms"), bound("to_ms"))
}

#[test]
pub(crate) fn slice_01() {
    slice_of_tens(Golden::open("slice_01"));
}

#[test]
pub(crate) fn slice_02() {
    slice_of_tens(Golden::open("slice_02"));
}

#[test]
pub(crate) fn slice_05() {
    let golden = Golden::open("slice_05");
    golden.context().remember(golden.length("remember_ms"));
    let w = golden.input::<i64>("a").window(millis(3000), millis(2000));
    golden.output(&w);
    golden.run_and(6, |golden| {
        let (from, to) = bounds(golden);
        golden.note_slice(&w.slice(from, to).unwrap());
    });
}
