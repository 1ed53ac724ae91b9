//! Receivers that are faster than their batches: what they store stays within the bounds, in
//! memory and on disk, and comes out in its order, once.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, sync_channel};

use headwater_core::StorageLevel;
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::seconds;
use headwater_streaming::{
    DStream, Receiver, ReceiverContext, ReceiverInfo, StoredInfo, StreamError, StreamingListener,
};
use probe::{Log, context, second};
use tempfile::TempDir;

/// A block of the tests: 512 bytes.
const BLOCK: u64 = 64;

/// Hands what to store through to the test.
struct Hands {
    level: StorageLevel,
    to: mpsc::SyncSender<ReceiverContext<u64>>,
}

impl Receiver<u64> for Hands {
    fn on_start(&self, ctx: &ReceiverContext<u64>) -> Result<(), String> {
        self.to.send(ctx.clone()).map_err(|error| error.to_string())
    }

    fn on_stop(&self) {}

    fn storage_level(&self) -> StorageLevel {
        self.level
    }
}

/// What happened to the receiver.
#[derive(Clone)]
enum Told {
    Slowed(ReceiverInfo),
    Resumed(ReceiverInfo),
    Error(ReceiverInfo),
}

struct Recorder(Log<Told>);

impl StreamingListener for Recorder {
    fn on_receiver_slowed(&mut self, receiver: &ReceiverInfo) {
        self.0.push(Told::Slowed(receiver.clone()));
    }
    fn on_receiver_resumed(&mut self, receiver: &ReceiverInfo) {
        self.0.push(Told::Resumed(receiver.clone()));
    }
    fn on_receiver_error(&mut self, receiver: &ReceiverInfo) {
        self.0.push(Told::Error(receiver.clone()));
    }
}

/// A stream with one receiver, over directories of its own.
struct Stream {
    test: TestStream,
    out: Collected<u64>,
    ctx: ReceiverContext<u64>,
    told: Log<Told>,
}

/// Directories that outlive a stream.
struct Dirs {
    local: PathBuf,
    checkpoint: PathBuf,
    _all: TempDir,
}

impl Dirs {
    fn new() -> Self {
        let all = tempfile::tempdir().unwrap();
        Dirs {
            local: all.path().join("local"),
            checkpoint: all.path().join("checkpoint"),
            _all: all,
        }
    }

    /// The files of blocks.
    fn files(&self) -> Vec<PathBuf> {
        let below = |dir: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(dir).into_iter().flatten();
            entries.map(|entry| entry.unwrap().path()).collect()
        };
        let mut files: Vec<_> = below(&self.local)
            .iter()
            .flat_map(|dir| below(dir))
            .collect();
        files.sort();
        files
    }

    /// A stream that begins at a second; with a journal or without.
    fn stream(
        &self,
        begin: i64,
        is_logged: bool,
        level: StorageLevel,
        settings: &[(&str, &str)],
    ) -> Stream {
        self.stream_of(begin, is_logged, level, settings, Clone::clone)
    }

    /// As [`Dirs::stream`], with something done to what is received.
    fn stream_of(
        &self,
        begin: i64,
        is_logged: bool,
        level: StorageLevel,
        settings: &[(&str, &str)],
        build: fn(&DStream<u64>) -> DStream<u64>,
    ) -> Stream {
        let mut all = vec![
            ("streaming.receiver.memory", "1k"),
            ("streaming.receiver.spill_after", "0s"),
            ("local.dir", self.local.to_str().unwrap()),
        ];
        all.extend(settings);
        let clock = ManualClock::at(second(begin));
        let test = TestStream::with_clock(&context(&all), seconds(1), clock).unwrap();
        if is_logged {
            let directory = self.checkpoint.to_str().unwrap();
            test.context().go_on_from(directory).unwrap();
        }
        let (to, contexts) = sync_channel(10);
        let received = test.context().receiver_stream(Hands { level, to });
        let out = test.collect(&build(&received));
        let told = Log::new();
        test.context().add_listener(Recorder(told.clone()));
        test.try_run(0).unwrap();
        let ctx = contexts.recv().unwrap();
        Stream {
            test,
            out,
            ctx,
            told,
        }
    }
}

