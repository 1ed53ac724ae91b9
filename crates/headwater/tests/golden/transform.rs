//! Any RDD operation on each batch.

use crate::golden::Golden;

type Pair = (String, i64);

#[test]
fn transform_01() {
    let golden = Golden::open("transform_01");
    let a = golden.input::<i64>("a");
    golden.output(&a.transform(|rdd, _| rdd.sort_by_partitioned(|x| *x, false, 1)));
    golden.run();
}

#[test]
fn transform_02() {
    let golden = Golden::open("transform_02");
    let a = golden.input::<String>("a");
    golden.output(&a.transform(|rdd, _| rdd.sort_by_partitioned(String::clone, true, 2)));
    golden.run();
}

#[test]
fn transform_05() {
    let golden = Golden::open("transform_05");
    golden.output(
        &golden
            .input::<String>("a")
            .transform(|rdd, _| rdd.distinct()),
    );
    golden.run();
}

#[test]
fn transform_with_02() {
    let golden = Golden::open("transformWith_02");
    let (a, b) = (golden.input::<String>("a"), golden.input::<String>("b"));
    golden.output(&a.transform_with(&b, |ra, rb, _| ra.intersection(rb)));
    golden.run();
}

#[test]
fn transform_with_03() {
    let golden = Golden::open("transformWith_03");
    let (a, b) = (golden.input::<i64>("a"), golden.input::<String>("b"));
    let product = a.transform_with(&b, |ra, rb, time| {
        ra.cartesian(rb)
            .map(move |(x, y)| (time.as_millis(), (x, y)))
    });
    golden.output(&product);
    golden.run();
}

#[test]
fn transform_with_to_pair_01() {
    let golden = Golden::open("transformWithToPair_01");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<Pair>("b"));
    golden.output(&a.transform_with(&b, |ra, rb, _| ra.subtract_by_key(rb)));
    golden.run();
}

#[test]
fn context_transform_02() {
    let golden = Golden::open("contextTransform_02");
    let streams = (&golden.input::<String>("a"), &golden.input::<Pair>("b"));
    let joined = golden
        .context()
        .transform_tuple(streams, |(words, pairs), _| {
            words.map(|w| (w, 0)).join(pairs)
        });
    golden.output(&joined);
    golden.run();
}
