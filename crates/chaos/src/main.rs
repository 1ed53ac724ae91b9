//! A trial by killing: a stream is struck at random moments in random ways, and afterwards every
//! record must have been counted exactly once.
//!
//! `trial/mod.rs` says in which order to read it. `headwater-chaos --help` says how to run it.

use std::process::ExitCode;

#[cfg(unix)]
mod trial;

#[cfg(unix)]
fn main() -> ExitCode {
    trial::main()
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("headwater-chaos: the faults of the trial are those of Unix; it does not run here");
    ExitCode::FAILURE
}