impl Stream {
    fn stored(&self) -> StoredInfo {
        self.test.context().receivers()[0].stored.clone()
    }

    fn store_blocks(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let first = number * BLOCK;
            self.ctx.store_many(first..first + BLOCK).unwrap();
            let stored = self.stored();
            assert!(stored.memory_bytes <= stored.memory_bytes_max, "{stored:?}");
            assert!(stored.disk_bytes <= stored.disk_bytes_max, "{stored:?}");
        }
    }

    fn assert_came(&self, blocks: u64) {
        assert_eq!(
            self.out.batches().concat(),
            (0..blocks * BLOCK).collect::<Vec<_>>()
        );
    }
}

const BOTH: StorageLevel = StorageLevel::MEMORY_AND_DISK;

#[test]
fn beyond_the_memory_the_newest_blocks_go_to_files_which_go_with_their_batch() {
    let dirs = Dirs::new();
    let stream = dirs.stream(0, false, BOTH, &[]);
    stream.store_blocks(0..10);
    let names = dirs.files();
    let blocks: Vec<_> = (1..9)
        .map(|number| format!("receiver-0-block-{number}-"))
        .collect();
    assert_eq!(names.len(), blocks.len());
    for (path, block) in names.iter().zip(&blocks) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(block), "{name}");
    }
    let stored = stream.stored();
    let bytes = names.iter().map(|path| fs::metadata(path).unwrap().len());
    assert_eq!(stored.disk_bytes, bytes.sum::<u64>());
    assert_eq!((stored.memory_bytes, stored.memory_bytes_max), (1024, 1024));
    stream.test.run(1);
    stream.assert_came(10);
    stream.store_blocks(10..20);
    stream.test.run(2);
    stream.assert_came(20);
    let stored = stream.stored();
    assert_eq!((stored.memory_bytes, stored.disk_bytes), (0, 0));
    assert!(dirs.files().is_empty());
}

#[test]
fn with_a_journal_blocks_only_leave_memory() {
    let dirs = Dirs::new();
    let stream = dirs.stream(0, true, BOTH, &[]);
    stream.store_blocks(0..50);
    // Gathered ones, too, in parts that are closed when room is needed.
    for first in (50 * BLOCK..60 * BLOCK).step_by(16) {
        stream
            .ctx
            .append(&mut (first..first + 16).collect())
            .unwrap();
        assert!(stream.stored().memory_bytes <= 1024);
    }
    assert!(stream.stored().disk_bytes > 50 * BLOCK);
    assert!(dirs.files().is_empty());
    stream.test.run(2);
    stream.assert_came(60);
    assert_eq!(stream.stored().disk_bytes, 0);
}

#[test]
fn what_is_gathered_goes_to_disk_too() {
    let dirs = Dirs::new();
    let stream = dirs.stream(0, false, BOTH, &[]);
    for number in 0..10 * BLOCK {
        stream.ctx.store(number).unwrap();
        assert!(stream.stored().memory_bytes <= 1024);
    }
    assert!(stream.stored().disk_bytes > 0);
    stream.test.run(2);
    stream.assert_came(10);
    assert!(dirs.files().is_empty());
}

