//! The stream that the tests look at: every kind of input and of operator, one batch that fails,
//! and a hostile text wherever a program can have one.

use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};

use headwater_core::{Conf, Context, Rdd};
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{Queue, Receiver, ReceiverContext, StreamingContext};
use headwater_ui::WebUi;
use tempfile::TempDir;

/// What would run a script if a page took it as markup.
pub(crate) const HOSTILE: &str = "<img src=x onerror=\"window.hacked=1\">";

/// When the stream begins; its batches are a second long.
const START_MS: u64 = 1_772_452_800_000;

/// The batch of which an output fails, counted from 1.
const FAILING: u64 = 3;

/// What the outputs of the program return.
type Outcome = Result<(), String>;

/// A program whose stream runs as far as the test lets it, and its pages.
pub(crate) struct Program {
    // Dropped first, as it listens to the stream.
    ui: Option<WebUi>,
    test: TestStream,
    words: Queue<String>,
    batches: u64,
    /// Keeps what is cached.
    _cached: Rdd<u64>,
    _files: TempDir,
}

impl Program {
    /// Builds the stream and shows it. Nothing has run yet.
    pub(crate) fn new() -> Program {
        Program::keeping(1000)
    }

    /// One whose pages show so many completed batches.
    pub(crate) fn keeping(batches: usize) -> Program {
        let conf = Conf::new()
            .set("ui.retained_batches", batches)
            .master("local[2]")
            .app_name(format!("shop {HOSTILE}"))
            .set("streaming.on_failure", "continue");
        let ctx = Context::new(conf).unwrap();
        let clock = ManualClock::at(Time::from_millis(START_MS as i64));
        let test = TestStream::with_clock(&ctx, seconds(1), clock).unwrap();
        let ui = WebUi::builder(test.context()).port(0).serve().unwrap();
        let (words, files) = build(&test);
        let cached = ctx.range(0..100, 1, 2).map(|n| n as u64);
        let cached = cached.named(format!("prices {HOSTILE}")).cache();
        cached.count().unwrap();
        Program {
            ui,
            test,
            words,
            batches: 0,
            _cached: cached,
            _files: files,
        }
    }

    /// Runs so many batches, no two next to each other of the same size.
    pub(crate) fn run(&mut self, batches: u64) {
        for _ in 0..batches {
            self.batches += 1;
            let number = self.batches;
            let records = (0..number * 7 % 11 + 1).map(|record| format!("word {}", record % 5));
            self.words.push_records(records.collect(), 2);
            self.test.run(1);
        }
    }

    /// The address of a page.
    pub(crate) fn address(&self, path: &str) -> String {
        let ui = self.ui.as_ref().unwrap();
        format!("{}{path}", ui.url().trim_end_matches('/'))
    }

    /// The address of the page of the first batch, which reads a file.
    pub(crate) fn first_batch(&self) -> String {
        let time = START_MS + 1000;
        self.address(&format!("/streaming/batch/?id={time}"))
    }

    /// The address of the page of the batch that fails.
    pub(crate) fn failed_batch(&self) -> String {
        let time = START_MS + FAILING * 1000;
        self.address(&format!("/streaming/batch/?id={time}"))
    }

    /// Ends the server of the pages; the stream goes on.
    pub(crate) fn hide(&mut self) {
        self.ui = None;
    }

    /// Starts a server of the pages at the port of one that has ended.
    pub(crate) fn show_at(&mut self, port: u16) {
        let ui = WebUi::builder(self.context()).port(port).serve().unwrap();
        self.ui = ui;
    }

    fn context(&self) -> &StreamingContext {
        self.test.context()
    }
}

/// A receiver that can tell only that it receives nothing.
struct Complains;

impl Receiver<String> for Complains {
    fn on_start(&self, ctx: &ReceiverContext<String>) -> Result<(), String> {
        ctx.report_error(&format!("lost {HOSTILE}"), None);
        Ok(())
    }

    fn on_stop(&self) {}

    fn name(&self) -> String {
        format!("Complains {HOSTILE}")
    }
}

/// The streams: their queue, and the directory that one of them watches.
fn build(test: &TestStream) -> (Queue<String>, TempDir) {
    let (queue, words) = test.input_queue::<String>();
    let words = words.named(format!("words {HOSTILE}"));
    let counts = words
        .map(|word| (word, 1))
        .update_state_by_key(|new: Vec<u64>, sum| Some(new.iter().sum::<u64>() + sum.unwrap_or(0)));
    counts.foreach_rdd(|rdd, _| rdd.count().map(drop));

    let files = tempfile::tempdir().unwrap();
    let file = files.path().join(format!("{HOSTILE}.txt"));
    fs::write(&file, "a line\n").unwrap();
    let written = UNIX_EPOCH + Duration::from_millis(START_MS + 500);
    File::options()
        .append(true)
        .open(file)
        .and_then(|file| file.set_modified(written))
        .unwrap();
    let lines = test.context();
    let lines = lines.text_file_stream(files.path().to_str().unwrap());
    lines.foreach_rdd(|rdd, _| rdd.count().map(drop));

    let received = test.context().receiver_stream(Complains);
    received.foreach_rdd(|rdd, _| rdd.count().map(drop));

    words.foreach_rdd(|rdd, time| -> Outcome {
        rdd.count().map_err(|error| error.to_string())?;
        match time == Time::from_millis((START_MS + FAILING * 1000) as i64) {
            true => Err(format!(
                "the shelf {HOSTILE} is broken\nand so are its cups"
            )),
            false => Ok(()),
        }
    });
    (queue, files)
}
