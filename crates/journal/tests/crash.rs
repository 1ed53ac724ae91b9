//! A process that is killed at any moment keeps what it acknowledged.
//!
//! The test runs this binary again as the process that is killed.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use headwater_journal::{Journal, Options, Sequence};
use headwater_store::Location;

const DIRECTORY: &str = "HEADWATER_JOURNAL_CRASH_DIRECTORY";
const ROUNDS: usize = 6;

fn options() -> Options {
    Options::default()
        .segment_bytes(2000)
        .buffer_bytes_max(1000)
}

/// A record that says its number, of a length that depends on it.
fn record(number: Sequence) -> Vec<u8> {
    let mut record = number.0.to_le_bytes().to_vec();
    record.resize(8 + (number.0 * 37 % 400) as usize, number.0 as u8);
    record
}

/// In the process that is to be killed: appends for ever, and prints what is durable.
#[test]
fn child_appends_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let place = Location::at(Path::new(&directory)).unwrap();
    let (journal, _) = Journal::open(&place, options()).unwrap();
    let mut out = std::io::stdout().lock();
    for round in 0_u64.. {
        let mut last = journal.next();
        for _ in 0..=round % 4 {
            last = journal.append(&record(journal.next())).unwrap();
        }
        // More than this is durable when the buffer was full, and some of what follows.
        journal.append(&record(journal.next())).unwrap();
        journal.sync_to(last).unwrap();
        // The one that reads this kills us, after which nobody reads.
        if writeln!(out, "durable {last}")
            .and_then(|()| out.flush())
            .is_err()
        {
            return;
        }
        if round % 50 == 49 {
            journal
                .forget_before(Sequence(last.0.saturating_sub(100)))
                .unwrap();
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let place = Location::at(dir.path()).unwrap();
    let mut random = fastrand::Rng::with_seed(20_260_101);
    let mut acknowledged = None;
    for _ in 0..ROUNDS {
        let until = random.usize(1..150);
        acknowledged = kill_after(until, dir.path()).or(acknowledged);
        let (journal, recovered) = Journal::open(&place, options()).unwrap();
        assert_eq!(recovered.damaged(), []);
        let mut expected = journal.first();
        for found in recovered.records_from(Sequence(0)) {
            let (number, bytes) = found.unwrap();
            assert_eq!((number, &bytes), (expected, &record(expected)));
            expected = number.plus(1);
        }
        assert_eq!(expected, journal.next());
        assert!(
            acknowledged.unwrap() < expected,
            "{acknowledged:?} is not before {expected}"
        );
    }
}

/// Kills a process after it has said so many times what is durable; gives what it said last.
fn kill_after(until: usize, directory: &Path) -> Option<Sequence> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "child_appends_until_it_is_killed"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The line of the test harness that names the test may be in front.
    let number = |line: &str| Some(Sequence(line.split_once("durable ")?.1.parse().ok()?));
    let said = |line: std::io::Result<String>| number(&line.unwrap());
    let mut last = lines.by_ref().filter_map(said).nth(until - 1);
    child.kill().unwrap();
    child.wait().unwrap();
    // What was said before it died, and not yet heard. The last line may be cut.
    let complete: Vec<String> = lines.map_while(Result::ok).collect();
    for line in complete.iter().rev().skip(1).rev() {
        last = last.max(number(line));
    }
    last
}
