//! What looking into a checkpoint directory tells, whatever its state, and that looking changes
//! nothing. What it says of a restart is compared with a restart.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_core::Context;
use headwater_streaming::checkpoint::{
    CheckpointSummary, PartFate, PartKind, ProgramDescription, RangeSummary,
};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::conf::Allowed;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{
    InputSource, Receiver, ReceiverContext, SourceBatch, StreamError, StreamingState,
};
use probe::damaged::{copy, tear};
use probe::{context, second};
use tempfile::TempDir;

type Settings = [(&'static str, &'static str)];

/// A stream on a directory, whose clock stands at a time.
fn stream(dir: &Path, begin_second: i64, settings: &Settings) -> TestStream {
    let clock = ManualClock::at(second(begin_second));
    let test = TestStream::with_clock(&context(settings), seconds(1), clock).unwrap();
    test.context().go_on_from(dir.to_str().unwrap()).unwrap();
    test
}

fn look(dir: &Path, at_second: i64) -> CheckpointSummary {
    CheckpointSummary::read(dir.to_str().unwrap(), second(at_second)).unwrap()
}

/// Stores blocks when it is started, and says that this was all.
struct Given(Vec<Vec<i64>>);

impl Receiver<i64> for Given {
    fn on_start(&self, ctx: &ReceiverContext<i64>) -> Result<(), String> {
        for block in self.0.clone() {
            ctx.store_many(block).map_err(|error| error.to_string())?;
        }
        ctx.stop("that was all");
        Ok(())
    }

    fn on_stop(&self) {}
}

/// Counts the batches, and says from where to where.
struct Counter(u8);

impl InputSource<i64> for Counter {
    fn compute(&mut self, _: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        self.0 += 1;
        let batch = SourceBatch::new(ctx.parallelize(vec![i64::from(self.0)], 1));
        Ok(batch
            .records(1)
            .range(format!("offset {}", self.0).into_bytes()))
    }

    fn recall(&mut self, _: Time, range: &[u8]) -> Result<(), String> {
        self.0 = range.last().map_or(0, |digit| digit - b'0');
        Ok(())
    }

    fn restore(
        &mut self,
        _: Time,
        range: &[u8],
        ctx: &Context,
    ) -> Result<SourceBatch<i64>, String> {
        let number = range.last().map_or(0, |digit| i64::from(digit - b'0'));
        Ok(ctx.parallelize(vec![number], 1).into())
    }
}

fn sum(new: Vec<i64>, old: Option<i64>) -> Option<i64> {
    Some(old.unwrap_or(0) + new.iter().sum::<i64>())
}

/// A named state over a source, an unnamed window over a receiver; an output that fails in one
/// batch, if it is told to.
fn build(test: &TestStream, blocks: Vec<Vec<i64>>, fails_at: Option<Time>) {
    let counted = test.context().source_stream(Counter(0)).named("numbers");
    let totals = counted
        .map(|n| ("all".to_owned(), n))
        .update_state_by_key(sum);
    test.collect(&totals.named("totals"));
    let received = test.context().receiver_stream(Given(blocks)).map(|n| n * 2);
    let window = received.window(seconds(2), seconds(1));
    test.collect(&window.count_by_window(seconds(4), None));
    counted.foreach_rdd(move |_, time| match fails_at == Some(time) {
        true => Err("the sink is down"),
        false => Ok(()),
    });
}

/// Runs batches once the receiver has stored everything.
fn run_received(test: &TestStream, batches: usize) -> Result<(), StreamError> {
    let listener = probe::record(test.context());
    test.context().start().unwrap();
    listener.wait_for(|told| {
        let stopped = |one: &probe::Told| matches!(one, probe::Told::ReceiverStopped(_));
        told.iter().any(stopped)
    });
    test.try_run(batches)
}

