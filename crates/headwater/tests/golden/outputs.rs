//! Output operations: their order, their times and the text of `print`.

use headwater::DStream;

use crate::golden::Golden;

type Pair = (String, i64);

#[test]
fn outputs_01() {
    let golden = Golden::open("outputs_01");
    let a = golden.input::<i64>("a");
    golden.output_named(&a, "first");
    golden.output_named(&a.map(|x| -x), "second");
    golden.output_named(&a.count(), "third");
    golden.run();
}

#[test]
fn outputs_04() {
    let golden = Golden::open("outputs_04");
    let log = golden.log();
    let t = golden.input::<i64>("a").transform(move |rdd, time| {
        log.event("transform", time);
        rdd.map(|x| x + 1)
    });
    golden.output_named(&t, "one");
    golden.output_named(&t.filter(|x| x % 2 == 0), "two");
    golden.run();
}

#[test]
pub(crate) fn outputs_05() {
    let golden = Golden::open("outputs_05");
    let (window, slide) = golden.window();
    let w = golden.input::<String>("a").window(window, slide);
    golden.output_named(&w.count(), "n");
    golden.output_named(&w, "w");
    golden.run();
}

#[test]
fn print_01() {
    let golden = Golden::open("print_01");
    golden.input::<String>("a").print();
    golden.run();
}

#[test]
fn print_02() {
    let golden = Golden::open("print_02");
    golden.input::<String>("a").print();
    golden.run();
}

#[test]
fn print_04() {
    let golden = Golden::open("print_04");
    golden.input::<i64>("a").print_n(3);
    golden.run();
}

#[test]
fn print_06() {
    let golden = Golden::open("print_06");
    let (a, b) = (golden.input::<Pair>("a"), golden.input::<Pair>("b"));
    a.join(&b).print();
    golden.run();
}

#[test]
fn print_07() {
    let golden = Golden::open("print_07");
    let a = golden.input::<String>("a");
    a.count().print();
    a.print();
    golden.run();
}

/// Runs every batch of a case that saves texts below `prefix`, and compares the files.
fn saves(golden: Golden, texts: &DStream<String>, prefix: &str, suffix: &str) {
    let dir = golden.work_dir();
    let prefix = dir.join(prefix);
    texts.save_as_text_files(prefix.to_str().unwrap(), suffix);
    golden.run_and_note_files(&dir);
}

#[test]
fn save_as_text_files_01() {
    let golden = Golden::open("saveAsTextFiles_01");
    let a = golden.input::<String>("a");
    saves(golden, &a, "out", "txt");
}

#[test]
fn save_as_text_files_05() {
    let golden = Golden::open("saveAsTextFiles_05");
    let long = golden
        .input::<String>("a")
        .filter(|word| word.chars().count() > 1);
    saves(golden, &long, "f.x", "tar");
}
