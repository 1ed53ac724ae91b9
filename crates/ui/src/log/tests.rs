//! A log is read as what was shown while it was written.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use headwater_core::events::Event;
use headwater_core::{Conf, Context};
use headwater_store::{Durability, Location};
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;

use super::reader::read;
use super::reading::{Found, Reading};
use super::settings::Settings;
use super::*;
use crate::live::{FORMAT, Live};
use crate::model::{Limits, Model};
use crate::record::{Application, Record};
use crate::relay::follow;
use crate::site::{Follower, Site};

fn settings(dir: &Location) -> Settings {
    Settings {
        dir: dir.clone(),
        roll_bytes: 32 << 20,
        parts_max: 32,
        flush: Duration::from_secs(3600),
        queue: 10_000,
    }
}

fn memory(name: &str) -> Location {
    Location::at(format!("memory://event-log-tests/{name}")).unwrap()
}

/// Runs a stream of which the second batch fails, and logs it: what was shown meanwhile, and
/// where the log is.
fn logged(settings: Settings) -> (Arc<Site>, Location) {
    let conf = Conf::new()
        .master("local[2]")
        .set("streaming.on_failure", "continue");
    let ctx = Context::new(conf).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    let application = Live::new(&ctx, Some(test.context())).application();
    let site = Site::new(Limits::default());
    site.apply(&Record::Application(application.clone()));
    let _following = follow(&ctx, Follower(site.clone()));
    let log = EventLog::begin(&ctx, application, settings).unwrap();
    let at = Location::at(log.location()).unwrap();
    let numbers = test.input(vec![vec![1, 2], vec![9], vec![1]]);
    let counts = numbers.map(|number| match number {
        9 => panic!("no such \"word\"\n<b>"),
        number => (number, 1),
    });
    counts
        .reduce_by_key(|a, b| a + b)
        .foreach_rdd(|rdd, _| rdd.count().map(drop));
    (0..5).for_each(|_| drop(test.try_run(1)));
    test.context().stop(false, true).unwrap();
    assert_eq!(log.dropped(), 0);
    drop(log);
    (site, at)
}

/// A log, and how it is.
struct LogRead {
    model: Model,
    found: Found,
}

impl LogRead {
    fn notes(&self) -> Vec<String> {
        self.found.notes(self.model.ended.is_some())
    }
}

fn read_all(at: &Location) -> LogRead {
    let mut reading = Reading::new(at);
    let mut model = Model::new(Limits::default());
    assert!(reading.read_on(|record| model.apply(record)).unwrap());
    let found = reading.found();
    LogRead { model, found }
}

fn parts(at: &Location) -> Vec<u64> {
    let files = at.list().unwrap();
    let names = files.iter().map(|file| file.location.name().into_owned());
    names.filter_map(|name| part_number(&name)).collect()
}

#[track_caller]
fn assert_same(site: &Site, read: &Model) {
    let at = read.ended.expect("the program has ended");
    site.apply(&Record::ApplicationEnded { at });
    assert_eq!(format!("{:#?}", *site.model()), format!("{read:#?}"));
}

#[test]
fn a_log_is_read_as_what_was_shown() {
    let dir = tempfile::tempdir().unwrap();
    let local = Location::at(dir.path().join("not/there/yet")).unwrap();
    for dir in [local, memory("whole")] {
        let (site, at) = logged(settings(&dir));
        let log = read_all(&at);
        assert_same(&site, &log.model);
        assert_eq!(log.notes(), [] as [&str; 0]);
        let streaming = log.model.streaming.as_ref().unwrap();
        assert_eq!((streaming.completed_total, streaming.failed_total), (5, 1));
        assert_eq!(parts(&at), [0, 1]);
        let summary = summary_of(&at).unwrap();
        assert_eq!((summary.batches, summary.failed_batches), (5, 1));
        assert!(summary.is_stream && summary.ended.is_some());
        assert_eq!(summary.id, log.model.application.id);
        // Without a summary its parts tell the same.
        at.join(SUMMARY).delete().unwrap();
        assert_eq!(summary_of(&at).unwrap(), summary);
    }
}

#[test]
fn a_log_in_many_parts_is_the_same() {
    let rolled = Settings {
        roll_bytes: 2048,
        ..settings(&memory("rolled"))
    };
    let (site, at) = logged(rolled);
    assert!(parts(&at).len() > 4, "{:?}", parts(&at));
    let log = read_all(&at);
    assert_same(&site, &log.model);
    assert_eq!(log.found.parts_removed, 0);
}

