//! The example `recoverable_network_word_count`, killed at random moments while lines keep
//! coming, and changed between its lives.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails with them"
)]
#![cfg(unix)]

#[path = "../examples/recoverable_network_word_count/batch_file.rs"]
mod batch_file;
#[path = "../examples/recoverable_network_word_count/word_count.rs"]
mod word_count;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use batch_file::BatchFile;
use headwater::prelude::*;
use headwater::testing::LineServer;

/// Where the child finds its directory, and the port of the server.
const DIR: &str = "HEADWATER_RECOVERABLE_DIR";
const PORT: &str = "HEADWATER_RECOVERABLE_PORT";
/// Which version of the program it is.
const VARIANT: &str = "HEADWATER_RECOVERABLE_VARIANT";

/// How often the program is killed, in each of its versions.
const LIVES: usize = 5;
/// How many lines are sent at a time: at first, and after each batch.
const LINES: u64 = 400;

/// The program of the example, or what became of it.
fn setup(dir: &Path, port: u16, variant: &str) -> Result<StreamingContext, StreamError> {
    let conf = Conf::new()
        .master("local[2]")
        // Small blocks, and short intervals, so that many moments are hit.
        .set("streaming.block_interval", "2ms")
        .set("streaming.receiver.restart_delay", "5ms")
        .set("streaming.checkpoint.interval", "60ms")
        .set("streaming.checkpoint.allow", "rename:totals=word totals");
    let ssc = StreamingContext::from_conf(conf, millis(20))?;
    let lines = ssc.acknowledged_text_stream("127.0.0.1", port);
    let file = BatchFile::new(dir.join("counts.txt"));
    match variant {
        "changed" => {
            // One operator more in front, another state beside, and the old one renamed.
            let lines = lines.filter(|line| !line.is_empty());
            let counted = word_count::count(&lines).named("word totals");
            let lengths = lines.map(|line| (line.len() as u64, 1));
            let add =
                |new: Vec<u64>, old: Option<u64>| Some(old.unwrap_or(0) + new.iter().sum::<u64>());
            let lengths = lengths.update_state_by_key(add).named("lengths");
            word_count::write(ssc.context(), &counted, file);
            lengths.foreach_rdd(|_, _| ());
        }
        _ => {
            let counted = word_count::count(&lines).named("totals");
            word_count::write(ssc.context(), &counted, file);
        }
    }
    Ok(ssc)
}

/// The process that is killed; a test only by name.
#[test]
fn child() {
    let variables = [DIR, PORT, VARIANT].map(std::env::var);
    let [Ok(dir), Ok(port), Ok(variant)] = variables else {
        return;
    };
    let dir = Path::new(&dir);
    let checkpoint = dir.join("checkpoint");
    let setup = || setup(dir, port.parse().unwrap(), &variant);
    let ssc = StreamingContext::get_or_create(checkpoint.to_str().unwrap(), setup).unwrap();
    ssc.stop_on_signals().unwrap();
    ssc.start().unwrap();
    ssc.await_termination().unwrap();
}

fn start(dir: &Path, server: &LineServer, variant: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(DIR, dir)
        .env(PORT, server.port().to_string())
        .env(VARIANT, variant)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The lines that were sent so far, and what serves them.
struct Sender {
    server: LineServer,
    sent: u64,
}

impl Sender {
    fn send(&mut self) {
        let more = self.sent + LINES;
        self.server.extend((self.sent..more).map(line));
        self.sent = more;
    }
}

/// Kills the program after it has counted so many batches, in the midst of whatever it does,
/// or when it has just received more; new lines come all the time.
fn kill_after(batches: usize, is_receiving: bool, sender: &mut Sender, child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begun = lines.by_ref().map_while(Result::ok);
    let begun = begun.filter(|line| line.starts_with("Counts at"));
    let seen = begun.take(batches).map(|_| sender.send()).count();
    assert_eq!(seen, batches, "the program ended by itself");
    if is_receiving {
        sender.server.wait_until_safe(sender.sent - LINES + 1);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Ends the program with a signal, which lets it finish what it has.
fn end(child: &mut Child) {
    let kill = format!("kill -s TERM {}", child.id());
    Command::new("sh").args(["-c", &kill]).status().unwrap();
    let output = child.stdout.take().unwrap();
    // Read to its end, or the program could not print on.
    assert!(BufReader::new(output).lines().all(|line| line.is_ok()));
    assert!(child.wait().unwrap().success());
}

/// Line `number` of those that are sent.
fn line(number: u64) -> String {
    format!("word{} common b {number}", number % 7)
}

/// How often each word is in so many lines, but for those that the program excludes.
fn expected(lines: u64) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for text in (0..lines).map(line) {
        for word in text.split(' ').filter(|word| *word != "b") {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Reads `[(word, n), ...]`.
fn pairs(list: &str) -> Vec<(String, u64)> {
    let list = list.strip_prefix("[(").unwrap().strip_suffix(")]").unwrap();
    let pairs = list
        .split("), (")
        .map(|pair| pair.split_once(", ").unwrap());
    pairs
        .map(|(word, count)| (word.to_owned(), count.parse().unwrap()))
        .collect()
}

/// The sum of all batches in the file, and the totals that it says; each batch once, in order.
fn counts_in(file: &Path) -> [BTreeMap<String, u64>; 2] {
    let text = fs::read_to_string(file).unwrap();
    let (mut sums, mut totals) = (BTreeMap::new(), BTreeMap::new());
    let mut last = 0;
    for line in text.lines() {
        let (time, counts) = line
            .strip_prefix("Counts at time ")
            .and_then(|line| line.split_once(" ms "))
            .unwrap_or_else(|| panic!("{line:?} is no line of a batch"));
        let time: u64 = time.parse().unwrap();
        assert!(time > last, "batch {time} comes after {last}");
        last = time;
        let (new, total) = counts.split_once(" in all ").unwrap();
        for (word, count) in pairs(new) {
            *sums.entry(word).or_default() += count;
        }
        totals.extend(pairs(total));
    }
    [sums, totals]
}

#[test]
fn totals_are_exact_however_often_the_program_is_killed_and_when_it_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let mut sender = Sender {
        server: LineServer::start().unwrap(),
        sent: 0,
    };
    let mut random = fastrand::Rng::with_seed(0x5eed);
    for variant in ["first", "changed"] {
        for _ in 0..LIVES {
            let mut child = start(dir.path(), &sender.server, variant);
            sender.send();
            kill_after(random.usize(1..5), random.bool(), &mut sender, &mut child);
        }
    }
    let mut child = start(dir.path(), &sender.server, "changed");
    // More, so that it has surely begun when all is safe.
    sender.send();
    let Sender { server, sent } = sender;
    server.wait_until_safe(sent);
    end(&mut child);
    let [sums, totals] = counts_in(&dir.path().join("counts.txt"));
    assert_eq!(sums, expected(sent));
    assert_eq!(totals, expected(sent));
}