/// What two lives have left: three batches done and a checkpoint after them, the fourth batch
/// begun, blocks before the first and before the fourth.
fn left_behind() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("streaming.checkpoint.interval", "1h")];
    let test = stream(dir.path(), 0, &settings);
    build(&test, vec![vec![1, 2], vec![3]], None);
    run_received(&test, 3).unwrap();
    test.context().stop(true, true).unwrap();
    let test = stream(dir.path(), 3, &settings);
    build(&test, vec![vec![4]], Some(second(4)));
    run_received(&test, 1).unwrap_err();
    drop(test);
    dir
}

/// Every file and its bytes.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.to_str().unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Looks into a directory and starts the same program there: what looking said has to come true.
fn look_and_restart(dir: &Path, what: &str) -> CheckpointSummary {
    let before = contents(dir);
    let summary = look(dir, 6);
    assert_eq!(contents(dir), before, "{what}: looking changes nothing");
    let test = stream(dir, 6, &[]);
    build(&test, vec![vec![5]], None);
    let started = test.context().start();
    let may_start = summary.restart.goes_on || summary.stream.is_none();
    let stops = summary.problems.iter().any(|problem| problem.stops_restart);
    assert_eq!(
        started.is_ok(),
        may_start && !stops,
        "{what}: {started:?}\n{summary}"
    );
    summary
}

/// As [`look_and_restart`], for what is refused: with damage allowed, as the comparison of the
/// program with the directory says.
fn look_and_allow(dir: &Path, what: &str) {
    let summary = look(dir, 6);
    let test = stream(dir, 6, &[("streaming.checkpoint.allow", "damage")]);
    build(&test, vec![vec![5]], None);
    let program = test.context().describe();
    let unasked = summary.diff(&program, &Allowed::default());
    let diff = summary.diff(&program, &"damage".parse().unwrap());
    let started = test.context().start();
    assert_eq!(
        started.is_ok(),
        diff.goes_on(),
        "{what}: {started:?}\n{diff}"
    );
    assert!(!unasked.goes_on() && unasked.warnings.is_empty(), "{what}");
    let to_allow = diff.goes_on().then_some("damage");
    assert_eq!(unasked.allow.as_deref(), to_allow, "{what}");
    let what_is_allowed = unasked.refused[0].contains(&diff.warnings.concat());
    assert!(what_is_allowed, "{what}\n{unasked}\n{diff}");
    assert_eq!(diff.warnings.is_empty(), !diff.goes_on(), "{what}");
}

#[test]
fn a_whole_directory_tells_everything() {
    let dir = left_behind();
    let summary = look_and_restart(dir.path(), "whole");
    assert_eq!(summary.problems, []);
    let stream = summary.stream.as_ref().unwrap();
    assert_eq!(stream.last_done, Some(second(3)));
    assert_eq!(stream.missed.batches, 2);
    assert_eq!(stream.missed.between, Some((second(5), second(6))));
    let unfinished: Vec<_> = stream.unfinished.iter().map(|batch| batch.time).collect();
    assert_eq!(unfinished, [second(4)]);
    let of_source = &stream.unfinished[0].inputs[0];
    assert_eq!(
        (of_source.input.as_str(), of_source.records),
        ("numbers", 1)
    );
    let RangeSummary::Source { text, .. } = &of_source.range else {
        panic!("{of_source:?}");
    };
    assert_eq!(text.as_deref(), Some("offset 4"));
    let states = stream.states.iter().map(|state| state.part.label.as_str());
    let states: Vec<_> = states.collect();
    assert_eq!(states, ["totals", "count_by_window-1"]);
    let totals = &stream.states[0];
    assert_eq!(totals.part.operator, "update_state_by_key");
    assert!(
        totals
            .snapshots
            .iter()
            .all(|one| one.error.is_none() && one.bytes > 9)
    );
    assert_eq!(totals.partitions, Some(totals.snapshots.len()));
    assert!(totals.bytes() > 0);
    let received = &stream.inputs[1];
    assert_eq!(received.part.label, "receiver_stream-1");
    let counts = [received.waiting, received.kept].map(|of| (of.blocks, of.records));
    assert_eq!(counts, [(1, 1), (2, 3)]);
    let of_receiver = &stream.unfinished[0].inputs[1];
    assert!(matches!(
        of_receiver.range,
        RangeSummary::Blocks { from: 2, to: 3 }
    ));
    assert!(summary.bytes > summary.journal.bytes && summary.journal.bytes > 0);
    assert!(stream.oldest_needed >= summary.journal.first);
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(
        serde_json::from_str::<CheckpointSummary>(&json).unwrap(),
        summary
    );
}

