//! A task's name is enough for another process of the same binary to run it.
//!
//! The test starts its own binary again as a child, which builds the same graph, reads a
//! descriptor and what it may import, runs the task and writes its bytes.

#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::fs;
use std::path::Path;
use std::process::Command;

use headwater_core::Context;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{DStream, StreamingContext, TaskDescriptor, TaskRunner};
use serde::{Deserialize, Serialize};

/// The folder through which parent and child exchange files; set for children only.
const FOLDER: &str = "NAMED_TASKS_FOLDER";

/// The program that every process builds.
struct Program {
    ssc: StreamingContext,
    /// No shuffle: one stage.
    squares: DStream<i64>,
    /// Two stages, over a window, so that the zero time matters too.
    sums: DStream<(i64, i64)>,
}

fn program() -> Program {
    let ssc = StreamingContext::new(&Context::local(2).unwrap(), seconds(1)).unwrap();
    let numbers = ssc.stream_by_time(|time| {
        let second = time.as_millis() / 1000;
        (0..100).map(|n| n + second).collect()
    });
    let squares = numbers
        .map(|n| n * n)
        .filter(|n| n % 3 == 0)
        .distributable();
    let sums = numbers
        .window(seconds(3), seconds(1))
        .map(|n| (n % 7, n))
        .reduce_by_key_partitioned(|a, b| a + b, 3)
        .distributable();
    Program { ssc, squares, sums }
}

/// What a child is told.
#[derive(Serialize, Deserialize)]
struct Order {
    task: TaskDescriptor,
    import: Vec<(TaskDescriptor, Vec<u8>)>,
}

#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let order: Order = postcard::from_bytes(&fs::read(folder.join("order")).unwrap()).unwrap();
    let runner = program().ssc.task_runner(order.task.zero_time).unwrap();
    for (task, bytes) in &order.import {
        runner.import(task, bytes).unwrap();
    }
    fs::write(folder.join("result"), runner.run(&order.task).unwrap()).unwrap();
}

fn run_in_child(task: &TaskDescriptor, import: &[(TaskDescriptor, Vec<u8>)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let order = Order {
        task: *task,
        import: import.to_vec(),
    };
    fs::write(
        folder.path().join("order"),
        postcard::to_stdvec(&order).unwrap(),
    )
    .unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--test-threads=1"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    fs::read(folder.path().join("result")).unwrap()
}

const ZERO: Time = Time::from_millis(5000);
const BATCH: Time = Time::from_millis(9000);

fn here() -> (Program, TaskRunner) {
    let program = program();
    let runner = program.ssc.task_runner(ZERO).unwrap();
    (program, runner)
}

#[test]
fn a_task_without_a_shuffle_gives_the_same_bytes_in_another_process() {
    let (program, runner) = here();
    let stages = runner.plan(program.squares.id(), BATCH).unwrap();
    assert_eq!(stages.len(), 1);
    let mut records = Vec::new();
    for task in &stages[0] {
        let bytes = run_in_child(task, &[]);
        assert_eq!(bytes, runner.run(task).unwrap());
        records.extend(TaskDescriptor::records::<i64>(&bytes).unwrap());
    }
    let expected: Vec<i64> = (9..109).map(|n| n * n).filter(|n| n % 3 == 0).collect();
    assert_eq!(records, expected);
}

#[test]
fn a_two_stage_graph_runs_across_processes() {
    let (program, runner) = here();
    let stages = runner.plan(program.sums.id(), BATCH).unwrap();
    let [map_tasks, last_tasks] = stages.as_slice() else {
        panic!("{} stages", stages.len())
    };
    // Each map task in a process of its own; its bytes go to the processes of the last stage.
    let shuffled: Vec<_> = map_tasks
        .iter()
        .map(|task| (*task, run_in_child(task, &[])))
        .collect();
    let mut sums = Vec::new();
    for task in last_tasks {
        let from_bytes = run_in_child(task, &shuffled);
        let from_name_alone = run_in_child(task, &[]);
        assert_eq!(from_bytes, from_name_alone);
        assert_eq!(from_bytes, runner.run(task).unwrap());
        sums.extend(TaskDescriptor::records::<(i64, i64)>(&from_bytes).unwrap());
    }
    sums.sort_unstable();
    let mut expected = vec![0; 7];
    for second in 7..=9 {
        (second..second + 100).for_each(|n: i64| expected[(n % 7) as usize] += n);
    }
    let expected: Vec<(i64, i64)> = (0..).zip(expected).collect();
    assert_eq!(sums, expected);
}

#[test]
fn another_graph_refuses_the_task() {
    let (program, runner) = here();
    let mut task = runner.plan(program.squares.id(), BATCH).unwrap()[0][0];
    task.fingerprint ^= 1;
    let error = runner.run(&task).unwrap_err().to_string();
    assert!(error.contains("another graph"), "{error}");
    task.fingerprint ^= 1;
    task.partition = 99;
    let error = runner.run(&task).unwrap_err().to_string();
    assert!(error.contains("there is no task 99"), "{error}");
}

#[test]
fn damaged_bytes_are_refused() {
    let (program, runner) = here();
    let stages = runner.plan(program.sums.id(), BATCH).unwrap();
    let task = stages[0][0];
    let error = runner
        .import(&task, &[0xff, 0xff, 0xff])
        .unwrap_err()
        .to_string();
    assert!(error.contains("import shuffle output"), "{error}");
}
