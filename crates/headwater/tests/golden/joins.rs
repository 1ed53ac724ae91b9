//! Two streams of pairs, batch by batch.

use crate::compare::bag;
use crate::golden::Golden;

type Pair = (String, i64);
type TextPair = (String, String);

#[test]
fn join_02() {
    let golden = Golden::open("join_02");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<TextPair>("b"));
    golden.output(&a.join_partitioned(&b, golden.param::<usize>("partitions")));
    golden.run();
}

#[test]
fn join_03() {
    let golden = Golden::open("join_03");
    let p = golden.input::<String>("a").map(|w| (w, 1));
    golden.output(
        &p.reduce_by_key(|x, y| x + y)
            .join(&p.map_values(|_| "w".to_owned())),
    );
    golden.run();
}

#[test]
fn left_outer_join_01() {
    let golden = Golden::open("leftOuterJoin_01");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<Pair>("b"));
    golden.output(&a.left_outer_join(&b));
    golden.run();
}

#[test]
fn right_outer_join_02() {
    let golden = Golden::open("rightOuterJoin_02");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<TextPair>("b"));
    golden.output(&a.right_outer_join_partitioned(&b, golden.param::<usize>("partitions")));
    golden.run();
}

#[test]
fn full_outer_join_02() {
    let golden = Golden::open("fullOuterJoin_02");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<Pair>("b"));
    golden.output(&a.full_outer_join(&b));
    golden.run();
}

#[test]
fn cogroup_01() {
    let golden = Golden::open("cogroup_01");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<Pair>("b"));
    golden.output(
        &a.cogroup(&b)
            .map_values(|(left, right)| (bag(left), bag(right))),
    );
    golden.run();
}

#[test]
fn cogroup_02() {
    let golden = Golden::open("cogroup_02");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<TextPair>("b"));
    let groups = a.cogroup_partitioned(&b, golden.param::<usize>("partitions"));
    golden.output(&groups.map_values(|(left, right)| (bag(left), bag(right))));
    golden.run();
}

#[test]
pub(crate) fn join_with_own_window_03() {
    let golden = Golden::open("joinWithOwnWindow_03");
    let a = golden.input::<Pair>("a");
    let (window, slide) = golden.window();
    let sums = a.reduce_by_key_and_window(|x, y| x + y, window, slide);
    golden.output(&a.window(slide, slide).left_outer_join(&sums));
    golden.run();
}