#[test]
fn whatever_is_damaged_a_restart_does_what_was_told() {
    let dir = left_behind();
    let files: Vec<String> = contents(dir.path()).into_keys().collect();
    let top = dir.path().to_str().unwrap();
    let names = files.iter().map(|path| path.strip_prefix(top).unwrap());
    let mut refused = 0;
    for name in names.map(|name| name.trim_start_matches('/')) {
        if name.ends_with("lock") {
            continue;
        }
        let damages: [(&str, fn(&Path)); 4] = [
            ("gone", |file| fs::remove_file(file).unwrap()),
            ("cut", |file| {
                let bytes = fs::read(file).unwrap();
                fs::write(file, &bytes[..bytes.len() - 3.min(bytes.len())]).unwrap();
            }),
            ("changed", |file| {
                let mut bytes = fs::read(file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(file, bytes).unwrap();
            }),
            ("empty", |file| fs::write(file, b"").unwrap()),
        ];
        for (how, damage) in damages {
            let other = tempfile::tempdir().unwrap();
            copy(dir.path(), other.path());
            damage(&other.path().join(name));
            let what = format!("{name} is {how}");
            let summary = look_and_restart(other.path(), &what);
            if summary.problems.iter().any(|problem| problem.stops_restart) {
                look_and_allow(other.path(), &what);
                refused += 1;
            }
        }
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn the_older_manifest_is_used_when_the_newest_is_damaged() {
    let dir = left_behind();
    let newest = look(dir.path(), 4).manifests[0].file.clone();
    fs::write(dir.path().join(newest), b"HWCP\x01 or something like it").unwrap();
    let summary = look_and_restart(dir.path(), "newest damaged");
    let used: Vec<_> = summary.manifests.iter().map(|one| one.is_used).collect();
    assert_eq!(used, [false, true]);
    assert!(summary.restart.goes_on);
    let problem = &summary.problems[0];
    assert!(problem.what.contains("checksum"), "{problem:?}");
    assert!(
        problem.advice.contains("an older one is used"),
        "{problem:?}"
    );
    // Without any, nothing is begun anew in silence.
    for manifest in look(dir.path(), 4).manifests {
        fs::write(dir.path().join(manifest.file), b"x").unwrap();
    }
    let summary = look_and_restart(dir.path(), "all damaged");
    assert!(summary.stream.is_none() && !summary.restart.goes_on);
    assert!(summary.problems[0].stops_restart);
}

#[test]
fn a_torn_end_is_told_and_left_alone() {
    let dir = left_behind();
    tear(dir.path());
    let summary = look_and_restart(dir.path(), "torn");
    assert_eq!(
        summary.journal.torn.as_ref().map(|torn| torn.bytes),
        Some(10)
    );
    assert!(
        summary.restart.steps[0].contains("half-written end"),
        "{summary}"
    );
}

#[test]
fn empty_and_foreign_directories_hold_no_stream() {
    let dir = tempfile::tempdir().unwrap();
    for at in [dir.path().join("none"), dir.path().to_owned()] {
        let summary = look(&at, 1);
        assert!(summary.stream.is_none() && summary.problems.is_empty());
        assert!(
            summary.restart.steps[0].contains("begins anew"),
            "{summary}"
        );
    }
    fs::write(dir.path().join("notes\n.txt"), "not ours").unwrap();
    fs::write(dir.path().join("more.txt"), "").unwrap();
    let summary = look_and_restart(dir.path(), "foreign");
    assert_eq!(summary.other_files, ["more.txt", "notes\n.txt"]);
    assert!(summary.problems[0].what.contains("more.txt and 1 more"));
    let error = CheckpointSummary::read("ftp://nowhere", second(1)).unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
}

#[test]
fn looking_disturbs_no_running_stream_and_finds_it_whole() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [
        ("streaming.checkpoint.interval", "1s"),
        ("streaming.checkpoint.keep", "3"),
    ];
    let test = stream(dir.path(), 0, &settings);
    build(&test, vec![vec![5]], None);
    let is_over = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut looks = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                looks.push(look(dir.path(), 99));
            }
            looks
        });
        test.run(60);
        is_over.store(true, Ordering::Relaxed);
        looking.join().unwrap()
    });
    for summary in &looks {
        assert_eq!(summary.problems, [], "{summary}");
    }
    test.run(1);
    assert_eq!(
        look(dir.path(), 61).stream.unwrap().last_done,
        Some(second(61))
    );
}

