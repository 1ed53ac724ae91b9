//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::plan::Fault;

const EXAMPLES: &str = "\
Examples (in the source tree: cargo run --release -p headwater-chaos -- OPTIONS):
  headwater-chaos --rounds 200 --seed 7
      200 rounds; the same seed draws the same faults
  headwater-chaos --round-seed 8123 --keep --verbose
      one round again, whose seed a report told, and its files stay
  headwater-chaos --rounds 20 --only disk-full
      kills, and full disks in every round";

/// Strikes a stream at random moments, and looks whether anything was lost or doubled.
///
/// In each round a source sends numbered records to a stream with state, windows and
/// transactional sinks. The process of the stream is killed and started again several times, and
/// more happens to it on the way. Exit code 1 says that something was wrong.
#[derive(Clone, Debug, Parser)]
#[command(name = "headwater-chaos", after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to run.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How many rounds
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) rounds: u64,

    /// From which number the seeds of the rounds are drawn
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Run the one round with this seed
    #[arg(long, value_name = "X")]
    pub(crate) round_seed: Option<u64>,

    /// Kills and this fault alone, in every life of the stream
    #[arg(long, value_name = "FAULT")]
    pub(crate) only: Option<Fault>,

    /// Keep the files of every round, not only of those with a problem
    #[arg(long)]
    pub(crate) keep: bool,

    /// Tell about every round, not only about those with a problem
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

impl Options {
    /// The seed of each round.
    pub(crate) fn round_seeds(&self) -> impl Iterator<Item = u64> {
        let mut draw = fastrand::Rng::with_seed(self.seed);
        let rounds = if self.round_seed.is_some() {
            1
        } else {
            self.rounds
        };
        let one = self.round_seed;
        // Short enough to be typed.
        (0..rounds).map(move |_| one.unwrap_or_else(|| draw.u64(..1 << 40)))
    }
}

/// What else this program does.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// The stream under trial, in a process of its own
    #[command(hide = true)]
    Drive(Drive),
}

/// What the parent tells the driver.
#[derive(Args, Clone, Debug)]
pub(crate) struct Drive {
    /// Where checkpoints, database and output files lie
    #[arg(long)]
    pub(crate) directory: PathBuf,

    /// The address of the source
    #[arg(long)]
    pub(crate) source: String,

    /// The settings of this life, as JSON
    #[arg(long)]
    pub(crate) settings: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        let arguments = [&["headwater-chaos"], arguments].concat();
        Arguments::try_parse_from(arguments).unwrap().options
    }

    #[test]
    fn a_round_can_be_run_alone() {
        let all: Vec<_> = options(&["--rounds", "5", "--seed", "9"])
            .round_seeds()
            .collect();
        assert_eq!(all.len(), 5);
        let again: Vec<_> = options(&["--rounds", "3", "--seed", "9"])
            .round_seeds()
            .collect();
        assert_eq!(again, all[..3]);
        let one = options(&["--round-seed", &all[4].to_string()]);
        assert_eq!(one.round_seeds().collect::<Vec<_>>(), all[4..]);
    }

    #[test]
    fn faults_have_names() {
        assert_eq!(
            options(&["--only", "torn-tail"]).only,
            Some(Fault::TornTail)
        );
        assert!(Arguments::try_parse_from(["headwater-chaos", "--only", "rain"]).is_err());
    }
}
