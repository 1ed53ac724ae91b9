//! What SIGTERM and SIGINT do to a stream, in processes that get them from outside.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails with them"
)]
#![cfg(unix)]

mod probe;

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use headwater_streaming::time::millis;
use headwater_streaming::{
    Receiver, ReceiverContext, ReceiverInfo, StreamError, StreamingContext, StreamingListener,
};
use probe::context;

/// Where the child finds its directory.
const DIR: &str = "HEADWATER_SIGNALS_DIR";
/// What the child does beside counting.
const MANNER: &str = "HEADWATER_SIGNALS_MANNER";
/// Its output waits for a line of standard input that never comes.
const BLOCKED: &str = "blocked";
/// Its main function waits likewise when the stream is over.
const LINGERING: &str = "lingering";
/// It asks for graceful stops by a setting.
const CONFIGURED: &str = "configured";

/// Stores numbers one after the other, each in a block of its own, and goes on behind the
/// last one that it has written down.
struct Counting {
    stored: std::path::PathBuf,
}

impl Receiver<u64> for Counting {
    fn on_start(&self, ctx: &ReceiverContext<u64>) -> Result<(), String> {
        let mut file = appended(&self.stored);
        for number in numbers(&self.stored).len() as u64.. {
            if ctx.store_many([number]).is_err() {
                return Ok(());
            }
            writeln!(file, "{number}").map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn on_stop(&self) {}
}

/// Tells when the receiver has ended, with all that it stored written down.
struct Telling;

impl StreamingListener for Telling {
    fn on_receiver_stopped(&mut self, _receiver: &ReceiverInfo) {
        println!("receiver stopped");
    }
}

fn appended(path: &Path) -> fs::File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

fn numbers(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn setup(dir: &Path, manner: &str) -> Result<StreamingContext, StreamError> {
    let configured = [("streaming.stop_gracefully_on_shutdown", "true")];
    let settings: &[_] = if manner == CONFIGURED {
        &configured
    } else {
        &[]
    };
    let ssc = StreamingContext::new(&context(settings), millis(20))?;
    if manner != CONFIGURED {
        ssc.stop_on_signals()?;
    }
    ssc.add_listener(Telling);
    let received = ssc.receiver_stream(Counting {
        stored: dir.join("stored"),
    });
    let (seen, is_blocked) = (dir.join("seen"), manner == BLOCKED);
    received.foreach_rdd(move |rdd, _| {
        let numbers = rdd.collect().map_err(|error| error.to_string())?;
        println!("batch");
        if is_blocked && !numbers.is_empty() {
            wait_for_ever("output waits");
        }
        let lines: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        appended(&seen)
            .write_all(lines.as_bytes())
            .map_err(|error| error.to_string())
    });
    Ok(ssc)
}

fn wait_for_ever(why: &str) {
    println!("{why}");
    let _ = std::io::stdin().lines().next();
}

/// The process that gets the signals; a test only by name.
#[test]
fn child() {
    let (Ok(dir), Ok(manner)) = (std::env::var(DIR), std::env::var(MANNER)) else {
        return;
    };
    let dir = Path::new(&dir);
    let checkpoint = dir.join("checkpoint");
    let setup = || setup(dir, &manner);
    let ssc = StreamingContext::get_or_create(checkpoint.to_str().unwrap(), setup).unwrap();
    ssc.start().unwrap();
    match ssc.await_termination() {
        Ok(()) => println!("ended"),
        Err(error) => println!("ended early: {error}"),
    }
    if manner == LINGERING {
        wait_for_ever("main waits");
    }
}

/// A running child.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Open as long as the child, so that it waits.
    _stdin: ChildStdin,
}

impl Process {
    fn start(dir: &Path, manner: &str) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture"])
            .env(DIR, dir)
            .env(MANNER, manner)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Process {
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            _stdin: child.stdin.take().unwrap(),
            child,
        }
    }

    /// Reads on to a line that contains a text, and gives it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        let found = lines.find(|line| line.contains(text));
        found.unwrap_or_else(|| panic!("the child ended without {text:?}"))
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(sent.success(), "{kill}");
    }
}

/// Whether all that was stored was seen, once.
fn assert_all_seen(dir: &Path) {
    let stored = numbers(&dir.join("stored"));
    assert!(!stored.is_empty());
    assert_eq!(numbers(&dir.join("seen")), stored);
}

#[test]
fn a_signal_has_everything_processed_that_was_received() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, manner) in [("TERM", ""), ("INT", CONFIGURED)] {
        let mut process = Process::start(dir.path(), manner);
        (0..3).for_each(|_| drop(process.wait_for("batch")));
        process.signal(signal);
        process.wait_for("receiver stopped");
        assert!(process.wait_for("ended").ends_with("ended"));
        assert!(process.child.wait().unwrap().success());
        // Nothing is sent again, and the second life adds to the first.
        assert_all_seen(dir.path());
    }
}

#[test]
fn a_second_signal_ends_a_stop_that_takes_long_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), BLOCKED);
    process.wait_for("output waits");
    process.signal("TERM");
    process.wait_for("receiver stopped");
    process.signal("INT");
    let told = process.wait_for("ended early");
    assert!(told.contains("a second signal (SIGINT)"), "{told}");
    assert!(process.child.wait().unwrap().success());
    assert!(numbers(&dir.path().join("seen")).is_empty());

    let mut process = Process::start(dir.path(), "");
    process.wait_for("batch");
    process.signal("TERM");
    process.wait_for("ended");
    assert!(process.child.wait().unwrap().success());
    assert_all_seen(dir.path());
}

#[test]
fn a_signal_after_the_end_of_the_stream_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path(), LINGERING);
    process.wait_for("batch");
    process.signal("INT");
    process.wait_for("main waits");
    process.signal("TERM");
    let status = process.child.wait().unwrap();
    assert_eq!(status.signal(), Some(15), "{status}");
    assert_all_seen(dir.path());
}