#[test]
fn an_object_store_is_looked_into_without_taking_it_over() {
    let clock = ManualClock::at(second(0));
    let test = TestStream::with_clock(&context(&[]), seconds(1), clock).unwrap();
    let directory = "memory://looks/stream";
    test.context().go_on_from(directory).unwrap();
    build(&test, vec![vec![5]], None);
    test.run(2);
    let summary = CheckpointSummary::read(directory, second(2)).unwrap();
    assert_eq!(summary.stream.unwrap().last_done, Some(second(2)));
    assert_eq!(summary.problems, []);
    test.run(1);
}

#[test]
fn files_that_belong_to_batches_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("a.log");
    fs::write(&path, "x\n").unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let modified = std::time::UNIX_EPOCH + seconds(1) / 2;
    file.set_modified(modified).unwrap();
    let test = stream(dir.path(), 0, &[]);
    test.collect(
        &test
            .context()
            .text_file_stream(files.path().to_str().unwrap()),
    );
    test.run(1);
    let summary = look(dir.path(), 1);
    let last = summary.stream.as_ref().unwrap().inputs[0]
        .last
        .as_ref()
        .unwrap();
    let RangeSummary::Files(found) = &last.range else {
        panic!("{last:?}");
    };
    assert_eq!((found.len(), found[0].bytes), (1, 2));
    assert!(found[0].path.ends_with("a.log"));
    assert!(summary.to_string().contains("a.log, 2 B"), "{summary}");
}

/// Programs after `build`, and what becomes of its parts.
fn changed(test: &TestStream, how: &str) {
    let ssc = test.context();
    let numbers = ssc.source_stream(Counter(0));
    let numbers = numbers.named(if how == "input renamed" {
        "counts"
    } else {
        "numbers"
    });
    let pairs = numbers.map(|n| ("all".to_owned(), n));
    if how != "state dropped" {
        let name = if how == "state renamed" {
            "sums"
        } else {
            "totals"
        };
        test.collect(&pairs.update_state_by_key(sum).named(name));
    }
    let received = ssc.receiver_stream(Given(Vec::new()));
    let received = match how {
        "first name" => received.named("received"),
        _ => received,
    };
    if how == "more" {
        let text = pairs.map(|(name, n)| (n, name));
        test.collect(
            &text
                .map(|(n, _)| (n, n))
                .update_state_by_key(sum)
                .named("by number"),
        );
    }
    if how != "window gone" {
        let window = received.window(seconds(2), seconds(1));
        test.collect(&window.count_by_window(seconds(4), None));
    } else {
        test.collect(&received);
    }
}

