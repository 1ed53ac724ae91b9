//! Benchmarks in processes of their own, so that no one's memory and threads are another's.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::BenchError;
use crate::options::Options;
use crate::table::Row;

/// This very program, to be started again.
pub(crate) fn this_program() -> Result<PathBuf, BenchError> {
    std::env::current_exe().map_err(BenchError::io("find", "this program"))
}

/// The figures of a benchmark that a child process ran.
pub(crate) fn figures(name: &str, options: &Options) -> Result<Vec<Row>, BenchError> {
    run(name, options, &[])
}

/// The most memory that a child process held while it ran a benchmark.
pub(crate) fn peak(name: &str, options: &Options) -> Result<Vec<Row>, BenchError> {
    run(name, options, &["--peak"])
}

fn run(name: &str, options: &Options, flags: &[&str]) -> Result<Vec<Row>, BenchError> {
    let output = Command::new(this_program()?)
        .args([name, "--json"])
        .args(flags)
        .args(options.to_arguments())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(BenchError::io("start", "a child process"))?;
    let failed = |message| BenchError::Child {
        what: name.to_owned(),
        message,
    };
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| Row::from_json(line).ok_or_else(|| failed(line.to_owned())))
        .collect()
}
