//! Operators that look at each record, or at each batch as one.

use std::collections::BTreeSet;

use crate::golden::Golden;

#[test]
fn map_02() {
    let golden = Golden::open("map_02");
    golden.output(&golden.input::<i64>("a").map(|x| x * x - 1));
    golden.run();
}

#[test]
fn flat_map_01() {
    let golden = Golden::open("flatMap_01");
    let words = golden.input::<String>("a").flat_map_into(|line, out| {
        out.extend(
            line.split(' ')
                .filter(|word| !word.is_empty())
                .map(str::to_owned),
        );
    });
    golden.output(&words);
    golden.run();
}

#[test]
fn flat_map_03() {
    let golden = Golden::open("flatMap_03");
    let twice = golden.input::<String>("a").flat_map(|word| {
        let louder = format!("{word}!");
        [word, louder]
    });
    golden.output(&twice);
    golden.run();
}

#[test]
fn filter_01() {
    let golden = Golden::open("filter_01");
    golden.output(&golden.input::<i64>("a").filter(|x| x % 2 != 0));
    golden.run();
}

#[test]
fn filter_04() {
    let golden = Golden::open("filter_04");
    golden.output(&golden.input::<(String, i64)>("a").filter(|(_, v)| *v > 0));
    golden.run();
}

#[test]
fn glom_02() {
    let golden = Golden::open("glom_02");
    golden.output(&golden.input::<String>("a").glom());
    golden.run();
}

#[test]
fn map_partitions_03() {
    let golden = Golden::open("mapPartitions_03");
    let distinct = golden
        .input::<String>("a")
        .map_partitions(|words| words.collect::<BTreeSet<_>>());
    golden.output(&distinct);
    golden.run();
}

#[test]
fn repartition_01() {
    let golden = Golden::open("repartition_01");
    let wider = golden
        .input::<i64>("a")
        .repartition(golden.param("partitions"));
    golden.output(&wider);
    golden.run();
}

#[test]
fn repartition_02() {
    let golden = Golden::open("repartition_02");
    let narrower = golden
        .input::<String>("a")
        .repartition(golden.param("partitions"));
    golden.output(&narrower);
    golden.run();
}

#[test]
fn union_01() {
    let golden = Golden::open("union_01");
    let (a, b) = (golden.input::<String>("a"), golden.input("b"));
    golden.output(&a.union(&b));
    golden.run();
}

#[test]
fn union_02() {
    let golden = Golden::open("union_02");
    let streams = ["a", "b", "c"].map(|name| golden.input::<i64>(name));
    golden.output(&golden.context().union(&streams));
    golden.run();
}

#[test]
fn union_04() {
    let golden = Golden::open("union_04");
    let a = golden.input::<i64>("a");
    golden.output(&a.union(&a.map(|x| x * 10)));
    golden.run();
}

#[test]
fn count_01() {
    let golden = Golden::open("count_01");
    golden.output(&golden.input::<String>("a").count());
    golden.run();
}

#[test]
fn count_03() {
    let golden = Golden::open("count_03");
    golden.output(&golden.input::<(String, i64)>("a").count());
    golden.run();
}

#[test]
fn reduce_02() {
    let golden = Golden::open("reduce_02");
    let longest = golden
        .input::<String>("a")
        .reduce(|x, y| std::cmp::max_by_key(x, y, |word| (word.chars().count(), word.clone())));
    golden.output(&longest);
    golden.run();
}

#[test]
fn reduce_03() {
    let golden = Golden::open("reduce_03");
    golden.output(&golden.input::<i64>("a").reduce(|x, y| x.min(y)));
    golden.run();
}

#[test]
fn count_by_value_02() {
    let golden = Golden::open("countByValue_02");
    let a = golden.input::<i64>("a");
    golden.output(&a.count_by_value_partitioned(golden.param("partitions")));
    golden.run();
}

#[test]
fn count_by_value_03() {
    let golden = Golden::open("countByValue_03");
    golden.output(&golden.input::<(String, i64)>("a").count_by_value());
    golden.run();
}
