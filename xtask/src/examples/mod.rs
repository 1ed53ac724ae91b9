//! Runs the built examples as a user would and looks at what they print.
//!
//! Build them first: `cargo build --release --examples`.

mod blocks;
mod process;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use blocks::{Block, BlockReader};
use process::Process;

/// How long one example may take; far above what it needs, so that only a hang reaches it.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Checks both examples below `target_directory`.
pub(crate) fn run(target_directory: &Path) -> Result<(), Error> {
    let directory = target_directory.join("release/examples");
    word_count(&binary(&directory, "network_word_count")?)?;
    println!("example network_word_count: two batches counted");
    let lines = log_analyzer(&binary(&directory, "log_analyzer")?)?;
    println!("example log_analyzer: ended by itself after {lines} lines");
    Ok(())
}

fn binary(directory: &Path, name: &'static str) -> Result<PathBuf, Error> {
    let path = directory
        .join(name)
        .with_extension(std::env::consts::EXE_EXTENSION);
    if path.is_file() {
        return Ok(path);
    }
    let reason = format!(
        "{} is missing; run `cargo build --release --examples` first",
        path.display()
    );
    Err(Error::Example { name, reason })
}

/// Serves lines on a local port and reads the counts of two batches.
fn word_count(binary: &Path) -> Result<(), Error> {
    let name = "network_word_count";
    let failed = |reason: String| Error::Example { name, reason };
    let deadline = Instant::now() + TIME_LIMIT;
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| failed(error.to_string()))?;
    let port = listener
        .local_addr()
        .map_err(|error| failed(error.to_string()))?
        .port();
    let mut process = Process::start(name, binary, &["127.0.0.1", &port.to_string()])?;
    let mut client = accept(listener, deadline).map_err(failed)?;

    let mut reader = BlockReader::default();
    let cases: [(&str, &[&str]); 2] = [
        ("hello world hello\n", &["(hello,2)", "(world,1)"]),
        ("again\n", &["(again,1)"]),
    ];
    let mut last_time_ms = 0;
    for (text, expected) in cases {
        // One record is never split between batches, so each case is a single line.
        client
            .write_all(text.as_bytes())
            .map_err(|error| failed(error.to_string()))?;
        let block = next_counts(&mut process, &mut reader, deadline)?;
        if block.time_ms <= last_time_ms || block.time_ms % 1000 != 0 {
            let reason = format!("batch at {} ms follows {last_time_ms} ms", block.time_ms);
            return Err(failed(reason));
        }
        last_time_ms = block.time_ms;
        let mut counts = block.lines;
        counts.sort();
        if counts != expected {
            return Err(failed(format!(
                "sent {text:?}, expected {expected:?}, got {counts:?}"
            )));
        }
    }
    Ok(())
}

/// Waits for the example to connect.
fn accept(listener: TcpListener, deadline: Instant) -> Result<TcpStream, String> {
    let (sender, receiver) = sync_channel(1);
    // The thread outlives a missed deadline, but then so does nothing else.
    thread::spawn(move || sender.send(listener.accept()));
    let limit = deadline.saturating_duration_since(Instant::now());
    match receiver.recv_timeout(limit) {
        Ok(Ok((client, _))) => Ok(client),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("did not connect within {TIME_LIMIT:?}")),
    }
}

/// The next batch that counted anything; batches without input print an empty block.
fn next_counts(
    process: &mut Process,
    reader: &mut BlockReader,
    deadline: Instant,
) -> Result<Block, Error> {
    while let Some(line) = process.next_line(deadline)? {
        match reader.push(&line) {
            Ok(Some(block)) if !block.lines.is_empty() => return Ok(block),
            Ok(_) => {}
            Err(reason) => return Err(process.failure(&reason)),
        }
    }
    Err(process.failure("ended before it printed the expected batch"))
}

/// Runs three batches over generated log lines; returns how many lines were printed.
fn log_analyzer(binary: &Path) -> Result<usize, Error> {
    let deadline = Instant::now() + TIME_LIMIT;
    let arguments = ["--rate", "2000", "--interval", "500ms", "--batches", "3"];
    let mut process = Process::start("log_analyzer", binary, &arguments)?;
    let (mut lines, mut averages) = (0, 0);
    while let Some(line) = process.next_line(deadline)? {
        lines += 1;
        averages += usize::from(line.starts_with("Content Size Avg: "));
    }
    process.finish()?;
    if averages == 0 {
        return Err(process.failure("printed no line that starts with `Content Size Avg: `"));
    }
    Ok(lines)
}
