//! `headwater run-example`: the examples of the source tree.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::answer::Answer;
use crate::error::CliError;
use crate::workspace::{Example, Workspace};

const EXAMPLES: &str = "\
Examples:
  headwater run-example
  headwater run-example log_analyzer --rate 5000 --batches 10
  HEADWATER_HOME=~/src/headwater headwater run-example network_word_count localhost 9999";

/// Which example, and what it is given.
///
/// It runs `cargo run --release --example NAME -- ARGS` in the source tree around the current
/// directory, or in that of HEADWATER_HOME, and exits as the example does.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunExample {
    /// The example; without it, all are listed
    name: Option<String>,
    /// What the example is given: its own options and arguments
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<String>,
}

pub(crate) fn run(example: &RunExample) -> Result<Answer, CliError> {
    let from = std::env::current_dir().map_err(CliError::io("find", "."))?;
    let found = Workspace::find(&from)?;
    let workspace = found.ok_or(CliError::NoCheckout { from })?;
    let examples = workspace.examples()?;
    let Some(name) = &example.name else {
        return Ok(Answer::new(list(&examples)));
    };
    if !examples.iter().any(|one| one.name == *name) {
        return Err(CliError::NoExample {
            name: name.clone(),
            there_are: examples.into_iter().map(|one| one.name).collect(),
        });
    }
    let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut command = command(&cargo, &workspace, name, &example.arguments);
    let status = run_in_place(&mut command).map_err(CliError::io("run", cargo))?;
    Ok(Answer {
        text: String::new(),
        status,
    })
}

/// The directory stays the current one, so that paths among the arguments mean the same.
fn command(cargo: &Path, workspace: &Workspace, name: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--manifest-path"]);
    command.arg(workspace.library().join("Cargo.toml"));
    command.args(["--example", name, "--"]).args(arguments);
    command
}

/// Becomes the command, so that it gets the signals and says how to exit.
#[cfg(unix)]
fn run_in_place(command: &mut Command) -> io::Result<u8> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn run_in_place(command: &mut Command) -> io::Result<u8> {
    let code = command.status()?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn list(examples: &[Example]) -> String {
    let width = examples.iter().map(|one| one.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Example { name, about } in examples {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:width$}  {about}");
    }
    text.push_str("\nheadwater run-example NAME runs one; --help after the name tells its options");
    text
}
