//! The example that analyses access logs.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::TIME_LIMIT;
use super::process::Process;
use crate::error::Error;

const NAME: &str = "log_analyzer";

/// Two lines of a web server, and one that is none.
const LOG: &str = "\
10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 100
10.0.0.2 - - [10/Oct/2000:13:55:37 -0700] \"GET /b HTTP/1.0\" 404 300
no line of a log
";

/// Runs some batches over made-up traffic, twice with one checkpoint directory; returns how many
/// lines both have counted.
pub(super) fn counts_on(binary: &Path, scratch: &Path) -> Result<u64, Error> {
    let checkpoint = scratch.join(NAME);
    let checkpoint = checkpoint.to_string_lossy();
    let arguments = ["--rate", "2000", "--interval", "500ms", "--batches", "3"];
    let arguments = [&arguments[..], &["--checkpoint", &checkpoint]].concat();
    let first = life(binary, &arguments, 0)?;
    life(binary, &arguments, first)
}

/// Runs a process to its end, whose totals must begin with what was counted before it and rise
/// by its own lines; returns the last one.
fn life(binary: &Path, arguments: &[&str], before: u64) -> Result<u64, Error> {
    let deadline = Instant::now() + TIME_LIMIT;
    let mut process = Process::start(NAME, binary, arguments)?;
    let (mut total, mut own, mut has_analysed) = (before, None, false);
    while let Some(line) = process.next_line(deadline)? {
        has_analysed |= line.starts_with("Content Size Avg: ");
        if let Some(count) = number_after(&line, "So far: ") {
            if count < total {
                return Err(process.failure(&format!("{total} lines became {count}")));
            }
            total = count;
        }
        own = own.or(number_after(&line, "Lines: "));
    }
    process.finish()?;
    if !has_analysed {
        return Err(process.failure("printed no line that starts with `Content Size Avg: `"));
    }
    match own {
        Some(own) if own > 0 && total == before + own => Ok(total),
        _ => {
            let reason = format!("{before} lines and its own, {own:?}, became {total}");
            Err(process.failure(&reason))
        }
    }
}

/// The number that a line has behind its beginning.
fn number_after(line: &str, beginning: &str) -> Option<u64> {
    let word = line.strip_prefix(beginning)?.split(' ').next()?;
    word.parse().ok()
}

/// Moves a log into a directory that is analysed.
pub(super) fn files(binary: &Path, scratch: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + TIME_LIMIT;
    let failed = |error: std::io::Error| Error::Example {
        name: NAME,
        reason: error.to_string(),
    };
    let (watched, written) = (scratch.join("logs"), scratch.join("access.new"));
    fs::create_dir_all(&watched).map_err(failed)?;
    let source = format!("dir:{}", watched.to_string_lossy());
    let arguments = ["--source", &source, "--interval", "500ms"];
    let mut process = Process::start(NAME, binary, &arguments)?;
    // Files are new that come after the start: after the first batch.
    process.wait_for("No access logs in this time interval", deadline)?;
    fs::write(&written, LOG).map_err(failed)?;
    fs::rename(&written, watched.join("access.log")).map_err(failed)?;
    process.wait_for("Content Size Avg: 200, Min: 100, Max: 300", deadline)?;
    process.wait_for("Response code counts: [(200,1), (404,1)]", deadline)?;
    let so_far = format!("So far: 3 lines, 1 malformed, {} bytes", LOG.len());
    process.wait_for(&so_far, deadline)?;
    process.end(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_behind_their_words() {
        let so_far = "So far: 2989 lines, 4 malformed, 389846 bytes";
        assert_eq!(number_after(so_far, "So far: "), Some(2989));
        assert_eq!(number_after("Lines: 12", "Lines: "), Some(12));
        assert_eq!(number_after("Lines: many", "Lines: "), None);
        assert_eq!(number_after(so_far, "Lines: "), None);
    }
}
