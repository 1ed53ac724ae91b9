//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples (in the source tree: cargo run --release -p headwater-bench -- OPTIONS):
  headwater-bench
      run everything, each benchmark in a process of its own
  headwater-bench word-count --bytes 16000000 --runs 3
      one benchmark, on less text
  headwater-bench word-count batch socket --spark
      three benchmarks, beside Apache Spark Streaming (see peers/spark)
  headwater-bench generate --words 50000 --bytes 64000000 --out words.txt
      the text that the benchmarks count";

/// Measures Headwater against loops written by hand and, with --spark, against Spark.
///
/// Run it on a quiet machine with two processors: it measures wall time.
#[derive(Clone, Debug, Parser)]
#[command(name = "headwater-bench", after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    /// What to run [default: all; --list says what there is]
    pub(crate) names: Vec<String>,

    /// Print the names of the benchmarks, and what each measures
    #[arg(long)]
    pub(crate) list: bool,

    /// Print one JSON object a line instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    /// Run the same workloads on Spark, too, and compare
    #[arg(long)]
    pub(crate) spark: bool,

    /// Run for the most memory that this process holds, and print only that
    #[arg(long, hide = true)]
    pub(crate) peak: bool,

    #[command(flatten)]
    pub(crate) options: Options,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How much to do.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Size of the text that is counted
    #[arg(long, value_name = "N", default_value_t = 134_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) bytes: u64,

    /// How often each variant is run; figures are medians
    #[arg(long, value_name = "N", default_value = "5", value_parser = positive)]
    pub(crate) runs: usize,

    /// How long streams are measured, after they have warmed up
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,

    /// How many pairs are shuffled
    #[arg(long, value_name = "N", default_value = "10000000", value_parser = positive)]
    pub(crate) pairs: usize,

    /// How many batches the soak runs
    #[arg(long, value_name = "N", default_value = "100000", value_parser = positive)]
    pub(crate) batches: usize,

    /// Also hold a batch interval of 5 ms for a minute (shortest-interval)
    #[arg(long)]
    pub(crate) minute: bool,

    /// The part of a benchmark that this process is for
    #[arg(long, hide = true)]
    pub(crate) part: Option<String>,
}

impl Options {
    /// The arguments that say the same to a child process.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--bytes={}", self.bytes),
            format!("--runs={}", self.runs),
            format!("--seconds={}", self.seconds),
            format!("--pairs={}", self.pairs),
            format!("--batches={}", self.batches),
        ];
        if self.minute {
            arguments.push("--minute".to_owned());
        }
        let part = self.part.iter().map(|part| format!("--part={part}"));
        arguments.extend(part);
        arguments
    }
}

/// What is no benchmark.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the text that the benchmarks count
    Generate {
        /// How many distinct words there are
        #[arg(long, value_name = "N", default_value = "50000", value_parser = positive)]
        words: usize,
        /// How long the text is; the last line is finished
        #[arg(long, value_name = "N", default_value_t = 134_000_000)]
        bytes: u64,
        /// The file, which is overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Send the text again and again to whoever connects, until standard input ends
    #[command(hide = true)]
    Serve {
        /// How many distinct words there are
        #[arg(long, value_parser = positive)]
        words: usize,
        /// How long the text is
        #[arg(long)]
        bytes: u64,
    },
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number above zero".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, String> {
        let arguments = ["headwater-bench"].iter().chain(arguments);
        Arguments::try_parse_from(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn the_declaration_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn names_and_subcommands_are_told_apart() {
        let arguments = parse(&["word-count", "socket", "--bytes", "5", "--json"]).unwrap();
        assert_eq!(arguments.names, ["word-count", "socket"]);
        assert!(arguments.json && arguments.command.is_none());
        let arguments = parse(&["generate", "--bytes", "5", "--out", "x"]).unwrap();
        assert!(arguments.names.is_empty());
        assert!(matches!(
            arguments.command,
            Some(Command::Generate {
                words: 50_000,
                bytes: 5,
                ..
            })
        ));
    }

    #[test]
    fn children_get_the_same_options() {
        let given = [
            "--bytes=7",
            "--runs=2",
            "--seconds=3",
            "--pairs=9",
            "--batches=4",
            "--minute",
            "--part=join",
        ];
        assert_eq!(parse(&given).unwrap().options.to_arguments(), given);
        assert!(parse(&["--runs", "0"]).unwrap_err().contains("above zero"));
    }
}
