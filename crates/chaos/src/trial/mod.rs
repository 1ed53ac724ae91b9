//! The trial.
//!
//! One **round** is the life of one stream, in several processes. The parent runs the `source`,
//! starts the `driver` as a child process (`process`), strikes it as the `plan` says, starts it
//! again, and at the end looks whether everything is there once (`verify`).
//!
//! Read `plan` first (what can happen), then `driver` (the stream under trial), `round` (how
//! the plan is carried out) and `verify` (what must hold).

mod error;
mod options;

mod event;
mod plan;

mod driver;
mod source;

mod home;
mod process;
mod round;
mod torn;

mod stored;
mod summary;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use error::ChaosError;
use options::{Arguments, Command, Options};
use plan::Plan;
use summary::Summary;

/// Runs what the command line asks for.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Command::Drive(drive)) => driver::run(drive).map(|()| true),
        None => run(&arguments.options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("headwater-chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the rounds; whether nothing was wrong in any of them.
fn run(options: &Options) -> Result<bool, ChaosError> {
    let mut summary = Summary::default();
    for (number, seed) in options.round_seeds().enumerate() {
        let plan = Plan::draw(seed, options.only);
        let outcome = round::run(&plan, options)?;
        if options.verbose || !outcome.is_good() {
            tell(&outcome.report(number + 1, seed));
        }
        summary.add(outcome);
    }
    tell(&summary.to_string());
    Ok(summary.is_good())
}

/// Prints, though nobody may read it any more.
fn tell(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
