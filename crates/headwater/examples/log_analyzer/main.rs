//! Analyses web server access logs while they are written.
//!
//! ```text
//! cargo run --release --example log_analyzer
//! ```
//!
//! Read `analysis.rs` first: it is the streaming program. The other files are the command
//! line, the log format, made-up traffic and the text of the reports.

mod access_log;
mod analysis;
mod generator;
mod options;
mod report;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use clap::Parser;
use headwater::prelude::*;
use headwater::ui::{self, logging};

use analysis::Totals;
use generator::LogServer;
use options::{Options, Source};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why the program ends.
pub(crate) enum End {
    /// As many reports as asked for were printed.
    Reports,
    /// Whoever read the reports has gone, as `head` does.
    NobodyReads,
    /// The stream failed, or was stopped by Ctrl-C or a termination signal.
    Stream(Result<(), StreamError>),
}

fn run(options: &Options) -> Result<(), AnyError> {
    let given = options
        .conf
        .iter()
        .map(|(key, value)| format!("--conf={key}={value}"));
    let (conf, _) = Conf::new().with_env().with_args(given);
    let mut conf = conf.app_name("LogAnalyzer").master(options.master.as_str());
    if options.progress {
        conf = conf.set("ui.progress", true);
    }
    logging::init(&conf)?;
    // Kept until the end: dropping it ends the traffic.
    let traffic = match &options.source {
        None => Some(LogServer::start(options.rate, options.seed)?),
        Some(_) => None,
    };
    let (ends, end) = sync_channel(4);
    let totals = Arc::new(Totals::default());
    let setup = || {
        let ssc = StreamingContext::from_conf(conf, options.interval)?;
        let lines = match (&options.source, &traffic) {
            (Some(Source::Tcp { host, port }), _) => ssc.socket_text_stream(host, *port),
            (Some(Source::Directory(path)), _) => ssc.text_file_stream(path),
            (None, server) => {
                let addr = server.as_ref().ok_or("there is no traffic")?.addr();
                ssc.socket_text_stream(&addr.ip().to_string(), addr.port())
            }
        };
        analysis::build(&lines, options, &totals, ends.clone());
        Ok::<_, AnyError>(ssc)
    };
    let ssc = match &options.checkpoint {
        Some(directory) => StreamingContext::get_or_create(directory, setup)?,
        None => setup()?,
    };
    let observed = ui::observe(&ssc)?;
    ssc.stop_on_signals()?;
    let started = Instant::now();
    ssc.start()?;
    report_the_end_of(&ssc, ends);
    wait(&ssc, &end)?;
    drop(observed);
    let summary = totals.summary(started.elapsed());
    // Nobody may be there to read it.
    let _ = writeln!(std::io::stdout(), "{summary}");
    Ok(())
}

fn report_the_end_of(ssc: &StreamingContext, ends: SyncSender<End>) {
    let ssc = ssc.clone();
    std::thread::spawn(move || {
        let _ = ends.try_send(End::Stream(ssc.await_termination()));
    });
}

fn wait(ssc: &StreamingContext, end: &Receiver<End>) -> Result<(), AnyError> {
    match end.recv()? {
        End::Stream(result) => {
            // Before the made-up traffic ends, which would look like a lost connection.
            ssc.stop(true, false)?;
            Ok(result?)
        }
        // What was received is still analysed.
        End::Reports => Ok(ssc.stop(true, true)?),
        End::NobodyReads => Ok(ssc.stop(true, false)?),
    }
}
