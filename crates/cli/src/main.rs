//! The command line of Headwater: begins programs, runs examples, looks into what streams leave
//! behind, and checks the machine that they are to run on.
//!
//! `options` says what can be asked for; each command has a file that says what it takes and
//! answers.

mod answer;
mod checkpoint;
mod completions;
mod doctor;
mod error;
mod history;
mod new;
mod options;
mod run_example;
mod workspace;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use answer::Answer;
use error::CliError;
use options::{Arguments, Command};

/// The command could not find out, or do what it was asked.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let answer = match run(&Arguments::parse().command) {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("headwater: {error}");
            return FAILED.into();
        }
    };
    match print(&answer.text) {
        Err(error) => {
            eprintln!("headwater: cannot print: {error}");
            FAILED.into()
        }
        Ok(()) => answer.status.into(),
    }
}

fn run(command: &Command) -> Result<Answer, CliError> {
    match command {
        Command::New(new) => new::run(new),
        Command::RunExample(example) => run_example::run(example),
        Command::Doctor(doctor) => doctor::run(doctor),
        Command::History(history) => history::run(history),
        Command::Checkpoint(command) => checkpoint::run(command),
        Command::Completions(completions) => Ok(completions::run(completions)),
    }
}

/// Whoever reads may have seen enough before the end.
fn print(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    let printed = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
