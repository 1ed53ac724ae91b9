//! The command line of Headwater: looks into what streams leave behind.
//!
//! `options` says what can be asked for; `checkpoint` answers. What it prints is the library's
//! own: [`headwater_streaming::checkpoint`].

mod checkpoint;
mod error;
mod options;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use options::{Arguments, Command};

/// What a command found out.
struct Answer {
    /// What is printed.
    text: String,
    /// Whether a stream would go on, and nothing would be lost.
    is_well: bool,
}

/// Something is refused or would be lost.
const NOT_WELL: u8 = 1;
/// The command could not find out.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let Command::Checkpoint(command) = Arguments::parse().command;
    let answer = match checkpoint::run(&command) {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("headwater: {error}");
            return FAILED.into();
        }
    };
    match (print(&answer.text), answer.is_well) {
        (Err(error), _) => {
            eprintln!("headwater: cannot print: {error}");
            FAILED.into()
        }
        (Ok(()), true) => ExitCode::SUCCESS,
        (Ok(()), false) => NOT_WELL.into(),
    }
}

/// Whoever reads may have seen enough before the end.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
