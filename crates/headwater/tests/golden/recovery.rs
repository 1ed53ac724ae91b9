//! Programs that are stopped and go on from their checkpoint directory.
//!
//! Spark runs the last batch before the stop again, though it was done; here that is a setting.

use headwater::testing::TestStream;
use headwater::time::millis;
use headwater::{Conf, Context, DStream, State, StateSpec};

use crate::golden::Golden;

type Pairs = DStream<(String, i64)>;

fn total(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    Some(old.unwrap_or(0) + new.iter().sum::<i64>())
}

/// Runs both lives of a case, whose pipeline is built in each.
fn live_twice(mut golden: Golden, build: impl Fn(&Golden, &Pairs)) {
    let dir = golden.checkpoint_dir();
    let dir = dir.to_str().unwrap().to_owned();
    let batch = millis(golden.batch_ms());
    let begin = move |clock| {
        let conf = Conf::new()
            .master("local[2]")
            .set("streaming.checkpoint.run_last_again", "true")
            // A batch with a failed output counts as done, as in Spark.
            .set("streaming.on_failure", "continue");
        let ctx = Context::new(conf).unwrap();
        let test = TestStream::with_clock(&ctx, batch, clock).unwrap();
        test.context().go_on_from(&dir).unwrap();
        test
    };
    golden.begin(begin.clone());
    build(&golden, &golden.input("a"));
    golden.run_life();
    golden.restart(begin);
    build(&golden, &golden.input("a"));
    golden.run_life();
    golden.check();
}

#[test]
fn recovery_02() {
    live_twice(Golden::open("recovery_02"), |golden, a| {
        golden.output(&a.update_state_by_key(total).checkpoint(millis(2000)));
    });
}

#[test]
fn recovery_03() {
    live_twice(Golden::open("recovery_03"), |golden, a| {
        golden.output(&a.update_state_by_key(total))
    });
}

#[test]
fn recovery_06() {
    live_twice(Golden::open("recovery_06"), |golden, a| {
        let (window, slide) = (millis(4000), millis(2000));
        let windows = a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, window, slide);
        golden.output(&windows);
    });
}

#[test]
fn recovery_07() {
    live_twice(Golden::open("recovery_07"), |golden, a| {
        let (window, slide) = (millis(3000), millis(1000));
        let windows = a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, window, slide);
        golden.output(&windows.checkpoint(millis(2000)));
    });
}

#[test]
fn recovery_09() {
    live_twice(Golden::open("recovery_09"), |golden, a| {
        let ones = a.map_values(|_| 1);
        golden.output(&ones.reduce_by_key_and_window(|x, y| x + y, millis(4000), millis(2000)));
    });
}

#[test]
fn recovery_10() {
    live_twice(Golden::open("recovery_10"), |golden, a| {
        let add = |key: &String, value: Option<i64>, sum: &mut State<'_, i64>| {
            let new = sum.get().unwrap_or(&0) + value.unwrap_or(0);
            sum.update(new);
            (key.clone(), new)
        };
        let mapped = a.map_with_state(StateSpec::function(add));
        golden.output_named(&mapped, "mapped");
        golden.output_named(&mapped.state_snapshots(), "snapshots");
    });
}

#[test]
fn recovery_12() {
    live_twice(Golden::open("recovery_12"), |golden, a| {
        golden.output(&a.map_values(|v| v * 2))
    });
}

#[test]
fn recovery_14() {
    live_twice(Golden::open("recovery_14"), |golden, a| {
        golden.output(&a.update_state_by_key(total));
        let is_first_life = golden.log().run() == Some(1);
        golden.output_failing(a, "second", move |time| {
            is_first_life && time.as_millis() == 4000
        });
        golden.output_named(&a.map_values(|v| -v), "third");
    });
}
