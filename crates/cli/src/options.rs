//! What can be asked for.

use clap::{Args, Parser, Subcommand};
use headwater_streaming::conf::Allowed;
use headwater_streaming::time::Time;

use crate::completions::Completions;
use crate::doctor::Doctor;
use crate::history::History;
use crate::new::New;
use crate::run_example::RunExample;

const EXAMPLES: &str = "\
Examples:
  headwater new wordcount && cd wordcount && cargo test
      begin a program that has tests, and run them
  headwater run-example
      list the examples of a source tree
  headwater run-example log_analyzer --rate 5000
      run one of them
  headwater doctor --checkpoint /var/lib/wordcount
      look whether this machine is fit for a stream that keeps its checkpoints there
  headwater history /var/log/streams
      show the programs whose event logs are there, at http://127.0.0.1:18080
  headwater checkpoint inspect /var/lib/wordcount
      tell what a stream has left behind, and what a restart would do

It exits with 0 if all is well, with 1 if something is not (a stream would be refused or would lose
something, the machine is not fit), and with 2 if that could not be found out or done. run-example
exits as the example does.";

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "headwater",
    version,
    about = "Begins, checks and looks into programs that process streams with Headwater",
    after_help = EXAMPLES
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order in which a program's life needs them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a program that counts words, with tests, to go on from
    New(New),
    /// Run an example of Headwater's source tree, or list them
    RunExample(RunExample),
    /// Check whether this machine is fit for streams, and say what to change
    Doctor(Doctor),
    /// Show programs that have ended, or still run, from their event logs
    History(History),
    /// Look into a checkpoint directory; nothing in it is changed, and its stream may run
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Write the script with which a shell completes these commands
    Completions(Completions),
}

/// The commands about checkpoints.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointCommand {
    /// Tell what a checkpoint holds, what is wrong with it, and what a restart would do
    Inspect(Inspect),
    /// Tell what another program would take from a checkpoint, and what would be lost
    Diff(Diff),
}

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The checkpoint directory: a path, or the URL of an object store
    #[arg(value_name = "URL")]
    pub(crate) directory: String,
    #[command(flatten)]
    pub(crate) how: How,
}

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The checkpoint directory: a path, or the URL of an object store
    #[arg(value_name = "URL")]
    pub(crate) directory: String,
    /// The other program: a file that StreamingContext::write_description wrote, or the
    /// checkpoint directory of a stream that it has run
    #[arg(value_name = "PROGRAM")]
    pub(crate) program: String,
    /// What may be lost or renamed: drop:NAME, rename:OLD=NEW, with commas between; as
    /// streaming.checkpoint.allow
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) allow: Allowed,
    #[command(flatten)]
    pub(crate) how: How,
}

/// How to look, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Answer in JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Count missed batches up to this time, in milliseconds since 1970, and not up to now
    #[arg(long, value_name = "MILLIS", value_parser = millis, allow_negative_numbers = true)]
    pub(crate) now: Option<Time>,
}

fn millis(text: &str) -> Result<Time, String> {
    let millis = text.parse().map(Time::from_millis);
    millis.map_err(|_| "expected a whole number of milliseconds".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_allowed_is_checked() {
        let parse = |allow| {
            let arguments = [
                "headwater",
                "checkpoint",
                "diff",
                "a",
                "b",
                "--allow",
                allow,
            ];
            Arguments::try_parse_from(arguments).map_err(|error| error.to_string())
        };
        assert!(parse("drop:a,rename:b=c").is_ok());
        assert!(parse("all").unwrap_err().contains("none of drop:NAME"));
    }
}