#[test]
fn a_bounded_log_keeps_its_beginning_and_its_end() {
    let bounded = Settings {
        roll_bytes: 1024,
        parts_max: 3,
        ..settings(&memory("bounded"))
    };
    let (_, at) = logged(bounded);
    let kept = parts(&at);
    assert!(kept.len() <= 3 && kept[0] == 0 && kept[1] > 1, "{kept:?}");
    let log = read_all(&at);
    assert_eq!(log.found.parts_removed, kept[1] - 1);
    assert!(
        log.notes()[0].contains("event_log.parts_max"),
        "{:?}",
        log.notes()
    );
    assert!(log.model.streaming.is_some() && log.model.ended.is_some());
    assert!(!log.model.application.name.is_empty());
}

#[test]
fn a_torn_line_is_told_and_what_is_before_it_is_read() {
    let (_, at) = logged(settings(&memory("torn")));
    let part = at.join(&part_name(1));
    let bytes = part.get().unwrap();
    let whole = read_all(&at).model;
    // The last line tells the end, which the log of a killed program does not have.
    part.put(&bytes[..bytes.len() - 5], Durability::Cached)
        .unwrap();
    let torn = read_all(&at);
    assert_eq!(
        (torn.found.torn, torn.found.damaged, torn.model.ended),
        (1, 0, None)
    );
    assert!(torn.notes()[0].contains("killed"), "{:?}", torn.notes());
    let completed = |model: &Model| model.streaming.as_ref().unwrap().completed_total;
    assert_eq!(completed(&torn.model), completed(&whole));
    // Wherever it is cut, it is read.
    for length in (0..bytes.len()).step_by(97) {
        part.put(&bytes[..length], Durability::Cached).unwrap();
        let cut = read_all(&at);
        assert!(cut.found.torn <= 1 && cut.found.damaged == 0 && cut.found.unknown == 0);
    }
}

#[test]
fn a_summary_that_is_behind_is_read_on() {
    let (_, at) = logged(settings(&memory("behind")));
    let whole = summary_of(&at).unwrap();
    let written = || serde_json::from_slice::<serde_json::Value>(&at.join(SUMMARY).get().unwrap());
    let mut summary = written().unwrap();
    let part = at.join(&part_name(1));
    let bytes = part.get().unwrap();
    let reach = serde_json::json!({ "part": 1, "bytes": bytes.len() });
    assert_eq!(summary["reach"], reach, "at the end it knows everything");

    // As a program leaves it that was killed: the line of its end is not there, and the summary
    // was written when the first batch was over.
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let end = bytes.len() - lines.last().unwrap().len();
    part.put(&bytes[..end], Durability::Cached).unwrap();
    let is_batch = |line: &&[u8]| line.starts_with(b"{\"event\":\"batch_completed\"");
    let first = lines.iter().position(is_batch).unwrap();
    let known: usize = lines[..=first].iter().map(|line| line.len()).sum();
    for (reach, batches) in [
        (serde_json::json!({ "part": 1, "bytes": known }), 1),
        (serde_json::json!({ "part": 1, "bytes": 0 }), 0),
        (serde_json::json!({ "part": 0, "bytes": 1_u64 << 40 }), 0),
        // It knew what was lost with the program.
        (serde_json::json!({ "part": 1, "bytes": bytes.len() }), 9),
        (serde_json::json!({ "part": 2, "bytes": 7 }), 9),
        // Of an older release, which has not told how far it reaches.
        (serde_json::Value::Null, 3),
    ] {
        summary["reach"] = reach;
        summary["batches"] = batches.into();
        summary["failed_batches"] = 0.into();
        summary["ended"] = serde_json::Value::Null;
        let text = summary.to_string();
        at.join(SUMMARY)
            .put(text.as_bytes(), Durability::Cached)
            .unwrap();
        let read = summary_of(&at).unwrap();
        assert_eq!((read.batches, read.failed_batches), (5, 1), "{text}");
        assert_eq!(read.ended, None);
        assert!(read.last <= whole.last);
    }
    let notes = read_all(&at).notes();
    assert!(notes[0].contains("tells of no end"), "{notes:?}");
}

#[test]
fn other_names_of_parts_and_endless_lines_are_skipped() {
    let (site, at) = logged(settings(&memory("odd")));
    for odd in ["part-0.jsonl", "part-+00001.jsonl", "part-0000001.jsonl"] {
        at.join(odd).put(b"{}\n", Durability::Cached).unwrap();
    }
    let part = at.join(&part_name(1));
    let mut bytes = vec![b'x'; (64 << 20) + 7];
    bytes.push(b'\n');
    bytes.extend(part.get().unwrap());
    part.put(&bytes, Durability::Cached).unwrap();
    let log = read_all(&at);
    assert_eq!(
        (log.found.parts_removed, log.found.damaged, log.found.torn),
        (0, 1, 0)
    );
    assert_same(&site, &log.model);
}

