//! State that is kept from batch to batch.

use headwater::time::millis;
use headwater::{MapWithState, State, StateSpec, TimeoutCheck, UpdateStateSpec};
use serde_json::json;

use crate::case::entries;
use crate::golden::Golden;

type Pair = (String, i64);

/// The running sum that most cases keep.
fn add(values: Vec<i64>, sum: Option<i64>) -> Option<i64> {
    Some(sum.unwrap_or(0) + values.iter().sum::<i64>())
}

/// The running sum of a key, given with the key.
#[expect(clippy::ptr_arg, reason = "keys are of this type")]
fn sum(key: &String, value: Option<i64>, state: &mut State<'_, i64>) -> Pair {
    let sum = state.get().unwrap_or(&0) + value.unwrap_or(0);
    state.update(sum);
    (key.clone(), sum)
}

#[test]
pub(crate) fn update_state_by_key_01() {
    let golden = Golden::open("updateStateByKey_01");
    golden.output(&golden.input::<Pair>("a").update_state_by_key(add));
    golden.run();
}

#[test]
pub(crate) fn update_state_by_key_02() {
    let golden = Golden::open("updateStateByKey_02");
    let words = golden.input::<String>("a").map(|word| (word, 1));
    golden.output(
        &words.update_state_by_key(|ones: Vec<i32>, count| Some(count.unwrap_or(0) + ones.len())),
    );
    golden.run();
}

#[test]
pub(crate) fn update_state_by_key_04() {
    let golden = Golden::open("updateStateByKey_04");
    let a = golden.input::<Pair>("a");
    golden.output(&a.update_state_by_key(|values, state: Option<(i64, i64)>| {
        let (records, idle) = state.unwrap_or((0, 0));
        let idle = if values.is_empty() { idle + 1 } else { 0 };
        (idle <= 2).then_some((records + values.len() as i64, idle))
    }));
    golden.run();
}

#[test]
pub(crate) fn update_state_by_key_06() {
    let golden = Golden::open("updateStateByKey_06");
    let initial = golden.param::<Vec<Pair>>("initial");
    let initial = golden.context().context().parallelize(initial, 2);
    let count_down = |values: Vec<i64>, left: Option<i64>| {
        let left = left.unwrap_or(0) + values.iter().sum::<i64>() - 1;
        (left >= 1).then_some(left)
    };
    let spec = UpdateStateSpec::function(count_down)
        .num_partitions(golden.param("partitions"))
        .initial_state(&initial);
    golden.output(&golden.input::<Pair>("a").update_state_by_key_with(spec));
    golden.run();
}

#[test]
pub(crate) fn update_state_by_key_07() {
    let golden = Golden::open("updateStateByKey_07");
    let partitions = golden.param::<usize>("partitions");
    let maximum = |values: Vec<i64>, max: Option<i64>| values.into_iter().chain(max).max();
    let a = golden.input::<Pair>("a");
    golden.output(&a.update_state_by_key_partitioned(maximum, partitions));
    golden.run();
}

#[test]
pub(crate) fn chain_01() {
    let golden = Golden::open("chain_01");
    let a = golden.input::<Pair>("a");
    let (window, slide) = golden.window();
    let in_window = a.reduce_by_key_and_window_inverse(|x, y| x + y, |x, y| x - y, window, slide);
    golden.output(&in_window.join(&a.update_state_by_key(add)));
    golden.run();
}

#[test]
pub(crate) fn chain_04() {
    let golden = Golden::open("chain_04");
    let (window, slide) = golden.window();
    let a = golden.input::<Pair>("a");
    let in_window = a.reduce_by_key_and_window(|x, y| x + y, window, slide);
    golden.output(&in_window.update_state_by_key(add));
    golden.run();
}

#[test]
fn refusal_14() {
    let golden = Golden::open("refusal_14");
    let a = golden.input::<Pair>("a");
    let count = |values: Vec<i64>, _: Option<usize>| Some(values.len());
    golden.output(&a.update_state_by_key(count).checkpoint(millis(1500)));
    let message = golden.refusal();
    assert!(
        message.contains("the checkpoint interval (1500 ms)"),
        "{message}"
    );
}

/// State needs no checkpoint directory, so nothing is refused.
#[test]
pub(crate) fn refusal_13() {
    let keys = [vec![json!("a")], vec![], vec![], vec![]];
    let golden = Golden::open_differing("refusal_13").not_refused(entries(keys));
    let key = |key: &String, _: Option<i64>, _: &mut State<'_, i64>| key.clone();
    golden.output(
        &golden
            .input::<Pair>("a")
            .map_with_state(StateSpec::function(key)),
    );
    golden.run();
}

