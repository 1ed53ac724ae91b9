//! What belongs to a batch is decided once: by its cut, which every later process keeps to.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::UNIX_EPOCH;

use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{millis, seconds};
use headwater_streaming::{DStream, FileStreamOptions, StreamError};
use probe::inputs::{Offsets, Outside, Seconds, handed_out};
use probe::{going_on, second};

/// A window of three batches over a stream, and an output whose batches fail.
fn windows<'a>(
    stream: &DStream<i64>,
    test: &'a TestStream,
    fails_at: &'static [i64],
) -> impl Fn() -> Vec<Vec<i64>> + use<'a> {
    let windows = test.collect(&stream.window(seconds(3), None));
    stream.foreach_rdd(
        move |_, time| match fails_at.contains(&(time.as_millis() / 1000)) {
            true => Err("the sink is down"),
            false => Ok(()),
        },
    );
    move || windows.batches()
}

#[test]
fn a_batch_whose_source_failed_is_asked_for_again_and_then_belongs_to_it() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let life = |begun, source_fails, sink_fails, added: &[i64]| {
        let test = going_on(dir.path(), begun, &[]);
        let source = Offsets::of(&log, source_fails);
        let shown = windows(&test.context().source_stream(source), &test, sink_fails);
        let result = added.iter().try_for_each(|number| {
            log.add(*number);
            test.try_run(1)
        });
        (shown(), result)
    };
    let (shown, failed) = life(0, &[2], &[], &[1, 2]);
    assert_eq!(shown, [[1]]);
    let failed = failed.unwrap_err();
    assert!(
        matches!(failed, StreamError::Source { time, .. } if time == second(2)),
        "{failed}"
    );
    let told = failed.to_string();
    assert!(told.contains("source_stream at crates/"), "{told}");
    assert!(told.contains("nobody is at home"), "{told}");
    // The batch gets what is there now, and dies after that.
    let (shown, failed) = life(1, &[], &[2], &[3]);
    assert_eq!(shown, [[1, 2, 3]]);
    assert!(matches!(failed, Err(StreamError::Output { .. })));
    // It has the same in every later life.
    let (shown, failed) = life(2, &[], &[4], &[4, 5]);
    assert_eq!(shown, [vec![1, 2, 3], vec![1, 2, 3, 4], vec![2, 3, 4, 5]]);
    assert!(failed.is_err());
    let (shown, failed) = life(4, &[], &[], &[6]);
    assert_eq!(shown, [vec![2, 3, 4, 5], vec![4, 5, 6]]);
    failed.unwrap();
}

#[test]
fn a_failed_source_whose_stream_goes_on_gives_nothing_to_its_batch_for_ever() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let settings = [
        ("streaming.on_failure", "continue"),
        ("streaming.checkpoint.run_last_again", "true"),
    ];
    let life = |begun, source_fails, added: &[i64]| {
        let test = going_on(dir.path(), begun, &settings);
        let source = Offsets::of(&log, source_fails);
        let out = test.collect(&test.context().source_stream(source));
        for number in added {
            log.add(*number);
            test.run(1);
        }
        out.batches()
    };
    assert_eq!(life(0, &[2], &[1, 2]), [[1]]);
    // The batch of 2 runs once more; what the source could not give is in the next one.
    assert_eq!(life(2, &[], &[3]), [vec![], vec![2, 3]]);
    assert_eq!(life(3, &[], &[4]), [vec![2, 3], vec![4]]);
}

#[test]
fn a_source_without_ranges_is_asked_again_for_what_is_still_needed() {
    let dir = tempfile::tempdir().unwrap();
    let life = |begun, sink_fails, batches| {
        let test = going_on(dir.path(), begun, &[]);
        let shown = windows(&test.context().source_stream(Seconds), &test, sink_fails);
        let result = test.try_run(batches);
        (shown(), result)
    };
    let (shown, failed) = life(0, &[3], 3);
    assert_eq!(shown, [vec![1], vec![1, 2], vec![1, 2, 3]]);
    assert!(failed.is_err());
    let (shown, failed) = life(3, &[], 1);
    assert_eq!(shown, [[1, 2, 3], [2, 3, 4]]);
    failed.unwrap();
}

#[test]
fn a_source_that_has_ranges_only_now_does_not_pass_for_the_one_before() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let test = going_on(dir.path(), 0, &[]);
    test.collect(&test.context().source_stream(Seconds));
    test.run(1);
    drop(test);
    let life = |has_window| {
        let test = going_on(dir.path(), 1, &[]);
        let numbers = test.context().source_stream(Offsets::of(&log, &[]));
        let out = match has_window {
            true => test.collect(&numbers.window(seconds(2), None)),
            false => test.collect(&numbers),
        };
        let result = test.try_run(1);
        (out.batches(), result)
    };
    log.add(7);
    let refused = life(true).1.unwrap_err().to_string();
    assert!(refused.contains("it gives ranges now"), "{refused}");
    // Nothing needs the batch that was cut without one.
    let (shown, result) = life(false);
    result.unwrap();
    assert_eq!(shown, [[7]]);
}

/// Puts a file of one line, its name, into a directory.
fn put(dir: &Path, name: &str, modified_ms: u64) {
    let path = dir.join(name);
    std::fs::write(&path, format!("{name}\n")).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + millis(modified_ms)).unwrap();
}