#[test]
fn a_receiver_that_fills_the_disk_too_is_slowed_and_told_so_once() {
    for is_logged in [false, true] {
        let dirs = Dirs::new();
        let settings = [("streaming.receiver.disk", "2k")];
        let stream = dirs.stream(0, is_logged, BOTH, &settings);
        let ctx = stream.ctx.clone();
        let storing = std::thread::spawn(move || {
            (0..20 * BLOCK).try_for_each(|number| ctx.store_many([number]))
        });
        stream.told.wait_for(|told| told.len() == 1);
        let slowed = stream.stored();
        assert!(slowed.waits_since.is_some());
        assert_eq!(slowed.memory_bytes, 1024);
        // The last block may take more there than it took in memory: what marks a file.
        let beyond = if is_logged { 0 } else { BLOCK };
        assert!(slowed.disk_bytes <= 2048 + beyond, "{slowed:?}");
        while !storing.is_finished() {
            stream.test.run(1);
        }
        storing.join().unwrap().unwrap();
        stream.test.run(1);
        stream.assert_came(20);
        stream.test.context().context().events().flush();
        let told = stream.told.entries();
        assert!(told.len() <= 2 * stream.out.batches().len());
        for pair in told.chunks(2) {
            let [Told::Slowed(slowed), Told::Resumed(resumed)] = pair else {
                panic!("slowed, then resumed, and nothing else");
            };
            assert!(slowed.active && slowed.stored.waits_since.is_some());
            assert_eq!(slowed.name, "Hands-0");
            assert_eq!(slowed.stored.disk_bytes_max, 2048);
            assert_eq!(resumed.stored.waits_since, None);
            assert!(resumed.stored.memory_bytes < slowed.stored.memory_bytes);
        }
        assert_eq!(stream.stored().waits_since, None);
    }
}

#[test]
fn a_disk_that_takes_nothing_is_told_and_the_receiver_waits() {
    let dirs = Dirs::new();
    // A file where the directory should be.
    fs::write(&dirs.local, b"").unwrap();
    let stream = dirs.stream(0, false, BOTH, &[]);
    let ctx = stream.ctx.clone();
    let storing = std::thread::spawn(move || {
        (0..10).try_for_each(|number| ctx.store_many(number * BLOCK..(number + 1) * BLOCK))
    });
    let told = stream.told.wait_for(|told| told.len() == 2);
    let [Told::Error(failed), Told::Slowed(slowed)] = &told[..] else {
        panic!("an error, then slowed");
    };
    let error = &failed.last_error;
    assert!(error.contains("block 1 stays in memory"), "{error}");
    assert!(error.contains(dirs.local.to_str().unwrap()), "{error}");
    assert_eq!(
        (slowed.stored.memory_bytes, slowed.stored.disk_bytes),
        (1024, 0)
    );
    while !storing.is_finished() {
        stream.test.run(1);
    }
    storing.join().unwrap().unwrap();
    stream.test.run(1);
    stream.assert_came(10);
}

#[test]
fn a_backlog_of_an_earlier_process_is_read_as_it_is_needed() {
    let dirs = Dirs::new();
    let first = dirs.stream(0, true, BOTH, &[]);
    first.store_blocks(0..100);
    drop(first);
    let stream = dirs.stream(0, true, BOTH, &[]);
    let stored = stream.stored();
    assert!(stored.disk_bytes > 100 * BLOCK, "{stored:?}");
    assert_eq!(stored.memory_bytes, 0);
    stream.store_blocks(100..110);
    stream.test.run(1);
    stream.assert_came(110);
    drop(stream);
    // What was processed is not there any more.
    let stream = dirs.stream(1, true, BOTH, &[]);
    stream.test.run(1);
    assert!(stream.out.batches().concat().is_empty());
    let stored = stream.stored();
    assert_eq!((stored.memory_bytes, stored.disk_bytes), (0, 0));
}

#[test]
fn a_backlog_that_is_larger_than_the_disk_bound_goes_in_all_the_same() {
    let dirs = Dirs::new();
    let first = dirs.stream(0, true, BOTH, &[]);
    first.store_blocks(0..50);
    drop(first);
    let settings = [("streaming.receiver.disk", "1k")];
    let stream = dirs.stream(0, true, BOTH, &settings);
    assert!(stream.stored().disk_bytes > 1024);
    let ctx = stream.ctx.clone();
    let storing = std::thread::spawn(move || {
        (50..60).try_for_each(|number| ctx.store_many(number * BLOCK..(number + 1) * BLOCK))
    });
    stream.told.wait_for(|told| told.len() == 1);
    assert_eq!(stream.stored().memory_bytes, 1024);
    while !storing.is_finished() {
        stream.test.run(1);
    }
    storing.join().unwrap().unwrap();
    stream.test.run(1);
    stream.assert_came(60);
}

