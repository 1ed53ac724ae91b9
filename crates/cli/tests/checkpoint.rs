//! The commands about checkpoints, as processes, on what real streams have left.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use headwater_core::{Conf, Context};
use headwater_streaming::checkpoint::{CheckpointDiff, CheckpointSummary};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{InputSource, SourceBatch};
use tempfile::TempDir;

fn headwater(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A number in each batch.
struct Counter(u8);

impl InputSource<i64> for Counter {
    fn compute(&mut self, _: Time, ctx: &Context) -> Result<SourceBatch<i64>, String> {
        self.0 += 1;
        let batch = SourceBatch::new(ctx.parallelize(vec![i64::from(self.0)], 1));
        let range = format!("offset {}", self.0);
        Ok(batch.records(1).range(range.into_bytes()))
    }
}

/// A stream that counts, under these names, on a directory if there is one.
fn stream(directory: Option<&str>, input: &str, state: &str) -> TestStream {
    let conf = Conf::new()
        .master("local[2]")
        .app_name("counting")
        .set("streaming.checkpoint.interval", "1h");
    let ctx = Context::new(conf).unwrap();
    let test = TestStream::with_clock(&ctx, seconds(1), ManualClock::new()).unwrap();
    if let Some(directory) = directory {
        test.context().go_on_from(directory).unwrap();
    }
    let numbers = test.context().source_stream(Counter(0)).named(input);
    let sum = |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
    let pairs = numbers.map(|n| ("all".to_owned(), n));
    test.collect(&pairs.update_state_by_key(sum).named(state));
    numbers.foreach_rdd(|_, time| match time.as_millis() {
        4_000 => Err("the sink is down"),
        _ => Ok(()),
    });
    test
}

/// What a stream has left that was killed in its fourth batch.
fn left_behind() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let test = stream(dir.path().to_str(), "numbers", "totals");
    test.try_run(4).unwrap_err();
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

/// The text without what differs from place to place: directories, lines of this file, times of
/// the wall clock, lengths.
fn steady(text: &str, dir: &str) -> String {
    let has_bytes = |unit: Option<&str>| matches!(unit, Some("B" | "kB"));
    let text = text.replace(dir, "DIR");
    let lines = text.lines().map(|line| {
        let written = line.split_once(", last written");
        let line = written.map_or(line.to_owned(), |(size, _)| format!("{size}, last written"));
        let words: Vec<_> = line.split(' ').collect();
        let steady = words.iter().enumerate().map(|(place, word)| {
            let unit = words
                .get(place + 1)
                .map(|unit| unit.trim_end_matches([',', ')']));
            match word.strip_prefix("crates/") {
                Some(line) if line.ends_with(')') => "LINE)".to_owned(),
                Some(_) => "LINE".to_owned(),
                None if has_bytes(unit) && word.starts_with('(') => "(N".to_owned(),
                None if has_bytes(unit) => "N".to_owned(),
                None if *word == "kB" || *word == "kB," => word.replace('k', ""),
                None => (*word).to_owned(),
            }
        });
        steady.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn inspecting_tells_what_is_there_and_what_a_restart_would_do() {
    let dir = left_behind();
    let path = dir.path().to_str().unwrap();
    let before = contents(dir.path());
    let told = headwater(&["checkpoint", "inspect", path, "--now", "6500"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert_eq!(contents(dir.path()), before);
    let expected = "\
checkpoint   DIR
size         3 files, N B, last written
format       1
application  counting
batches      every 1000 ms since 1970-01-01 00:00:00 UTC (0 ms)
done         up to 1970-01-01 00:00:03 UTC (3000 ms), 3 s ago

manifests
  checkpoint-00000000000000000000  N B  up to 1970-01-01 00:00:00 UTC (0 ms), used

journal
  1 segment, N B, 7 entries from 0 on, needed from 0 on

begun and not done
  1970-01-01 00:00:04 UTC (4000 ms)  numbers: range offset 4, 1 record

inputs
  numbers  range offset 4, 1 record at 4000 ms  source_stream at LINE of i64

states
  totals  N B of changes by 3 batches  update_state_by_key at LINE of (String, i64)

a restart of this program
  reads 1 state (N B)
  runs 1 unfinished batch again, on the same input: 1970-01-01 00:00:04 UTC (4000 ms), 1 record
  runs 2 batches of the time since: 1970-01-01 00:00:05 UTC (5000 ms) to 1970-01-01 00:00:06 UTC \
                    (6000 ms)
  goes on with the batches after that";
    assert_eq!(steady(&text(&told.stdout), path), expected);
}

#[test]
fn json_is_what_the_library_says() {
    let dir = left_behind();
    let path = dir.path().to_str().unwrap();
    let told = headwater(&["checkpoint", "inspect", path, "--json", "--now", "6500"]);
    let summary: CheckpointSummary = serde_json::from_slice(&told.stdout).unwrap();
    let now = Time::from_millis(6_500);
    assert_eq!(summary, CheckpointSummary::read(path, now).unwrap());
    assert_eq!(summary.stream.unwrap().missed.batches, 2);
}

#[test]
fn a_stream_may_run_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let test = stream(Some(path), "numbers", "totals");
    test.run(1);
    let told = headwater(&["checkpoint", "inspect", path, "--now", "1000"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(text(&told.stdout).contains("(1000 ms), 0 s ago"));
    test.run(2);
}

#[test]
fn damage_is_told_with_advice_and_by_the_exit_code() {
    let dir = left_behind();
    let path = dir.path().to_str().unwrap();
    let segment = dir.path().join("journal/segment-00000000000000000000");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[80] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let before = contents(dir.path());
    let told = headwater(&["checkpoint", "inspect", path]);
    assert_eq!(told.status.code(), Some(1));
    let report = text(&told.stdout);
    for expected in [
        "cannot be read from byte 28",
        "allow=damage",
        "refuses to start",
    ] {
        assert!(report.contains(expected), "{expected} in\n{report}");
    }
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn where_there_is_nothing_the_exit_code_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none");
    let told = headwater(&["checkpoint", "inspect", path.to_str().unwrap()]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stdout).contains("begins anew"));
    assert!(!path.exists(), "looking makes no directory");
    for wrong in [
        &["checkpoint", "inspect", "ftp://host/x"][..],
        &["checkpoint"],
        &["inspect"],
    ] {
        assert_eq!(headwater(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_diff_shows_what_a_described_program_would_take() {
    let dir = left_behind();
    let path = dir.path().to_str().unwrap();
    let describe = |input, state| {
        let file = dir.path().with_extension("json");
        let file = file.to_str().unwrap();
        let described = stream(None, input, state);
        described.context().write_description(file).unwrap();
        file.to_owned()
    };
    let same = describe("numbers", "totals");
    let told = headwater(&["checkpoint", "diff", path, &same]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let renamed = describe("numbers", "sums");
    let before = contents(dir.path());
    let told = headwater(&["checkpoint", "diff", path, &renamed]);
    assert_eq!(told.status.code(), Some(1), "{}", text(&told.stderr));
    assert_eq!(contents(dir.path()), before);
    let expected = "\
the program on DIR
  state   sums     is new               update_state_by_key at LINE
  state   totals   would be lost  N B  update_state_by_key at LINE
  input   numbers  goes on              source_stream at LINE
  output  sums     is new               foreach_rdd at LINE
  output  numbers  goes on              foreach_rdd at LINE
  output  totals   is gone              foreach_rdd at LINE

it is refused:
  state totals (update_state_by_key at LINE) has no place in the program; allow \
                    rename:totals=sums if it is sums now, or allow drop:totals
to confirm:
  streaming.checkpoint.allow=rename:totals=sums";
    assert_eq!(steady(&text(&told.stdout), path), expected);
    let confirmed = ["checkpoint", "diff", path, &renamed, "--json", "--allow"];
    let told = headwater(&[&confirmed[..], &["rename:totals=sums"]].concat());
    assert_eq!(told.status.code(), Some(0));
    let diff: CheckpointDiff = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(diff.allowed, "rename:totals=sums");
    assert_eq!(diff.refused, Vec::<String>::new());
    fs::remove_file(renamed).unwrap();
}

#[test]
fn a_diff_takes_the_program_of_another_checkpoint() {
    let dirs = [left_behind(), left_behind()];
    let [one, other] = dirs.each_ref().map(|dir| dir.path().to_str().unwrap());
    let told = headwater(&["checkpoint", "diff", one, other]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    assert!(text(&told.stdout).ends_with("it goes on\n"));
    let nothing = tempfile::tempdir().unwrap();
    let told = headwater(&["checkpoint", "diff", one, nothing.path().to_str().unwrap()]);
    assert_eq!(told.status.code(), Some(2));
    assert!(text(&told.stderr).contains("neither a description"));
    let wrong = nothing.path().join("program.json");
    fs::write(&wrong, "{}").unwrap();
    let told = headwater(&["checkpoint", "diff", one, wrong.to_str().unwrap()]);
    assert_eq!(told.status.code(), Some(2));
    assert!(text(&told.stderr).contains("write_description"));
}

#[test]
fn names_do_not_reach_the_terminal_as_commands() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let test = stream(Some(path), "numbers", "to\x1b[2Jtals");
    test.run(1);
    let told = headwater(&["checkpoint", "inspect", path]);
    let report = text(&told.stdout);
    assert!(
        report.contains("to\\u{1b}[2Jtals") && !report.contains('\x1b'),
        "{report}"
    );
}
