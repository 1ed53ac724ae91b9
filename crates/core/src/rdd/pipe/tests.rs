use std::process::{Command, Stdio};

use crate::{Context, Error, Pipe, Rdd, TaskError, Text};

fn shell(script: &str) -> Pipe<i64> {
    Pipe::new(["sh", "-c", script])
}

fn failure(rdd: &Rdd<Text>) -> (TaskError, String) {
    let error = rdd.collect().unwrap_err();
    let text = error.to_string();
    let Error::Job(job) = error else {
        panic!("no failed job: {text}")
    };
    (job.cause.clone(), text)
}

#[test]
fn more_than_any_pipe_holds_passes_both_ways() {
    let ctx = Context::local(2).unwrap();
    let numbers = ctx.range(0..300_000, 1, 2);
    let piped = numbers.pipe("cat").map(|line| line.parse::<i64>().unwrap());
    assert!(piped.collect().unwrap().into_iter().eq(0..300_000));
    // This one writes as much before it reads anything.
    let script = "seq 1 200000; cat; echo end >&2";
    let lines = numbers.pipe_with(shell(script)).count().unwrap();
    assert_eq!(lines, 2 * 200_000 + 300_000);
}

#[test]
fn a_program_may_stop_reading_early() {
    let ctx = Context::local(2).unwrap();
    let made = ctx.long_accumulator("made");
    let count = made.clone();
    let endless = ctx.range(0..i64::MAX, 1, 2).map(move |n| {
        count.add(1);
        n
    });
    let firsts = endless.pipe("head -n 2").collect().unwrap();
    assert_eq!(firsts.len(), 4);
    assert_eq!(firsts[..2], ["0", "1"]);
    assert!(made.value() > 4);
    let silent = ctx.range(0..9, 1, 3).pipe("true");
    assert!(silent.is_empty().unwrap());
}

#[test]
fn every_partition_has_a_program_also_an_empty_one() {
    let ctx = Context::local(2).unwrap();
    let sizes = ctx
        .range(0..2, 1, 3)
        .pipe("wc -l")
        .map(|n| n.trim().to_owned());
    assert_eq!(sizes.collect().unwrap(), ["0", "1", "1"]);
}

#[test]
fn lines_may_have_no_end_and_bytes_no_meaning() {
    let ctx = Context::local(1).unwrap();
    let one = ctx.range(0..1, 1, 1);
    let lines = one.pipe_with(shell(r"printf 'a\r\nb\n\nc\377'")).collect();
    assert_eq!(lines.unwrap(), ["a", "b", "", "c\u{fffd}"]);
}

#[test]
fn a_bad_end_fails_the_task() {
    let ctx = Context::local(1).unwrap();
    let one = ctx.range(0..1, 1, 1);
    let (cause, text) = failure(&one.pipe_with(shell("echo sorry >&2; exit 3")));
    assert!(matches!(cause, TaskError::User { .. }));
    for part in [
        "pipe_with at ",
        "Subprocess exited with status 3",
        "sh -c",
        "sorry",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let (_, text) = failure(&one.pipe_with(shell("seq 1 9999 >&2; exit 1")));
    assert!(
        text.contains("\n9999 (") && !text.contains("\n1000\n"),
        "{text}"
    );
    let (_, text) = failure(&one.pipe_with(shell("kill -9 $$")));
    assert!(text.contains("ended by a signal: 9"), "{text}");
    // It fails also where it stopped reading.
    let many = ctx.range(0..100_000, 1, 1);
    assert!(failure(&many.pipe("false")).1.contains("status 1"));
}

#[test]
fn what_cannot_be_run_is_named() {
    let ctx = Context::local(1).unwrap();
    let one = ctx.range(0..1, 1, 1);
    let (cause, text) = failure(&one.pipe("no-such-program --at all"));
    assert!(matches!(cause, TaskError::Io { .. }));
    assert!(text.contains("start no-such-program --at all"), "{text}");
    let nowhere = Pipe::new(["true", "x"]).current_dir("/no/such/directory");
    let (_, text) = failure(&one.pipe_with(nowhere));
    assert!(
        text.contains("start true x in /no/such/directory"),
        "{text}"
    );
    let error = one.pipe(" ").collect().unwrap_err();
    assert!(matches!(error, Error::Build { .. }));
}

#[test]
fn a_closure_that_prints_may_panic() {
    let ctx = Context::local(1).unwrap();
    let one = ctx.range(0..1, 1, 1);
    let wrong = Pipe::printing(["cat"], |_: &i64, _| panic!("no lines today"));
    let (cause, text) = failure(&one.pipe_with(wrong));
    assert!(matches!(
        cause,
        TaskError::Panic {
            operator: Some(_),
            ..
        }
    ));
    assert!(text.contains("pipe_with at ") && text.contains("no lines today"));
    let context = Pipe::new(["cat"]).print_context(|_| panic!("no context"));
    assert!(failure(&one.pipe_with(context)).1.contains("no context"));
}

fn is_running(process: &str) -> bool {
    let asked = Command::new("kill")
        .args(["-0", process])
        .stderr(Stdio::null())
        .status();
    asked.unwrap().success()
}

#[test]
fn a_program_that_is_not_needed_any_more_is_killed() {
    let ctx = Context::local(1).unwrap();
    let one = ctx.range(0..1, 1, 1);
    let endless = one.pipe_with(shell("echo $$; exec yes"));
    let process = endless.first().unwrap();
    assert!(!is_running(&process));

    // This one says nothing more, and neither reads nor ends.
    let started = ctx.collection_accumulator::<Text>("started");
    let (note, context) = (started.clone(), ctx.clone());
    let waiting = one.pipe_with(shell("echo $$ >&2; echo up; exec sleep 1000000"));
    let error = waiting.for_each(move |line| {
        note.push(line);
        context.cancel_all_jobs();
    });
    assert!(error.unwrap_err().is_cancelled());
}

/// What a child of the program writes into a pipe, which ends when no process holds it any
/// more. The program says `up` once the child is there.
#[cfg(unix)]
fn said_by_a_child(run: impl FnOnce(&Rdd<Text>)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("held");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let held = path.clone();
    let reader = std::thread::spawn(move || std::fs::read_to_string(held));
    let script = "exec 3>\"$HELD\"; (sleep 300; echo late >&3) & echo up; wait";
    let ctx = Context::local(1).unwrap();
    let one = ctx.range(0..1, 1, 1);
    run(&one.pipe_with(shell(script).env("HELD", path)));
    reader.join().unwrap().unwrap()
}

#[cfg(unix)]
#[test]
fn what_the_program_started_is_killed_with_it() {
    let sated = said_by_a_child(|lines| assert_eq!(lines.first().unwrap(), "up"));
    assert_eq!(sated, "");
    let cancelled = said_by_a_child(|lines| {
        let context = lines.context().clone();
        let error = lines.for_each(move |_| context.cancel_all_jobs());
        assert!(error.unwrap_err().is_cancelled());
    });
    assert_eq!(cancelled, "");
}