#[test]
fn a_window_reads_blocks_that_left_memory_again() {
    for is_logged in [false, true] {
        let dirs = Dirs::new();
        // What nobody remembers is dropped from the journal at once.
        let settings = [
            ("streaming.checkpoint.interval", "1s"),
            ("streaming.checkpoint.keep", "1"),
        ];
        let windows = |received: &DStream<u64>| received.window(seconds(3), seconds(3));
        let stream = dirs.stream_of(0, is_logged, BOTH, &settings, windows);
        for second in 0..9 {
            stream.store_blocks(4 * second..4 * second + 4);
            stream.test.run(1);
        }
        assert_eq!(stream.out.batches().len(), 3);
        stream.assert_came(36);
    }
}

#[test]
fn levels_say_where_blocks_are_kept() {
    let levels = [
        (StorageLevel::MEMORY_ONLY, (1024, 0)),
        (StorageLevel::MEMORY_ONLY_2, (1024, 0)),
        (StorageLevel::DISK_ONLY, (0, 1)),
        (StorageLevel::MEMORY_ONLY_SER, (1, 0)),
        (StorageLevel::MEMORY_AND_DISK_SER_2, (1, 0)),
    ];
    for (level, (memory, disk)) in levels {
        let dirs = Dirs::new();
        let stream = dirs.stream(0, false, level, &[]);
        stream.store_blocks(0..2);
        let stored = stream.stored();
        // Bytes of such small numbers are fewer than the numbers take.
        let is = |bytes: u64, expected: u64| match expected {
            1 => (2 * BLOCK..1024).contains(&bytes),
            _ => bytes == expected,
        };
        let fits = is(stored.memory_bytes, memory) && is(stored.disk_bytes, disk);
        assert!(fits, "{level}: {stored:?}");
        assert_eq!(stored.disk_bytes_max > 0, level.uses_disk());
        stream.test.run(2);
        stream.assert_came(2);
        assert!(dirs.files().is_empty());
    }
}

#[test]
fn bytes_in_memory_go_to_disk_as_they_are() {
    let dirs = Dirs::new();
    let stream = dirs.stream(0, false, StorageLevel::MEMORY_AND_DISK_SER, &[]);
    stream.store_blocks(0..30);
    assert!(!dirs.files().is_empty());
    stream.test.run(2);
    stream.assert_came(30);
    assert!(dirs.files().is_empty());
}

#[test]
fn files_go_when_the_stream_ends_though_no_batch_had_them() {
    let dirs = Dirs::new();
    let stream = dirs.stream(0, false, BOTH, &[]);
    stream.store_blocks(0..10);
    assert!(!dirs.files().is_empty());
    stream.test.context().stop(false, false).unwrap();
    assert!(dirs.files().is_empty());
    assert!(stream.ctx.store(1).is_err());
}

#[test]
fn a_block_that_cannot_be_read_fails_its_batch_with_its_name_and_place() {
    let dirs = Dirs::new();
    let stream = dirs.stream(0, false, BOTH, &[]);
    stream.store_blocks(0..4);
    let file = &dirs.files()[0];
    fs::write(file, b"not what was written").unwrap();
    let error = stream.test.try_run(1).unwrap_err();
    assert!(matches!(error, StreamError::Output { .. }));
    let text = error.to_string();
    assert!(
        text.contains("block 1 of what was received for batch 1000 ms"),
        "{text}"
    );
    assert!(text.contains(file.to_str().unwrap()), "{text}");
}

#[test]
fn a_level_that_keeps_nothing_is_refused() {
    let test = TestStream::new(seconds(1));
    let (to, _contexts) = sync_channel(1);
    let level = StorageLevel::NONE;
    test.collect(&test.context().receiver_stream(Hands { level, to }));
    let error = test.try_run(0).unwrap_err().to_string();
    assert!(error.contains("storage level NONE"), "{error}");
}
