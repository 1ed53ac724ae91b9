//! A stream whose process is killed at any moment, by the system, without warning.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests fails with them"
)]
#![cfg(unix)]

mod probe;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_streaming::time::{millis, seconds};
use headwater_streaming::{
    Receiver, ReceiverContext, State, StateSpec, StreamError, StreamingContext,
};
use probe::context;

/// Where the child finds its directory.
const DIR: &str = "HEADWATER_KILLED_DIR";
/// Whether the child's receiver goes on from its position.
const BY_POSITION: &str = "HEADWATER_KILLED_BY_POSITION";
const LIVES: usize = 8;

/// Stores numbers one after the other, each in a block of its own, and writes down the last
/// one that was acknowledged: the sender that sends again what was not, unless the receiver
/// knows its position.
struct Counting {
    acknowledged: std::path::PathBuf,
    by_position: bool,
}

impl Receiver<u64> for Counting {
    fn on_start(&self, ctx: &ReceiverContext<u64>) -> Result<(), String> {
        let last = ctx.last_position().map_err(|error| error.to_string())?;
        let first = match last {
            Some(next) if self.by_position => postcard::from_bytes(&next).unwrap(),
            _ => next_number(&self.acknowledged),
        };
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.acknowledged)
            .map_err(|error| error.to_string())?;
        for number in first.. {
            let next = postcard::to_stdvec(&(number + 1)).unwrap();
            if ctx.store_many_at([number], &next).is_err() {
                return Ok(());
            }
            // In one piece, whenever the process is killed.
            let line = format!("{number}\n");
            file.write_all(line.as_bytes())
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn on_stop(&self) {}
}

/// The first number that was not acknowledged.
fn next_number(acknowledged: &Path) -> u64 {
    let text = fs::read_to_string(acknowledged).unwrap_or_default();
    let last = text
        .lines()
        .last()
        .and_then(|line| line.parse::<u64>().ok());
    last.map_or(0, |last| last + 1)
}

fn setup(dir: &Path) -> Result<StreamingContext, StreamError> {
    let settings = [
        ("streaming.checkpoint.interval", "60ms"),
        // So little that blocks leave memory, and are read from the journal.
        ("streaming.receiver.memory", "1k"),
        ("streaming.receiver.spill_after", "0s"),
    ];
    let ssc = StreamingContext::new(&context(&settings), millis(20))?;
    let receiver = Counting {
        acknowledged: dir.join("acknowledged"),
        by_position: std::env::var(BY_POSITION).is_ok(),
    };
    let numbers = ssc.receiver_stream(receiver);
    let seen = |key: &u64, value: Option<()>, times: &mut State<'_, u64>| {
        times.update(times.get().unwrap_or(&0) + value.iter().len() as u64);
        (*key, times.get().copied())
    };
    // How often each number was seen, by state, and in a window.
    let counts = numbers
        .map(|n| (n, ()))
        .map_with_state(StateSpec::function(seen));
    let windows = numbers.window(millis(60), millis(20)).count();
    let file = dir.join("batches");
    let told = AtomicU64::new(0);
    counts.stream().foreach_rdd(move |rdd, time| {
        let mut lines = String::new();
        for (number, times) in rdd.collect().map_err(|error| error.to_string())? {
            lines.push_str(&format!(
                "{} {number} {}\n",
                time.as_millis(),
                times.unwrap_or(0)
            ));
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file)
            .unwrap();
        file.write_all(lines.as_bytes())
            .map_err(|error| error.to_string())?;
        // So that the parent knows that batches are run.
        println!("batch {}", told.fetch_add(1, Ordering::Relaxed));
        Ok::<_, String>(())
    });
    windows.foreach_rdd(|_, _| ());
    Ok(ssc)
}

/// The process that is killed; a test only by name.
#[test]
fn child() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    let dir = Path::new(&dir);
    let checkpoint = dir.join("checkpoint");
    let ssc = StreamingContext::get_or_create(checkpoint.to_str().unwrap(), || setup(dir)).unwrap();
    ssc.start().unwrap();
    ssc.await_termination_or_timeout(seconds(60)).unwrap();
}

/// Kills the child after so many batches, in the midst of whatever it does.
fn live(dir: &Path, by_position: bool, batches: usize) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    if by_position {
        command.env(BY_POSITION, "1");
    }
    let mut child: Child = command
        .args(["child", "--exact", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("batch "));
    let seen = seen.take(batches).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen, batches, "the child ended by itself");
}

#[test]
fn nothing_is_lost_or_counted_twice_by_a_stream_that_is_killed() {
    kill_and_check(false);
}

#[test]
fn with_positions_not_even_the_last_number_is_counted_twice() {
    kill_and_check(true);
}

fn kill_and_check(by_position: bool) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    // What was stored when the process died, before the sender knew: it is sent again. All
    // other numbers are sent once.
    let mut sent_again: BTreeMap<u64, u64> = BTreeMap::new();
    for _ in 0..LIVES {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        live(
            dir.path(),
            by_position,
            1 + usize::try_from(random % 12).unwrap(),
        );
        if !by_position {
            let next = next_number(&dir.path().join("acknowledged"));
            *sent_again.entry(next).or_default() += 1;
        }
    }
    let text = fs::read_to_string(dir.path().join("batches")).unwrap();
    // A batch that was not done is run again and says the same: its lines are there twice.
    let mut batches: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.lines() {
        let numbers: Vec<u64> = line
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let [time, number, times] = numbers[..] else {
            panic!("{line:?} is no line of a batch");
        };
        let at_most = 1 + sent_again.get(&number).copied().unwrap_or(0);
        assert!(times <= at_most, "{number} was counted {times} times");
        batches.entry(time).or_default().insert(number, times);
    }
    let mut batch_of: BTreeMap<u64, u64> = BTreeMap::new();
    for (time, numbers) in &batches {
        for number in numbers.keys() {
            let other = batch_of.insert(*number, *time);
            let is_right = other.is_none() || sent_again.contains_key(number);
            assert!(is_right, "{number} is in batches {other:?} and {time}");
        }
    }
    // All that came before the last number that a batch has seen is there.
    let last = *batch_of.keys().last().unwrap();
    let missing: Vec<_> = (0..last)
        .filter(|number| !batch_of.contains_key(number))
        .collect();
    assert!(missing.is_empty(), "of {last}: {missing:?}");
}
