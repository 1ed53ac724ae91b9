//! Operators on pairs, each batch on its own.

use headwater::HashPartitioner;

use crate::compare::bag;
use crate::golden::Golden;

type Pair = (String, i64);

#[test]
fn map_to_pair_01() {
    let golden = Golden::open("mapToPair_01");
    let by_first = golden
        .input::<String>("a")
        .map(|word| (word.chars().next(), word));
    golden.output(&by_first);
    golden.run();
}

#[test]
fn flat_map_to_pair_01() {
    let golden = Golden::open("flatMapToPair_01");
    let ones = golden.input::<String>("a").flat_map_into(|line, out| {
        out.extend(line.split(' ').map(|word| (word.to_owned(), 1)));
    });
    golden.output(&ones);
    golden.run();
}

#[test]
fn map_partitions_to_pair_01() {
    let golden = Golden::open("mapPartitionsToPair_01");
    let sums = golden.input::<i64>("a").map_partitions(|numbers| {
        let numbers: Vec<i64> = numbers.collect();
        [(numbers.len(), numbers.iter().sum::<i64>())]
    });
    golden.output(&sums);
    golden.run();
}

#[test]
fn map_values_02() {
    let golden = Golden::open("mapValues_02");
    golden.output(&golden.input::<Pair>("a").map_values(|v| format!("v{v}")));
    golden.run();
}

#[test]
fn flat_map_values_02() {
    let golden = Golden::open("flatMapValues_02");
    let pieces = golden
        .input::<(String, String)>("a")
        .flat_map_values(|v| v.split(',').map(str::to_owned).collect::<Vec<_>>());
    golden.output(&pieces);
    golden.run();
}

#[test]
fn group_by_key_01() {
    let golden = Golden::open("groupByKey_01");
    golden.output(&golden.input::<Pair>("a").group_by_key().map_values(bag));
    golden.run();
}

#[test]
fn group_by_key_03() {
    let golden = Golden::open("groupByKey_03");
    let sizes = golden
        .input::<(String, String)>("a")
        .group_by_key()
        .map_values(|group| group.len());
    golden.output(&sizes);
    golden.run();
}

#[test]
fn reduce_by_key_01() {
    let golden = Golden::open("reduceByKey_01");
    let counts = golden
        .input::<String>("a")
        .map(|w| (w, 1))
        .reduce_by_key(|x, y| x + y);
    golden.output(&counts);
    golden.run();
}

#[test]
fn combine_by_key_01() {
    let golden = Golden::open("combineByKey_01");
    let sums = golden.input::<Pair>("a").combine_by_key_partitioned(
        |v| (v, 1),
        |(s, n), v| (s + v, n + 1),
        |(s1, n1), (s2, n2)| (s1 + s2, n1 + n2),
        HashPartitioner::new(golden.param("partitions")),
        true,
    );
    golden.output(&sums);
    golden.run();
}

#[test]
fn combine_by_key_02() {
    let golden = Golden::open("combineByKey_02");
    let ranges = golden.input::<Pair>("a").combine_by_key_partitioned(
        |v| (v, v),
        |(lo, hi), v| (lo.min(v), hi.max(v)),
        |(l1, h1), (l2, h2)| (l1.min(l2), h1.max(h2)),
        HashPartitioner::new(golden.param("partitions")),
        golden.param("map_side_combine"),
    );
    golden.output(&ranges);
    golden.run();
}
