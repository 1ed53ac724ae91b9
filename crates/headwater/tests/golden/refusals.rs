//! What is refused, when, and what happens to the rest.

use headwater::time::millis;
use serde_json::json;

use crate::case::entries;
use crate::golden::Golden;

/// Building never fails here: `start` says what was built wrong, and where.
#[test]
fn refusal_02() {
    let golden = Golden::open_differing("refusal_02");
    let (a, line) = (golden.input::<i64>("a"), line!() + 1);
    golden.output(&a.window(millis(2000), millis(1500)));
    let message = golden.refusal();
    assert!(
        message.contains("the slide duration (1500 ms) must be a multiple"),
        "{message}"
    );
    assert!(
        message.contains(&format!("refusals.rs:{line}")),
        "{message}"
    );
}

/// Counting needs no checkpoint directory, so nothing is refused.
#[test]
pub(crate) fn refusal_12() {
    let counts = [1, 1, 0, 0].map(|count| vec![json!(count)]);
    let golden = Golden::open_differing("refusal_12").not_refused(entries(counts));
    let counts = golden
        .input::<i64>("a")
        .count_by_window(millis(2000), millis(1000));
    golden.output(&counts);
    golden.run();
}

/// The call itself cannot fail; whoever waits for the stream gets the error.
#[test]
fn refusal_16() {
    let golden = Golden::open_differing("refusal_16");
    let a = golden.input::<i64>("a");
    golden.output(&a);
    golden.run_batch().unwrap();
    let _late = a.map(|x| x);
    let mut message = String::new();
    for _ in 2..=5 {
        message = golden.run_batch().unwrap_err().to_string();
    }
    assert!(
        message.contains("map") && message.contains("added after start()"),
        "{message}"
    );
    golden.check();
}

#[test]
fn refusal_19() {
    let golden = Golden::open("refusal_19");
    golden.output(&golden.input::<i64>("a"));
    golden.context().start().unwrap();
    golden.context().start().unwrap();
    golden.run();
}