#[test]
fn what_is_not_known_is_skipped_and_counted() {
    let (site, at) = logged(settings(&memory("unknown")));
    let part = at.join(&part_name(1));
    let lines = b"{\"event\":\"sun_has_set\",\"at\":1}\n\x00\xff{]\n{\"event\":\"job_ended\"}\n";
    let bytes = [lines.as_slice(), &part.get().unwrap()].concat();
    part.put(&bytes, Durability::Cached).unwrap();
    let log = read_all(&at);
    assert_eq!(
        (log.found.unknown, log.found.damaged, log.found.torn),
        (2, 1, 0)
    );
    assert_eq!(log.notes().len(), 2);
    assert_same(&site, &log.model);
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let application = Application {
        format: FORMAT + 1,
        version: "9.9.9".to_owned(),
        ..Application::default()
    };
    let mut line = serde_json::to_value(Record::Application(application)).unwrap();
    // It may have changed beyond what can be read.
    line["slots"] = "many".into();
    let at = memory("newer/local-1");
    at.join(&part_name(0))
        .put(format!("{line}\n").as_bytes(), Durability::Cached)
        .unwrap();
    let error = read(&at, Limits::default()).unwrap_err();
    assert!(matches!(error, LogError::Newer { known: FORMAT, .. }));
    let message = error.to_string();
    assert!(
        message.contains("Headwater 9.9.9") && message.contains("newer/local-1"),
        "{message}"
    );
}

#[test]
fn what_is_no_log_is_told_as_such() {
    let at = memory("none/local-1");
    let is_no_log = || matches!(read(&at, Limits::default()), Err(LogError::NoLog { .. }));
    assert!(is_no_log());
    for first in [
        "",
        "{}\n",
        "hello\n",
        "{\"event\":\"job_ended\",\"format\":1}\n",
    ] {
        at.join(&part_name(0))
            .put(first.as_bytes(), Durability::Cached)
            .unwrap();
        assert!(is_no_log(), "{first}");
    }
}

#[test]
fn programs_of_the_same_millisecond_have_logs_of_their_own() {
    let dir = memory("same");
    let ctx = Context::local(1).unwrap();
    let application = Live::new(&ctx, None).application();
    let begin = || EventLog::begin(&ctx, application.clone(), settings(&dir)).unwrap();
    let logs = [begin(), begin()];
    let [first, second] = logs.each_ref().map(EventLog::location);
    assert_eq!(second, format!("{first}-2"));
    drop(logs);
    let ended = |at| read_all(&Location::at(at).unwrap()).model.ended.is_some();
    assert!(ended(first) && ended(second));
}

#[test]
fn a_place_that_cannot_be_written_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let ctx = Context::local(1).unwrap();
    let application = Live::new(&ctx, None).application();
    let begun = EventLog::begin(&ctx, application, settings(&Location::at(&file).unwrap()));
    assert!(matches!(begun.err(), Some(LogError::Store(_))));
}

#[test]
fn a_part_that_cannot_be_written_is_given_up_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = Context::local(1).unwrap();
    let application = Live::new(&ctx, None).application();
    let rolled = Settings {
        roll_bytes: 1024,
        // It is tried again at once.
        flush: Duration::ZERO,
        ..settings(&Location::at(dir.path()).unwrap())
    };
    let log = EventLog::begin(&ctx, application, rolled).unwrap();
    let at = Location::at(log.location()).unwrap();
    // The next part meets something that is in its way.
    at.join(&part_name(1)).put(b"", Durability::Cached).unwrap();
    (0..20).for_each(|_| drop(ctx.range(0..3, 1, 1).count()));
    drop(log);
    let read = read_all(&at);
    assert!(
        read.model.dropped > 0 && read.model.ended.is_some(),
        "{:?}",
        read.notes()
    );
    assert_eq!(parts(&at)[..3], [0, 1, 2]);
}