#[test]
pub(crate) fn map_with_state_02() {
    let golden = Golden::open("mapWithState_02");
    let words = golden.input::<String>("a").map(|word| (word, 1));
    golden.output(&words.map_with_state(StateSpec::function(sum)));
    golden.run();
}

/// What each record came to, and at its end minus what was there.
#[expect(clippy::ptr_arg, reason = "keys are of this type")]
fn sum_until_idle(key: &String, value: Option<i64>, state: &mut State<'_, i64>) -> TimedSum {
    let old = state.get().copied().unwrap_or(0);
    let Some(added) = value else {
        assert!(state.is_timing_out());
        return (key.clone(), (None, -old));
    };
    state.update(old + added);
    (key.clone(), (value, old + added))
}

type TimedSum = (String, (Option<i64>, i64));

/// What the time-out cases have in common; Spark looks for idle keys when it checkpoints.
fn timed_sums(golden: &Golden) -> StateSpec<String, i64, i64, TimedSum> {
    let interval = match golden.param::<serde_json::Value>("checkpoint_interval_ms") {
        serde_json::Value::String(default) if default == "default" => millis(10_000),
        given => millis(given.as_u64().unwrap()),
    };
    StateSpec::function(sum_until_idle)
        .timeout(golden.length("timeout_ms"))
        .timeout_check(TimeoutCheck::Every(interval))
}

/// Both outputs of a time-out case.
fn check_timed(golden: Golden, spec: StateSpec<String, i64, i64, TimedSum>) {
    let sums: MapWithState<_, _, _> = golden.input::<Pair>("a").map_with_state(spec);
    golden.output_named(&sums, "mapped");
    golden.output_named(&sums.state_snapshots(), "snapshots");
    golden.run();
}

fn times_out(golden: Golden) {
    let spec = timed_sums(&golden);
    check_timed(golden, spec);
}

#[test]
pub(crate) fn map_with_state_07() {
    times_out(Golden::open("mapWithState_07"));
}

#[test]
pub(crate) fn map_with_state_08() {
    times_out(Golden::open("mapWithState_08"));
}

#[test]
pub(crate) fn map_with_state_09() {
    times_out(Golden::open("mapWithState_09"));
}

#[test]
pub(crate) fn map_with_state_10() {
    times_out(Golden::open("mapWithState_10"));
}

#[test]
pub(crate) fn map_with_state_11() {
    let golden = Golden::open("mapWithState_11");
    let initial = golden.param::<Vec<Pair>>("initial");
    let initial = golden.context().context().parallelize(initial, 2);
    let spec = timed_sums(&golden).initial_state(&initial);
    check_timed(golden, spec);
}

#[test]
pub(crate) fn map_with_state_12() {
    let golden = Golden::open("mapWithState_12");
    let first = |key: &String, value: Option<i64>, state: &mut State<'_, i64>| {
        if state.is_timing_out() {
            return (key.clone(), -1);
        }
        if !state.exists() {
            state.update(value.unwrap());
        }
        (key.clone(), *state.get().unwrap())
    };
    let spec = StateSpec::function(first).timeout(golden.length("timeout_ms"));
    let first = golden.input::<Pair>("a").map_with_state(spec);
    golden.output_named(&first, "mapped");
    golden.output_named(&first.state_snapshots(), "snapshots");
    golden.run();
}

#[test]
pub(crate) fn map_with_state_13() {
    let golden = Golden::open("mapWithState_13");
    let spec = StateSpec::function(sum).num_partitions(golden.param("partitions"));
    golden.output(&golden.input::<Pair>("a").map_with_state(spec));
    golden.run();
}

#[test]
fn map_with_state_15() {
    let golden = Golden::open("mapWithState_15");
    let misuse = |key: &String, value: Option<i64>, state: &mut State<'_, i64>| {
        if state.exists() {
            state.remove();
            state.update(9);
        } else {
            state.update(value.unwrap());
        }
        key.clone()
    };
    golden.output(
        &golden
            .input::<Pair>("a")
            .map_with_state(StateSpec::function(misuse)),
    );
    let message = golden.failure();
    assert!(message.contains("after it was removed"), "{message}");
    assert!(message.contains("state.rs"), "{message}");
}
