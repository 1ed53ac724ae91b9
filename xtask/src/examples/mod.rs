//! Runs the built examples as a user would and looks at what they print.
//!
//! Build them first: `cargo build --release --examples`.

mod blocks;
mod process;
mod server;
mod word_counts;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Error;
use process::Process;

/// How long one example may take; far above what it needs, so that only a hang reaches it.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Checks the examples below `target_directory`.
pub(crate) fn run(target_directory: &Path) -> Result<(), Error> {
    let directory = target_directory.join("release/examples");
    word_counts::network(&binary(&directory, "network_word_count")?)?;
    println!("example network_word_count: two batches counted");
    word_counts::stateful(&binary(&directory, "stateful_network_word_count")?)?;
    println!("example stateful_network_word_count: counted on, ended by a signal");
    let scratch = scratch(target_directory)?;
    word_counts::files(&binary(&directory, "file_word_count")?, &scratch)?;
    println!("example file_word_count: a new file counted");
    let recoverable = binary(&directory, "recoverable_network_word_count")?;
    word_counts::recoverable(&recoverable, &scratch)?;
    println!("example recoverable_network_word_count: killed, counted on");
    word_counts::acknowledged(&recoverable, &binary(&directory, "serve_lines")?, &scratch)?;
    println!("examples serve_lines and recoverable_network_word_count: all lines acknowledged");
    let lines = log_analyzer(&binary(&directory, "log_analyzer")?, &scratch)?;
    println!("example log_analyzer: counted {lines} lines in two runs");
    Ok(())
}

/// An empty directory for what the examples read and write.
fn scratch(target_directory: &Path) -> Result<PathBuf, Error> {
    let path = target_directory.join("examples-scratch");
    let emptied = match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::create_dir_all(&path),
    };
    let failed = |error| Error::Example {
        name: "all",
        reason: format!("cannot empty {}: {error}", path.display()),
    };
    emptied.map_err(failed)?;
    Ok(path)
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

/// Runs three batches over generated log lines, twice; returns how many lines of log were
/// counted by both.
fn log_analyzer(binary: &Path, scratch: &Path) -> Result<u64, Error> {
    let checkpoint = scratch.join("log_analyzer");
    let checkpoint = checkpoint.to_string_lossy();
    let arguments = ["--rate", "2000", "--interval", "500ms", "--batches", "3"];
    let arguments = [&arguments[..], &["--checkpoint", &checkpoint]].concat();
    let mut counted = 0;
    for _ in 0..2 {
        let deadline = Instant::now() + TIME_LIMIT;
        let mut process = Process::start("log_analyzer", binary, &arguments)?;
        let mut averages = 0;
        while let Some(line) = process.next_line(deadline)? {
            averages += usize::from(line.starts_with("Content Size Avg: "));
            let so_far = line.strip_prefix("So far: ");
            let Some((count, _)) = so_far.and_then(|rest| rest.split_once(" lines")) else {
                continue;
            };
            let count = count.parse().unwrap_or(0);
            if count < counted {
                return Err(process.failure(&format!("{counted} lines became {count}")));
            }
            counted = count;
        }
        process.finish()?;
        if averages == 0 {
            return Err(process.failure("printed no line that starts with `Content Size Avg: `"));
        }
    }
    Ok(counted)
}
