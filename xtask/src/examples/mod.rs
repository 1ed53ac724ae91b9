//! Runs the built examples as a user would and looks at what they print.
//!
//! Build them first: `cargo build --release --examples`.

mod blocks;
mod log_analyzer;
mod new_program;
mod process;
mod server;
mod word_counts;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;

/// How long one example may take; far above what it needs, so that only a hang reaches it.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Checks the examples of the workspace at `root` that were built below `target_directory`.
pub(crate) fn run(root: &Path, target_directory: &Path) -> Result<(), Error> {
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
    let analyzer = binary(&directory, "log_analyzer")?;
    let lines = log_analyzer::counts_on(&analyzer, &scratch)?;
    println!("example log_analyzer: started again, counted on to {lines} lines");
    log_analyzer::files(&analyzer, &scratch)?;
    println!("example log_analyzer: a new file analysed");
    new_program::passes_its_tests(root, target_directory, &scratch)?;
    println!("headwater new: a program whose tests pass");
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
