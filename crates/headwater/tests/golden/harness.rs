//! That the harness itself sees what it must, on small cases written here.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use headwater::testing::TestStream;
use headwater::{Context, Error};
use serde_json::json;

use crate::case::Case;
use crate::compare::json as record;
use crate::float::Float;
use crate::golden::Golden;

/// A case with two batches of a second; `more` is put over it.
fn golden(more: serde_json::Value) -> Golden {
    let mut case = json!({
        "case": "harness", "op": "none", "about": "a case of the harness's own tests",
        "batch_ms": 1000, "batches": 2, "params": {}, "inputs": {"a": [[1], [2]]},
        "pipeline": "", "ordered": false, "expected": [],
    });
    let fields = case.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    Golden::of(Case::parse(&case.to_string()))
}

/// What the harness says of a run that it must not accept.
fn complaint(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it must be refused");
    let text = panic.downcast_ref::<String>();
    text.cloned().unwrap_or_default()
}

/// The second batch fails.
fn failing(time_ms: i64) -> Golden {
    let golden = golden(json!({
        "expected": [
            {"time_ms": 1000, "out": "x", "records": [-1]},
            {"time_ms": 1000, "records": []},
        ],
        "error": {"phase": "run", "time_ms": time_ms},
    }));
    let a = golden.input::<i64>("a");
    golden.output_named(&a.map(|x| -x), "x");
    golden.output(&a.filter(|x| *x > 9).try_transform(|rdd, time| {
        let late = time.as_millis() > 1000;
        if late {
            Err("too late")
        } else {
            Ok(rdd.clone())
        }
    }));
    golden
}

#[test]
fn a_failure_counts_at_its_time_and_hides_what_comes_after_it() {
    assert!(failing(2000).failure().contains("too late"));
}

#[test]
fn a_failure_at_another_time_and_none_at_all_are_seen() {
    assert!(complaint(|| drop(failing(1000).failure())).contains("too late"));
    let text = complaint(|| {
        let golden = golden(json!({"error": {"phase": "run", "time_ms": 1000}}));
        golden.output(&golden.input::<i64>("a"));
        golden.failure();
    });
    assert!(text.contains("no batch fails"), "{text}");
}

#[test]
fn a_case_that_is_not_compared_is_seen() {
    let text = complaint(|| drop(golden(json!({}))));
    assert!(text.contains("was opened and not compared"), "{text}");
}

/// A program of two lives, each of which has one batch; the second life begins where
/// `times` says.
fn two_lives(times: [i64; 2]) -> Golden {
    let mut golden = golden(json!({
        "params": {"clock_jump_ms": times[1] - 2000, "source": "by_time"},
        "runs": [[1000], [3000]],
        "expected": [
            {"run": 1, "time_ms": 1000, "records": [1]},
            {"run": 2, "time_ms": 3000, "records": []},
        ],
    }));
    golden.output(&golden.input::<i64>("a"));
    golden.run_life();
    golden.restart(|clock| {
        let ctx = Context::local(2).unwrap();
        TestStream::with_clock(&ctx, headwater::time::seconds(1), clock).unwrap()
    });
    golden.output(&golden.input::<i64>("a"));
    golden.run_life();
    golden
}

#[test]
fn the_lives_of_a_program_are_told_apart() {
    two_lives([1000, 3000]).check();
    let text = complaint(|| two_lives([1000, 2000]).check());
    assert!(text.contains("run: Some(2), time_ms: 2000"), "{text}");
}

#[test]
fn files_are_compared_with_their_paths() {
    let golden = golden(json!({
        "params": {"checkpoint_dir": "any"},
        "expected": [{"time_ms": 2000, "files": {"out/part-0": "1\n", "top": ""}}],
    }));
    let dir = golden.work_dir();
    let to = dir.clone();
    golden.input::<i64>("a").foreach_rdd(move |rdd, time| {
        fs::create_dir_all(to.join("out")).unwrap();
        let name = if time.as_millis() == 1000 {
            "part-0"
        } else {
            ".hidden"
        };
        fs::write(
            to.join("out").join(name),
            rdd.map(|x| format!("{x}\n")).first()?,
        )
        .unwrap();
        fs::write(to.join("top"), "").unwrap();
        Ok::<_, Error>(())
    });
    assert_ne!(dir, golden.checkpoint_dir());
    assert_eq!(fs::read_dir(golden.checkpoint_dir()).unwrap().count(), 0);
    golden.run_and(2, |golden| golden.note_files(&dir));
}

#[test]
fn numbers_may_be_anything_that_a_float_is() {
    let words = json!([["NaN", "Infinity", "-Infinity", 0.5, -2.0]]);
    let golden = golden(json!({
        "params": {"rel_tol": 0.01},
        "inputs": {"a": words},
        "ordered": true,
        "expected": [
            {"time_ms": 1000, "records": ["NaN", "Infinity", "-Infinity", 1.0, -4.01]},
            {"time_ms": 2000, "records": []},
        ],
    }));
    let a = golden.input::<Float>("a").map(|float| float.0);
    golden.output(&a.map(|x| Float(x * 2.0)));
    golden.run();
    assert_eq!(record(&[Float(-f64::NAN), Float(0.0)]), json!(["NaN", 0.0]));
}