#[test]
fn a_diff_says_what_start_does_and_how_to_confirm_it() {
    let dir = left_behind();
    let summary = look(dir.path(), 4);
    for (how, allow) in [
        ("nothing", None),
        ("first name", None),
        ("more", None),
        ("state renamed", Some("rename:totals=sums")),
        ("input renamed", Some("rename:numbers=counts")),
        ("state dropped", Some("drop:totals")),
        ("window gone", Some("drop:count_by_window-1")),
    ] {
        let describe = TestStream::new(seconds(1));
        changed(&describe, how);
        let description = describe.context().describe();
        let json = description.to_json();
        assert_eq!(ProgramDescription::from_json(&json).unwrap(), description);
        let diff = summary.diff(&description, &Allowed::default());
        assert_eq!(diff.allow.as_deref(), allow, "{how}\n{diff}");
        let starts = |allow: &str| {
            let other = tempfile::tempdir().unwrap();
            copy(dir.path(), other.path());
            let settings = context(&[("streaming.checkpoint.allow", allow)]);
            let clock = ManualClock::at(second(4));
            let test = TestStream::with_clock(&settings, seconds(1), clock).unwrap();
            test.context()
                .go_on_from(other.path().to_str().unwrap())
                .unwrap();
            changed(&test, how);
            test.context().start()
        };
        let started = starts("");
        assert_eq!(
            started.is_ok(),
            diff.goes_on(),
            "{how}: {started:?}\n{diff}"
        );
        if let Some(allow) = allow {
            assert!(
                summary
                    .diff(&description, &allow.parse().unwrap())
                    .goes_on()
            );
            starts(allow).unwrap();
        }
    }
}

#[test]
fn every_fate_is_told() {
    let dir = left_behind();
    let summary = look(dir.path(), 4);
    let test = TestStream::new(seconds(1));
    let numbers = test.context().source_stream(Counter(0)).named("numbers");
    // Another type under the same name, something new; the window and the receiver are gone.
    let texts = numbers.map(|n| (n, n));
    test.collect(&texts.update_state_by_key(sum).named("totals"));
    test.collect(
        &numbers
            .count_by_value_and_window(seconds(2), seconds(1))
            .named("new"),
    );
    let allowed = "drop:receiver_stream-1".parse().unwrap();
    let diff = summary.diff(&test.context().describe(), &allowed);
    let fate = |label: &str| {
        let part = diff.parts.iter().find(|part| part.part.label == label);
        part.unwrap_or_else(|| panic!("no {label} in\n{diff}"))
            .clone()
    };
    assert_eq!(fate("numbers").fate, PartFate::GoesOn);
    assert!(matches!(fate("totals").fate, PartFate::Misfit { .. }));
    assert_eq!(fate("new").fate, PartFate::New);
    let outputs = diff
        .parts
        .iter()
        .filter(|part| part.kind == PartKind::Output);
    let fates: Vec<_> = outputs.map(|part| part.fate.clone()).collect();
    let (goes_on, new, gone) = (PartFate::GoesOn, PartFate::New, PartFate::Gone);
    assert_eq!(fates, [goes_on, new, gone.clone(), gone], "{diff}");
    assert_eq!(fate("count_by_window-1").fate, PartFate::Lost);
    let received = fate("receiver_stream-1");
    assert_eq!((received.fate, received.records), (PartFate::Dropped, 4));
    // The fourth batch was begun with a block of it.
    let [bereft] = diff.warnings.as_slice() else {
        panic!("{diff}");
    };
    assert!(bereft.ends_with("run without it: 4000 ms"), "{diff}");
    assert!(
        !diff.goes_on() && diff.allow.is_none(),
        "a misfit cannot be allowed"
    );
    // Other distances between batches cannot be allowed either.
    let slower = TestStream::new(seconds(2));
    slower.collect(&slower.context().source_stream(Counter(0)));
    let diff = summary.diff(&slower.context().describe(), &Allowed::default());
    assert!(diff.refused[0].contains("1000 ms apart"), "{diff}");
    assert_eq!(diff.allow, None);
}

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let dir = left_behind();
    let before = contents(dir.path());
    let dry = ("streaming.checkpoint.dry_run", "true");
    let test = stream(dir.path(), 6, &[dry]);
    build(&test, vec![vec![5]], None);
    test.context().start().unwrap();
    assert_eq!(test.context().state(), StreamingState::Stopped);
    test.context().await_termination().unwrap();
    assert!(test.console().contains("totals"), "{}", test.console());
    assert!(test.console().contains("it goes on"), "{}", test.console());
    let test = stream(dir.path(), 6, &[dry]);
    changed(&test, "state renamed");
    let error = test.context().start().unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
    let told = test.console();
    assert!(
        told.contains("streaming.checkpoint.allow=rename:totals=sums"),
        "{told}"
    );
    assert_eq!(contents(dir.path()), before);
}