/// A program whose first batch is cut and not done.
fn dies_in_the_first_batch(dir: &Path, settings: &[(&str, &str)]) {
    let test = going_on(dir, 0, settings);
    let (old, contexts) = handed_out(&test);
    let old = old.named("old");
    old.foreach_rdd(|_, _| Err("the sink is down"));
    test.try_run(0).unwrap();
    contexts.recv().unwrap().store_many([1]).unwrap();
    test.try_run(1).unwrap_err();
}

#[test]
fn a_receiver_that_a_changed_program_adds_gives_nothing_to_batches_that_were_cut_before() {
    for log in ["true", "false"] {
        let settings = [("streaming.receiver.write_ahead_log.enable", log)];
        let dir = tempfile::tempdir().unwrap();
        dies_in_the_first_batch(dir.path(), &settings);
        let of_old = if log == "true" { vec![1] } else { vec![] };
        let life = |begun, batches| {
            let test = going_on(dir.path(), begun, &settings);
            let (old, _contexts) = handed_out(&test);
            let (new, contexts) = handed_out(&test);
            let old = test.collect(&old.named("old"));
            let shown = windows(&new.named("new"), &test, &[]);
            test.try_run(0).unwrap();
            // It comes before the batch is cut again.
            contexts.recv().unwrap().store_many([7]).unwrap();
            test.run(batches);
            (old.batches(), shown())
        };
        let (old, shown) = life(0, 2);
        assert_eq!(old, [of_old, vec![]]);
        assert_eq!(shown, [vec![], vec![7]]);
        let (_, shown) = life(2, 1);
        match log {
            "true" => assert_eq!(shown, [[7, 7]]),
            _ => assert_eq!(shown, [[7]]),
        }
    }
}

#[test]
fn a_source_that_a_changed_program_adds_gives_nothing_to_batches_that_were_cut_before() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let files = tempfile::tempdir().unwrap();
    dies_in_the_first_batch(dir.path(), &[]);
    log.add(7);
    put(files.path(), "8", 1000);
    let life = |begun, batches| {
        let test = going_on(dir.path(), begun, &[]);
        let (old, _contexts) = handed_out(&test);
        let old = test.collect(&old.named("old"));
        let source = test.context().source_stream(Offsets::of(&log, &[]));
        let shown = windows(&source.named("new"), &test, &[]);
        let options = FileStreamOptions::new().new_files_only(false);
        let directory = files.path().to_str().unwrap();
        let lines = test.context();
        let lines = lines.file_stream(directory, options, |ctx, path| ctx.text_file(path));
        let numbers = lines.map(|line| line.parse::<i64>().unwrap_or_default());
        let of_files = windows(&numbers, &test, &[]);
        test.run(batches);
        (old.batches(), shown(), of_files())
    };
    let (old, shown, of_files) = life(0, 2);
    assert_eq!(old, [vec![1], vec![]]);
    assert_eq!(shown, [vec![], vec![7]]);
    assert_eq!(of_files, [vec![], vec![8]]);
    let (_, shown, of_files) = life(2, 1);
    assert_eq!((shown, of_files), (vec![vec![7]], vec![vec![8]]));
}

#[test]
fn an_input_that_comes_back_after_it_was_left_out_begins_anew() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let life = |begun, has_source: bool| {
        let settings = [("streaming.checkpoint.allow", "drop:numbers")];
        let test = going_on(dir.path(), begun, &settings);
        let seconds = test.collect(&test.context().source_stream(Seconds).named("seconds"));
        let shown = has_source.then(|| {
            let source = test.context().source_stream(Offsets::of(&log, &[]));
            windows(&source.named("numbers"), &test, &[])
        });
        test.run(1);
        assert_eq!(seconds.batches().concat().len(), 1);
        shown.map(|shown| shown().concat())
    };
    log.add(1);
    assert_eq!(life(0, true), Some(vec![1]));
    assert_eq!(life(1, false), None);
    log.add(2);
    // It is another input now, which knows of no offsets.
    assert_eq!(life(2, true), Some(vec![1, 2]));
    let all: BTreeSet<_> = log.0.lock().iter().copied().collect();
    assert_eq!(all.len(), 2);
}

/// The process dies in its first batch interval, or before a changed program has cut a batch.
#[test]
fn what_comes_before_the_first_batch_is_in_a_batch_of_the_next_process() {
    for is_changed in [false, true] {
        let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
        let files = tempfile::tempdir().unwrap();
        if is_changed {
            let test = going_on(dir.path(), 10, &[]);
            test.collect(&test.context().source_stream(Seconds).named("seconds"));
            test.try_run(0).unwrap();
        }
        log.add(1);
        put(files.path(), "1", 9_900);
        let life = |begun, batches| {
            let test = going_on(dir.path(), begun, &[]);
            let ssc = test.context();
            if is_changed {
                test.collect(&ssc.source_stream(Seconds).named("seconds"));
            }
            let tail = ssc.source_stream(Offsets::from_end_of(&log));
            let tail = test.collect(&tail.named("tail"));
            let lines = ssc.text_file_stream(files.path().to_str().unwrap());
            let lines = test.collect(&lines.map(|line| line.to_string()));
            test.run(batches);
            (tail.batches().concat(), lines.batches().concat())
        };
        assert_eq!(life(10, 0), (vec![], vec![]));
        log.add(2);
        put(files.path(), "2", 10_500);
        assert_eq!(life(12, 0), (vec![], vec![]));
        log.add(3);
        put(files.path(), "3", 12_500);
        let (tail, lines) = life(13, 1);
        assert_eq!((tail, lines.concat()), (vec![2, 3], "23".to_owned()));
    }
}
