//! The program as anyone runs it, for a few rounds.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::process::Command;

fn trial(arguments: &[&str]) -> (bool, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_headwater-chaos"));
    let output = program.args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn a_few_rounds_lose_and_double_nothing() {
    let (is_good, text) = trial(&["--rounds", "3", "--seed", "20", "--verbose"]);
    assert!(is_good, "{text}");
    for line in [
        "rounds            3 (",
        "lost              0\n",
        "duplicated        0\n",
        "wrong totals      0\n",
        "other problems    0\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_round_of_one_fault_can_be_asked_for() {
    let (is_good, text) = trial(&["--round-seed", "4", "--only", "sink", "--verbose"]);
    assert!(is_good, "{text}");
    assert!(text.contains("(--round-seed 4): good"), "{text}");
    assert!(text.contains("sink") && !text.contains("clock"), "{text}");
}
