//! The process under trial: a stream with state, windows and transactional sinks.
//!
//! It tells its parent on standard output what it does, a line each, and stops gracefully at a
//! SIGTERM or at the line `stop` on standard input. At the end of standard input it ends at
//! once: its parent is gone.

mod clock;
mod graph;
mod limit;
mod progress;
mod receiver;
mod sink;

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use headwater::time::millis;
use headwater::{Conf, Context, StreamError, StreamingContext};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

use super::error::ChaosError;
use super::options::Drive;
use super::plan::Settings;
use clock::SteppedClock;
use graph::TOTALS_RENAMED;
use progress::Progress;

pub(crate) use graph::{
    BATCH_MS, COUNTED, FILES, INVERSE, PLAIN, PLAIN_SLIDE_MS, PLAIN_WINDOW_MS, RECORDS, TOTALS,
    WINDOW_MS,
};
pub(crate) use progress::Report;

/// Where the checkpoints lie in the directory of a round.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The setting that a start can refuse, with a message that names it.
pub(crate) const RUN_LAST_AGAIN: &str = "streaming.checkpoint.run_last_again";
/// The database of the sinks.
pub(crate) const DATABASE: &str = "stored.db";

/// Why the stream ends.
enum Ending {
    Asked { gracefully: bool },
    ByItself(Result<(), StreamError>),
}

/// Runs the stream to its end.
pub(crate) fn run(drive: &Drive) -> Result<(), ChaosError> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .init();
    let ran = serde_json::from_str(&drive.settings)
        .map_err(ChaosError::from)
        .and_then(|settings| run_stream(drive, &settings));
    if let Err(error) = &ran {
        Report::Failed(error.to_string()).tell();
    }
    ran
}

fn run_stream(drive: &Drive, settings: &Settings) -> Result<(), ChaosError> {
    let (endings, ending) = sync_channel(4);
    listen_for_orders(endings.clone());
    listen_for_signals(endings.clone())?;
    let clock = Arc::new(SteppedClock::new(settings.first_offset_ms()));
    let checkpoint = drive.directory.join(CHECKPOINT);
    let ssc = StreamingContext::get_or_create(&checkpoint.to_string_lossy(), || {
        let ctx = Context::new(conf(settings))?;
        let ssc = StreamingContext::with_clock(&ctx, millis(BATCH_MS), clock.clone())?;
        graph::build(&ssc, drive, settings)?;
        Ok::<_, ChaosError>(ssc)
    })?;
    ssc.add_listener(Progress::new(clock, settings, &checkpoint));
    ssc.start()?;
    Report::Started.tell();
    await_end_of(&ssc, endings);
    // The sender that waits for the stream's end stays.
    match ending.recv() {
        Ok(Ending::Asked { gracefully }) => Ok(ssc.stop(true, gracefully)?),
        Ok(Ending::ByItself(result)) => {
            let stopped = ssc.stop(true, false);
            Ok(result.and(stopped)?)
        }
        Err(_) => Ok(ssc.stop(true, false)?),
    }
}

fn conf(settings: &Settings) -> Conf {
    Conf::new()
        .app_name("chaos")
        .master(format!("local[{}]", settings.slots))
        .set("streaming.output.attempts", "3")
        .set("streaming.receiver.restart_delay", "8ms")
        .set(
            "streaming.checkpoint.interval",
            format!("{}ms", settings.checkpoint_interval_ms),
        )
        .set(
            "streaming.checkpoint.allow",
            format!("rename:{TOTALS}={TOTALS_RENAMED},rename:{TOTALS_RENAMED}={TOTALS}"),
        )
        .set(RUN_LAST_AGAIN, settings.run_last_again.to_string())
}

fn listen_for_orders(endings: SyncSender<Ending>) {
    thread::spawn(move || {
        let mut lines = std::io::stdin().lock().lines();
        let gracefully = matches!(lines.next(), Some(Ok(line)) if line == "stop");
        // A stream that ends already needs no other reason.
        let _ = endings.try_send(Ending::Asked { gracefully });
        if gracefully && lines.next().is_none() {
            let _ = endings.try_send(Ending::Asked { gracefully: false });
        }
    });
}

fn listen_for_signals(endings: SyncSender<Ending>) -> Result<(), ChaosError> {
    let mut signals = Signals::new([SIGTERM]).map_err(ChaosError::system("await signals"))?;
    thread::spawn(move || {
        for _ in &mut signals {
            let _ = endings.try_send(Ending::Asked { gracefully: true });
        }
    });
    Ok(())
}

fn await_end_of(ssc: &StreamingContext, endings: SyncSender<Ending>) {
    let ssc = ssc.clone();
    thread::spawn(move || {
        let _ = endings.try_send(Ending::ByItself(ssc.await_termination()));
    });
}

/// The size of the largest file of a directory, which need not be there.
fn largest_file(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = files
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len());
    sizes.max().unwrap_or(0)
}