#[test]
fn checkpoints_are_read_as_they_were_told() {
    let dir = tempfile::tempdir().unwrap();
    let conf = Conf::new()
        .master("local[2]")
        .set("streaming.checkpoint.directory", dir.path().display())
        .set("streaming.checkpoint.interval", "1s");
    let ctx = Context::new(conf).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    let application = Live::new(&ctx, Some(test.context())).application();
    let log = EventLog::begin(&ctx, application, settings(&memory("checkpoints"))).unwrap();
    let at = Location::at(log.location()).unwrap();
    let pairs = test.input(vec![vec![(1, 1), (2, 1)]]);
    let counts = pairs.update_state_by_key(|new: Vec<i32>, old: Option<usize>| {
        Some(old.unwrap_or(0) + new.len())
    });
    counts.foreach_rdd(|rdd, _| rdd.count().map(drop));
    test.run(1);
    test.context().stop(false, true).unwrap();
    drop(log);
    let read = read_all(&at).model;
    let checkpoints = &read.streaming.as_ref().unwrap().checkpoints;
    let last = checkpoints.last.as_ref().unwrap();
    assert_eq!(last.time, 1000);
    assert!(dir.path().join(&last.manifest).is_file(), "{last:?}");
    assert_eq!(
        (checkpoints.failed_total, checkpoints.is_failing),
        (0, false)
    );
}

#[test]
fn what_the_bus_dropped_is_in_the_log() {
    let conf = Conf::new().master("local[1]");
    let ctx = Context::new(conf.set("listener_bus.queue.capacity", 2)).unwrap();
    let (entered, wait_entered) = sync_channel(1);
    let (release, wait_release) = sync_channel::<()>(0);
    ctx.events().add(move |_: &Event| {
        let _ = entered.try_send(());
        let _ = wait_release.recv();
    });
    let application = Live::new(&ctx, None).application();
    let log = EventLog::begin(&ctx, application, settings(&memory("slow"))).unwrap();
    let at = Location::at(log.location()).unwrap();
    ctx.range(0..3, 1, 1).count().unwrap();
    wait_entered.recv().unwrap();
    (0..5).for_each(|_| drop(ctx.range(0..3, 1, 1).count()));
    drop(release);
    drop(log);
    let dropped = ctx.events().dropped();
    let read = read_all(&at);
    assert!(dropped > 0);
    assert_eq!((read.model.dropped, read.notes()), (dropped, vec![]));
}

/// Lines as they were written before defaults and known plans were left out.
const OLDER: &str = r#"
{"event":"application","format":1,"id":"local-1","name":"A","version":"0.1.0","user":"ada","host":"h","master":"local[2]","slots":2,"started":5,"settings":[],"runtime":[]}
{"event":"job_started","job":7,"at":6,"action":{"operator":"count","line":"a.rs:1"},"stages":[{"stage":9,"at":{"operator":"map","line":"a.rs:2"},"tasks":1,"needs":[],"operators":[3],"is_skipped":false}],"operators":[{"rdd":3,"name":null,"at":{"operator":"range","line":"a.rs:3"},"parents":[],"partitions":1,"level":"","is_cached":false,"scope":[0,"x"]}],"is_truncated":false,"description":null,"group":null,"tags":[],"properties":{}}
{"event":"stage_submitted","job":7,"stage":9,"at":7,"place":{"operator":"map","line":"a.rs:2"},"tasks":1}
{"event":"task_ended","task":0,"job":7,"stage":9,"partition":0,"attempt":0,"slot":1,"launched":7,"at":8,"counts":{"records_read":128,"bytes_read":0,"shuffle_records_read":0,"shuffle_records_written":0,"bytes_written":0,"run_time":1},"error":null,"accumulators":[],"operators":[{"rdd":3,"records":128,"time":2}]}
"#;

#[test]
fn older_logs_are_read_and_newer_ones_say_the_same_in_fewer_words() {
    let read_lines = |lines: &str| {
        let at = memory("older/local-1");
        let part = at.join(&part_name(0));
        part.put(lines.trim_start().as_bytes(), Durability::Cached)
            .unwrap();
        read_all(&at)
    };
    let older = read_lines(OLDER);
    assert_eq!((older.found.unknown, older.found.damaged), (0, 0));
    let mut shorter = String::new();
    for line in OLDER.trim().lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        shorter += &serde_json::to_string(&record).unwrap();
        shorter.push('\n');
    }
    assert!(shorter.len() * 4 < OLDER.len() * 3, "{shorter}");
    assert!(shorter.contains(r#""operators":[[3,128,2]]"#) && !shorter.contains("null"));
    let newer = read_lines(&shorter);
    assert_eq!(format!("{:#?}", newer.model), format!("{:#?}", older.model));
    let operators = &newer.model.jobs.stages[&9].tasks[&(0, 0)]
        .end
        .as_ref()
        .unwrap()
        .operators;
    assert_eq!((operators[0].rdd, operators[0].records), (3, 128));
}
