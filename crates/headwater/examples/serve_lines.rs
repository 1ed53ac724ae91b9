//! Serves the lines of a file to one stream, and sends again what was not acknowledged: the
//! source for `recoverable_network_word_count --acknowledged`, which says how to try it.
//!
//! It ends when the stream has all lines in its checkpoint directory. Started again with the
//! same file it goes on where the stream is.

mod program;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::ExitCode;

use headwater::testing::LineServer;
use program::Failure;

const USAGE: &str = "serve_lines PORT FILE\n\
                     for example: serve_lines 9999 README.md";

fn main() -> ExitCode {
    program::run("ServeLines", USAGE, |_, arguments| run(arguments))
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let [port, path] = program::expect(arguments)?;
    let port = program::port(port)?;
    let file = File::open(path).map_err(|error| Failure::usage(format!("{path}: {error}")))?;
    let server = LineServer::start_at(port)?;
    let mut out = std::io::stdout();
    writeln!(out, "serving on port {}", server.port())?;
    let mut count = 0;
    for line in BufReader::new(file).lines() {
        server.extend([line?]);
        count += 1;
    }
    server.wait_until_safe(count);
    writeln!(out, "all {count} lines are safe")?;
    Ok(())
}
