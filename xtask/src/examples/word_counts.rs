//! The examples that count words.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::TIME_LIMIT;
use super::blocks::{Block, BlockReader};
use super::process::Process;
use super::server::Server;
use crate::error::Error;

const LOOPBACK: &str = "127.0.0.1";

/// Serves lines and reads the counts of two batches.
pub(super) fn network(binary: &Path) -> Result<(), Error> {
    let name = "network_word_count";
    let deadline = Instant::now() + TIME_LIMIT;
    let server = Server::start(name)?;
    let mut process = Process::start(name, binary, &[LOOPBACK, &server.port()])?;
    let mut client = server.accept(deadline)?;

    let mut reader = BlockReader::default();
    let cases: [(&str, &[&str]); 2] = [
        ("hello world hello\n", &["(hello,2)", "(world,1)"]),
        ("again\n", &["(again,1)"]),
    ];
    let mut last_time_ms = 0;
    for (text, expected) in cases {
        // One record is never split between batches, so each case is a single line.
        client.send(text)?;
        let block = next_counts(&mut process, &mut reader, deadline)?;
        if block.time_ms <= last_time_ms || block.time_ms % 1000 != 0 {
            let reason = format!("batch at {} ms follows {last_time_ms} ms", block.time_ms);
            return Err(process.failure(&reason));
        }
        last_time_ms = block.time_ms;
        compare(&process, text, block.lines, expected)?;
    }
    Ok(())
}

/// Counts over two batches, then ends by a signal.
pub(super) fn stateful(binary: &Path) -> Result<(), Error> {
    let name = "stateful_network_word_count";
    let deadline = Instant::now() + TIME_LIMIT;
    let server = Server::start(name)?;
    let mut process = Process::start(name, binary, &[LOOPBACK, &server.port()])?;
    let mut client = server.accept(deadline)?;
    let mut reader = BlockReader::default();
    let cases: [(&str, &[&str]); 2] = [
        ("hello you\n", &["(hello,2)", "(you,1)"]),
        ("hello you\n", &["(hello,3)", "(you,2)"]),
    ];
    for (text, expected) in cases {
        client.send(text)?;
        let block = next_counts(&mut process, &mut reader, deadline)?;
        compare(&process, text, block.lines, expected)?;
    }
    process.end(deadline)
}

/// Moves a file into a directory that is watched.
pub(super) fn files(binary: &Path, scratch: &Path) -> Result<(), Error> {
    let name = "file_word_count";
    let deadline = Instant::now() + TIME_LIMIT;
    let failed = |error: std::io::Error| Error::Example {
        name,
        reason: error.to_string(),
    };
    let (watched, written) = (scratch.join("words"), scratch.join("words.new"));
    fs::create_dir_all(&watched).map_err(failed)?;
    let mut process = Process::start(name, binary, &[&watched.to_string_lossy()])?;
    let mut reader = BlockReader::default();
    // Files are new that come after the start: after the first batch.
    next_block(&mut process, &mut reader, deadline)?;
    let text = "to be or\nnot to be\n";
    fs::write(&written, text).map_err(failed)?;
    fs::rename(&written, watched.join("hamlet")).map_err(failed)?;
    let block = next_counts(&mut process, &mut reader, deadline)?;
    let expected = ["(be,2)", "(not,1)", "(or,1)", "(to,2)"];
    compare(&process, text, block.lines, &expected)?;
    process.end(deadline)
}

/// Kills the example after a batch, and starts it again.
pub(super) fn recoverable(binary: &Path, scratch: &Path) -> Result<(), Error> {
    let name = "recoverable_network_word_count";
    let deadline = Instant::now() + TIME_LIMIT;
    let server = Server::start(name)?;
    let (checkpoint, output) = (scratch.join("checkpoint"), scratch.join("counts.txt"));
    let (checkpoint, shown) = (checkpoint.to_string_lossy(), output.to_string_lossy());
    let port = server.port();
    let arguments = [LOOPBACK, &port, &checkpoint, &shown];
    for life in 1..=2 {
        let mut process = Process::start(name, binary, &arguments)?;
        server.accept(deadline)?.send("to be\n")?;
        let expected = format!("[(be, 1), (to, 1)] in all [(be, {life}), (to, {life})]");
        process.wait_for(&expected, deadline)?;
        if life == 2 {
            process.end(deadline)?;
        }
        // The first one is killed.
    }
    expect_lines(name, &output, 2)
}

/// Has the example read a server that it tells what is safe.
pub(super) fn acknowledged(binary: &Path, server: &Path, scratch: &Path) -> Result<(), Error> {
    let name = "recoverable_network_word_count";
    let deadline = Instant::now() + TIME_LIMIT;
    let text = scratch.join("lines.txt");
    fs::write(&text, "to be\nor not\n").map_err(|error| Error::Example {
        name,
        reason: error.to_string(),
    })?;
    let mut server = Process::start("serve_lines", server, &["0", &text.to_string_lossy()])?;
    let begin = "serving on port ";
    let line = server.wait_for(begin, deadline)?;
    let port = line.trim_start_matches(begin);
    let (checkpoint, output) = (
        scratch.join("acknowledged"),
        scratch.join("lines-counts.txt"),
    );
    let (checkpoint, shown) = (checkpoint.to_string_lossy(), output.to_string_lossy());
    let arguments = ["--acknowledged", LOOPBACK, port, &checkpoint, &shown];
    let mut process = Process::start(name, binary, &arguments)?;
    server.wait_for("all 2 lines are safe", deadline)?;
    server.finish()?;
    process.end(deadline)?;
    expect_lines(name, &output, 1)
}

/// The next batch, which may have counted nothing.
fn next_block(
    process: &mut Process,
    reader: &mut BlockReader,
    deadline: Instant,
) -> Result<Block, Error> {
    while let Some(line) = process.next_line(deadline)? {
        match reader.push(&line) {
            Ok(Some(block)) => return Ok(block),
            Ok(None) => {}
            Err(reason) => return Err(process.failure(&reason)),
        }
    }
    Err(process.failure("ended before it printed the expected batch"))
}

/// The next batch that counted anything; batches without input print an empty block.
fn next_counts(
    process: &mut Process,
    reader: &mut BlockReader,
    deadline: Instant,
) -> Result<Block, Error> {
    loop {
        let block = next_block(process, reader, deadline)?;
        if !block.lines.is_empty() {
            return Ok(block);
        }
    }
}

fn compare(
    process: &Process,
    text: &str,
    mut counts: Vec<String>,
    expected: &[&str],
) -> Result<(), Error> {
    counts.sort();
    if counts == expected {
        return Ok(());
    }
    let reason = format!("sent {text:?}, expected {expected:?}, got {counts:?}");
    Err(process.failure(&reason))
}

fn expect_lines(name: &'static str, path: &Path, expected: usize) -> Result<(), Error> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    let reason = match text {
        Ok(text) if text.lines().count() == expected => return Ok(()),
        Ok(text) => format!("its file should have {expected} lines:\n{text}"),
        Err(error) => error,
    };
    Err(Error::Example { name, reason })
}
