//! Processes that are killed while they write.

use std::fmt::Debug;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use headwater_core::{PartitionIter, Record};
use parking_lot::Mutex;

use super::place::{SinkPlace, Stage};
use super::streams::may_have_run;
use crate::dstream::{BatchId, BatchRun};
use crate::sink::{Begun, TransactionalSink};
use crate::testing::TestStream;
use crate::time::seconds;

/// Tells a process that it is one of those that are killed: in how many partitions it cuts
/// its batches, and where it writes.
const PARTITIONS: &str = "HEADWATER_SINK_PARTITIONS";
const PLACE: &str = "HEADWATER_SINK_PLACE";

/// What a process says at each step, so that it can be killed there.
const STEP: &str = "sink step";

const COMMITS: &str = "commits";

const KILLS: usize = 24;
const BATCHES: u64 = 30;
const RECORDS: u64 = 300;

/// Runs a stream into a sink in a process that is killed at many points, and again in
/// another process with other partitions, until all batches are done; then every row must
/// be there exactly once.
///
/// The processes are this test binary, run again with the test's own full name, where this
/// function notices that it is to write. Each begins with the first batch, and knows no more
/// of earlier runs than that there may have been some. `place` is the same text in all of them.
///
/// ```no_run
/// use headwater_streaming::TransactionalSink;
/// use headwater_streaming::testing::sink::{SinkPlace, survives_kills};
/// # fn open(path: &str) -> std::sync::Arc<dyn TransactionalSink<u64>> { unimplemented!() }
/// # fn rows(path: &str) -> Vec<u64> { unimplemented!() }
/// // #[test]
/// fn every_row_is_there_once() {
///     survives_kills("every_row_is_there_once", "/tmp/rows", |number| number, |path| {
///         let (path, file) = (path.to_string(), path.to_string());
///         SinkPlace::new(move || open(&path), move || rows(&file))
///     });
/// }
/// ```
///
/// # Panics
/// When rows are missing or double, or a process ends by itself with an error.
pub fn survives_kills<T: Record + Ord + Debug>(
    test: &str,
    place: &str,
    record: impl Fn(u64) -> T,
    at: impl Fn(&str) -> SinkPlace<T>,
) {
    let told = |name| std::env::var(name).ok();
    if let (Some(partitions), Some(place)) = (told(PARTITIONS), told(PLACE)) {
        write(partitions.parse().unwrap_or(1), &record, &at(&place));
        return;
    }
    for round in 0..KILLS {
        let mut writer = Writer::spawn(test, place, round % 4 + 1);
        if round % 2 == 0 {
            // At any step of a batch.
            writer.go_to("", round % 9 + 1);
        } else {
            // While it commits; how far it comes is chance, with more time in each round.
            writer.go_to(COMMITS, round % 3 + 1);
            writer.go_on();
            (0..round * 1500).for_each(|_| std::hint::spin_loop());
        }
        writer.kill();
    }
    let mut last = Writer::spawn(test, place, 3);
    let steps = std::iter::from_fn(|| last.step().map(|_| last.go_on())).count();
    assert!(
        steps > 0,
        "the process that writes has said nothing: {test} is not its test"
    );
    last.end();
    let place = at(place);
    Stage::new("kills", &record, &place).expect_rows(0..BATCHES * RECORDS);
}

/// The process that is killed.
struct Writer {
    child: Child,
    said: Option<BufReader<ChildStdout>>,
}

impl Writer {
    #[expect(clippy::panic, reason = "a test that cannot run has failed")]
    fn spawn(test: &str, place: &str, partitions: usize) -> Writer {
        let spawned = std::env::current_exe().and_then(|program| {
            Command::new(program)
                .args(["--exact", "--nocapture", test])
                .env(PLACE, place)
                .env(PARTITIONS, partitions.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        });
        match spawned {
            Ok(mut child) => Writer {
                said: child.stdout.take().map(BufReader::new),
                child,
            },
            Err(error) => panic!("cannot run the test binary again: {error}"),
        }
    }

    /// Waits until it is at its next step; nothing if it has ended.
    fn step(&mut self) -> Option<String> {
        let lines = self.said.as_mut().into_iter().flat_map(BufRead::lines);
        lines.map_while(Result::ok).find(|line| line.contains(STEP))
    }

    /// Lets it go on until it has come to so many steps of a kind, or to its end.
    fn go_to(&mut self, kind: &str, count: usize) {
        let mut left = count;
        while let Some(step) = self.step() {
            left -= usize::from(step.contains(kind));
            if left == 0 {
                return;
            }
            self.go_on();
        }
    }

    /// Lets it go on from its step.
    fn go_on(&mut self) {
        // One that has ended does not hear it.
        let _ = self.child.stdin.as_mut().map(|to| to.write_all(b"\n"));
    }

    fn kill(mut self) {
        // It may have come to its end by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn end(mut self) {
        let ended = self.child.wait();
        let is_well = ended.as_ref().is_ok_and(std::process::ExitStatus::success);
        assert!(
            is_well,
            "the last process that writes has failed: {ended:?}"
        );
    }
}

/// What the process does that is killed.
fn write<T: Record + Ord + Debug>(
    partitions: usize,
    record: &dyn Fn(u64) -> T,
    place: &SinkPlace<T>,
) {
    let test = TestStream::new(seconds(1));
    may_have_run(&test);
    let numbers = |batch: u64| batch * RECORDS..(batch + 1) * RECORDS;
    let batches = (0..BATCHES).map(|batch| numbers(batch).map(record).collect());
    let stream = test.input_partitioned(batches.collect(), partitions);
    stream.write_to(Talking(place.open()));
    test.run(usize::try_from(BATCHES).unwrap_or(0));
}

/// A sink that says what it does, and waits to be told to go on.
struct Talking<T>(Arc<dyn TransactionalSink<T>>);

/// One step at a time.
static TURN: Mutex<()> = Mutex::new(());

impl<T> Talking<T> {
    fn say(&self, what: &str) {
        let _turn = TURN.lock();
        let mut out = std::io::stdout().lock();
        // Without the process that listens there is nothing to wait for.
        let said = writeln!(out, "{STEP}: {what}").and_then(|()| out.flush());
        let _ = said.and_then(|()| std::io::stdin().read_line(&mut String::new()));
    }
}

impl<T: 'static> TransactionalSink<T> for Talking<T> {
    fn recover(&self) -> Result<(), String> {
        self.say("starts");
        self.0.recover()
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        let begun = self.0.begin(run)?;
        if begun == Begun::Open {
            self.say("has begun");
        }
        Ok(begun)
    }

    fn write(&self, id: BatchId, partition: usize, of: PartitionIter<T>) -> Result<(), String> {
        self.say("writes");
        self.0.write(id, partition, of)
    }

    fn commit(&self, batch: BatchId) -> Result<(), String> {
        self.say(COMMITS);
        self.0.commit(batch)?;
        self.say("has committed");
        Ok(())
    }

    fn abort(&self, batch: BatchId) -> Result<(), String> {
        self.0.abort(batch)
    }
}
